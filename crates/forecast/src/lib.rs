//! What counted cache-line transfers say about machines that are not at hand. Pure: no threads, no clock, no I/O.
//!
//! [`Demand`] is what one operation asks of the machine, [`Topology`] what the machine gives, [`throughput`] the law
//! between them; [`agreement`] says how far forecasts and figures are apart.

mod agreement;
mod model;
mod published;
mod topology;

pub use agreement::{Agreement, agreement};
pub use model::{Demand, Forecast, Limit, forecast, throughput};
pub use published::{Published, published};
pub use topology::{Complex, Range, Topology, TopologyError};
