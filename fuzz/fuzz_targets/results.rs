//! Any bytes as a file of a results directory: the first byte says which.
#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use mapbench_results::{GATE_SLICES, PROVENANCE, Run, SEMANTICS, Semantics, read_gate_slices};

fuzz_target!(|bytes: &[u8]| {
    let Some((which, text)) = bytes.split_first() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let file = [PROVENANCE, SEMANTICS, GATE_SLICES][usize::from(which % 3)];
    fs::write(dir.path().join(file), text).expect("a temporary file can be written");
    let error = match file {
        PROVENANCE => Run::read(dir.path()).err(),
        SEMANTICS => Semantics::read(dir.path()).err(),
        _ => read_gate_slices(dir.path()).err(),
    };
    if let Some(error) = error {
        assert_eq!(error.to_string().lines().count(), 1);
    }
});
