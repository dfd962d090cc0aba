//! The run time of a program that was compiled with `-Zsanitizer=thread -Zexternal-clangrt`: it counts, for any number of
//! virtual cores, the cache lines that they take from each other, and comes to the same counts every time.
//!
//! The compiler inserts a call before every access of memory (`hooks`). Real threads play the cores and take turns by a
//! schedule that a seed determines (`turns`, `simulation`); calls of the C library through which they would sleep, look at
//! the clock or draw at random are answered here (`system`), and memory comes from the same addresses every time (`heap`).
//! A directory says what each access had to do for its line (`directory`).
//!
//! This crate must not be instrumented itself: its hooks would call themselves. In a program that is not instrumented it
//! does no harm and counts nothing but what calls the hooks.
//!
//! ```
//! use mapbench_contention::{Machine, Schedule};
//!
//! let (report, outcomes) = Machine::new(4, Schedule::Operations, 1).run(|core, seat| {
//!     for _ in 0..10 {
//!         seat.operation(0, || core);
//!     }
//! });
//! assert!(outcomes.iter().all(Result::is_ok));
//! assert_eq!(report.counts[0].operations, 40);
//! ```

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
compile_error!("the contention run time knows the hooks and system calls of x86-64 Linux alone");

mod counts;
mod directory;
mod heap;
mod hooks;
mod pace;
mod process;
mod simulation;
mod system;
mod turns;

pub use counts::{Counts, Site};
pub use directory::{LINE_BYTES, MAX_CORES};
pub use heap::Heap;
pub use pace::{Pace, Spent};
pub use process::{fix_addresses, load_address};
pub use simulation::{KINDS, Machine, Report, Seat};
pub use turns::Schedule;
