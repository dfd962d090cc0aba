use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::panic::panic_any;

use mapbench_api::{ConcurrentMap, Detected, HashBuilder, Key, MapHandle, Value};

use crate::sync::{AtomicBool, AtomicUsize, Ordering, RwLock, RwLockReadGuard, RwLockWriteGuard, fence};

const READ_AND_WRITE: Detected = Detected { message: "fatal error: concurrent map read and map write" };
const ITERATION_AND_WRITE: Detected = Detected { message: "fatal error: concurrent map iteration and map write" };
const WRITES: Detected = Detected { message: "fatal error: concurrent map writes" };

type Table<K, V, S> = HashMap<K, V, S>;

/// The map of [`Checked`](crate::Checked).
///
/// The lock is never waited for: that it is taken *is* the detection, and what makes the map free of undefined behaviour
/// while it detects. The rest only says who has it, and never wrongly: whoever is named was inside during the operation
/// that names it. All of it is given back when an operation ends, also when it unwinds.
pub struct CheckedMap<K, V, S> {
    table: RwLock<Table<K, V, S>>,
    /// Go's flag `hashWriting`. Set before the lock is tried and cleared after it is released, so that a writer who finds
    /// it clear knows that readers or iterations alone can have the lock.
    writing: AtomicBool,
    /// How many iterations have begun, counted before they try the lock.
    begun: AtomicUsize,
    /// How many of those have ended, counted after they released it.
    ended: AtomicUsize,
}

impl<K, V, S> CheckedMap<K, V, S> {
    pub(crate) fn new(table: Table<K, V, S>) -> Self {
        Self {
            table: RwLock::new(table),
            writing: AtomicBool::new(false),
            begun: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
        }
    }

    #[inline]
    fn read(&self) -> RwLockReadGuard<'_, Table<K, V, S>> {
        self.table.try_read().unwrap_or_else(|| detected(READ_AND_WRITE))
    }

    fn iterate(&self) -> Iterating<'_, K, V, S> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        // With the fence of the writer that this iteration keeps from the lock: it then finds it counted.
        fence(Ordering::Release);
        let end = End(&self.ended);
        let table = self.table.try_read().unwrap_or_else(|| detected(ITERATION_AND_WRITE));
        Iterating { table, _end: end }
    }

    #[inline]
    fn write(&self) -> Writing<'_, K, V, S> {
        if self.writing.swap(true, Ordering::Acquire) {
            detected(WRITES);
        }
        let clear = Clear(&self.writing);
        let ended = self.ended.load(Ordering::Acquire);
        let table = self.table.try_write().unwrap_or_else(|| detected(self.met_by_a_writer(ended)));
        Writing { table, _clear: clear }
    }

    /// Who kept a writer from the lock: an iteration if one more has begun by now than had ended when the writer came,
    /// since that one was inside meanwhile; else it can only be a reader.
    #[cold]
    fn met_by_a_writer(&self, ended: usize) -> Detected {
        fence(Ordering::Acquire);
        if self.begun.load(Ordering::Relaxed) == ended { READ_AND_WRITE } else { ITERATION_AND_WRITE }
    }
}

#[cold]
fn detected(what: Detected) -> ! {
    panic_any(what)
}

/// A write under way. Its fields are dropped in this order: the lock is released first.
struct Writing<'m, K, V, S> {
    table: RwLockWriteGuard<'m, Table<K, V, S>>,
    _clear: Clear<'m>,
}

impl<K, V, S> Deref for Writing<'_, K, V, S> {
    type Target = Table<K, V, S>;

    #[inline]
    fn deref(&self) -> &Table<K, V, S> {
        &self.table
    }
}

impl<K, V, S> DerefMut for Writing<'_, K, V, S> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Table<K, V, S> {
        &mut self.table
    }
}

/// An iteration under way. Its fields are dropped in this order: the lock is released first.
struct Iterating<'m, K, V, S> {
    table: RwLockReadGuard<'m, Table<K, V, S>>,
    _end: End<'m>,
}

/// Clears the flag when the write ends.
struct Clear<'m>(&'m AtomicBool);

impl Drop for Clear<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Counts the end of an iteration.
struct End<'m>(&'m AtomicUsize);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Release);
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
        self.0.read().get(key).map(f)
    }

    #[inline]
    fn insert(&mut self, key: K, value: V) -> bool {
        MapHandle::insert(&mut *self.0.write(), key, value)
    }

    #[inline]
    fn insert_new(&mut self, key: K, value: V) -> bool {
        self.0.write().insert_new(key, value)
    }

    #[inline]
    fn remove(&mut self, key: &K) -> bool {
        MapHandle::remove(&mut *self.0.write(), key)
    }

    #[inline]
    fn update(&mut self, key: &K, f: impl FnMut(&V) -> V) -> bool {
        self.0.write().update(key, f)
    }

    #[inline]
    fn upsert(&mut self, key: K, default: V, f: impl FnMut(&V) -> V) -> bool {
        self.0.write().upsert(key, default, f)
    }

    #[inline]
    fn compare_exchange(&mut self, key: &K, expected: &V, new: V) -> Result<(), Option<V>> {
        self.0.write().compare_exchange(key, expected, new)
    }

    fn for_each(&mut self, mut f: impl FnMut(&K, &V)) {
        self.0.iterate().table.iter().for_each(|(key, value)| f(key, value));
    }

    #[inline]
    fn len(&mut self) -> usize {
        self.0.read().len()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::BTreeSet;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::sync::Barrier;
    use std::sync::atomic::Ordering;
    use std::thread;

    use foldhash::fast::FixedState;
    use mapbench_api::{ConcurrentMap, Detected, MapHandle, Strategy};

    use crate::Checked;

    mapbench_conformance::test_strategy!(Checked);

    const READ_AND_WRITE: &str = "fatal error: concurrent map read and map write";
    const ITERATION_AND_WRITE: &str = "fatal error: concurrent map iteration and map write";
    const WRITES: &str = "fatal error: concurrent map writes";

    type Map = super::CheckedMap<u64, u64, FixedState>;
    type Handle<'m> = super::CheckedHandle<'m, u64, u64, FixedState>;

    fn map() -> Map {
        Checked::build(4, FixedState::with_seed(0), [(1, 1), (2, 2)].into_iter())
    }

    /// The message of an operation that was ended by the check.
    fn message(operation: impl FnOnce()) -> Option<&'static str> {
        let payload = catch_unwind(AssertUnwindSafe(operation)).err()?;
        match payload.downcast::<Detected>() {
            Ok(detected) => Some(detected.message),
            Err(other) => resume_unwind(other),
        }
    }

    /// A way to be inside the map while something else happens.
    type Inside = fn(&mut Handle<'_>, &mut dyn FnMut());

    const READING: [Inside; 1] = [|handle, meanwhile| {
        handle.read(&1, |_| meanwhile());
    }];

    const ITERATING: [Inside; 1] = [|handle, meanwhile| {
        let mut once = Some(meanwhile);
        handle.for_each(|_, _| {
            if let Some(meanwhile) = once.take() {
                meanwhile();
            }
        });
    }];

    const WRITING: [Inside; 2] = [
        |handle, meanwhile| {
            handle.update(&1, |value| {
                meanwhile();
                *value
            });
        },
        |handle, meanwhile| {
            handle.upsert(2, 0, |value| {
                meanwhile();
                *value
            });
        },
    ];

    /// A whole operation.
    type Whole = fn(&mut Handle<'_>);

    const READS: [Whole; 3] = [
        |handle| {
            handle.read(&1, |value| *value);
        },
        |handle| {
            handle.read(&9, |value| *value);
        },
        |handle| {
            handle.len();
        },
    ];

    const ITERATIONS: [Whole; 1] = [|handle| handle.for_each(|_, _| {})];

    const WRITES_ALL: [Whole; 6] = [
        |handle| {
            handle.insert(9, 9);
        },
        |handle| {
            handle.insert_new(1, 9);
        },
        |handle| {
            handle.remove(&9);
        },
        |handle| {
            handle.update(&9, |value| *value);
        },
        |handle| {
            handle.upsert(1, 9, |value| *value);
        },
        |handle| {
            let _ = handle.compare_exchange(&1, &9, 8);
        },
    ];

    /// Another thread tries each of `wholes` while this one is inside by each of `insides`.
    fn expect(insides: &[Inside], wholes: &[Whole], wanted: Option<&str>) {
        for (inside, whole) in insides.iter().flat_map(|inside| wholes.iter().map(move |whole| (inside, whole))) {
            let map = map();
            let mut met = None;
            inside(&mut map.handle(), &mut || {
                let other = || message(|| whole(&mut map.handle()));
                met = thread::scope(|scope| scope.spawn(other).join().expect("only the check ends it"));
            });
            assert_eq!(met, wanted);
            assert_eq!(message(|| assert!(map.handle().insert(3, 3))), None, "something is still locked");
            assert_eq!(map.handle().read(&3, |value| *value), Some(3));
        }
    }

    #[test]
    fn a_read_and_a_write_detect_each_other() {
        expect(&WRITING, &READS, Some(READ_AND_WRITE));
        expect(&READING, &WRITES_ALL, Some(READ_AND_WRITE));
    }

    #[test]
    fn an_iteration_and_a_write_detect_each_other() {
        expect(&WRITING, &ITERATIONS, Some(ITERATION_AND_WRITE));
        expect(&ITERATING, &WRITES_ALL, Some(ITERATION_AND_WRITE));
    }

    #[test]
    fn two_writes_detect_each_other() {
        expect(&WRITING, &WRITES_ALL, Some(WRITES));
    }

    #[test]
    fn readers_and_iterations_never_stop_each_other() {
        for inside in [READING, ITERATING] {
            expect(&inside, &READS, None);
            expect(&inside, &ITERATIONS, None);
        }
    }

    #[test]
    fn an_iteration_that_is_over_is_not_blamed() {
        let map = map();
        map.handle().for_each(|_, _| {});
        let mut met = None;
        READING[0](&mut map.handle(), &mut || met = message(|| assert!(map.handle().insert(9, 9))));
        assert_eq!(met, Some(READ_AND_WRITE));
    }

    #[test]
    fn an_iteration_that_a_write_ended_is_not_blamed_later() {
        let map = map();
        WRITING[0](&mut map.handle(), &mut || {
            assert_eq!(message(|| ITERATIONS[0](&mut map.handle())), Some(ITERATION_AND_WRITE));
        });
        let mut met = None;
        READING[0](&mut map.handle(), &mut || met = message(|| assert!(map.handle().insert(9, 9))));
        assert_eq!(met, Some(READ_AND_WRITE));
    }

    #[test]
    fn an_iteration_that_leaves_before_the_writer_asks_is_still_the_one_it_met() {
        let map = map();
        let ended = map.ended.load(Ordering::Relaxed);
        assert_eq!(map.met_by_a_writer(ended).message, READ_AND_WRITE);
        map.handle().for_each(|_, _| {});
        assert_eq!(map.met_by_a_writer(ended).message, ITERATION_AND_WRITE);
    }

    #[test]
    fn a_writer_that_has_just_released_the_lock_is_still_writing() {
        let map = map();
        map.writing.store(true, Ordering::Relaxed);
        for write in WRITES_ALL {
            assert_eq!(message(|| write(&mut map.handle())), Some(WRITES));
        }
        assert!(map.writing.load(Ordering::Relaxed), "the flag is the other's to clear");
        map.writing.store(false, Ordering::Relaxed);
        assert_eq!(message(|| assert!(map.handle().insert(9, 9))), None);
    }

    #[test]
    fn what_is_detected_changes_nothing() {
        let map = map();
        READING[0](&mut map.handle(), &mut || {
            for write in WRITES_ALL {
                assert!(message(|| write(&mut map.handle())).is_some());
            }
        });
        let mut entries = Vec::new();
        map.handle().for_each(|key, value| entries.push((*key, *value)));
        entries.sort_unstable();
        assert_eq!(entries, [(1, 1), (2, 2)]);
    }

    #[test]
    fn a_closure_that_panics_leaves_nothing_locked() {
        for inside in [READING[0], ITERATING[0], WRITING[0], WRITING[1]] {
            let map = map();
            let outcome = catch_unwind(AssertUnwindSafe(|| inside(&mut map.handle(), &mut || panic!("on purpose"))));
            assert!(outcome.is_err());
            for whole in READS.iter().chain(&ITERATIONS).chain(&WRITES_ALL) {
                assert_eq!(message(|| whole(&mut map.handle())), None);
            }
        }
    }

    /// All that threads meet which do nothing but these operations, one thread each.
    fn met_by(wholes: &[Whole]) -> BTreeSet<&'static str> {
        let (map, start) = (map(), Barrier::new(wholes.len()));
        thread::scope(|scope| {
            let run = |whole: Whole| {
                start.wait();
                let mut handle = map.handle();
                (0..2_000).filter_map(|_| message(|| whole(&mut handle))).collect::<BTreeSet<_>>()
            };
            let running: Vec<_> = wholes.iter().map(|whole| scope.spawn(move || run(*whole))).collect();
            running.into_iter().flat_map(|thread| thread.join().expect("only the check ends it")).collect()
        })
    }

    /// None is named that was not there, as far as races show it.
    #[test]
    fn only_who_is_there_is_named() {
        let (read, iteration) = (READS[0], ITERATIONS[0]);
        let [insert, _, remove, ..] = WRITES_ALL;
        assert!(met_by(&[insert, remove, insert]).is_subset(&[WRITES].into()));
        assert!(met_by(&[iteration, remove, iteration]).is_subset(&[ITERATION_AND_WRITE].into()));
        assert!(met_by(&[read, insert, read]).is_subset(&[READ_AND_WRITE].into()));
        assert!(met_by(&[read, iteration, read]).is_empty());
    }
}
