//! The rates of a cell's slices, and comparisons of two cells within rounds.

use std::collections::{BTreeMap, HashMap};

use mapbench_results::{Group, Percent, Sample, Status};
use mapbench_stats::{Interval, cell_estimate, median, ratio};

use crate::objective::Objective;

/// Seed of the bootstraps: fixed, so that a report is a function of its rows.
const SEED: u64 = 1;

/// Of forks that have one value each, fewer cannot be compared: the interval of two reaches over powers of ten.
const FORKS: usize = 3;

/// A run's rows by cell.
pub(crate) struct ByCell<'a>(HashMap<(&'a str, Percent, u32, &'a str), Vec<&'a Sample>>);

impl<'a> ByCell<'a> {
    pub(crate) fn of(samples: &'a [Sample]) -> Self {
        let mut rows: HashMap<_, Vec<&Sample>> = HashMap::new();
        for row in samples {
            let cell = (row.workload.as_str(), row.read_pct, row.threads, row.strategy.as_str());
            rows.entry(cell).or_default().push(row);
        }
        Self(rows)
    }

    pub(crate) fn rows(&self, group: &'a Group, strategy: &'a str) -> &[&'a Sample] {
        let cell = (group.workload.as_str(), group.read_pct, group.threads, strategy);
        self.0.get(&cell).map_or(&[], Vec::as_slice)
    }
}

/// The rates of a cell's slices, by fork and round.
#[derive(Debug, Default)]
pub(crate) struct Rates(BTreeMap<u32, BTreeMap<u32, f64>>);

impl Rates {
    /// What the slices say of an objective.
    pub(crate) fn of(rows: &[&Sample], objective: Objective) -> Self {
        let mut rates = Self::default();
        for row in rows.iter().filter(|row| row.status == Status::Ok) {
            if let Some(rate) = objective.of_slice(row) {
                rates.0.entry(row.fork).or_default().insert(row.round, rate);
            }
        }
        rates
    }

    /// One value a fork, the more the better.
    pub(crate) fn by_fork(values: impl Iterator<Item = (u32, f64)>) -> Self {
        Self(values.map(|(fork, value)| (fork, BTreeMap::from([(0, value)]))).collect())
    }

    /// The median over forks of the fork's median.
    pub(crate) fn median(&self) -> Option<f64> {
        let forks = self.0.values().map(|rounds| median(&rounds.values().copied().collect::<Vec<_>>()));
        median(&forks.collect::<Option<Vec<_>>>()?)
    }

    pub(crate) fn forks(&self) -> usize {
        self.0.len()
    }

    /// The logarithms of the rates.
    pub(crate) fn logs(&self) -> BTreeMap<u32, BTreeMap<u32, f64>> {
        let logs = |rounds: &BTreeMap<u32, f64>| rounds.iter().map(|(round, rate)| (*round, rate.ln())).collect();
        self.0.iter().map(|(fork, rounds)| (*fork, logs(rounds))).collect()
    }

    /// The cell's rate; a single slice has one, but no interval.
    pub(crate) fn estimate(&self) -> (Option<f64>, Option<Interval>) {
        let forks: Vec<Vec<f64>> = self.0.values().map(|fork| fork.values().copied().collect()).collect();
        match cell_estimate(&forks, SEED) {
            Some(interval) => (Some(interval.estimate), Some(interval)),
            None => (forks.first().and_then(|fork| median(fork)), None),
        }
    }

    /// How many times slower this is than `reference`; `None` without two rounds that both measured, or with fewer forks
    /// than [`FORKS`] that share one round each.
    pub(crate) fn slowdown(&self, reference: &Self) -> Option<Interval> {
        let ratios = reference.log_ratios(self);
        let few = ratios.len() < FORKS && ratios.iter().all(|fork| fork.len() == 1);
        if few { None } else { ratio(&ratios, SEED) }
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
