//! What a map can be best by.

use mapbench_results::{Cell, Group, Memory, Plan, Sample, Status};
use mapbench_stats::Interval;

use crate::counts::entry_bytes_by_fork;
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
    /// Memory, as [`MemoryMeasure`] has it.
    Memory,
}

/// What maps are compared in by their memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemoryMeasure {
    /// Bytes of the filled map for each of its entries, as the allocator counted them.
    PerEntry,
    /// Resident memory of the whole process: the harness's streams and strings are in it too.
    Resident,
}

impl MemoryMeasure {
    pub(crate) const ALL: [Self; 2] = [Self::PerEntry, Self::Resident];

    /// What was counted, in a group in which anything was.
    pub(crate) fn of(memory: &[Memory], group: &Group) -> Self {
        let counted = memory.iter().any(|row| row.is_of(group) && row.bytes_per_entry().is_some());
        if counted { Self::PerEntry } else { Self::Resident }
    }

    /// As labels have it, behind "by".
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::PerEntry => "bytes an entry of the filled map",
            Self::Resident => "resident memory",
        }
    }
}

/// What stands in the place of the interval of what was counted in fewer forks than that takes.
pub(crate) const NO_INTERVAL: &str = "too few forks for an interval";

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
    pub(crate) fn behind(self, strategy: &str, slowdown: f64, interval: Option<&Interval>) -> String {
        let ratio = format::significant(slowdown);
        let interval = interval.map_or_else(|| format!("({NO_INTERVAL})"), format::interval);
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
            Self::P99 | Self::Memory => rates.median().unwrap_or(0.0),
        }
    }
}

/// The cells of a run, measured against the smallest of their groups: a slowdown is how many times as much memory one
/// takes, fork by fork where it was counted, else within rounds, and ties are those of memory.
pub(crate) fn by_memory(input: &Input) -> Vec<Cell> {
    let by_cell = ByCell::of(input.samples);
    compared(input, Objective::Memory, |group, cell| {
        if cell.status == Status::Ok { memory_rates(input, &by_cell, group, &cell.strategy) } else { Rates::default() }
    })
}

/// What a cell holds, as rates. Bytes an entry are whole, as tables have them: less is nobody's reason for a map.
pub(crate) fn memory_rates<'a>(input: &Input<'a>, by_cell: &ByCell<'a>, group: &'a Group, strategy: &'a str) -> Rates {
    match MemoryMeasure::of(input.beside.memory, group) {
        MemoryMeasure::PerEntry => {
            let forks = entry_bytes_by_fork(input.beside.memory, group, strategy).into_iter();
            Rates::by_fork(forks.map(|(fork, bytes)| (fork, 1.0 / bytes.round().max(1.0))))
        }
        MemoryMeasure::Resident => Rates::of(by_cell.rows(group, strategy), Objective::Memory),
    }
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
        let best = compare(&mut measured, objective);
        if objective == Objective::Memory && MemoryMeasure::of(input.beside.memory, group) == MemoryMeasure::PerEntry {
            estimate(&mut measured, best);
        }
        cells.extend(measured.into_iter().map(|(cell, _)| cell));
    }
    cells
}

/// Slowdowns without intervals: a count hardly differs from fork to fork, and one of it is worth an answer.
fn estimate(measured: &mut [(Cell, Rates)], best: Option<usize>) {
    let Some(best) = best else { return };
    let estimates: Vec<_> = measured.iter().map(|(_, rates)| rates.log_slowdown(&measured[best].1)).collect();
    for ((cell, _), log) in measured.iter_mut().zip(estimates).filter(|((cell, _), _)| cell.slowdown.is_none()) {
        cell.slowdown = log.map(f64::exp);
        cell.tied = cell.slowdown.is_some_and(|slowdown| slowdown <= 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::{Objective, by_memory};
    use crate::testing::{group, plan, provenance, slices};
    use crate::{Beside, Input, answer, summarise};
    use mapbench_results::{Memory, Sample};

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
    fn counted_bytes_decide_and_not_the_process_they_are_in() {
        use crate::testing::counted;
        let small = Sample { rss_bytes: Some(1 << 20), ..slices("wasteful", 0, 0, 1e6) };
        let samples = [small, Sample { rss_bytes: Some(9 << 20), ..slices("lean", 0, 0, 1e6) }];
        let provenance = provenance(plan(&["wasteful", "lean", "twin"]));
        let cells = summarise(&provenance.plan, 2, &[&samples[..], &[slices("twin", 0, 0, 1e6)]].concat());
        let fork = |fork: u32, filled: [u64; 3]| {
            ["wasteful", "lean", "twin"].into_iter().zip(filled).flat_map(move |(name, bytes)| {
                let filled = move |row: Memory| Memory { fork, filled_bytes: row.filled_bytes.and(Some(bytes)), ..row };
                counted(name).into_iter().map(filled)
            })
        };
        let said = |memory: &[Memory]| {
            let beside = Beside { memory, ..Beside::default() };
            let input = Input { provenance: &provenance, samples: &samples, machine: &[], cells: &cells, beside };
            answer::said(&input, &by_memory(&input), &group(), Objective::Memory)
        };
        // A twentieth of a byte an entry is no difference.
        let once: Vec<Memory> = fork(0, [96_000, 48_000, 48_050]).collect();
        assert_eq!(said(&once), "lean and twin tie; wasteful takes 2.00x as much (too few forks for an interval)");
        let more = [fork(1, [96_000, 48_000, 48_050]), fork(2, [98_000, 48_000, 48_050])];
        let thrice: Vec<Memory> = once.into_iter().chain(more.into_iter().flatten()).collect();
        assert!(said(&thrice).starts_with("lean and twin tie; wasteful takes 2.00x as much [1.9"), "{}", said(&thrice));
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
