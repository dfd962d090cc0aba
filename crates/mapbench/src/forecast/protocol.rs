//! What `mapbench forecast` and its simulator say to each other: what to count and by which times to run it
//! afterwards, a line of JSON each, and a line that answers; then the simulator ends.

use mapbench_results::{Contention, Status};
use serde::{Deserialize, Serialize};

use crate::protocol::Open;

/// The file name of the simulator.
pub(crate) const SIMULATOR: &str = "mapbench-simulator";

/// Operations between two calls of `quiesce`, on every core; as the engine does at most.
pub(crate) const BATCH: usize = 1_024;

/// A cell to be simulated. `open.threads` is the number of virtual cores, each with a stream; `open.processors` names the
/// one real processor that all of them are to use, or none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Simulate {
    pub(crate) open: Open,
    pub(crate) turns: Turns,
    /// The seed of the schedule.
    pub(crate) seed: u64,
    /// Operations to count, once transfers are steady; fewer where an operation touches very much memory.
    pub(crate) operations: u64,
}

/// When a turn ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Turns {
    /// After every operation.
    Operations,
    /// At any access, after so many on average.
    Accesses(u32),
}

impl Turns {
    /// The name in files.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Turns::Operations => "operations",
            Turns::Accesses(_) => "accesses",
        }
    }
}

/// What the simulator answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Simulated {
    Counted(Counted),
    Failed { status: Status, message: String },
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Counted {
    /// A row a kind of operation; what says which cell it is of is left empty.
    pub(crate) kinds: Vec<Contention>,
    /// Transfers of the lines that were transferred most, in falling order.
    pub(crate) lines: Vec<u64>,
    /// Who transferred most, in falling order.
    pub(crate) places: Vec<Place>,
    /// Transfers that are missing from `lines` and `places` for want of room.
    pub(crate) lost: u64,
    /// What came of the times asked for; a simulator that only counts says nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) clocked: Option<Clocked>,
}

/// What clocks said.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Clocked {
    /// Operations a second.
    pub(crate) ops_s: f64,
    /// The share of the cores' time that transfers took, of theirs and the operations' own.
    pub(crate) transfers: f64,
}

/// A place in the program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    /// The address after the access, from where the program is loaded.
    pub(crate) address: u64,
    /// The kind of operation.
    pub(crate) kind: String,
    /// Lines that it transferred.
    pub(crate) lines: u64,
    /// Of its transfers, those of the line that it transferred most.
    pub(crate) busiest_line: u64,
    pub(crate) reads_modified: u64,
    pub(crate) invalidating_writes: u64,
    pub(crate) false_sharing: u64,
}

impl Place {
    pub(crate) const fn transfers(&self) -> u64 {
        self.reads_modified + self.invalidating_writes
    }
}
