//! A std `HashMap` that one thread owns is its own handle: what lock and copy-on-write strategies do inside.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, Hash};

use crate::MapHandle;

impl<K: Eq + Hash, V: Clone + PartialEq, S: BuildHasher> MapHandle<K, V> for HashMap<K, V, S> {
    #[inline]
    fn read<R>(&mut self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R> {
        self.get(key).map(f)
    }

    #[inline]
    fn insert(&mut self, key: K, value: V) -> bool {
        HashMap::insert(self, key, value).is_none()
    }

    #[inline]
    fn insert_new(&mut self, key: K, value: V) -> bool {
        match self.entry(key) {
            Entry::Occupied(_) => false,
            Entry::Vacant(entry) => {
                entry.insert(value);
                true
            }
        }
    }

    #[inline]
    fn remove(&mut self, key: &K) -> bool {
        HashMap::remove(self, key).is_some()
    }

    #[inline]
    fn update(&mut self, key: &K, mut f: impl FnMut(&V) -> V) -> bool {
        self.get_mut(key).map(|value| *value = f(value)).is_some()
    }

    #[inline]
    fn upsert(&mut self, key: K, default: V, mut f: impl FnMut(&V) -> V) -> bool {
        match self.entry(key) {
            Entry::Occupied(mut entry) => {
                let new = f(entry.get());
                entry.insert(new);
                false
            }
            Entry::Vacant(entry) => {
                entry.insert(default);
                true
            }
        }
    }

    #[inline]
    fn compare_exchange(&mut self, key: &K, expected: &V, new: V) -> Result<(), Option<V>> {
        match self.get_mut(key) {
            Some(value) if value == expected => {
                *value = new;
                Ok(())
            }
            Some(value) => Err(Some(value.clone())),
            None => Err(None),
        }
    }

    #[inline]
    fn for_each(&mut self, mut f: impl FnMut(&K, &V)) {
        self.iter().for_each(|(key, value)| f(key, value));
    }

    #[inline]
    fn len(&mut self) -> usize {
        HashMap::len(self)
    }
}
