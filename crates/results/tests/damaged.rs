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

/// The same, with maps that grew and flame graphs.
fn grown(dir: &Path) {
    let mut provenance = provenance();
    provenance.plan.growth = Some(GrowthPlan { forks: 2 });
    provenance.plan.profile_cpu = Some(ProfilePlan { hertz: 499, slice_ns: 1_000 });
    let mut writer = RunWriter::create(dir, &provenance).unwrap();
    let group = sample("a", 0, 0).group();
    let step = |step, entries: u64| Growth {
        step,
        entries: Some(entries),
        at_ns: Some(entries + 5),
        took_ns: Some(5),
        longest_ns: Some(3),
        held_bytes: Some(16 * entries),
        ..Growth::unmeasured(&group, "a", 0, Status::Ok)
    };
    writer.append_growth(&[step(0, 0), step(1, 1_024), step(2, 1_500)]).unwrap();
    let drawn = FlameGraph { samples: Some(7), ..FlameGraph::missing(&group, "a", Status::Ok, String::new()) };
    writer.append_profile(&drawn, "<svg/>").unwrap();
    let missing = FlameGraph::missing(&group, "b", Status::NotApplicable, "none, \"so\"".to_owned());
    writer.append_profile(&missing, "").unwrap();
    writer.finish(&[cell("a"), cell("b")], provenance).unwrap();
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
    for name in [SAMPLES, MACHINE, CELLS, GROWTH, PROFILES].into_iter().filter(|name| dir.join(name).exists()) {
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

fn verdict(dir: &Path) {
    let side = GateSide {
        executable_sha256: "ab12".to_owned(),
        version: "1".to_owned(),
        strategy: None,
        label: "base".to_owned(),
    };
    let cell = GateCell {
        cell: "sweep/read-90/threads-2/a".to_owned(),
        verdict: GateVerdict::Inconclusive,
        change: Some(1.02),
        low: Some(1.01),
        high: Some(1.1),
        p: Some(0.1),
        confirmed_p: None,
        rounds: 8,
        floor_pct: 1.0,
        budget_pct: 5.0,
        reason: "said, \"so\"".to_owned(),
        control: None,
        instructions: Some(Instructions { base: 400.0, candidate: 401.5 }),
        transfers: Some(Transfers { cores: 8, base: 0.5, candidate: 0.6, most: 0.7 }),
    };
    let result = GateResult {
        schema_version: GATE_SCHEMA_VERSION,
        mapbench_version: "1".to_owned(),
        started: "2026-01-01T00:00:00Z".to_owned(),
        finished: "2026-01-01T00:10:00Z".to_owned(),
        command: vec!["mapbench".to_owned()],
        verdict: GateVerdict::Pass,
        reason: "why".to_owned(),
        advisory: false,
        base: side.clone(),
        candidate: side,
        host: provenance().host,
        alpha: 0.01,
        seed: 7,
        seconds: 600.5,
        looks: vec![8, 12],
        cells: vec![cell],
        only_in_base: Vec::new(),
        only_in_candidate: Vec::new(),
        notes: Vec::new(),
    };
    fs::write(dir.join("gate.json"), result.to_json().unwrap()).unwrap();
}

fn self_test(dir: &Path) {
    let row = |suite| SelfTestRow {
        method: "mapbench".to_owned(),
        condition: "idle".to_owned(),
        planted: "any".to_owned(),
        planted_pct: 2.0,
        suite,
        cell: "sweep/read-90/threads-2/a".to_owned(),
        rounds: 40,
        suite_seconds: 480.5,
        verdict: GateVerdict::Fail,
        change_pct: Some(2.1),
        p: Some(0.001),
        confirmed_p: None,
        alpha: Some(0.002),
    };
    write_self_test(dir, &[row(0), row(1), row(2)], &[]).unwrap();
}

fn claims(dir: &Path) {
    let row = |case: &str| ClaimRow {
        claim: "c".to_owned(),
        statement: "said, \"so\"".to_owned(),
        source: "s".to_owned(),
        case: case.to_owned(),
        judged: true,
        quantity: "throughput".to_owned(),
        implied: "2x".to_owned(),
        subject: "a".to_owned(),
        reference: "b".to_owned(),
        threads: 2,
        cores: 2,
        cores_implied: Some(16),
        measured: Some(1.5),
        measured_low: Some(1.4),
        measured_high: Some(1.6),
        unit: "ratio".to_owned(),
        subject_value: Some(3e6),
        reference_value: None,
        value_unit: "ops/s".to_owned(),
        samples: 7,
        verdict: ClaimVerdict::DirectionOnly,
        why: "because".to_owned(),
        detail: String::new(),
        seed: 1,
        finished: "2026-01-01T00:00:00Z".to_owned(),
    };
    ClaimRow::write(dir, &[row("a"), row("b")]).unwrap();
}

fn forecast(dir: &Path) {
    let expected = Expected { strategy: "a".to_owned(), ops_s: 1.5e9, ..Expected::default() };
    let run = ForecastRun { expected: vec![expected.clone(), expected], ..ForecastRun::default() };
    run.write(dir).unwrap();
}

#[test]
fn a_gates_verdict_that_was_damaged() {
    each_is_read_or_refused(verdict, "gate.json", |dir| GateResult::read(&dir.join("gate.json")));
}

#[test]
fn a_self_test_that_was_damaged() {
    each_is_read_or_refused(self_test, SELF_TEST, read_self_test);
}

#[test]
fn claims_that_were_damaged() {
    each_is_read_or_refused(claims, CLAIMS, ClaimRow::read);
}

#[test]
fn forecasts_that_were_damaged() {
    each_is_read_or_refused(forecast, FORECAST, ForecastRun::read);
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
fn growth_that_was_damaged() {
    each_is_read_or_refused(grown, GROWTH, run_as_it_is);
}

#[test]
fn profiles_that_were_damaged() {
    each_is_read_or_refused(grown, PROFILES, run_as_it_is);
}

#[test]
fn verdicts_that_were_damaged() {
    each_is_read_or_refused(verdicts, SEMANTICS, Semantics::read);
}

#[test]
fn gate_slices_that_were_damaged() {
    each_is_read_or_refused(slices, GATE_SLICES, read_gate_slices);
}
