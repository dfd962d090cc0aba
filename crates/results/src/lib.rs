//! The CSV schemas and provenance of a run.
