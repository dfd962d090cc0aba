//! Any bytes as a recorded history, which is then judged.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use mapbench_conformance::history::History;
use mapbench_conformance::linearizability::{Budget, check};

fuzz_target!(|bytes: &[u8]| {
    match History::read(bytes) {
        Ok(history) => drop(check(&history, Budget { steps: 10_000, time: Duration::from_secs(1) })),
        Err(error) => assert_eq!(error.to_string().lines().count(), 1),
    }
});
