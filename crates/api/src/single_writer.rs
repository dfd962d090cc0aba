//! Strategies whose writers go one at a time need say no more than how one key is changed.

use std::borrow::Cow;

use crate::{Key, MapHandle, Value};

/// What becomes of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<V> {
    /// It stays as it is: nothing is written or published.
    Keep,
    /// It gets this value.
    Put(V),
    /// It is removed.
    Remove,
}

/// One thread's access to a map with one writer at a time; [`SingleWriterHandle`] makes a [`MapHandle`] of it.
pub trait SingleWriter<K: Key, V: Value> {
    /// Applies `f` to the value of `key`.
    fn read<R>(&mut self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R>;

    /// Asks `decide`, which sees the key's newest value, published or not, what becomes of it, and does it; all before the
    /// next writer's turn.
    fn change<R>(&mut self, key: Cow<'_, K>, decide: impl FnOnce(Option<&V>) -> (Change<V>, R)) -> R;

    /// Inserts or replaces. True: the key was absent. For maps that can tell without fetching the old value.
    #[inline]
    fn insert(&mut self, key: K, value: V) -> bool {
        self.change(Cow::Owned(key), |old| (Change::Put(value), old.is_none()))
    }

    /// Calls `f` for the entries.
    fn for_each(&mut self, f: impl FnMut(&K, &V));

    /// The number of entries.
    fn count(&mut self) -> usize;

    /// Publishes what is pending.
    fn quiesce(&mut self) {}
}

/// The handle of a map with one writer at a time.
pub struct SingleWriterHandle<W>(pub W);

impl<K: Key, V: Value, W: SingleWriter<K, V>> MapHandle<K, V> for SingleWriterHandle<W> {
    #[inline]
    fn read<R>(&mut self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R> {
        self.0.read(key, f)
    }

    #[inline]
    fn insert(&mut self, key: K, value: V) -> bool {
        self.0.insert(key, value)
    }

    #[inline]
    fn insert_new(&mut self, key: K, value: V) -> bool {
        self.0.change(Cow::Owned(key), |old| match old {
            Some(_) => (Change::Keep, false),
            None => (Change::Put(value), true),
        })
    }

    #[inline]
    fn remove(&mut self, key: &K) -> bool {
        self.0.change(Cow::Borrowed(key), |old| match old {
            Some(_) => (Change::Remove, true),
            None => (Change::Keep, false),
        })
    }

    #[inline]
    fn update(&mut self, key: &K, mut f: impl FnMut(&V) -> V) -> bool {
        self.0.change(Cow::Borrowed(key), |old| match old {
            Some(value) => (Change::Put(f(value)), true),
            None => (Change::Keep, false),
        })
    }

    #[inline]
    fn upsert(&mut self, key: K, default: V, mut f: impl FnMut(&V) -> V) -> bool {
        self.0.change(Cow::Owned(key), |old| match old {
            Some(value) => (Change::Put(f(value)), false),
            None => (Change::Put(default), true),
        })
    }

    #[inline]
    fn compare_exchange(&mut self, key: &K, expected: &V, new: V) -> Result<(), Option<V>> {
        self.0.change(Cow::Borrowed(key), |old| match old {
            Some(value) if value == expected => (Change::Put(new), Ok(())),
            other => (Change::Keep, Err(other.cloned())),
        })
    }

    #[inline]
    fn for_each(&mut self, f: impl FnMut(&K, &V)) {
        self.0.for_each(f);
    }

    #[inline]
    fn len(&mut self) -> usize {
        self.0.count()
    }

    #[inline]
    fn quiesce(&mut self) {
        self.0.quiesce();
    }
}
