//! A snapshot behind an atomic pointer, freed by epoch: what Go does with `unsafe.Pointer` and a garbage collector.
//!
//! The pointer is where the unsafe code of this crate is; each block says why it is sound. Miri checks them:
//! `cargo +nightly miri test -p mapbench-adapter-epoch --lib replaced`.

#![allow(unsafe_code)]

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use crossbeam_epoch::{self as epoch, Atomic, Owned};
use mapbench_api::{
    Change, ConcurrentMap, Consistency, HashBuilder, Iteration, Key, Progress, Reclamation, SingleWriter,
    SingleWriterHandle, Strategy, StrategyInfo, Value,
};
use parking_lot::Mutex;

/// `epoch-cow`
pub struct EpochCow;

impl Strategy for EpochCow {
    const INFO: StrategyInfo = StrategyInfo {
        name: "epoch-cow",
        upstream: "crossbeam-epoch",
        version: env!("UPSTREAM_VERSION"),
        summary: "an atomic pointer to an immutable std HashMap; every write swaps in a clone (Go's unsafe.Pointer)",
        consistency: Consistency::Linearizable,
        iteration: Iteration::Snapshot,
        read_progress: Progress::WaitFree,
        reclamation: Reclamation::Deferred,
        configuration: "writers take turns on a parking_lot Mutex; readers pin for each operation",
        notes: "A write costs O(entries) in time and memory; a write that would change nothing clones nothing. The old \
                map is freed when no thread that was pinned at the swap still is: a reader that stays pinned keeps all \
                later maps in memory. A panic inside an operation leaves the map as it was.",
        unsupported: &[],
        thread_limit: None,
    };

    type Map<K: Key, V: Value, S: HashBuilder> = EpochMap<K, V, S>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> EpochMap<K, V, S> {
        let mut table = HashMap::with_capacity_and_hasher(capacity, hasher);
        table.extend(entries);
        EpochMap { current: Atomic::new(table), writer: Mutex::new(()) }
    }
}

/// The map of [`EpochCow`].
pub struct EpochMap<K, V, S> {
    /// Never null: set when the map is built, and only ever replaced by another snapshot.
    current: Atomic<HashMap<K, V, S>>,
    writer: Mutex<()>,
}

impl<K, V, S> EpochMap<K, V, S> {
    /// The swap is atomic on an aligned pointer only; Go's programmers are warned of it, here the compiler checks it.
    const ALIGNED: () = assert!(
        std::mem::offset_of!(Self, current).is_multiple_of(align_of::<*const HashMap<K, V, S>>())
            && size_of::<Atomic<HashMap<K, V, S>>>() == size_of::<*const ()>()
    );
}

impl<K: Key, V: Value, S: HashBuilder> ConcurrentMap<K, V> for EpochMap<K, V, S> {
    type Handle<'m> = SingleWriterHandle<EpochHandle<'m, K, V, S>>;

    fn handle(&self) -> Self::Handle<'_> {
        const { Self::ALIGNED };
        SingleWriterHandle(EpochHandle(self))
    }
}

/// The handle of an [`EpochMap`].
pub struct EpochHandle<'m, K, V, S>(&'m EpochMap<K, V, S>);

impl<K: Key, V: Value, S: HashBuilder> EpochHandle<'_, K, V, S> {
    #[inline]
    fn with<R>(&self, f: impl FnOnce(&HashMap<K, V, S>) -> R) -> R {
        let guard = epoch::pin();
        // Acquire, to see what the writer put into the map before its Release.
        let current = self.0.current.load(Ordering::Acquire, &guard);
        // SAFETY: `current` is never null. What it points to was retired after this pin or not at all, so that it is not
        // freed before `guard` is dropped, and it is not written to once it is published.
        f(unsafe { current.deref() })
    }
}

impl<K: Key, V: Value, S: HashBuilder> SingleWriter<K, V> for EpochHandle<'_, K, V, S> {
    #[inline]
    fn read<R>(&mut self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R> {
        self.with(|table| table.get(key).map(f))
    }

    fn change<R>(&mut self, key: &K, decide: impl FnOnce(Option<&V>) -> (Change<V>, R)) -> R {
        let _turn = self.0.writer.lock();
        let (next, result) = self.with(|table| {
            let (change, result) = decide(table.get(key));
            let next = match change {
                Change::Keep => None,
                Change::Put(value) => {
                    let mut next = table.clone();
                    next.insert(key.clone(), value);
                    Some(next)
                }
                Change::Remove => {
                    let mut next = table.clone();
                    next.remove(key);
                    Some(next)
                }
            };
            (next, result)
        });
        if let Some(next) = next {
            let guard = epoch::pin();
            let old = self.0.current.swap(Owned::new(next), Ordering::AcqRel, &guard);
            // SAFETY: the swap has made `old` unreachable for whoever pins from now on, and it is retired once: only the
            // thread that swapped it out does so. Keys, values and hashers are `Send` and `'static`, so that any thread
            // may drop them at any later time.
            unsafe { guard.defer_destroy(old) };
        }
        result
    }

    fn for_each(&mut self, mut f: impl FnMut(&K, &V)) {
        self.with(|table| table.iter().for_each(|(key, value)| f(key, value)));
    }

    fn count(&mut self) -> usize {
        self.with(HashMap::len)
    }
}

impl<K, V, S> Drop for EpochMap<K, V, S> {
    fn drop(&mut self) {
        let current = std::mem::replace(&mut self.current, Atomic::null());
        // SAFETY: `&mut self`: no handle is left that could read the snapshot, and it was not retired, since it is the
        // current one.
        drop(unsafe { current.into_owned() });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use foldhash::fast::FixedState;
    use mapbench_api::{ConcurrentMap, MapHandle, Strategy};

    mapbench_conformance::test_strategy!(crate::EpochCow);

    #[test]
    fn replaced_snapshots_are_freed_and_none_is_freed_early() {
        let counted = Arc::new(());
        let map =
            crate::EpochCow::build(4, FixedState::with_seed(0), (0..4_u64).map(|key| (key, Arc::clone(&counted))));
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut handle = map.handle();
                    for turn in 0..20_u64 {
                        assert!(handle.read(&(turn % 4), |value| Arc::strong_count(value) > 0).is_some());
                        handle.insert(turn % 4, Arc::clone(&counted));
                    }
                });
            }
        });
        drop(map);
        // Each pin may advance the epoch; a few hundred empty the queues of the threads that have ended.
        for _ in 0..1_000 {
            crossbeam_epoch::pin().flush();
            if Arc::strong_count(&counted) == 1 {
                return;
            }
        }
        panic!("{} entries were never freed", Arc::strong_count(&counted) - 1);
    }
}
