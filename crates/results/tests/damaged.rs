//! A file of results that was damaged is read, or refused in one line that names it.

mod common;

use std::cell::Cell;
use std::fs;
use std::path::Path;

use common::{cell, failure, machine, provenance, sample};
use mapbench_damage::damaged;
use mapbench_results::*;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// A finished run, with something to quote in it.
fn run(dir: &Path) {
    let mut writer = RunWriter::create(dir, &provenance()).unwrap();
    writer.append_sample(&failure("a", 0, 0, "two\r\nlines, \"quoted\"")).unwrap();
    writer.append_sample(&sample("b", 0, 0)).unwrap();
    writer.append_sample(&sample("b", 0, 1)).unwrap();
    writer.append_machine(&machine(0, 0)).unwrap();
    writer.append_machine(&machine(0, 1)).unwrap();
    writer.finish(&[cell("a"), cell("b")], provenance()).unwrap();
}

/// Damages a file among sound ones, again and again, and reads.
fn each_is_read_or_refused<T>(write: impl Fn(&Path), file: &str, read: impl Fn(&Path) -> Result<T, Error>) {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    let sound = fs::read(dir.path().join(file)).unwrap();
    let refused = Cell::new(0);
    let outcome = TestRunner::new(ProptestConfig::with_cases(300)).run(&damaged(sound), |bytes| {
        fs::write(dir.path().join(file), bytes).unwrap();
        if let Err(error) = read(dir.path()) {
            refused.set(refused.get() + 1);
            let said = error.to_string();
            prop_assert_eq!(said.lines().count(), 1, "{}", said);
            prop_assert!(said.starts_with(&*dir.path().to_string_lossy()), "{}", said);
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    let refused = refused.get();
    assert!(refused > 150, "hardly anything was damaged: {refused} of 300 were refused");
}

/// Reads a run whose provenance knows of the damage.
fn run_as_it_is(dir: &Path) -> Result<Run, Error> {
    let path = dir.join(PROVENANCE);
    let mut provenance: Provenance = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for name in [SAMPLES, MACHINE, CELLS] {
        provenance.checksums.insert(name.to_owned(), checksum::of_file(&dir.join(name)).unwrap());
    }
    fs::write(&path, serde_json::to_vec(&provenance).unwrap()).unwrap();
    Run::read(dir)
}

fn verdicts(dir: &Path) {
    let row = |check: &str| Semantics {
        strategy: "a".to_owned(),
        version: "1".to_owned(),
        check: check.to_owned(),
        declared: "linearizable".to_owned(),
        verdict: Verdict::Verified,
        histories: 1,
        operations: 2,
        elapsed_ms: 3,
        threads: 2,
        seed: 1,
        finished: "2026-01-01T00:00:00Z".to_owned(),
        detail: "said, \"so\"".to_owned(),
    };
    Semantics::write(dir, &[row("histories"), row("counters")]).unwrap();
}

fn slices(dir: &Path) {
    let mut writer = GateSliceWriter::create(dir).unwrap();
    for (position, arm) in (0..).zip(["base", "candidate", "control"]) {
        let row = GateSlice {
            stage: "screening".to_owned(),
            round: 0,
            cell: "sweep/read-90/threads-2/a".to_owned(),
            arm: arm.to_owned(),
            position,
            status: Status::Ok,
            time_per_op_fs: Some(1_000),
            message: String::new(),
        };
        writer.append(&row).unwrap();
    }
}

#[test]
fn provenance_that_was_damaged() {
    each_is_read_or_refused(run, PROVENANCE, Run::read);
}

#[test]
fn samples_that_were_damaged() {
    each_is_read_or_refused(run, SAMPLES, run_as_it_is);
}

#[test]
fn machine_rows_that_were_damaged() {
    each_is_read_or_refused(run, MACHINE, run_as_it_is);
}

#[test]
fn cells_that_were_damaged() {
    each_is_read_or_refused(run, CELLS, run_as_it_is);
}

#[test]
fn verdicts_that_were_damaged() {
    each_is_read_or_refused(verdicts, SEMANTICS, Semantics::read);
}

#[test]
fn gate_slices_that_were_damaged() {
    each_is_read_or_refused(slices, GATE_SLICES, read_gate_slices);
}
