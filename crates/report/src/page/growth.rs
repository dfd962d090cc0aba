//! How maps grow: the time of each doubling, the longest single insert, what they hold before and after, and their drop.

use mapbench_results::Group;
use maud::{Markup, html};

use super::View;
use crate::format;
use crate::growth::{Growing, SUMS};

/// Nothing if no growth was looked at.
pub(super) fn section(view: &View) -> Markup {
    let input = &view.input;
    let plan = &input.provenance.plan;
    if plan.growth.is_none() {
        return html! {};
    }
    let body = html! {
        p { "Maps that are built small and grow: how long each doubling of their entries took, and the longest single insert of all, with every operation timed, which makes each some tens of nanoseconds longer than in the sweep. An insert whose thread is descheduled is long, whatever the map. Bytes are counted by the allocator in processes of their own. Medians over forks, but the longest insert is that of any. Dropping the whole map was timed in the sweep." }
        @for group in &plan.groups {
            @if let Some(growing) = Growing::of(input, group) { (draw(view, group, &growing)) }
        }
    };
    view.section("growth", "Growth", &body)
}

fn draw(view: &View, group: &Group, growing: &Growing) -> Markup {
    let title = format::group(group, view.input.provenance.host.cores);
    let doublings = growing.columns();
    let table = html! {
        table {
            thead {
                tr {
                    th rowspan="2" scope="col" { "strategy" }
                    @for column in SUMS { th.n rowspan="2" scope="col" { (column) } }
                    @if !doublings.is_empty() { th.n colspan=(doublings.len()) scope="colgroup" { "from half as many entries to" } }
                }
                tr { @for entries in &doublings { th.n scope="col" { (entries) } } }
            }
            tbody {
                @for map in &growing.maps {
                    tr {
                        th scope="row" { (map.strategy) }
                        @match map.sums() {
                            Ok(sums) => {
                                @for cell in sums { td.n { (cell) } }
                                @for cell in map.times(&growing.doublings) { td.n { (cell) } }
                            }
                            Err(reason) => td colspan=(SUMS.len() + doublings.len()) { (reason) },
                        }
                    }
                }
            }
        }
    };
    html! { figure.one { figcaption { (title) } (view.scroll(&format!("growth, {title}"), &table)) } }
}

#[cfg(test)]
mod tests {
    use mapbench_results::{Growth, GrowthPlan, Plan, Status};

    use super::section;
    use crate::page::View;
    use crate::testing::{group, grown, plan, provenance, slices, with};
    use crate::{Beside, Input};

    #[test]
    fn a_run_in_which_nothing_grew_has_no_section() {
        with(&provenance(plan(&["a"])), |input| assert_eq!(section(&View::alone(*input)).into_string(), ""));
    }

    #[test]
    fn doublings_bytes_the_longest_insert_and_the_drop_stand_by_the_map_that_is_done_first() {
        let growth = Some(GrowthPlan { forks: 3 });
        let provenance = provenance(Plan { growth, ..plan(&["slow", "quick", "copies"]) });
        let quick = |fork, at_ns, longest_ns| {
            grown("quick", fork, &[[0, 0, 0, 64], [1_024, at_ns, longest_ns, 30_000], [1_500, 2 * at_ns, 5, 60_000]])
        };
        let failed = Growth::unmeasured(&group(), "copies", 0, Status::TimedOut);
        let rows = [
            grown("slow", 0, &[[0, 0, 0, 0], [1_024, 900_000, 70, 0], [1_500, 950_000, 7, 0]]),
            quick(0, 4_000, 800),
            quick(1, 5_000, 900),
            quick(2, 6_000, 700),
            vec![Growth { message: "9 of 10 operations".to_owned(), ..failed }],
        ]
        .concat();
        let mut dropped = slices("quick", 0, 0, 1e6);
        dropped.drop_ns = Some(1_234_000);
        with(&provenance, |input| {
            let beside = Beside { growth: &rows, ..Beside::default() };
            let samples = [dropped.clone()];
            let page = section(&View::alone(Input { beside, samples: &samples, ..*input })).into_string();
            let row = "<th scope=\"row\">quick</th><td class=\"n\">900 ns</td><td class=\"n\">64</td>\
                       <td class=\"n\">60.0 k</td><td class=\"n\">1.23 ms</td><td class=\"n\">10.0 µs</td>\
                       <td class=\"n\">5.00 µs</td>";
            assert!(page.contains(row), "{page}");
            assert!(page.find("quick") < page.find("slow") && page.find("slow") < page.find("copies"), "{page}");
            assert!(page.contains("failed: timed out: 9 of 10 operations"), "{page}");
        });
    }
}
