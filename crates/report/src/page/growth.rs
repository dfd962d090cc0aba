//! How maps grow: the time of each doubling, the longest single insert, what they hold before and after, and their drop.

use mapbench_results::{Group, Growth, Status};
use mapbench_stats::median;
use maud::{Markup, html};

use super::View;
use crate::format;
use crate::latency::duration;

/// Nothing if no growth was looked at.
pub(super) fn section(view: &View) -> Markup {
    let input = &view.input;
    if input.provenance.plan.growth.is_none() {
        return html! {};
    }
    let cores = input.provenance.host.cores;
    let groups = input.provenance.plan.groups.iter();
    let grown = groups.filter(|group| input.beside.growth.iter().any(|row| row.is_of(group)));
    let body = html! {
        p { "Maps that are built small and grow: how long each doubling of their entries took, and the longest single insert of all, with every operation timed, which makes each some tens of nanoseconds longer than in the sweep. Bytes are counted by the allocator in processes of their own. Medians over forks, but the longest insert is that of any. Dropping the whole map was timed in the sweep." }
        @for group in grown { (draw(view, group, &format::group(group, cores))) }
    };
    view.section("growth", "Growth", &body)
}

fn draw(view: &View, group: &Group, title: &str) -> Markup {
    let input = &view.input;
    let mut maps: Vec<Grown> = input
        .provenance
        .plan
        .strategies
        .iter()
        .filter_map(|strategy| Grown::of(input.beside.growth, group, strategy))
        .collect();
    maps.sort_by_key(Grown::whole_ns);
    let mut doublings: Vec<u64> = maps.iter().flat_map(|map| map.steps.iter().map(|step| step.entries)).collect();
    doublings.sort_unstable();
    doublings.dedup();
    let table = html! {
        table {
            thead {
                tr {
                    th rowspan="2" scope="col" { "strategy" }
                    th.n rowspan="2" scope="col" { "longest insert" }
                    th.n colspan="2" scope="colgroup" { "bytes held" }
                    th.n rowspan="2" scope="col" { "drop" }
                    @if !doublings.is_empty() { th.n colspan=(doublings.len()) scope="colgroup" { "time to grow to so many entries, from half as many" } }
                    th.n rowspan="2" scope="col" { "to the end" }
                }
                tr {
                    th.n scope="col" { "before" }
                    th.n scope="col" { "after" }
                    @for entries in &doublings { th.n scope="col" { (format::count(*entries)) } }
                }
            }
            tbody {
                @for map in &maps {
                    tr {
                        th scope="row" { (map.strategy) }
                        @if let Some(failure) = map.failure { td colspan=(doublings.len() + 5) { (format::status(failure.status)) ": " (failure.message) } }
                        @else {
                            td.n { (map.longest_ns.map_or_else(dash, duration)) }
                            td.n { (map.before_bytes.map_or_else(dash, |bytes| format::count(bytes as u64))) }
                            td.n { (map.after_bytes.map_or_else(dash, |bytes| format::count(bytes as u64))) }
                            td.n { (dropped(view, group, map.strategy).map_or_else(dash, |ns| duration(ns as u64))) }
                            @for entries in &doublings {
                                td.n { (map.steps.iter().find(|step| step.entries == *entries).map_or_else(dash, |step| duration(step.took_ns as u64))) }
                            }
                            td.n { (duration(map.whole_ns())) }
                        }
                    }
                }
            }
        }
    };
    html! { figure { figcaption { (title) } (view.scroll(&format!("growth, {title}"), &table)) } }
}

fn dash() -> String {
    "–".to_owned()
}

/// Median over slices of the time that dropping the map took.
fn dropped(view: &View, group: &Group, strategy: &str) -> Option<f64> {
    let own = view.input.samples.iter().filter(|row| row.strategy == strategy && row.is_of(group));
    median(&own.filter_map(|row| Some(row.drop_ns? as f64)).collect::<Vec<_>>())
}

/// Median of what rows have of a field.
fn middle<'r>(rows: impl Iterator<Item = &'r Growth>, field: fn(&Growth) -> Option<u64>) -> Option<f64> {
    median(&rows.filter_map(|row| Some(field(row)? as f64)).collect::<Vec<_>>())
}

/// A doubling; the median over forks.
struct Doubling {
    entries: u64,
    took_ns: f64,
}

/// How a map of a group grew.
struct Grown<'a> {
    strategy: &'a str,
    /// Set if no fork was measured.
    failure: Option<&'a Growth>,
    longest_ns: Option<u64>,
    before_bytes: Option<f64>,
    after_bytes: Option<f64>,
    steps: Vec<Doubling>,
    /// From the first operation to the last.
    whole_ns: Option<f64>,
}

impl<'a> Grown<'a> {
    fn of(rows: &'a [Growth], group: &Group, strategy: &'a str) -> Option<Self> {
        let own: Vec<&Growth> = rows.iter().filter(|row| row.strategy == strategy && row.is_of(group)).collect();
        let measured: Vec<&Growth> = own.iter().copied().filter(|row| row.status == Status::Ok).collect();
        let failure = if measured.is_empty() { Some(*own.first()?) } else { None };
        // The steps between the first, which took no time, and the last, which is no doubling.
        let is_last = |row: &&Growth| !measured.iter().any(|other| other.fork == row.fork && other.step > row.step);
        let between = || measured.iter().copied().filter(|row| row.step > 0 && !is_last(row));
        let mut entries: Vec<u64> = between().filter_map(|row| row.entries).collect();
        entries.sort_unstable();
        entries.dedup();
        let doubling = |entries: u64| {
            let own = between().filter(|row| row.entries == Some(entries));
            Some(Doubling { entries, took_ns: middle(own, |row| row.took_ns)? })
        };
        let last = || measured.iter().copied().filter(|row| is_last(row));
        Some(Self {
            strategy,
            failure,
            longest_ns: measured.iter().filter_map(|row| row.longest_ns).max(),
            before_bytes: middle(measured.iter().copied().filter(|row| row.step == 0), |row| row.held_bytes),
            after_bytes: middle(last(), |row| row.held_bytes),
            steps: entries.into_iter().filter_map(doubling).collect(),
            whole_ns: middle(last(), |row| row.at_ns),
        })
    }

    fn whole_ns(&self) -> u64 {
        self.whole_ns.map_or(u64::MAX, |ns| ns as u64)
    }
}

#[cfg(test)]
mod tests {
    use mapbench_results::{Growth, GrowthPlan, Plan, Status};

    use super::section;
    use crate::page::View;
    use crate::testing::{group, plan, provenance, slices, with};
    use crate::{Beside, Input};

    fn grown(strategy: &str, fork: u32, steps: &[[u64; 4]]) -> Vec<Growth> {
        let mut before_ns = 0;
        let step = |(step, [entries, at_ns, longest_ns, held_bytes]): (u32, &[u64; 4])| {
            let took_ns = at_ns - std::mem::replace(&mut before_ns, *at_ns);
            let row = Growth::unmeasured(&group(), strategy, fork, Status::Ok);
            let [entries, at_ns, took_ns, longest_ns, held_bytes] =
                [*entries, *at_ns, took_ns, *longest_ns, *held_bytes].map(Some);
            Growth { step, entries, at_ns, took_ns, longest_ns, held_bytes, ..row }
        };
        (0..).zip(steps).map(step).collect()
    }

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
                       <td class=\"n\">60.0 k</td><td class=\"n\">1.23 ms</td><td class=\"n\">5.00 µs</td>\
                       <td class=\"n\">10.0 µs</td>";
            assert!(page.contains(row), "{page}");
            assert!(page.find("quick") < page.find("slow") && page.find("slow") < page.find("copies"), "{page}");
            assert!(page.contains("failed: timed out: 9 of 10 operations"), "{page}");
        });
    }
}
