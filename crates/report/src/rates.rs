//! The rates of a cell's slices, and comparisons of two cells within rounds.

use std::collections::{BTreeMap, HashMap};

use mapbench_results::{Group, Sample, Status};
use mapbench_stats::{Interval, cell_estimate, median, ratio};

/// Seed of the bootstraps: fixed, so that a report is a function of its rows.
const SEED: u64 = 1;

/// A run's rows by cell.
pub(crate) type ByCell<'a> = HashMap<(Group, &'a str), Vec<&'a Sample>>;

pub(crate) fn by_cell(samples: &[Sample]) -> ByCell<'_> {
    let mut by_cell = ByCell::new();
    for sample in samples {
        by_cell.entry((sample.group(), &sample.strategy)).or_default().push(sample);
    }
    by_cell
}

/// The rates of a cell's slices, by fork and round.
#[derive(Debug, Default)]
pub(crate) struct Rates(BTreeMap<u32, BTreeMap<u32, f64>>);

impl Rates {
    pub(crate) fn of(rows: &[&Sample]) -> Self {
        let mut rates = Self::default();
        for row in rows.iter().filter(|row| row.status == Status::Ok) {
            if let Some(rate) = row.throughput_ops_s.filter(|rate| *rate > 0) {
                rates.0.entry(row.fork).or_default().insert(row.round, rate as f64);
            }
        }
        rates
    }

    pub(crate) fn forks(&self) -> usize {
        self.0.len()
    }

    /// The cell's rate; a single slice has one, but no interval.
    pub(crate) fn estimate(&self) -> (Option<f64>, Option<Interval>) {
        let forks: Vec<Vec<f64>> = self.0.values().map(|fork| fork.values().copied().collect()).collect();
        match cell_estimate(&forks, SEED) {
            Some(interval) => (Some(interval.estimate), Some(interval)),
            None => (forks.first().and_then(|fork| median(fork)), None),
        }
    }

    /// How many times slower this is than `reference`; `None` without two rounds that both measured.
    pub(crate) fn slowdown(&self, reference: &Self) -> Option<Interval> {
        ratio(&reference.log_ratios(self), SEED)
    }

    /// The logarithm of [`Self::slowdown`]'s estimate, without the cost of its interval.
    pub(crate) fn log_slowdown(&self, reference: &Self) -> Option<f64> {
        let forks: Option<Vec<f64>> = reference.log_ratios(self).iter().map(|fork| median(fork)).collect();
        median(&forks?)
    }

    /// ln(self/other) of the rounds that both have, a list a fork.
    fn log_ratios(&self, other: &Self) -> Vec<Vec<f64>> {
        let forks = self.0.iter().filter_map(|(fork, rounds)| {
            let other = other.0.get(fork)?;
            Some(rounds.iter().filter_map(|(round, rate)| Some((rate / other.get(round)?).ln())).collect::<Vec<f64>>())
        });
        forks.filter(|fork| !fork.is_empty()).collect()
    }
}
