//! What a map can be best by.

use mapbench_results::{Cell, Group, Plan, Sample, Status};
use mapbench_stats::Interval;

use crate::latency::Saturated;
use crate::rates::{ByCell, Rates};
use crate::summary::compare;
use crate::{Input, format, latency};

/// What a map can be best by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Objective {
    /// Operations per second.
    Throughput,
    /// The 99th percentile of the response time, at the rate that all maps are asked for.
    P99,
    /// Resident memory of the process.
    Memory,
}

impl Objective {
    /// What the maps of a run can be best by.
    pub(crate) fn of(input: &Input) -> Vec<Self> {
        let p99 = (!input.beside.latency.is_empty()).then_some(Self::P99);
        [Some(Self::Throughput), p99, Some(Self::Memory)].into_iter().flatten().collect()
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::P99 => "p99",
            Self::Memory => "memory",
        }
    }

    /// What the first of a group does, if it is alone.
    pub(crate) fn first(self) -> &'static str {
        match self {
            Self::Throughput => "leads",
            Self::P99 => "answers soonest",
            Self::Memory => "takes least",
        }
    }

    /// What is missing where contenders were measured and none could be compared.
    pub(crate) fn too_few(self) -> &'static str {
        match self {
            Self::P99 => "too few forks to compare",
            Self::Throughput | Self::Memory => "too few slices to compare",
        }
    }

    /// `dashmap is 1.31x slower [1.24, 1.39]`
    pub(crate) fn behind(self, strategy: &str, slowdown: &Interval) -> String {
        let (ratio, interval) = (format::significant(slowdown.estimate), format::interval(slowdown));
        match self {
            Self::Throughput => format!("{strategy} is {ratio}x slower {interval}"),
            Self::P99 => format!("{strategy} takes {ratio}x as long {interval}"),
            Self::Memory => format!("{strategy} takes {ratio}x as much {interval}"),
        }
    }

    /// What a slice says, the more the better.
    pub(crate) fn of_slice(self, row: &Sample) -> Option<f64> {
        match self {
            Self::Throughput => row.throughput_ops_s.filter(|rate| *rate > 0).map(|rate| rate as f64),
            Self::P99 => None,
            Self::Memory => row.rss_bytes.filter(|bytes| *bytes > 0).map(|bytes| 1.0 / bytes as f64),
        }
    }

    /// What a cell says, the more the better.
    pub(crate) fn of_cell(self, cell: &Cell, rates: &Rates) -> f64 {
        match self {
            Self::Throughput => cell.throughput_ops_s.map_or(0.0, |rate| rate as f64),
            Self::P99 => rates.median().unwrap_or(0.0),
            Self::Memory => cell.rss_bytes.filter(|bytes| *bytes > 0).map_or(0.0, |bytes| 1.0 / bytes as f64),
        }
    }
}

/// The cells of a run, measured against the smallest of their groups: a slowdown is how many times as much memory one
/// takes, within rounds, and ties are those of memory.
pub(crate) fn by_memory(input: &Input) -> Vec<Cell> {
    let by_cell = ByCell::of(input.samples);
    compared(input, Objective::Memory, |group, cell| {
        let rows = if cell.status == Status::Ok { by_cell.rows(group, &cell.strategy) } else { &[] };
        Rates::of(rows, Objective::Memory)
    })
}

/// The cells of a run, measured against the shortest 99th percentile of their groups, fork by fork. What did not keep up
/// with the rate in every fork has no slowdown.
pub(crate) fn by_p99(input: &Input) -> Vec<Cell> {
    compared(input, Objective::P99, |group, cell| p99_rates(input, group, &cell.strategy))
}

/// The 99th percentiles of a cell's forks, as rates; none of a cell of which any fork was saturated, for the other forks
/// are its better ones.
pub(crate) fn p99_rates(input: &Input, group: &Group, strategy: &str) -> Rates {
    if Saturated::at_common(input.beside.latency, group, strategy).any() {
        return Rates::default();
    }
    let forks = latency::p99_by_fork(input.beside.latency, group, strategy);
    Rates::by_fork(forks.into_iter().map(|(fork, ns)| (fork, 1.0 / ns.max(1.0))))
}

fn compared<'a>(input: &Input<'a>, objective: Objective, rates: impl Fn(&'a Group, &'a Cell) -> Rates) -> Vec<Cell> {
    let Plan { groups, .. } = &input.provenance.plan;
    let mut cells = Vec::with_capacity(input.cells.len());
    for group in groups {
        let own = input.cells.iter().filter(|cell| cell.is_of(group));
        let mut measured: Vec<(Cell, Rates)> = own
            .map(|cell| {
                let unknown =
                    Cell { slowdown: None, slowdown_low: None, slowdown_high: None, tied: false, ..cell.clone() };
                (unknown, rates(group, cell))
            })
            .collect();
        compare(&mut measured, objective);
        cells.extend(measured.into_iter().map(|(cell, _)| cell));
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::{Objective, by_memory};
    use crate::testing::{group, plan, provenance, slices};
    use crate::{Beside, Input, answer, summarise};
    use mapbench_results::Sample;

    #[test]
    fn the_smallest_is_best_by_memory_however_slow() {
        let taking = |name: &str, rate: f64, mebibytes: u64| {
            (0..6)
                .map(move |at| (at / 2, at % 2))
                .map(move |(fork, round)| Sample {
                    // A page more or less from fork to fork.
                    rss_bytes: Some((mebibytes << 20) + u64::from(fork) * 4_096),
                    ..slices(name, fork, round, rate)
                })
                .collect::<Vec<_>>()
        };
        let said = |rows: &[Sample]| {
            let provenance = provenance(plan(&["fast", "small", "frozen", "twin"]));
            let cells = summarise(&provenance.plan, 2, rows);
            let input = Input {
                provenance: &provenance,
                samples: rows,
                machine: &[],
                cells: &cells,
                beside: Beside::default(),
            };
            [(Objective::Throughput, cells.clone()), (Objective::Memory, by_memory(&input))]
                .map(|(objective, cells)| answer::said(&input, &cells, &group(), objective))
        };
        let mut rows = [taking("fast", 9e6, 30), taking("small", 3e6, 10), taking("frozen", 2e7, 1)].concat();
        let [throughput, memory] = said(&rows);
        assert!(throughput.starts_with("fast leads; small is 3.00x slower ["), "{throughput}");
        assert!(memory.starts_with("small takes least; fast takes 3.00x as much ["), "{memory}");
        rows.extend(taking("twin", 1e6, 10));
        assert!(said(&rows)[1].starts_with("small and twin tie; fast takes 3.00x"), "{:?}", said(&rows));
        rows.iter_mut().for_each(|row| row.rss_bytes = None);
        assert_eq!(said(&rows)[1], "too few slices to compare");
    }

    #[test]
    fn what_was_saturated_in_any_fork_never_leads() {
        use crate::testing::{in_part_and_whole, with_response};
        let said = |latency: &[_]| {
            with_response(latency, |input| answer::said(input, &super::by_p99(input), &group(), Objective::P99))
        };
        assert!(said(&in_part_and_whole(false)).starts_with("part answers soonest; whole takes 2.0"));
        let in_part = said(&in_part_and_whole(true));
        assert_eq!(in_part, "whole answers soonest; not compared: part (1 of 3 saturated)");
        let mut none = in_part_and_whole(true);
        none.iter_mut().for_each(|row| row.saturated = true);
        assert_eq!(
            said(&none),
            "too few forks to compare; not compared: part (3 of 3 saturated), whole (3 of 3 saturated)"
        );
    }

    #[test]
    fn two_forks_of_tails_are_too_few() {
        use crate::testing::{in_part_and_whole, with_response};
        let mut two = in_part_and_whole(false);
        two.retain(|row| row.fork < 2);
        let said = with_response(&two, |input| answer::said(input, &super::by_p99(input), &group(), Objective::P99));
        assert_eq!(said, "too few forks to compare");
    }

    #[test]
    fn the_shortest_tail_is_best_by_p99_and_what_is_saturated_is_out_of_it() {
        use crate::testing::response;
        let tails = |name: &str, ns: u64| {
            (0..3).map(|fork| response(name, fork, &[(ns + u64::from(fork), 100_000)])).collect::<Vec<_>>()
        };
        let mut rows = [tails("slow", 90_000), tails("quick", 30_000), tails("full", 10)].concat();
        rows[6..].iter_mut().for_each(|row| (row.saturated, row.p99_ns) = (true, None));
        let samples = ["slow", "quick", "full"].map(|name| slices(name, 0, 0, 1e6));
        let provenance = provenance(plan(&["slow", "quick", "full"]));
        let cells = summarise(&provenance.plan, 2, &samples);
        let beside = Beside { latency: &rows, ..Beside::default() };
        let input = Input { provenance: &provenance, samples: &samples, machine: &[], cells: &cells, beside };
        assert_eq!(Objective::of(&input).len(), 3);
        let said = answer::said(&input, &super::by_p99(&input), &group(), Objective::P99);
        assert!(said.starts_with("quick answers soonest; slow takes 3.0"), "{said}");
        assert!(said.ends_with("]; not compared: full (3 of 3 saturated)"), "{said}");
        assert_eq!(Objective::of(&Input { beside: Beside::default(), ..input }).len(), 2);
    }
}
