//! The shared trait of mapbench: what a concurrent map can do, and what a strategy says about itself.
//!
//! A [`Strategy`] is a way to share a map between threads. It builds a [`ConcurrentMap`] from its first entries; every
//! thread takes a [`MapHandle`] from it and works through that. What the strategy promises (consistency, progress,
//! reclamation, operations it lacks) is data: [`StrategyInfo`].
//!
//! Every operation that a strategy supports is atomic: it takes effect at one instant between its call and its return
//! (for [`Consistency::Published`] strategies: among writers; readers see it after the next publish). An operation that
//! a crate cannot do atomically is declared in [`StrategyInfo::unsupported`] with the reason, and is never put together
//! from two others. `for_each` and `len` have the weaker meaning that [`Iteration`] states.

mod info;
mod locked;
mod operation;
mod plain;
mod single_writer;

pub use info::{Consistency, HashFunction, Iteration, Progress, Reclamation, StrategyInfo, ThreadLimit, Unsupported};
pub use locked::{Locked, LockedHandle, LockedMap};
pub use operation::Operation;
pub use single_writer::{Change, SingleWriter, SingleWriterHandle};

use std::fmt::Debug;
use std::hash::{BuildHasher, Hash};

/// What every key type offers. Implemented for all types that qualify.
pub trait Key: Clone + Debug + Eq + Hash + Ord + Send + Sync + 'static {}
impl<T: Clone + Debug + Eq + Hash + Ord + Send + Sync + 'static> Key for T {}

/// What every value type offers. Implemented for all types that qualify.
pub trait Value: Clone + Debug + Eq + Hash + Send + Sync + 'static {}
impl<T: Clone + Debug + Eq + Hash + Send + Sync + 'static> Value for T {}

/// What every hasher offers. Implemented for all types that qualify.
pub trait HashBuilder: BuildHasher + Clone + Send + Sync + 'static {}
impl<T: BuildHasher + Clone + Send + Sync + 'static> HashBuilder for T {}

/// A way to share a map between threads, for any key, value and hasher.
pub trait Strategy: 'static {
    /// What the strategy says about itself.
    const INFO: StrategyInfo;

    /// What the crate hashes with when its user chooses nothing.
    const OWN_HASHER: HashFunction = HashFunction::SipHash;

    /// The map it builds.
    type Map<K: Key, V: Value, S: HashBuilder>: ConcurrentMap<K, V>;

    /// Builds a map that holds `entries` and has room for `capacity` entries in all.
    ///
    /// Maps are built from their first entries because immutable and copy-on-write maps can only then fill in O(n).
    /// Of two entries with one key the later wins. `capacity` is a hint: it may be smaller than the number of entries.
    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> Self::Map<K, V, S>;
}

/// A map that threads share by reference.
pub trait ConcurrentMap<K, V>: Send + Sync + Sized {
    /// One thread's access to the map.
    type Handle<'m>: MapHandle<K, V>
    where
        Self: 'm;

    /// Registers the calling thread. Called once a thread, outside everything that is timed.
    ///
    /// # Panics
    /// When the strategy's [`ThreadLimit`] is exceeded.
    fn handle(&self) -> Self::Handle<'_>;
}

/// One thread's access to a map. A handle stays on the thread that made it.
///
/// The provided bodies are for operations that [`StrategyInfo::unsupported`] declares: they panic, because the engine
/// refuses such a cell before it is measured.
pub trait MapHandle<K, V> {
    /// Applies `f` to the value of `key`; `None` if the key is absent.
    fn read<R>(&mut self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R>;

    /// Inserts or replaces. True: the key was absent.
    fn insert(&mut self, key: K, value: V) -> bool {
        let _ = (key, value);
        undeclared(Operation::Insert)
    }

    /// Inserts only if the key is absent. True: inserted.
    fn insert_new(&mut self, key: K, value: V) -> bool {
        let _ = (key, value);
        undeclared(Operation::InsertNew)
    }

    /// Removes the key. True: it was present.
    fn remove(&mut self, key: &K) -> bool {
        let _ = key;
        undeclared(Operation::Remove)
    }

    /// Replaces the value of a present key by `f` of it, atomically. True: the key was present.
    ///
    /// `f` may run more than once; its last result is the one stored.
    fn update(&mut self, key: &K, f: impl FnMut(&V) -> V) -> bool {
        let _ = (key, f);
        undeclared(Operation::Update)
    }

    /// Replaces the value by `f` of it if the key is present, else inserts `default`. True: inserted.
    ///
    /// `f` may run more than once; its last result is the one stored.
    fn upsert(&mut self, key: K, default: V, f: impl FnMut(&V) -> V) -> bool {
        let _ = (key, default, f);
        undeclared(Operation::Upsert)
    }

    /// Stores `new` if the key's value equals `expected`.
    ///
    /// # Errors
    /// The value found instead, or `None` if the key is absent; nothing is stored.
    fn compare_exchange(&mut self, key: &K, expected: &V, new: V) -> Result<(), Option<V>> {
        let _ = (key, expected, new);
        undeclared(Operation::CompareExchange)
    }

    /// Calls `f` for the entries, with the guarantees of [`StrategyInfo::iteration`]. `f` must not use the map.
    fn for_each(&mut self, f: impl FnMut(&K, &V)) {
        let _ = f;
        undeclared(Operation::ForEach)
    }

    /// The number of entries; exact when no other thread writes.
    fn len(&mut self) -> usize {
        undeclared(Operation::Len)
    }

    /// True if the map holds no entry; as exact as [`len`](Self::len).
    fn is_empty(&mut self) -> bool {
        self.len() == 0
    }

    /// Called between batches of operations: publish what is pending, renew a guard, let deferred frees proceed.
    fn quiesce(&mut self) {}
}

/// The panic payload of a strategy that detects a misuse instead of allowing it, as Go's runtime ends a program.
///
/// Raised with [`std::panic::panic_any`]; a worker reports it as the status `detected`, with [`message`](Self::message).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detected {
    /// What was detected, as Go words it: `fatal error: concurrent map read and map write`.
    pub message: &'static str,
}

#[cold]
fn undeclared(operation: Operation) -> ! {
    panic!("`{operation}` is not implemented by this strategy and must be declared in its `unsupported` list")
}
