//! The two maps and the passage between them.
//!
//! Keys that are in the read-only map are read, replaced and deleted without the mutex. A new key goes into the dirty
//! map, which then holds all live entries; lookups that had to go there are counted, and when they reach its length it
//! becomes the read-only map.

use std::collections::HashMap;

use mapbench_api::{HashBuilder, Key, Value};

use crate::entry::{Entry, Expunged, Offer};
use crate::sync::{Arc, ArcSwap, Mutex};

type Table<K, V, S> = HashMap<K, Arc<Entry<V>>, S>;

/// Go's `readOnly`: replaced whole, and atomically.
struct ReadOnly<K, V, S> {
    table: Arc<Table<K, V, S>>,
    /// There is a dirty map, with a key that is not here.
    amended: bool,
}

/// What the mutex guards.
struct Locked<K, V, S> {
    /// All entries that are not expunged, new keys among them. There is one exactly while the read-only map is amended.
    dirty: Option<Table<K, V, S>>,
    /// Lookups since the last promotion that had to come here.
    misses: usize,
    expunged: Expunged<V>,
}

/// A read-only map that a promotion has replaced, to be held until the mutex is free: where nobody reads it any more,
/// all its entries are visited to free it, which Go leaves to its garbage collector.
type Retired<K, V, S> = Option<Arc<ReadOnly<K, V, S>>>;

/// Go's `sync.Map`.
pub(crate) struct Map<K, V, S> {
    read: ArcSwap<ReadOnly<K, V, S>>,
    locked: Mutex<Locked<K, V, S>>,
}

impl<K: Key, V: Value, S: HashBuilder> Map<K, V, S> {
    /// A map whose first entries are all in the read-only map.
    pub(crate) fn filled(capacity: usize, hasher: S, first: impl Iterator<Item = (K, V)>) -> Self {
        let mut table = HashMap::with_capacity_and_hasher(capacity, hasher);
        table.extend(first.map(|(key, value)| (key, Arc::new(Entry::new(value)))));
        Self {
            read: ArcSwap::from_pointee(ReadOnly { table: Arc::new(table), amended: false }),
            locked: Mutex::new(Locked { dirty: None, misses: 0, expunged: Expunged::new() }),
        }
    }

    /// `Load`.
    #[inline]
    pub(crate) fn load<R>(&self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R> {
        self.find(key, |dirty| dirty.get(key).cloned(), |entry| entry.load(f)).flatten()
    }

    /// `Load`, and then `CompareAndSwap` until it succeeds; true: the key was present. The entry is looked for once.
    #[inline]
    pub(crate) fn update(&self, key: &K, f: impl FnMut(&V) -> V) -> bool {
        self.find(key, |dirty| dirty.get(key).cloned(), |entry| entry.update(f)).unwrap_or(false)
    }

    /// `LoadAndDelete`; true: the key was present.
    #[inline]
    pub(crate) fn load_and_delete(&self, key: &K) -> bool {
        self.find(key, |dirty| dirty.remove(key), Entry::delete).unwrap_or(false)
    }

    /// `Swap`; true: the key was absent.
    pub(crate) fn swap(&self, key: K, value: V) -> bool {
        let mut offer = Offer::new(value);
        if let Some(entry) = self.read.load().table.get(&key)
            && let Ok(was_absent) = entry.try_swap(&mut offer)
        {
            return was_absent;
        }
        let mut locked = self.locked.lock();
        let read = self.read.load();
        if let Some(entry) = read.table.get(&key) {
            if entry.unexpunge_locked() {
                locked.dirty().insert(key, Arc::clone(entry));
            }
            entry.swap_locked(&mut offer)
        } else if let Some(entry) = locked.get(&key) {
            entry.swap_locked(&mut offer)
        } else {
            self.add(&mut locked, &read, key, &mut offer);
            true
        }
    }

    /// `LoadOrStore`.
    ///
    /// # Errors
    /// The key, if it was present.
    pub(crate) fn load_or_store(&self, key: K, offer: &mut Offer<V>) -> Result<(), K> {
        if let Some(entry) = self.read.load().table.get(&key)
            && let Ok(stored) = entry.try_load_or_store(offer)
        {
            return if stored { Ok(()) } else { Err(key) };
        }
        let _retired: Retired<K, V, S>;
        let mut locked = self.locked.lock();
        let read = self.read.load();
        let stored = if let Some(entry) = read.table.get(&key) {
            if entry.unexpunge_locked() {
                locked.dirty().insert(key.clone(), Arc::clone(entry));
            }
            entry.try_load_or_store(offer)
        } else if let Some(entry) = locked.get(&key) {
            let stored = entry.try_load_or_store(offer);
            _retired = self.miss(&mut locked);
            stored
        } else {
            self.add(&mut locked, &read, key, offer);
            return Ok(());
        };
        if stored.expect("only the mutex's holder expunges") { Ok(()) } else { Err(key) }
    }

    /// `CompareAndSwap`.
    ///
    /// # Errors
    /// The value found instead, if there is one.
    pub(crate) fn compare_and_swap(&self, key: &K, expected: &V, new: V) -> Result<(), Option<V>> {
        let mut offer = Offer::new(new);
        let read = self.read.load();
        if let Some(entry) = read.table.get(key) {
            return entry.try_compare_and_swap(expected, &mut offer);
        }
        if !read.amended {
            return Err(None);
        }
        drop(read);
        let _retired: Retired<K, V, S>;
        let mut locked = self.locked.lock();
        if let Some(entry) = self.read.load().table.get(key) {
            entry.try_compare_and_swap(expected, &mut offer)
        } else if let Some(entry) = locked.get(key) {
            let swapped = entry.try_compare_and_swap(expected, &mut offer);
            // A miss, because a promotion would have spared the mutex.
            _retired = self.miss(&mut locked);
            swapped
        } else {
            Err(None)
        }
    }

    /// `Range`. It visits all entries anyhow, so that promoting first costs it little and spares others their misses.
    pub(crate) fn range(&self, mut f: impl FnMut(&K, &V)) {
        let mut read = self.read.load_full();
        if read.amended {
            let _retired: Retired<K, V, S>;
            let mut locked = self.locked.lock();
            // Somebody else may have promoted it while the mutex was awaited.
            if self.read.load().amended {
                _retired = Some(self.promote(&mut locked));
            }
            read = self.read.load_full();
        }
        for (key, entry) in &*read.table {
            entry.load(|value| f(key, value));
        }
    }

    /// Does `then` to the entry of a key, without the mutex; `search` finds, or takes, it in the dirty map.
    #[inline]
    fn find<R>(
        &self,
        key: &K,
        search: impl FnOnce(&mut Table<K, V, S>) -> Option<Arc<Entry<V>>>,
        then: impl FnOnce(&Entry<V>) -> R,
    ) -> Option<R> {
        let read = self.read.load();
        if let Some(entry) = read.table.get(key) {
            return Some(then(entry));
        }
        if !read.amended {
            return None;
        }
        drop(read);
        self.find_locked(key, search).map(|entry| then(&entry))
    }

    /// Looks again, because the key may have been promoted while the mutex was awaited, and then in the dirty map, which
    /// is a miss whether or not the key is there.
    #[inline(never)]
    fn find_locked(
        &self,
        key: &K,
        search: impl FnOnce(&mut Table<K, V, S>) -> Option<Arc<Entry<V>>>,
    ) -> Option<Arc<Entry<V>>> {
        let _retired: Retired<K, V, S>;
        let mut locked = self.locked.lock();
        let read = self.read.load();
        if let Some(entry) = read.table.get(key) {
            return Some(Arc::clone(entry));
        }
        if !read.amended {
            return None;
        }
        let found = search(locked.dirty());
        _retired = self.miss(&mut locked);
        found
    }

    /// `missLocked`.
    fn miss(&self, locked: &mut Locked<K, V, S>) -> Retired<K, V, S> {
        locked.misses += 1;
        (locked.misses >= locked.dirty().len()).then(|| self.promote(locked))
    }

    /// Makes the dirty map the read-only one.
    #[must_use = "freed under the mutex if it is dropped at once"]
    fn promote(&self, locked: &mut Locked<K, V, S>) -> Arc<ReadOnly<K, V, S>> {
        locked.misses = 0;
        let table = locked.dirty.take().expect(DIRTY);
        self.read.swap(Arc::new(ReadOnly { table: Arc::new(table), amended: false }))
    }

    /// Adds a key that neither map has. If there is no dirty map yet, this is `dirtyLocked`: all live entries go into a
    /// new one, and the deleted ones, which do not, become expunged.
    fn add(&self, locked: &mut Locked<K, V, S>, read: &ReadOnly<K, V, S>, key: K, offer: &mut Offer<V>) {
        let Locked { dirty, expunged, .. } = locked;
        let dirty = dirty.get_or_insert_with(|| {
            let mut dirty = HashMap::with_capacity_and_hasher(read.table.len(), read.table.hasher().clone());
            let live = read.table.iter().filter(|(_, entry)| !entry.try_expunge_locked(expunged));
            dirty.extend(live.map(|(key, entry)| (key.clone(), Arc::clone(entry))));
            dirty
        });
        if !read.amended {
            self.read.store(Arc::new(ReadOnly { table: Arc::clone(&read.table), amended: true }));
        }
        dirty.insert(key, Arc::new(Entry::holding(offer)));
    }
}

const DIRTY: &str = "there is a dirty map while the read-only one is amended or an entry of it is expunged";

impl<K: Key, V, S: HashBuilder> Locked<K, V, S> {
    fn get(&self, key: &K) -> Option<&Arc<Entry<V>>> {
        self.dirty.as_ref()?.get(key)
    }

    fn dirty(&mut self) -> &mut Table<K, V, S> {
        self.dirty.as_mut().expect(DIRTY)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
    use std::thread;

    use foldhash::fast::FixedState;

    use crate::entry::Offer;

    type Map = super::Map<u64, u64, FixedState>;

    /// Keys 0, 1, …, each its own value, promoted.
    fn map(entries: u64) -> Map {
        Map::filled(0, FixedState::with_seed(0), (0..entries).map(|key| (key, key)))
    }

    fn get(map: &Map, key: u64) -> Option<u64> {
        map.load(&key, |value| *value)
    }

    /// True: stored.
    fn load_or_store(map: &Map, key: u64, value: u64) -> bool {
        map.load_or_store(key, &mut Offer::new(value)).is_ok()
    }

    fn sorted<'a>(keys: impl Iterator<Item = &'a u64>) -> Vec<u64> {
        let mut keys: Vec<u64> = keys.copied().collect();
        keys.sort_unstable();
        keys
    }

    /// The keys of the read-only map, whatever their entries hold.
    fn read_only(map: &Map) -> Vec<u64> {
        sorted(map.read.load().table.keys())
    }

    /// The keys of the dirty map, which there must be exactly while the read-only one is amended.
    fn dirty(map: &Map) -> Option<Vec<u64>> {
        let locked = map.locked.lock();
        assert_eq!(map.read.load().amended, locked.dirty.is_some());
        locked.dirty.as_ref().map(|dirty| sorted(dirty.keys()))
    }

    fn misses(map: &Map) -> usize {
        map.locked.lock().misses
    }

    #[test]
    fn the_first_entries_are_promoted() {
        let map = map(3);
        assert_eq!((read_only(&map), dirty(&map)), (vec![0, 1, 2], None));
        assert_eq!([get(&map, 2), get(&map, 3)], [Some(2), None]);
        assert_eq!(misses(&map), 0, "the read-only map knows that nothing is missing in it");
    }

    #[test]
    fn only_a_new_key_makes_a_dirty_map() {
        let map = map(2);
        assert!(!map.swap(0, 10) && !load_or_store(&map, 1, 11));
        assert!(map.load_and_delete(&0) && map.swap(0, 20), "a deleted entry is stored into where it is");
        assert_eq!(dirty(&map), None);
        assert!(map.swap(7, 70));
        assert_eq!((read_only(&map), dirty(&map)), (vec![0, 1], Some(vec![0, 1, 7])));
        assert!(load_or_store(&map, 8, 80));
        assert_eq!((read_only(&map), dirty(&map)), (vec![0, 1], Some(vec![0, 1, 7, 8])));
    }

    #[test]
    fn misses_promote_when_they_reach_the_length_of_the_dirty_map() {
        let map = map(2);
        map.swap(7, 70);
        assert_eq!([get(&map, 7), get(&map, 8), get(&map, 0)], [Some(70), None, Some(0)]);
        assert_eq!((read_only(&map), misses(&map)), (vec![0, 1], 2));
        assert_eq!(get(&map, 7), Some(70), "the third miss still finds it");
        assert_eq!((read_only(&map), dirty(&map), misses(&map)), (vec![0, 1, 7], None, 0));
    }

    #[test]
    fn every_lookup_of_a_key_in_the_dirty_map_alone_is_a_miss_but_a_store_into_it_is_not() {
        let map = map(9);
        map.swap(77, 0);
        let mut missed = 0;
        let mut expect = |more, what| {
            missed += more;
            assert_eq!(misses(&map), missed, "{what}");
        };
        assert!(!map.swap(77, 1));
        expect(0, "swap");
        assert!(!load_or_store(&map, 77, 2));
        expect(1, "load_or_store");
        assert_eq!(map.compare_and_swap(&77, &0, 2), Err(Some(1)));
        expect(1, "compare_and_swap");
        assert_eq!(map.compare_and_swap(&88, &0, 2), Err(None));
        expect(0, "compare_and_swap of an absent key");
        assert!(map.update(&77, |value| value + 1));
        expect(1, "update");
        assert_eq!(get(&map, 77), Some(2));
        expect(1, "load");
        assert!(map.load_and_delete(&77));
        expect(1, "load_and_delete");
        assert!(!map.load_and_delete(&77));
        expect(1, "load_and_delete of an absent key");
    }

    #[test]
    fn a_deleted_key_is_expunged_by_the_next_copy_and_comes_back_through_the_dirty_map() {
        let stores: [fn(&Map) -> bool; 2] = [|map| map.swap(0, 100), |map| load_or_store(map, 0, 100)];
        for store in stores {
            let map = map(2);
            assert!(map.load_and_delete(&0) && !map.load_and_delete(&0));
            map.swap(7, 70);
            assert_eq!(dirty(&map), Some(vec![1, 7]), "the copy leaves out key 0");
            assert_eq!(get(&map, 0), None);
            assert!(!map.update(&0, |value| value + 1));
            assert_eq!(map.compare_and_swap(&0, &0, 5), Err(None));
            assert!(store(&map));
            assert_eq!((get(&map, 0), dirty(&map)), (Some(100), Some(vec![0, 1, 7])));
            map.range(|_, _| {});
            assert_eq!([get(&map, 0), get(&map, 1), get(&map, 7)], [Some(100), Some(1), Some(70)]);
        }
    }

    #[test]
    fn a_key_deleted_after_the_copy_stays_in_both_maps() {
        let map = map(2);
        map.swap(7, 70);
        assert!(map.load_and_delete(&0));
        assert_eq!(dirty(&map), Some(vec![0, 1, 7]));
        assert!(map.swap(0, 100));
        map.range(|_, _| {});
        assert_eq!((get(&map, 0), read_only(&map)), (Some(100), vec![0, 1, 7]));
    }

    #[test]
    fn an_expunged_key_is_gone_with_the_promotion() {
        let map = map(2);
        map.load_and_delete(&0);
        map.swap(7, 70);
        map.range(|_, _| {});
        assert_eq!(read_only(&map), [1, 7]);
        assert!(load_or_store(&map, 0, 5) && !load_or_store(&map, 0, 6));
        assert_eq!(get(&map, 0), Some(5));
    }

    #[test]
    fn a_new_key_is_deleted_from_the_dirty_map() {
        let map = map(4);
        map.swap(7, 70);
        assert!(map.load_and_delete(&7) && !map.load_and_delete(&7));
        assert_eq!((get(&map, 7), dirty(&map)), (None, Some(vec![0, 1, 2, 3])));
        assert!(map.swap(7, 71));
        assert_eq!(get(&map, 7), Some(71));
    }

    #[test]
    fn deleting_the_only_key_of_the_dirty_map_promotes_an_empty_one() {
        let map = map(0);
        map.swap(7, 70);
        assert!(map.load_and_delete(&7));
        assert_eq!((read_only(&map), dirty(&map)), (vec![], None));
    }

    #[test]
    fn range_promotes_and_sees_every_value() {
        let map = map(2);
        map.swap(7, 70);
        map.load_and_delete(&1);
        let mut seen = Vec::new();
        map.range(|key, value| seen.push((*key, *value)));
        seen.sort_unstable();
        assert_eq!(seen, [(0, 0), (7, 70)]);
        assert_eq!((read_only(&map), dirty(&map)), (vec![0, 1, 7], None));
    }

    #[test]
    fn an_update_goes_on_through_a_promotion_of_its_entry() {
        let map = map(1);
        map.swap(7, 70);
        assert!(map.update(&7, |value| {
            map.range(|_, _| {});
            value + 1
        }));
        assert_eq!((get(&map, 7), dirty(&map)), (Some(71), None));
    }

    /// Threads whose every new key expunges what the others have just deleted: a store that is made into an entry which
    /// the next promotion leaves behind would be missing in the balance of its key.
    #[test]
    fn nothing_is_lost_while_entries_are_expunged_and_put_back() {
        const KEYS: u64 = 4;
        let (map, start) = (map(0), Barrier::new(4));
        let balance: Vec<AtomicI64> = (0..KEYS).map(|_| AtomicI64::new(0)).collect();
        thread::scope(|scope| {
            for thread in 0..4 {
                let (map, start, balance) = (&map, &start, &balance);
                scope.spawn(move || {
                    start.wait();
                    for turn in 0..5_000_u64 {
                        let key = (turn * 3 + thread) % KEYS;
                        let (stored, deleted) = match (turn + thread) % 5 {
                            0 => (false, map.load_and_delete(&key)),
                            1 => (map.swap(key, turn), false),
                            2 => (load_or_store(map, key, turn), false),
                            // A key that is there for a moment: the copies, and misses that promote them.
                            3 => {
                                let passing = KEYS + thread;
                                assert!(map.swap(passing, turn), "the key is this thread's");
                                assert_eq!(get(map, passing), Some(turn));
                                assert!(map.load_and_delete(&passing));
                                continue;
                            }
                            _ => {
                                map.range(|_, _| {});
                                continue;
                            }
                        };
                        balance[key as usize].fetch_add(i64::from(stored) - i64::from(deleted), Ordering::Relaxed);
                    }
                });
            }
        });
        for (key, count) in balance.iter().enumerate() {
            let present = i64::from(get(&map, key as u64).is_some());
            assert_eq!(count.load(Ordering::Relaxed), present, "key {key}: stored less deleted");
        }
    }

    /// One thread's increments and another's promotions and copies: each finds the value that the last one left.
    #[test]
    fn no_increment_is_lost_while_maps_are_copied_and_promoted() {
        const INCREMENTS: u64 = 5_000;
        let map = map(2);
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let counting: Vec<_> = (0..2)
                .map(|_| scope.spawn(|| (0..INCREMENTS).for_each(|_| assert!(map.update(&0, |value| value + 1)))))
                .collect();
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    map.swap(9, 0);
                    map.range(|_, _| {});
                    map.load_and_delete(&9);
                    map.swap(8, 0);
                    map.load_and_delete(&8);
                }
            });
            let counted: Result<Vec<()>, _> = counting.into_iter().map(thread::ScopedJoinHandle::join).collect();
            done.store(true, Ordering::Relaxed);
            counted.expect("key 0 is always there");
        });
        assert_eq!(get(&map, 0), Some(2 * INCREMENTS));
    }
}
