//! What a map allocates, holds and gives back, as tables show it.

use mapbench_results::{ALL_OPERATIONS, Group, Memory, Status};
use mapbench_stats::median;

use crate::format;
use crate::latency::duration;
use crate::tails::NONE;

/// What the columns of [`Counted::cells`] are about, and how many each has.
pub(crate) const ABOUT: [(&str, usize); 6] =
    [("filled", 2), ("a write", 2), ("a read", 2), ("beyond filled, KiB", 3), ("while one reads", 2), ("dropped", 2)];

/// The columns of [`Counted::cells`].
pub(crate) const COLUMNS: [&str; 13] = [
    "bytes an entry",
    "of the least",
    "allocations",
    "bytes",
    "allocations",
    "bytes",
    "peak",
    "at the stop",
    "after a rest",
    "beyond filled, KiB",
    "standstill",
    "time",
    "left, KiB",
];

/// What was counted of a cell; medians over its forks.
pub(crate) struct Counted<'a> {
    pub(crate) strategy: &'a str,
    /// The rows of all operations and of each kind.
    pub(crate) rows: Vec<&'a Memory>,
}

impl<'a> Counted<'a> {
    /// `None` if nothing was.
    pub(crate) fn of(rows: &'a [Memory], group: &Group, strategy: &'a str) -> Option<Self> {
        let rows: Vec<&Memory> = rows.iter().filter(|row| row.strategy == strategy && row.is_of(group)).collect();
        (!rows.is_empty()).then_some(Self { strategy, rows })
    }

    /// A cell for each of [`COLUMNS`]; or why there are none.
    pub(crate) fn cells(&self) -> Result<[String; COLUMNS.len()], String> {
        if let Some(failure) = self.failure() {
            return Err(format!("{}: {}", format::status(failure.status), failure.message));
        }
        let filled = self.number(|row| row.filled_bytes);
        let beyond = |field: fn(&Memory) -> Option<u64>| {
            kibibytes(self.number(field).zip(filled).map(|(bytes, filled)| (bytes - filled).max(0.0)))
        };
        let an_entry = self.all(Memory::bytes_per_entry);
        let of_least = an_entry.zip(self.number(|row| row.key_value_bytes)).map(|(bytes, least)| bytes / least);
        let time = |ns: Option<f64>| ns.map_or_else(|| NONE.to_owned(), |ns| duration(ns as u64));
        Ok([
            shown(an_entry),
            format!("{}x", shown(of_least)),
            shown(self.per_operation(false, |row| row.allocations)),
            shown(self.per_operation(false, |row| row.allocated_bytes)),
            shown(self.per_operation(true, |row| row.allocations)),
            shown(self.per_operation(true, |row| row.allocated_bytes)),
            beyond(|row| row.peak_bytes),
            beyond(|row| row.stopped_bytes),
            beyond(|row| row.settled_bytes),
            kibibytes(self.number(|row| row.held_bytes)),
            time(self.number(|row| row.held_standstill_ns)),
            time(self.number(|row| row.drop_ns)),
            kibibytes(self.number(|row| row.left_bytes)),
        ])
    }

    fn failure(&self) -> Option<&Memory> {
        let measured = self.rows.iter().any(|row| row.status == Status::Ok);
        self.rows.iter().copied().find(|row| row.status != Status::Ok && !measured)
    }

    fn all(&self, field: impl Fn(&Memory) -> Option<f64>) -> Option<f64> {
        let rows = self.rows.iter().filter(|row| row.operation == ALL_OPERATIONS);
        median(&rows.filter_map(|row| field(row)).collect::<Vec<_>>())
    }

    fn number(&self, field: fn(&Memory) -> Option<u64>) -> Option<f64> {
        self.all(|row| field(row).map(|value| value as f64))
    }

    /// Allocations, or bytes, an operation: of the reads, or of all others.
    fn per_operation(&self, reads: bool, field: fn(&Memory) -> Option<u64>) -> Option<f64> {
        let rows = self.rows.iter().filter(|row| row.operation != ALL_OPERATIONS && (row.operation == "read") == reads);
        let (operations, amount) = rows
            .filter_map(|row| Some((row.operations? as f64, field(row)? as f64)))
            .fold((0.0, 0.0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
        (operations > 0.0).then(|| amount / operations)
    }
}

/// The bytes that the filled map held for each of its entries, fork by fork.
pub(crate) fn entry_bytes_by_fork(rows: &[Memory], group: &Group, strategy: &str) -> Vec<(u32, f64)> {
    let own = rows.iter().filter(|row| row.strategy == strategy && row.is_of(group));
    own.filter_map(|row| Some((row.fork, row.bytes_per_entry()?))).collect()
}

fn shown(value: Option<f64>) -> String {
    value.map_or_else(|| NONE.to_owned(), format::significant)
}

fn kibibytes(bytes: Option<f64>) -> String {
    shown(bytes.map(|bytes| bytes / 1_024.0))
}
