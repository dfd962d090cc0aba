//! What counted cache-line transfers say about machines that are not at hand. Pure: no threads, no clock, no I/O.
//!
//! [`Topology`] is what a machine gives, [`times`] what follows for a cell on it, which a simulation takes for its clocks,
//! [`spread`] how far what comes of that may be off by its inputs, and [`line_bound`] what a cell can do at most; [`agreement`] says how far forecasts and figures are apart.

mod agreement;
mod model;
mod published;
mod topology;

pub use agreement::{Agreement, agreement};
pub use model::{Times, line_bound, spread, times};
pub use published::{Published, published};
pub use topology::{Complex, Range, Topology, TopologyError};
