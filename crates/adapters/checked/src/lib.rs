//! A plain map behind Go's runtime check for overlapping access.
//!
//! Go compiles a program that reads a map while it is written, and its runtime ends the program when it notices. Rust
//! does not compile it: none of the ways to share an unsynchronised map between threads is accepted.
//!
//! ```compile_fail,E0499
//! let mut map = std::collections::HashMap::from([(1, 1)]);
//! std::thread::scope(|scope| {
//!     scope.spawn(|| map.insert(2, 2));
//!     scope.spawn(|| map.insert(3, 3)); // a second mutable borrow
//! });
//! ```
//!
//! ```compile_fail,E0502
//! let mut map = std::collections::HashMap::from([(1, 1)]);
//! std::thread::scope(|scope| {
//!     scope.spawn(|| map.insert(2, 2));
//!     scope.spawn(|| map.get(&1).copied()); // a shared borrow beside a mutable one
//! });
//! ```
//!
//! ```compile_fail,E0502
//! let mut map = std::collections::HashMap::from([(1, 1)]);
//! for key in map.keys() {
//!     map.remove(key); // a mutable borrow during an iteration
//! }
//! ```
//!
//! ```compile_fail,E0596
//! let map = std::sync::Arc::new(std::collections::HashMap::from([(1, 1)]));
//! std::thread::spawn(move || map.insert(2, 2)); // `Arc` gives shared access only
//! ```
//!
//! ```compile_fail,E0277
//! let map = std::rc::Rc::new(std::collections::HashMap::from([(1, 1)]));
//! std::thread::spawn(move || map.len()); // `Rc` cannot be sent between threads
//! ```
//!
//! ```compile_fail,E0277
//! let map = std::cell::RefCell::new(std::collections::HashMap::from([(1, 1)]));
//! std::thread::scope(|scope| {
//!     scope.spawn(|| map.borrow_mut().insert(2, 2)); // `RefCell` cannot be shared between threads
//! });
//! ```
//!
//! ```compile_fail,E0277
//! let mut map = std::collections::HashMap::from([(1, 1)]);
//! let pointer = &raw mut map;
//! std::thread::spawn(move || unsafe { (*pointer).insert(2, 2) }); // nor can a raw pointer be sent, `unsafe` or not
//! ```
//!
//! Nor can such a map be passed off as a strategy's:
//!
//! ```compile_fail,E0277
//! use std::cell::RefCell;
//! use std::collections::HashMap;
//!
//! use mapbench_api::{ConcurrentMap, MapHandle};
//!
//! struct Unsynchronised(RefCell<HashMap<u64, u64>>);
//!
//! struct Handle<'m>(&'m Unsynchronised);
//!
//! impl MapHandle<u64, u64> for Handle<'_> {
//!     fn read<R>(&mut self, key: &u64, f: impl FnOnce(&u64) -> R) -> Option<R> {
//!         self.0.0.borrow().get(key).map(f)
//!     }
//! }
//!
//! impl ConcurrentMap<u64, u64> for Unsynchronised { // `RefCell` is not `Sync`, which every strategy's map must be
//!     type Handle<'m> = Handle<'m>;
//!
//!     fn handle(&self) -> Handle<'_> {
//!         Handle(self)
//!     }
//! }
//! ```
//!
//! The same with a lock compiles:
//!
//! ```
//! let map = std::sync::Mutex::new(std::collections::HashMap::from([(1, 1)]));
//! std::thread::scope(|scope| {
//!     scope.spawn(|| map.lock().unwrap().insert(2, 2));
//! });
//! assert_eq!(map.into_inner().unwrap().len(), 2);
//! ```

mod map;
#[cfg(all(test, loom))]
mod model_tests;
mod sync;

pub use map::{CheckedHandle, CheckedMap};

use std::collections::HashMap;

use mapbench_api::{Consistency, HashBuilder, Iteration, Key, Progress, Reclamation, Strategy, StrategyInfo, Value};

/// `checked`
pub struct Checked;

impl Strategy for Checked {
    const INFO: StrategyInfo = StrategyInfo {
        name: "checked",
        upstream: "std",
        version: env!("UPSTREAM_VERSION"),
        summary: "a std HashMap that is not synchronised, but notices: an overlap with a write is fatal, as in Go",
        consistency: Consistency::Linearizable,
        iteration: Iteration::BlocksWriters,
        read_progress: Progress::LockFree,
        reclamation: Reclamation::Immediate,
        configuration: "std HashMap in a parking_lot RwLock, by try_read and try_write alone",
        notes: "Nobody waits: whoever meets a write, or writes while another is inside, ends with Go's message, and the \
                operation changes nothing. This detects all that Go's check detects, and more: Go's writer does not \
                notice readers or iterations, and Go lets a loop over a map write to it; here both are detected, and so \
                is len, which Go does not check. Readers alone never stop each other, and one thread that does one \
                thing at a time is never stopped. Go's check is a plain flag that readers only look at; this one is a \
                parking_lot RwLock that is tried, never awaited, so that a read writes to a shared word twice: what it \
                costs is not what Go's check costs. A panic inside an operation leaves the entry as it was and nothing \
                locked. A closure that writes to the map it is called from is detected too, on one thread.",
        unsupported: &[],
        thread_limit: None,
    };

    type Map<K: Key, V: Value, S: HashBuilder> = CheckedMap<K, V, S>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> CheckedMap<K, V, S> {
        let mut table = HashMap::with_capacity_and_hasher(capacity, hasher);
        table.extend(entries);
        CheckedMap::new(table)
    }
}
