//! Where the variance of a run lies: in the minute, in the fork, in the slice.

use std::collections::{BTreeMap, HashMap};

use mapbench_results::Group;
use mapbench_stats::median;

use crate::Input;
use crate::objective::Objective;
use crate::rates::{ByCell, Rates};

/// Logarithms of a cell's rates, by fork and round.
type Logs = BTreeMap<u32, BTreeMap<u32, f64>>;

/// How a strategy's log rates spread: standard deviations, medians over the groups. A deviation of 0.02 is 2 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread<'a> {
    /// The strategy.
    pub strategy: &'a str,
    /// Of the rounds within a fork.
    pub slice: Option<f64>,
    /// Of the medians of forks, as they came: what the minute and the process add together.
    pub minute_and_fork: Option<f64>,
    /// The same after each round's mean over all strategies is taken out, and with it the minute, which all of them
    /// share; what the slices add to a fork's median is still in it.
    pub fork: Option<f64>,
}

/// The spread of every strategy, in the plan's order.
#[must_use]
pub fn spreads<'a>(input: &Input<'a>) -> Vec<Spread<'a>> {
    let plan = &input.provenance.plan;
    let by_cell = ByCell::of(input.samples);
    let mut found: Vec<Deviations> = plan.strategies.iter().map(|_| Deviations::default()).collect();
    for group in &plan.groups {
        let logs: Vec<Logs> = plan.strategies.iter().map(|strategy| logs(&by_cell, group, strategy)).collect();
        let means = round_means(&logs);
        for (own, logs) in found.iter_mut().zip(&logs) {
            own.slice.extend(within(logs));
            own.minute_and_fork.extend(deviation(&fork_medians(logs)));
            own.fork.extend(deviation(&fork_medians(&centred(logs, &means))));
        }
    }
    plan.strategies
        .iter()
        .zip(&found)
        .map(|(strategy, own)| Spread {
            strategy,
            slice: median(&own.slice),
            minute_and_fork: median(&own.minute_and_fork),
            fork: median(&own.fork),
        })
        .collect()
}

/// A strategy's deviations, a group each.
#[derive(Default)]
struct Deviations {
    slice: Vec<f64>,
    minute_and_fork: Vec<f64>,
    fork: Vec<f64>,
}

fn logs<'a>(by_cell: &ByCell<'a>, group: &'a Group, strategy: &'a str) -> Logs {
    Rates::of(by_cell.rows(group, strategy), Objective::Throughput).logs()
}

/// The mean log rate of each round that every strategy measured in the group has.
fn round_means(strategies: &[Logs]) -> HashMap<(u32, u32), f64> {
    let measured = strategies.iter().filter(|logs| !logs.is_empty()).count();
    let mut rounds: HashMap<(u32, u32), Vec<f64>> = HashMap::new();
    for (fork, logs) in strategies.iter().flatten() {
        logs.iter().for_each(|(round, log)| rounds.entry((*fork, *round)).or_default().push(*log));
    }
    let whole = rounds.into_iter().filter(|(_, logs)| logs.len() == measured);
    whole.map(|(at, logs)| (at, mean(&logs))).collect()
}

fn centred(logs: &Logs, means: &HashMap<(u32, u32), f64>) -> Logs {
    let fork = |fork: u32, rounds: &BTreeMap<u32, f64>| {
        rounds.iter().filter_map(|(round, log)| Some((*round, log - means.get(&(fork, *round))?))).collect()
    };
    logs.iter().map(|(number, rounds)| (*number, fork(*number, rounds))).collect()
}

fn fork_medians(logs: &Logs) -> Vec<f64> {
    logs.values().filter_map(|rounds| median(&rounds.values().copied().collect::<Vec<_>>())).collect()
}

/// The pooled deviation of slices within their forks.
fn within(logs: &Logs) -> Option<f64> {
    let (mut squares, mut freedom) = (0.0, 0_usize);
    for rounds in logs.values() {
        let rounds: Vec<f64> = rounds.values().copied().collect();
        squares += squares_about_mean(&rounds);
        freedom += rounds.len() - 1;
    }
    (freedom > 0).then(|| (squares / freedom as f64).sqrt())
}

fn deviation(values: &[f64]) -> Option<f64> {
    (values.len() > 1).then(|| (squares_about_mean(values) / (values.len() - 1) as f64).sqrt())
}

fn squares_about_mean(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use mapbench_results::Sample;

    use super::spreads;
    use crate::testing::{plan, provenance, slices};
    use crate::{Beside, Input};

    fn spread(rate: impl Fn(&str, u32, u32) -> f64) -> [Option<f64>; 3] {
        let provenance = provenance(plan(&["a", "b"]));
        let rows: Vec<Sample> = (0..6)
            .flat_map(|at| ["a", "b"].map(|name| slices(name, at / 2, at % 2, rate(name, at / 2, at % 2))))
            .collect();
        let spreads = spreads(&Input {
            provenance: &provenance,
            samples: &rows,
            machine: &[],
            cells: &[],
            beside: Beside::default(),
        });
        assert_eq!(spreads[0].strategy, "a");
        [spreads[0].slice, spreads[0].minute_and_fork, spreads[0].fork]
    }

    fn assert_close(found: [Option<f64>; 3], expected: [f64; 3]) {
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found.unwrap() - expected).abs() < 1e-4, "{found:?} for {expected}");
        }
    }

    #[test]
    fn what_all_strategies_share_is_the_minute() {
        // Three forks at e^0, e^1, e^2: a deviation of 1, which both strategies have alike.
        assert_close(spread(|_, fork, _| 1e8 * f64::from(fork).exp()), [0.0, 1.0, 0.0]);
    }

    #[test]
    fn what_one_strategy_has_alone_is_its_fork() {
        // Half of it goes with the mean of the two.
        let rate = |name: &str, fork: u32, _| 1e8 * if name == "a" { f64::from(fork).exp() } else { 1.0 };
        assert_close(spread(rate), [0.0, 1.0, 0.5]);
    }

    #[test]
    fn rounds_of_a_fork_are_slices() {
        // Two slices that differ by 1 deviate by the root of a half.
        assert_close(spread(|_, _, round| 1e8 * f64::from(round).exp()), [0.5_f64.sqrt(), 0.0, 0.0]);
    }

    #[test]
    fn a_single_slice_has_no_spread() {
        let provenance = provenance(plan(&["a"]));
        let rows = [slices("a", 0, 0, 1.0)];
        let spreads = spreads(&Input {
            provenance: &provenance,
            samples: &rows,
            machine: &[],
            cells: &[],
            beside: Beside::default(),
        });
        assert_eq!((spreads[0].slice, spreads[0].minute_and_fork, spreads[0].fork), (None, None, None));
    }
}
