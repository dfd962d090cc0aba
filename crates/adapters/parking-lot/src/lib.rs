//! parking_lot locks over the std `HashMap`: one, two or many.

/// What there is to know of all of them, in a form that `concat!` takes.
macro_rules! common_notes {
    () => {
        "A panic inside an operation releases the lock; the entry keeps the value it had. Closures run under the lock. \
         Locks are task-fair: a waiting writer holds back new readers. parking_lot 0.13 needs Rust 1.95, and dashmap and \
         flurry bring an older parking_lot_core, so that two queues of parked threads exist beside each other. A closure that uses the map again deadlocks, \
         but for a read within a read of a read-write lock while no writer waits."
    };
}

#[cfg(all(test, loom))]
mod model_tests;
mod pair;
mod shards;
mod single;
mod sync;

pub use pair::{CoarsePair, RwLockCoarsePair, RwLockSplitPair, SplitPair};
pub use shards::{ShardedRwLock, ShardedRwLockOf, Shards};
pub use single::{ParkingLotMutex, ParkingLotMutexMap, ParkingLotRwLock, ParkingLotRwLockMap};

use std::array;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

use mapbench_api::{Consistency, HashBuilder, Iteration, Key, Progress, Reclamation, StrategyInfo, Value};

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
    notes: common_notes!(),
    unsupported: &[],
    thread_limit: None,
};

/// Which of `places` maps a key belongs to.
///
/// The table takes its bucket from the hash's low bits and its tag from the top seven: bits between them leave both as
/// random within a shard as in a whole table.
#[inline]
fn place(hasher: &impl BuildHasher, key: &impl Hash, places: usize) -> usize {
    (hasher.hash_one(key) >> 40) as usize % places
}

/// `N` tables, each with its part of the capacity and the entries whose [`place`] it is.
fn tables<K: Key, V: Value, S: HashBuilder, const N: usize>(
    capacity: usize,
    hasher: &S,
    entries: impl Iterator<Item = (K, V)>,
) -> [HashMap<K, V, S>; N] {
    let mut tables = array::from_fn(|_| HashMap::with_capacity_and_hasher(capacity.div_ceil(N), hasher.clone()));
    for (key, value) in entries {
        tables[place(hasher, &key, N)].insert(key, value);
    }
    tables
}
