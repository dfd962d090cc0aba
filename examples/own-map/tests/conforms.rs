//! Does the adapter do what it declares?

#[path = "../benches/maps/adapter.rs"]
mod adapter;

mapbench_conformance::test_strategy!(crate::adapter::Striped);
