//! Any bytes as a recorded trace, which is then described as a workload.
#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use mapbench::fuzzing::trace;
use mapbench_workload::Workload;

fuzz_target!(|bytes: &[u8]| {
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    fs::write(file.path(), bytes).expect("a temporary file can be written");
    match trace(file.path()) {
        Ok(text) => drop(Workload::parse(&text).expect("a trace describes a workload")),
        Err(error) => assert_eq!(error.lines().count(), 1),
    }
});
