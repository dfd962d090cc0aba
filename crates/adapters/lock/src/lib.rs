//! One std lock over the std `HashMap`: what a program has before it looks for a crate.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, RwLock};

use mapbench_api::{
    Consistency, HashBuilder, Iteration, Key, Locked, LockedMap, Progress, Reclamation, Strategy, StrategyInfo, Value,
};

/// `std-mutex`: every operation alone.
pub struct StdMutex;

/// `std-rwlock`: reads beside each other, writes alone.
pub struct StdRwLock;

const INFO: StrategyInfo = StrategyInfo {
    name: "",
    upstream: "std",
    version: env!("UPSTREAM_VERSION"),
    summary: "",
    consistency: Consistency::Linearizable,
    iteration: Iteration::BlocksWriters,
    read_progress: Progress::Blocking,
    reclamation: Reclamation::Immediate,
    configuration: "default",
    notes: "A panic inside an operation poisons the lock; the adapter goes on as parking_lot would, and the entry keeps \
            the value it had. Closures run under the lock. std leaves open whether waiting readers or writers go first: \
            it differs between operating systems. A closure that uses the map again deadlocks, but for a read within \
            a read of the read-write lock while no writer waits.",
    unsupported: &[],
    thread_limit: None,
};

impl Strategy for StdMutex {
    const INFO: StrategyInfo = StrategyInfo { name: "std-mutex", summary: "std Mutex over the std HashMap", ..INFO };

    type Map<K: Key, V: Value, S: HashBuilder> = LockedMap<StdMutexMap<K, V, S>>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> LockedMap<StdMutexMap<K, V, S>> {
        LockedMap(StdMutexMap(Mutex::new(table(capacity, hasher, entries))))
    }
}

impl Strategy for StdRwLock {
    const INFO: StrategyInfo = StrategyInfo { name: "std-rwlock", summary: "std RwLock over the std HashMap", ..INFO };

    type Map<K: Key, V: Value, S: HashBuilder> = LockedMap<StdRwLockMap<K, V, S>>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> LockedMap<StdRwLockMap<K, V, S>> {
        LockedMap(StdRwLockMap(RwLock::new(table(capacity, hasher, entries))))
    }
}

fn table<K: Key, V: Value, S: HashBuilder>(
    capacity: usize,
    hasher: S,
    entries: impl Iterator<Item = (K, V)>,
) -> HashMap<K, V, S> {
    let mut table = HashMap::with_capacity_and_hasher(capacity, hasher);
    table.extend(entries);
    table
}

/// The map of [`StdMutex`].
pub struct StdMutexMap<K, V, S>(Mutex<HashMap<K, V, S>>);

impl<K: Key, V: Value, S: HashBuilder> Locked<K, V> for StdMutexMap<K, V, S> {
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
        f(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    #[inline]
    fn exclusive<R>(&self, _: usize, f: impl FnOnce(&mut HashMap<K, V, S>) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The map of [`StdRwLock`].
pub struct StdRwLockMap<K, V, S>(RwLock<HashMap<K, V, S>>);

impl<K: Key, V: Value, S: HashBuilder> Locked<K, V> for StdRwLockMap<K, V, S> {
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
        f(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    #[inline]
    fn exclusive<R>(&self, _: usize, f: impl FnOnce(&mut HashMap<K, V, S>) -> R) -> R {
        f(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    mod mutex {
        mapbench_conformance::test_strategy!(crate::StdMutex);
    }
    mod rwlock {
        mapbench_conformance::test_strategy!(crate::StdRwLock);
    }

    use std::panic::{AssertUnwindSafe, catch_unwind};

    use mapbench_api::{ConcurrentMap, MapHandle, Strategy};

    fn goes_on_after_a_panic<S: Strategy>() {
        let map = S::build(1, std::hash::RandomState::new(), [(1, 1)].into_iter());
        let panicked = catch_unwind(AssertUnwindSafe(|| map.handle().update(&1, |_| panic!("inside an update"))));
        assert!(panicked.is_err());
        assert_eq!(map.handle().read(&1, |value| *value), Some(1));
        assert!(!map.handle().insert(1, 2));
    }

    #[test]
    fn mutex_goes_on_after_a_panic() {
        goes_on_after_a_panic::<crate::StdMutex>();
    }

    #[test]
    fn rwlock_goes_on_after_a_panic() {
        goes_on_after_a_panic::<crate::StdRwLock>();
    }
}
