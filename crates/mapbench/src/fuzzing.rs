//! The readers of what nobody but this program reads, for the targets in `fuzz/`. Built under cargo-fuzz alone.

use std::path::Path;

use crate::claims::Claim;
use crate::gate::Budget;
use crate::protocol::{Event, Request, understand};
use crate::registry::Registry;
use crate::trace;

/// Reads a budget of a gate, and asks it about a cell.
///
/// # Errors
/// What the reader says of it.
pub fn budget(file: &Path) -> Result<(), String> {
    const CELL: &str = "ratio-sweep/read-90/threads-2/std-mutex";
    let budget = Budget::read(file).map_err(|error| error.to_string())?;
    budget.check([CELL]).map_err(|error| error.to_string())?;
    budget.effective(CELL);
    Ok(())
}

/// Reads a claim.
///
/// # Errors
/// What the reader says of it.
pub fn claim(text: &str, registry: &Registry) -> Result<(), String> {
    Claim::parse(text, registry).map(drop).map_err(|error| error.to_string())
}

/// Reads a line as what an orchestrator asks, and as what a worker answers.
///
/// # Errors
/// What the readers say of it, if it is neither.
pub fn line(text: &str) -> Result<(), String> {
    match (understand::<Request>(text), understand::<Event>(text)) {
        (_, Ok(Event::Slice(slice))) => {
            slice.adds_up();
            Ok(())
        }
        (Err(request), Err(event)) => Err(format!("{request}; {event}")),
        _ => Ok(()),
    }
}

/// Reads a trace, and describes it as a workload.
///
/// # Errors
/// What the reader says of it.
pub fn trace(file: &Path) -> Result<String, String> {
    trace::describe(file).map_err(|error| error.to_string())
}
