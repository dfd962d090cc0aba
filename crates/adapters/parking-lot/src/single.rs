//! One lock.

use std::collections::HashMap;

use mapbench_api::{HashBuilder, Key, Locked, LockedMap, Strategy, StrategyInfo, Value};

use crate::INFO;
use crate::sync::{Mutex, RwLock};

/// `parking-lot-mutex`: every operation alone.
pub struct ParkingLotMutex;

/// `parking-lot-rwlock`: reads beside each other, writes alone.
pub struct ParkingLotRwLock;

impl Strategy for ParkingLotMutex {
    const INFO: StrategyInfo =
        StrategyInfo { name: "parking-lot-mutex", summary: "parking_lot Mutex over the std HashMap", ..INFO };

    type Map<K: Key, V: Value, S: HashBuilder> = LockedMap<ParkingLotMutexMap<K, V, S>>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> LockedMap<ParkingLotMutexMap<K, V, S>> {
        let mut table = HashMap::with_capacity_and_hasher(capacity, hasher);
        table.extend(entries);
        LockedMap(ParkingLotMutexMap(Mutex::new(table)))
    }
}

impl Strategy for ParkingLotRwLock {
    const INFO: StrategyInfo =
        StrategyInfo { name: "parking-lot-rwlock", summary: "parking_lot RwLock over the std HashMap", ..INFO };

    type Map<K: Key, V: Value, S: HashBuilder> = LockedMap<ParkingLotRwLockMap<K, V, S>>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> LockedMap<ParkingLotRwLockMap<K, V, S>> {
        let mut table = HashMap::with_capacity_and_hasher(capacity, hasher);
        table.extend(entries);
        LockedMap(ParkingLotRwLockMap(RwLock::new(table)))
    }
}

/// The map of [`ParkingLotMutex`].
pub struct ParkingLotMutexMap<K, V, S>(Mutex<HashMap<K, V, S>>);

impl<K: Key, V: Value, S: HashBuilder> Locked<K, V> for ParkingLotMutexMap<K, V, S> {
    type Hasher = S;

    fn places(&self) -> usize {
        1
    }

    #[inline]
    fn place(&self, _: &K) -> usize {
        0
    }

    #[inline]
    fn shared<R>(&self, _: usize, f: impl FnOnce(&HashMap<K, V, S>) -> R) -> R {
        f(&self.0.lock())
    }

    #[inline]
    fn exclusive<R>(&self, _: usize, f: impl FnOnce(&mut HashMap<K, V, S>) -> R) -> R {
        f(&mut self.0.lock())
    }
}

/// The map of [`ParkingLotRwLock`].
pub struct ParkingLotRwLockMap<K, V, S>(RwLock<HashMap<K, V, S>>);

impl<K: Key, V: Value, S: HashBuilder> Locked<K, V> for ParkingLotRwLockMap<K, V, S> {
    type Hasher = S;

    fn places(&self) -> usize {
        1
    }

    #[inline]
    fn place(&self, _: &K) -> usize {
        0
    }

    #[inline]
    fn shared<R>(&self, _: usize, f: impl FnOnce(&HashMap<K, V, S>) -> R) -> R {
        f(&self.0.read())
    }

    #[inline]
    fn exclusive<R>(&self, _: usize, f: impl FnOnce(&mut HashMap<K, V, S>) -> R) -> R {
        f(&mut self.0.write())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    mod mutex {
        mapbench_conformance::test_strategy!(crate::ParkingLotMutex);
    }
    mod rwlock {
        mapbench_conformance::test_strategy!(crate::ParkingLotRwLock);
    }
}
