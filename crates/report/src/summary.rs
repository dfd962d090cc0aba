//! Slices to cells.

use std::collections::{BTreeMap, HashMap};

use mapbench_results::{Cell, Group, Plan, Sample, Status};
use mapbench_stats::{Interval, cell_estimate, median, ratio};

/// Strategies that show a limit and are no choice: an immutable map, and one that cannot be shared. They are measured and
/// shown, but never lead: slowdowns are against the best of the others, and a limit's may be below 1.
pub const LIMITS: [&str; 2] = ["frozen", "hashbrown-unsync"];

/// Seed of the bootstraps: fixed, so that a report is a function of its rows.
const SEED: u64 = 1;

/// The rates of a cell's slices, by fork and round.
type Rates = BTreeMap<u32, BTreeMap<u32, f64>>;

/// A cell for every group and strategy of the plan, in the plan's order.
///
/// A cell's throughput is [`cell_estimate`] of its slices. Its slowdown is [`ratio`] of the best strategy's rate to its
/// own, round by round, over the rounds that both measured; the best of a group is the contender with the highest
/// throughput, and has slowdown 1. A cell whose slowdown cannot be told from 1 is tied with the best; so is the best.
#[must_use]
pub fn summarise(plan: &Plan, cores: u32, samples: &[Sample]) -> Vec<Cell> {
    let mut by_cell: HashMap<(Group, &str), Vec<&Sample>> = HashMap::new();
    for sample in samples {
        by_cell.entry((sample.group(), &sample.strategy)).or_default().push(sample);
    }
    let mut cells = Vec::with_capacity(plan.groups.len() * plan.strategies.len());
    for group in &plan.groups {
        let mut measured: Vec<(Cell, Rates)> = plan
            .strategies
            .iter()
            .map(|name| {
                let rows = by_cell.get(&(group.clone(), name.as_str())).map_or(&[][..], Vec::as_slice);
                summarise_cell(group, name, cores, rows)
            })
            .collect();
        compare(&mut measured);
        cells.extend(measured.into_iter().map(|(cell, _)| cell));
    }
    cells
}

fn summarise_cell(group: &Group, strategy: &str, cores: u32, rows: &[&Sample]) -> (Cell, Rates) {
    let ok: Vec<&Sample> = rows.iter().copied().filter(|row| row.status == Status::Ok).collect();
    let mut rates = Rates::new();
    for row in &ok {
        if let Some(rate) = row.throughput_ops_s.filter(|rate| *rate > 0) {
            rates.entry(row.fork).or_default().insert(row.round, rate as f64);
        }
    }
    let forks: Vec<Vec<f64>> = rates.values().map(|fork| fork.values().copied().collect()).collect();
    let estimate = cell_estimate(&forks, SEED);
    // A single slice has a rate and no interval.
    let throughput = estimate.map(|interval| interval.estimate).or_else(|| median(forks.first()?));
    let column = |field: fn(&Sample) -> Option<u64>| {
        let values: Vec<f64> = ok.iter().filter_map(|row| field(row)).map(|value| value as f64).collect();
        median(&values).map(|value| value.round() as u64)
    };
    let total = |field: fn(&Sample) -> Option<u64>| ok.iter().filter_map(|row| field(row)).sum::<u64>();
    let (hits, misses) = (total(|row| row.hits), total(|row| row.misses));
    let (status, message) = outcome(rows, ok.len());
    let cell = Cell {
        workload: group.workload.clone(),
        read_pct: group.read_pct,
        threads: group.threads,
        oversubscribed: group.threads > cores,
        strategy: strategy.to_owned(),
        status,
        forks: forks.len() as u32,
        slices: ok.len() as u32,
        throughput_ops_s: throughput.map(|rate| rate.round() as u64),
        throughput_low_ops_s: estimate.map(|interval| interval.low.round() as u64),
        throughput_high_ops_s: estimate.map(|interval| interval.high.round() as u64),
        slowdown: None,
        slowdown_low: None,
        slowdown_high: None,
        tied: false,
        fairness_ppm: column(|row| row.fairness_ppm),
        hit_ppm: (hits + misses > 0).then(|| (hits as f64 / (hits + misses) as f64 * 1e6).round() as u64),
        rss_bytes: column(|row| row.rss_bytes),
        message,
    };
    (cell, rates)
}

/// `ok` if anything was measured; what failed is said in either case.
fn outcome(rows: &[&Sample], ok: usize) -> (Status, String) {
    let failed: Vec<&&Sample> = rows.iter().filter(|row| row.status != Status::Ok).collect();
    match (ok, failed.first()) {
        (0, Some(first)) => (first.status, first.message.clone()),
        (0, None) => (Status::NotApplicable, "not measured".to_owned()),
        (_, None) => (Status::Ok, String::new()),
        // A strategy that detects what it is there to detect has given its result, also if it took a few slices.
        (_, Some(first)) if first.status == Status::Detected => (first.status, first.message.clone()),
        (_, Some(first)) => {
            let text = format!("{} of {} rows failed, the first: {}", failed.len(), rows.len(), first.message);
            (Status::Ok, text)
        }
    }
}

fn compare(measured: &mut [(Cell, Rates)]) {
    let contends = |cell: &Cell| cell.status == Status::Ok && !LIMITS.contains(&cell.strategy.as_str());
    // The first of equals, so that the order of the plan decides and not that of the search.
    let best = (0..measured.len())
        .filter(|i| contends(&measured[*i].0))
        .max_by_key(|i| (measured[*i].0.throughput_ops_s, std::cmp::Reverse(*i)));
    let Some(best) = best else { return };
    let reference = measured[best].1.clone();
    for (i, (cell, rates)) in measured.iter_mut().enumerate() {
        if cell.status != Status::Ok {
            continue;
        }
        let slowdown = if i == best {
            Some(Interval { low: 1.0, estimate: 1.0, high: 1.0 })
        } else {
            ratio(&log_ratios(&reference, rates), SEED)
        };
        cell.slowdown = slowdown.map(|interval| interval.estimate);
        cell.slowdown_low = slowdown.map(|interval| interval.low);
        cell.slowdown_high = slowdown.map(|interval| interval.high);
        cell.tied = slowdown.is_some_and(|interval| interval.covers(1.0));
    }
}

/// ln(a/b) of the rounds that both have, a list a fork.
fn log_ratios(a: &Rates, b: &Rates) -> Vec<Vec<f64>> {
    let forks = a.iter().filter_map(|(fork, rounds)| {
        let other = b.get(fork)?;
        Some(rounds.iter().filter_map(|(round, rate)| Some((rate / other.get(round)?).ln())).collect::<Vec<f64>>())
    });
    forks.filter(|fork| !fork.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{failure, plan, slices};

    #[test]
    fn ratios_are_taken_within_rounds() {
        // Both slow down threefold from round to round; b is half as fast as a throughout.
        let rows: Vec<Sample> = [1.0, 3.0, 9.0]
            .iter()
            .enumerate()
            .flat_map(|(round, scale)| {
                let round = round as u32;
                [slices("a", 0, round, 900.0 / scale), slices("b", 0, round, 450.0 / scale)]
            })
            .collect();
        let cells = summarise(&plan(&["a", "b"]), 2, &rows);
        assert_eq!((cells[0].slowdown, cells[0].tied), (Some(1.0), true));
        let slowdown = [cells[1].slowdown_low, cells[1].slowdown, cells[1].slowdown_high].map(Option::unwrap);
        assert!(slowdown.iter().all(|x| (x - 2.0).abs() < 1e-9), "{slowdown:?}");
        assert!(!cells[1].tied);
        assert_eq!(cells[0].throughput_ops_s, Some(300));
    }

    #[test]
    fn a_difference_that_comes_and_goes_is_a_tie() {
        let rates = [(100.0, 90.0), (100.0, 115.0), (100.0, 97.0), (100.0, 104.0)];
        let rows: Vec<Sample> = rates
            .iter()
            .enumerate()
            .flat_map(|(fork, (a, b))| {
                (0..2).flat_map(move |round| [slices("a", fork as u32, round, *a), slices("b", fork as u32, round, *b)])
            })
            .collect();
        let cells = summarise(&plan(&["a", "b"]), 2, &rows);
        assert!(cells.iter().all(|cell| cell.tied), "{cells:?}");
    }

    #[test]
    fn a_limit_never_leads_and_may_be_faster_than_the_best() {
        let rows: Vec<Sample> =
            (0..3).flat_map(|round| [slices("frozen", 0, round, 400.0), slices("a", 0, round, 100.0)]).collect();
        let cells = summarise(&plan(&["frozen", "a"]), 2, &rows);
        assert_eq!(cells[1].slowdown, Some(1.0));
        assert!((cells[0].slowdown.unwrap() - 0.25).abs() < 1e-9);
    }

    #[test]
    fn failures_keep_their_status_and_are_said_beside_what_was_measured() {
        let rows = [
            slices("a", 0, 0, 100.0),
            failure("a", 1, Status::Signalled, "ended by signal 9"),
            failure("b", 0, Status::TimedOut, "no answer"),
            slices("checked", 0, 0, 50.0),
            failure("checked", 1, Status::Detected, "fatal error"),
        ];
        let cells = summarise(&plan(&["a", "b", "checked", "d"]), 2, &rows);
        assert_eq!((cells[0].status, cells[0].slices), (Status::Ok, 1));
        assert_eq!(cells[0].message, "1 of 2 rows failed, the first: ended by signal 9");
        assert_eq!((cells[1].status, cells[1].message.as_str()), (Status::TimedOut, "no answer"));
        assert_eq!((cells[2].status, cells[2].slowdown), (Status::Detected, None));
        assert_eq!((cells[3].status, cells[3].message.as_str()), (Status::NotApplicable, "not measured"));
    }

    #[test]
    fn more_threads_than_cores_are_oversubscribed() {
        assert!(summarise(&plan(&["a"]), 1, &[])[0].oversubscribed);
        assert!(!summarise(&plan(&["a"]), 2, &[])[0].oversubscribed);
    }
}
