//! The answers: a list that is complete by itself, and a bar that brings one of them to the top.
//!
//! A control of the bar and a `data-` attribute of the list's entries belong together by their name: the script shows the
//! entry whose attributes are what the controls say. It computes nothing, and another control is another [`Control`].

use mapbench_results::Percent;
use maud::{Markup, html};

use super::View;
use super::view::Choice;
use crate::format;
use crate::objective::{MemoryMeasure, Objective};

/// The answers of a run, first those at the largest number of threads that have a core each.
pub(super) fn section(view: &View) -> Markup {
    let input = &view.input;
    let cores = input.provenance.host.cores;
    let groups = view.choices();
    let threads = most_threads(&groups, cores);
    let (chosen, others): (Vec<&Choice>, Vec<&Choice>) =
        groups.iter().partition(|choice| threads.is_none_or(|threads| choice.group.threads == threads));
    let all: Vec<&Choice> = groups.iter().collect();
    let sentences = |groups: &[&Choice], with_threads: bool, objective: Objective| {
        let entry = |choice: &Choice| {
            let group = choice.group;
            let full = format::group(group, cores);
            let short = format!("{}, {} % reads", group.workload, group.read_pct);
            let answer = html! { (view.answer(group, objective)) };
            let label = if with_threads { &full } else { &short };
            // Of several runs none has a bar of its own: there is one above, for all of them.
            if view.is_alone() {
                entry(choice, objective, view.memory_measure(group).label(), &full, label, &answer)
            } else {
                plain(label, &answer)
            }
        };
        html! { dl.answers { @for group in groups { (entry(group)) } } }
    };
    let body = html! {
        (questions(view))
        @if view.is_alone() { (bar(&groups, cores, "oversubscribed", &Objective::of(input))) }
        @if let Some(threads) = threads {
            p { "At " (format::counted(threads, "thread")) ", each with a core to itself:" }
        } @else {
            p { "Every measured number of threads is above the number of cores: no map shows how it scales here." }
        }
        (sentences(&chosen, threads.is_none(), Objective::Throughput))
        @if chosen.len() < groups.len() {
            details {
                summary { "At other numbers of threads" }
                (sentences(&others, true, Objective::Throughput))
            }
        }
        @if let Some(latency) = input.provenance.plan.latency.as_ref().filter(|_| !input.beside.latency.is_empty()) {
            details {
                summary { "By the 99th percentile of the response time" }
                p.hint { "At " (format::rate(latency.rate_ops_s)) " M operations a second over all threads, the same for every map; what did not keep up in every fork is not compared, and named. Ratios are those of the percentiles, fork by fork, of three forks or more." }
                (sentences(&all, true, Objective::P99))
            }
        }
        @for measure in MemoryMeasure::ALL {
            @let own: Vec<&Choice> = groups.iter().filter(|choice| view.memory_measure(choice.group) == measure).collect();
            @if !own.is_empty() {
                details {
                    summary { "By " (measure.label()) }
                    p.hint { (about(measure)) " Ratios and ties are those of memory, in whichever way the throughputs differ." }
                    (sentences(&own, true, Objective::Memory))
                }
            }
        }
        p.hint { "“Tie”: the 95 % interval of the ratio covers 1. Slowdowns are ratios within rounds, in which all maps run side by side, a slice each in turn." }
    };
    view.section("answer", "Which map, and by how much?", &body)
}

fn about(measure: MemoryMeasure) -> &'static str {
    match measure {
        MemoryMeasure::PerEntry => {
            "As the allocator counted them, key and value included, in whole bytes and fork by fork."
        }
        MemoryMeasure::Resident => "Resident memory of the whole process, of which a part is the same for every map.",
    }
}

/// With no more workloads than this, the answers begin with their questions.
const QUESTIONS: usize = 3;

fn questions(view: &View) -> Markup {
    let asked = view.definitions.iter().filter_map(|definition| {
        let question = &definition.workloads.as_ref().ok()?.first()?.question;
        Some((definition.name, question))
    });
    let asked: Vec<_> = asked.collect();
    html! {
        @if asked.len() <= QUESTIONS {
            @for (name, question) in asked { p { (question) " (" a href=(format!("#{}", view.id("workloads"))) { (name) } ")" } }
        }
    }
}

fn plain(label: &str, answer: &Markup) -> Markup {
    html! { div { dt { (label) } dd { (answer) } } }
}

/// An answer that the bar can find, under its label there and in the list. `measure` names what memory is compared by.
pub(super) fn entry(
    choice: &Choice,
    objective: Objective,
    measure: &str,
    in_bar: &str,
    in_list: &str,
    answer: &Markup,
) -> Markup {
    let in_bar = match objective {
        Objective::Throughput => in_bar.to_owned(),
        Objective::P99 => format!("{in_bar}, by the 99th percentile of the response time"),
        Objective::Memory => format!("{in_bar}, by {measure}"),
    };
    html! {
        div data-objective=(objective.name()) data-workload=(choice.workload) data-distribution=(choice.distribution) data-reads=(choice.group.read_pct) data-threads=(choice.group.threads) data-label=(in_bar) {
            dt { (in_list) }
            dd { (answer) }
        }
    }
}

/// The largest number of threads that have a core each.
fn most_threads(groups: &[Choice], cores: u32) -> Option<u32> {
    groups.iter().map(|choice| choice.group.threads).filter(|threads| *threads <= cores).max()
}

struct Control {
    /// The name of the attribute of the list's entries, and of the value in the page's address.
    name: &'static str,
    label: &'static str,
    /// Values, with how they read.
    options: Vec<(String, String)>,
    chosen: String,
}

impl Control {
    fn of<T: PartialEq + ToString>(
        (name, label): (&'static str, &'static str),
        values: impl Iterator<Item = T>,
        chosen: &T,
        shown: impl Fn(&T) -> String,
    ) -> Self {
        let mut distinct: Vec<T> = Vec::new();
        for value in values {
            if !distinct.contains(&value) {
                distinct.push(value);
            }
        }
        let options = distinct.iter().map(|value| (value.to_string(), shown(value))).collect();
        Self { name, label, options, chosen: chosen.to_string() }
    }

    /// A control; what there is no choice of is said, and no control.
    fn draw(&self) -> Markup {
        match self.options.as_slice() {
            [] => html! {},
            [(_, only)] => html! { span { (self.label) b { (only) } } },
            options => html! {
                label {
                    (self.label)
                    select name=(self.name) autocomplete="off" {
                        @for (value, shown) in options { option value=(value) selected[*value == self.chosen] { (shown) } }
                    }
                }
            },
        }
    }
}

/// The group that is shown first: most programs both read and write, with every thread on a core of its own.
pub(super) fn chosen<'c, 'a>(groups: &'c [Choice<'a>], cores: u32) -> Option<&'c Choice<'a>> {
    let threads = most_threads(groups, cores);
    let at_most = || groups.iter().filter(|choice| threads.is_none_or(|threads| choice.group.threads == threads));
    let mixed = |choice: &&Choice| choice.group.read_pct > Percent::ZERO && choice.group.read_pct < Percent::ALL;
    at_most().find(mixed).or_else(|| at_most().next())
}

/// Workload, distribution, reads and threads. Numbers of threads above the cores are remarked.
fn controls(groups: &[Choice], cores: u32, remark: &str, chosen: &Choice) -> [Control; 4] {
    let mut threads: Vec<u32> = groups.iter().map(|choice| choice.group.threads).collect();
    threads.sort_unstable();
    [
        Control::of(
            ("workload", "Workload"),
            groups.iter().map(|choice| &choice.workload),
            &&chosen.workload,
            ToString::to_string,
        ),
        Control::of(
            ("distribution", "Keys drawn"),
            groups.iter().map(|choice| &choice.distribution),
            &&chosen.distribution,
            |distribution| if distribution.is_empty() { "not told".to_owned() } else { (*distribution).clone() },
        ),
        Control::of(
            ("reads", "Reads"),
            groups.iter().map(|choice| choice.group.read_pct),
            &chosen.group.read_pct,
            |read_pct| format!("{read_pct} %"),
        ),
        Control::of(("threads", "Threads"), threads.into_iter(), &chosen.group.threads, |threads| {
            if *threads > cores { format!("{threads} ({remark})") } else { threads.to_string() }
        }),
    ]
}

/// The controls, and the place where the script puts the answer. Without a script there are none.
pub(super) fn bar(groups: &[Choice], cores: u32, remark: &str, objectives: &[Objective]) -> Markup {
    let Some(chosen) = chosen(groups, cores) else { return html! {} };
    let names = objectives.iter().map(|objective| objective.name());
    let first = Objective::Throughput.name();
    let objective = Control::of(("objective", "Best by"), names, &first, ToString::to_string);
    html! {
        fieldset.bar hidden data-unmeasured="This combination was not measured, and nothing is interpolated." {
            legend { "Your case" }
            div.controls {
                @for control in &controls(groups, cores, remark, chosen) { (control.draw()) }
                (objective.draw())
            }
            div.said aria-live="polite" {}
        }
    }
}

/// The controls of the bar again, further down the page: what is changed here changes there. None without a script, or
/// where there is no choice.
pub(super) fn twin(groups: &[Choice], cores: u32) -> Markup {
    let Some(chosen) = chosen(groups, cores).filter(|_| groups.len() > 1) else { return html! {} };
    html! {
        fieldset.bar.twin hidden {
            legend { "Your case" }
            div.controls { @for control in &controls(groups, cores, "oversubscribed", chosen) { (control.draw()) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::section;
    use crate::page::View;
    use crate::testing::{sweep, with_input};
    use crate::{Beside, Input, summarise};
    use mapbench_results::Percent;

    #[test]
    fn every_combination_of_the_controls_has_its_answer() {
        let (provenance, samples) = sweep(2);
        let cells = summarise(&provenance.plan, 2, &samples);
        let input = Input {
            provenance: &provenance,
            samples: &samples,
            machine: &[],
            cells: &cells,
            beside: Beside::default(),
        };
        let page = section(&View::alone(input)).into_string();
        for read_pct in [0, 50, 90, 99, 100].map(Percent::whole) {
            assert!(page.contains(&format!("<option value=\"{read_pct}\"")), "{page}");
            for threads in [1, 2, 4] {
                let entry = format!(
                    "data-objective=\"memory\" data-workload=\"w\" data-distribution=\"\" data-reads=\"{read_pct}\" data-threads=\"{threads}\""
                );
                assert_eq!(page.matches(&entry).count(), 1, "{entry}");
            }
        }
        assert!(
            page.contains("<option value=\"99\" selected>99 %") && page.contains("<option value=\"2\" selected>2<")
        );
        assert!(page.contains("<option value=\"4\">4 (oversubscribed)"));
        assert!(page.contains("data-label=\"w, 50 % reads, 4 threads (oversubscribed)\""));
    }

    #[test]
    fn the_answer_by_memory_says_what_it_goes_by() {
        use crate::testing::{counted, plan, provenance, slices};
        let mut plan = plan(&["a", "b"]);
        let group = plan.groups[0].clone();
        plan.groups.push(mapbench_results::Group { threads: 4, ..group });
        let provenance = provenance(plan);
        let samples = ["a", "b"].map(|name| slices(name, 0, 0, 1e6));
        let cells = summarise(&provenance.plan, 2, &samples);
        let mut memory = [counted("a"), counted("b")].concat();
        memory[2].filled_bytes = Some(96_000);
        let beside = Beside { memory: &memory, ..Beside::default() };
        let input = Input { provenance: &provenance, samples: &samples, machine: &[], cells: &cells, beside };
        let page = section(&View::alone(input)).into_string();
        for part in [
            "<summary>By bytes an entry of the filled map</summary>",
            "data-label=\"w, 90 % reads, 2 threads, by bytes an entry of the filled map\"",
            "b takes least; a takes 2.00x as much (too few forks for an interval)",
            "<summary>By resident memory</summary>",
            "data-label=\"w, 90 % reads, 4 threads (oversubscribed), by resident memory\"",
        ] {
            assert_eq!(page.matches(part).count(), 1, "{part}: {page}");
        }
    }

    #[test]
    fn a_distribution_is_chosen_beside_its_workload() {
        use crate::testing::{SWEPT, plan, provenance, with};
        let mut plan = plan(&["a"]);
        plan.workloads.insert("w".to_owned(), SWEPT.to_owned());
        let group = plan.groups[0].clone();
        plan.groups = ["uniform", "zipf:0.9"]
            .map(|drawn| mapbench_results::Group { workload: format!("w@distribution={drawn}"), ..group.clone() })
            .to_vec();
        with(&provenance(plan), |input| {
            let page = section(&View::alone(*input)).into_string();
            assert!(page.contains("Workload<b>w</b>"), "{page}");
            assert!(page.contains("<option value=\"zipf:0.9\">zipf:0.9</option>"), "{page}");
            assert!(page.contains("data-workload=\"w\" data-distribution=\"uniform\""), "{page}");
            assert!(page.contains("<p>How fast is it? (<a href=\"#workloads\">w</a>)</p>"), "{page}");
        });
    }

    #[test]
    fn without_a_choice_there_is_no_control() {
        let page = with_input(["a", "b", "c", "d"], |input| section(&View::alone(*input)).into_string());
        assert_eq!(page.matches("<select").count(), 1, "{page}");
        assert!(page.contains("Reads<b>90 %</b>") && page.contains("<option value=\"memory\">memory"), "{page}");
    }
}
