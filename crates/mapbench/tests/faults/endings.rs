//! Every fault, in everything that measures.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use mapbench_results::{ClaimRow, ClaimVerdict, GateResult, GateVerdict, Run, Semantics, Status, Verdict};

use crate::processes::Mark;
use crate::strategies::{SOUND, names};

/// What a sweep says of each, and a part of its message.
const STATUSES: [(&str, Status, &str); 13] = [
    ("panics", Status::Panicked, "at write 100"),
    ("aborts", Status::Aborted, "aborted"),
    ("segfaults", Status::Signalled, "ended by signal 11"),
    ("loops", Status::TimedOut, "no answer within 1 s; killed"),
    ("deadlocks", Status::TimedOut, "no answer within 1 s; killed"),
    ("hoards", Status::OutOfMemory, "its budget is 96 MiB"),
    ("lies", Status::WrongAnswer, "prefill + inserted - removed is"),
    ("garbles", Status::ProtocolError, "which is no event"),
    ("prints", Status::ProtocolError, "said \"hello\", which is no event"),
    ("exits", Status::ProtocolError, "exited with code 0 without a word"),
    ("ignores-term", Status::TimedOut, "no answer within 1 s; killed"),
    ("leaves-threads", Status::Ok, ""),
    ("std-mutex", Status::Ok, ""),
];

const LIMITS: &str = "--patience 1 --memory-mib 96";

pub(crate) fn a_sweep_goes_on_after_every_fault() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let output = Mark::new().output(&format!(
        "run --profile smoke --strategy {},std-mutex --read-pct 50 --threads 2 {LIMITS} --out {}",
        names(),
        out.display()
    ));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let [said, warned] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    let run = Run::read(&out).unwrap();
    let cells: HashMap<&str, _> = run.cells.iter().map(|cell| (cell.strategy.as_str(), cell)).collect();
    for (name, status, message) in STATUSES {
        let cell = cells[name];
        assert_eq!(cell.status, status, "{name}: {}", cell.message);
        assert!(cell.message.contains(message), "{name}: {}", cell.message);
        let rows: Vec<_> = run.samples.iter().filter(|sample| sample.strategy == name).collect();
        assert_eq!(rows.len(), 1, "{name}: {rows:?}");
        assert_eq!(rows[0].status, status, "{name}: {rows:?}");
        assert_eq!(cell.throughput_ops_s.is_some(), status == Status::Ok, "{name}: {cell:?}");
        let at_once = format!("{name}, ratio-sweep, 50 % reads, threads 2: {status}: ");
        let at_the_end = format!("warning: {name} under ratio-sweep at 50 % reads on 2 threads: ");
        assert_eq!(warned.contains(&at_once), status != Status::Ok, "{warned}");
        assert_eq!(said.contains(&at_the_end), status != Status::Ok, "{said}");
    }
    assert_eq!(cells.len(), STATUSES.len());
}

pub(crate) fn verify_goes_on_after_every_fault() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("found");
    let output = Mark::new().output(&format!(
        "verify --strategy {},std-mutex --check counters --seconds 1 --threads 2 {LIMITS} --out {}",
        names(),
        out.display()
    ));
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let rows = Semantics::read(&out).unwrap();
    assert_eq!(rows.len(), STATUSES.len());
    for row in &rows {
        let (name, status, _) = STATUSES.iter().find(|(name, ..)| *name == row.strategy).unwrap();
        let expected = match status {
            Status::Ok => Verdict::Verified,
            Status::OutOfMemory => Verdict::Undecided,
            _ => Verdict::Violated,
        };
        assert_eq!(row.verdict, expected, "{name}: {row:?}");
        let detail = match status {
            Status::TimedOut => "hung: no answer within 2 s; killed",
            Status::OutOfMemory => "its budget is 96 MiB",
            Status::Aborted => "ended without an answer: aborted",
            Status::Signalled => "ended without an answer: ended by signal 11",
            _ => "",
        };
        assert!(row.detail.contains(detail), "{name}: {row:?}");
    }
}

/// The base is the same program with every fault switched off.
pub(crate) fn a_gate_goes_on_after_every_fault() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (base, out, budget) = (path("base.sh"), path("gate"), path("gate.toml"));
    let this = std::env::current_exe().unwrap();
    fs::write(&base, format!("#!/bin/sh\n{SOUND}=1 exec '{}' \"$@\"\n", this.display())).unwrap();
    fs::set_permissions(&base, fs::Permissions::from_mode(0o755)).unwrap();
    // So small an alpha that no noise can fail a cell.
    fs::write(&budget, "alpha = 1e-9\nminutes = 0.05\n").unwrap();
    let output = Mark::new().output(&format!(
        "gate --base {base} --candidate {} --strategy {},std-mutex --budget {budget} --read-pct 50 --threads 2 \
         --slice-ms 1 --no-instructions {LIMITS} --out {out}",
        this.display(),
        names()
    ));
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let result = GateResult::read(&dir.path().join("gate/gate.json")).unwrap();
    assert_eq!(result.cells.len(), STATUSES.len());
    for (name, status, message) in STATUSES {
        let cell = result.cells.iter().find(|cell| cell.cell.ends_with(&format!("/{name}"))).unwrap();
        if status == Status::Ok {
            assert_ne!(cell.verdict, GateVerdict::Fail, "{cell:?}");
            assert!(cell.rounds > 0, "{cell:?}");
        } else {
            assert_eq!(cell.verdict, GateVerdict::Fail, "{cell:?}");
            let expected = format!("the candidate was not measured, {status}: ");
            assert!(cell.reason.starts_with(&expected) && cell.reason.contains(message), "{cell:?}");
        }
    }
}

/// A claim about each: it cannot be tested, for the reason that its worker met.
pub(crate) fn claims_go_on_after_every_fault() {
    let dir = tempfile::tempdir().unwrap();
    let (file, out) = (dir.path().join("claim.toml"), dir.path().join("claims"));
    let mut claim = CLAIM.to_owned();
    for (name, ..) in STATUSES.iter().filter(|(name, ..)| *name != "std-mutex") {
        claim += &format!("[[throughput.case]]\nname = \"{name}\"\nsubject = \"{name}\"\n");
    }
    fs::write(&file, claim).unwrap();
    let output =
        Mark::new().output(&format!("claims --claim {} --quick {LIMITS} --out {}", file.display(), out.display()));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let rows = ClaimRow::read(&out).unwrap();
    assert_eq!(rows.len(), STATUSES.len() - 1);
    for row in &rows {
        let (name, status, message) = STATUSES.iter().find(|(name, ..)| *name == row.case).unwrap();
        assert_eq!(row.subject, *name);
        if *status == Status::Ok {
            assert!(row.measured.is_some(), "{row:?}");
        } else {
            assert_eq!((row.verdict, row.measured), (ClaimVerdict::CannotBeTested, None), "{row:?}");
            assert!(row.why.contains(&status.to_string()) && row.why.contains(message), "{row:?}");
        }
    }
}

const CLAIM: &str = r#"
name = "faults"
statement = "a faulty map is as fast as a sound one"
source = "nobody"
workloads = ['''
name = "faults"
question = "Does the rest go on?"
source = "ours"
population = 1_000
key_range = 2_000
read_pct = [50]
[writes]
insert = 50
remove = 50
''']
[implied]
at_least = 0.5
[throughput]
reference = "std-mutex"
threads = 2
"#;
