//! What was verified stands beside a run only while it fits the run.

mod common;

use common::{cell, failure, machine, provenance, sample};
use mapbench_results::{Declared, Error, PROVENANCE, Provenance, Run, RunWriter, SEMANTICS, Semantics, Verdict};
use std::fs;
use std::path::Path;

fn row(strategy: &str, check: &str) -> Semantics {
    Semantics {
        strategy: strategy.to_owned(),
        version: "1.2.3".to_owned(),
        check: check.to_owned(),
        declared: "linearizable".to_owned(),
        verdict: Verdict::Verified,
        histories: 3,
        operations: u64::MAX,
        elapsed_ms: 1_000,
        threads: 4,
        seed: 1,
        finished: "2026-11-25T08:10:00Z".to_owned(),
        detail: "a \"detail\", of\r\ntwo lines".to_owned(),
    }
}

fn declared(name: &str) -> Declared {
    let text = String::new;
    Declared {
        name: name.to_owned(),
        upstream: "upstream".to_owned(),
        version: "1.2.3".to_owned(),
        summary: text(),
        consistency: text(),
        iteration: text(),
        read_progress: text(),
        reclamation: text(),
        configuration: text(),
        notes: text(),
        unsupported: Vec::new(),
    }
}

/// A finished run of `a` and `b`.
fn finished(dir: &Path) {
    let provenance = Provenance { strategies: ["a", "b"].map(declared).to_vec(), ..provenance() };
    let mut writer = RunWriter::create(dir, &provenance).unwrap();
    writer.append_sample(&sample("a", 0, 0)).unwrap();
    writer.append_sample(&failure("b", 0, 0, "no")).unwrap();
    writer.append_machine(&machine(0, 0)).unwrap();
    writer.finish(&[cell("a")], provenance).unwrap();
}

#[test]
fn a_folder_of_its_own_holds_rows_as_they_were_written() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("verify");
    let verdicts =
        [Verdict::Verified, Verdict::Violated, Verdict::Undecided, Verdict::NotApplicable, Verdict::Detected];
    let rows = verdicts.map(|verdict| Semantics { verdict, ..row("a", verdict.name()) });
    let file = Semantics::write(&out, &rows).unwrap();
    assert_eq!(Semantics::read(&out).unwrap(), rows);
    let text = fs::read_to_string(file).unwrap();
    for verdict in verdicts {
        assert!(text.contains(&format!(",linearizable,{},3,", verdict.name())), "{text}");
    }
}

#[test]
fn a_run_holds_the_newest_row_of_each_strategy_and_check() {
    let dir = tempfile::tempdir().unwrap();
    finished(dir.path());
    assert_eq!(Run::read(dir.path()).unwrap().semantics, []);
    Semantics::put(dir.path(), &[row("b", "histories"), row("b", "counters")]).unwrap();
    let newer = Semantics { verdict: Verdict::Violated, ..row("b", "counters") };
    Semantics::put(dir.path(), &[newer.clone(), row("a", "histories")]).unwrap();
    // In the order of the run's strategies.
    assert_eq!(Run::read(dir.path()).unwrap().semantics, [row("a", "histories"), row("b", "histories"), newer]);
    let mut names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort_unstable();
    assert_eq!(names, ["cells.csv", "machine.csv", "provenance.json", "samples.csv", "semantics.csv"]);
}

#[test]
fn what_the_run_did_not_measure_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    finished(dir.path());
    let before = fs::read(dir.path().join(PROVENANCE)).unwrap();
    let other = Semantics { version: "1.2.4".to_owned(), ..row("a", "histories") };
    for (row, expected) in [
        (row("c", "histories"), "the run has no strategy \"c\""),
        (other, "the run measured a with version 1.2.3 of upstream, but version 1.2.4 was verified"),
    ] {
        let error = Semantics::put(dir.path(), &[row]).unwrap_err().to_string();
        assert!(error.ends_with(expected), "{error}");
    }
    assert_eq!(fs::read(dir.path().join(PROVENANCE)).unwrap(), before);
    assert!(!dir.path().join(SEMANTICS).exists() && !dir.path().join(".lock").exists());
}

#[test]
fn only_a_finished_run_takes_rows() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Semantics::put(dir.path(), &[]), Err(Error::NoRun(_))));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    drop(RunWriter::create(dir.path(), &provenance()).unwrap());
    assert!(matches!(Semantics::put(dir.path(), &[]), Err(Error::Unfinished(_))));
}

#[test]
fn a_run_is_not_begun_beside_rows() {
    let dir = tempfile::tempdir().unwrap();
    Semantics::write(dir.path(), &[row("a", "histories")]).unwrap();
    assert!(matches!(RunWriter::create(dir.path(), &provenance()), Err(Error::Exists(_))));
}

#[test]
fn rows_that_were_changed_are_refused_until_they_are_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    finished(dir.path());
    Semantics::put(dir.path(), &[row("a", "histories"), row("b", "histories")]).unwrap();
    let file = dir.path().join(SEMANTICS);
    fs::write(&file, fs::read_to_string(&file).unwrap().replace("verified", "violated")).unwrap();
    let error = Run::read(dir.path()).unwrap_err().to_string();
    assert!(error.contains("semantics.csv: its SHA-256 is not the one in provenance.json"), "{error}");
    Semantics::put(dir.path(), &[row("a", "histories")]).unwrap();
    assert_eq!(Run::read(dir.path()).unwrap().semantics, [row("a", "histories")], "nothing changed is carried on");
    fs::remove_file(&file).unwrap();
    assert!(Run::read(dir.path()).unwrap_err().to_string().contains("semantics.csv: its SHA-256"));
}

#[test]
fn what_is_no_such_file_is_refused_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let write = |rows: &[Semantics]| Semantics::write(dir.path(), rows);
    let error = write(&[Semantics { check: String::new(), ..row("a", "") }]).unwrap_err().to_string();
    assert!(error.contains("a row of strategy \"a\", check \"\" is not written: `check` is empty"), "{error}");
    let file = write(&[row("a", "histories")]).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    let (header, rows) = text.split_once("\r\n").unwrap();
    for (changed, expected) in [
        (format!("{text}{rows}"), "semantics.csv, line 4: the row of line 2 again; `mapbench verify` writes"),
        (text.replace(",verified,", ",fine,"), "semantics.csv, line 2: unknown variant `fine`"),
        (text.replace(",3,", ",-3,"), "semantics.csv, line 2: the column `histories`: invalid digit"),
        (format!("{header}\r\na,1.2.3"), "semantics.csv, line 2: the last line is torn; `mapbench verify` writes"),
        (text.replace("check,", ""), "semantics.csv, line 1: the column `check` is missing"),
        (String::new(), "semantics.csv, line 1: the header is missing; `mapbench verify` writes"),
    ] {
        fs::write(&file, changed).unwrap();
        let error = Semantics::read(dir.path()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}\nexpected {expected}");
    }
}
