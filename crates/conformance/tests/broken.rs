//! The tests are themselves tested: on a right map, and on one for each way of being wrong.

use std::collections::HashMap;
use std::panic::panic_any;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mapbench_api::{
    ConcurrentMap, Consistency, Detected, HashBuilder, Iteration, Key, MapHandle, Progress, Reclamation, StrategyInfo,
    Value,
};
use mapbench_conformance::{model, threads};

/// What is wrong with a map.
mod fault {
    pub(crate) const NONE: u8 = 0;
    pub(crate) const INSERT_SAYS_ABSENT: u8 = 1;
    pub(crate) const INSERT_NEW_REPLACES: u8 = 2;
    pub(crate) const REMOVED_STAYS: u8 = 3;
    pub(crate) const UPDATE_SHOWS_TWICE_APPLIED: u8 = 4;
    pub(crate) const EXCHANGE_IGNORES_EXPECTED: u8 = 5;
    pub(crate) const FOR_EACH_SKIPS_ONE: u8 = 6;
    pub(crate) const LEN_IS_ONE_OFF: u8 = 7;
    pub(crate) const FIRST_ENTRY_WINS: u8 = 8;
    pub(crate) const COLLISION_IS_EQUALITY: u8 = 9;
    pub(crate) const UPDATE_IS_LOST: u8 = 10;
    pub(crate) const UPSERT_IS_LOST: u8 = 11;
    pub(crate) const EXCHANGE_IS_LOST: u8 = 12;
    pub(crate) const TWO_WIN_AN_INSERTION: u8 = 13;
    pub(crate) const WRITES_PANIC: u8 = 14;
    pub(crate) const WRITES_ARE_DETECTED: u8 = 15;
    pub(crate) const READS_ARE_DETECTED: u8 = 16;
    pub(crate) const HANDLE_PANICS: u8 = 17;
}

struct Broken<const FAULT: u8>;

impl<const FAULT: u8> mapbench_api::Strategy for Broken<FAULT> {
    const INFO: StrategyInfo = StrategyInfo {
        name: "broken",
        upstream: "std",
        version: "",
        summary: "",
        consistency: Consistency::Linearizable,
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
        for (key, value) in entries {
            let skipped = match FAULT {
                fault::COLLISION_IS_EQUALITY => collides(&table, &key),
                fault::FIRST_ENTRY_WINS => table.contains_key(&key),
                _ => false,
            };
            if !skipped {
                table.insert(key, value);
            }
        }
        BrokenMap { table: Mutex::new(table), writes: AtomicUsize::new(0), handles: AtomicUsize::new(0) }
    }
}

/// Whether another key has the same hash.
fn collides<K: Key, V, S: HashBuilder>(table: &HashMap<K, V, S>, key: &K) -> bool {
    let hash = |key: &K| table.hasher().hash_one(key);
    table.keys().any(|other| other != key && hash(other) == hash(key))
}

struct BrokenMap<K, V, S, const FAULT: u8> {
    table: Mutex<HashMap<K, V, S>>,
    writes: AtomicUsize,
    handles: AtomicUsize,
}

struct BrokenHandle<'m, K, V, S, const FAULT: u8>(&'m BrokenMap<K, V, S, FAULT>);

impl<K: Key, V: Value, S: HashBuilder, const FAULT: u8> ConcurrentMap<K, V> for BrokenMap<K, V, S, FAULT> {
    type Handle<'m> = BrokenHandle<'m, K, V, S, FAULT>;

    fn handle(&self) -> BrokenHandle<'_, K, V, S, FAULT> {
        let earlier = self.handles.fetch_add(1, Relaxed);
        assert!(FAULT != fault::HANDLE_PANICS || earlier == 0, "no second handle");
        BrokenHandle(self)
    }
}

impl<K: Key, V: Value, S: HashBuilder, const FAULT: u8> BrokenHandle<'_, K, V, S, FAULT> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, V, S>> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The table, and whether this write is one of the few that go wrong.
    fn write(&self) -> (MutexGuard<'_, HashMap<K, V, S>>, bool) {
        let now = self.0.writes.fetch_add(1, Relaxed) % 100 == 99;
        assert!(FAULT != fault::WRITES_PANIC || !now, "a write panics");
        if FAULT == fault::WRITES_ARE_DETECTED && now {
            panic_any(Detected { message: "fatal error: concurrent map writes" });
        }
        (self.lock(), now)
    }
}

impl<K: Key, V: Value, S: HashBuilder, const FAULT: u8> MapHandle<K, V> for BrokenHandle<'_, K, V, S, FAULT> {
    fn read<R>(&mut self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R> {
        if FAULT == fault::READS_ARE_DETECTED {
            panic_any(Detected { message: "fatal error: concurrent map read and map write" });
        }
        self.lock().get(key).map(f)
    }

    fn insert(&mut self, key: K, value: V) -> bool {
        MapHandle::insert(&mut *self.write().0, key, value) || FAULT == fault::INSERT_SAYS_ABSENT
    }

    fn insert_new(&mut self, key: K, value: V) -> bool {
        let (mut table, now) = self.write();
        if FAULT == fault::INSERT_NEW_REPLACES {
            return MapHandle::insert(&mut *table, key, value);
        }
        table.insert_new(key, value) || (FAULT == fault::TWO_WIN_AN_INSERTION && now)
    }

    fn remove(&mut self, key: &K) -> bool {
        let mut table = self.write().0;
        if FAULT == fault::REMOVED_STAYS { table.contains_key(key) } else { MapHandle::remove(&mut *table, key) }
    }

    fn update(&mut self, key: &K, mut f: impl FnMut(&V) -> V) -> bool {
        let (mut table, now) = self.write();
        if FAULT == fault::UPDATE_IS_LOST && now {
            return table.contains_key(key);
        }
        if FAULT == fault::UPDATE_SHOWS_TWICE_APPLIED {
            return table.update(key, |value| {
                let new = f(value);
                f(&new);
                new
            });
        }
        table.update(key, f)
    }

    fn upsert(&mut self, key: K, default: V, f: impl FnMut(&V) -> V) -> bool {
        let (mut table, now) = self.write();
        if FAULT == fault::UPSERT_IS_LOST && now && table.contains_key(&key) {
            return false;
        }
        table.upsert(key, default, f)
    }

    fn compare_exchange(&mut self, key: &K, expected: &V, new: V) -> Result<(), Option<V>> {
        let (mut table, now) = self.write();
        if FAULT == fault::EXCHANGE_IGNORES_EXPECTED && table.contains_key(key) {
            table.update(key, |_| new.clone());
            return Ok(());
        }
        if FAULT == fault::EXCHANGE_IS_LOST && now && table.get(key) == Some(expected) {
            return Ok(());
        }
        table.compare_exchange(key, expected, new)
    }

    fn for_each(&mut self, mut f: impl FnMut(&K, &V)) {
        let skipped = usize::from(FAULT == fault::FOR_EACH_SKIPS_ONE);
        self.lock().iter().skip(skipped).for_each(|(key, value)| f(key, value));
    }

    fn len(&mut self) -> usize {
        self.lock().len() + usize::from(FAULT == fault::LEN_IS_ONE_OFF)
    }
}

macro_rules! refused {
    ($($test:ident: $by:ident <$fault:ident $(, $case:ty)?> says $message:literal;)+) => {$(
        #[test]
        #[should_panic(expected = $message)]
        fn $test() {
            $by::<Broken<{ fault::$fault }> $(, $case)?>();
        }
    )+};
}

refused! {
    insert_that_says_absent: model<INSERT_SAYS_ABSENT, (u64, u64)> says "insert of";
    insert_new_that_replaces: model<INSERT_NEW_REPLACES, (u64, u64)> says "read of";
    removed_that_stays: model<REMOVED_STAYS, (String, String)> says "broken:";
    update_that_shows_a_value_never_stored: model<UPDATE_SHOWS_TWICE_APPLIED, (u64, u64)> says "update saw";
    exchange_that_ignores_the_expected: model<EXCHANGE_IGNORES_EXPECTED, ((u64, u64), Vec<u8>)> says "compare_exchange of";
    for_each_that_skips: model<FOR_EACH_SKIPS_ONE, (u64, u64)> says "for_each visits";
    len_that_is_one_off: model<LEN_IS_ONE_OFF, (u64, u64)> says "broken:";
    first_entry_that_wins: model<FIRST_ENTRY_WINS, (u64, u64)> says "read of";
    collision_taken_for_equality: model<COLLISION_IS_EQUALITY, (u64, u64)> says "read of";
    update_that_is_lost: threads<UPDATE_IS_LOST> says "update lost an increment";
    upsert_that_is_lost: threads<UPSERT_IS_LOST> says "upsert lost an increment";
    exchange_that_is_lost: threads<EXCHANGE_IS_LOST> says "compare_exchange lost an increment";
    insertion_won_twice: threads<TWO_WIN_AN_INSERTION> says "the insertions of each thread";
    entries_not_conserved: threads<REMOVED_STAYS> says "prefill + inserted - removed";
    writes_that_panic: threads<WRITES_PANIC> says "a write panics";
    readers_that_are_detected: threads<READS_ARE_DETECTED> says "readers alone were detected";
    handle_that_panics: threads<HANDLE_PANICS> says "no second handle";
}

/// Detection is a right answer.
mod detected {
    #[test]
    fn threads() {
        mapbench_conformance::threads::<super::Broken<{ super::fault::WRITES_ARE_DETECTED }>>();
    }
}

mod right {
    mapbench_conformance::test_strategy!(super::Broken<{ super::fault::NONE }>);
}
