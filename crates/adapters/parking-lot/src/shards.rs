//! Many tables, each under its own lock.

use std::collections::HashMap;

use crossbeam_utils::CachePadded;
use mapbench_api::{HashBuilder, Iteration, Key, Locked, LockedMap, Strategy, StrategyInfo, Value};

use crate::sync::RwLock;
use crate::{INFO, place, tables};

/// `sharded-rwlock`: 64 shards on every machine, as many as the dashmap strategies have. A number that follows the cores,
/// as dashmap's own default does, would make results of two machines results of two maps.
pub type ShardedRwLock = ShardedRwLockOf<64>;

/// `sharded-rwlock-16` and so on: a number of shards of your choice, a power of two up to 1024.
pub struct ShardedRwLockOf<const SHARDS: usize>;

impl<const SHARDS: usize> Strategy for ShardedRwLockOf<SHARDS> {
    const INFO: StrategyInfo = StrategyInfo {
        name: described(SHARDS).0,
        summary: "std HashMaps, each under its own parking_lot RwLock; the key's hash chooses the shard",
        iteration: Iteration::WeaklyConsistent,
        configuration: described(SHARDS).1,
        notes: concat!(
            "The std HashMap takes no hash from outside, so that the key is hashed twice, once to choose the shard. \
             Iteration takes one lock after the other: it is one state of each shard, not of all. The capacity is \
             divided evenly; a shard that gets more than its part grows. ",
            common_notes!()
        ),
        ..INFO
    };

    type Map<K: Key, V: Value, S: HashBuilder> = LockedMap<Shards<K, V, S, SHARDS>>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> LockedMap<Shards<K, V, S, SHARDS>> {
        let shards = tables(capacity, &hasher, entries).map(|table| CachePadded::new(RwLock::new(table)));
        LockedMap(Shards { shards: Box::new(shards), hasher })
    }
}

macro_rules! described {
    ($($shards:literal)+) => {
        /// Name and configuration for a number of shards. There is no other, because `place` divides by it: only the
        /// remainder of a power of two is a mask.
        const fn described(shards: usize) -> (&'static str, &'static str) {
            match shards {
                64 => ("sharded-rwlock", "64 shards, cache-padded"),
                $($shards => (concat!("sharded-rwlock-", $shards), concat!($shards, " shards, cache-padded")),)+
                _ => panic!("the number of shards must be a power of two, at most 1024"),
            }
        }
    };
}
described!(1 2 4 8 16 32 128 256 512 1024);

type Shard<K, V, S> = CachePadded<RwLock<HashMap<K, V, S>>>;

/// The map of [`ShardedRwLock`].
pub struct Shards<K, V, S, const SHARDS: usize> {
    shards: Box<[Shard<K, V, S>; SHARDS]>,
    hasher: S,
}

impl<K: Key, V: Value, S: HashBuilder, const SHARDS: usize> Locked<K, V> for Shards<K, V, S, SHARDS> {
    type Hasher = S;

    fn places(&self) -> usize {
        SHARDS
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

#[cfg(all(test, not(loom)))]
mod tests {
    mod default {
        mapbench_conformance::test_strategy!(crate::ShardedRwLock);
    }
    mod few {
        mapbench_conformance::test_strategy!(crate::ShardedRwLockOf<4>);
    }

    use std::collections::HashSet;

    use foldhash::fast::FixedState;
    use mapbench_api::Strategy;

    use crate::{ShardedRwLock, ShardedRwLockOf};

    #[test]
    fn the_number_of_shards_is_said() {
        assert_eq!(ShardedRwLock::INFO.name, "sharded-rwlock");
        assert!(ShardedRwLock::INFO.configuration.starts_with("64 shards"));
        assert_eq!(ShardedRwLockOf::<16>::INFO.name, "sharded-rwlock-16");
        assert!(ShardedRwLockOf::<16>::INFO.configuration.starts_with("16 shards"));
    }

    #[test]
    fn keys_go_to_all_shards_and_differ_there_in_the_tables_bits() {
        let hasher = FixedState::with_seed(0);
        let hash = |key: &u64| std::hash::BuildHasher::hash_one(&hasher, key);
        let shard: Vec<u64> = (0..64 * 256).filter(|key| crate::place(&hasher, key, 64) == 5).collect();
        let shards: HashSet<_> = (0..64 * 256_u64).map(|key| crate::place(&hasher, &key, 64)).collect();
        let buckets: HashSet<_> = shard.iter().map(|key| hash(key) & 63).collect();
        let tags: HashSet<_> = shard.iter().map(|key| hash(key) >> 57).collect();
        assert_eq!(shards.len(), 64);
        assert!(buckets.len() > 50, "{} of 64 buckets", buckets.len());
        assert!(tags.len() > 90, "{} of 128 tags", tags.len());
    }
}
