//! Maps that are wrong, a fault each, for the tests of the checks; and two that are right.

use std::any::Any;
use std::cell::Cell;
use std::collections::HashMap;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;

use mapbench_api::{
    ConcurrentMap, Consistency, Detected, HashBuilder, Iteration, Key, MapHandle, Progress, Reclamation, Strategy,
    StrategyInfo, Value,
};

use super::{Outcome, Setting, Verdict};

/// What is wrong.
pub(crate) mod fault {
    pub(crate) const NONE: u8 = 0;
    /// Right, and readers see what the last `quiesce` of a writer has published.
    pub(crate) const NONE_PUBLISHED: u8 = 1;
    pub(crate) const ITERATION_SKIPS: u8 = 2;
    pub(crate) const ITERATION_REPEATS: u8 = 3;
    pub(crate) const ITERATION_SHOWS_REMOVED: u8 = 4;
    pub(crate) const ITERATION_OF_TWO_STATES: u8 = 5;
    pub(crate) const LEN_IS_OFF: u8 = 6;
    /// Half of the old value and half of the new one, of types that have halves.
    pub(crate) const TORN: u8 = 7;
    pub(crate) const GROWTH_DROPS_A_KEY: u8 = 8;
    pub(crate) const REMOVED_COMES_BACK: u8 = 9;
    pub(crate) const UPDATE_IS_LOST: u8 = 10;
    pub(crate) const REMOVED_LEAKS: u8 = 11;
    pub(crate) const REMOVED_IS_DROPPED_TWICE: u8 = 12;
    pub(crate) const PANIC_LOSES_THE_ENTRY: u8 = 13;
    pub(crate) const PANIC_KEEPS_THE_LOCK: u8 = 14;
    pub(crate) const PANIC_POISONS: u8 = 15;
    pub(crate) const READS_ARE_STALE: u8 = 16;
    pub(crate) const PUBLISH_IS_FORGOTTEN: u8 = 17;
    pub(crate) const READS_GO_BACK: u8 = 18;
    pub(crate) const READS_MISS_WHAT_IS_LOCKED: u8 = 19;
    /// Not a fault: a strategy may declare it.
    pub(crate) const OVERLAPS_ARE_DETECTED: u8 = 20;
    /// Right, and iterations and reads hold no lock.
    pub(crate) const NONE_REENTRANT: u8 = 21;
}

/// How seldom a fault shows, in calls.
const SELDOM: usize = 50;

const fn published(fault: u8) -> bool {
    matches!(fault, fault::NONE_PUBLISHED | fault::PUBLISH_IS_FORGOTTEN | fault::READS_GO_BACK)
}

/// Tests that the module's `check`, at its `SETTING`, finds a fault and says one of these words of it.
macro_rules! found {
    ($($test:ident: $fault:ident says $($what:literal)|+;)+) => {$(
        #[test]
        fn $test() {
            let outcome = find(check::<Broken<{ fault::$fault }>>, &SETTING);
            assert_eq!(outcome.verdict, Verdict::Violated, "{}", outcome.detail);
            assert!([$($what),+].iter().any(|what| outcome.detail.contains(what)), "{}", outcome.detail);
        }
    )+};
}
pub(super) use found;

/// The first violation that the check finds, or its last outcome: on a busy machine threads may not meet at once.
pub(super) fn find(check: fn(&Setting) -> Outcome, setting: &Setting) -> Outcome {
    let outcome = |seed| check(&Setting { seed, ..*setting });
    (1..20).map(outcome).find(|outcome| outcome.verdict == Verdict::Violated).unwrap_or_else(|| outcome(20))
}

pub(crate) struct Broken<const FAULT: u8>;

impl<const FAULT: u8> Strategy for Broken<FAULT> {
    const INFO: StrategyInfo = StrategyInfo {
        name: "broken",
        upstream: "std",
        version: "",
        summary: "",
        consistency: if published(FAULT) { Consistency::Published } else { Consistency::Linearizable },
        iteration: Iteration::BlocksWriters,
        read_progress: Progress::Blocking,
        reclamation: Reclamation::Immediate,
        configuration: "",
        notes: "",
        unsupported: &[],
        thread_limit: None,
    };

    type Map<K: Key, V: Value, S: HashBuilder> = BrokenMap<K, V, S, FAULT>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> BrokenMap<K, V, S, FAULT> {
        let mut table = HashMap::with_capacity_and_hasher(capacity, hasher);
        table.extend(entries);
        let (last, before) = (copy::<_, _, _, FAULT>(&table), copy::<_, _, _, FAULT>(&table));
        BrokenMap { tables: Mutex::new(Tables { table, last, before, removed: None }), calls: AtomicUsize::new(0) }
    }
}

/// What readers see, of a map that has need of a copy.
fn copy<K: Key, V: Value, S: HashBuilder, const FAULT: u8>(table: &HashMap<K, V, S>) -> HashMap<K, V, S> {
    if published(FAULT) || FAULT == fault::READS_ARE_STALE {
        return table.clone();
    }
    HashMap::with_hasher(table.hasher().clone())
}

pub(crate) struct BrokenMap<K, V, S, const FAULT: u8> {
    tables: Mutex<Tables<K, V, S>>,
    calls: AtomicUsize,
}

struct Tables<K, V, S> {
    table: HashMap<K, V, S>,
    /// As it was published last, and the time before.
    last: HashMap<K, V, S>,
    before: HashMap<K, V, S>,
    removed: Option<(K, V)>,
}

pub(crate) struct BrokenHandle<'m, K, V, S, const FAULT: u8> {
    map: &'m BrokenMap<K, V, S, FAULT>,
    has_written: Cell<bool>,
    reads: Cell<u32>,
}

impl<K: Key, V: Value, S: HashBuilder, const FAULT: u8> ConcurrentMap<K, V> for BrokenMap<K, V, S, FAULT> {
    type Handle<'m> = BrokenHandle<'m, K, V, S, FAULT>;

    fn handle(&self) -> BrokenHandle<'_, K, V, S, FAULT> {
        BrokenHandle { map: self, has_written: Cell::new(false), reads: Cell::new(0) }
    }
}

impl<K: Key, V: Value, S: HashBuilder, const FAULT: u8> BrokenHandle<'_, K, V, S, FAULT> {
    fn lock(&self) -> MutexGuard<'_, Tables<K, V, S>> {
        let locked = self.map.tables.lock();
        if FAULT == fault::PANIC_POISONS { locked.unwrap() } else { locked.unwrap_or_else(PoisonError::into_inner) }
    }

    /// Whether this call is one of the few that go wrong.
    fn now(&self, fault: u8) -> bool {
        // There are few publishes.
        let seldom = if fault == fault::PUBLISH_IS_FORGOTTEN { SELDOM / 10 } else { SELDOM };
        FAULT == fault && self.map.calls.fetch_add(1, Relaxed) % seldom == seldom - 1
    }

    /// Often, because readers may be few, but not a handle's first.
    fn reads_back(&self) -> bool {
        self.reads.update(|reads| reads.saturating_add(1));
        FAULT == fault::READS_GO_BACK && self.reads.get() > 16 && self.map.calls.load(Relaxed).is_multiple_of(4)
    }

    fn write(&self) -> MutexGuard<'_, Tables<K, V, S>> {
        if FAULT == fault::OVERLAPS_ARE_DETECTED && matches!(self.map.tables.try_lock(), Err(TryLockError::WouldBlock))
        {
            resume_unwind(Box::new(Detected { message: "fatal error: concurrent map writes" }));
        }
        self.has_written.set(true);
        let mut tables = self.lock();
        if FAULT == fault::READS_ARE_STALE && self.now(fault::READS_ARE_STALE) {
            tables.last = tables.table.clone();
        }
        tables
    }
}

/// The table that readers see.
fn visible<const FAULT: u8, K, V, S>(tables: &Tables<K, V, S>, back: bool) -> &HashMap<K, V, S> {
    match FAULT {
        fault::READS_GO_BACK if back => &tables.before,
        _ if published(FAULT) || FAULT == fault::READS_ARE_STALE => &tables.last,
        _ => &tables.table,
    }
}

fn torn<V: Value>(old: &V, new: &V) -> Option<V> {
    let value = |value: &dyn Any| value.downcast_ref::<V>().cloned();
    let (old, new): (&dyn Any, &dyn Any) = (old, new);
    if let (Some(old), Some(new)) = (old.downcast_ref::<[u64; 16]>(), new.downcast_ref::<[u64; 16]>()) {
        let mut torn = *new;
        torn[8..].copy_from_slice(&old[8..]);
        return value(&torn);
    }
    let (old, new) = (old.downcast_ref::<Vec<u64>>()?, new.downcast_ref::<Vec<u64>>()?);
    value(&[&new[..8], &old[8..]].concat())
}

impl<K: Key, V: Value, S: HashBuilder, const FAULT: u8> MapHandle<K, V> for BrokenHandle<'_, K, V, S, FAULT> {
    fn read<R>(&mut self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R> {
        let back = self.reads_back();
        if FAULT == fault::READS_MISS_WHAT_IS_LOCKED {
            return self.map.tables.try_lock().ok()?.table.get(key).map(f);
        }
        if FAULT == fault::NONE_REENTRANT {
            let value = self.lock().table.get(key).cloned();
            return value.as_ref().map(f);
        }
        visible::<FAULT, _, _, _>(&self.lock(), back).get(key).map(f)
    }

    fn insert(&mut self, key: K, value: V) -> bool {
        let (back, torn_now) = (self.now(fault::REMOVED_COMES_BACK), self.now(fault::TORN));
        let mut tables = self.write();
        let Tables { table, removed, .. } = &mut *tables;
        if back && let Some((key, value)) = removed.take() {
            table.entry(key).or_insert(value);
        }
        if FAULT == fault::GROWTH_DROPS_A_KEY && table.len() == table.capacity() && table.len() > 200 {
            let first = table.keys().next().cloned();
            first.and_then(|key| table.remove(&key));
        }
        let torn = if torn_now { table.get(&key).and_then(|old| torn(old, &value)) } else { None };
        table.insert(key, torn.unwrap_or(value)).is_none()
    }

    fn insert_new(&mut self, key: K, value: V) -> bool {
        self.write().table.insert_new(key, value)
    }

    fn remove(&mut self, key: &K) -> bool {
        let now = self.now(fault::REMOVED_LEAKS) || self.now(fault::REMOVED_IS_DROPPED_TWICE);
        let mut tables = self.write();
        let entry = tables.table.remove_entry(key);
        let was_there = entry.is_some();
        if FAULT == fault::REMOVED_COMES_BACK || FAULT == fault::ITERATION_SHOWS_REMOVED {
            tables.removed = entry;
        } else if now && FAULT == fault::REMOVED_LEAKS {
            mem::forget(entry);
        } else if now {
            drop_twice(entry);
        }
        was_there
    }

    fn update(&mut self, key: &K, mut f: impl FnMut(&V) -> V) -> bool {
        if self.now(fault::UPDATE_IS_LOST) {
            let Some(new) = self.lock().table.get(key).map(&mut f) else { return false };
            thread::yield_now();
            let mut tables = self.lock();
            return tables.table.contains_key(key) && tables.table.insert(key.clone(), new).is_some();
        }
        let mut tables = self.write();
        if FAULT == fault::PANIC_LOSES_THE_ENTRY {
            let Some(old) = tables.table.remove(key) else { return false };
            let new = f(&old);
            return tables.table.insert(key.clone(), new).is_none();
        }
        match catch_unwind(AssertUnwindSafe(|| tables.table.update(key, &mut f))) {
            Ok(done) => done,
            Err(payload) => {
                if FAULT == fault::PANIC_KEEPS_THE_LOCK {
                    mem::forget(tables);
                }
                resume_unwind(payload)
            }
        }
    }

    fn upsert(&mut self, key: K, default: V, f: impl FnMut(&V) -> V) -> bool {
        self.write().table.upsert(key, default, f)
    }

    fn compare_exchange(&mut self, key: &K, expected: &V, new: V) -> Result<(), Option<V>> {
        self.write().table.compare_exchange(key, expected, new)
    }

    fn for_each(&mut self, mut f: impl FnMut(&K, &V)) {
        let (skips, repeats) = (self.now(fault::ITERATION_SKIPS), self.now(fault::ITERATION_REPEATS));
        if FAULT == fault::ITERATION_OF_TWO_STATES {
            let keys: Vec<K> = self.lock().table.keys().cloned().collect();
            for half in keys.chunks(keys.len() / 2 + 1) {
                let tables = self.lock();
                half.iter().filter_map(|key| tables.table.get_key_value(key)).for_each(|(key, value)| f(key, value));
                drop(tables);
                thread::yield_now();
            }
            return;
        }
        if FAULT == fault::NONE_REENTRANT {
            let table = self.lock().table.clone();
            return table.iter().for_each(|(key, value)| f(key, value));
        }
        let back = self.reads_back();
        let tables = self.lock();
        let table = visible::<FAULT, _, _, _>(&tables, back);
        table.iter().skip(usize::from(skips)).for_each(|(key, value)| f(key, value));
        let again = if repeats { table.iter().next() } else { None };
        let removed = tables.removed.as_ref().filter(|_| FAULT == fault::ITERATION_SHOWS_REMOVED);
        again.or(removed.map(|(key, value)| (key, value))).into_iter().for_each(|(key, value)| f(key, value));
    }

    fn len(&mut self) -> usize {
        let off = usize::from(self.now(fault::LEN_IS_OFF));
        visible::<FAULT, _, _, _>(&self.lock(), false).len() + off * 100
    }

    fn quiesce(&mut self) {
        if published(FAULT) && self.has_written.take() && !self.now(fault::PUBLISH_IS_FORGOTTEN) {
            let mut tables = self.lock();
            let next = tables.table.clone();
            let last = mem::replace(&mut tables.last, next);
            // Far enough back for a reader to have seen a later one.
            if self.now(fault::READS_GO_BACK) {
                tables.before = last;
            }
        }
    }
}

#[allow(unsafe_code)]
fn drop_twice<T>(value: T) {
    // SAFETY: none; this is the fault. The types it is used with have nothing to free.
    drop(unsafe { std::ptr::read(&value) });
    drop(value);
}
