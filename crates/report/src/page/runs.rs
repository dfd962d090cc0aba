//! Several runs: their answers side by side, never pooled, and what differs between them.

use std::collections::BTreeSet;

use mapbench_results::Group;
use maud::{Markup, html};

use super::view::Choice;
use super::{View, answers, provenance};
use crate::format;
use crate::objective::Objective;

/// The answers of every run to every question that any of them asked.
pub(super) fn section(views: &[View]) -> Markup {
    let groups = groups(views);
    // What has a core each on every machine needs no remark; what has not is remarked at the run.
    let fewest = views.iter().map(|view| view.input.provenance.host.cores).min().unwrap_or(0);
    // What any run can tell; of the others it is said that they cannot.
    let tells = |objective: &Objective| views.iter().any(|view| Objective::of(&view.input).contains(objective));
    let objectives = [Objective::Throughput, Objective::P99, Objective::Memory];
    let objectives: Vec<Objective> = objectives.into_iter().filter(tells).collect();
    html! {
        section aria-labelledby="answer" {
            h2 id="answer" { "Which map, and where?" }
            p { "Each run is compared within itself, and its numbers are never mixed with another's: only the answers stand side by side." }
            (redefined(views))
            (answers::bar(&groups, fewest, "oversubscribed in some runs", &objectives))
            (answers_of(views, &groups, Objective::Throughput))
            @if objectives.contains(&Objective::P99) {
                details {
                    summary { "By the 99th percentile of the response time" }
                    p.hint { "Each run at the rate that it asked all of its maps for, which need not be that of another run." }
                    (answers_of(views, &groups, Objective::P99))
                }
            }
            details {
                summary { "By memory" }
                (answers_of(views, &groups, Objective::Memory))
            }
        }
        section aria-labelledby="differences" {
            h2 id="differences" { "What differs between the runs" }
            (differences(views))
        }
    }
}

fn answers_of(views: &[View], groups: &[Choice], objective: Objective) -> Markup {
    html! {
        dl.answers {
            @for choice in groups {
                @let label = format::group(choice.group, u32::MAX);
                (answers::entry(choice, objective, "memory", &label, &label, &side_by_side(views, choice.group, objective)))
            }
        }
    }
}

/// The groups of all runs, in the order in which they first appear.
fn groups<'a>(views: &[View<'a>]) -> Vec<Choice<'a>> {
    let mut seen = BTreeSet::new();
    views.iter().flat_map(View::choices).filter(|choice| seen.insert(choice.group)).collect()
}

fn side_by_side(views: &[View], group: &Group, objective: Objective) -> Markup {
    html! {
        div.side {
            @for view in views {
                div {
                    a href=(format!("#{}", view.anchor())) { (view.label()) }
                    br;
                    @if !Objective::of(&view.input).contains(&objective) {
                        "not measured in this run"
                    } @else if view.input.provenance.plan.groups.contains(group) {
                        (view.answer(group, objective))
                        @if objective == Objective::Memory { " (by " (view.memory_measure(group).label()) ")" }
                        @if group.threads > view.input.provenance.host.cores { " (oversubscribed)" }
                    } @else { "not measured in this run" }
                }
            }
        }
    }
}

/// A workload's name may mean one thing in one run and another in the next.
fn redefined(views: &[View]) -> Markup {
    let definitions = || views.iter().flat_map(|view| &view.input.provenance.plan.workloads);
    let names: BTreeSet<&str> = definitions()
        .filter(|(name, text)| definitions().any(|(other, otherwise)| other == *name && otherwise != *text))
        .map(|(name, _)| name.as_str())
        .collect();
    let names: Vec<&str> = names.into_iter().collect();
    html! {
        @if !names.is_empty() {
            p.warning { "Not the same in all runs, and not to be compared: the definition of " (format::and(&names)) "." }
        }
    }
}

/// A row a fact that is not the same in all runs, a column a run.
fn differences(views: &[View]) -> Markup {
    let mut rows: Vec<(String, Vec<String>)> = Vec::new();
    let facts: Vec<_> = views.iter().map(|view| provenance::facts(&view.input)).collect();
    for (place, (name, _)) in facts.first().into_iter().flatten().enumerate() {
        rows.push(((*name).to_owned(), facts.iter().map(|facts| facts[place].1.clone()).collect()));
    }
    let mut names = BTreeSet::new();
    for name in views.iter().flat_map(|view| &view.input.provenance.plan.strategies).filter(|name| names.insert(*name))
    {
        let version = |view: &View| {
            let declared = view.input.provenance.strategies.iter().find(|strategy| strategy.name == *name);
            declared.map_or_else(|| "not in this run".to_owned(), |declared| declared.version.clone())
        };
        rows.push((name.clone(), views.iter().map(version).collect()));
    }
    rows.retain(|(_, values)| values.windows(2).any(|pair| pair[0] != pair[1]));
    html! {
        @if rows.is_empty() { p { "Nothing that is recorded." } } @else {
            div.scroll tabindex="0" role="region" aria-label="Table: differences" {
                table {
                    thead { tr { td {} @for view in views { th scope="col" { (view.label()) } } } }
                    tbody {
                        @for (name, values) in &rows { tr { th scope="row" { (name) } @for value in values { td { (value) } } } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use mapbench_results::{Group, Percent, Provenance, Sample};

    use crate::testing::{machine, plan, provenance, slices};
    use crate::{Beside, Input, html, html_of};

    /// A run in which `first` is twice as fast as the other of a and b.
    fn run(host: &str, first: &str) -> (Provenance, Vec<Sample>) {
        let mut provenance = provenance(plan(&["a", "b"]));
        provenance.host.name = host.to_owned();
        let slice = |name: &str, at: u32| slices(name, at / 2, at % 2, if name == first { 2e8 } else { 1e8 });
        let samples = (0..6).flat_map(|at| ["a", "b"].map(|name| slice(name, at))).collect();
        (provenance, samples)
    }

    fn page(runs: &[(Provenance, Vec<Sample>)]) -> String {
        let machine = [machine(0, 100)];
        let input = |run| -> Input {
            let (provenance, samples): &(_, Vec<_>) = run;
            Input { provenance, samples, machine: &machine, cells: &[], beside: Beside::default() }
        };
        html_of(&runs.iter().map(input).collect::<Vec<_>>())
    }

    #[test]
    fn runs_stand_side_by_side_and_are_never_pooled() {
        let page = page(&[run("left", "a"), run("right", "b")]);
        let both = "Run 1: left</a><br>a leads; b is 2.00x slower [2.00, 2.00]</div><div><a href=\"#run2\">Run 2: right</a><br>b leads; a is 2.00x slower [2.00, 2.00]</div>";
        assert!(page.contains(both), "{page}");
        for label in ["w, 90 % reads, 2 threads", "w, 90 % reads, 2 threads, by memory"] {
            assert_eq!(page.matches(&format!("data-label=\"{label}\"")).count(), 1, "{label}");
        }
        assert!(page.contains("<td>left: cpu, 2 cores<td>right: cpu, 2 cores"));
        assert!(page.contains("Run 1: left</a>, no warning<p>"), "{page}");
        assert!(!page.contains("<th scope=row>kernel"), "a fact that all runs share is no difference");
    }

    #[test]
    fn every_element_of_every_run_has_a_name_of_its_own() {
        let page = page(&[run("left", "a"), run("right", "b")]);
        let mut ids: Vec<&str> =
            page.split(" id=\"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(id, _)| id).collect();
        let found = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), found, "{ids:?}");
        for named in page.split("aria-labelledby=\"").skip(1).filter_map(|rest| rest.split_once('"')) {
            assert!(named.0.split(' ').all(|id| ids.contains(&id)), "{} names nothing", named.0);
        }
    }

    #[test]
    fn what_only_one_run_asked_and_what_it_means_is_said() {
        let (mut left, right) = (run("left", "a"), run("right", "b"));
        left.0.plan.groups.push(Group { workload: "w".to_owned(), read_pct: Percent::whole(0), threads: 4 });
        left.0.plan.workloads.insert("w".to_owned(), "keys = 1".to_owned());
        left.0.strategies[0].version = "9.9.9".to_owned();
        let page = page(&[left, right]);
        assert!(page.contains("<option value=\"4\">4 (oversubscribed in some runs)"));
        assert!(page.contains("no map was measured (oversubscribed)") && page.contains("not measured in this run"));
        assert!(page.contains("not to be compared: the definition of w."));
        assert!(page.contains("<th scope=row>a<td>9.9.9<td>1.2.3"));
    }

    #[test]
    fn hostile_names_are_text_and_the_same_runs_make_the_same_page() {
        let evil = "</script><script>alert(1)</script>\"><img onerror=x>";
        let hostile = || {
            let (mut provenance, samples) = run(evil, "a");
            provenance.host.cpu = evil.to_owned();
            provenance.plan.workloads.insert(evil.to_owned(), evil.to_owned());
            provenance.plan.groups.push(Group { workload: evil.to_owned(), read_pct: Percent::whole(0), threads: 4 });
            (provenance, samples)
        };
        let page_of = || page(&[hostile(), run("right", "b")]);
        let page = page_of();
        assert!(!page.contains("<script>alert") && !page.contains("<img") && !page.contains("\"\">"), "{page}");
        assert_eq!(page, page_of());
    }

    #[test]
    fn one_run_is_the_page_of_that_run_and_none_is_a_page() {
        let (provenance, samples) = run("left", "a");
        let input =
            Input { provenance: &provenance, samples: &samples, machine: &[], cells: &[], beside: Beside::default() };
        assert_eq!(html_of(&[input]), html(&input));
        assert!(html_of(&[]).contains("There is no run to show."));
    }
}
