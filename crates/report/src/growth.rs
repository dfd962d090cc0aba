//! How the maps of a group grew, as tables show it.

use mapbench_results::{Group, Growth, Status};
use mapbench_stats::median;

use crate::latency::duration;
use crate::tails::NONE;
use crate::{Input, format};

/// The columns of [`Grown::sums`].
pub(crate) const SUMS: [&str; 5] = ["longest insert", "bytes before", "bytes after", "drop", "all of it"];

/// How the maps of a group grew, the one first that was done first.
pub(crate) struct Growing<'a> {
    /// The numbers of entries that are twice as many as those before.
    pub(crate) doublings: Vec<u64>,
    pub(crate) maps: Vec<Grown<'a>>,
}

impl<'a> Growing<'a> {
    /// `None` if no growth of the group was looked at.
    pub(crate) fn of(input: &Input<'a>, group: &Group) -> Option<Self> {
        let strategies = &input.provenance.plan.strategies;
        let mut maps: Vec<Grown> = strategies.iter().filter_map(|strategy| Grown::of(input, group, strategy)).collect();
        maps.sort_by(|a, b| a.whole_ns.unwrap_or(f64::INFINITY).total_cmp(&b.whole_ns.unwrap_or(f64::INFINITY)));
        let mut doublings: Vec<u64> =
            maps.iter().flat_map(|map| map.steps.iter().map(|(entries, _)| *entries)).collect();
        doublings.sort_unstable();
        doublings.dedup();
        (!maps.is_empty()).then_some(Self { doublings, maps })
    }

    /// The columns of [`Grown::times`]: entries.
    pub(crate) fn columns(&self) -> Vec<String> {
        self.doublings.iter().map(|entries| format::count(*entries)).collect()
    }
}

/// How a map of a group grew; medians over forks.
pub(crate) struct Grown<'a> {
    pub(crate) strategy: &'a str,
    /// Set if no fork was measured.
    failure: Option<&'a Growth>,
    /// Of any fork.
    longest_ns: Option<u64>,
    before_bytes: Option<f64>,
    after_bytes: Option<f64>,
    drop_ns: Option<f64>,
    /// Entries, and how long it took to double to them.
    steps: Vec<(u64, f64)>,
    /// From the first operation to the last.
    whole_ns: Option<f64>,
}

impl<'a> Grown<'a> {
    fn of(input: &Input<'a>, group: &Group, strategy: &'a str) -> Option<Self> {
        let own = input.beside.growth.iter().filter(|row| row.strategy == strategy && row.is_of(group));
        let (measured, failed): (Vec<&Growth>, Vec<&Growth>) = own.partition(|row| row.status == Status::Ok);
        let failure = if measured.is_empty() { Some(*failed.first()?) } else { None };
        // The first step took no time, the last is no doubling.
        let is_last = |row: &Growth| !measured.iter().any(|other| other.fork == row.fork && other.step > row.step);
        let (last, others): (Vec<&Growth>, Vec<&Growth>) = measured.iter().copied().partition(|row| is_last(row));
        let (first, doublings): (Vec<&Growth>, Vec<&Growth>) = others.into_iter().partition(|row| row.step == 0);
        let mut entries: Vec<u64> = doublings.iter().filter_map(|row| row.entries).collect();
        entries.sort_unstable();
        entries.dedup();
        let step = |entries: u64| {
            let own: Vec<&Growth> = doublings.iter().copied().filter(|row| row.entries == Some(entries)).collect();
            Some((entries, middle(&own, |row| row.took_ns)?))
        };
        let dropped = input.samples.iter().filter(|row| row.strategy == strategy && row.is_of(group));
        Some(Self {
            strategy,
            failure,
            longest_ns: measured.iter().filter_map(|row| row.longest_ns).max(),
            before_bytes: middle(&first, |row| row.held_bytes),
            after_bytes: middle(&last, |row| row.held_bytes),
            drop_ns: median(&dropped.filter_map(|row| Some(row.drop_ns? as f64)).collect::<Vec<_>>()),
            steps: entries.into_iter().filter_map(step).collect(),
            whole_ns: middle(&last, |row| row.at_ns),
        })
    }

    /// A cell for each of [`SUMS`]; or why there are none.
    pub(crate) fn sums(&self) -> Result<[String; SUMS.len()], String> {
        if let Some(failure) = self.failure {
            return Err(format!("{}: {}", format::status(failure.status), failure.message));
        }
        let bytes = |bytes: Option<f64>| bytes.map_or_else(none, |bytes| format::count(bytes as u64));
        Ok([
            self.longest_ns.map_or_else(none, duration),
            bytes(self.before_bytes),
            bytes(self.after_bytes),
            time(self.drop_ns),
            time(self.whole_ns),
        ])
    }

    /// How long each doubling took.
    pub(crate) fn times(&self, doublings: &[u64]) -> Vec<String> {
        let took = |entries: &u64| self.steps.iter().find(|(own, _)| own == entries).map(|(_, took_ns)| *took_ns);
        doublings.iter().map(|entries| time(took(entries))).collect()
    }
}

fn none() -> String {
    NONE.to_owned()
}

fn time(ns: Option<f64>) -> String {
    ns.map_or_else(none, |ns| duration(ns as u64))
}

/// Median of what rows have of a field.
fn middle(rows: &[&Growth], field: fn(&Growth) -> Option<u64>) -> Option<f64> {
    median(&rows.iter().filter_map(|row| Some(field(row)? as f64)).collect::<Vec<_>>())
}
