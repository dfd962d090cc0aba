//! Strategies that are one or more plain maps under locks need say no more than how they lock.

use std::collections::HashMap;

use crate::{ConcurrentMap, HashBuilder, Key, MapHandle, Value};

/// Plain maps under locks; [`LockedMap`] makes a [`ConcurrentMap`] of them.
pub trait Locked<K: Key, V: Value>: Send + Sync {
    /// The hasher of the plain maps.
    type Hasher: HashBuilder;

    /// How many plain maps there are.
    fn places(&self) -> usize;

    /// The plain map that a key belongs to, below [`places`](Self::places).
    fn place(&self, key: &K) -> usize;

    /// Reads a plain map, beside other readers where the lock allows them.
    fn shared<R>(&self, place: usize, f: impl FnOnce(&HashMap<K, V, Self::Hasher>) -> R) -> R;

    /// Writes a plain map, alone.
    fn exclusive<R>(&self, place: usize, f: impl FnOnce(&mut HashMap<K, V, Self::Hasher>) -> R) -> R;
}

/// A concurrent map whose operations are a plain map's, done under a lock; `for_each` and `len` take one plain map after
/// the other.
pub struct LockedMap<L>(pub L);

impl<K: Key, V: Value, L: Locked<K, V>> ConcurrentMap<K, V> for LockedMap<L> {
    type Handle<'m>
        = LockedHandle<'m, L>
    where
        L: 'm;

    fn handle(&self) -> LockedHandle<'_, L> {
        LockedHandle(&self.0)
    }
}

/// The handle of a [`LockedMap`].
pub struct LockedHandle<'m, L>(&'m L);

impl<K: Key, V: Value, L: Locked<K, V>> MapHandle<K, V> for LockedHandle<'_, L> {
    #[inline]
    fn read<R>(&mut self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R> {
        self.0.shared(self.0.place(key), |map| map.get(key).map(f))
    }

    #[inline]
    fn insert(&mut self, key: K, value: V) -> bool {
        self.0.exclusive(self.0.place(&key), |map| MapHandle::insert(map, key, value))
    }

    #[inline]
    fn insert_new(&mut self, key: K, value: V) -> bool {
        self.0.exclusive(self.0.place(&key), |map| map.insert_new(key, value))
    }

    #[inline]
    fn remove(&mut self, key: &K) -> bool {
        self.0.exclusive(self.0.place(key), |map| MapHandle::remove(map, key))
    }

    #[inline]
    fn update(&mut self, key: &K, f: impl FnMut(&V) -> V) -> bool {
        self.0.exclusive(self.0.place(key), |map| map.update(key, f))
    }

    #[inline]
    fn upsert(&mut self, key: K, default: V, f: impl FnMut(&V) -> V) -> bool {
        self.0.exclusive(self.0.place(&key), |map| map.upsert(key, default, f))
    }

    #[inline]
    fn compare_exchange(&mut self, key: &K, expected: &V, new: V) -> Result<(), Option<V>> {
        self.0.exclusive(self.0.place(key), |map| map.compare_exchange(key, expected, new))
    }

    #[inline]
    fn for_each(&mut self, mut f: impl FnMut(&K, &V)) {
        for place in 0..self.0.places() {
            self.0.shared(place, |map| map.iter().for_each(|(key, value)| f(key, value)));
        }
    }

    #[inline]
    fn len(&mut self) -> usize {
        (0..self.0.places()).map(|place| self.0.shared(place, HashMap::len)).sum()
    }
}
