//! Any bytes as the budget of a gate.
#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use mapbench::fuzzing::budget;

fuzz_target!(|bytes: &[u8]| {
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    fs::write(file.path(), bytes).expect("a temporary file can be written");
    if let Err(error) = budget(file.path()) {
        assert_eq!(error.lines().count(), 1);
    }
});
