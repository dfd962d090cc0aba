//! Results as text, for a terminal or as Markdown.

mod cells;
mod compare;
mod costs;
mod diff;
mod document;
mod order;
mod ranking;
mod semantics;

use mapbench_results::Provenance;

use crate::UNFINISHED;

pub use compare::compare;
pub use costs::costs;
pub use diff::{Cells, diff};
pub use document::Text;
pub use ranking::{ranking, tables};
pub use semantics::semantics;

const CAUTION: &str = "a mean over cells hides which cell is yours: read the row of your own mix first";

/// Says of a run that was interrupted, or still goes on, that it is not all there.
fn unfinished(text: &mut Text, provenance: &Provenance) {
    if provenance.finished.is_none() {
        text.note(UNFINISHED);
    }
}

const ONE_SHORT: &str = "one fork each: intervals do not know how forks differ, and are too short";
