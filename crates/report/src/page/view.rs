//! A run as a part of a page: its headings and the names of its elements.

use mapbench_results::{Cell, Group};
use maud::{Markup, html};

use super::answers;
use crate::objective::{Objective, by_memory, by_p99};
use crate::{Input, answer, format};

/// A run, alone on its page or one of several.
pub(super) struct View<'a> {
    pub(super) input: Input<'a>,
    /// The cells as [`Objective::Memory`] compares them.
    by_memory: Vec<Cell>,
    /// The cells as [`Objective::P99`] compares them.
    by_p99: Vec<Cell>,
    /// Which of several, from 1.
    place: Option<usize>,
}

impl<'a> View<'a> {
    pub(super) fn alone(input: Input<'a>) -> Self {
        Self { by_memory: by_memory(&input), by_p99: by_p99(&input), input, place: None }
    }

    pub(super) fn one_of_several(input: Input<'a>, place: usize) -> Self {
        Self { by_memory: by_memory(&input), by_p99: by_p99(&input), input, place: Some(place) }
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
        answer::sentence(cells, group, objective)
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

    /// What a section draws of each group: the one that the page is about at first, the others folded away.
    pub(super) fn cases(&self, draw: impl Fn(&Group, &str) -> Markup) -> Markup {
        let (plan, cores) = (&self.input.provenance.plan, self.input.provenance.host.cores);
        let groups: Vec<&Group> = plan.groups.iter().collect();
        let case = |group: &Group| {
            html! {
                div.case data-workload=(group.workload) data-reads=(group.read_pct) data-threads=(group.threads) {
                    (draw(group, &format::group(group, cores)))
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
                        @for group in groups.iter().filter(|group| **group != shown) { (case(group)) }
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
