//! Results as HTML, Markdown and terminal tables. Pure: rows in, text out, the same text for the same rows.
//!
//! Depends on the results' format and on statistics, never on a map or on the engine.

mod answer;
mod format;
mod gate;
mod objective;
mod page;
mod rank;
mod rates;
mod semantics;
mod summary;
mod text;
mod variance;

pub use gate::{gate_junit, gate_markdown, gate_terminal};
pub use page::{html, html_of};
pub use semantics::Standing;
pub use summary::{LIMITS, summarise};
pub use text::{Cells, Text, compare, diff, ranking, semantics, tables};
pub use variance::{Spread, spreads};

use mapbench_results::{Cell, Machine, Provenance, Run, Sample, Semantics};

/// What a report is made of.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Where the numbers come from.
    pub provenance: &'a Provenance,
    /// The slices.
    pub samples: &'a [Sample],
    /// The machine, round by round.
    pub machine: &'a [Machine],
    /// The cells.
    pub cells: &'a [Cell],
    /// What was verified; empty if nothing was.
    pub semantics: &'a [Semantics],
}

impl<'a> Input<'a> {
    /// All of a run.
    #[must_use]
    pub fn of(run: &'a Run) -> Self {
        Self {
            provenance: &run.provenance,
            samples: &run.samples,
            machine: &run.machine,
            cells: &run.cells,
            semantics: &run.semantics,
        }
    }
}

#[cfg(test)]
mod testing;
