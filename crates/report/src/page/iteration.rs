//! What iteration and writers cost each other: entries a second alone and beside writers, and the writers' rate with and
//! without somebody who iterates.

use mapbench_results::Group;
use maud::{Markup, html};

use super::View;
use crate::format;
use crate::iteration::{ABOUT, COLUMNS, Iterated, iterated};

/// Nothing if nobody iterated.
pub(super) fn section(view: &View) -> Markup {
    let groups = view.input.provenance.plan.groups.iter();
    let cases = groups.map(|group| (group, iterated(&view.input, group))).filter(|(_, maps)| !maps.is_empty());
    let cases: Vec<(&Group, Vec<Iterated>)> = cases.collect();
    if cases.is_empty() {
        return html! {};
    }
    let body = html! {
        p { "What iterations saw, and what the other operations did meanwhile. Alone: the workload that is named so, " code { "-alone" } " behind it, on one thread. Without iteration: the one with " code { "-writers" } ", on one thread less, which is the one that iterates. They were measured in other rounds, so that these ratios are of medians and carry the machine's moods." }
        @for (group, maps) in &cases { (draw(view, group, maps)) }
    };
    view.section("iteration", "Iteration", &body)
}

fn draw(view: &View, group: &Group, maps: &[Iterated]) -> Markup {
    let title = format::group(group, view.input.provenance.host.cores);
    let table = html! {
        table {
            thead {
                tr {
                    th rowspan="2" scope="col" { "strategy" }
                    @for (about, columns) in ABOUT { th.n colspan=(columns) scope="colgroup" { (about) } }
                }
                tr { @for column in COLUMNS { th.n scope="col" { (column) } } }
            }
            tbody { @for map in maps { tr { th scope="row" { (map.strategy) } @for cell in map.cells() { td.n { (cell) } } } } }
        }
    };
    html! { figure.one { figcaption { (title) } (view.scroll(&format!("iteration, {title}"), &table)) } }
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
