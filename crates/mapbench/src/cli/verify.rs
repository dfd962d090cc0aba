use std::path::{Path, PathBuf};
use std::time::Duration;

use mapbench_conformance::verify::{Check, Setting, THREADS};
use mapbench_results::{PROVENANCE, Run, SEMANTICS, Semantics};

use crate::failure::Failure;
use crate::registry::{Entry, Registry, nearest};
use crate::verify::{self, Order};
use crate::{output, system};

/// Where the verdicts go, and what the exit codes mean.
const MORE: &str = "\
The table goes to the terminal, and as semantics.csv, with verify.json, into a fresh directory bench-results/verify-<UTC>-<host>,
or where --out says. --into puts it beside the speeds of a finished run instead, and writes the run's report.html again.

Exit codes: 0 nothing found (`detected` is what the strategy `checked` promises), 1 violated, 2 bad usage or input,
3 undecided, 130 interrupted.

Examples: mapbench verify
          mapbench verify --strategy dashmap,papaya --seconds 60 --seed 7
          mapbench verify --into bench-results/20260101T120000Z-host
          mapbench verify --history recorded.jsonl";

#[derive(clap::Args)]
#[command(after_help = MORE)]
pub(super) struct Arguments {
    /// Strategies, separated by commas; all by default, or those of the run with --into
    #[arg(long = "strategy", value_delimiter = ',', value_name = "NAME")]
    strategies: Vec<String>,
    /// Checks, separated by commas: histories, counters, order-status, iteration, torn-values, growth, collisions,
    /// lifetimes, panics, staleness, reentrancy; all by default
    #[arg(long = "check", value_delimiter = ',', value_name = "NAME")]
    checks: Vec<String>,
    /// Seconds for each strategy, shared among its checks, for a longer hunt; about 3 by default. With --history, how long
    /// the search may take; 20 by default
    #[arg(long, value_name = "N", value_parser = super::whole(1..=86_400))]
    seconds: Option<u64>,
    /// Chooses keys and operations; which thread comes first is the machine's choice
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = super::whole(0..=u64::MAX))]
    seed: u64,
    /// Threads at work in a check, of 2 to 32; twice the processors, but from 4 to 16, by default
    #[arg(long, value_name = "N")]
    threads: Option<u32>,
    /// One JSON document on standard output, for machines
    #[arg(long)]
    json: bool,
    /// Show what every check says of every strategy
    #[arg(long)]
    long: bool,
    /// The directory of the results; a fresh one under bench-results by default
    #[arg(long, value_name = "DIR", conflicts_with = "into")]
    out: Option<PathBuf>,
    /// Put the results into this finished run
    #[arg(long, value_name = "RUN_DIR")]
    into: Option<PathBuf>,
    /// Memory that a worker may hold, in MiB; one that exceeds it is killed, and its check is undecided
    #[arg(long, default_value_t = 2048, value_name = "MIB", value_parser = super::whole(16..=1 << 24))]
    memory_mib: u64,
    /// Seconds that a check may take beyond its own time; a slower one is killed and counts as hung
    #[arg(long, default_value_t = 20, value_name = "SECONDS", value_parser = super::whole(1..=86_400))]
    patience: u64,
    /// Judge a recorded history instead: a file of JSON lines, or - for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["strategies", "checks", "seed", "threads", "long", "out", "into", "memory_mib", "patience"])]
    history: Option<PathBuf>,
}

pub(super) fn run(registry: &Registry, arguments: &Arguments) -> Result<(), Failure> {
    if let Some(file) = &arguments.history {
        return verify::judge(file, arguments.seconds, arguments.json);
    }
    let order = order(registry, arguments)?;
    let place = match &arguments.into {
        Some(run) => Place::Run(run.clone()),
        None => Place::Folder(folder(arguments.out.as_ref())?),
    };
    let verdicts = order.run()?;
    // Before it is written, so that a full disk does not swallow it; and it is written though nobody may have read this.
    let said =
        if arguments.json { output::print(verdicts.json()) } else { output::line(verdicts.text(arguments.long)) };
    let written = match &place {
        Place::Run(dir) => verdicts.put(dir)?,
        Place::Folder(dir) => verdicts.write(dir)?,
    };
    if !arguments.json {
        written.iter().try_for_each(|file| output::line(file.display()))?;
    }
    said?;
    verdicts.conclude()
}

/// Where the results go.
enum Place {
    Run(PathBuf),
    Folder(PathBuf),
}

/// The folder of the results, with an empty table in it: that nothing can be written there shows now, not at the end.
fn folder(out: Option<&PathBuf>) -> Result<PathBuf, Failure> {
    let dir = out.cloned().unwrap_or_else(verify::fresh_dir);
    if dir.join(PROVENANCE).exists() {
        return Err(Failure::usage(format!("{} holds a run: --into puts results there", dir.display())));
    }
    if dir.join(SEMANTICS).exists() {
        return Err(Failure::usage(format!("{} holds results already: choose another directory", dir.display())));
    }
    Semantics::write(&dir, &[])?;
    Ok(dir)
}

/// Whatever is wrong with the order is said before the first check.
fn order(registry: &Registry, arguments: &Arguments) -> Result<Order, Failure> {
    let checks = match arguments.checks.as_slice() {
        [] => Check::ALL.to_vec(),
        names => distinct(names).map(|name| check(name)).collect::<Result<_, _>>()?,
    };
    let threads = arguments.threads.unwrap_or_else(|| (2 * system::processors().len() as u32).clamp(4, 16));
    if !THREADS.contains(&(threads as usize)) {
        let (least, most) = (THREADS.start(), THREADS.end());
        return Err(Failure::usage(format!(
            "--threads {threads} is not in {least}..={most}: checks are of threads that meet"
        )));
    }
    let chosen: Vec<Entry> =
        distinct(&arguments.strategies).map(|name| registry.find(name).copied()).collect::<Result<_, _>>()?;
    let strategies = match (&arguments.into, chosen.is_empty()) {
        (Some(dir), _) => of_run(registry, dir, chosen)?,
        (None, true) => registry.entries().to_vec(),
        (None, false) => chosen,
    };
    Ok(Order {
        strategies,
        checks,
        seconds: arguments.seconds,
        seed: arguments.seed,
        threads,
        memory_bytes: arguments.memory_mib << 20,
        patience: Duration::from_secs(arguments.patience),
    })
}

/// The chosen strategies, or else all, of a run; they must be those that the run measured.
fn of_run(registry: &Registry, dir: &Path, chosen: Vec<Entry>) -> Result<Vec<Entry>, Failure> {
    let provenance = Run::finished_provenance(dir)?;
    let measured = &provenance.strategies;
    let strategies = if chosen.is_empty() {
        measured.iter().map(|strategy| registry.find(&strategy.name).copied()).collect::<Result<_, _>>()?
    } else {
        chosen
    };
    for entry in &strategies {
        let name = entry.info.name;
        let Some(before) = measured.iter().find(|strategy| strategy.name == name) else {
            return Err(Failure::usage(format!("{}: the run has no strategy `{name}`", dir.display())));
        };
        let version = entry.version();
        if before.version != version {
            return Err(Failure::usage(format!(
                "{}: the run measured {} {}, this program has {}: verify with the program that made the run",
                dir.display(),
                before.upstream,
                before.version,
                version
            )));
        }
    }
    Ok(strategies)
}

fn check(name: &str) -> Result<Check, Failure> {
    Check::from_name(name).ok_or_else(|| {
        let names = Check::ALL.map(Check::name);
        let near = nearest(name, names.into_iter()).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        Failure::usage(format!("unknown check `{name}`{near}; the checks are {}", names.join(", ")))
    })
}

/// Each name once, in its first place.
fn distinct(names: &[String]) -> impl Iterator<Item = &String> {
    names.iter().enumerate().filter(|(place, name)| !names[..*place].contains(name)).map(|(_, name)| name)
}

/// What an orchestrator asks of a worker.
#[derive(clap::Args)]
pub(super) struct WorkerArguments {
    strategy: String,
    check: String,
    seed: u64,
    threads: usize,
    millis: u64,
}

pub(super) fn serve(registry: &Registry, arguments: &WorkerArguments) -> Result<(), Failure> {
    let WorkerArguments { seed, threads, millis, .. } = *arguments;
    let setting = Setting { seed, threads, millis };
    verify::serve(registry.find(&arguments.strategy)?, check(&arguments.check)?, &setting)
}
