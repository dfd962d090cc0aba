use std::sync::{Mutex, MutexGuard, TryLockError};

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use mapbench_api::{
    ConcurrentMap, Consistency, HashBuilder, HashFunction, Iteration, Key, MapHandle, Progress, Reclamation, Strategy,
    StrategyInfo, ThreadLimit, Value,
};

/// `hashbrown-unsync`: a map that one thread has to itself.
pub struct HashbrownUnsync;

impl Strategy for HashbrownUnsync {
    const INFO: StrategyInfo = StrategyInfo {
        name: "hashbrown-unsync",
        upstream: "hashbrown",
        version: env!("UPSTREAM_VERSION"),
        summary: "hashbrown HashMap without any synchronisation: the limit on one thread",
        consistency: Consistency::Linearizable,
        iteration: Iteration::BlocksWriters,
        read_progress: Progress::WaitFree,
        reclamation: Reclamation::Immediate,
        configuration: "default",
        notes: "A limit, not a contender: it cannot be shared. One lock is taken when the handle is made and kept; \
                operations pay nothing for it. The std HashMap of the other strategies is hashbrown too, in the \
                compiler's version. A panic inside an operation leaves the entry as it was.",
        unsupported: &[],
        thread_limit: Some(ThreadLimit { threads: 1, reason: "unsynchronised: one thread only" }),
    };

    const OWN_HASHER: HashFunction = HashFunction::Foldhash;

    type Map<K: Key, V: Value, S: HashBuilder> = UnsyncMap<K, V, S>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> UnsyncMap<K, V, S> {
        let mut table = HashMap::with_capacity_and_hasher(capacity, hasher);
        table.extend(entries);
        UnsyncMap(Mutex::new(table))
    }
}

/// The map of [`HashbrownUnsync`].
pub struct UnsyncMap<K, V, S>(Mutex<HashMap<K, V, S>>);

/// The one handle of an [`UnsyncMap`].
pub struct UnsyncHandle<'m, K, V, S>(MutexGuard<'m, HashMap<K, V, S>>);

impl<K: Key, V: Value, S: HashBuilder> ConcurrentMap<K, V> for UnsyncMap<K, V, S> {
    type Handle<'m> = UnsyncHandle<'m, K, V, S>;

    fn handle(&self) -> UnsyncHandle<'_, K, V, S> {
        match self.0.try_lock() {
            Ok(table) => UnsyncHandle(table),
            Err(TryLockError::Poisoned(table)) => UnsyncHandle(table.into_inner()),
            Err(TryLockError::WouldBlock) => panic!("hashbrown-unsync allows one handle at a time"),
        }
    }
}

impl<K: Key, V: Value, S: HashBuilder> MapHandle<K, V> for UnsyncHandle<'_, K, V, S> {
    #[inline]
    fn read<R>(&mut self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R> {
        self.0.get(key).map(f)
    }

    #[inline]
    fn insert(&mut self, key: K, value: V) -> bool {
        self.0.insert(key, value).is_none()
    }

    #[inline]
    fn insert_new(&mut self, key: K, value: V) -> bool {
        match self.0.entry(key) {
            Entry::Occupied(_) => false,
            Entry::Vacant(entry) => {
                entry.insert(value);
                true
            }
        }
    }

    #[inline]
    fn remove(&mut self, key: &K) -> bool {
        self.0.remove(key).is_some()
    }

    #[inline]
    fn update(&mut self, key: &K, mut f: impl FnMut(&V) -> V) -> bool {
        self.0.get_mut(key).map(|value| *value = f(value)).is_some()
    }

    #[inline]
    fn upsert(&mut self, key: K, default: V, mut f: impl FnMut(&V) -> V) -> bool {
        match self.0.entry(key) {
            Entry::Occupied(mut entry) => {
                let new = f(entry.get());
                entry.insert(new);
                false
            }
            Entry::Vacant(entry) => {
                entry.insert(default);
                true
            }
        }
    }

    #[inline]
    fn compare_exchange(&mut self, key: &K, expected: &V, new: V) -> Result<(), Option<V>> {
        match self.0.get_mut(key) {
            Some(value) if value == expected => {
                *value = new;
                Ok(())
            }
            Some(value) => Err(Some(value.clone())),
            None => Err(None),
        }
    }

    #[inline]
    fn for_each(&mut self, mut f: impl FnMut(&K, &V)) {
        self.0.iter().for_each(|(key, value)| f(key, value));
    }

    #[inline]
    fn len(&mut self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use foldhash::fast::FixedState;
    use mapbench_api::{ConcurrentMap, Strategy};

    mapbench_conformance::test_strategy!(crate::HashbrownUnsync);

    #[test]
    #[should_panic(expected = "one handle at a time")]
    fn a_second_handle_is_refused() {
        let map = crate::HashbrownUnsync::build(0, FixedState::with_seed(0), std::iter::empty::<(u64, u64)>());
        let _first = map.handle();
        let _second = map.handle();
    }
}
