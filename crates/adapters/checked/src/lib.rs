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
        read_progress: Progress::WaitFree,
        reclamation: Reclamation::Immediate,
        configuration: "default",
        notes: "Nobody waits: whoever meets a write, or writes while another thread is inside, ends with Go's message. In \
                Go a writer does not notice readers, only readers notice a writer; here both do, so that this detects all \
                that Go detects, and more. One thread alone, and many that only read, are never stopped. A panic inside \
                an operation leaves the entry as it was.",
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
