//! What is asked of a map: workload definitions and seeded operation streams. Pure: no threads, no clock.
//!
//! A workload is a TOML file ([`Workload`]). With a share of reads and a number of threads it becomes a [`Mix`] and, a
//! thread each, a stream of packed operations ([`stream`]) that depends on nothing but the seed and these numbers.

mod arrivals;
mod definition;
mod keys;
mod mix;
mod op;
mod percent;
mod rng;
pub mod stream;

pub use arrivals::{Arrivals, Schedule};
pub use definition::{DefinitionError, Workload};
pub use keys::{key_of, prefilled, value_fits, value_of};
pub use mix::{Mix, MixError};
pub use op::{MAX_KEY_RANGE, OpKind, PackedOp};
pub use percent::{NotPercent, Percent};
pub use rng::{SplitMix64, derive_seed};
