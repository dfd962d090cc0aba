//! Two tables, as a program has that keeps users and orders: under one lock, or each under its own. The same keys go to
//! the same tables in both, so that nothing but the granularity of the lock differs.

use std::collections::HashMap;

use crossbeam_utils::CachePadded;
use mapbench_api::{HashBuilder, Key, Locked, LockedMap, Strategy, StrategyInfo, Value};
use parking_lot::RwLock;

use crate::{INFO, place};

/// `rwlock-coarse-pair`: two tables under one lock.
pub struct RwLockCoarsePair;

/// `rwlock-split-pair`: two tables, each under its own lock.
pub struct RwLockSplitPair;

impl Strategy for RwLockCoarsePair {
    const INFO: StrategyInfo = StrategyInfo {
        name: "rwlock-coarse-pair",
        summary: "two std HashMaps under one parking_lot RwLock; the key's hash chooses the table",
        configuration: "2 tables, 1 lock",
        notes: "For comparison with rwlock-split-pair. The key is hashed twice, once to choose the table.",
        ..INFO
    };

    type Map<K: Key, V: Value, S: HashBuilder> = LockedMap<CoarsePair<K, V, S>>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> LockedMap<CoarsePair<K, V, S>> {
        LockedMap(CoarsePair { tables: RwLock::new(tables(capacity, &hasher, entries)), hasher })
    }
}

impl Strategy for RwLockSplitPair {
    const INFO: StrategyInfo = StrategyInfo {
        name: "rwlock-split-pair",
        summary: "two std HashMaps, each under its own parking_lot RwLock; the key's hash chooses the table",
        configuration: "2 tables, 2 locks, a cache line each",
        notes: "For comparison with rwlock-coarse-pair. The key is hashed twice, once to choose the table. Iteration \
                takes one lock after the other: it is one state of each table, not of both.",
        ..INFO
    };

    type Map<K: Key, V: Value, S: HashBuilder> = LockedMap<SplitPair<K, V, S>>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> LockedMap<SplitPair<K, V, S>> {
        let tables = tables(capacity, &hasher, entries).map(|table| CachePadded::new(RwLock::new(table)));
        LockedMap(SplitPair { tables, hasher })
    }
}

fn tables<K: Key, V: Value, S: HashBuilder>(
    capacity: usize,
    hasher: &S,
    entries: impl Iterator<Item = (K, V)>,
) -> [HashMap<K, V, S>; 2] {
    let mut tables = [(); 2].map(|()| HashMap::with_capacity_and_hasher(capacity.div_ceil(2), hasher.clone()));
    for (key, value) in entries {
        tables[place(hasher, &key, 2)].insert(key, value);
    }
    tables
}

/// The map of [`RwLockCoarsePair`].
pub struct CoarsePair<K, V, S> {
    tables: RwLock<[HashMap<K, V, S>; 2]>,
    hasher: S,
}

impl<K: Key, V: Value, S: HashBuilder> Locked<K, V> for CoarsePair<K, V, S> {
    type Hasher = S;

    fn places(&self) -> usize {
        2
    }

    #[inline]
    fn place(&self, key: &K) -> usize {
        place(&self.hasher, key, 2)
    }

    #[inline]
    fn shared<R>(&self, place: usize, f: impl FnOnce(&HashMap<K, V, S>) -> R) -> R {
        f(&self.tables.read()[place])
    }

    #[inline]
    fn exclusive<R>(&self, place: usize, f: impl FnOnce(&mut HashMap<K, V, S>) -> R) -> R {
        f(&mut self.tables.write()[place])
    }
}

/// The map of [`RwLockSplitPair`].
pub struct SplitPair<K, V, S> {
    tables: [CachePadded<RwLock<HashMap<K, V, S>>>; 2],
    hasher: S,
}

impl<K: Key, V: Value, S: HashBuilder> Locked<K, V> for SplitPair<K, V, S> {
    type Hasher = S;

    fn places(&self) -> usize {
        2
    }

    #[inline]
    fn place(&self, key: &K) -> usize {
        place(&self.hasher, key, 2)
    }

    #[inline]
    fn shared<R>(&self, place: usize, f: impl FnOnce(&HashMap<K, V, S>) -> R) -> R {
        f(&self.tables[place].read())
    }

    #[inline]
    fn exclusive<R>(&self, place: usize, f: impl FnOnce(&mut HashMap<K, V, S>) -> R) -> R {
        f(&mut self.tables[place].write())
    }
}

#[cfg(test)]
mod tests {
    mod coarse {
        mapbench_conformance::test_strategy!(crate::RwLockCoarsePair);
    }
    mod split {
        mapbench_conformance::test_strategy!(crate::RwLockSplitPair);
    }
}
