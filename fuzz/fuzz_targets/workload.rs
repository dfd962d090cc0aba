//! Any bytes as a workload file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mapbench_workload::Workload;

fuzz_target!(|text: &str| {
    if let Err(error) = Workload::parse(text) {
        assert_eq!(error.to_string().lines().count(), 1);
    }
});
