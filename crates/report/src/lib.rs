//! Results as HTML, Markdown and terminal tables. Pure: rows in, text out, the same text for the same rows.
//!
//! Depends on the results' format and on statistics, never on a map or on the engine.

mod answer;
mod claims;
mod counts;
mod definitions;
mod flame;
mod forecast;
mod format;
mod gate;
mod growth;
mod iteration;
mod latency;
mod objective;
mod page;
mod rank;
mod rates;
mod self_test;
mod semantics;
mod summary;
mod tails;
mod text;
mod variance;

pub use claims::{Certainty, Implied, Judged, Tested, claims, judge_certainty, judge_count, judge_ratio, share};
pub use flame::{Stack, flame_graph};
pub use forecast::forecast_text;
pub use format::counted;
pub use gate::{gate_junit, gate_markdown, gate_terminal};
pub use page::{forecast_html, html, html_linked, html_of, html_of_claims};
pub use self_test::{SelfTestSummary, summarise_self_test};
pub use semantics::Standing;
pub use summary::{LIMITS, complete, summarise};
pub use text::{Cells, Text, compare, costs, diff, ranking, semantics, tables};
pub use variance::{Spread, spreads};

use mapbench_results::{
    Cell, ClaimRow, Detectable, FlameGraph, Growth, Latency, Machine, Memory, Provenance, Reclamation, Run, Sample,
    SelfTestRow, Semantics,
};

/// What reports say of a run that was interrupted or still goes on.
const UNFINISHED: &str = "The run is unfinished: what is here is what was measured so far.";

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
    /// What was found out beside the sweep.
    pub beside: Beside<'a>,
}

/// What was found out beside a sweep. Each part is empty if it was not asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'a> {
    /// What was verified of the strategies.
    pub semantics: &'a [Semantics],
    /// How often the gate cries wolf on this machine, suite by suite.
    pub self_test: &'a [SelfTestRow],
    /// The least slow-down that the gate sees on this machine, cell by cell.
    pub detectable: &'a [Detectable],
    /// What came of others' claims on this machine, case by case.
    pub claims: &'a [ClaimRow],
    /// How long operations took, fork by fork.
    pub latency: &'a [Latency],
    /// What the maps allocated and held, fork by fork.
    pub memory: &'a [Memory],
    /// What they held over time.
    pub reclamation: &'a [Reclamation],
    /// How maps grew, step by step.
    pub growth: &'a [Growth],
    /// Where the processors' time went, cell by cell.
    pub profiles: &'a [FlameGraph],
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
            beside: Beside {
                semantics: &run.semantics,
                self_test: &run.self_test,
                detectable: &run.detectable,
                claims: &run.claims,
                latency: &run.latency,
                memory: &run.memory,
                reclamation: &run.reclamation,
                growth: &run.growth,
                profiles: &run.profiles,
            },
        }
    }
}

#[cfg(test)]
mod testing;
