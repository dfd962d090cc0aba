//! Slowdown of every strategy in every cell.

use std::collections::HashMap;

use mapbench_results::{Cell, Group, Status};
use maud::{Markup, html};

use super::View;
use crate::{LIMITS, format};

/// Upper bounds of the colour steps; the last step has none.
const STEPS: [f64; 7] = [1.1, 1.5, 2.0, 4.0, 10.0, 40.0, 200.0];

pub(super) fn section(view: &View) -> Markup {
    let input = &view.input;
    let plan = &input.provenance.plan;
    let cores = input.provenance.host.cores;
    let cells: HashMap<(Group, &str), &Cell> =
        input.cells.iter().map(|cell| ((cell.group(), cell.strategy.as_str()), cell)).collect();
    let table = |groups: &[Group]| {
        html! {
            table.heat {
                thead {
                    tr {
                        td {}
                        @for (label, span) in spans(groups.iter().map(|group| super::mix(input, &group.workload, group.read_pct))) {
                            th scope="colgroup" colspan=(span) { (label) }
                        }
                    }
                    tr {
                        td {}
                        @for group in groups {
                            th scope="col" title=(format::group(group, cores)) {
                                (group.threads) @if group.threads > cores { "*" }
                            }
                        }
                    }
                }
                tbody {
                    @for strategy in &plan.strategies {
                        tr {
                            th scope="row" {
                                (strategy)
                                @if LIMITS.contains(&strategy.as_str()) { " " small { "limit" } }
                            }
                            @for group in groups {
                                (square(cells.get(&(group.clone(), strategy.as_str())).copied()))
                            }
                        }
                    }
                }
            }
        }
    };
    let parts = parts(&plan.groups);
    let body = html! {
        p { "How many times slower than the fastest map of the column. A dot marks the fastest and whatever ties with it; thread counts marked * exceed the " (format::counted(cores, "core")) " of the machine and say nothing about scaling. Limits are not contenders, and may be below 1." }
        (legend())
        @for (place, part) in parts.iter().enumerate() {
            (view.scroll(&if parts.len() == 1 { "heatmap".to_owned() } else { format!("heatmap, part {} of {}", place + 1, parts.len()) }, &table(part)))
        }
        p.hint { "Columns are threads. n/a: the strategy cannot do this; detected: it stopped at a misuse, which is its result; failed: it did not survive; few: measured, but too seldom for a comparison. The reason is in the table of all cells, and on hover." }
    };
    view.section("heatmap", "Slowdown to the best", &body)
}

fn legend() -> Markup {
    let mut bounds = vec![format!("below {}", STEPS[0])];
    bounds.extend(STEPS.windows(2).map(|pair| format!("{} to {}", pair[0], pair[1])));
    bounds.push(format!("{} and more", STEPS[STEPS.len() - 1]));
    html! {
        ul.legend aria-label="Colours" {
            @for (step, bound) in bounds.iter().enumerate() { li class=(format!("s{step}")) { (bound) } }
        }
    }
}

/// Columns of a table; more would not fit a printed page.
const COLUMNS: usize = 20;

/// Groups that share a table: no share of reads is divided unless it fills one alone.
fn parts(groups: &[Group]) -> Vec<Vec<Group>> {
    let mut parts: Vec<Vec<Group>> = Vec::new();
    for mix in groups.chunk_by(|a, b| a.workload == b.workload && a.read_pct == b.read_pct) {
        match parts.last_mut() {
            Some(part) if part.len() + mix.len() <= COLUMNS => part.extend_from_slice(mix),
            _ => parts.extend(mix.chunks(COLUMNS).map(<[Group]>::to_vec)),
        }
    }
    parts
}

/// Runs of equal labels.
fn spans(labels: impl Iterator<Item = String>) -> Vec<(String, usize)> {
    let mut spans: Vec<(String, usize)> = Vec::new();
    for label in labels {
        match spans.last_mut() {
            Some((last, span)) if *last == label => *span += 1,
            _ => spans.push((label, 1)),
        }
    }
    spans
}

fn square(cell: Option<&Cell>) -> Markup {
    let Some(cell) = cell else { return html! { td.none { "–" } } };
    match (cell.status, cell.slowdown) {
        (Status::Ok, Some(slowdown)) => {
            let step = STEPS.iter().filter(|bound| slowdown >= **bound).count();
            let class = format!("s{step}");
            let title = format::slowdown_interval(cell);
            html! {
                td class=(class) title=[title] { (format::significant(slowdown)) @if cell.tied { " " span.tie aria-hidden="true" { "●" } span.sr { " tied" } } }
            }
        }
        (Status::Ok, None) => html! { td.none title=(format::reason(cell)) { "few" } },
        (Status::NotApplicable, _) => html! { td.none title=(format::reason(cell)) { "n/a" } },
        (Status::Detected, _) => html! { td.detected title=(format::reason(cell)) { "detected" } },
        _ => html! { td.failed title=(format::reason(cell)) { "failed" } },
    }
}

#[cfg(test)]
mod tests {
    use mapbench_results::Percent;

    use super::parts;
    use crate::testing::group;

    #[test]
    fn a_table_is_no_wider_than_a_page_and_divides_no_mix() {
        let groups = |mixes: u8, threads: u32| -> Vec<_> {
            let of = move |read_pct| (1..=threads).map(move |threads| (Percent::whole(read_pct), threads));
            let group = |(read_pct, threads)| mapbench_results::Group { read_pct, threads, ..group() };
            (0..mixes).flat_map(of).map(group).collect()
        };
        let widths = |mixes, threads| parts(&groups(mixes, threads)).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(widths(5, 4), [20]);
        assert_eq!(widths(9, 6), [18, 18, 18]);
        assert_eq!(widths(1, 25), [20, 5]);
        assert_eq!(parts(&groups(9, 6)).concat(), groups(9, 6));
    }
}
