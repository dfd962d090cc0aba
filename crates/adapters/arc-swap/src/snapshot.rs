//! A current snapshot that readers load, and one writer at a time that replaces it.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

use arc_swap::ArcSwap;
use mapbench_api::{Change, ConcurrentMap, Key, SingleWriter, SingleWriterHandle, Value};
use parking_lot::{Mutex, MutexGuard};

/// A map that can be copied whole.
pub trait Table<K, V>: Clone + Send + Sync + 'static {
    /// The value of a key.
    fn get(&self, key: &K) -> Option<&V>;
    /// Inserts or replaces. True: the key was absent.
    fn put(&mut self, key: K, value: V) -> bool;
    /// Removes.
    fn remove(&mut self, key: &K);
    /// Calls `f` for the entries.
    fn each(&self, f: impl FnMut(&K, &V));
    /// How many there are.
    fn count(&self) -> usize;
}

/// The map of the strategies of this crate.
pub struct Snapshots<T> {
    current: ArcSwap<T>,
    /// Writers take turns: with arc-swap's own `rcu` each conflict would repeat the whole copy.
    writer: Mutex<()>,
}

impl<T> Snapshots<T> {
    pub(crate) fn new(table: T) -> Self {
        Self { current: ArcSwap::from_pointee(table), writer: Mutex::new(()) }
    }
}

impl<T> Snapshots<T> {
    fn replace(&self, turn: MutexGuard<'_, ()>, next: T) {
        let old = self.current.swap(Arc::new(next));
        // The next writer need not wait until a whole map is freed.
        drop(turn);
        drop(old);
    }
}

/// The handle of a [`Snapshots`] map.
pub struct SnapshotsHandle<'m, T, K, V> {
    map: &'m Snapshots<T>,
    entry: PhantomData<fn() -> (K, V)>,
}

impl<K: Key, V: Value, T: Table<K, V>> ConcurrentMap<K, V> for Snapshots<T> {
    type Handle<'m> = SingleWriterHandle<SnapshotsHandle<'m, T, K, V>>;

    fn handle(&self) -> Self::Handle<'_> {
        SingleWriterHandle(SnapshotsHandle { map: self, entry: PhantomData })
    }
}

impl<K: Key, V: Value, T: Table<K, V>> SingleWriter<K, V> for SnapshotsHandle<'_, T, K, V> {
    #[inline]
    fn read<R>(&mut self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R> {
        self.map.current.load().get(key).map(f)
    }

    #[inline]
    fn change<R>(&mut self, key: Cow<'_, K>, decide: impl FnOnce(Option<&V>) -> (Change<V>, R)) -> R {
        let turn = self.map.writer.lock();
        let current = self.map.current.load();
        let (change, result) = decide(current.get(&key));
        let next = match change {
            Change::Keep => return result,
            Change::Put(value) => {
                let mut next = T::clone(&current);
                next.put(key.into_owned(), value);
                next
            }
            Change::Remove => {
                let mut next = T::clone(&current);
                next.remove(&key);
                next
            }
        };
        // A guard that is still out would have to be made good by the swap.
        drop(current);
        self.map.replace(turn, next);
        result
    }

    #[inline]
    fn insert(&mut self, key: K, value: V) -> bool {
        let turn = self.map.writer.lock();
        let mut next = T::clone(&self.map.current.load());
        let was_absent = next.put(key, value);
        self.map.replace(turn, next);
        was_absent
    }

    fn for_each(&mut self, f: impl FnMut(&K, &V)) {
        self.map.current.load_full().each(f);
    }

    fn count(&mut self) -> usize {
        self.map.current.load().count()
    }
}
