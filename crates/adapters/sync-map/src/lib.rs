//! The algorithm of Go's `sync.Map` before Go 1.24.

mod entry;
mod map;

use map::SyncMapMap as Inner;
use mapbench_api::{
    ConcurrentMap, Consistency, HashBuilder, Iteration, Key, MapHandle, Progress, Reclamation, Strategy, StrategyInfo,
    Value,
};

/// `sync-map`
pub struct SyncMap;

impl Strategy for SyncMap {
    const INFO: StrategyInfo = StrategyInfo {
        name: "sync-map",
        upstream: "arc-swap",
        version: env!("UPSTREAM_VERSION"),
        summary: "the algorithm of Go's sync.Map before Go 1.24: a read-only map, and a dirty map under a mutex",
        consistency: Consistency::Linearizable,
        iteration: Iteration::WeaklyConsistent,
        read_progress: Progress::Blocking,
        reclamation: Reclamation::ReferenceCounted,
        configuration: "the first entries start in the read-only map, as after a promotion",
        notes: "Made for keys that are written once and read often. The first new key after a promotion copies the whole \
                map; reads of keys that are not yet promoted take the mutex. arc-swap stands for Go's garbage collector: \
                a read takes its guard twice, where Go loads a pointer. One allocation a store, as Go's interface value \
                is. len counts by iteration, since Go has none; an iteration promotes. update and upsert are the \
                Load-and-CompareAndSwap loops that Go's users write. A panic inside an operation leaves the entry as it \
                was.",
        unsupported: &[],
        thread_limit: None,
    };

    type Map<K: Key, V: Value, S: HashBuilder> = SyncMapOf<K, V, S>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> SyncMapOf<K, V, S> {
        SyncMapOf(Inner::filled(capacity, hasher, entries))
    }
}

/// The map of [`SyncMap`].
pub struct SyncMapOf<K, V, S>(Inner<K, V, S>);

/// The handle of a [`SyncMapOf`].
pub struct SyncMapHandle<'m, K, V, S>(&'m Inner<K, V, S>);

impl<K: Key, V: Value, S: HashBuilder> ConcurrentMap<K, V> for SyncMapOf<K, V, S> {
    type Handle<'m> = SyncMapHandle<'m, K, V, S>;

    fn handle(&self) -> SyncMapHandle<'_, K, V, S> {
        SyncMapHandle(&self.0)
    }
}

impl<K: Key, V: Value, S: HashBuilder> MapHandle<K, V> for SyncMapHandle<'_, K, V, S> {
    #[inline]
    fn read<R>(&mut self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R> {
        self.0.load(key, f)
    }

    #[inline]
    fn insert(&mut self, key: K, value: V) -> bool {
        self.0.swap(key, value)
    }

    #[inline]
    fn insert_new(&mut self, key: K, value: V) -> bool {
        self.0.load_or_store(key, value)
    }

    #[inline]
    fn remove(&mut self, key: &K) -> bool {
        self.0.load_and_delete(key)
    }

    #[inline]
    fn update(&mut self, key: &K, mut f: impl FnMut(&V) -> V) -> bool {
        self.0.modify(key, |value| Ok::<V, ()>(f(value))).is_some()
    }

    fn upsert(&mut self, key: K, default: V, mut f: impl FnMut(&V) -> V) -> bool {
        loop {
            if self.0.modify(&key, |value| Ok::<V, ()>(f(value))).is_some() {
                return false;
            }
            if self.0.load_or_store(key.clone(), default.clone()) {
                return true;
            }
        }
    }

    #[inline]
    fn compare_exchange(&mut self, key: &K, expected: &V, new: V) -> Result<(), Option<V>> {
        let exchange = |value: &V| if value == expected { Ok(new.clone()) } else { Err(value.clone()) };
        self.0.modify(key, exchange).ok_or(None)?.map_err(Some)
    }

    fn for_each(&mut self, f: impl FnMut(&K, &V)) {
        self.0.range(f);
    }

    fn len(&mut self) -> usize {
        let mut entries = 0;
        self.0.range(|_, _| entries += 1);
        entries
    }
}

#[cfg(test)]
mod tests {
    mapbench_conformance::test_strategy!(crate::SyncMap);
}
