//! Estimators and intervals for interleaved benchmarks. Pure: no threads, no clock, no I/O, no dependency.
//!
//! A fork (one process) is the unit of replication; slices, or rounds, repeat within it and are not independent. Input
//! is therefore always a list a fork. Every function is deterministic in its input and seed, does not depend on the
//! order of forks or of slices within one, and answers `None` rather than a number that means nothing.
//!
//! The statistics of the performance gate are in [`gate`]. There every round has forks of its own, so rounds are the unit.

mod bootstrap;
#[cfg(test)]
mod coverage;
mod estimate;
mod fairness;
pub mod gate;
mod interval;
mod quantile;
mod rank;
mod rng;
mod student;

pub use estimate::{cell_estimate, ratio};
pub use fairness::jain;
pub use interval::Interval;
pub use quantile::{median, quantile};
pub use rank::geometric_mean_ratio;
