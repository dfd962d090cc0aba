use std::borrow::Cow;
use std::collections::HashMap;

use evmap::Options;
use evmap::handles::{ReadHandle, WriteHandle};
use mapbench_api::{Change, ConcurrentMap, HashBuilder, Key, SingleWriter, SingleWriterHandle, Value};
use parking_lot::Mutex;

/// The map of the evmap strategies.
pub struct EvmapMap<K: Key, V: Value, S: HashBuilder, const BATCHED: bool> {
    writer: Mutex<Writer<K, V, S>>,
}

struct Writer<K: Key, V: Value, S: HashBuilder> {
    handle: WriteHandle<K, V, (), S>,
    /// What each key written since the last publish became; empty unless batched.
    pending: HashMap<K, Option<V>, S>,
}

impl<K: Key, V: Value, S: HashBuilder, const BATCHED: bool> EvmapMap<K, V, S, BATCHED> {
    #[allow(unsafe_code)]
    pub(crate) fn filled(capacity: usize, hasher: S, entries: impl Iterator<Item = (K, V)>) -> Self {
        let options = Options::default().with_capacity(capacity);
        // SAFETY: evmap requires that the hasher, and the `Hash` and `Eq` of keys and values, answer alike for both of its
        // copies. A clone of a `HashBuilder` hashes as the original does, and mapbench's keys and values are numbers,
        // strings and vectors, whose `Hash` and `Eq` depend on their contents alone.
        let (mut handle, _) = unsafe { options.with_hasher(hasher.clone()).assert_stable() };
        for (key, value) in entries {
            handle.update(key, value);
        }
        // The second publish is what fills the other copy: here, lest it falls to the first write.
        handle.publish().publish();
        let pending = HashMap::with_hasher(hasher);
        Self { writer: Mutex::new(Writer { handle, pending }) }
    }
}

impl<K: Key, V: Value, S: HashBuilder, const BATCHED: bool> ConcurrentMap<K, V> for EvmapMap<K, V, S, BATCHED> {
    type Handle<'m> = SingleWriterHandle<EvmapHandle<'m, K, V, S, BATCHED>>;

    fn handle(&self) -> Self::Handle<'_> {
        let reader = ReadHandle::clone(&self.writer.lock().handle);
        SingleWriterHandle(EvmapHandle { map: self, reader, has_written: false })
    }
}

/// The handle of an [`EvmapMap`].
pub struct EvmapHandle<'m, K: Key, V: Value, S: HashBuilder, const BATCHED: bool> {
    map: &'m EvmapMap<K, V, S, BATCHED>,
    reader: ReadHandle<K, V, (), S>,
    has_written: bool,
}

impl<K: Key, V: Value, S: HashBuilder, const BATCHED: bool> SingleWriter<K, V> for EvmapHandle<'_, K, V, S, BATCHED> {
    #[inline]
    fn read<R>(&mut self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R> {
        self.reader.get_one(key).map(|value| f(&value))
    }

    #[inline]
    fn change<R>(&mut self, key: Cow<'_, K>, decide: impl FnOnce(Option<&V>) -> (Change<V>, R)) -> R {
        let mut writer = self.map.writer.lock();
        let Writer { handle, pending } = &mut *writer;
        let written = if BATCHED { pending.get(&*key) } else { None };
        let (change, result) = match written {
            Some(newest) => decide(newest.as_ref()),
            None => decide(handle.enter().as_ref().and_then(|map| map.get_one(&*key))),
        };
        let newest = match change {
            Change::Keep => return result,
            Change::Put(value) => Some(value),
            Change::Remove => None,
        };
        let key = key.into_owned();
        if BATCHED {
            pending.insert(key.clone(), newest.clone());
            self.has_written = true;
        }
        match newest {
            Some(value) => handle.update(key, value),
            None => handle.remove_entry(key),
        };
        if !BATCHED {
            handle.publish();
        }
        result
    }

    #[inline]
    fn insert(&mut self, key: K, value: V) -> bool {
        if BATCHED {
            return self.change(Cow::Owned(key), |old| (Change::Put(value), old.is_none()));
        }
        let mut writer = self.map.writer.lock();
        let was_absent = !writer.handle.contains_key(&key);
        writer.handle.update(key, value).publish();
        was_absent
    }

    fn for_each(&mut self, mut f: impl FnMut(&K, &V)) {
        if let Some(map) = self.reader.enter() {
            for (key, values) in &map {
                values.get_one().into_iter().for_each(|value| f(key, value));
            }
        }
    }

    fn count(&mut self) -> usize {
        self.reader.len()
    }

    fn quiesce(&mut self) {
        if BATCHED && self.has_written {
            self.has_written = false;
            let mut writer = self.map.writer.lock();
            // Another thread may have published this one's writes with its own.
            if !writer.pending.is_empty() {
                writer.handle.publish();
                writer.pending.clear();
            }
        }
    }
}
