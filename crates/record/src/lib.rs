//! Records what a program asks of its map, so that `mapbench run --trace FILE` can ask the same of every other map.
//!
//! Put a [`Recorded`] around the map, and say with every use what it is. With the feature `record` each use is written to a
//! trace; without it, only the use itself is compiled.
//!
//! ```
//! use std::collections::HashMap;
//! use std::sync::Mutex;
//! use mapbench_record::Recorded;
//! use mapbench_workload::OpKind;
//!
//! let sessions = Recorded::new(Mutex::new(HashMap::new()));
//! sessions.run(OpKind::Insert, "alice", 5, |map| map.lock().unwrap().insert("alice", "admin"));
//! let role = sessions.run(OpKind::Read, "alice", 0, |map| map.lock().unwrap().get("alice").copied());
//! assert_eq!(role, Some("admin"));
//! ```
//!
//! A trace holds, for every operation, its time, its thread, its kind, a hash of its key and the size of its value; no key
//! and no value. Memory is bounded: when the disk does not keep up, operations are dropped, and the trace says how many and
//! where. See [`Record`] for the format.

mod read;
mod recorded;
#[cfg(feature = "record")]
mod recorder;
mod trace;

pub use read::{TraceError, records};
pub use recorded::Recorded;
#[cfg(feature = "record")]
pub use recorder::{Recorder, Summary};
pub use trace::{MAGIC, Record};
