//! One self-contained page: no request, no script needed, the same bytes for the same rows.

mod heatmap;
mod lines;
mod noise;
mod provenance;
mod strategies;
mod table;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::rank::rank;
use crate::{Input, answer, format};

/// Nothing may be fetched; what runs and styles is in the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/// The page of a run.
#[must_use]
pub fn html(input: &Input) -> String {
    let host = &input.provenance.host;
    let title = format!("mapbench: concurrent maps on {}", host.cpu);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                header {
                    h1 { "Concurrent maps, side by side" }
                    p { (host.cpu) ", " (cores(host.cores)) ", " (host.kernel) "; " (input.provenance.started) }
                }
                main {
                    (noise::warnings(input))
                    (answers(input))
                    (heatmap::section(input))
                    (lines::section(input))
                    (overall(input))
                    (table::section(input))
                    (strategies::section(input))
                    (noise::section(input))
                    (provenance::section(input))
                }
                script { (PreEscaped(include_str!("script.js"))) }
            }
        }
    };
    page.into_string()
}

fn cores(n: u32) -> String {
    format!("{n} core{}", if n == 1 { "" } else { "s" })
}

/// The answers at the largest number of threads that have a core each.
fn answers(input: &Input) -> Markup {
    let cores = input.provenance.host.cores;
    let groups = &input.provenance.plan.groups;
    let threads = groups.iter().map(|group| group.threads).filter(|threads| *threads <= cores).max();
    let chosen: Vec<_> = groups.iter().filter(|group| threads.is_none_or(|threads| group.threads == threads)).collect();
    html! {
        section aria-labelledby="answer" {
            h2 id="answer" { "Which map, and by how much?" }
            @if let Some(threads) = threads {
                p { "At " (format::threads(threads)) ", each with a core to itself:" }
            } @else {
                p { "Every measured number of threads is above the number of cores: no map shows how it scales here." }
            }
            dl.answers {
                @for group in chosen {
                    div {
                        dt { (group.workload) ", " (group.read_pct) " % reads" @if threads.is_none() { ", " (format::threads(group.threads)) } }
                        dd { (answer::sentence(input.cells, group)) }
                    }
                }
            }
            p.hint { "“Tie”: the 95 % interval of the ratio covers 1. Slowdowns are ratios within rounds, in which all maps run side by side, a slice each in turn." }
        }
    }
}

fn overall(input: &Input) -> Markup {
    let rank = rank(input);
    html! {
        section aria-labelledby="rank" {
            h2 id="rank" { "Over all cells" }
            p { "Slowdown to the best of each cell, geometric mean over the " (rank.cells) " cells that all of these share. A mean over cells hides which cell is yours: read your own row above first." }
            div.scroll tabindex="0" role="region" aria-labelledby="rank" {
                table {
                    thead { tr { th scope="col" { "strategy" } th.n scope="col" { "slowdown" } th.n scope="col" { "95 % interval" } th.n scope="col" { "best or tied" } th.n scope="col" { "to the first" } } }
                    tbody {
                        @for (place, ranked) in rank.ranked.iter().enumerate() {
                            tr {
                                th scope="row" { (ranked.strategy) }
                                td.n { (format::significant(ranked.slowdown.estimate)) "x" }
                                td.n { (format::interval(&ranked.slowdown)) }
                                td.n { (ranked.leads) " of " (rank.cells) }
                                td.n { (ranked.to_first(place)) }
                            }
                        }
                    }
                }
            }
            @if !rank.left_out.is_empty() {
                details {
                    summary { "Not ranked: " (rank.left_out.len()) }
                    ul { @for (strategy, reason) in &rank.left_out { li { (strategy) ": " (reason) } } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::html;
    use crate::testing::with_input;

    const NAMES: [&str; 4] = ["papaya", "scc", "dashmap", "frozen"];

    #[test]
    fn the_page_has_its_parts_and_asks_nobody_for_anything() {
        let page = with_input(NAMES, html);
        for part in [
            "id=\"answer\"",
            "id=\"heatmap\"",
            "id=\"lines\"",
            "id=\"cells\"",
            "id=\"strategies\"",
            "id=\"provenance\"",
            "<svg",
        ] {
            assert!(page.contains(part), "{part} is missing");
        }
        for request in ["http://", "https://", "src=", "@import", "url("] {
            let found = page.replace("http://www.w3.org/2000/svg", "").contains(request);
            assert!(!found, "the page holds {request}");
        }
        assert!(page.contains("default-src 'none'"));
        assert!(page.contains("n/a") && page.contains("no insert: the map is immutable"));
    }

    #[test]
    fn the_same_rows_make_the_same_page() {
        assert_eq!(with_input(NAMES, html), with_input(NAMES, html));
    }

    #[test]
    fn hostile_names_are_text() {
        let name = "</script><script>alert(1)</script>";
        let page = with_input([name, "\"><img onerror=x>", "'", "frozen"], html);
        assert!(!page.contains("<script>alert") && !page.contains("<img"));
        assert!(page.contains("&lt;/script&gt;&lt;script&gt;alert(1)"));
    }
}
