//! Is a strategy what it declares? Checks with threads, each within a time that is given.
//!
//! A check ends in an [`Outcome`]. [`Verdict::Verified`] never means more than "nothing was found in so many operations":
//! how many, and how far the threads really met, stands beside it.
//!
//! A check may hang if the strategy does (a re-entrant read may deadlock; a lost lock is never given back), so run it in a
//! process that can be ended.

#[cfg(test)]
pub(crate) mod broken;
mod collisions;
mod counters;
mod growth;
mod histories;
mod iteration;
mod judge;
mod ledger;
mod lifetimes;
pub(crate) mod meet;
mod order_status;
mod panics;
mod plan;
pub(crate) mod random;
mod recorder;
mod reentrancy;
mod shift;
mod staleness;
mod torn_values;
mod trial;

use std::fmt;

use mapbench_api::Strategy;
use serde::{Deserialize, Serialize};

/// What can be checked of a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// Recorded calls are linearizable; of a published or eventual strategy, what it declares instead.
    Histories,
    /// No increment is lost.
    Counters,
    /// An order's status goes through all its states by compare and exchange, none skipped, none repeated.
    OrderStatus,
    /// An iteration shows what its [`Iteration`](mapbench_api::Iteration) promises, and `len` is possible.
    Iteration,
    /// A value of many words is never seen half written.
    TornValues,
    /// Nothing is lost while an empty map grows.
    Growth,
    /// Histories and counters again, under a hasher that returns few values.
    Collisions,
    /// Every value is dropped once.
    Lifetimes,
    /// What a panic in a closure leaves behind.
    Panics,
    /// Whether a read inside an iteration comes back.
    Reentrancy,
    /// How long a write stays unseen.
    Staleness,
}

impl Check {
    /// All checks; the one that may hang a sound strategy's process comes last.
    pub const ALL: [Check; 11] = [
        Check::Histories,
        Check::Counters,
        Check::OrderStatus,
        Check::Iteration,
        Check::TornValues,
        Check::Growth,
        Check::Collisions,
        Check::Lifetimes,
        Check::Panics,
        Check::Staleness,
        Check::Reentrancy,
    ];

    /// The name by which it is chosen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Check::Histories => "histories",
            Check::Counters => "counters",
            Check::OrderStatus => "order-status",
            Check::Iteration => "iteration",
            Check::TornValues => "torn-values",
            Check::Growth => "growth",
            Check::Collisions => "collisions",
            Check::Lifetimes => "lifetimes",
            Check::Panics => "panics",
            Check::Reentrancy => "reentrancy",
            Check::Staleness => "staleness",
        }
    }

    /// The time that it usually takes: enough to find every map of this crate's tests that is always wrong.
    #[must_use]
    pub const fn usual_millis(self) -> u64 {
        match self {
            Check::Histories => 1_000,
            _ => 200,
        }
    }

    /// The check of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|check| check.name() == name)
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// As many threads as a check has use for. With one alone nothing could go wrong between threads; and the writers of a check
/// have keys of their own, of which there must be few for readers to meet them.
pub const THREADS: std::ops::RangeInclusive<usize> = 2..=32;

/// How a check is run.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Chooses keys and operations. Which thread comes first is the machine's choice: a seed repeats the question, not
    /// always the answer.
    pub seed: u64,
    /// Threads at work, in [`THREADS`]; a strategy's thread limit may lower it.
    pub threads: usize,
    /// The time to spend.
    pub millis: u64,
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// What the strategy is, by this check.
    pub verdict: Verdict,
    /// Operations done and checked.
    pub operations: u64,
    /// Maps built and put through the check; for [`Check::Histories`] the histories judged.
    pub histories: u64,
    /// One line: how far the threads met, what was measured, or what went wrong.
    pub detail: String,
    /// The smallest violation, drawn, where the check records calls.
    pub picture: Option<String>,
}

/// What a strategy is, by a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing was found that it does not declare.
    Verified,
    /// It does not do what it declares.
    Violated,
    /// Nothing was found, but not everything could be judged.
    Undecided,
    /// It lacks the operations, or declares nothing that the check is about.
    NotApplicable,
    /// It detected the overlap and ended a thread, as it declares.
    Detected,
}

/// Runs one check of a strategy.
///
/// A strategy that panics on its own is [`Verdict::Violated`]; one that raises [`Detected`](mapbench_api::Detected) while
/// several threads are at work and one of them writes is [`Verdict::Detected`].
#[must_use]
pub fn run<S: Strategy>(check: Check, setting: &Setting) -> Outcome {
    let outcome = match check {
        Check::Histories => histories::check::<S>(setting),
        Check::Counters => counters::check::<S>(setting),
        Check::OrderStatus => order_status::check::<S>(setting),
        Check::Iteration => iteration::check::<S>(setting),
        Check::TornValues => torn_values::check::<S>(setting),
        Check::Growth => growth::check::<S>(setting),
        Check::Collisions => collisions::check::<S>(setting),
        Check::Lifetimes => lifetimes::check::<S>(setting),
        Check::Panics => panics::check::<S>(setting),
        Check::Reentrancy => reentrancy::check::<S>(setting),
        Check::Staleness => staleness::check::<S>(setting),
    };
    outcome.of_work()
}

impl Outcome {
    /// Nothing is found where nothing was done: that is no verification.
    fn of_work(self) -> Self {
        if self.verdict == Verdict::Verified && self.operations == 0 {
            let detail = format!("no operation was done in the time, --seconds gives more: {}", self.detail);
            return Self { verdict: Verdict::Undecided, detail, ..self };
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Verdict};

    #[test]
    fn nothing_done_is_nothing_verified() {
        let outcome =
            |verdict, operations| Outcome { verdict, operations, histories: 1, detail: "x".to_owned(), picture: None };
        let judged = |verdict, operations| outcome(verdict, operations).of_work().verdict;
        assert_eq!(judged(Verdict::Verified, 0), Verdict::Undecided);
        assert_eq!(judged(Verdict::Verified, 1), Verdict::Verified);
        assert_eq!(judged(Verdict::NotApplicable, 0), Verdict::NotApplicable);
        assert_eq!(judged(Verdict::Violated, 0), Verdict::Violated);
    }
}
