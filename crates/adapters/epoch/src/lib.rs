//! A snapshot behind an atomic pointer, freed by epoch: what Go does with `unsafe.Pointer` and a garbage collector.
//!
//! The pointer is where the unsafe code of this crate is; each block says why it is sound. Miri checks them:
//!
//! ```text
//! MIRIFLAGS="-Zmiri-tree-borrows -Zmiri-ignore-leaks" cargo +nightly miri test -p mapbench-adapter-epoch --lib replaced
//! ```
//!
//! Both flags are for crossbeam-epoch 0.9 itself: its list of threads does not pass Stacked Borrows, and what it keeps for
//! the life of the process would count as leaked. That no snapshot leaks is what the tests named `replaced…` assert.

#![allow(unsafe_code)]

#[cfg(all(test, loom))]
mod model_tests;
mod sync;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::Ordering;

use crossbeam_epoch::{self as epoch, Atomic, Owned};
use mapbench_api::{
    Change, ConcurrentMap, Consistency, HashBuilder, Iteration, Key, Progress, Reclamation, SingleWriter,
    SingleWriterHandle, Strategy, StrategyInfo, Value,
};

use crate::sync::Mutex;

/// `epoch-cow`: every write swaps in a clone of the map.
pub struct EpochCow;

impl Strategy for EpochCow {
    const INFO: StrategyInfo = StrategyInfo {
        name: "epoch-cow",
        upstream: "crossbeam-epoch",
        version: env!("UPSTREAM_VERSION"),
        summary: "an atomic pointer to an immutable std HashMap; every write swaps in a clone (Go's unsafe.Pointer)",
        consistency: Consistency::Linearizable,
        iteration: Iteration::Snapshot,
        read_progress: Progress::LockFree,
        reclamation: Reclamation::Deferred,
        configuration: "writers take turns on a parking_lot Mutex and flush after it; readers pin for each operation",
        notes: "A write costs O(entries) in time and memory; a write that would change nothing clones nothing. The old \
                map is freed when no thread that was pinned at the swap still is: a reader that stays pinned keeps all \
                later maps in memory. crossbeam-epoch would let 64 old maps a thread gather first; a flush after each \
                write, which its documentation advises, hands them over at once. Every 128th pin of a thread collects: a \
                read may thus free whole maps. A panic inside an operation's closure leaves the map as it was. \
                Readers and iterations may read and write the map again, and update may read it.",
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

    fn change<R>(&mut self, key: Cow<'_, K>, decide: impl FnOnce(Option<&V>) -> (Change<V>, R)) -> R {
        let turn = self.0.writer.lock();
        let (next, result) = self.with(|table| {
            let (change, result) = decide(table.get(&*key));
            let next = match change {
                Change::Keep => None,
                Change::Put(value) => {
                    let mut next = table.clone();
                    next.insert(key.into_owned(), value);
                    Some(next)
                }
                Change::Remove => {
                    let mut next = table.clone();
                    next.remove(&*key);
                    Some(next)
                }
            };
            (next, result)
        });
        if let Some(next) = next {
            let guard = epoch::pin();
            let old = self.0.current.swap(Owned::new(next), Ordering::AcqRel, &guard);
            // The next writer need not wait until whole maps are freed.
            drop(turn);
            // SAFETY: the swap has made `old` unreachable for whoever pins from now on, and it is retired once: only the
            // thread that swapped it out does so. Keys, values and hashers are `Send` and `'static`, so that any thread
            // may drop them at any later time.
            unsafe { guard.defer_destroy(old) };
            guard.flush();
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

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;
    use std::thread;
    use std::time::Duration;

    use foldhash::fast::FixedState;
    use mapbench_api::{ConcurrentMap, MapHandle, Strategy};

    use crate::{EpochCow, EpochMap};

    mapbench_conformance::test_strategy!(crate::EpochCow);

    const KEYS: usize = 4;

    /// A map whose values count how many of them, old snapshots included, are not yet freed.
    fn counting(counted: &Arc<()>) -> EpochMap<usize, Arc<()>, FixedState> {
        EpochCow::build(KEYS, FixedState::with_seed(0), (0..KEYS).map(|key| (key, Arc::clone(counted))))
    }

    /// Reads, and nothing else, until the current snapshot is the only one left.
    ///
    /// Threads of other tests may be pinned for a while, hence the patience.
    fn settle(map: &EpochMap<usize, Arc<()>, FixedState>, counted: &Arc<()>) {
        let mut handle = map.handle();
        for _ in 0..10_000 {
            if Arc::strong_count(counted) == 1 + KEYS {
                return;
            }
            (0..128).for_each(|_| assert!(handle.read(&0, |_| ()).is_some()));
            thread::sleep(Duration::from_millis(1));
        }
        panic!("{} values were never freed", Arc::strong_count(counted) - 1 - KEYS);
    }

    fn overwrite(map: &EpochMap<usize, Arc<()>, FixedState>, counted: &Arc<()>) {
        let mut handle = map.handle();
        for turn in 0..20 {
            assert!(handle.read(&(turn % KEYS), |value| Arc::strong_count(value) > KEYS).unwrap());
            handle.insert(turn % KEYS, Arc::clone(counted));
        }
    }

    #[test]
    fn replaced_snapshots_are_freed_while_their_writer_lives() {
        let counted = Arc::new(());
        let map = counting(&counted);
        overwrite(&map, &counted);
        settle(&map, &counted);
        drop(map);
        assert_eq!(Arc::strong_count(&counted), 1, "the last snapshot goes with the map");
    }

    #[test]
    fn replaced_snapshots_are_not_freed_under_a_reader() {
        let counted = Arc::new(());
        let map = counting(&counted);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| overwrite(&map, &counted));
            }
        });
        settle(&map, &counted);
    }
}
