use mapbench_api::{
    ConcurrentMap, Consistency, HashBuilder, Iteration, Key, MapHandle, Progress, Reclamation, Strategy, StrategyInfo,
    Value,
};
use scc::hash_map::Entry;

/// `scc-hashmap`: a lock a bucket.
pub struct SccHashMap;

impl Strategy for SccHashMap {
    const INFO: StrategyInfo = StrategyInfo {
        name: "scc-hashmap",
        upstream: "scc",
        version: env!("UPSTREAM_VERSION"),
        summary: "scc HashMap: a lock a bucket, resized bucket by bucket",
        consistency: Consistency::Linearizable,
        iteration: Iteration::WeaklyConsistent,
        read_progress: Progress::Blocking,
        reclamation: Reclamation::Immediate,
        configuration: "default features",
        notes: concat!(
            "Read with read_sync, which shares the bucket: get_sync would take the entry for itself. Written with \
             upsert_sync, because insert_sync does not replace. Closures run under the bucket's lock: one that uses \
             the same bucket again deadlocks, but for a read within a read. Iteration locks \
             one bucket at a time; only while the map shrinks it may show a key twice, and it does not shrink below the \
             capacity it was built with. Bucket arrays that a resize leaves behind are freed by epoch. ",
            common_notes!()
        ),
        unsupported: &[],
        thread_limit: None,
    };

    type Map<K: Key, V: Value, S: HashBuilder> = SccHashMapMap<K, V, S>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> SccHashMapMap<K, V, S> {
        let map = scc::HashMap::with_capacity_and_hasher(capacity, hasher);
        for (key, value) in entries {
            map.upsert_sync(key, value);
        }
        SccHashMapMap(map)
    }
}

/// The map of [`SccHashMap`].
pub struct SccHashMapMap<K, V, S: HashBuilder>(scc::HashMap<K, V, S>);

/// The handle of a [`SccHashMapMap`].
pub struct SccHashMapHandle<'m, K, V, S: HashBuilder>(&'m scc::HashMap<K, V, S>);

impl<K: Key, V: Value, S: HashBuilder> ConcurrentMap<K, V> for SccHashMapMap<K, V, S> {
    type Handle<'m> = SccHashMapHandle<'m, K, V, S>;

    fn handle(&self) -> SccHashMapHandle<'_, K, V, S> {
        SccHashMapHandle(&self.0)
    }
}

impl<K: Key, V: Value, S: HashBuilder> MapHandle<K, V> for SccHashMapHandle<'_, K, V, S> {
    #[inline]
    fn read<R>(&mut self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R> {
        self.0.read_sync(key, |_, value| f(value))
    }

    #[inline]
    fn insert(&mut self, key: K, value: V) -> bool {
        self.0.upsert_sync(key, value).is_none()
    }

    #[inline]
    fn insert_new(&mut self, key: K, value: V) -> bool {
        self.0.insert_sync(key, value).is_ok()
    }

    #[inline]
    fn remove(&mut self, key: &K) -> bool {
        self.0.remove_sync(key).is_some()
    }

    #[inline]
    fn update(&mut self, key: &K, mut f: impl FnMut(&V) -> V) -> bool {
        self.0.update_sync(key, |_, value| *value = f(value)).is_some()
    }

    #[inline]
    fn upsert(&mut self, key: K, default: V, mut f: impl FnMut(&V) -> V) -> bool {
        match self.0.entry_sync(key) {
            Entry::Occupied(mut entry) => {
                let new = f(entry.get());
                entry.insert(new);
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
        let exchange = |_: &K, value: &mut V| {
            if value == expected {
                *value = new;
                Ok(())
            } else {
                Err(Some(value.clone()))
            }
        };
        self.0.update_sync(key, exchange).unwrap_or(Err(None))
    }

    #[inline]
    fn for_each(&mut self, mut f: impl FnMut(&K, &V)) {
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
    mapbench_conformance::test_strategy!(crate::SccHashMap);
}
