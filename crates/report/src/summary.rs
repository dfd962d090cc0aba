//! Slices to cells.

use mapbench_results::{Cell, Group, Latency, Memory, Percentile, Plan, Sample, Status};
use mapbench_stats::median;

use crate::latency::{Asked, Tail};
use crate::objective::Objective;
use crate::rates::{ByCell, Rates};

/// Strategies that are no choice: an immutable map, one that cannot be shared, and one that ends its program. They are
/// measured and shown, but never lead: slowdowns are against the best of the others, and theirs may be below 1.
pub const LIMITS: [&str; 3] = ["frozen", "hashbrown-unsync", "checked"];

/// A cell for every group and strategy of the plan, in the plan's order.
///
/// A cell's throughput is [`mapbench_stats::cell_estimate`] of its slices. Its slowdown is [`mapbench_stats::ratio`] of
/// the best contender's rate to its own, round by round, over the rounds that both measured.
///
/// The best of a group is the contender that is fastest within rounds: the one with the lowest slowdown to that of the
/// highest throughput, mostly the same one. Its slowdown is 1. A cell whose slowdown cannot be told from 1 is tied with
/// the best, as is the best itself. Cells of a single slice have no interval, and so neither slowdown nor tie.
#[must_use]
pub fn summarise(plan: &Plan, cores: u32, samples: &[Sample]) -> Vec<Cell> {
    let by_cell = ByCell::of(samples);
    let mut cells = Vec::with_capacity(plan.groups.len() * plan.strategies.len());
    for group in &plan.groups {
        let mut measured: Vec<(Cell, Rates)> =
            plan.strategies.iter().map(|name| summarise_cell(group, name, cores, by_cell.rows(group, name))).collect();
        compare(&mut measured, Objective::Throughput);
        cells.extend(measured.into_iter().map(|(cell, _)| cell));
    }
    cells
}

/// Adds to the cells what was measured beside throughput: percentiles over all forks of a cell, and the median over forks
/// of the bytes an entry.
pub fn complete(cells: &mut [Cell], latency: &[Latency], memory: &[Memory]) {
    for cell in cells {
        let group = cell.group();
        let rows: Vec<&Latency> =
            latency.iter().filter(|row| row.strategy == cell.strategy && row.is_of(&group)).collect();
        let percentiles = |asked| {
            let tail = Tail::of(&rows, &group, &cell.strategy, asked);
            let of = |percentile| tail.as_ref()?.times()?.percentile_ns(percentile);
            (of(Percentile::ALL[0]), of(Percentile::P99))
        };
        (cell.service_p50_ns, cell.service_p99_ns) = percentiles(Asked::Service);
        (cell.response_p50_ns, cell.response_p99_ns) = percentiles(Asked::Common);
        let own = memory.iter().filter(|row| row.strategy == cell.strategy && row.is_of(&group));
        let bytes: Vec<f64> = own.filter_map(Memory::bytes_per_entry).collect();
        cell.bytes_per_entry = median(&bytes).map(|bytes| bytes.round() as u64);
    }
}

fn summarise_cell(group: &Group, strategy: &str, cores: u32, rows: &[&Sample]) -> (Cell, Rates) {
    let ok: Vec<&Sample> = rows.iter().copied().filter(|row| row.status == Status::Ok).collect();
    let rates = Rates::of(rows, Objective::Throughput);
    let (throughput, interval) = rates.estimate();
    let column = |field: fn(&Sample) -> Option<u64>| {
        let values: Vec<f64> = ok.iter().filter_map(|row| field(row)).map(|value| value as f64).collect();
        median(&values).map(|value| value.round() as u64)
    };
    // No sum of what files hold fits for certain in what they hold it in.
    let total =
        |field: fn(&Sample) -> Option<u64>| ok.iter().filter_map(|row| field(row)).map(u128::from).sum::<u128>();
    let (hits, misses) = (total(|row| row.hits), total(|row| row.misses));
    let (status, message) = outcome(rows, ok.len());
    let cell = Cell {
        workload: group.workload.clone(),
        read_pct: group.read_pct,
        threads: group.threads,
        oversubscribed: group.threads > cores,
        strategy: strategy.to_owned(),
        status,
        forks: rates.forks() as u32,
        slices: ok.len() as u32,
        throughput_ops_s: throughput.map(|rate| rate.round() as u64),
        throughput_low_ops_s: interval.map(|interval| interval.low.round() as u64),
        throughput_high_ops_s: interval.map(|interval| interval.high.round() as u64),
        slowdown: None,
        slowdown_low: None,
        slowdown_high: None,
        tied: false,
        fairness_ppm: column(|row| row.fairness_ppm),
        hit_ppm: (hits + misses > 0).then(|| (hits as f64 / (hits + misses) as f64 * 1e6).round() as u64),
        rss_bytes: column(|row| row.rss_bytes),
        message,
        service_p50_ns: None,
        service_p99_ns: None,
        response_p50_ns: None,
        response_p99_ns: None,
        bytes_per_entry: None,
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

/// Sets the slowdowns and ties of a group's cells, and says which of them is the best.
pub(crate) fn compare(measured: &mut [(Cell, Rates)], objective: Objective) -> Option<usize> {
    let best = best(measured, objective)?;
    let slowdowns: Vec<_> = measured.iter().map(|(_, rates)| rates.slowdown(&measured[best].1)).collect();
    for ((cell, _), slowdown) in measured.iter_mut().zip(slowdowns) {
        if let Some(slowdown) = slowdown.filter(|_| cell.status == Status::Ok) {
            cell.slowdown = Some(slowdown.estimate);
            cell.slowdown_low = Some(slowdown.low);
            cell.slowdown_high = Some(slowdown.high);
            cell.tied = slowdown.covers(1.0);
        }
    }
    Some(best)
}

/// The place of the best contender; of equals the first, so that the plan's order decides and not that of the search.
fn best(measured: &[(Cell, Rates)], objective: Objective) -> Option<usize> {
    let contenders = || {
        measured
            .iter()
            .enumerate()
            .filter(|(_, (cell, _))| cell.status == Status::Ok && !LIMITS.contains(&cell.strategy.as_str()))
    };
    let worth = |(cell, rates): &(Cell, Rates)| objective.of_cell(cell, rates);
    let (highest, (_, reference)) = contenders().rev().max_by(|(_, a), (_, b)| worth(a).total_cmp(&worth(b)))?;
    contenders()
        .filter_map(|(place, (_, rates))| Some((place, rates.log_slowdown(reference)?)))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(place, _)| place)
        .or(Some(highest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{counted, failure, plan, response, slices};

    #[test]
    fn what_was_measured_beside_is_added_to_its_cell() {
        let mut cells = summarise(&plan(&["a", "b"]), 2, &[]);
        let latency = [response("a", 0, &[(1_000, 99_000), (50_000, 1_500)]), response("a", 1, &[(1_000, 99_500)])];
        complete(&mut cells, &latency, &counted("b"));
        assert_eq!(cells[0].response_p50_ns.map(|ns| ns / 100), Some(10));
        // 1 500 of 200 000 are slow: less than a hundredth.
        assert_eq!(cells[0].response_p99_ns, cells[0].response_p50_ns);
        assert_eq!((cells[0].service_p50_ns, cells[0].bytes_per_entry), (None, None));
        assert_eq!((cells[1].response_p99_ns, cells[1].bytes_per_entry), (None, Some(48)));
    }

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
    fn the_best_is_the_fastest_within_rounds() {
        // b's slices of the last two rounds are missing, and so its median is that of the machine's fast minute.
        let mut rows: Vec<Sample> =
            [900.0, 300.0, 100.0].iter().zip(0..).map(|(rate, round)| slices("a", 0, round, *rate)).collect();
        rows.extend([slices("b", 0, 0, 600.0), slices("b", 0, 1, 200.0)]);
        rows.extend([slices("c", 0, 0, 100.0), slices("c", 0, 1, 100.0)]);
        let cells = summarise(&plan(&["a", "b", "c"]), 2, &rows);
        assert!(cells[1].throughput_ops_s > cells[0].throughput_ops_s);
        assert_eq!(cells[0].slowdown, Some(1.0));
        assert!((cells[1].slowdown.unwrap() - 1.5).abs() < 1e-9);
    }

    #[test]
    fn one_slice_shows_no_difference_and_no_best() {
        let cells = summarise(&plan(&["a", "b"]), 2, &[slices("a", 0, 0, 100.0), slices("b", 0, 0, 900.0)]);
        assert_eq!(cells[1].throughput_ops_s, Some(900));
        assert!(cells.iter().all(|cell| cell.slowdown.is_none() && !cell.tied), "{cells:?}");
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
    fn counts_of_files_may_be_as_large_as_they_like() {
        let rows =
            [0, 1].map(|round| Sample { hits: Some(u64::MAX), misses: Some(u64::MAX), ..slices("a", 0, round, 1.0) });
        assert_eq!(summarise(&plan(&["a"]), 2, &rows)[0].hit_ppm, Some(500_000));
    }

    #[test]
    fn more_threads_than_cores_are_oversubscribed() {
        assert!(summarise(&plan(&["a"]), 1, &[])[0].oversubscribed);
        assert!(!summarise(&plan(&["a"]), 2, &[])[0].oversubscribed);
    }
}
