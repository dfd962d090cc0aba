//! Many tables, each under its own lock.

use std::collections::HashMap;

use crossbeam_utils::CachePadded;
use mapbench_api::{HashBuilder, Key, Locked, LockedMap, Strategy, StrategyInfo, Value};
use parking_lot::RwLock;

use crate::{INFO, place};

/// `sharded-rwlock`: 64 shards, as many as the dashmap strategies have.
pub type ShardedRwLock = ShardedRwLockOf<64>;

/// A sharded map with a number of shards of your choice.
pub struct ShardedRwLockOf<const SHARDS: usize>;

impl<const SHARDS: usize> Strategy for ShardedRwLockOf<SHARDS> {
    const INFO: StrategyInfo = StrategyInfo {
        name: "sharded-rwlock",
        summary: "std HashMaps, each under its own parking_lot RwLock; the key's hash chooses the shard",
        configuration: "64 shards, a cache line each",
        notes: "The std HashMap takes no hash from outside, so that the key is hashed twice, once to choose the shard. \
                Iteration takes one lock after the other: it is one state of each shard, not of all. A panic inside an \
                operation releases the lock; the entry keeps the value it had.",
        ..INFO
    };

    type Map<K: Key, V: Value, S: HashBuilder> = LockedMap<Shards<K, V, S, SHARDS>>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> LockedMap<Shards<K, V, S, SHARDS>> {
        const { assert!(SHARDS.is_power_of_two()) };
        let each = capacity.div_ceil(SHARDS);
        let mut tables: Vec<_> = (0..SHARDS).map(|_| HashMap::with_capacity_and_hasher(each, hasher.clone())).collect();
        for (key, value) in entries {
            tables[place(&hasher, &key, SHARDS)].insert(key, value);
        }
        LockedMap(Shards {
            shards: tables.into_iter().map(|table| CachePadded::new(RwLock::new(table))).collect(),
            hasher,
        })
    }
}

type Shard<K, V, S> = CachePadded<RwLock<HashMap<K, V, S>>>;

/// The map of [`ShardedRwLock`].
pub struct Shards<K, V, S, const SHARDS: usize> {
    shards: Box<[Shard<K, V, S>]>,
    hasher: S,
}

impl<K: Key, V: Value, S: HashBuilder, const SHARDS: usize> Locked<K, V> for Shards<K, V, S, SHARDS> {
    type Hasher = S;

    fn places(&self) -> usize {
        self.shards.len()
    }

    #[inline]
    fn place(&self, key: &K) -> usize {
        place(&self.hasher, key, SHARDS)
    }

    #[inline]
    fn shared<R>(&self, place: usize, f: impl FnOnce(&HashMap<K, V, S>) -> R) -> R {
        f(&self.shards[place].read())
    }

    #[inline]
    fn exclusive<R>(&self, place: usize, f: impl FnOnce(&mut HashMap<K, V, S>) -> R) -> R {
        f(&mut self.shards[place].write())
    }
}

#[cfg(test)]
mod tests {
    mapbench_conformance::test_strategy!(crate::ShardedRwLock);
}
