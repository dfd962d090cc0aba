//! parking_lot locks over the std `HashMap`: one, two or many.

mod pair;
mod shards;
mod single;

pub use pair::{CoarsePair, RwLockCoarsePair, RwLockSplitPair, SplitPair};
pub use shards::{ShardedRwLock, ShardedRwLockOf, Shards};
pub use single::{ParkingLotMutex, ParkingLotMutexMap, ParkingLotRwLock, ParkingLotRwLockMap};

use std::hash::BuildHasher;

use mapbench_api::{Consistency, Iteration, Progress, Reclamation, StrategyInfo};

/// What all of them have in common.
const INFO: StrategyInfo = StrategyInfo {
    name: "",
    upstream: "parking_lot",
    version: env!("UPSTREAM_VERSION"),
    summary: "",
    consistency: Consistency::Linearizable,
    iteration: Iteration::BlocksWriters,
    read_progress: Progress::Blocking,
    reclamation: Reclamation::Immediate,
    configuration: "default",
    notes: "A panic inside an operation releases the lock; the entry keeps the value it had.",
    unsupported: &[],
    thread_limit: None,
};

/// Which of `places` maps a key belongs to.
///
/// The table takes its bucket from the hash's low bits and its tag from the top seven: bits between them leave both as
/// random within a shard as in a whole table.
#[inline]
fn place(hasher: &impl BuildHasher, key: &impl std::hash::Hash, places: usize) -> usize {
    (hasher.hash_one(key) >> 40) as usize % places
}
