//! A map such as you might have written: sixteen `HashMap`s, each under a lock of its own.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, Hash};
use std::sync::{Mutex, MutexGuard, PoisonError};

const STRIPES: usize = 16;

/// A map whose keys are divided among locks.
pub struct StripedMap<K, V, S> {
    stripes: [Mutex<HashMap<K, V, S>>; STRIPES],
    hasher: S,
}

impl<K: Eq + Hash, V, S: BuildHasher + Clone> StripedMap<K, V, S> {
    /// An empty map with room for `capacity` entries.
    pub fn new(capacity: usize, hasher: S) -> Self {
        let stripe = |_| Mutex::new(HashMap::with_capacity_and_hasher(capacity / STRIPES, hasher.clone()));
        Self { stripes: std::array::from_fn(stripe), hasher }
    }

    /// `f` of the value, if there is one.
    pub fn get_with<R>(&self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R> {
        self.stripe(key).get(key).map(f)
    }

    /// Inserts or replaces; returns the old value.
    pub fn insert(&self, key: K, value: V) -> Option<V> {
        self.stripe(&key).insert(key, value)
    }

    /// Inserts if the key is absent; true if it did.
    pub fn insert_new(&self, key: K, value: V) -> bool {
        match self.stripe(&key).entry(key) {
            Entry::Vacant(vacant) => {
                vacant.insert(value);
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    /// Removes the key; returns its value.
    pub fn remove(&self, key: &K) -> Option<V> {
        self.stripe(key).remove(key)
    }

    /// Replaces the value by `f` of it; true if the key is present.
    pub fn update(&self, key: &K, f: impl FnOnce(&V) -> V) -> bool {
        self.stripe(key).get_mut(key).map(|value| *value = f(value)).is_some()
    }

    /// Replaces the value by `f` of it, or inserts `default`; true if it was inserted.
    pub fn upsert(&self, key: K, default: V, f: impl FnOnce(&V) -> V) -> bool {
        match self.stripe(&key).entry(key) {
            Entry::Vacant(vacant) => {
                vacant.insert(default);
                true
            }
            Entry::Occupied(mut occupied) => {
                let value = f(occupied.get());
                occupied.insert(value);
                false
            }
        }
    }

    /// Calls `f` for the entries, one stripe after the other.
    pub fn for_each(&self, mut f: impl FnMut(&K, &V)) {
        for stripe in &self.stripes {
            lock(stripe).iter().for_each(|(key, value)| f(key, value));
        }
    }

    /// The number of entries, one stripe after the other.
    pub fn len(&self) -> usize {
        self.stripes.iter().map(|stripe| lock(stripe).len()).sum()
    }

    /// True if there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn stripe(&self, key: &K) -> MutexGuard<'_, HashMap<K, V, S>> {
        // The tables use the hash's lowest and highest bits.
        let place = (self.hasher.hash_one(key) >> 32) as usize % STRIPES;
        lock(&self.stripes[place])
    }
}

/// A panic in a closure leaves a stripe whole: a value is replaced by its new one or not at all.
fn lock<T>(stripe: &Mutex<T>) -> MutexGuard<'_, T> {
    stripe.lock().unwrap_or_else(PoisonError::into_inner)
}
