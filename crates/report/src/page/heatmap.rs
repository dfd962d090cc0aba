//! Slowdown of every strategy in every cell.

use std::collections::HashMap;

use mapbench_results::{Cell, Group, Status};
use maud::{Markup, html};

use crate::{Input, LIMITS, format};

/// Upper bounds of the colour steps; the last step has none.
const STEPS: [f64; 7] = [1.1, 1.5, 2.0, 4.0, 10.0, 40.0, 200.0];

pub(super) fn section(input: &Input) -> Markup {
    let plan = &input.provenance.plan;
    let cores = input.provenance.host.cores;
    let cells: HashMap<(Group, &str), &Cell> =
        input.cells.iter().map(|cell| ((cell.group(), cell.strategy.as_str()), cell)).collect();
    html! {
        section aria-labelledby="heatmap" {
            h2 id="heatmap" { "Slowdown to the best" }
            p { "How many times slower than the fastest map of the column. A dot marks a tie with the fastest; thread counts marked * exceed the " (super::cores(cores)) " of the machine and say nothing about scaling. Limits are not contenders, and may be below 1." }
            div.scroll tabindex="0" role="region" aria-labelledby="heatmap" {
                table.heat {
                    thead {
                        tr {
                            td {}
                            @for (label, span) in spans(plan.groups.iter().map(|group| format!("{} % reads", group.read_pct))) {
                                th scope="colgroup" colspan=(span) { (label) }
                            }
                        }
                        tr {
                            td {}
                            @for group in &plan.groups {
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
                                @for group in &plan.groups {
                                    (square(cells.get(&(group.clone(), strategy.as_str())).copied()))
                                }
                            }
                        }
                    }
                }
            }
            p.hint { "Columns are threads. n/a: the strategy cannot do this; det.: it stopped at a misuse, which is its result; failed: it did not survive. The reason is in the table below, and on hover." }
        }
    }
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
            let title = format!("{} {}", cell.strategy, format::slowdown(cell).unwrap_or_default());
            html! {
                td class=(class) title=(title) { (format::significant(slowdown)) @if cell.tied { span.tie { "●" span.sr { " tied" } } } }
            }
        }
        (Status::Ok, None) => html! { td.none title="too few slices for a ratio" { "–" } },
        (Status::NotApplicable, _) => html! { td.none title=(cell.message) { "n/a" } },
        (Status::Detected, _) => html! { td.detected title=(cell.message) { "det." } },
        (status, _) => html! { td.failed title=(format!("{}: {}", format::status(status), cell.message)) { "failed" } },
    }
}
