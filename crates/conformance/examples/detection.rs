//! Which broken maps the checks find, and how often: the ones of this crate's tests, each always broken, and each broken in
//! one of 10 000 operations and sound in the others.
//!
//! ```text
//! cargo run --release -p mapbench-conformance --example detection [RUNS]
//! cargo run --release -p mapbench-conformance --example detection -- --soundness [RUNS]
//! ```
//!
//! Every run makes the checks one after the other, each for its usual time and with the run's seed, until one has found
//! something. With `--soundness` the maps are sound, and
//! nothing must be found.

#[path = "../tests/verify/broken.rs"]
mod broken;

use std::collections::BTreeMap;
use std::process::ExitCode;

use mapbench_conformance::verify::{Check, Setting, Verdict};

use broken::Fault;

const THREADS: usize = 4;

const SELDOM: u64 = 10_000;

const FAULTS: [(Fault, &str); 12] = [
    (Fault::UpdateIsLost, "update is get, then insert"),
    (Fault::ReadIsStale, "read from a cached snapshot"),
    (Fault::ResizeDrops, "resize drops keys"),
    (Fault::RemovedComesBack, "late writer resurrects a key"),
    (Fault::ValueIsTorn, "value written in two halves"),
    (Fault::InsertNewOverwrites, "insert_new overwrites"),
    (Fault::ExchangeAlwaysSucceeds, "compare_exchange always succeeds"),
    (Fault::IterationSkips, "iteration skips an entry"),
    (Fault::LockIsReleasedEarly, "lock released early"),
    (Fault::PublishIsForgotten, "publish forgotten under load"),
    (Fault::DeclaresTooMuch, "published, declared linearizable"),
    (Fault::Panics, "a write panics"),
];

/// In how many runs something was found, and by which check first.
struct Found {
    runs: u64,
    first: BTreeMap<Check, u64>,
}

fn hunt(fault: Fault, one_in: u64, published: bool, runs: u64) -> Found {
    let mut found = Found { runs: 0, first: BTreeMap::new() };
    for seed in 1..=runs {
        let violated = |check: &Check| {
            let setting = Setting { seed, threads: THREADS, millis: check.usual_millis() };
            broken::check(fault, one_in, published, *check, &setting).verdict == Verdict::Violated
        };
        // Reentrancy may leave threads behind, and is about what no strategy declares.
        let checks = Check::ALL.into_iter().filter(|check| *check != Check::Reentrancy);
        if let Some(check) = checks.into_iter().find(violated) {
            found.runs += 1;
            *found.first.entry(check).or_default() += 1;
        }
    }
    found
}

impl Found {
    fn checks(&self) -> String {
        let text: Vec<_> = self.first.iter().map(|(check, number)| format!("{check} {number}")).collect();
        text.join(", ")
    }
}

fn detection(runs: u64) {
    println!("| broken map | always: found | first by | 1 in {SELDOM}: found | first by |");
    println!("|---|---|---|---|---|");
    for (fault, name) in FAULTS {
        let (always, seldom) = (hunt(fault, 1, false, runs), hunt(fault, SELDOM, false, runs));
        println!(
            "| {name} | {}/{runs} | {} | {}/{runs} | {} |",
            always.runs,
            always.checks(),
            seldom.runs,
            seldom.checks()
        );
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let soundness = arguments.iter().any(|argument| argument == "--soundness");
    let runs = arguments.iter().find_map(|argument| argument.parse().ok());
    if !soundness {
        detection(runs.unwrap_or(20));
        return ExitCode::SUCCESS;
    }
    let runs = runs.unwrap_or(100);
    let mut sound = true;
    for (name, published) in [("a mutex", false), ("a published map", true)] {
        let found = hunt(Fault::None, 1, published, runs);
        println!("{name}: found in {} of {runs} runs {}", found.runs, found.checks());
        sound &= found.runs == 0;
    }
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
