//! What is not as the schema and the plan say is refused, in one line that names file, line and remedy.

mod common;

use common::{cell, failure, machine, provenance, sample};
use mapbench_results::{CELLS, Error, MACHINE, PROVENANCE, Run, RunWriter, SAMPLES};
use std::fs;
use std::path::Path;

/// A finished run in `dir`.
fn finished(dir: &Path) {
    let mut writer = RunWriter::create(dir, &provenance()).unwrap();
    writer.append_sample(&sample("a", 0, 0)).unwrap();
    writer.append_sample(&sample("b", 0, 0)).unwrap();
    writer.append_machine(&machine(0, 0)).unwrap();
    writer.finish(&[cell("a"), cell("b")], provenance()).unwrap();
}

fn change(dir: &Path, name: &str, from: &str, to: &str) {
    let path = dir.join(name);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{name} has no {from:?}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

fn unfinished(dir: &Path) {
    let mut writer = RunWriter::create(dir, &provenance()).unwrap();
    writer.append_sample(&failure("a", 0, 0, "two\r\nlines")).unwrap();
    writer.append_sample(&sample("b", 0, 0)).unwrap();
    writer.append_sample(&sample("b", 0, 1)).unwrap();
    writer.append_machine(&machine(0, 0)).unwrap();
}

/// Changes an unfinished run and reads it.
fn refusal(name: &str, from: &str, to: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    unfinished(dir.path());
    change(dir.path(), name, from, to);
    let message = Run::read(dir.path()).expect_err(to).to_string();
    assert_eq!(message.lines().count(), 1, "{message}");
    message.strip_prefix(&*dir.path().join("").to_string_lossy()).expect("the file is named first").to_owned()
}

#[test]
fn a_wrong_row_is_named_with_its_line() {
    let cases = [
        (SAMPLES, "b,0,1,0,ok", "b,0,0,0,ok", "samples.csv, line 5: the row of line 4 again; delete the line"),
        (SAMPLES, "b,0,1,0,ok", "c,0,1,0,ok", "samples.csv, line 5: the plan has no strategy \"c\"; delete"),
        (SAMPLES, "b,0,1,0,ok", "b,2,1,0,ok", "samples.csv, line 5: fork 2, round 1, but the plan has 2 forks of 3"),
        (SAMPLES, "b,0,1,0,ok", "b,0,3,0,ok", "samples.csv, line 5: fork 0, round 3, but the plan has 2 forks of 3"),
        (
            SAMPLES,
            "90,2,b,0,1",
            "91,2,b,0,1",
            "samples.csv, line 5: the plan has no group of the workload \"sweep\", 91",
        ),
        (SAMPLES, "b,0,1,0,ok", "b,0,-1,0,ok", "samples.csv, line 5: the column `round`: invalid digit"),
        (SAMPLES, "b,0,1,0,ok,1", "b,0,1,0,ok,NaN", "samples.csv, line 5: the column `start_ns`: invalid digit"),
        (SAMPLES, "b,0,1,0,ok,1", "b,0,1,0,ok,1.5", "samples.csv, line 5: the column `start_ns`: invalid digit"),
        (SAMPLES, "b,0,1,0,ok", "b,0,1,0,\"o\nk\"", "samples.csv, line 5: unknown variant `o k`"),
        (SAMPLES, "b,0,1,0,ok", "b,0,1,0,panicked", "samples.csv, line 5: the status is not ok but there are"),
        (SAMPLES, "b,0,1,0,ok", "b,0,1,ok", "samples.csv, line 5: 29 fields, the header has 30; delete the line"),
        (MACHINE, "2,0,0,1,", "2,0,9,1,", "machine.csv, line 2: fork 0, round 9, but the plan has 2 forks of 3"),
        (MACHINE, "2,0,0,1,", "2,0,0,,", "machine.csv, line 2: the column `start_ns`: cannot parse integer from empty"),
    ];
    for (name, from, to, expected) in cases {
        let message = refusal(name, from, to);
        assert!(message.starts_with(expected), "{message}\nexpected {expected}");
    }
}

#[test]
fn a_foreign_header_is_refused() {
    let cases = [
        ("fork,", "", "samples.csv, line 1: the column `fork` is missing; is this file from another"),
        ("fork,", "fork,speed,", "samples.csv, line 1: the column \"speed\" is unknown"),
        ("fork,round", "round,fork", "samples.csv, line 1: the columns are not in the order workload,"),
        ("fork,", "fork,fork,", "samples.csv, line 1: the columns are not in the order workload,"),
        ("workload,", "name;", "samples.csv, line 1: the column `workload` is missing"),
    ];
    for (from, to, expected) in cases {
        let message = refusal(SAMPLES, from, to);
        assert!(message.starts_with(expected), "{message}\nexpected {expected}");
    }
}

#[test]
fn a_foreign_provenance_is_refused() {
    let cases = [
        (
            "\"schema_version\": 2",
            "\"schema_version\": 3",
            "provenance.json has schema version 3; this mapbench reads versions 1 to 2 and continues version 2: use mapbench",
        ),
        ("\"seed\": 7", "\"seed\": -7", "provenance.json, line 12: invalid value: integer `-7`, expected u64; is this"),
        ("\"seed\": 7", "\"seeds\": 7", "provenance.json, line 12: unknown field `seeds`"),
        ("\"seed\": 7,", "", "provenance.json, line "),
        ("{", "", "provenance.json, line 2: invalid type"),
    ];
    for (from, to, expected) in cases {
        let message = refusal(PROVENANCE, from, to);
        assert!(message.starts_with(expected), "{message}\nexpected {expected}");
    }
}

/// Makes a run one of version 1, which had not the counts of the kinds.
fn age(dir: &Path) {
    change(dir, PROVENANCE, "\"schema_version\": 2", "\"schema_version\": 1");
    let path = dir.join(SAMPLES);
    let mut text = String::new();
    for line in fs::read_to_string(&path).unwrap().lines() {
        let mut fields: Vec<&str> = line.split(',').collect();
        fields.drain(19..29);
        text += &fields.join(",");
        text += "\r\n";
    }
    fs::write(path, text).unwrap();
}

#[test]
fn a_run_of_version_1_is_read_and_not_continued() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = RunWriter::create(dir.path(), &provenance()).unwrap();
    writer.append_sample(&sample("a", 0, 0)).unwrap();
    drop(writer);
    age(dir.path());
    let read = Run::read(dir.path()).unwrap().samples.remove(0);
    assert_eq!((read.ops, read.read_ops, read.drop_ns), (Some(1_000_000), None, None));
    let error = RunWriter::resume(dir.path()).unwrap_err().to_string();
    assert!(
        error.contains("has schema version 1; this mapbench reads versions 1 to 2 and continues version 2"),
        "{error}"
    );
}

#[test]
fn counts_that_contradict_each_other_are_refused() {
    let message = refusal(SAMPLES, ",900000,50000,", ",900001,50000,");
    assert!(message.starts_with("samples.csv, line 4: the counts of the kinds do not add up to `ops`"), "{message}");
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    unfinished(dir.path());
    let path = dir.path().join(SAMPLES);
    let mut bytes = fs::read(&path).unwrap();
    let place = bytes.iter().rposition(|byte| *byte == b'k').unwrap();
    bytes[place] = 0xFF;
    fs::write(path, bytes).unwrap();
    let error = Run::read(dir.path()).unwrap_err().to_string();
    assert!(error.contains("samples.csv, line 5: not UTF-8"), "{error}");
}

#[test]
fn a_directory_without_a_run_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for dir in [dir.path(), &dir.path().join("none")] {
        assert!(matches!(Run::read(dir), Err(Error::NoRun(_))));
        assert!(matches!(RunWriter::resume(dir), Err(Error::NoRun(_))));
    }
}

#[test]
fn a_missing_file_is_refused() {
    for name in [SAMPLES, MACHINE] {
        let dir = tempfile::tempdir().unwrap();
        unfinished(dir.path());
        fs::remove_file(dir.path().join(name)).unwrap();
        let error = Run::read(dir.path()).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("cannot be read"), "{error}");
    }
}

#[test]
fn a_finished_run_that_was_changed_is_refused() {
    for name in [SAMPLES, MACHINE, CELLS] {
        let dir = tempfile::tempdir().unwrap();
        finished(dir.path());
        change(dir.path(), name, "sweep,90", "sweep,91");
        let error = Run::read(dir.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("{name}: its SHA-256 is not the one in provenance.json")), "{error}");
        fs::remove_file(dir.path().join(name)).unwrap();
        let error = Run::read(dir.path()).unwrap_err();
        if name == CELLS {
            assert!(error.to_string().contains("cells.csv: it is missing; it follows from samples.csv: "), "{error}");
        } else {
            assert!(matches!(error, Error::Read { .. }), "{error}");
        }
    }
    let dir = tempfile::tempdir().unwrap();
    finished(dir.path());
    change(dir.path(), PROVENANCE, "\"cells.csv\"", "\"cells\"");
    assert!(Run::read(dir.path()).unwrap_err().to_string().contains("cells.csv: its SHA-256"));
}
