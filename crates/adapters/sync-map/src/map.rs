//! The two maps and the passage between them.
//!
//! Keys that are in the read-only map are read, replaced and deleted without the mutex. A new key goes into the dirty
//! map, which then holds all live entries; lookups that had to go there are counted, and when they reach its length it
//! becomes the read-only map.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use mapbench_api::{HashBuilder, Key, Value};
use parking_lot::Mutex;

use crate::entry::{Empty, Entry, IsExpunged, Slot};

type Entries<K, V, S> = HashMap<K, Arc<Entry<V>>, S>;

/// Replaced whole, and atomically.
struct ReadOnly<K, V, S> {
    entries: Arc<Entries<K, V, S>>,
    /// The dirty map has a key that is not here.
    amended: bool,
}

/// What the mutex guards.
struct Dirty<K, V, S> {
    /// If there is one: all entries that are not expunged, new keys among them.
    entries: Option<Entries<K, V, S>>,
    /// Lookups since the last promotion that had to come here.
    misses: usize,
}

pub(crate) struct SyncMapMap<K, V, S> {
    read: ArcSwap<ReadOnly<K, V, S>>,
    dirty: Mutex<Dirty<K, V, S>>,
    empty: Empty<V>,
    hasher: S,
}

impl<K: Key, V: Value, S: HashBuilder> SyncMapMap<K, V, S> {
    /// A map whose first entries are all in the read-only map.
    pub(crate) fn filled(capacity: usize, hasher: S, first: impl Iterator<Item = (K, V)>) -> Self {
        let mut entries = HashMap::with_capacity_and_hasher(capacity, hasher.clone());
        entries.extend(first.map(|(key, value)| (key, Arc::new(Entry::new(Arc::new(Slot::Value(value)))))));
        Self {
            read: ArcSwap::from_pointee(ReadOnly { entries: Arc::new(entries), amended: false }),
            dirty: Mutex::new(Dirty { entries: None, misses: 0 }),
            empty: Empty::new(),
            hasher,
        }
    }

    /// Go's `Load`.
    #[inline]
    pub(crate) fn load<R>(&self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R> {
        let read = self.read.load();
        match read.entries.get(key) {
            Some(entry) => entry.load(f),
            None if read.amended => self.look_in_dirty(key)?.load(f),
            None => None,
        }
    }

    /// Go's `Swap`; true: the key was absent.
    pub(crate) fn swap(&self, key: K, value: V) -> bool {
        let new = Arc::new(Slot::Value(value));
        if let Some(entry) = self.read.load().entries.get(&key)
            && let Ok(was_absent) = entry.try_swap(&new)
        {
            return was_absent;
        }
        let mut dirty = self.dirty.lock();
        // Again: it may have been promoted while the mutex was awaited.
        if let Some(entry) = self.read.load().entries.get(&key) {
            self.put_back(&mut dirty, &key, entry);
            return entry.swap_locked(new);
        }
        match dirty.get(&key) {
            Some(entry) => entry.swap_locked(new),
            None => {
                self.add(&mut dirty, key, new);
                true
            }
        }
    }

    /// Go's `LoadOrStore`; true: stored.
    pub(crate) fn load_or_store(&self, key: K, value: V) -> bool {
        let new = Arc::new(Slot::Value(value));
        if let Some(entry) = self.read.load().entries.get(&key)
            && let Ok(stored) = entry.try_load_or_store(&new)
        {
            return stored;
        }
        let mut dirty = self.dirty.lock();
        if let Some(entry) = self.read.load().entries.get(&key) {
            self.put_back(&mut dirty, &key, entry);
            return unexpunged(entry.try_load_or_store(&new));
        }
        match dirty.get(&key).map(|entry| entry.try_load_or_store(&new)) {
            Some(stored) => {
                self.miss(&mut dirty);
                unexpunged(stored)
            }
            None => {
                self.add(&mut dirty, key, new);
                true
            }
        }
    }

    /// Go's `LoadAndDelete`; true: the key was present.
    pub(crate) fn load_and_delete(&self, key: &K) -> bool {
        let read = self.read.load();
        if let Some(entry) = read.entries.get(key) {
            return entry.delete(&self.empty);
        }
        if !read.amended {
            return false;
        }
        let mut dirty = self.dirty.lock();
        let read = self.read.load();
        if let Some(entry) = read.entries.get(key) {
            return entry.delete(&self.empty);
        }
        if !read.amended {
            return false;
        }
        let entry = dirty.entries.as_mut().and_then(|entries| entries.remove(key));
        self.miss(&mut dirty);
        drop(dirty);
        entry.is_some_and(|entry| entry.delete(&self.empty))
    }

    /// Go's `Load` and `CompareAndSwap` in a loop, and its `CompareAndSwap` if `f` compares.
    pub(crate) fn modify<E>(&self, key: &K, f: impl FnMut(&V) -> Result<V, E>) -> Option<Result<(), E>> {
        let read = self.read.load();
        match read.entries.get(key) {
            Some(entry) => entry.modify(f),
            None if read.amended => self.look_in_dirty(key)?.modify(f),
            None => None,
        }
    }

    /// Go's `Range`: promotes first, so that the costs of a walk over all entries pay for it.
    pub(crate) fn range(&self, mut f: impl FnMut(&K, &V)) {
        if self.read.load().amended {
            let mut dirty = self.dirty.lock();
            if self.read.load().amended {
                self.promote(&mut dirty);
            }
        }
        let entries = Arc::clone(&self.read.load().entries);
        for (key, entry) in entries.iter() {
            entry.load(|value| f(key, value));
        }
    }

    /// The entry of a key that was not in the read-only map, which counts as a miss if it still is not.
    #[cold]
    fn look_in_dirty(&self, key: &K) -> Option<Arc<Entry<V>>> {
        let mut dirty = self.dirty.lock();
        let read = self.read.load();
        if let Some(entry) = read.entries.get(key) {
            return Some(Arc::clone(entry));
        }
        if !read.amended {
            return None;
        }
        let entry = dirty.get(key).map(Arc::clone);
        self.miss(&mut dirty);
        entry
    }

    /// Go's `missLocked`.
    fn miss(&self, dirty: &mut Dirty<K, V, S>) {
        dirty.misses += 1;
        if dirty.misses >= dirty.entries.as_ref().map_or(0, HashMap::len) {
            self.promote(dirty);
        }
    }

    fn promote(&self, dirty: &mut Dirty<K, V, S>) {
        let entries = dirty.entries.take().unwrap_or_else(|| HashMap::with_hasher(self.hasher.clone()));
        self.read.store(Arc::new(ReadOnly { entries: Arc::new(entries), amended: false }));
        dirty.misses = 0;
    }

    /// Puts an expunged entry of the read-only map back into the dirty map, from which it was left out.
    fn put_back(&self, dirty: &mut Dirty<K, V, S>, key: &K, entry: &Arc<Entry<V>>) {
        if entry.unexpunge_locked(&self.empty)
            && let Some(entries) = &mut dirty.entries
        {
            entries.insert(key.clone(), Arc::clone(entry));
        }
    }

    /// Adds a key that neither map has.
    fn add(&self, dirty: &mut Dirty<K, V, S>, key: K, slot: Arc<Slot<V>>) {
        let entries = dirty.entries.get_or_insert_with(|| self.copy_live());
        entries.insert(key, Arc::new(Entry::new(slot)));
        let read = self.read.load();
        if !read.amended {
            self.read.store(Arc::new(ReadOnly { entries: Arc::clone(&read.entries), amended: true }));
        }
    }

    /// Go's `dirtyLocked`: the entries of the read-only map that hold a value; the others become expunged.
    fn copy_live(&self) -> Entries<K, V, S> {
        let read = self.read.load();
        let mut live = HashMap::with_capacity_and_hasher(read.entries.len(), self.hasher.clone());
        let kept = read.entries.iter().filter(|(_, entry)| !entry.try_expunge_locked(&self.empty));
        live.extend(kept.map(|(key, entry)| (key.clone(), Arc::clone(entry))));
        live
    }
}

impl<K: Key, V, S: HashBuilder> Dirty<K, V, S> {
    fn get(&self, key: &K) -> Option<&Arc<Entry<V>>> {
        self.entries.as_ref()?.get(key)
    }
}

/// The result of a store under the mutex, in an entry that is in the dirty map.
fn unexpunged(stored: Result<bool, IsExpunged>) -> bool {
    stored.expect("under the mutex, an entry that is in the dirty map is not expunged")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::thread;

    use foldhash::fast::FixedState;

    use super::SyncMapMap;

    type Map = SyncMapMap<u64, u64, FixedState>;

    fn map(entries: u64) -> Map {
        Map::filled(0, FixedState::with_seed(0), (0..entries).map(|key| (key, key)))
    }

    fn get(map: &Map, key: u64) -> Option<u64> {
        map.load(&key, |value| *value)
    }

    fn read_only_keys(map: &Map) -> Vec<u64> {
        let mut keys: Vec<u64> = map.read.load().entries.keys().copied().collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn misses_promote_when_they_reach_the_length_of_the_dirty_map() {
        let map = map(2);
        assert!(map.swap(7, 70));
        assert!(map.read.load().amended);
        assert_eq!(map.dirty.lock().entries.as_ref().unwrap().len(), 3);
        assert_eq!([get(&map, 7), get(&map, 8)], [Some(70), None]);
        assert_eq!((read_only_keys(&map), map.dirty.lock().misses), (vec![0, 1], 2));
        assert_eq!(get(&map, 7), Some(70));
        assert_eq!((read_only_keys(&map), map.dirty.lock().misses), (vec![0, 1, 7], 0));
        assert!(!map.read.load().amended && map.dirty.lock().entries.is_none());
    }

    #[test]
    fn a_deleted_key_is_expunged_by_the_next_copy_and_comes_back_through_the_dirty_map() {
        let map = map(2);
        assert!(map.load_and_delete(&0) && !map.load_and_delete(&0));
        assert!(map.swap(7, 70), "makes the dirty map, without key 0");
        assert!(map.dirty.lock().get(&0).is_none());
        assert!(map.swap(0, 100), "stores into an expunged entry");
        assert!(map.dirty.lock().get(&0).is_some());
        map.range(|_, _| {});
        assert_eq!([get(&map, 0), get(&map, 1), get(&map, 7)], [Some(100), Some(1), Some(70)]);
    }

    #[test]
    fn an_expunged_key_is_lost_with_the_promotion() {
        let map = map(2);
        map.load_and_delete(&0);
        map.swap(7, 70);
        map.range(|_, _| {});
        assert_eq!(read_only_keys(&map), [1, 7]);
        assert!(map.load_or_store(0, 5) && !map.load_or_store(0, 6));
        assert_eq!(get(&map, 0), Some(5));
    }

    #[test]
    fn a_new_key_is_deleted_from_the_dirty_map() {
        let map = map(4);
        map.swap(7, 70);
        assert!(map.load_and_delete(&7) && !map.load_and_delete(&7));
        assert_eq!(get(&map, 7), None);
        assert!(map.dirty.lock().get(&7).is_none());
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
        assert!(!map.read.load().amended);
    }

    #[test]
    fn nothing_is_lost_while_entries_are_expunged_and_put_back() {
        const KEYS: u64 = 4;
        let map = map(0);
        let balance: Vec<AtomicI64> = (0..KEYS).map(|_| AtomicI64::new(0)).collect();
        thread::scope(|scope| {
            for thread in 0..4 {
                let (map, balance) = (&map, &balance);
                scope.spawn(move || {
                    for turn in 0..3_000_u64 {
                        let key = (turn * 3 + thread) % KEYS;
                        let count = &balance[key as usize];
                        match (turn + thread) % 5 {
                            0 => count.fetch_sub(i64::from(map.load_and_delete(&key)), Ordering::Relaxed),
                            1 => count.fetch_add(i64::from(map.swap(key, turn)), Ordering::Relaxed),
                            2 => count.fetch_add(i64::from(map.load_or_store(key, turn)), Ordering::Relaxed),
                            // A key that is never there: misses, so that promotions come often.
                            3 => map.load(&99, |_| 0).unwrap_or(0),
                            _ => {
                                map.range(|_, _| {});
                                0
                            }
                        };
                    }
                });
            }
        });
        for (key, count) in balance.iter().enumerate() {
            let present = i64::from(get(&map, key as u64).is_some());
            assert_eq!(count.load(Ordering::Relaxed), present, "key {key}: stored less deleted");
        }
    }
}
