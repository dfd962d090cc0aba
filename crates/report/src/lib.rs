//! Results as HTML, Markdown and terminal tables. Pure: rows in, text out, the same text for the same rows.
//!
//! Depends on the results' format and on statistics, never on a map or on the engine.

mod answer;
mod format;
mod page;
mod rank;
mod rates;
mod summary;
mod text;
mod variance;

pub use page::{html, html_of};
pub use summary::{LIMITS, summarise};
pub use text::{Cells, Text, compare, diff, ranking, tables};
pub use variance::{Spread, spreads};

use mapbench_results::{Cell, Machine, Provenance, Run, Sample};

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
}

impl<'a> Input<'a> {
    /// All of a run.
    #[must_use]
    pub fn of(run: &'a Run) -> Self {
        Self { provenance: &run.provenance, samples: &run.samples, machine: &run.machine, cells: &run.cells }
    }
}

#[cfg(test)]
mod testing;
