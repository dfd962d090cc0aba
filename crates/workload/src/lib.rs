//! What is asked of a map: workload definitions and seeded operation streams. Pure: no threads, no clock.
//!
//! A workload is a TOML file, read by [`Workload::parse`]. At a share of reads it is a [`Load`]; with a number of threads,
//! that becomes the entries at the start ([`Load::prefill`]) and, a thread each, a [`Stream`] of packed operations that
//! depends on nothing but the seed and these numbers.

mod arrivals;
mod definition;
mod distribution;
mod draw;
mod file;
mod keys;
mod load;
mod math;
mod mix;
mod op;
mod percent;
mod ranked;
mod rng;
mod soundness;
mod space;
pub mod stream;
#[cfg(test)]
mod testing;
mod types;
mod words;
mod zipf;

pub use arrivals::{Arrivals, Schedule};
pub use definition::{DefinitionError, Workload};
pub use distribution::{Distribution, NotDistribution, Theta};
pub use file::ThreadCount;
pub use keys::{key_of, prefilled, value_fits, value_of};
pub use load::{Load, Role};
pub use mix::{Mix, MixError};
pub use op::{MAX_KEY_RANGE, OpKind, PackedOp};
pub use percent::{NotPercent, Percent};
pub use rng::{SplitMix64, derive_seed};
pub use space::Space;
pub use stream::{Cursor, Stream};
pub use types::{Allocator, HasherName, KeyType, ValueType};
