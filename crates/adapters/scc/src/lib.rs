//! scc `HashMap` and `HashIndex`.

mod hash_index;
mod hash_map;

pub use hash_index::{SccHashIndex, SccHashIndexHandle, SccHashIndexMap};
pub use hash_map::{SccHashMap, SccHashMapHandle, SccHashMapMap};
