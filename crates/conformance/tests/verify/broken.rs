//! Maps that do not do what they declare, a fault each: always, or in one of so many operations and soundly in the others.

use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use mapbench_api::{
    ConcurrentMap, Consistency, HashBuilder, Iteration, Key, MapHandle, Progress, Reclamation, Strategy, StrategyInfo,
    Value,
};
use mapbench_conformance::verify::{Check, Outcome, Setting, run};

/// What is wrong with a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// update and upsert get the value, and then insert the new one.
    UpdateIsLost,
    /// Reads are answered from a copy that the thread has made a while ago.
    ReadIsStale,
    /// A resize moves the entries without keeping writers out.
    ResizeDrops,
    /// update stores its result also if the key has been removed since it looked.
    RemovedComesBack,
    /// insert writes a value half by half.
    ValueIsTorn,
    /// insert_new replaces the value, though it says that it did not insert.
    InsertNewOverwrites,
    /// compare_exchange does not compare.
    ExchangeAlwaysSucceeds,
    /// An iteration leaves out an entry.
    IterationSkips,
    /// Every write looks under the lock, lets go of it, and takes it again to write.
    LockIsReleasedEarly,
    /// Of a published map: a thread that finds others at work goes on without publishing.
    PublishIsForgotten,
    /// A write panics.
    Panics,
    /// Readers see the last publish, but the map says that it is linearizable.
    DeclaresTooMuch,
}

/// The fault of maps that are built from now on, and in how many operations it shows once.
static NOW: Mutex<(Fault, u64)> = Mutex::new((Fault::None, 1));

/// Runs a check of maps with this fault; one check at a time, since it is for all maps. In types, two strategies stand for
/// all faults: each would be compiled with all checks.
pub(crate) fn check(fault: Fault, one_in: u64, published: bool, check: Check, setting: &Setting) -> Outcome {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    *NOW.lock().expect("nobody panics with it") = (fault, one_in);
    if published || fault == Fault::PublishIsForgotten {
        run::<Broken<true>>(check, setting)
    } else {
        run::<Broken<false>>(check, setting)
    }
}

/// A map with a fault, or none.
pub(crate) struct Broken<const PUBLISHED: bool>;

impl<const PUBLISHED: bool> Strategy for Broken<PUBLISHED> {
    const INFO: StrategyInfo = StrategyInfo {
        name: "broken",
        upstream: "std",
        version: "",
        summary: "",
        consistency: if PUBLISHED { Consistency::Published } else { Consistency::Linearizable },
        iteration: Iteration::BlocksWriters,
        read_progress: Progress::Blocking,
        reclamation: Reclamation::Immediate,
        configuration: "",
        notes: "",
        unsupported: &[],
        thread_limit: None,
    };

    type Map<K: Key, V: Value, S: HashBuilder> = BrokenMap<K, V, S>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> BrokenMap<K, V, S> {
        let mut table = HashMap::with_capacity_and_hasher(capacity, hasher);
        table.extend(entries);
        let (fault, one_in) = *NOW.lock().expect("nobody panics with it");
        BrokenMap {
            fault,
            one_in,
            publishes: PUBLISHED || fault == Fault::DeclaresTooMuch,
            published: RwLock::new(Arc::new(table.clone())),
            table: Mutex::new(table),
        }
    }
}

type Table<K, V, S> = HashMap<K, V, S>;

/// The map of a [`Broken`] strategy.
pub(crate) struct BrokenMap<K, V, S> {
    fault: Fault,
    one_in: u64,
    /// Readers see the last publish.
    publishes: bool,
    table: Mutex<Table<K, V, S>>,
    /// What readers of a published map see.
    published: RwLock<Arc<Table<K, V, S>>>,
}

/// The handle of a [`BrokenMap`].
pub(crate) struct BrokenHandle<'m, K, V, S> {
    map: &'m BrokenMap<K, V, S>,
    random: u64,
    reads: u64,
    /// A copy that grows old.
    copy: Option<Table<K, V, S>>,
    has_written: bool,
}

impl<K: Key, V: Value, S: HashBuilder> ConcurrentMap<K, V> for BrokenMap<K, V, S> {
    type Handle<'m> = BrokenHandle<'m, K, V, S>;

    fn handle(&self) -> BrokenHandle<'_, K, V, S> {
        /// Handles of many short-lived maps must not all draw the same first numbers.
        static HANDLES: AtomicU64 = AtomicU64::new(1);
        let random = HANDLES.fetch_add(1, Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        BrokenHandle { map: self, random, reads: 0, copy: None, has_written: false }
    }
}

/// Operations for which a stale copy is used.
const AGE: u64 = 16;

impl<K: Key, V: Value, S: HashBuilder> BrokenHandle<'_, K, V, S> {
    /// Whether this operation shows the fault.
    fn shows(&mut self, fault: Fault) -> bool {
        if self.map.fault != fault || self.map.one_in == 1 {
            return self.map.fault == fault;
        }
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random.is_multiple_of(self.map.one_in)
    }

    fn lock(&self) -> MutexGuard<'_, Table<K, V, S>> {
        self.map.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, table: &Table<K, V, S>) {
        *self.map.published.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(table.clone());
    }

    /// A write as it should be, apart from faults that concern all writes.
    fn write<R>(&mut self, key: &K, write: impl FnOnce(&mut Table<K, V, S>) -> R) -> R {
        if self.map.fault == Fault::ResizeDrops && self.resizes(key) {
            self.resize();
        }
        assert!(!self.shows(Fault::Panics), "the map gives up");
        self.has_written = true;
        let publishes = self.map.fault == Fault::DeclaresTooMuch && !self.shows(Fault::DeclaresTooMuch);
        let mut table = self.lock();
        let result = write(&mut table);
        if publishes {
            self.publish(&table);
        }
        result
    }

    /// Moves entry by entry, and lets writers in between: what they change where it has been is lost.
    fn resize(&self) {
        let table = self.lock();
        let keys: Vec<K> = table.keys().cloned().collect();
        let mut larger = HashMap::with_capacity_and_hasher(2 * keys.len(), table.hasher().clone());
        drop(table);
        for key in keys {
            let value = self.lock().get(&key).cloned();
            larger.extend(value.map(|value| (key, value)));
        }
        *self.lock() = larger;
    }

    fn resizes(&mut self, key: &K) -> bool {
        if self.map.one_in == 1 {
            let table = self.lock();
            return !table.contains_key(key) && table.len().is_power_of_two();
        }
        self.shows(Fault::ResizeDrops)
    }

    /// A write under a lock that is not held all the while.
    fn write_late<R>(&mut self, key: K, look: impl FnOnce(Option<&V>) -> (Option<V>, R)) -> R {
        let (next, result) = look(self.lock().get(&key));
        if let Some(value) = next {
            self.lock().insert(key, value);
        }
        result
    }
}

/// The first half of the new value and the second of the old one, of types that have halves.
fn torn<V: Value>(old: &V, new: &V) -> Option<V> {
    fn halves<T: 'static, V: Value>(old: &V, new: &V, torn: impl Fn(&T, &T) -> T) -> Option<V> {
        let (old, new): (&dyn Any, &dyn Any) = (old, new);
        let torn: Box<dyn Any> = Box::new(torn(old.downcast_ref()?, new.downcast_ref()?));
        torn.downcast().ok().map(|torn| *torn)
    }
    let words = |old: &[u64; 16], new: &[u64; 16]| std::array::from_fn(|n| if n < 8 { new[n] } else { old[n] });
    halves(old, new, |old: &u64, new: &u64| new >> 6 << 6 | old & 63)
        .or_else(|| halves(old, new, words))
        .or_else(|| halves(old, new, |old: &Vec<u64>, new: &Vec<u64>| [&new[..8], &old[8..]].concat()))
}

impl<K: Key, V: Value, S: HashBuilder> MapHandle<K, V> for BrokenHandle<'_, K, V, S> {
    fn read<R>(&mut self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R> {
        if self.map.publishes {
            let published = Arc::clone(&self.map.published.read().unwrap_or_else(PoisonError::into_inner));
            return published.get(key).map(f);
        }
        if self.map.fault == Fault::ReadIsStale {
            if self.reads.is_multiple_of(AGE) {
                let copy = self.lock().clone();
                self.copy = Some(copy);
            }
            self.reads += 1;
            if self.shows(Fault::ReadIsStale) {
                return self.copy.as_ref().and_then(|copy| copy.get(key)).map(f);
            }
        }
        self.lock().get(key).map(f)
    }

    fn insert(&mut self, key: K, value: V) -> bool {
        if self.shows(Fault::LockIsReleasedEarly) {
            return self.write_late(key, |old| (Some(value), old.is_none()));
        }
        if self.shows(Fault::ValueIsTorn) {
            self.write(&key, |table| {
                if let Some(old) = table.get_mut(&key) {
                    *old = torn(old, &value).unwrap_or_else(|| old.clone());
                }
            });
        }
        self.write(&key.clone(), |table| table.insert(key, value).is_none())
    }

    fn insert_new(&mut self, key: K, value: V) -> bool {
        if self.shows(Fault::LockIsReleasedEarly) {
            return self.write_late(key, |old| (old.is_none().then_some(value), old.is_none()));
        }
        let overwrites = self.shows(Fault::InsertNewOverwrites);
        self.write(&key.clone(), |table| match overwrites {
            true => table.insert(key, value).is_none(),
            false => table.insert_new(key, value),
        })
    }

    fn remove(&mut self, key: &K) -> bool {
        if self.shows(Fault::LockIsReleasedEarly) {
            let present = self.lock().contains_key(key);
            self.lock().remove(key);
            return present;
        }
        self.write(key, |table| table.remove(key).is_some())
    }

    fn update(&mut self, key: &K, mut f: impl FnMut(&V) -> V) -> bool {
        if self.shows(Fault::LockIsReleasedEarly) {
            return self.write_late(key.clone(), |old| (old.map(f), old.is_some()));
        }
        if self.shows(Fault::UpdateIsLost) {
            let Some(old) = self.lock().get(key).cloned() else { return false };
            let new = f(&old);
            self.lock().insert(key.clone(), new);
            return true;
        }
        if self.shows(Fault::RemovedComesBack) {
            loop {
                let Some(old) = self.lock().get(key).cloned() else { return false };
                let new = f(&old);
                let mut table = self.lock();
                if table.get(key).is_none_or(|now| *now == old) {
                    table.insert(key.clone(), new);
                    return true;
                }
            }
        }
        self.write(key, |table| table.update(key, f))
    }

    fn upsert(&mut self, key: K, default: V, mut f: impl FnMut(&V) -> V) -> bool {
        if self.shows(Fault::LockIsReleasedEarly) {
            return self.write_late(key, |old| (Some(old.map_or(default, f)), old.is_none()));
        }
        if self.shows(Fault::UpdateIsLost) {
            let old = self.lock().get(&key).cloned();
            let new = old.as_ref().map_or(default, &mut f);
            self.lock().insert(key, new);
            return old.is_none();
        }
        self.write(&key.clone(), |table| table.upsert(key, default, f))
    }

    fn compare_exchange(&mut self, key: &K, expected: &V, new: V) -> Result<(), Option<V>> {
        if self.shows(Fault::LockIsReleasedEarly) {
            return self.write_late(key.clone(), |old| match old {
                Some(old) if old == expected => (Some(new), Ok(())),
                other => (None, Err(other.cloned())),
            });
        }
        let always = self.shows(Fault::ExchangeAlwaysSucceeds);
        self.write(key, |table| match always {
            true => table.update(key, |_| new.clone()).then_some(()).ok_or(None),
            false => table.compare_exchange(key, expected, new),
        })
    }

    fn for_each(&mut self, mut f: impl FnMut(&K, &V)) {
        let skipped = usize::from(self.shows(Fault::IterationSkips));
        self.lock().iter().skip(skipped).for_each(|(key, value)| f(key, value));
    }

    fn len(&mut self) -> usize {
        self.lock().len()
    }

    fn quiesce(&mut self) {
        if !std::mem::take(&mut self.has_written) {
            return;
        }
        let forgets = if self.map.one_in == 1 {
            self.map.fault == Fault::PublishIsForgotten && self.map.table.try_lock().is_err()
        } else {
            self.shows(Fault::PublishIsForgotten)
        };
        if self.map.publishes && !forgets {
            self.publish(&self.lock());
        }
    }
}
