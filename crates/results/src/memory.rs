//! Rows of `memory.csv` and `reclamation.csv`: what a map allocates, holds and gives back, counted by the allocator.

use mapbench_workload::Percent;
use serde::{Deserialize, Serialize};

use crate::row::{Place, Planned, Row};
use crate::{ALL_OPERATIONS, Group, MEMORY, Plan, RECLAMATION, Status};

/// A row of `memory.csv`: what one kind of operation allocates, or all together, or a failure. What is about the map and
/// not about operations stands in the rows of all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// The workload's name.
    pub workload: String,
    /// The share of reads among the operations, in per cent.
    pub read_pct: Percent,
    /// Worker threads.
    pub threads: u32,
    /// The strategy's name.
    pub strategy: String,
    /// The fork, from 0.
    pub fork: u32,
    /// The kind of operation, or `all`.
    pub operation: String,
    /// What became of it. All measurements are empty unless it is `ok`.
    pub status: Status,
    /// Operations counted.
    pub operations: Option<u64>,
    /// Allocations that they made, reallocations included.
    pub allocations: Option<u64>,
    /// Bytes that they asked for; of a reallocation the new size.
    pub allocated_bytes: Option<u64>,
    /// Entries in the map before the first operation.
    pub entries: Option<u64>,
    /// Bytes of a key and a value, which every map must hold.
    pub key_value_bytes: Option<u64>,
    /// Bytes that the map held before the first operation.
    pub filled_bytes: Option<u64>,
    /// Most bytes that it held at one time, while it was filled or worked on.
    pub peak_bytes: Option<u64>,
    /// Bytes that it held when the threads stopped.
    pub stopped_bytes: Option<u64>,
    /// Bytes that it held at the end of a wait after that, in which every thread called `quiesce` now and then.
    pub settled_bytes: Option<u64>,
    /// When it first held no more than that, in nanoseconds after the stop.
    pub settle_ns: Option<u64>,
    /// Most bytes that it held beyond `filled_bytes` while the first thread stayed inside a read and the others worked; this
    /// and the next two are empty with one thread.
    pub held_bytes: Option<u64>,
    /// Operations that the others did meanwhile.
    pub held_operations: Option<u64>,
    /// The longest time meanwhile in which none of them ended one, in nanoseconds, to a fortieth of the stage.
    pub held_standstill_ns: Option<u64>,
    /// How long dropping the map took, in nanoseconds.
    pub drop_ns: Option<u64>,
    /// Bytes that were not given back after the drop and a wait.
    pub left_bytes: Option<u64>,
    /// When no more than that was left, in nanoseconds after the drop.
    pub freed_ns: Option<u64>,
    /// Resident memory of the process when the threads stopped, in bytes.
    pub rss_bytes: Option<u64>,
    /// Its largest resident memory until then, in bytes.
    pub peak_rss_bytes: Option<u64>,
    /// Why the status is not `ok`, or what a reader must know.
    pub message: String,
}

impl Memory {
    /// The row of a visit that measured nothing.
    #[must_use]
    pub fn unmeasured(group: &Group, strategy: &str, fork: u32, operation: &str, status: Status) -> Self {
        Self {
            workload: group.workload.clone(),
            read_pct: group.read_pct,
            threads: group.threads,
            strategy: strategy.to_owned(),
            fork,
            operation: operation.to_owned(),
            status,
            operations: None,
            allocations: None,
            allocated_bytes: None,
            entries: None,
            key_value_bytes: None,
            filled_bytes: None,
            peak_bytes: None,
            stopped_bytes: None,
            settled_bytes: None,
            settle_ns: None,
            held_bytes: None,
            held_operations: None,
            held_standstill_ns: None,
            drop_ns: None,
            left_bytes: None,
            freed_ns: None,
            rss_bytes: None,
            peak_rss_bytes: None,
            message: String::new(),
        }
    }

    /// Bytes that the filled map holds for each of its entries.
    #[must_use]
    pub fn bytes_per_entry(&self) -> Option<f64> {
        let entries = self.entries.filter(|entries| *entries > 0)?;
        Some(self.filled_bytes? as f64 / entries as f64)
    }
}

impl Row for Memory {
    const FILE: &'static str = MEMORY;

    fn subject(&self) -> String {
        format!("{:?}", self.place())
    }

    fn problem(&self) -> Option<String> {
        let counted = [self.operations, self.allocations, self.allocated_bytes];
        let held = [
            self.entries,
            self.key_value_bytes,
            self.filled_bytes,
            self.peak_bytes,
            self.stopped_bytes,
            self.settled_bytes,
            self.settle_ns,
            self.drop_ns,
            self.left_bytes,
            self.freed_ns,
        ];
        let inside = [self.held_bytes, self.held_operations, self.held_standstill_ns];
        let all = self.operation == ALL_OPERATIONS;
        match self.status {
            Status::Ok if counted.contains(&None) || all && held.contains(&None) => {
                Some("the status is ok but a measurement is missing".to_owned())
            }
            Status::Ok if !all && held.iter().chain(&inside).any(Option::is_some) => {
                Some("the row of one kind of operation has what is about the map".to_owned())
            }
            Status::Ok if all && self.filled_bytes > self.peak_bytes => {
                Some("`filled_bytes` is above `peak_bytes`".to_owned())
            }
            Status::Ok => None,
            _ => (counted.iter().chain(&held).chain(&inside).any(Option::is_some))
                .then(|| "the status is not ok but there are measurements".to_owned()),
        }
    }
}

impl Planned for Memory {
    fn place(&self) -> Place<'_> {
        Place {
            workload: &self.workload,
            read_pct: self.read_pct,
            threads: self.threads,
            strategy: Some(&self.strategy),
            visit: Some((self.fork, 0)),
            part: self.operation.clone(),
        }
    }

    fn visits(plan: &Plan) -> (u32, u32) {
        (plan.memory.as_ref().map_or(0, |memory| memory.forks), 1)
    }
}

/// What goes on while a curve is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// All threads work.
    Load,
    /// All threads but the first work; the first stays inside a read.
    Held,
    /// Nobody works; every thread calls `quiesce` now and then.
    Quiet,
    /// The map is dropped.
    Dropped,
}

impl Stage {
    /// As files write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Stage::Load => "load",
            Stage::Held => "held",
            Stage::Quiet => "quiet",
            Stage::Dropped => "dropped",
        }
    }
}

/// A row of `reclamation.csv`: what a map held at one time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reclamation {
    /// The workload's name.
    pub workload: String,
    /// The share of reads among the operations, in per cent.
    pub read_pct: Percent,
    /// Worker threads.
    pub threads: u32,
    /// The strategy's name.
    pub strategy: String,
    /// The fork, from 0.
    pub fork: u32,
    /// The point of the curve, from 0.
    pub point: u32,
    /// What went on.
    pub stage: Stage,
    /// When, in nanoseconds since the load began.
    pub at_ns: u64,
    /// Bytes that were allocated and not freed since before the map was built.
    pub live_bytes: u64,
    /// Operations done until then.
    pub operations: u64,
}

impl Row for Reclamation {
    const FILE: &'static str = RECLAMATION;

    fn subject(&self) -> String {
        format!("{:?}", self.place())
    }

    fn problem(&self) -> Option<String> {
        None
    }
}

impl Planned for Reclamation {
    fn place(&self) -> Place<'_> {
        Place {
            workload: &self.workload,
            read_pct: self.read_pct,
            threads: self.threads,
            strategy: Some(&self.strategy),
            visit: Some((self.fork, self.point)),
            part: String::new(),
        }
    }

    fn visits(plan: &Plan) -> (u32, u32) {
        (plan.memory.as_ref().map_or(0, |memory| memory.forks), u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::Memory;
    use crate::row::Row as _;
    use crate::{ALL_OPERATIONS, Group, Status};

    fn row(operation: &str) -> Memory {
        let group = Group { workload: "w".to_owned(), read_pct: mapbench_workload::Percent::whole(90), threads: 1 };
        Memory {
            operations: Some(1),
            allocations: Some(1),
            allocated_bytes: Some(1),
            ..Memory::unmeasured(&group, "s", 0, operation, Status::Ok)
        }
    }

    #[test]
    fn what_is_about_the_map_stands_in_the_row_of_all_and_fits_together() {
        let all = Memory {
            entries: Some(10),
            key_value_bytes: Some(16),
            filled_bytes: Some(340),
            peak_bytes: Some(400),
            stopped_bytes: Some(400),
            settled_bytes: Some(340),
            settle_ns: Some(1),
            drop_ns: Some(1),
            left_bytes: Some(0),
            freed_ns: Some(1),
            ..row(ALL_OPERATIONS)
        };
        assert_eq!((all.problem(), row("insert").problem()), (None, None));
        assert_eq!(all.bytes_per_entry(), Some(34.0));
        let problem = |row: Memory| row.problem().unwrap();
        assert!(problem(Memory { peak_bytes: Some(300), ..all.clone() }).contains("above `peak_bytes`"));
        assert!(problem(Memory { drop_ns: None, ..all.clone() }).contains("missing"));
        assert!(problem(Memory { held_bytes: Some(1), ..row("insert") }).contains("about the map"));
        assert!(problem(Memory { status: Status::TimedOut, ..all }).contains("not ok but there are measurements"));
    }
}
