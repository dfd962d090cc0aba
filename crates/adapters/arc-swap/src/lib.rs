//! `ArcSwap` snapshots: a cloned `HashMap` and a persistent trie.

mod cow;
mod hamt;
mod snapshot;

pub use cow::ArcSwapCow;
pub use hamt::ArcSwapHamt;
pub use snapshot::{Snapshots, SnapshotsHandle, Table};
