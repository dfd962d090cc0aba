//! mapbench: comparative benchmarks of concurrent maps.
//!
//! The engine measures strategies (see [`mapbench_api`]) on workloads (see [`mapbench_workload`]) and writes results (see
//! [`mapbench_results`]). METHODOLOGY.md beside this crate says how, and why so.

pub mod bench;
pub mod callgrind;
mod claims;
mod cli;
mod clock;
mod counting;
mod failure;
pub mod floor;
mod forecast;
mod foreign;
#[cfg(fuzzing)]
pub mod fuzzing;
mod gate;
mod hasher;
mod interrupt;
mod orphan;
mod output;
mod perf;
mod plan;
mod protocol;
mod provenance;
mod registry;
mod run;
mod serve;
#[cfg(feature = "service")]
mod service;
mod shipped;
#[cfg(feature = "contention")]
pub mod simulator;
mod single;
mod sweep;
mod symbols;
mod system;
mod trace;
mod verify;
mod worker;

pub use cli::main;
pub use counting::CountingAllocator;
pub use provenance::declare_allocator;
pub use registry::{Entry, Registry, UnknownName};
pub use single::Timed;
