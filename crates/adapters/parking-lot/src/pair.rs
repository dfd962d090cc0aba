//! Two tables, as a program has that keeps users and orders: under one lock, or each under its own. The same keys go to
//! the same tables in both, so that nothing but the granularity of the lock differs.

use std::collections::HashMap;

use crossbeam_utils::CachePadded;
use mapbench_api::{HashBuilder, Iteration, Key, Locked, LockedMap, Strategy, StrategyInfo, Value};

use crate::sync::RwLock;
use crate::{INFO, place, tables};

/// `rwlock-coarse-pair`: two tables under one lock.
pub struct RwLockCoarsePair;

/// `rwlock-split-pair`: two tables, each under its own lock.
pub struct RwLockSplitPair;

impl Strategy for RwLockCoarsePair {
    const INFO: StrategyInfo = StrategyInfo {
        name: "rwlock-coarse-pair",
        summary: "two std HashMaps under one parking_lot RwLock; the key's hash chooses the table",
        iteration: Iteration::WeaklyConsistent,
        configuration: "2 tables, 1 lock",
        notes: concat!(
            "For comparison with rwlock-split-pair, and alike in all but the lock: iteration takes the lock once a table, \
             and is one state of each table, not of both. The std HashMap takes no hash from outside, so that the key is \
             hashed twice, once to choose the table. ",
            common_notes!()
        ),
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
        iteration: Iteration::WeaklyConsistent,
        configuration: "2 tables, 2 locks, cache-padded",
        notes: concat!(
            "For comparison with rwlock-coarse-pair, and alike in all but the locks: iteration takes one lock after the \
             other, and is one state of each table, not of both. The std HashMap takes no hash from outside, so that the \
             key is hashed twice, once to choose the table. ",
            common_notes!()
        ),
        ..INFO
    };

    type Map<K: Key, V: Value, S: HashBuilder> = LockedMap<SplitPair<K, V, S>>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> LockedMap<SplitPair<K, V, S>> {
        let tables = tables::<_, _, _, 2>(capacity, &hasher, entries).map(|table| CachePadded::new(RwLock::new(table)));
        LockedMap(SplitPair { tables, hasher })
    }
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

#[cfg(all(test, not(loom)))]
mod tests {
    mod coarse {
        mapbench_conformance::test_strategy!(crate::RwLockCoarsePair);
    }
    mod split {
        mapbench_conformance::test_strategy!(crate::RwLockSplitPair);
    }
}
