//! What mapbench must know of the map. A map that is no more than locks around `HashMap`s would need only
//! `mapbench_api::Locked`; this one is written out, as for a map with an interface of its own.

use mapbench_api::{
    ConcurrentMap, Consistency, HashBuilder, Iteration, Key, MapHandle, Operation, Progress, Reclamation, Strategy,
    StrategyInfo, Unsupported, Value,
};
use own_map::StripedMap;

/// The strategy: how the map is chosen and built, and what it promises.
pub struct Striped;

impl Strategy for Striped {
    const INFO: StrategyInfo = StrategyInfo {
        name: "own-map",
        upstream: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        summary: "std Mutex over each of sixteen HashMaps",
        consistency: Consistency::Linearizable,
        iteration: Iteration::WeaklyConsistent,
        read_progress: Progress::Blocking,
        reclamation: Reclamation::Immediate,
        configuration: "default",
        notes: "Closures run under the lock of a stripe.",
        unsupported: &[Unsupported {
            operation: Operation::CompareExchange,
            reason: "the map has no operation that compares",
        }],
        thread_limit: None,
    };

    type Map<K: Key, V: Value, S: HashBuilder> = Map<K, V, S>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> Map<K, V, S> {
        let map = StripedMap::new(capacity, hasher);
        entries.for_each(|(key, value)| {
            map.insert(key, value);
        });
        Map(map)
    }
}

/// The map as mapbench shares it.
pub struct Map<K, V, S>(StripedMap<K, V, S>);

impl<K: Key, V: Value, S: HashBuilder> ConcurrentMap<K, V> for Map<K, V, S> {
    type Handle<'m> = Handle<'m, K, V, S>;

    fn handle(&self) -> Handle<'_, K, V, S> {
        Handle(&self.0)
    }
}

/// One thread's access.
pub struct Handle<'m, K, V, S>(&'m StripedMap<K, V, S>);

impl<K: Key, V: Value, S: HashBuilder> MapHandle<K, V> for Handle<'_, K, V, S> {
    #[inline]
    fn read<R>(&mut self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R> {
        self.0.get_with(key, f)
    }

    #[inline]
    fn insert(&mut self, key: K, value: V) -> bool {
        self.0.insert(key, value).is_none()
    }

    #[inline]
    fn insert_new(&mut self, key: K, value: V) -> bool {
        self.0.insert_new(key, value)
    }

    #[inline]
    fn remove(&mut self, key: &K) -> bool {
        self.0.remove(key).is_some()
    }

    #[inline]
    fn update(&mut self, key: &K, f: impl FnMut(&V) -> V) -> bool {
        self.0.update(key, f)
    }

    #[inline]
    fn upsert(&mut self, key: K, default: V, f: impl FnMut(&V) -> V) -> bool {
        self.0.upsert(key, default, f)
    }

    fn for_each(&mut self, f: impl FnMut(&K, &V)) {
        self.0.for_each(f);
    }

    fn len(&mut self) -> usize {
        self.0.len()
    }
}
