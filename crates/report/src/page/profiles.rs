//! Where the processors' time goes: the flame graphs of a run, which are files of their own.

use mapbench_results::{FlameGraph, Group, Status};
use maud::{Markup, html};

use super::View;
use crate::format;

/// Nothing if the run was not profiled.
pub(super) fn section(view: &View) -> Markup {
    let input = &view.input;
    let Some(plan) = &input.provenance.plan.profile_cpu else { return html! {} };
    let case = |group: &Group, title: &str| draw(view, group, title);
    let seconds = format::significant(plan.slice_ns as f64 / 1e9);
    let body = html! {
        p { "Flame graphs, of processes of their own in which nothing is timed: each thread was looked at " (plan.hertz) " times in a second of its processor's time, for " (seconds) " s. A frame is as wide as the share of the looks in which it was running; on top of it are those that it called. Time in which a thread waits asleep is not in them." }
        @if view.files.is_none() { p.hint { "The files are in the run's directory." } }
        (view.cases(case))
    };
    view.section("profiles", "Where the time goes", &body)
}

fn draw(view: &View, group: &Group, title: &str) -> Markup {
    let beside = &view.input.beside;
    let own: Vec<&FlameGraph> = beside.profiles.iter().filter(|graph| graph.is_of(group)).collect();
    if own.is_empty() {
        return html! { p.hint { (title) ": nothing was profiled." } };
    }
    let table = html! {
        table {
            thead { tr { th scope="col" { "strategy" } th scope="col" { "flame graph" } th.n scope="col" { "samples" } } }
            tbody {
                @for graph in own {
                    tr {
                        th scope="row" { (graph.strategy) }
                        @if let (Status::Ok, Some(samples)) = (graph.status, graph.samples) {
                            td { (link(&graph.file(), view.files.as_deref())) }
                            td.n { (samples) }
                        } @else { td colspan="2" { (format::status(graph.status)) ": " (graph.message) } }
                    }
                }
            }
        }
    };
    html! { figure { figcaption { (title) } (view.scroll(&format!("flame graphs, {title}"), &table)) } }
}

/// The file's name has no character that an address would need to have written otherwise. On paper too a link says where it
/// leads.
fn link(file: &str, files: Option<&str>) -> Markup {
    let path = files.map(|files| format!("{files}{file}"));
    html! { @if let Some(path) = path { a href=(path) { (path) } } @else { code { (file) } } }
}

#[cfg(test)]
mod tests {
    use mapbench_results::{FlameGraph, ProfilePlan, Status};

    use super::section;
    use crate::page::View;
    use crate::testing::{group, plan, provenance, with};
    use crate::{Beside, Input};

    #[test]
    fn a_run_that_was_not_profiled_has_no_section() {
        with(&provenance(plan(&["a"])), |input| assert_eq!(section(&View::alone(*input)).into_string(), ""));
    }

    #[test]
    fn a_flame_graph_is_linked_from_its_own_directory_and_a_missing_one_says_why() {
        let profile_cpu = Some(ProfilePlan { hertz: 499, slice_ns: 1_000_000_000 });
        let provenance = provenance(mapbench_results::Plan { profile_cpu, ..plan(&["a", "b"]) });
        let missing =
            |strategy, status, message: &str| FlameGraph::missing(&group(), strategy, status, message.to_owned());
        let drawn = FlameGraph { samples: Some(321), ..missing("a", Status::Ok, "") };
        let rows = [drawn, missing("b", Status::NotApplicable, "perf <is> not installed")];
        let page = |files: Option<&str>| {
            let mut page = String::new();
            with(&provenance, |input| {
                let beside = Beside { profiles: &rows, ..Beside::default() };
                let view = View::alone(Input { beside, ..*input }).with_files(files.map(str::to_owned));
                page = section(&view).into_string();
            });
            page
        };
        let home = page(Some("run/"));
        assert!(home.contains("<a href=\"run/profiles/w.read-90.threads-2.a.svg\">run/"), "{home}");
        assert!(home.contains("<td class=\"n\">321</td>") && home.contains("perf &lt;is&gt; not installed"), "{home}");
        let abroad = page(None);
        assert!(!abroad.contains("<a ") && abroad.contains("in the run's directory"), "{abroad}");
    }
}
