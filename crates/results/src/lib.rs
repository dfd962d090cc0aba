//! The CSV schemas and provenance of a run: the only wire format between measuring and reading.
//!
//! A run is a directory. [`RunWriter`] fills it row by row, so that whatever interrupts it leaves a run that
//! [`Run::read`] accepts or [`RunWriter::resume`] repairs. Readers trust nothing: what is not exactly as the schema and
//! the run's own plan say is refused, with the file, the line and the remedy.

mod checksum;
mod error;
mod read;
mod row;
mod schema;
mod tail;
pub mod time;
mod write;

pub use error::Error;
pub use read::Run;
pub use schema::*;
pub use write::RunWriter;

/// The file that holds the [`Provenance`].
pub const PROVENANCE: &str = "provenance.json";
/// The file that holds the rows of [`Sample`].
pub const SAMPLES: &str = "samples.csv";
/// The file that holds the rows of [`Machine`].
pub const MACHINE: &str = "machine.csv";
/// The file that holds the rows of [`Cell`].
pub const CELLS: &str = "cells.csv";
