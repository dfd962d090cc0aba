//! The CSV schemas and provenance of a run: the only wire format between measuring and reading.
//!
//! A run is a directory. [`RunWriter`] fills it row by row, so that whatever interrupts it leaves a run that
//! [`Run::read`] accepts or [`RunWriter::resume`] repairs. Readers trust nothing: what is not exactly as the schema and
//! the run's own plan say is refused, with the file, the line and the remedy.

pub mod checksum;
mod claims;
mod distribution;
mod error;
mod flame;
mod forecast;
mod gate;
mod gate_slices;
mod growth;
mod latency;
mod memory;
mod read;
mod row;
mod schema;
mod self_test;
mod semantics;
mod tail;
pub mod time;
mod write;

pub use claims::{CLAIMS, CLAIMS_DIR, ClaimRow, ClaimVerdict};
pub use distribution::{Distribution, Percentile};
pub use error::Error;
pub use flame::FlameGraph;
pub use forecast::{ALL_KINDS, CONTENTION, Contention, Expected, FORECAST, ForecastRun, HOT_SPOTS, HotSpot};
pub use gate::{GATE_SCHEMA_VERSION, GateCell, GateResult, GateSide, GateVerdict, Instructions, NotFinite, Transfers};
pub use gate_slices::{GATE_SLICES, GateSlice, GateSliceWriter, read_gate_slices};
pub use growth::Growth;
pub use latency::{ALL_OPERATIONS, Latency, LatencyKind};
pub use mapbench_workload::Percent;
pub use memory::{Memory, Reclamation, Stage};
pub use read::Run;
pub use schema::*;
pub use self_test::{DETECTABLE, Detectable, GATE_SELF_TEST, SELF_TEST, SelfTestRow, read_self_test, write_self_test};
pub use semantics::{Semantics, Verdict};
pub use write::RunWriter;

/// The file that holds the [`Provenance`].
pub const PROVENANCE: &str = "provenance.json";
/// The file that holds the rows of [`Sample`].
pub const SAMPLES: &str = "samples.csv";
/// The file that holds the rows of [`Machine`].
pub const MACHINE: &str = "machine.csv";
/// The file that holds the rows of [`Cell`].
pub const CELLS: &str = "cells.csv";
/// The file that holds the rows of [`Latency`]; a run that measured none has none.
pub const LATENCY: &str = "latency.csv";
/// The file that holds the rows of [`Memory`]; likewise.
pub const MEMORY: &str = "memory.csv";
/// The file that holds the rows of [`Reclamation`]; likewise.
pub const RECLAMATION: &str = "reclamation.csv";
/// The file that holds the rows of [`Growth`]; a run in which nothing that grows was looked at so has none.
pub const GROWTH: &str = "growth.csv";
/// The file that holds the rows of [`FlameGraph`]; a run that was not profiled has none.
pub const PROFILES: &str = "profiles.csv";
/// The directory of the flame graphs, in that of the run.
pub const PROFILES_DIR: &str = "profiles";
/// The file that holds the rows of [`Semantics`].
pub const SEMANTICS: &str = "semantics.csv";
/// The files that a run's directory may hold.
pub const RUN_FILES: [&str; 10] =
    [PROVENANCE, SAMPLES, MACHINE, CELLS, LATENCY, MEMORY, RECLAMATION, GROWTH, PROFILES, SEMANTICS];
