//! Any bytes as a file of a results directory: the first byte says which.
#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use mapbench_results::{
    CLAIMS, ClaimRow, FORECAST, ForecastRun, GATE_SLICES, GateResult, PROVENANCE, Run, SELF_TEST, SEMANTICS, Semantics,
    read_gate_slices, read_self_test,
};

const FILES: [&str; 7] = [PROVENANCE, SEMANTICS, GATE_SLICES, CLAIMS, SELF_TEST, FORECAST, "gate.json"];

fuzz_target!(|bytes: &[u8]| {
    let Some((which, text)) = bytes.split_first() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let file = FILES[usize::from(*which) % FILES.len()];
    fs::write(dir.path().join(file), text).expect("a temporary file can be written");
    let error = match file {
        PROVENANCE => Run::read(dir.path()).err(),
        SEMANTICS => Semantics::read(dir.path()).err(),
        CLAIMS => ClaimRow::read(dir.path()).err(),
        SELF_TEST => read_self_test(dir.path()).err(),
        FORECAST => ForecastRun::read(dir.path()).err(),
        GATE_SLICES => read_gate_slices(dir.path()).err(),
        _ => GateResult::read(&dir.path().join(file)).err(),
    };
    if let Some(error) = error {
        assert_eq!(error.to_string().lines().count(), 1);
    }
});
