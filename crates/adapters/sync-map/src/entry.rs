//! An entry, which the read-only map and the dirty map share: a value, or deleted, or expunged.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

/// What an entry holds.
pub(crate) enum Slot<V> {
    /// The key is present.
    Value(V),
    /// The key is absent; the entry may still be in the dirty map.
    Deleted,
    /// The key is absent, and the dirty map was made without the entry: a store must put it back there first.
    Expunged,
}

/// The two empty slots of a map: made once, since deleting allocates nothing in Go either.
pub(crate) struct Empty<V> {
    pub(crate) deleted: Arc<Slot<V>>,
    pub(crate) expunged: Arc<Slot<V>>,
}

impl<V> Empty<V> {
    pub(crate) fn new() -> Self {
        Self { deleted: Arc::new(Slot::Deleted), expunged: Arc::new(Slot::Expunged) }
    }
}

/// A key's place in the maps.
pub(crate) struct Entry<V>(ArcSwap<Slot<V>>);

/// The entry is expunged: the caller must take the mutex.
#[derive(Debug)]
pub(crate) struct IsExpunged;

impl<V> Entry<V> {
    pub(crate) fn new(slot: Arc<Slot<V>>) -> Self {
        Self(ArcSwap::new(slot))
    }

    /// Applies `f` to the value, if there is one.
    #[inline]
    pub(crate) fn load<R>(&self, f: impl FnOnce(&V) -> R) -> Option<R> {
        match &**self.0.load() {
            Slot::Value(value) => Some(f(value)),
            Slot::Deleted | Slot::Expunged => None,
        }
    }

    /// Stores a value unless the entry is expunged. True: the key was absent.
    pub(crate) fn try_swap(&self, new: &Arc<Slot<V>>) -> Result<bool, IsExpunged> {
        let mut current = self.0.load();
        loop {
            let was_absent = match &**current {
                Slot::Value(_) => false,
                Slot::Deleted => true,
                Slot::Expunged => return Err(IsExpunged),
            };
            match self.exchange(&current, new) {
                Ok(()) => return Ok(was_absent),
                Err(found) => current = found,
            }
        }
    }

    /// Stores a value in an entry that cannot be expunged, because the mutex is held and it was just seen not to be.
    /// True: the key was absent.
    pub(crate) fn swap_locked(&self, new: Arc<Slot<V>>) -> bool {
        !matches!(*self.0.swap(new), Slot::Value(_))
    }

    /// Stores a value if the key is absent, unless the entry is expunged. True: stored.
    pub(crate) fn try_load_or_store(&self, new: &Arc<Slot<V>>) -> Result<bool, IsExpunged> {
        let mut current = self.0.load();
        loop {
            match &**current {
                Slot::Value(_) => return Ok(false),
                Slot::Expunged => return Err(IsExpunged),
                Slot::Deleted => {}
            }
            match self.exchange(&current, new) {
                Ok(()) => return Ok(true),
                Err(found) => current = found,
            }
        }
    }

    /// Deletes the value. True: there was one.
    pub(crate) fn delete(&self, empty: &Empty<V>) -> bool {
        let mut current = self.0.load();
        while matches!(**current, Slot::Value(_)) {
            match self.exchange(&current, &empty.deleted) {
                Ok(()) => return true,
                Err(found) => current = found,
            }
        }
        false
    }

    /// Replaces the value by what `f` makes of it, or leaves it if `f` declines; `None` without a value.
    pub(crate) fn modify<E>(&self, mut f: impl FnMut(&V) -> Result<V, E>) -> Option<Result<(), E>> {
        let mut current = self.0.load();
        loop {
            let Slot::Value(value) = &**current else { return None };
            let new = match f(value) {
                Ok(new) => Arc::new(Slot::Value(new)),
                Err(declined) => return Some(Err(declined)),
            };
            match self.exchange(&current, &new) {
                Ok(()) => return Some(Ok(())),
                Err(found) => current = found,
            }
        }
    }

    /// Expunges a deleted entry; true if it is expunged now. Needs the mutex.
    pub(crate) fn try_expunge_locked(&self, empty: &Empty<V>) -> bool {
        let mut current = self.0.load();
        while matches!(**current, Slot::Deleted) {
            match self.exchange(&current, &empty.expunged) {
                Ok(()) => return true,
                Err(found) => current = found,
            }
        }
        matches!(**current, Slot::Expunged)
    }

    /// Makes an expunged entry a deleted one; true if it was expunged, and so must be put into the dirty map. Needs the
    /// mutex, under which alone entries become and cease to be expunged.
    pub(crate) fn unexpunge_locked(&self, empty: &Empty<V>) -> bool {
        let current = self.0.load();
        matches!(**current, Slot::Expunged) && self.exchange(&current, &empty.deleted).is_ok()
    }

    fn exchange(&self, current: &Arc<Slot<V>>, new: &Arc<Slot<V>>) -> Result<(), Guard<Arc<Slot<V>>>> {
        let found = self.0.compare_and_swap(current, Arc::clone(new));
        if Arc::ptr_eq(&found, current) { Ok(()) } else { Err(found) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(n: u32) -> Arc<Slot<u32>> {
        Arc::new(Slot::Value(n))
    }

    fn held(entry: &Entry<u32>) -> Option<u32> {
        entry.load(|value| *value)
    }

    #[test]
    fn a_deleted_entry_takes_a_value_again() {
        let (empty, entry) = (Empty::new(), Entry::new(value(1)));
        assert!(entry.delete(&empty) && held(&entry).is_none());
        assert!(!entry.delete(&empty), "there is nothing left to delete");
        assert!(entry.try_load_or_store(&value(2)).unwrap());
        assert!(!entry.try_load_or_store(&value(3)).unwrap());
        assert_eq!(held(&entry), Some(2));
        assert!(!entry.try_swap(&value(4)).unwrap());
        assert!(entry.delete(&empty));
        assert!(entry.try_swap(&value(5)).unwrap());
    }

    #[test]
    fn only_a_deleted_entry_is_expunged_and_then_refuses_values() {
        let (empty, entry) = (Empty::new(), Entry::new(value(1)));
        assert!(!entry.try_expunge_locked(&empty));
        assert!(!entry.unexpunge_locked(&empty));
        entry.delete(&empty);
        assert!(entry.try_expunge_locked(&empty) && entry.try_expunge_locked(&empty));
        assert!(entry.try_swap(&value(2)).is_err() && entry.try_load_or_store(&value(2)).is_err());
        assert!(entry.modify(|value| Ok::<_, ()>(value + 1)).is_none());
        assert!(!entry.delete(&empty) && held(&entry).is_none());
        assert!(entry.unexpunge_locked(&empty));
        assert!(!entry.unexpunge_locked(&empty), "only the first finds it expunged");
        assert!(entry.swap_locked(value(3)));
        assert_eq!(held(&entry), Some(3));
    }

    #[test]
    fn a_value_is_modified_or_left() {
        let entry = Entry::new(value(1));
        assert_eq!(entry.modify(|value| Ok::<_, ()>(value + 1)), Some(Ok(())));
        assert_eq!(entry.modify(|value| Err(*value)), Some(Err(2)));
        assert_eq!(held(&entry), Some(2));
    }
}
