//! `mapbench verify`: is each strategy what it declares?
//!
//! One check of one strategy after the other, so that all cores are the check's, each in a process of its own, which may
//! hang or crash.

mod history;
mod known;
mod progress;
mod verdicts;
mod worker;

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use mapbench_conformance::verify::{Check, Setting};
use mapbench_results::{Semantics, time};

use crate::failure::Failure;
use crate::interrupt;
use crate::registry::Entry;
use progress::Progress;
use worker::Ask;

pub(crate) use history::judge;
pub(crate) use known::newest;
pub(crate) use verdicts::{Found, Verdicts, fresh_dir};
pub(crate) use worker::serve;

/// What to verify, and how.
pub(crate) struct Order {
    pub(crate) strategies: Vec<Entry>,
    pub(crate) checks: Vec<Check>,
    /// For each strategy, shared among the checks; `None`: each check takes its usual time.
    pub(crate) seconds: Option<u64>,
    pub(crate) seed: u64,
    pub(crate) threads: u32,
    /// What a worker may hold.
    pub(crate) memory_bytes: u64,
    /// How long a worker may take beyond the time it was given.
    pub(crate) patience: Duration,
}

impl Order {
    /// The time that a check of a strategy is given, in milliseconds.
    fn millis(&self, check: Check) -> u64 {
        let all: u64 = self.checks.iter().map(|check| check.usual_millis()).sum();
        self.seconds.map_or(check.usual_millis(), |seconds| (seconds * 1_000 * check.usual_millis() / all).max(1))
    }

    /// Makes the checks, or those before an interrupt.
    ///
    /// # Errors
    /// When this program cannot be started as a worker.
    pub(crate) fn run(&self) -> Result<Verdicts, Failure> {
        interrupt::heed();
        let executable =
            std::env::current_exe().map_err(|error| Failure::usage(format!("cannot find this program: {error}")))?;
        let started = SystemTime::now();
        let mut progress = Progress::new(self);
        let mut found = Vec::new();
        for entry in &self.strategies {
            for check in &self.checks {
                if interrupt::came() {
                    break;
                }
                progress.begin(entry.info.name, *check);
                found.push(self.check(&executable, entry, *check)?);
                progress.end(self.millis(*check));
            }
            progress.strategy(&found, entry.info.name);
        }
        progress.finish();
        let due = self.strategies.len() * self.checks.len();
        Ok(Verdicts { started, complete: found.len() == due, found })
    }

    fn check(&self, executable: &Path, entry: &Entry, check: Check) -> Result<Found, Failure> {
        let info = &entry.info;
        let setting = Setting { seed: self.seed, threads: self.threads as usize, millis: self.millis(check) };
        let began = Instant::now();
        let ask = Ask { executable, strategy: info.name, check, setting, memory_bytes: self.memory_bytes };
        let outcome = ask.outcome(self.patience)?;
        let declared = match check {
            Check::Iteration | Check::Reentrancy => info.iteration.name(),
            Check::Lifetimes => info.reclamation.name(),
            Check::Panics => "",
            _ => info.consistency.name(),
        };
        let row = Semantics {
            strategy: info.name.to_owned(),
            version: entry.version(),
            check: check.name().to_owned(),
            declared: declared.to_owned(),
            verdict: verdicts::recorded(outcome.verdict),
            histories: outcome.histories,
            operations: outcome.operations,
            elapsed_ms: began.elapsed().as_millis() as u64,
            threads: self.threads,
            seed: self.seed,
            finished: time::rfc3339(SystemTime::now()),
            detail: outcome.detail,
        };
        Ok(Found { again: self.again(&row), picture: outcome.picture, row })
    }

    /// The command that makes a check again.
    fn again(&self, row: &Semantics) -> String {
        let program = crate::run::command().into_iter().next().unwrap_or_else(|| "mapbench".to_owned());
        let Semantics { strategy, check, seed, threads, .. } = row;
        let seconds = self.seconds.map(|seconds| format!(" --seconds {seconds}")).unwrap_or_default();
        format!("{program} verify --strategy {strategy} --check {check} --seed {seed} --threads {threads}{seconds}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(checks: &[Check], seconds: Option<u64>) -> Order {
        Order {
            strategies: Vec::new(),
            checks: checks.to_vec(),
            seconds,
            seed: 1,
            threads: 2,
            memory_bytes: 1 << 30,
            patience: Duration::from_secs(1),
        }
    }

    #[test]
    fn the_seconds_are_shared_among_the_checks() {
        let usual = order(&Check::ALL, None);
        let all: u64 = Check::ALL.iter().map(|check| usual.millis(*check)).sum();
        assert_eq!((usual.millis(Check::Histories), all), (1_000, 3_000));
        let longer = order(&Check::ALL, Some(30));
        assert_eq!((longer.millis(Check::Histories), longer.millis(Check::Panics)), (10_000, 2_000));
        assert_eq!(order(&[Check::Counters], Some(5)).millis(Check::Counters), 5_000);
    }
}
