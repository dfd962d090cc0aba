//! What iteration and the other operations of a group cost each other, as tables show it.

use mapbench_results::{Group, Sample, Status};
use mapbench_stats::median;

use crate::tails::NONE;
use crate::{Input, format};

/// What the columns of [`Iterated::cells`] are about, and how many each has.
pub(crate) const ABOUT: [(&str, usize); 3] =
    [("beside each other", 3), ("iteration alone", 2), ("the others without iteration", 2)];

/// The columns of [`Iterated::cells`].
pub(crate) const COLUMNS: [&str; 7] =
    ["M entries/s", "iterations/s", "others, M ops/s", "M entries/s", "slower beside", "M ops/s", "slower beside"];

/// The maps of a group in which somebody iterates. What it is held against, the workloads of the same name with `-alone` or
/// `-writers` behind it, is none of its own.
pub(crate) fn iterated<'a>(input: &Input<'a>, group: &Group) -> Vec<Iterated<'a>> {
    let plan = &input.provenance.plan;
    let whole = group.workload.strip_suffix("-alone");
    let held_against = plan.groups.iter().any(|other| Some(&*other.workload) == whole);
    let iterates = |row: &Sample| row.iterate_ops.is_some_and(|operations| operations > 0);
    if held_against || !input.samples.iter().any(|row| iterates(row) && row.is_of(group)) {
        return Vec::new();
    }
    plan.strategies.iter().filter_map(|strategy| Iterated::of(input.samples, group, strategy)).collect()
}

/// What a map did in a group, and without one of the two.
pub(crate) struct Iterated<'a> {
    pub(crate) strategy: &'a str,
    together: Rates,
    alone: Option<Rates>,
    writers: Option<Rates>,
}

impl<'a> Iterated<'a> {
    fn of(samples: &[Sample], group: &Group, strategy: &'a str) -> Option<Self> {
        let of = |workload: &str, threads| Rates::of(samples, workload, threads, strategy);
        let Group { workload, threads, .. } = group;
        let alone = of(&format!("{workload}-alone"), 1);
        let writers = of(&format!("{workload}-writers"), threads.saturating_sub(1));
        Some(Self { strategy, together: of(workload, *threads)?, alone, writers })
    }

    /// A cell for each of [`COLUMNS`].
    pub(crate) fn cells(&self) -> [String; COLUMNS.len()] {
        let together = &self.together;
        let alone = self.alone.as_ref().map(|alone| alone.entries);
        let writers = self.writers.as_ref().map(|writers| writers.others);
        let shown = |value: Option<f64>, unit: &str| {
            value.map_or_else(|| NONE.to_owned(), |value| format!("{}{unit}", format::significant(value)))
        };
        let millions = |value: Option<f64>| shown(value.map(|value| value / 1e6), "");
        [
            millions(Some(together.entries)),
            shown(Some(together.iterations), ""),
            millions(Some(together.others)),
            millions(alone),
            shown(times(alone, together.entries), "x"),
            millions(writers),
            shown(times(writers, together.others), "x"),
        ]
    }
}

/// How many times slower than without the other.
fn times(without: Option<f64>, with: f64) -> Option<f64> {
    without.filter(|_| with > 0.0).map(|without| without / with)
}

/// Of a cell, a second; medians over slices.
struct Rates {
    entries: f64,
    iterations: f64,
    /// Of all operations that are no iteration.
    others: f64,
}

impl Rates {
    /// `None` if no slice was measured, or not by kind.
    fn of(samples: &[Sample], workload: &str, threads: u32, strategy: &str) -> Option<Self> {
        let own: Vec<&Sample> = samples
            .iter()
            .filter(|row| row.status == Status::Ok && row.threads == threads)
            .filter(|row| row.strategy == strategy && row.workload == workload)
            .collect();
        let rate = |count: fn(&Sample) -> Option<u64>| {
            let a_second = |row: &&Sample| Some(count(row)? as f64 * 1e9 / row.elapsed_ns? as f64);
            median(&own.iter().filter_map(a_second).collect::<Vec<_>>())
        };
        Some(Self {
            entries: rate(|row| row.iterated_entries)?,
            iterations: rate(|row| row.iterate_ops)?,
            others: rate(|row| Some(row.ops? - row.iterate_ops?))?,
        })
    }
}
