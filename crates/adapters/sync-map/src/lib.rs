//! The algorithm of Go's `sync.Map` before Go 1.24.

mod entry;
mod map;
#[cfg(all(test, loom))]
mod model_tests;
mod sync;

use mapbench_api::{
    ConcurrentMap, Consistency, HashBuilder, Iteration, Key, MapHandle, Progress, Reclamation, Strategy, StrategyInfo,
    Value,
};

use entry::Offer;
use map::Map as Inner;

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
        notes: "Made for keys that are written once and read often. Keys that have been promoted are read, replaced and \
                removed without the mutex; all others take it, readers too. The first new key after a promotion copies \
                the whole map under the mutex, keys and all (Go copies pointers to keys). A removed key stays in the \
                table until the next promotion, its value does not. Go's readers take no reference counts: its garbage \
                collector waits for them; here arc-swap's debt slots do that, two or three of a thread's eight in each \
                operation, and each replaced value or map is looked up in all of them. One allocation a store, as Go's \
                interface box is. A replaced table is freed outside the mutex, by its last user. Go has no Len: len \
                counts through Range, and Range promotes. update is the loop of Load and CompareAndSwap that Go's users \
                write, upsert that and LoadOrStore in a loop; their closures may run more than once, and without the \
                mutex: one that panics changes nothing. Closures may read and write the map again.",
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
        self.0.load_or_store(key, &mut Offer::new(value)).is_ok()
    }

    #[inline]
    fn remove(&mut self, key: &K) -> bool {
        self.0.load_and_delete(key)
    }

    #[inline]
    fn update(&mut self, key: &K, f: impl FnMut(&V) -> V) -> bool {
        self.0.update(key, f)
    }

    #[inline]
    fn upsert(&mut self, mut key: K, default: V, mut f: impl FnMut(&V) -> V) -> bool {
        let mut default = Offer::new(default);
        // Each of the two may find that another thread has just made it the other's turn.
        while !self.0.update(&key, &mut f) {
            match self.0.load_or_store(key, &mut default) {
                Ok(()) => return true,
                Err(back) => key = back,
            }
        }
        false
    }

    #[inline]
    fn compare_exchange(&mut self, key: &K, expected: &V, new: V) -> Result<(), Option<V>> {
        self.0.compare_and_swap(key, expected, new)
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

#[cfg(all(test, not(loom)))]
mod tests {
    mapbench_conformance::test_strategy!(crate::SyncMap);
}
