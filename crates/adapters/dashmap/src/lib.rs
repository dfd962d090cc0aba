//! DashMap 6 and 7, alike in everything but the version.

use mapbench_api::{
    ConcurrentMap, Consistency, HashBuilder, Iteration, Key, MapHandle, Progress, Reclamation, Strategy, StrategyInfo,
    Value,
};

/// Set for both, because the default (the next power of two from four times the cores) makes results depend on the box.
const SHARDS: usize = 64;

const INFO: StrategyInfo = StrategyInfo {
    name: "",
    upstream: "dashmap",
    version: "",
    summary: "",
    consistency: Consistency::Linearizable,
    iteration: Iteration::WeaklyConsistent,
    read_progress: Progress::Blocking,
    reclamation: Reclamation::Immediate,
    configuration: "64 shards (default: the next power of two from 4 x cores); no optional feature",
    notes: "A shard is a read-write lock over a table; closures run under it. Readers go before writers that wait. \
            Iteration holds back the writers of one shard at a time and is one state of each shard, not of all. No \
            reference into the map outlives the operation that took it: to write while holding one can deadlock, even \
            across shards. A closure that uses the same shard again deadlocks, but for a read within a read. A panic inside an operation releases the shard; the entry keeps the value it had. Its \
            maintainer calls benchmarks of one key or of a map of one entry adversarial.",
    unsupported: &[],
    thread_limit: None,
};

macro_rules! dashmap {
    ($strategy:ident, $map:ident, $handle:ident, $krate:ident, $info:expr, $text:literal) => {
        #[doc = concat!("`", $text, "`: 64 shards, a read-write lock each.")]
        pub struct $strategy;

        impl Strategy for $strategy {
            const INFO: StrategyInfo = $info;

            type Map<K: Key, V: Value, S: HashBuilder> = $map<K, V, S>;

            fn build<K: Key, V: Value, S: HashBuilder>(
                capacity: usize,
                hasher: S,
                entries: impl Iterator<Item = (K, V)>,
            ) -> $map<K, V, S> {
                let map = $krate::DashMap::with_capacity_and_hasher_and_shard_amount(capacity, hasher, SHARDS);
                for (key, value) in entries {
                    map.insert(key, value);
                }
                $map(map)
            }
        }

        #[doc = concat!("The map of [`", stringify!($strategy), "`].")]
        pub struct $map<K, V, S>($krate::DashMap<K, V, S>);

        #[doc = concat!("The handle of a [`", stringify!($map), "`].")]
        pub struct $handle<'m, K, V, S>(&'m $krate::DashMap<K, V, S>);

        impl<K: Key, V: Value, S: HashBuilder> ConcurrentMap<K, V> for $map<K, V, S> {
            type Handle<'m> = $handle<'m, K, V, S>;

            fn handle(&self) -> $handle<'_, K, V, S> {
                $handle(&self.0)
            }
        }

        impl<K: Key, V: Value, S: HashBuilder> MapHandle<K, V> for $handle<'_, K, V, S> {
            #[inline]
            fn read<R>(&mut self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R> {
                self.0.get(key).map(|entry| f(entry.value()))
            }

            #[inline]
            fn insert(&mut self, key: K, value: V) -> bool {
                self.0.insert(key, value).is_none()
            }

            #[inline]
            fn insert_new(&mut self, key: K, value: V) -> bool {
                match self.0.entry(key) {
                    $krate::Entry::Occupied(_) => false,
                    $krate::Entry::Vacant(entry) => {
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
                self.0.get_mut(key).map(|mut value| *value = f(&value)).is_some()
            }

            #[inline]
            fn upsert(&mut self, key: K, default: V, mut f: impl FnMut(&V) -> V) -> bool {
                match self.0.entry(key) {
                    $krate::Entry::Occupied(mut entry) => {
                        let new = f(entry.get());
                        entry.insert(new);
                        false
                    }
                    $krate::Entry::Vacant(entry) => {
                        entry.insert(default);
                        true
                    }
                }
            }

            #[inline]
            fn compare_exchange(&mut self, key: &K, expected: &V, new: V) -> Result<(), Option<V>> {
                match self.0.get_mut(key) {
                    Some(mut value) if *value == *expected => {
                        *value = new;
                        Ok(())
                    }
                    Some(value) => Err(Some(value.clone())),
                    None => Err(None),
                }
            }

            #[inline]
            fn for_each(&mut self, mut f: impl FnMut(&K, &V)) {
                self.0.iter().for_each(|entry| f(entry.key(), entry.value()));
            }

            #[inline]
            fn len(&mut self) -> usize {
                self.0.len()
            }
        }
    };
}

dashmap!(
    Dashmap,
    Dashmap6Map,
    Dashmap6Handle,
    dashmap,
    StrategyInfo { name: "dashmap", version: env!("VERSION_6"), summary: "DashMap, the stable version 6", ..INFO },
    "dashmap"
);

dashmap!(
    Dashmap7,
    Dashmap7Map,
    Dashmap7Handle,
    dashmap_7,
    StrategyInfo {
        name: "dashmap-7",
        version: env!("VERSION_7"),
        summary: "DashMap, the release candidate of version 7",
        ..INFO
    },
    "dashmap-7"
);

#[cfg(test)]
mod tests {
    mod six {
        mapbench_conformance::test_strategy!(crate::Dashmap);
    }
    mod seven {
        mapbench_conformance::test_strategy!(crate::Dashmap7);
    }
}
