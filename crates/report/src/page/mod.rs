//! One self-contained page: no request, no script needed, the same bytes for the same rows.

mod answers;
mod axis;
mod claims;
mod forecast;
mod growth;
mod heatmap;
mod iteration;
mod latency;
mod lines;
mod looks;
mod memory;
mod noise;
mod place;
mod profiles;
mod provenance;
mod reclamation;
mod runs;
mod self_test;
mod spread;
mod strategies;
mod table;
mod view;
mod winners;
mod workloads;

use mapbench_results::{Cell, Percent};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::{Input, complete, format, summarise};
use looks::Looks;
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
    html_linked(inputs, &[])
}

/// The same, with links to the files of each run: `files` has the way from the page to them, empty or ending in a slash, in
/// the order of the runs; `None` or nothing for those that cannot be reached from it.
#[must_use]
pub fn html_linked(inputs: &[Input], files: &[Option<String>]) -> String {
    let files = |run: usize| files.get(run).cloned().flatten();
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
            &parts(&View::alone(*input).with_files(files(0))),
        ),
        several => {
            let views = several.iter().enumerate();
            let views: Vec<View> =
                views.map(|(run, input)| View::one_of_several(*input, run + 1).with_files(files(run))).collect();
            let looks = Looks::of(views.iter().flat_map(|view| view.looks.names()).copied());
            let views: Vec<View> = views.into_iter().map(|view| view.with_looks(looks.clone())).collect();
            page(&format!("mapbench: concurrent maps in {} runs", views.len()), &contents(&views), &all(&views))
        }
    }
}

fn cells_so_far(input: &Input) -> Vec<Cell> {
    if input.cells.is_empty() {
        let mut cells = summarise(&input.provenance.plan, input.provenance.host.cores, input.samples);
        complete(&mut cells, input.beside.latency, input.beside.memory);
        cells
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
    compact(page.into_string())
}

/// The same page in fewer bytes: without the end tags that HTML lets one leave out, and with the shorter of two ways to write
/// a tag. A page of a sweep has tens of thousands of cells. Text cannot be meant: in text `<` is written `&lt;`.
fn compact(mut page: String) -> String {
    const SHORTER: [(&str, &str); 15] = [
        ("</td>", ""),
        ("</th>", ""),
        ("</tr>", ""),
        ("</dt>", ""),
        ("</dd>", ""),
        ("</li>", ""),
        ("</option>", ""),
        ("></line>", "/>"),
        ("></path>", "/>"),
        ("></circle>", "/>"),
        ("></polyline>", "/>"),
        ("></polygon>", "/>"),
        ("<td class=\"n\">", "<td class=n>"),
        ("<th scope=\"col\">", "<th scope=col>"),
        ("<th scope=\"row\">", "<th scope=row>"),
    ];
    for (long, short) in SHORTER {
        page = page.replace(long, short);
    }
    page
}

fn machine(input: &Input) -> Markup {
    let host = &input.provenance.host;
    html! { p { (host.cpu) ", " (format::counted(host.cores, "core")) ", " (host.kernel) "; " (input.provenance.started) } }
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
    html! {
        (noise::warnings(view))
        (answers::section(view))
        (winners::section(view))
        (heatmap::section(view))
        (lines::section(view))
        (latency::section(view))
        (memory::section(view))
        (reclamation::section(view))
        (growth::section(view))
        (iteration::section(view))
        (profiles::section(view))
        (overall(view))
        (table::section(view))
        (claims::section(view))
        (strategies::section(view))
        (workloads::section(view))
        (noise::section(view))
        (spread::section(view))
        (self_test::section(view))
        (provenance::section(view))
    }
}

/// A share of reads; with its workload where there are several.
fn mix(input: &Input, workload: &str, read_pct: Percent) -> String {
    let alone = input.provenance.plan.groups.iter().all(|group| group.workload == workload);
    if alone { format!("{read_pct} % reads") } else { format!("{workload}, {read_pct} % reads") }
}

fn overall(view: &View) -> Markup {
    let rank = &view.rank;
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
mod tests;
