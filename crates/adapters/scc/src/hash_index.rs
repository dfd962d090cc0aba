use mapbench_api::{
    ConcurrentMap, Consistency, HashBuilder, Iteration, Key, MapHandle, Progress, Reclamation, Strategy, StrategyInfo,
    Value,
};
use scc::hash_index::Entry;

/// `scc-hashindex`: reads without locks.
pub struct SccHashIndex;

impl Strategy for SccHashIndex {
    const INFO: StrategyInfo = StrategyInfo {
        name: "scc-hashindex",
        upstream: "scc",
        version: env!("UPSTREAM_VERSION"),
        summary: "scc HashIndex: reads without locks, a lock a bucket for writes",
        consistency: Consistency::Eventual,
        iteration: Iteration::WeaklyConsistent,
        read_progress: Progress::LockFree,
        reclamation: Reclamation::Deferred,
        configuration: "default features",
        notes: concat!(
            "Read with peek_with. A value is never changed but replaced, which clones the key: the new entry is written, \
             then the old one marked removed, in two steps that readers do not see as one. A read that meets the \
             replacement of its key may find neither and miss a key that was present throughout; a read lock (read_sync) \
             would not help for primitive types, for which it is peek_with too. A removed or replaced entry stays in \
             memory until its bucket is full or moved by a resize, and no reader can see the entry. Closures of writes run \
             under the bucket's lock; reads within any closure return, a write within an iteration deadlocks. While the \
             map moves to a larger array, len may count an entry twice. Iteration is iter_sync, which locks one bucket at a time: iter takes no lock, but \
             shows keys twice while the map is resized and may miss one that is being replaced. Only while the map \
             shrinks iter_sync may show a key twice, and it does not shrink below the capacity it was built with. ",
            common_notes!()
        ),
        unsupported: &[],
        thread_limit: None,
    };

    type Map<K: Key, V: Value, S: HashBuilder> = SccHashIndexMap<K, V, S>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> SccHashIndexMap<K, V, S> {
        let map = scc::HashIndex::with_capacity_and_hasher(capacity, hasher);
        let mut handle = SccHashIndexHandle(&map);
        for (key, value) in entries {
            handle.insert(key, value);
        }
        SccHashIndexMap(map)
    }
}

/// The map of [`SccHashIndex`].
pub struct SccHashIndexMap<K, V, S: HashBuilder>(scc::HashIndex<K, V, S>);

/// The handle of a [`SccHashIndexMap`].
pub struct SccHashIndexHandle<'m, K, V, S: HashBuilder>(&'m scc::HashIndex<K, V, S>);

impl<K: Key, V: Value, S: HashBuilder> ConcurrentMap<K, V> for SccHashIndexMap<K, V, S> {
    type Handle<'m> = SccHashIndexHandle<'m, K, V, S>;

    fn handle(&self) -> SccHashIndexHandle<'_, K, V, S> {
        SccHashIndexHandle(&self.0)
    }
}

impl<K: Key, V: Value, S: HashBuilder> MapHandle<K, V> for SccHashIndexHandle<'_, K, V, S> {
    #[inline]
    fn read<R>(&mut self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R> {
        self.0.peek_with(key, |_, value| f(value))
    }

    #[inline]
    fn insert(&mut self, key: K, value: V) -> bool {
        match self.0.entry_sync(key) {
            Entry::Occupied(mut entry) => {
                entry.update(value);
                false
            }
            Entry::Vacant(entry) => {
                entry.insert_entry(value);
                true
            }
        }
    }

    #[inline]
    fn insert_new(&mut self, key: K, value: V) -> bool {
        self.0.insert_sync(key, value).is_ok()
    }

    #[inline]
    fn remove(&mut self, key: &K) -> bool {
        self.0.remove_sync(key)
    }

    #[inline]
    fn update(&mut self, key: &K, mut f: impl FnMut(&V) -> V) -> bool {
        match self.0.get_sync(key) {
            Some(mut entry) => {
                let new = f(entry.get());
                entry.update(new);
                true
            }
            None => false,
        }
    }

    #[inline]
    fn upsert(&mut self, key: K, default: V, mut f: impl FnMut(&V) -> V) -> bool {
        match self.0.entry_sync(key) {
            Entry::Occupied(mut entry) => {
                let new = f(entry.get());
                entry.update(new);
                false
            }
            Entry::Vacant(entry) => {
                entry.insert_entry(default);
                true
            }
        }
    }

    #[inline]
    fn compare_exchange(&mut self, key: &K, expected: &V, new: V) -> Result<(), Option<V>> {
        match self.0.get_sync(key) {
            Some(mut entry) if entry.get() == expected => {
                entry.update(new);
                Ok(())
            }
            Some(entry) => Err(Some(entry.get().clone())),
            None => Err(None),
        }
    }

    #[inline]
    fn for_each(&mut self, mut f: impl FnMut(&K, &V)) {
        // Not `iter`, which takes no lock: it shows a key twice when the map is resized meanwhile, and a key that is
        // being replaced twice or not at all.
        self.0.iter_sync(|key, value| {
            f(key, value);
            true
        });
    }

    #[inline]
    fn len(&mut self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    mapbench_conformance::test_strategy!(crate::SccHashIndex);
}
