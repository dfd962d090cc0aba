//! A test program that is its own subject: mapbench with strategies of its own, or the tests that start it so.

use std::process::{Command, ExitCode};

use mapbench::Entry;
use mapbench_api::{Consistency, Iteration, Operation, Progress, Reclamation, StrategyInfo, Unsupported};

/// The variable of the environment that makes the program mapbench. Its value marks all processes of a test.
pub(crate) const SUBJECT: &str = "MAPBENCH_SUBJECT";

/// What the strategies of a test program have in common: a map behind one lock, but for what the test is about.
pub(crate) const INFO: StrategyInfo = StrategyInfo {
    name: "",
    upstream: "std",
    version: "1",
    summary: "made so on purpose",
    consistency: Consistency::Linearizable,
    iteration: Iteration::BlocksWriters,
    read_progress: Progress::Blocking,
    reclamation: Reclamation::Immediate,
    configuration: "default",
    notes: "none",
    unsupported: &[],
    thread_limit: None,
};

/// An operation that the test has no use for.
pub(crate) const fn lacks(operation: Operation) -> Unsupported {
    Unsupported { operation, reason: "the test needs no more" }
}

/// A test and its name.
pub(crate) type Test = (&'static str, fn());

/// Is mapbench over `entries`, or runs those of `tests` that the command line names, as `cargo test` expects.
pub(crate) fn main(entries: &[Entry], tests: &[Test]) -> ExitCode {
    if std::env::var_os(SUBJECT).is_some() {
        return mapbench::main(entries);
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let filters: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let chosen = tests.iter().filter(|(name, _)| filters.is_empty() || filters.iter().any(|f| name.contains(*f)));
    for (name, test) in chosen {
        if arguments.iter().any(|argument| argument == "--list") {
            println!("{name}: test");
        } else {
            test();
            println!("test {name} ... ok");
        }
    }
    ExitCode::SUCCESS
}

/// This program as mapbench, its processes marked by `mark`.
pub(crate) fn mapbench(mark: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(SUBJECT, mark);
    command
}
