//! The CSV schemas and provenance of a run: the only wire format between measuring and reading.

mod schema;

pub use schema::*;
