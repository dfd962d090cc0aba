//! papaya, with a guard an operation or a guard a batch.

use mapbench_api::{
    ConcurrentMap, Consistency, HashBuilder, Iteration, Key, MapHandle, Progress, Reclamation, Strategy, StrategyInfo,
    Value,
};
use papaya::{Compute, Guard, HashMap, LocalGuard, Operation};

/// `papaya`: a guard for every operation.
pub struct Papaya;

/// `papaya-pinned`: a guard that is renewed in `quiesce`.
pub struct PapayaPinned;

/// In a form that `concat!` takes.
macro_rules! default_configuration {
    () => {
        "incremental resize in chunks of 64, memory freed in batches of 32 entries a thread (or the number of CPUs, if \
         larger), feature fast-barrier"
    };
}

const INFO: StrategyInfo = StrategyInfo {
    name: "",
    upstream: "papaya",
    version: env!("UPSTREAM_VERSION"),
    summary: "",
    consistency: Consistency::Linearizable,
    iteration: Iteration::WeaklyConsistent,
    read_progress: Progress::LockFree,
    reclamation: Reclamation::Deferred,
    configuration: "",
    notes: "Every entry is an allocation of its own: results depend much on the allocator. update, upsert and \
            compare_exchange go through compute, which takes the key by value (it is cloned where only borrowed) and may \
            run its closure more than once, for which upsert and compare_exchange clone the value they may have to store \
            again. A write helps a resize along; an iteration first finishes it. Taking a guard costs about an uncontended \
            mutex, and papaya advises to keep one, hence two strategies; a guard that is never renewed frees nothing. \
            Other suites use other resize modes and batch sizes. A panic inside an operation leaves the entry as it was; \
            if another thread had won before, the entry prepared for the first try leaks. Closures may read and write the \
            map again.",
    unsupported: &[],
    thread_limit: None,
};

impl Strategy for Papaya {
    const INFO: StrategyInfo = StrategyInfo {
        name: "papaya",
        summary: "papaya HashMap, a guard an operation",
        configuration: concat!("default: ", default_configuration!()),
        ..INFO
    };

    type Map<K: Key, V: Value, S: HashBuilder> = PapayaMap<K, V, S>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> PapayaMap<K, V, S> {
        PapayaMap(filled(capacity, hasher, entries))
    }
}

impl Strategy for PapayaPinned {
    const INFO: StrategyInfo = StrategyInfo {
        name: "papaya-pinned",
        summary: "papaya HashMap, a guard a batch",
        configuration: concat!(
            "guard renewed between batches of at most 1024 operations; else default: ",
            default_configuration!()
        ),
        ..INFO
    };

    type Map<K: Key, V: Value, S: HashBuilder> = PapayaPinnedMap<K, V, S>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> PapayaPinnedMap<K, V, S> {
        PapayaPinnedMap(filled(capacity, hasher, entries))
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

/// The map of [`Papaya`].
pub struct PapayaMap<K, V, S>(HashMap<K, V, S>);

/// The map of [`PapayaPinned`].
pub struct PapayaPinnedMap<K, V, S>(HashMap<K, V, S>);

/// The handle of a [`PapayaMap`].
pub struct PapayaHandle<'m, K, V, S>(&'m HashMap<K, V, S>);

/// The handle of a [`PapayaPinnedMap`].
pub struct PapayaPinnedHandle<'m, K, V, S> {
    map: &'m HashMap<K, V, S>,
    guard: LocalGuard<'m>,
}

impl<K: Key, V: Value, S: HashBuilder> ConcurrentMap<K, V> for PapayaMap<K, V, S> {
    type Handle<'m> = PapayaHandle<'m, K, V, S>;

    fn handle(&self) -> PapayaHandle<'_, K, V, S> {
        PapayaHandle(&self.0)
    }
}

impl<K: Key, V: Value, S: HashBuilder> ConcurrentMap<K, V> for PapayaPinnedMap<K, V, S> {
    type Handle<'m> = PapayaPinnedHandle<'m, K, V, S>;

    fn handle(&self) -> PapayaPinnedHandle<'_, K, V, S> {
        PapayaPinnedHandle { map: &self.0, guard: self.0.guard() }
    }
}

/// The operations, on a map that is pinned or under the handle's guard.
macro_rules! operations {
    ($handle:ident, |$this:ident| $map:expr $(, $guard:expr, $quiesce:item)?) => {
        impl<K: Key, V: Value, S: HashBuilder> MapHandle<K, V> for $handle<'_, K, V, S> {
            #[inline]
            fn read<R>(&mut self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R> {
                let $this = self;
                $map.get(key $(, &$guard)?).map(f)
            }

            #[inline]
            fn insert(&mut self, key: K, value: V) -> bool {
                let $this = self;
                $map.insert(key, value $(, &$guard)?).is_none()
            }

            #[inline]
            fn insert_new(&mut self, key: K, value: V) -> bool {
                let $this = self;
                $map.try_insert(key, value $(, &$guard)?).is_ok()
            }

            #[inline]
            fn remove(&mut self, key: &K) -> bool {
                let $this = self;
                $map.remove(key $(, &$guard)?).is_some()
            }

            #[inline]
            fn update(&mut self, key: &K, mut f: impl FnMut(&V) -> V) -> bool {
                let $this = self;
                // Not papaya's `update`: its closure cannot have state of its own.
                let compute = |entry: Option<(&K, &V)>| match entry {
                    Some((_, value)) => Operation::Insert(f(value)),
                    None => Operation::Abort(()),
                };
                matches!($map.compute(key.clone(), compute $(, &$guard)?), Compute::Updated { .. })
            }

            #[inline]
            fn upsert(&mut self, key: K, default: V, mut f: impl FnMut(&V) -> V) -> bool {
                let $this = self;
                let compute = |entry: Option<(&K, &V)>| match entry {
                    Some((_, value)) => Operation::<V, ()>::Insert(f(value)),
                    None => Operation::Insert(default.clone()),
                };
                matches!($map.compute(key, compute $(, &$guard)?), Compute::Inserted(..))
            }

            #[inline]
            fn compare_exchange(&mut self, key: &K, expected: &V, new: V) -> Result<(), Option<V>> {
                let $this = self;
                let compute = |entry: Option<(&K, &V)>| match entry {
                    Some((_, value)) if value == expected => Operation::Insert(new.clone()),
                    Some((_, value)) => Operation::Abort(Some(value.clone())),
                    None => Operation::Abort(None),
                };
                match $map.compute(key.clone(), compute $(, &$guard)?) {
                    Compute::Aborted(found) => Err(found),
                    _ => Ok(()),
                }
            }

            #[inline]
            fn for_each(&mut self, mut f: impl FnMut(&K, &V)) {
                let $this = self;
                $map.iter($(&$guard)?).for_each(|(key, value)| f(key, value));
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

// Not `guard`: papaya checks at each call that a guard belongs to the map, but not what `pin` gives.
operations!(PapayaHandle, |this| this.0.pin());

operations!(
    PapayaPinnedHandle,
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
        mapbench_conformance::test_strategy!(crate::Papaya);
    }
    mod pinned {
        mapbench_conformance::test_strategy!(crate::PapayaPinned);
    }
}
