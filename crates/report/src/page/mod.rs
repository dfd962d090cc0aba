//! One self-contained page: no request, no script needed, the same bytes for the same rows.

mod answers;
mod axis;
mod claims;
mod forecast;
mod heatmap;
mod latency;
mod lines;
mod memory;
mod noise;
mod place;
mod provenance;
mod reclamation;
mod runs;
mod self_test;
mod spread;
mod strategies;
mod table;
mod view;
mod winners;

use mapbench_results::{Cell, Percent};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::rank::{Rank, rank};
use crate::{Input, format, summarise};
use view::View;

pub use claims::html_of_claims;
pub use forecast::forecast_html;

/// Nothing may be fetched; what runs and styles is in the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// The page of a run. The cells of an unfinished run, which has none yet, are summarised here.
#[must_use]
pub fn html(input: &Input) -> String {
    html_of(std::slice::from_ref(input))
}

/// The page of several runs, one after the other: their answers are set side by side, their numbers never mixed.
#[must_use]
pub fn html_of(inputs: &[Input]) -> String {
    let so_far: Vec<Vec<Cell>> = inputs.iter().map(cells_so_far).collect();
    let inputs: Vec<Input> = inputs
        .iter()
        .zip(&so_far)
        .map(|(input, so_far)| if input.cells.is_empty() { Input { cells: so_far, ..*input } } else { *input })
        .collect();
    match inputs.as_slice() {
        [] => page("mapbench: no run", &html! {}, &html! { p { "There is no run to show." } }),
        [input] => page(
            &format!("mapbench: concurrent maps on {}", input.provenance.host.cpu),
            &machine(input),
            &parts(&View::alone(*input)),
        ),
        several => {
            let views: Vec<View> =
                several.iter().zip(1..).map(|(input, place)| View::one_of_several(*input, place)).collect();
            page(&format!("mapbench: concurrent maps in {} runs", views.len()), &contents(&views), &all(&views))
        }
    }
}

fn cells_so_far(input: &Input) -> Vec<Cell> {
    if input.cells.is_empty() {
        summarise(&input.provenance.plan, input.provenance.host.cores, input.samples)
    } else {
        Vec::new()
    }
}

fn page(title: &str, about: &Markup, main: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                // Without it browsers ask the server for one.
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                header {
                    h1 { "Concurrent maps, side by side" }
                    (about)
                }
                main { (main) }
                script { (PreEscaped(include_str!("script.js"))) }
            }
        }
    };
    page.into_string()
}

fn machine(input: &Input) -> Markup {
    let host = &input.provenance.host;
    html! { p { (host.cpu) ", " (cores(host.cores)) ", " (host.kernel) "; " (input.provenance.started) } }
}

fn contents(views: &[View]) -> Markup {
    html! {
        nav aria-label="Runs" {
            ul { @for view in views { li { a href=(format!("#{}", view.anchor())) { (view.label()) } ", " (noise::count(&view.input)) (machine(&view.input)) } } }
        }
    }
}

fn all(views: &[View]) -> Markup {
    html! {
        (runs::section(views))
        @for view in views {
            section.run aria-labelledby=(view.anchor()) {
                h2 id=(view.anchor()) { (view.label()) }
                (machine(&view.input))
                (parts(view))
            }
        }
    }
}

fn parts(view: &View) -> Markup {
    let rank = rank(&view.input);
    html! {
        (noise::warnings(view))
        (answers::section(view))
        (winners::section(view))
        (heatmap::section(view))
        (lines::section(view, &rank))
        (latency::section(view))
        (memory::section(view))
        (reclamation::section(view))
        (overall(view, &rank))
        (table::section(view))
        (claims::section(view))
        (strategies::section(view))
        (noise::section(view))
        (spread::section(view))
        (self_test::section(view))
        (provenance::section(view))
    }
}

fn cores(n: u32) -> String {
    format!("{n} core{}", if n == 1 { "" } else { "s" })
}

/// A share of reads; with its workload where there are several.
fn mix(input: &Input, workload: &str, read_pct: Percent) -> String {
    let alone = input.provenance.plan.groups.iter().all(|group| group.workload == workload);
    if alone { format!("{read_pct} % reads") } else { format!("{workload}, {read_pct} % reads") }
}

fn overall(view: &View, rank: &Rank) -> Markup {
    let table = html! {
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
    };
    let body = html! {
        p { "Slowdown to the best of each cell, geometric mean over the " (rank.cells) " cells that all of these share. A mean over cells hides which cell is yours: read your own row above first. To the first: the ratio to the first of this table, round by round over the same cells." }
        @if !rank.ranked.is_empty() { (view.scroll("rank", &table)) }
        @if !rank.left_out.is_empty() {
            details {
                summary { "Not ranked: " (rank.left_out.len()) }
                ul { @for (strategy, reason) in &rank.left_out { li { (strategy) ": " (reason) } } }
            }
        }
    };
    view.section("rank", "Over all cells", &body)
}

#[cfg(test)]
mod tests {
    use super::html;
    use crate::testing::{sweep, with_input};
    use crate::{Beside, Input, summarise};

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
    fn a_whole_sweep_fits_in_a_megabyte() {
        let (provenance, samples) = sweep(26);
        let cells = summarise(&provenance.plan, 2, &samples);
        let page = html(&Input {
            provenance: &provenance,
            samples: &samples,
            machine: &[],
            cells: &cells,
            beside: Beside::default(),
        });
        assert!(page.len() < 1 << 20, "{} bytes", page.len());
        for scale in ["log", "linear"] {
            assert_eq!(page.matches(&format!("<svg class=\"{scale}\"")).count(), 5);
        }
        assert!(page.contains("At 2 threads, each with a core to itself"));
        for threads in ["1 thread<", "4 threads (oversubscribed)<"] {
            assert!(page.contains(&format!("w, 50 % reads, {threads}")), "{threads}");
        }
    }

    #[test]
    fn an_unfinished_run_shows_what_it_has() {
        let (mut provenance, samples) = sweep(2);
        provenance.finished = None;
        let page = html(&Input {
            provenance: &provenance,
            samples: &samples,
            machine: &[],
            cells: &[],
            beside: Beside::default(),
        });
        assert!(page.contains("The run is unfinished") && page.contains("s0 leads; s1 is "), "{page}");
    }

    #[test]
    fn nothing_and_a_single_strategy_make_a_page() {
        let (provenance, samples) = sweep(1);
        let page = |samples: &[_]| {
            html(&Input { provenance: &provenance, samples, machine: &[], cells: &[], beside: Beside::default() })
        };
        assert!(page(&samples).contains("s0 alone was measured"));
        assert!(page(&[]).contains("no map was measured") && page(&[]).contains("not measured"));
    }

    #[test]
    fn the_same_rows_make_the_same_page() {
        assert_eq!(with_input(NAMES, html), with_input(NAMES, html));
        let page = || {
            let (provenance, samples) = sweep(9);
            html(&Input {
                provenance: &provenance,
                samples: &samples,
                machine: &[],
                cells: &[],
                beside: Beside::default(),
            })
        };
        assert!(page() == page(), "a page of more than a few cells");
    }

    #[test]
    fn hostile_names_are_text() {
        let name = "</script><script>alert(1)</script>";
        let page = with_input([name, "\"><img onerror=x>", "'", "frozen"], html);
        assert!(!page.contains("<script>alert") && !page.contains("<img"));
        assert!(page.contains("&lt;/script&gt;&lt;script&gt;alert(1)"));
    }

    /// Every text that a file can hold, but for the words that the program knows.
    #[test]
    fn hostile_files_are_text() {
        const EVIL: &str = "</script><script>alert(1)</script>\"><img onerror=x>";
        let evil = || EVIL.to_owned();
        let (mut provenance, mut samples) = sweep(1);
        let plan = &mut provenance.plan;
        plan.groups.iter_mut().for_each(|group| group.workload = evil());
        (plan.strategies, plan.workloads) = (vec![evil()], [(evil(), evil())].into());
        (plan.profile, plan.hasher) = (evil(), evil());
        for sample in &mut samples {
            (sample.workload, sample.strategy) = (evil(), evil());
        }
        let host = &mut provenance.host;
        for text in [&mut host.name, &mut host.cpu, &mut host.caches, &mut host.kernel] {
            *text = evil();
        }
        (host.governor, host.virtualisation) = (Some(evil()), Some(evil()));
        let build = &mut provenance.build;
        for text in [&mut build.rustc, &mut build.target, &mut build.flags, &mut build.allocator] {
            *text = evil();
        }
        build.revision = Some(evil());
        let declared = &mut provenance.strategies[0];
        for text in [
            &mut declared.name,
            &mut declared.upstream,
            &mut declared.version,
            &mut declared.summary,
            &mut declared.consistency,
            &mut declared.iteration,
            &mut declared.read_progress,
            &mut declared.reclamation,
            &mut declared.configuration,
            &mut declared.notes,
        ] {
            *text = evil();
        }
        declared.unsupported = vec![evil()];
        (provenance.command, provenance.checksums) = (vec![evil()], [(evil(), evil())].into());
        (provenance.started, provenance.finished) = (evil(), Some(evil()));
        let page = html(&Input {
            provenance: &provenance,
            samples: &samples,
            machine: &[],
            cells: &[],
            beside: Beside::default(),
        });
        assert!(!page.contains("<img") && !page.contains("\"\">"), "{page}");
        assert_eq!((page.matches("<script").count(), page.matches("</script").count()), (1, 1));
        assert!(page.matches("&lt;/script&gt;&lt;script&gt;alert(1)").count() > 100);
    }
}
