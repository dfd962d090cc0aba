//! An entry, which the read-only map and the dirty map share: a value, or deleted, or expunged.

use crate::sync::{Arc, ArcSwapOption, Guard};

/// What Go's `*entry.p` points to; a deleted entry points to nothing, as in Go, so that deleting touches no memory that
/// other threads share.
pub(crate) enum Slot<V> {
    /// The key is present.
    Value(V),
    /// The key is absent, and the dirty map was made without the entry: a store must put it back there first.
    Expunged,
}

/// A value on its way into a map: boxed when it is first needed, since a store that finds the key present must allocate
/// nothing, and only once, however often it is tried.
pub(crate) struct Offer<V> {
    bare: Option<V>,
    boxed: Option<Arc<Slot<V>>>,
}

impl<V> Offer<V> {
    pub(crate) fn new(value: V) -> Self {
        Self { bare: Some(value), boxed: None }
    }

    fn slot(&mut self) -> Option<Arc<Slot<V>>> {
        if let Some(value) = self.bare.take() {
            self.boxed = Some(Arc::new(Slot::Value(value)));
        }
        self.boxed.clone()
    }
}

/// Go's `expunged` pointer; made once a map.
pub(crate) struct Expunged<V>(Arc<Slot<V>>);

impl<V> Expunged<V> {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Slot::Expunged))
    }
}

/// A key's place in the maps.
///
/// Entries become and cease to be expunged only under the mutex: the methods named `locked` need it.
pub(crate) struct Entry<V>(ArcSwapOption<Slot<V>>);

type Held<V> = Option<Arc<Slot<V>>>;

/// The entry is expunged: the caller must take the mutex.
#[derive(Debug)]
pub(crate) struct IsExpunged;

impl<V> Entry<V> {
    pub(crate) fn new(value: V) -> Self {
        Self::holding(&mut Offer::new(value))
    }

    pub(crate) fn holding(offer: &mut Offer<V>) -> Self {
        Self(ArcSwapOption::new(offer.slot()))
    }

    /// Applies `f` to the value, if there is one.
    #[inline]
    pub(crate) fn load<R>(&self, f: impl FnOnce(&V) -> R) -> Option<R> {
        value(&self.0.load()).map(f)
    }

    /// Stores the value unless the entry is expunged. True: the key was absent.
    pub(crate) fn try_swap(&self, offer: &mut Offer<V>) -> Result<bool, IsExpunged> {
        let mut current = self.0.load();
        loop {
            let was_absent = match current.as_deref() {
                Some(Slot::Expunged) => return Err(IsExpunged),
                held => held.is_none(),
            };
            match self.exchange(&current, offer.slot()) {
                Ok(()) => return Ok(was_absent),
                Err(found) => current = found,
            }
        }
    }

    /// Stores the value in an entry that is not expunged. True: the key was absent.
    pub(crate) fn swap_locked(&self, offer: &mut Offer<V>) -> bool {
        self.0.swap(offer.slot()).is_none()
    }

    /// Stores the value if the key is absent, unless the entry is expunged. True: stored.
    pub(crate) fn try_load_or_store(&self, offer: &mut Offer<V>) -> Result<bool, IsExpunged> {
        let mut current = self.0.load();
        loop {
            match current.as_deref() {
                Some(Slot::Value(_)) => return Ok(false),
                Some(Slot::Expunged) => return Err(IsExpunged),
                None => {}
            }
            match self.exchange(&current, offer.slot()) {
                Ok(()) => return Ok(true),
                Err(found) => current = found,
            }
        }
    }

    /// Stores the value in the place of an equal one.
    pub(crate) fn try_compare_and_swap(&self, expected: &V, offer: &mut Offer<V>) -> Result<(), Option<V>>
    where
        V: Clone + PartialEq,
    {
        let mut current = self.0.load();
        loop {
            match value(&current) {
                Some(value) if value == expected => {}
                other => return Err(other.cloned()),
            }
            match self.exchange(&current, offer.slot()) {
                Ok(()) => return Ok(()),
                Err(found) => current = found,
            }
        }
    }

    /// Replaces the value by what `f` makes of it. False: there is none.
    #[inline]
    pub(crate) fn update(&self, mut f: impl FnMut(&V) -> V) -> bool {
        let mut current = self.0.load();
        while let Some(value) = value(&current) {
            let new = Some(Arc::new(Slot::Value(f(value))));
            match self.exchange(&current, new) {
                Ok(()) => return true,
                Err(found) => current = found,
            }
        }
        false
    }

    /// Deletes the value. True: there was one.
    pub(crate) fn delete(&self) -> bool {
        let mut current = self.0.load();
        while value(&current).is_some() {
            match self.exchange(&current, None) {
                Ok(()) => return true,
                Err(found) => current = found,
            }
        }
        false
    }

    /// Expunges a deleted entry. True: it is expunged now.
    pub(crate) fn try_expunge_locked(&self, expunged: &Expunged<V>) -> bool {
        let mut current = self.0.load();
        while current.is_none() {
            match self.exchange(&current, Some(Arc::clone(&expunged.0))) {
                Ok(()) => return true,
                Err(found) => current = found,
            }
        }
        matches!(current.as_deref(), Some(Slot::Expunged))
    }

    /// Makes an expunged entry a deleted one. True: it was expunged, and so is missing in the dirty map.
    pub(crate) fn unexpunge_locked(&self) -> bool {
        let current = self.0.load();
        matches!(current.as_deref(), Some(Slot::Expunged)) && self.exchange(&current, None).is_ok()
    }

    /// Go's `CompareAndSwap` of the pointer; what `current` points to cannot be freed, and its address used again, while
    /// the guard holds it.
    fn exchange(&self, current: &Guard<Held<V>>, new: Held<V>) -> Result<(), Guard<Held<V>>> {
        let found = self.0.compare_and_swap(current, new);
        let same = found.as_ref().map(Arc::as_ptr) == current.as_ref().map(Arc::as_ptr);
        if same { Ok(()) } else { Err(found) }
    }
}

fn value<V>(held: &Held<V>) -> Option<&V> {
    match held.as_deref() {
        Some(Slot::Value(value)) => Some(value),
        Some(Slot::Expunged) | None => None,
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    fn offer(n: u32) -> Offer<u32> {
        Offer::new(n)
    }

    fn held(entry: &Entry<u32>) -> Option<u32> {
        entry.load(|value| *value)
    }

    #[test]
    fn a_deleted_entry_takes_a_value_again() {
        let entry = Entry::new(1);
        assert!(entry.delete() && held(&entry).is_none());
        assert!(!entry.delete(), "there is nothing left to delete");
        assert!(entry.try_load_or_store(&mut offer(2)).unwrap());
        assert!(!entry.try_load_or_store(&mut offer(3)).unwrap());
        assert_eq!(held(&entry), Some(2));
        assert!(!entry.try_swap(&mut offer(4)).unwrap());
        assert!(entry.delete());
        assert!(entry.try_swap(&mut offer(5)).unwrap());
        assert_eq!(held(&entry), Some(5));
    }

    #[test]
    fn only_a_deleted_entry_is_expunged_and_then_refuses_values() {
        let (expunged, entry) = (Expunged::new(), Entry::new(1));
        assert!(!entry.try_expunge_locked(&expunged));
        assert!(!entry.unexpunge_locked());
        entry.delete();
        assert!(!entry.unexpunge_locked(), "deleted is not expunged");
        assert!(entry.try_expunge_locked(&expunged) && entry.try_expunge_locked(&expunged));
        assert!(entry.try_swap(&mut offer(2)).is_err() && entry.try_load_or_store(&mut offer(2)).is_err());
        assert_eq!(entry.try_compare_and_swap(&1, &mut offer(2)), Err(None));
        assert!(!entry.update(|value| value + 1));
        assert!(!entry.delete() && held(&entry).is_none());
        assert!(entry.unexpunge_locked());
        assert!(!entry.unexpunge_locked(), "only the first finds it expunged");
        assert!(entry.swap_locked(&mut offer(3)) && !entry.swap_locked(&mut offer(4)));
        assert_eq!(held(&entry), Some(4));
    }

    #[test]
    fn a_value_is_replaced_if_it_is_the_expected_one() {
        let entry = Entry::new(1);
        assert_eq!(entry.try_compare_and_swap(&1, &mut offer(2)), Ok(()));
        assert_eq!(entry.try_compare_and_swap(&1, &mut offer(3)), Err(Some(2)));
        assert!(entry.update(|value| value + 10));
        assert_eq!(held(&entry), Some(12));
    }

    #[test]
    fn an_update_that_was_overtaken_begins_again_with_the_new_value() {
        let entry = Entry::new(1);
        let mut seen = Vec::new();
        assert!(entry.update(|value| {
            seen.push(*value);
            if seen.len() == 1 {
                entry.swap_locked(&mut offer(5));
            }
            value + 1
        }));
        assert_eq!((seen, held(&entry)), (vec![1, 5], Some(6)));
    }

    #[test]
    fn an_update_that_meets_a_deletion_stores_nothing() {
        let entry = Entry::new(1);
        assert!(!entry.update(|value| {
            entry.delete();
            value + 1
        }));
        assert_eq!(held(&entry), None);
    }

    #[test]
    fn every_value_is_deleted_or_replaced_once() {
        let (entry, start) = (Entry::new(0), Barrier::new(3));
        let stored_less_deleted = || {
            start.wait();
            (0..60_000).map(|turn| i32::from(store_or_delete(&entry, turn))).sum::<i32>()
        };
        let balance: i32 = thread::scope(|scope| {
            let running: Vec<_> = (0..3).map(|_| scope.spawn(stored_less_deleted)).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(1 + balance, i32::from(held(&entry).is_some()));
    }

    /// What it adds to the number of values: -1, 0 or 1.
    fn store_or_delete(entry: &Entry<u32>, turn: u32) -> i8 {
        match turn % 4 {
            0 => i8::from(entry.try_swap(&mut offer(turn)).unwrap()),
            1 => i8::from(entry.try_load_or_store(&mut offer(turn)).unwrap()),
            _ => -i8::from(entry.delete()),
        }
    }

    #[test]
    fn an_offer_is_boxed_once_and_only_when_it_is_needed() {
        let (entry, mut new) = (Entry::new(1), offer(2));
        assert!(!entry.try_load_or_store(&mut new).unwrap());
        assert_eq!(entry.try_compare_and_swap(&9, &mut new), Err(Some(1)));
        assert!(new.boxed.is_none());
        let first = new.slot().unwrap();
        assert!(Arc::ptr_eq(&first, &new.slot().unwrap()));
    }
}
