//! What a map can be best by.

use mapbench_results::{Cell, Plan, Sample, Status};
use mapbench_stats::Interval;

use crate::rates::{ByCell, Rates};
use crate::summary::compare;
use crate::{Input, format};

/// What a map can be best by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Objective {
    /// Operations per second.
    Throughput,
    /// Resident memory of the process.
    Memory,
}

impl Objective {
    pub(crate) const ALL: [Self; 2] = [Self::Throughput, Self::Memory];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Memory => "memory",
        }
    }

    /// What the first of a group does, if it is alone.
    pub(crate) fn first(self) -> &'static str {
        match self {
            Self::Throughput => "leads",
            Self::Memory => "takes least",
        }
    }

    /// `dashmap is 1.31x slower [1.24, 1.39]`
    pub(crate) fn behind(self, strategy: &str, slowdown: &Interval) -> String {
        let (ratio, interval) = (format::significant(slowdown.estimate), format::interval(slowdown));
        match self {
            Self::Throughput => format!("{strategy} is {ratio}x slower {interval}"),
            Self::Memory => format!("{strategy} takes {ratio}x as much {interval}"),
        }
    }

    /// What a slice says, the more the better.
    pub(crate) fn of_slice(self, row: &Sample) -> Option<f64> {
        match self {
            Self::Throughput => row.throughput_ops_s.filter(|rate| *rate > 0).map(|rate| rate as f64),
            Self::Memory => row.rss_bytes.filter(|bytes| *bytes > 0).map(|bytes| 1.0 / bytes as f64),
        }
    }

    /// What a cell says, the more the better.
    pub(crate) fn of_cell(self, cell: &Cell) -> f64 {
        match self {
            Self::Throughput => cell.throughput_ops_s.map_or(0.0, |rate| rate as f64),
            Self::Memory => cell.rss_bytes.filter(|bytes| *bytes > 0).map_or(0.0, |bytes| 1.0 / bytes as f64),
        }
    }
}

/// The cells of a run, measured against the smallest of their groups: a slowdown is how many times as much memory one
/// takes, within rounds, and ties are those of memory.
pub(crate) fn by_memory(input: &Input) -> Vec<Cell> {
    let Plan { groups, .. } = &input.provenance.plan;
    let by_cell = ByCell::of(input.samples);
    let mut cells = Vec::with_capacity(input.cells.len());
    for group in groups {
        let own = input.cells.iter().filter(|cell| {
            cell.read_pct == group.read_pct && cell.threads == group.threads && cell.workload == group.workload
        });
        let mut measured: Vec<(Cell, Rates)> = own
            .map(|cell| {
                let rows = if cell.status == Status::Ok { by_cell.rows(group, &cell.strategy) } else { &[] };
                let unknown =
                    Cell { slowdown: None, slowdown_low: None, slowdown_high: None, tied: false, ..cell.clone() };
                (unknown, Rates::of(rows, Objective::Memory))
            })
            .collect();
        compare(&mut measured, Objective::Memory);
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
                .map(|(objective, cells)| answer::sentence(&cells, &group(), objective))
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
}
