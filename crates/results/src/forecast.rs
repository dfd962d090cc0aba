//! What `mapbench forecast` counted and what it expects: three tables in a folder of their own.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::self_test::{read, write};
use crate::{Error, Percent};

/// The file that holds the rows of [`Contention`].
pub const CONTENTION: &str = "contention.csv";
/// The file that holds the rows of [`HotSpot`].
pub const HOT_SPOTS: &str = "hot-spots.csv";
/// The file that holds the rows of [`Expected`].
pub const FORECAST: &str = "forecast.csv";

/// The kind under which all operations are counted together.
pub const ALL_KINDS: &str = "all";

/// What all operations of one kind did to cache lines, in one cell. Sums over `operations`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contention {
    /// The strategy.
    pub strategy: String,
    /// The workload.
    pub workload: String,
    /// The share of reads, in per cent.
    pub read_pct: Percent,
    /// Virtual cores, each a thread.
    pub cores: u32,
    /// When turns ended: `operations` or `accesses`.
    pub schedule: String,
    /// The kind of operation as workload files name it; `quiesce`; or [`ALL_KINDS`], where `quiesce` counts as no operation.
    pub kind: String,
    /// Operations counted.
    pub operations: u64,
    /// Whether the transfers an operation were steady before counting began.
    pub steady: bool,
    /// Accesses of memory.
    pub accesses: u64,
    /// Cache lines touched, each once an operation.
    pub lines: u64,
    /// Reads of a line that another core had modified.
    pub reads_modified: u64,
    /// Writes to a line that other cores held.
    pub invalidating_writes: u64,
    /// Of those, writes to a line that another core had written last.
    pub owner_changes: u64,
    /// Reads of a line that only others held, unmodified.
    pub reads_shared: u64,
    /// First accesses of any core to a line.
    pub cold: u64,
    /// Of the reads of modified lines and the invalidating writes, those that shared no word with the other core.
    pub false_sharing: u64,
    /// Atomic read-modify-writes.
    pub modifies: u64,
    /// Fences.
    pub fences: u64,
    /// Calls of the allocator.
    pub allocator_calls: u64,
    /// Times that a thread went to sleep.
    pub sleeps: u64,
}

impl Contention {
    /// Lines that had to come from another core, or be taken from others, an operation.
    #[must_use]
    pub fn transfers(&self) -> f64 {
        self.per_operation(self.reads_modified + self.invalidating_writes)
    }

    /// A sum, an operation; 0 where there was none.
    #[must_use]
    pub fn per_operation(&self, sum: u64) -> f64 {
        if self.operations == 0 { 0.0 } else { sum as f64 / self.operations as f64 }
    }
}

/// Transfers that one place in the source made, in one cell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HotSpot {
    /// The strategy.
    pub strategy: String,
    /// The workload.
    pub workload: String,
    /// The share of reads, in per cent.
    pub read_pct: Percent,
    /// Virtual cores.
    pub cores: u32,
    /// The kind of operation.
    pub kind: String,
    /// Operations of that kind that were counted.
    pub operations: u64,
    /// The function, as its author wrote it.
    pub function: String,
    /// The source file, from the crate's folder on.
    pub file: String,
    /// The line in it, from 1; 0 where it is not known.
    pub line: u32,
    /// The function that called it, and where: the first outside its crate.
    pub caller: String,
    /// Cache lines that it transferred.
    pub lines: u64,
    /// Of its transfers, those of the cache line that it transferred most.
    pub busiest_line: u64,
    /// Reads of lines that another core had modified.
    pub reads_modified: u64,
    /// Writes to lines that other cores held.
    pub invalidating_writes: u64,
    /// Of both, those that shared no word with the other core.
    pub false_sharing: u64,
}

impl HotSpot {
    /// All its transfers.
    #[must_use]
    pub const fn transfers(&self) -> u64 {
        self.reads_modified + self.invalidating_writes
    }
}

/// What is to be expected of one cell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// The strategy.
    pub strategy: String,
    /// The workload.
    pub workload: String,
    /// The share of reads, in per cent.
    pub read_pct: Percent,
    /// Cores.
    pub cores: u32,
    /// The time of an operation on a single thread, measured, in nanoseconds: the least of the slices.
    pub single_low_ns: f64,
    /// Their median.
    pub single_ns: f64,
    /// The most.
    pub single_high_ns: f64,
    /// Transfers an operation, counted.
    pub transfers: f64,
    /// Of those, the busiest line's.
    pub busiest_line: f64,
    /// The time of a transfer, in nanoseconds.
    pub transfer_ns: f64,
    /// Operations a second, by the slow ends of the inputs.
    pub ops_s_low: f64,
    /// Operations a second.
    pub ops_s: f64,
    /// Operations a second, by the fast ends of the inputs.
    pub ops_s_high: f64,
    /// Operations a second that the busiest line admits, which no forecast exceeds; empty where no line is transferred.
    pub bound_ops_s: Option<f64>,
}

/// All of a forecast.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForecastRun {
    /// What was counted.
    pub contention: Vec<Contention>,
    /// Where.
    pub hot_spots: Vec<HotSpot>,
    /// What is expected.
    pub expected: Vec<Expected>,
}

impl ForecastRun {
    /// Writes the three files into a directory, which is made if need be.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write(&self, dir: &Path) -> Result<(), Error> {
        std::fs::create_dir_all(dir).map_err(Error::create(dir))?;
        write(&dir.join(CONTENTION), &self.contention)?;
        write(&dir.join(HOT_SPOTS), &self.hot_spots)?;
        write(&dir.join(FORECAST), &self.expected)
    }

    /// Reads what [`write`](Self::write) wrote.
    ///
    /// # Errors
    /// When a file cannot be read or a row is not of the schema.
    pub fn read(dir: &Path) -> Result<Self, Error> {
        Ok(Self {
            contention: read(&dir.join(CONTENTION))?,
            hot_spots: read(&dir.join(HOT_SPOTS))?,
            expected: read(&dir.join(FORECAST))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_come_back_as_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let counted =
            Contention { strategy: "a".to_owned(), operations: 4, reads_modified: 5, ..Contention::default() };
        assert_eq!((counted.transfers(), Contention::default().transfers()), (1.25, 0.0));
        let run = ForecastRun {
            contention: vec![counted],
            hot_spots: vec![HotSpot { function: "f<T, \"x\">".to_owned(), line: 3, ..HotSpot::default() }],
            expected: vec![
                Expected { ops_s: 1.5e9, ..Expected::default() },
                Expected { bound_ops_s: Some(2.5e7), ..Expected::default() },
            ],
        };
        run.write(&dir.path().join("new")).unwrap();
        assert_eq!(ForecastRun::read(&dir.path().join("new")).unwrap(), run);
        std::fs::write(dir.path().join("new").join(FORECAST), "strategy,cores\r\na,x\r\n").unwrap();
        let wrong = ForecastRun::read(&dir.path().join("new")).unwrap_err().to_string();
        assert!(wrong.contains("forecast.csv, line 2: "), "{wrong}");
    }
}
