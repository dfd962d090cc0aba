//! flurry, with a guard an operation or a guard a batch.

use flurry::{Guard, HashMap};
use mapbench_api::{
    ConcurrentMap, Consistency, HashBuilder, HashFunction, Iteration, Key, MapHandle, Progress, Reclamation, Strategy,
    StrategyInfo, Value,
};

/// `flurry`: a guard for every operation.
pub struct Flurry;

/// `flurry-pinned`: a guard that is renewed in `quiesce`.
pub struct FlurryPinned;

const INFO: StrategyInfo = StrategyInfo {
    name: "",
    upstream: "flurry",
    version: env!("UPSTREAM_VERSION"),
    summary: "",
    consistency: Consistency::Linearizable,
    iteration: Iteration::WeaklyConsistent,
    read_progress: Progress::LockFree,
    reclamation: Reclamation::Deferred,
    configuration: "",
    notes: "A port of Java's ConcurrentHashMap: every value is an allocation of its own, and a writer locks its bin. \
            compare_exchange goes through compute_if_present, which cannot decline: one that fails stores an equal copy. \
            upsert repeats compute_if_present and try_insert, which clones the key, until one of them takes effect. A guard \
            that is never renewed frees nothing; renewing one a batch costs far less than taking one an operation, hence \
            two strategies. Needs keys with an order. conc-map-bench tunes the batch size of this map alone, which is not \
            done here. A panic inside an operation releases the bin; the entry keeps the value it had. Closures may \
            read and write the map again.",
    unsupported: &[],
    thread_limit: None,
};

impl Strategy for Flurry {
    const INFO: StrategyInfo = StrategyInfo {
        name: "flurry",
        summary: "flurry HashMap, a guard an operation",
        configuration: "default: memory is freed in batches of 120 objects a thread",
        ..INFO
    };

    const OWN_HASHER: HashFunction = HashFunction::Ahash;

    type Map<K: Key, V: Value, S: HashBuilder> = FlurryMap<K, V, S>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> FlurryMap<K, V, S> {
        FlurryMap(filled(capacity, hasher, entries))
    }
}

impl Strategy for FlurryPinned {
    const INFO: StrategyInfo = StrategyInfo {
        name: "flurry-pinned",
        summary: "flurry HashMap, a guard a batch",
        configuration: "guard renewed between batches of at most 1024 operations; else default: memory is freed in batches of \
                        120 objects a thread",
        ..INFO
    };

    const OWN_HASHER: HashFunction = HashFunction::Ahash;

    type Map<K: Key, V: Value, S: HashBuilder> = FlurryPinnedMap<K, V, S>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> FlurryPinnedMap<K, V, S> {
        FlurryPinnedMap(filled(capacity, hasher, entries))
    }
}

fn filled<K: Key, V: Value, S: HashBuilder>(
    capacity: usize,
    hasher: S,
    entries: impl Iterator<Item = (K, V)>,
) -> HashMap<K, V, S> {
    let map = HashMap::with_capacity_and_hasher(capacity, hasher);
    let guard = map.guard();
    for (key, value) in entries {
        map.insert(key, value, &guard);
    }
    drop(guard);
    map
}

/// The map of [`Flurry`].
pub struct FlurryMap<K, V, S>(HashMap<K, V, S>);

/// The map of [`FlurryPinned`].
pub struct FlurryPinnedMap<K, V, S>(HashMap<K, V, S>);

/// The handle of a [`FlurryMap`].
pub struct FlurryHandle<'m, K, V, S>(&'m HashMap<K, V, S>);

/// The handle of a [`FlurryPinnedMap`].
pub struct FlurryPinnedHandle<'m, K, V, S> {
    map: &'m HashMap<K, V, S>,
    guard: Guard<'m>,
}

impl<K: Key, V: Value, S: HashBuilder> ConcurrentMap<K, V> for FlurryMap<K, V, S> {
    type Handle<'m> = FlurryHandle<'m, K, V, S>;

    fn handle(&self) -> FlurryHandle<'_, K, V, S> {
        FlurryHandle(&self.0)
    }
}

impl<K: Key, V: Value, S: HashBuilder> ConcurrentMap<K, V> for FlurryPinnedMap<K, V, S> {
    type Handle<'m> = FlurryPinnedHandle<'m, K, V, S>;

    fn handle(&self) -> FlurryPinnedHandle<'_, K, V, S> {
        FlurryPinnedHandle { map: &self.0, guard: self.0.guard() }
    }
}

/// The operations, under a guard from wherever the handle has it.
macro_rules! operations {
    ($handle:ident, |$this:ident| $map:expr, $guard:expr $(, $quiesce:item)?) => {
        impl<K: Key, V: Value, S: HashBuilder> MapHandle<K, V> for $handle<'_, K, V, S> {
            #[inline]
            fn read<R>(&mut self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R> {
                let $this = self;
                $map.get(key, &$guard).map(f)
            }

            #[inline]
            fn insert(&mut self, key: K, value: V) -> bool {
                let $this = self;
                $map.insert(key, value, &$guard).is_none()
            }

            #[inline]
            fn insert_new(&mut self, key: K, value: V) -> bool {
                let $this = self;
                $map.try_insert(key, value, &$guard).is_ok()
            }

            #[inline]
            fn remove(&mut self, key: &K) -> bool {
                let $this = self;
                $map.remove(key, &$guard).is_some()
            }

            #[inline]
            fn update(&mut self, key: &K, mut f: impl FnMut(&V) -> V) -> bool {
                let $this = self;
                $map.compute_if_present(key, |_, value| Some(f(value)), &$guard).is_some()
            }

            #[inline]
            fn upsert(&mut self, key: K, mut default: V, mut f: impl FnMut(&V) -> V) -> bool {
                let $this = self;
                // Not a get followed by a set: each step either does the whole operation, atomically, or nothing, because
                // the key came or went in between.
                loop {
                    if $map.compute_if_present(&key, |_, value| Some(f(value)), &$guard).is_some() {
                        return false;
                    }
                    match $map.try_insert(key.clone(), default, &$guard) {
                        Ok(_) => return true,
                        Err(refused) => default = refused.not_inserted,
                    }
                }
            }

            #[inline]
            fn compare_exchange(&mut self, key: &K, expected: &V, new: V) -> Result<(), Option<V>> {
                let $this = self;
                let mut result = Err(None);
                let exchange = |_: &K, value: &V| {
                    if value == expected {
                        result = Ok(());
                        Some(new)
                    } else {
                        result = Err(Some(value.clone()));
                        Some(value.clone())
                    }
                };
                $map.compute_if_present(key, exchange, &$guard);
                result
            }

            #[inline]
            fn for_each(&mut self, mut f: impl FnMut(&K, &V)) {
                let $this = self;
                $map.iter(&$guard).for_each(|(key, value)| f(key, value));
            }

            #[inline]
            fn len(&mut self) -> usize {
                let $this = self;
                $map.len()
            }

            $($quiesce)?
        }
    };
}

operations!(FlurryHandle, |this| this.0, this.0.guard());

operations!(
    FlurryPinnedHandle,
    |this| this.map,
    this.guard,
    #[inline]
    fn quiesce(&mut self) {
        self.guard.refresh();
    }
);

#[cfg(test)]
mod tests {
    mod per_operation {
        mapbench_conformance::test_strategy!(crate::Flurry);
    }
    mod pinned {
        mapbench_conformance::test_strategy!(crate::FlurryPinned);
    }

    use std::cell::Cell;
    use std::hash::RandomState;
    use std::sync::Arc;

    use mapbench_api::{ConcurrentMap, MapHandle, Strategy};

    thread_local! {
        static MEANWHILE: Cell<Option<Box<dyn FnOnce()>>> = const { Cell::new(None) };
    }

    /// A key that lets another writer in while it is cloned, which is between the steps of `upsert`.
    #[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
    struct Slow(u64);

    impl Clone for Slow {
        fn clone(&self) -> Self {
            if let Some(write) = MEANWHILE.take() {
                write();
            }
            Slow(self.0)
        }
    }

    fn upsert_that_is_overtaken<S: Strategy>() {
        let map = Arc::new(S::build(1, RandomState::new(), std::iter::empty::<(Slow, u64)>()));
        let other = Arc::clone(&map);
        MEANWHILE.set(Some(Box::new(move || assert!(other.handle().insert(Slow(1), 5)))));
        let mut handle = map.handle();
        assert!(!handle.upsert(Slow(1), 1, |value| value + 10), "the key was there when upsert took effect");
        assert_eq!(handle.read(&Slow(1), |value| *value), Some(15));
        assert!(handle.upsert(Slow(2), 1, |value| value + 10));
        assert_eq!(handle.read(&Slow(2), |value| *value), Some(1));
    }

    #[test]
    fn upsert_that_is_overtaken_updates() {
        upsert_that_is_overtaken::<crate::Flurry>();
        upsert_that_is_overtaken::<crate::FlurryPinned>();
    }
}
