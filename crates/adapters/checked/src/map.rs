use std::collections::HashMap;
use std::panic::panic_any;
use std::sync::atomic::{AtomicUsize, Ordering};

use mapbench_api::{ConcurrentMap, Detected, HashBuilder, Key, MapHandle, Value};
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

const READ_AND_WRITE: Detected = Detected { message: "fatal error: concurrent map read and map write" };
const ITERATION_AND_WRITE: Detected = Detected { message: "fatal error: concurrent map iteration and map write" };
const WRITES: Detected = Detected { message: "fatal error: concurrent map writes" };

/// The map of [`Checked`](crate::Checked).
///
/// The lock is never waited for: that it is taken *is* the detection, and what makes the map free of undefined behaviour
/// while it detects. A guard releases it when its operation unwinds, so that nothing stays locked.
pub struct CheckedMap<K, V, S> {
    table: RwLock<HashMap<K, V, S>>,
    /// Iterations under way, so that a writer that meets one can name it.
    iterations: AtomicUsize,
}

impl<K, V, S> CheckedMap<K, V, S> {
    pub(crate) fn new(table: HashMap<K, V, S>) -> Self {
        Self { table: RwLock::new(table), iterations: AtomicUsize::new(0) }
    }

    #[inline]
    fn reading(&self, otherwise: Detected) -> RwLockReadGuard<'_, HashMap<K, V, S>> {
        self.table.try_read().unwrap_or_else(|| panic_any(otherwise))
    }

    #[inline]
    fn writing(&self) -> RwLockWriteGuard<'_, HashMap<K, V, S>> {
        self.table.try_write().unwrap_or_else(|| panic_any(self.met_by_a_writer()))
    }

    #[cold]
    fn met_by_a_writer(&self) -> Detected {
        if self.table.is_locked_exclusive() {
            WRITES
        } else if self.iterations.load(Ordering::Relaxed) > 0 {
            ITERATION_AND_WRITE
        } else {
            READ_AND_WRITE
        }
    }
}

impl<K: Key, V: Value, S: HashBuilder> ConcurrentMap<K, V> for CheckedMap<K, V, S> {
    type Handle<'m> = CheckedHandle<'m, K, V, S>;

    fn handle(&self) -> CheckedHandle<'_, K, V, S> {
        CheckedHandle(self)
    }
}

/// The handle of a [`CheckedMap`].
pub struct CheckedHandle<'m, K, V, S>(&'m CheckedMap<K, V, S>);

impl<K: Key, V: Value, S: HashBuilder> MapHandle<K, V> for CheckedHandle<'_, K, V, S> {
    #[inline]
    fn read<R>(&mut self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R> {
        self.0.reading(READ_AND_WRITE).get(key).map(f)
    }

    #[inline]
    fn insert(&mut self, key: K, value: V) -> bool {
        MapHandle::insert(&mut *self.0.writing(), key, value)
    }

    #[inline]
    fn insert_new(&mut self, key: K, value: V) -> bool {
        self.0.writing().insert_new(key, value)
    }

    #[inline]
    fn remove(&mut self, key: &K) -> bool {
        MapHandle::remove(&mut *self.0.writing(), key)
    }

    #[inline]
    fn update(&mut self, key: &K, f: impl FnMut(&V) -> V) -> bool {
        self.0.writing().update(key, f)
    }

    #[inline]
    fn upsert(&mut self, key: K, default: V, f: impl FnMut(&V) -> V) -> bool {
        self.0.writing().upsert(key, default, f)
    }

    #[inline]
    fn compare_exchange(&mut self, key: &K, expected: &V, new: V) -> Result<(), Option<V>> {
        self.0.writing().compare_exchange(key, expected, new)
    }

    fn for_each(&mut self, mut f: impl FnMut(&K, &V)) {
        let table = self.0.reading(ITERATION_AND_WRITE);
        let _under_way = UnderWay::begin(&self.0.iterations);
        table.iter().for_each(|(key, value)| f(key, value));
    }

    fn len(&mut self) -> usize {
        self.0.reading(READ_AND_WRITE).len()
    }
}

/// Counted while it lives, also when its iteration unwinds.
struct UnderWay<'m>(&'m AtomicUsize);

impl<'m> UnderWay<'m> {
    fn begin(iterations: &'m AtomicUsize) -> Self {
        iterations.fetch_add(1, Ordering::Relaxed);
        Self(iterations)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread;

    use foldhash::fast::FixedState;
    use mapbench_api::{ConcurrentMap, Detected, MapHandle, Strategy};

    use super::CheckedMap;
    use crate::Checked;

    mapbench_conformance::test_strategy!(Checked);

    type Map = CheckedMap<u64, u64, FixedState>;
    type Handle<'m> = super::CheckedHandle<'m, u64, u64, FixedState>;

    fn map() -> Map {
        Checked::build(4, FixedState::with_seed(0), [(1, 1), (2, 2)].into_iter())
    }

    /// What another thread meets that runs `inner` while this one is inside `outer`.
    fn overlap(
        outer: impl FnOnce(&mut Handle<'_>, &mut dyn FnMut()),
        inner: impl Fn(&mut Handle<'_>) + Sync,
    ) -> Option<&'static str> {
        let map = map();
        let mut met = None;
        outer(&mut map.handle(), &mut || {
            let outcome = thread::scope(|scope| {
                let inside = || catch_unwind(AssertUnwindSafe(|| inner(&mut map.handle())));
                scope.spawn(inside).join().expect("the panic is caught inside")
            });
            met = outcome.err().map(|payload| payload.downcast_ref::<Detected>().expect("no other panic").message);
        });
        // Whatever was met, nothing stays locked.
        map.handle().insert(3, 3);
        assert_eq!(map.handle().read(&3, |value| *value), Some(3));
        met
    }

    fn reading(handle: &mut Handle<'_>, meanwhile: &mut dyn FnMut()) {
        handle.read(&1, |_| meanwhile());
    }

    fn iterating(handle: &mut Handle<'_>, meanwhile: &mut dyn FnMut()) {
        let mut first = true;
        handle.for_each(|_, _| {
            if std::mem::take(&mut first) {
                meanwhile();
            }
        });
    }

    fn writing(handle: &mut Handle<'_>, meanwhile: &mut dyn FnMut()) {
        handle.update(&1, |value| {
            meanwhile();
            *value
        });
    }

    #[test]
    fn every_overlap_with_a_write_has_the_message_that_go_gives_it() {
        let read_and_write = Some("fatal error: concurrent map read and map write");
        let iteration_and_write = Some("fatal error: concurrent map iteration and map write");
        let writes = Some("fatal error: concurrent map writes");
        assert_eq!(
            overlap(writing, |handle| {
                let _ = handle.read(&1, |value| *value);
            }),
            read_and_write
        );
        assert_eq!(
            overlap(reading, |handle| {
                let _ = handle.insert(9, 9);
            }),
            read_and_write
        );
        assert_eq!(overlap(writing, |handle| handle.for_each(|_, _| {})), iteration_and_write);
        assert_eq!(
            overlap(iterating, |handle| {
                let _ = handle.remove(&1);
            }),
            iteration_and_write
        );
        assert_eq!(
            overlap(writing, |handle| {
                let _ = handle.insert(9, 9);
            }),
            writes
        );
        assert_eq!(
            overlap(writing, |handle| {
                let _ = handle.update(&1, |value| *value);
            }),
            writes
        );
    }

    #[test]
    fn overlapping_readers_are_never_stopped() {
        assert_eq!(
            overlap(reading, |handle| {
                let _ = handle.read(&1, |value| *value);
            }),
            None
        );
        assert_eq!(overlap(iterating, |handle| handle.for_each(|_, _| {})), None);
        assert_eq!(
            overlap(iterating, |handle| {
                let _ = handle.read(&1, |value| *value);
            }),
            None
        );
    }

    #[test]
    fn a_closure_that_panics_leaves_nothing_locked() {
        let map = map();
        let outcome = catch_unwind(AssertUnwindSafe(|| map.handle().update(&1, |_| panic!("on purpose"))));
        assert!(outcome.is_err());
        let outcome = catch_unwind(AssertUnwindSafe(|| map.handle().for_each(|_, _| panic!("on purpose"))));
        assert!(outcome.is_err());
        assert_eq!(map.handle().read(&1, |value| *value), Some(1));
        assert!(!map.handle().insert(1, 5));
    }
}
