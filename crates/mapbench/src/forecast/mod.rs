//! Contention counted on virtual cores, and what it says about machines with more cores than this one.
//!
//! `build` has the simulator, `cells` has it count, `source` says where in the maps' sources, `single` and `transfer` measure
//! what the model takes from the clock, `expect` puts the parts together, and `validation` holds them against figures.

mod build;
mod cells;
mod expect;
pub(crate) mod protocol;
mod single;
mod source;
mod transfer;
mod validation;

pub(crate) use build::{Simulator, build};
pub(crate) use cells::{Cell, Cells, Outcome};
pub(crate) use expect::expect;
pub(crate) use single::single_threads;
pub(crate) use source::hot_spots;
pub(crate) use transfer::{machine, topology};
pub(crate) use validation::{against_published, against_run};
