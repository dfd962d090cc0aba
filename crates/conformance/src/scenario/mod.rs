//! What happens to programs that use a map in a certain way: not whether a strategy is right, but what comes of using it so.
//!
//! A scenario may hang if the strategy does, so run it in a process that can be ended.

mod growth;
mod orders;
mod overlap;

use mapbench_api::Strategy;
use serde::{Deserialize, Serialize};

pub use growth::Growth;
pub use orders::{Form, Orders, STATUS};
pub use overlap::{Overlap, Part};

/// What threads do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// Orders go from status to status.
    Orders(Orders),
    /// Accesses overlap, or do not.
    Overlap(Overlap),
    /// A map grows from nothing.
    Growth(Growth),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// Orders were brought forward.
    Orders {
        /// How often a worker recorded an order's next status.
        recorded: u64,
        /// How many of these records are gone.
        lost: u64,
    },
    /// Runs were made.
    Overlap {
        /// How many.
        runs: u32,
        /// In how many an overlap was detected.
        detected: u32,
        /// Operations done in all of them.
        operations: u64,
        /// Of each run with a detection, the time until then, in nanoseconds.
        after_ns: Vec<u64>,
        /// What the first detection said; empty without one.
        message: String,
    },
    /// The map grew.
    Growth {
        /// Inserts, each timed.
        inserts: u64,
        /// What one in a thousand took, or longer, in nanoseconds.
        tail_ns: u64,
        /// The longest, in nanoseconds.
        longest_ns: u64,
    },
    /// The strategy cannot do this; the reason.
    NotApplicable(String),
    /// A thread ended before its time; what it said.
    Ended(String),
}

/// Puts a strategy through a scenario.
#[must_use]
pub fn run<S: Strategy>(scenario: &Scenario) -> Finding {
    match scenario {
        Scenario::Orders(orders) => orders.run::<S>(),
        Scenario::Overlap(overlap) => overlap.run::<S>(),
        Scenario::Growth(growth) => growth.run::<S>(),
    }
}

/// Why a strategy lacks one of these operations, or may not be used by so many threads.
fn lacks<S: Strategy>(operations: &[mapbench_api::Operation], threads: usize) -> Option<String> {
    if let Some(limit) = S::INFO.thread_limit.filter(|limit| threads > limit.threads) {
        return Some(limit.reason.to_owned());
    }
    operations.iter().find_map(|operation| Some(format!("no {operation}: {}", S::INFO.lacks(*operation)?)))
}
