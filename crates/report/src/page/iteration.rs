//! What iteration and writers cost each other: entries a second alone and beside writers, and the writers' rate with and
//! without somebody who iterates.

use mapbench_results::{Group, Sample, Status};
use mapbench_stats::median;
use maud::{Markup, html};

use super::View;
use crate::format;

/// Nothing if nobody iterated.
pub(super) fn section(view: &View) -> Markup {
    let input = &view.input;
    let (plan, cores) = (&input.provenance.plan, input.provenance.host.cores);
    // What is held against another stands in its table.
    let is_whole = |group: &&Group| {
        let whole = group.workload.strip_suffix("-alone");
        !plan.groups.iter().any(|other| Some(&*other.workload) == whole)
    };
    let groups = plan.groups.iter().filter(is_whole).filter(|group| iterates(input.samples, group));
    let groups: Vec<&Group> = groups.collect();
    if groups.is_empty() {
        return html! {};
    }
    let body = html! {
        p { "What iterations saw, and what the other operations did meanwhile. Alone: the workload that is named so, " code { "-alone" } " behind it, on one thread. Without iteration: the one with " code { "-writers" } ", on one thread less, which is the one that iterates. They were measured in other rounds, so that these ratios are of medians and carry the machine's moods." }
        @for group in groups { (draw(view, group, &format::group(group, cores))) }
    };
    view.section("iteration", "Iteration", &body)
}

fn iterates(samples: &[Sample], group: &Group) -> bool {
    samples.iter().any(|row| row.iterate_ops.is_some_and(|operations| operations > 0) && row.is_of(group))
}

fn draw(view: &View, group: &Group, title: &str) -> Markup {
    let samples = view.input.samples;
    let Group { workload, threads, .. } = group;
    let strategies = &view.input.provenance.plan.strategies;
    let rows: Vec<Row> = strategies
        .iter()
        .filter_map(|strategy| {
            let of = |workload: &str, threads| Rates::of(samples, workload, threads, strategy);
            let alone = of(&format!("{workload}-alone"), 1);
            let writers = of(&format!("{workload}-writers"), threads.saturating_sub(1));
            Some(Row { strategy, together: of(workload, *threads)?, alone, writers })
        })
        .collect();
    let compared = rows.iter().any(|row| row.alone.is_some() || row.writers.is_some());
    let table = html! {
        table {
            thead {
                tr {
                    @for column in ["strategy", "M entries a second", "iterations a second", "other M ops/s"] { th.n[column != "strategy"] scope="col" { (column) } }
                    @if compared { @for column in ["M entries a second alone", "slower beside them", "other M ops/s without iteration", "slower beside it"] { th.n scope="col" { (column) } } }
                }
            }
            tbody {
                @for row in &rows {
                    @let together = &row.together;
                    tr {
                        th scope="row" { (row.strategy) }
                        td.n { (format::significant(together.entries / 1e6)) }
                        td.n { (format::significant(together.iterations)) }
                        td.n { (format::significant(together.others / 1e6)) }
                        @if compared {
                            @let alone = row.alone.as_ref().map(|alone| alone.entries);
                            @let writers = row.writers.as_ref().map(|writers| writers.others);
                            td.n { (shown(alone.map(|entries| entries / 1e6), "")) }
                            td.n { (shown(times(alone, together.entries), "x")) }
                            td.n { (shown(writers.map(|others| others / 1e6), "")) }
                            td.n { (shown(times(writers, together.others), "x")) }
                        }
                    }
                }
            }
        }
    };
    html! { figure { figcaption { (title) } (view.scroll(&format!("iteration, {title}"), &table)) } }
}

fn shown(value: Option<f64>, unit: &str) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{}{unit}", format::significant(value)))
}

/// How many times slower than without the other.
fn times(without: Option<f64>, with: f64) -> Option<f64> {
    without.filter(|_| with > 0.0).map(|without| without / with)
}

struct Row<'a> {
    strategy: &'a str,
    together: Rates,
    alone: Option<Rates>,
    writers: Option<Rates>,
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

#[cfg(test)]
mod tests {
    use mapbench_results::{Group, Plan, Sample};

    use super::section;
    use crate::page::View;
    use crate::testing::{group, plan, provenance, slices, with};
    use crate::{Beside, Input};

    fn slice(workload: &str, threads: u32, strategy: &str, [ops, iterations, entries]: [u64; 3]) -> Sample {
        Sample {
            workload: workload.to_owned(),
            threads,
            ops: Some(ops),
            iterate_ops: Some(iterations),
            iterated_entries: Some(entries),
            ..slices(strategy, 0, 0, 1.0)
        }
    }

    fn page(samples: &[Sample]) -> String {
        let groups = samples.iter().map(Sample::group).collect::<std::collections::BTreeSet<Group>>();
        let provenance = provenance(Plan { groups: groups.into_iter().collect(), ..plan(&["a", "b"]) });
        let mut page = String::new();
        with(&provenance, |input| {
            let input = Input { samples, beside: Beside::default(), ..*input };
            page = section(&View::alone(input)).into_string();
        });
        page
    }

    #[test]
    fn a_run_in_which_nobody_iterates_has_no_section() {
        assert_eq!(page(&[slices("a", 0, 0, 1e6)]), "");
        assert_eq!(page(&[slice(&group().workload, 2, "a", [9, 0, 0])]), "");
    }

    #[test]
    fn iteration_stands_beside_what_it_is_alone_and_what_the_writers_are_without_it() {
        let page = page(&[
            // Slices of a second.
            slice("w", 2, "a", [3_000_100, 100, 2_000_000]),
            slice("w-alone", 1, "a", [400, 400, 8_000_000]),
            slice("w-writers", 1, "a", [4_500_000, 0, 0]),
            slice("w", 2, "b", [10, 10, 5_000_000]),
        ]);
        let cell = |values: &[&str]| -> String { values.iter().map(|v| format!("<td class=\"n\">{v}</td>")).collect() };
        let a = cell(&["2.00", "100", "3.00", "8.00", "4.00x", "4.50", "1.50x"]);
        assert!(page.contains(&format!("<th scope=\"row\">a</th>{a}")), "{page}");
        // Nothing to hold the other against.
        let b = cell(&["5.00", "10.0", "0", "–", "–", "–", "–"]);
        assert!(page.contains(&format!("<th scope=\"row\">b</th>{b}")), "{page}");
        assert_eq!(page.matches("<table").count(), 1, "{page}");
    }
}
