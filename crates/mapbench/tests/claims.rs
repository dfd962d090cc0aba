//! `mapbench claims`, from outside.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use mapbench_results::{ClaimRow, ClaimVerdict, Run};

fn mapbench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mapbench")).arg("claims").args(arguments).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Tests claims quickly into a directory of its own.
fn tested(dir: &Path, arguments: &[&str]) -> (Output, Vec<ClaimRow>) {
    let out = dir.join("claims");
    let output = mapbench(&[&["--quick", "--out", out.to_str().unwrap()], arguments].concat());
    let rows = ClaimRow::read(&out).unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)));
    (output, rows)
}

#[test]
fn every_claim_is_listed() {
    let output = mapbench(&["--list"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let list = text(&output.stdout);
    for name in ["race-is-fatal", "rust-refuses", "lost-update", "lock-granularity-reads", "flurry-exchange"] {
        assert!(list.contains(&format!("{name}\n    ")), "{list}");
    }
    assert!(list.contains("made with 16 cores") && list.contains("throughput: 4.80 to 10.8"), "{list}");
}

#[test]
fn updates_are_lost_by_halves_and_none_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (output, rows) = tested(dir.path(), &["--claim", "lost-update"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(rows.len(), 9);
    for row in &rows {
        let lost = row.measured.unwrap();
        assert!(if row.case.starts_with("get") { lost > 0.0 } else { lost == 0.0 }, "{}: {lost}", row.case);
        assert_eq!(row.verdict, ClaimVerdict::Reproduced, "{}: {}", row.case, row.why);
    }
    assert!(text(&output.stdout).contains("  lost-update"), "{}", text(&output.stdout));
}

#[test]
fn overlaps_are_detected_for_sure_only_without_end() {
    let dir = tempfile::tempdir().unwrap();
    let (_, rows) = tested(dir.path(), &["--claim", "race-is-fatal,single-thread-is-safe,rust-refuses"]);
    let row = |case: &str| rows.iter().find(|row| row.case.starts_with(case)).unwrap();
    assert_eq!(row("reads against writes").measured, Some(1.0));
    assert!(row("reads against writes").detail.contains("concurrent map"), "{:?}", row("reads"));
    for case in ["one thread that", "four threads that read,", "four threads that read and"] {
        assert_eq!((row(case).measured, row(case).verdict), (Some(0.0), ClaimVerdict::Reproduced), "{case}");
    }
    let refused: Vec<_> = rows.iter().filter(|row| row.claim == "rust-refuses").collect();
    assert!(refused.len() == 3 && refused.iter().all(|row| row.verdict == ClaimVerdict::Reproduced), "{refused:?}");
}

const OWN: &str = r#"name = "own"
statement = "a map that is copied for every write is slower than one with a lock"
source = "this test"
workloads = ['''
name = "writes"
question = "?"
source = "this test"
population = 20_000
key_range = 20_000
read_pct = [0]
[writes]
insert = 100
''']
[implied]
at_most = 0.9
[throughput]
subject = "arc-swap-cow"
reference = ["std-mutex", "std-rwlock"]
threads = 1
[[throughput.case]]
name = "one thread"
"#;

#[test]
fn a_claim_from_a_file_is_measured_and_its_slices_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("own.toml");
    std::fs::write(&file, OWN).unwrap();
    let (output, rows) = tested(dir.path(), &["--claim", file.to_str().unwrap(), "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((&*row.claim, &*row.subject, &*row.unit), ("own", "arc-swap-cow", "ratio"));
    assert!(row.measured.is_some_and(|ratio| ratio > 0.0), "{row:?}");
    let run = Run::read(&dir.path().join("claims/own")).unwrap();
    assert_eq!(run.samples.len(), 3 * run.provenance.plan.forks as usize, "three strategies, one round a fork");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["claims"][0]["name"], "own");
    assert_eq!(json["strategies"].as_array().unwrap().len(), 2);
    for file in ["claims.md", "report.html"] {
        let written = std::fs::read_to_string(dir.path().join("claims").join(file)).unwrap();
        assert!(written.contains("a map that is copied for every write"), "{file}");
    }
}

#[test]
fn a_claim_is_measured_on_as_long_as_it_is_undecided() {
    let dir = tempfile::tempdir().unwrap();
    // Two locks that are about as fast.
    let own =
        OWN.replace("arc-swap-cow", "std-mutex").replace("[\"std-mutex\", \"std-rwlock\"]", "\"parking-lot-mutex\"");
    let forks = |name: &str, implied: &str| {
        let file = dir.path().join(format!("{name}.toml"));
        let named = own.replace("name = \"own\"", &format!("name = \"{name}\""));
        std::fs::write(&file, named.replace("at_most = 0.9", implied)).unwrap();
        let (output, rows) = tested(&dir.path().join(name), &["--claim", file.to_str().unwrap()]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let run = Run::read(&dir.path().join(name).join("claims").join(name)).unwrap();
        let last = run.samples.iter().map(|sample| sample.fork).max().unwrap();
        assert_eq!(last + 1, run.provenance.plan.forks);
        (rows[0].verdict, run.provenance.plan.forks)
    };
    // Any ratio is, and the interval of two forks that other work disturbed reaches over many powers of ten.
    assert_eq!(forks("wide", "at_least = 1e-300\nat_most = 1e300"), (ClaimVerdict::Reproduced, 2));
    // Hardly any interval of two forks is all outside, and none inside.
    let (verdict, measured) = forks("narrow", "at_least = 0.9999999\nat_most = 1.0000001");
    assert!(measured == 3 || (verdict, measured) == (ClaimVerdict::Refuted, 2), "{verdict} after {measured} forks");
}

#[test]
fn latency_memory_and_growth_are_measured() {
    let dir = tempfile::tempdir().unwrap();
    let names = "lock-granularity-latency,snapshot-memory,lock-free-read-allocations,pause-longest,papaya-tail";
    let (output, rows) = tested(dir.path(), &["--claim", names]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let of = |claim: &str| rows.iter().filter(|row| row.claim == claim).collect::<Vec<_>>();
    for name in ["lock-granularity-latency", "snapshot-memory", "pause-longest", "papaya-tail"] {
        let own = of(name);
        // On a machine that other work keeps busy a fork may get nothing done in a slice as short as these.
        let starved = ["too few slices to compare", "did not keep up with the rate"];
        let told = |row: &&ClaimRow| row.measured.is_some() || starved.iter().any(|why| row.why.contains(why));
        assert!(own.iter().any(|row| row.judged) && own.iter().all(told), "{own:?}");
    }
    let copied = of("snapshot-memory")[0];
    assert_eq!((&*copied.value_unit, copied.verdict), ("bytes", ClaimVerdict::Reproduced), "{copied:?}");
    let reads = of("lock-free-read-allocations");
    assert!(reads.len() > 15, "{reads:?}");
    let judged: Vec<_> = reads.iter().filter(|row| row.judged).collect();
    let [one] = judged.as_slice() else { panic!("{judged:?}") };
    assert_eq!((&*one.subject, one.verdict), ("arc-swap-cow", ClaimVerdict::Reproduced), "{one:?}");
    assert!(one.why.starts_with("none of ") && one.measured < Some(0.01), "{one:?}");
}

#[test]
fn a_verdict_that_differs_ends_with_one() {
    let dir = tempfile::tempdir().unwrap();
    let expect = dir.path().join("expect.toml");
    let expecting = |verdict: &str, out: &str| {
        std::fs::write(&expect, format!("[verdicts]\nrust-refuses = \"{verdict}\"\n")).unwrap();
        let (output, _) =
            tested(&dir.path().join(out), &["--claim", "rust-refuses", "--expect", expect.to_str().unwrap()]);
        (output.status.code(), text(&output.stderr))
    };
    assert_eq!(expecting("reproduced", "a").0, Some(0));
    let (code, said) = expecting("refuted", "b");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("mapbench: rust-refuses: expected refuted, found reproduced: "), "{said}");
    std::fs::write(&expect, "[verdicts]\nrust-refuse = \"refuted\"\n").unwrap();
    let wrong = mapbench(&["--expect", expect.to_str().unwrap()]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stderr).contains("there is no claim `rust-refuse`; did you mean `rust-refuses`?"));
}

#[test]
fn bad_input_is_refused_before_anything_is_measured() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bad.toml");
    std::fs::write(&file, OWN.replace("arc-swap-cow", "arc-swap-cw")).unwrap();
    let said = |arguments: &[&str]| {
        let output = mapbench(arguments);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
        text(&output.stderr)
    };
    let bad = said(&["--claim", file.to_str().unwrap()]);
    assert!(
        bad.contains("bad.toml: line 17, column 11: unknown strategy `arc-swap-cw`; did you mean `arc-swap-cow`?"),
        "{bad}"
    );
    let unknown = said(&["--claim", "lost-updates"]);
    assert!(unknown.contains("unknown claim `lost-updates`; did you mean `lost-update`?"), "{unknown}");
    std::fs::write(dir.path().join("claims.csv"), "").unwrap();
    let full = said(&["--out", dir.path().to_str().unwrap()]);
    assert!(full.contains("holds claims already"), "{full}");
}

/// Tests claims until a scenario is being run, interrupts that, and gives what was said.
#[cfg(target_os = "linux")]
fn interrupted(claims: &str, out: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mapbench"));
    command.args(["claims", "--claim", claims, "--out", out.to_str().unwrap()]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    let command_of = |process: &str| std::fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default();
    let began = Instant::now();
    while !std::fs::read_to_string(&children).unwrap().split_whitespace().any(|one| command_of(one).contains("worker"))
    {
        assert!(began.elapsed() < Duration::from_secs(60), "waited a minute for a worker");
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    text(&output.stderr)
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_is_heeded_between_scenarios_and_what_is_kept_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let (nothing, first) = (dir.path().join("nothing"), dir.path().join("first"));
    let said = interrupted("lost-update", &nothing);
    assert!(
        said.ends_with("\nmapbench: interrupted; nothing was measured to its end, and nothing is kept\n"),
        "{said}"
    );
    assert!(!nothing.exists());
    let said = interrupted("rust-refuses,lost-update", &first);
    let kept = format!("\nmapbench: interrupted; what was measured is kept in {}\n", first.display());
    assert!(said.ends_with(&kept), "{said}");
    assert!(ClaimRow::read(&first).unwrap().iter().all(|row| row.claim == "rust-refuses"));
}
