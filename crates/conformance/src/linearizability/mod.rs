//! Is a recorded history linearizable: did every call take effect at one instant between its invocation and its response?
//!
//! A map is linearizable if and only if each of its keys is (Herlihy & Wing's locality), so keys are judged one by one. An
//! operation on a key changes what it holds, absence included, or only looks; what it returned says what it must have
//! found. A history in which no value is written to a key twice, nor equal to the initial one, is judged in near-linear
//! time whatever its operations are; others by a memoised search whose [`Budget`] may run out. The memory grows linearly
//! with the history.
//!
//! ```
//! use mapbench_conformance::history::{Action, Call, History};
//! use mapbench_conformance::linearizability::{Budget, Verdict, check};
//!
//! let insert = Action::Insert { value: 70, absent: true };
//! let stale = Action::Read { value: None };
//! let calls = vec![
//!     Call { thread: 0, invocation: 1, response: 2, key: 7, action: insert },
//!     Call { thread: 1, invocation: 3, response: 4, key: 7, action: stale },
//! ];
//! let report = check(&History::new([], calls).unwrap(), Budget::default());
//! assert_eq!(report.verdict(), Verdict::Violated);
//! println!("{}", report.violation.unwrap());
//! ```

mod clusters;
mod draw;
mod meter;
mod plain;
mod problem;
mod search;
mod shrink;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Duration;

use foldhash::fast::RandomState;
use serde::Serialize;

pub use meter::Budget;

use crate::history::{Call, History};
use clusters::Clusters;
use meter::Meter;
use plain::Plain;
use problem::Problem;
use search::{Config, Open, Outcome, search};
use shrink::{Failing, shrink};

/// What a history is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every key is linearizable.
    Linearizable,
    /// A key is not, whatever the others are.
    Violated,
    /// No key is known not to be, but not all are known to be.
    Undecided,
}

/// Why a key stays undecided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Undecided {
    /// The search took more than these steps for one return.
    Steps(u64),
    /// The history took more than this time.
    Time(Duration),
    /// More than 64 calls on the key overlapped.
    AtOnce,
}

impl fmt::Display for Undecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Undecided::Steps(steps) => write!(f, "the search took more than {steps} steps for one return"),
            Undecided::Time(time) => write!(f, "the history took more than {time:?}"),
            Undecided::AtOnce => write!(f, "more than 64 calls on it overlapped"),
        }
    }
}

/// What came of checking a history.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Calls in the history.
    pub calls: usize,
    /// Keys in it.
    pub keys: usize,
    /// Of these, the ones that needed a search because a value was written to them twice.
    pub searched: usize,
    /// The keys that are not linearizable, in ascending order.
    pub violated: Vec<u64>,
    /// The smallest failing sub-history of the violated key that has the fewest calls.
    pub violation: Option<Violation>,
    /// The keys that stayed undecided, in ascending order.
    pub undecided: BTreeMap<u64, Undecided>,
}

impl Report {
    /// What the history is.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if !self.violated.is_empty() {
            Verdict::Violated
        } else if self.undecided.is_empty() {
            Verdict::Linearizable
        } else {
            Verdict::Undecided
        }
    }
}

/// Calls of one key that no order explains; shown as a time-line.
///
/// It is evidence by itself: if the whole history were linearizable, so would this be.
#[derive(Clone, Debug, Serialize)]
pub struct Violation {
    /// The key.
    pub key: u64,
    /// What it held before these calls; `None`: it was absent.
    pub initial: Option<u64>,
    /// The calls, in the order of their invocations. One whose response is
    /// [`STILL_RUNNING`](crate::history::STILL_RUNNING) need not have taken effect, and its result counts only if it has.
    pub calls: Vec<Call>,
    /// Other calls of the key, which are left out.
    pub left_out: usize,
    /// Where values come from that are seen in these calls but not written by them.
    pub origins: Vec<String>,
}

/// Checks a history. Shrinking a violation may take as much time again as the budget allows.
#[must_use]
pub fn check(history: &History, budget: Budget) -> Report {
    let mut by_key: HashMap<u64, Vec<Call>, RandomState> = HashMap::default();
    for call in history.calls() {
        by_key.entry(call.key).or_default().push(*call);
    }
    let mut report = Report {
        calls: history.calls().len(),
        keys: by_key.len(),
        searched: 0,
        violated: Vec::new(),
        violation: None,
        undecided: BTreeMap::new(),
    };
    let mut meter = Meter::new(budget);
    for (key, calls) in &by_key {
        let problem = Problem::new(history.initial().get(key).copied(), calls);
        report.searched += usize::from(!problem.unique);
        match decide(&problem, &mut meter, |_, _, _| ()) {
            Outcome::Linearizable => {}
            Outcome::Fails(_) => report.violated.push(*key),
            Outcome::Undecided(reason) => {
                report.undecided.insert(*key, reason);
            }
        }
    }
    report.violated.sort_unstable();
    let fewest = report.violated.iter().min_by_key(|key| by_key[key].len());
    report.violation = fewest.map(|key| violation(*key, history.initial().get(key).copied(), &by_key[key], budget));
    report
}

fn violation(key: u64, initial: Option<u64>, calls: &[Call], budget: Budget) -> Violation {
    let failing = shrink(Failing { initial, calls: calls.to_vec() }, budget);
    Violation {
        key,
        initial: failing.initial,
        left_out: calls.len() - failing.calls.len(),
        origins: origins(&failing, initial, calls),
        calls: failing.calls,
    }
}

/// Judges the calls of one key; `watch` is shown the search.
fn decide(problem: &Problem, meter: &mut Meter, watch: impl FnMut(usize, &[Config], &Open)) -> Outcome {
    if problem.unique {
        search(problem, Clusters::new(problem), meter, watch)
    } else {
        search(problem, Plain(problem), meter, watch)
    }
}

fn origins(failing: &Failing, initial: Option<u64>, calls: &[Call]) -> Vec<String> {
    let shown = Problem::new(failing.initial, &failing.calls);
    let whole = Problem::new(initial, calls);
    let mut seen: Vec<u64> = shown.effects.iter().filter_map(|effect| shown.needs(*effect)).collect();
    seen.sort_unstable();
    seen.dedup();
    seen.retain(|value| failing.initial != Some(*value));
    seen.retain(|value| !shown.effects.iter().any(|effect| shown.writes(*effect) == Some(*value)));
    let origin = |value: u64| {
        if initial == Some(value) {
            return format!("{value} is the value that the key held at first");
        }
        match whole.effects.iter().position(|effect| whole.writes(*effect) == Some(value)) {
            None => format!("{value} was never written to this key"),
            Some(writer) => {
                let Call { thread, invocation, response, action, .. } = calls[writer];
                format!("{value} was written by thread {thread} at [{invocation}, {response}] ({action})")
            }
        }
    };
    seen.into_iter().map(origin).collect()
}
