//! A run as a part of a page: its headings and the names of its elements.

use mapbench_results::{Cell, Group};
use mapbench_workload::Workload;
use maud::{Markup, html};

use super::answers;
use super::looks::Looks;
use crate::definitions::{Definition, of_group, undistributed};
use crate::objective::{MemoryMeasure, Objective, by_memory, by_p99};
use crate::rank::{Rank, rank};
use crate::{Input, LIMITS, answer, format};

/// A group as the controls of the page choose it.
pub(super) struct Choice<'a> {
    pub(super) group: &'a Group,
    /// The workload, but for its distribution.
    pub(super) workload: String,
    /// How keys are drawn; empty where that cannot be told.
    pub(super) distribution: String,
}

/// A run, alone on its page or one of several.
pub(super) struct View<'a> {
    pub(super) input: Input<'a>,
    /// The cells as [`Objective::Memory`] compares them.
    by_memory: Vec<Cell>,
    /// The cells as [`Objective::P99`] compares them.
    by_p99: Vec<Cell>,
    pub(super) rank: Rank<'a>,
    /// How the strategies are drawn.
    pub(super) looks: Looks<'a>,
    /// The run's workloads.
    pub(super) definitions: Vec<Definition<'a>>,
    /// The way from the page to the files of the run, empty or ending in a slash; `None` if that is not known.
    pub(super) files: Option<String>,
    /// Which of several, from 1.
    place: Option<usize>,
}

/// The strategies that rank first are told apart best, then the other contenders, in the order of the plan.
fn looks<'a>(input: &Input<'a>, rank: &Rank<'a>) -> Looks<'a> {
    let names = || input.provenance.plan.strategies.iter().map(String::as_str);
    let ranked = rank.ranked.iter().map(|ranked| ranked.strategy);
    Looks::of(ranked.chain(names().filter(|name| !LIMITS.contains(name))).chain(names()))
}

impl<'a> View<'a> {
    pub(super) fn alone(input: Input<'a>) -> Self {
        let definitions = Definition::all(&input.provenance.plan);
        let rank = rank(&input);
        let looks = looks(&input, &rank);
        let (by_memory, by_p99) = (by_memory(&input), by_p99(&input));
        Self { by_memory, by_p99, rank, looks, definitions, input, files: None, place: None }
    }

    pub(super) fn one_of_several(input: Input<'a>, place: usize) -> Self {
        Self { place: Some(place), ..Self::alone(input) }
    }

    pub(super) fn with_files(self, files: Option<String>) -> Self {
        Self { files, ..self }
    }

    pub(super) fn with_looks(self, looks: Looks<'a>) -> Self {
        Self { looks, ..self }
    }

    pub(super) fn is_alone(&self) -> bool {
        self.place.is_none()
    }

    /// The answer for a group in one sentence.
    pub(super) fn answer(&self, group: &Group, objective: Objective) -> String {
        let cells = match objective {
            Objective::Throughput => self.input.cells,
            Objective::P99 => &self.by_p99,
            Objective::Memory => &self.by_memory,
        };
        answer::said(&self.input, cells, group, objective)
    }

    /// What the answer for a group by memory goes by.
    pub(super) fn memory_measure(&self, group: &Group) -> MemoryMeasure {
        MemoryMeasure::of(self.input.beside.memory, group)
    }

    /// `Run 2: host`
    pub(super) fn label(&self) -> String {
        let host = &self.input.provenance.host.name;
        self.place.map_or_else(|| host.clone(), |place| format!("Run {place}: {host}"))
    }

    /// The name of an element; no other run of the page has it.
    pub(super) fn id(&self, name: &str) -> String {
        self.place.map_or_else(|| name.to_owned(), |place| format!("run{place}-{name}"))
    }

    /// The name of the run's own heading.
    pub(super) fn anchor(&self) -> String {
        self.place.map_or_else(String::new, |place| format!("run{place}"))
    }

    /// What an element is labelled by: the heading of its section, and of its run where there are several.
    fn labels(&self, name: &str) -> String {
        self.place.map_or_else(|| name.to_owned(), |_| format!("{} {}", self.anchor(), self.id(name)))
    }

    /// A name for what has no heading: the run's with it where there are several.
    pub(super) fn name(&self, name: &str) -> String {
        self.place.map_or_else(|| name.to_owned(), |_| format!("{name}, {}", self.label()))
    }

    /// A section under its heading.
    pub(super) fn section(&self, name: &str, title: &str, body: &Markup) -> Markup {
        let id = self.id(name);
        html! {
            section aria-labelledby=(self.labels(name)) {
                @if self.place.is_none() { h2 id=(id) { (title) } } @else { h3 id=(id) { (title) } }
                (body)
            }
        }
    }

    /// The run's groups as the controls of the page choose them.
    pub(super) fn choices(&self) -> Vec<Choice<'a>> {
        self.input.provenance.plan.groups.iter().map(|group| self.choice(group)).collect()
    }

    pub(super) fn choice(&self, group: &'a Group) -> Choice<'a> {
        let distribution = of_group(&self.definitions, group).map(Workload::distribution).unwrap_or_default();
        Choice { group, workload: undistributed(&group.workload), distribution }
    }

    /// What a section draws of each group: the one that the page is about at first, the others folded away.
    pub(super) fn cases(&self, draw: impl Fn(&Group, &str) -> Markup) -> Markup {
        let cores = self.input.provenance.host.cores;
        let groups = self.choices();
        let case = |choice: &Choice| {
            html! {
                div.case data-workload=(choice.workload) data-distribution=(choice.distribution) data-reads=(choice.group.read_pct) data-threads=(choice.group.threads) {
                    (draw(choice.group, &format::group(choice.group, cores)))
                }
            }
        };
        html! {
            @if let Some(shown) = answers::chosen(&groups, cores) {
                @if self.is_alone() { (answers::twin(&groups, cores)) }
                (case(shown))
                @if groups.len() > 1 {
                    details.cases {
                        summary { "The other shares of reads and numbers of threads" }
                        @for choice in groups.iter().filter(|choice| choice.group != shown.group) { (case(choice)) }
                    }
                }
                p.unmeasured hidden { "This combination was not measured." }
            }
        }
    }

    /// A table that may be wider than the screen, and scrolls within itself, also by keyboard. Its section has the name
    /// of the heading, so that this has to have one of its own.
    pub(super) fn scroll(&self, name: &str, wide: &Markup) -> Markup {
        html! { div.scroll tabindex="0" role="region" aria-label=(self.name(&format!("Table: {name}"))) { (wide) } }
    }
}
