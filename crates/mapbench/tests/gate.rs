//! `mapbench gate` as a user meets it. Verdicts that hang on timing are not asserted: those of broken candidates, of
//! cells that vanish and of mistakes are.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use mapbench_results::{GateResult, GateVerdict, Status, read_gate_slices, read_self_test};
use tempfile::TempDir;

const EXE: &str = env!("CARGO_BIN_EXE_mapbench");

/// One cell, short slices, and so small an alpha that no noise can fail it.
struct Gate {
    dir: TempDir,
}

impl Gate {
    fn new() -> Self {
        let gate = Self { dir: tempfile::tempdir().unwrap() };
        gate.file("gate.toml", "alpha = 1e-9\nminutes = 0.03\n");
        gate
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// A worker played by a shell script: `open` is what it does with anything but `describe`.
    fn script(&self, describe: &str, open: &str) -> PathBuf {
        let text =
            format!("#!/bin/sh\nread -r line\ncase \"$line\" in\n*describe*) {describe} ;;\n*) {open} ;;\nesac\n");
        let path = self.file("candidate.sh", &text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::new(EXE);
        command.args(["gate", "--read-pct", "90", "--threads", "1", "--slice-ms", "1", "--no-instructions"]);
        if !words.contains(&"--budget") {
            command.arg("--budget").arg(self.path("gate.toml"));
        }
        command.args(words).output().unwrap()
    }

    /// Gates this program against `candidate`; `words` may say more.
    fn against(&self, candidate: &Path, words: &[&str]) -> (Option<i32>, GateResult, String) {
        let (out, candidate) = (self.path("out"), candidate.to_str().unwrap());
        let mut all = vec!["--base", EXE, "--candidate", candidate, "--out", out.to_str().unwrap()];
        all.extend(words);
        let output = self.run(&all);
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let result = GateResult::read(&out.join("gate.json")).unwrap_or_else(|error| panic!("{error}\n{said}"));
        (output.status.code(), result, said)
    }

    fn refused(&self, words: &[&str], expected: &str) {
        let output = self.run(words);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {stderr}");
        assert!(stderr.contains(expected), "{words:?}: {stderr}");
        assert_eq!((stderr.lines().count(), output.stdout.len()), (1, 0), "{words:?}: {stderr}");
    }
}

fn describe(strategies: &str) -> String {
    format!("echo '{{\"event\":\"described\",\"protocol\":5,\"version\":\"1\",\"strategies\":[{strategies}]}}'")
}

#[test]
fn the_same_program_does_not_fail_and_leaves_everything_it_measured() {
    let gate = Gate::new();
    let (code, result, said) = gate.against(Path::new(EXE), &["--strategy", "std-mutex,checked"]);
    assert!(matches!(code, Some(0 | 3)), "{said}");
    assert_ne!(result.verdict, GateVerdict::Fail);
    let cells: Vec<&str> = result.cells.iter().map(|cell| cell.cell.as_str()).collect();
    assert_eq!(cells, ["ratio-sweep/read-90/threads-1/std-mutex", "ratio-sweep/read-90/threads-1/checked"]);
    assert!(result.cells.iter().all(|cell| cell.rounds >= 1 && cell.instructions.is_none()), "{result:?}");
    assert_eq!(result.base.executable_sha256, result.candidate.executable_sha256);
    assert!(said.contains("std-mutex"), "{said}");

    let slices = read_gate_slices(&gate.path("out")).unwrap();
    let rounds: u32 = result.cells.iter().map(|cell| cell.rounds).sum();
    let screening = slices.iter().filter(|slice| slice.stage == "screening").count();
    assert_eq!(screening as u32, 6 * rounds, "two slices of three arms a visit");
    assert!(slices.iter().all(|slice| slice.status == Status::Ok && slice.time_per_op_fs.is_some()));
    for arm in ["base", "control", "candidate"] {
        assert_eq!(slices.iter().filter(|slice| slice.arm == arm).count(), slices.len() / 3);
    }
    // Base, control and candidate turn: none of them is always first.
    let first: std::collections::HashSet<&str> =
        slices.iter().filter(|slice| slice.position == 0).map(|slice| slice.arm.as_str()).collect();
    assert!(rounds < 12 || first.len() == 3, "{first:?}");
    for file in ["gate.md", "junit.xml"] {
        assert!(fs::read_to_string(gate.path("out").join(file)).unwrap().contains("std-mutex"), "{file}");
    }
}

#[test]
fn two_strategies_are_one_cell() {
    let gate = Gate::new();
    let words = ["--strategy", "std-mutex", "--vs", "std-rwlock", "--out"];
    let out = gate.path("out");
    let output = gate.run(&[&words[..], &[out.to_str().unwrap(), "--json"]].concat());
    let result: GateResult = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result.cells[0].cell, "ratio-sweep/read-90/threads-1/std-rwlock-vs-std-mutex");
    assert_eq!(result.base.strategy.as_deref(), Some("std-mutex"));
    assert_eq!(result.candidate.strategy.as_deref(), Some("std-rwlock"));
}

#[test]
fn a_candidate_that_crashes_fails_its_cell_and_no_other() {
    let gate = Gate::new();
    let open = format!(
        "case \"$line\" in *std-rwlock*) kill -SEGV $$ ;; *) {{ echo \"$line\"; cat; }} | {EXE} worker ;; esac"
    );
    let candidate = gate.script(&describe("\"std-mutex\",\"std-rwlock\""), &open);
    let (code, result, said) = gate.against(&candidate, &["--strategy", "std-mutex,std-rwlock"]);
    assert_eq!(code, Some(1), "{said}");
    let of = |strategy: &str| result.cells.iter().find(|cell| cell.cell.ends_with(strategy)).unwrap();
    assert_eq!(of("/std-rwlock").verdict, GateVerdict::Fail);
    assert!(of("/std-rwlock").reason.contains("signalled: ended by signal 11"), "{}", of("/std-rwlock").reason);
    assert_ne!(of("/std-mutex").verdict, GateVerdict::Fail);
    assert!(of("/std-mutex").rounds > 0, "the rest is measured");
    assert!(said.contains("1 cell could not be measured of the candidate"), "{said}");
}

#[test]
fn a_candidate_that_hangs_fails_its_cell() {
    let gate = Gate::new();
    let candidate = gate.script(&describe("\"std-mutex\""), "exec sleep 60");
    let (code, result, said) = gate.against(&candidate, &["--strategy", "std-mutex", "--patience", "1"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(result.cells[0].reason.contains("timed out: no answer within 1 s"), "{}", result.cells[0].reason);
}

#[test]
fn a_cell_that_vanishes_fails_unless_it_may() {
    let gate = Gate::new();
    let worker = format!("{{ echo \"$line\"; cat; }} | {EXE} worker");
    let candidate = gate.script(&describe("\"std-mutex\",\"brand-new\""), &worker);
    let strategies = ["--strategy", "std-mutex,std-rwlock,brand-new"];
    let (code, result, said) = gate.against(&candidate, &strategies);
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(result.only_in_base, ["ratio-sweep/read-90/threads-1/std-rwlock"]);
    assert_eq!(result.only_in_candidate, ["ratio-sweep/read-90/threads-1/brand-new"]);
    assert!(result.reason.contains("1 cell vanished, as ratio-sweep/read-90/threads-1/std-rwlock"), "{said}");

    fs::remove_dir_all(gate.path("out")).unwrap();
    gate.file("gate.toml", "alpha = 1e-9\nminutes = 0.03\n[[cell]]\nmatch = \"*/std-rwlock\"\nallow_missing = true\n");
    let (code, _, said) = gate.against(&candidate, &strategies);
    assert!(matches!(code, Some(0 | 3)), "{said}");
}

#[test]
fn an_earlier_run_is_compared_by_ratios_and_another_machine_is_advice() {
    let gate = Gate::new();
    let before = gate.path("before");
    let before = before.to_str().unwrap();
    let measured = Command::new(EXE)
        .args(["run", "--profile", "quick", "--strategy", "std-mutex,std-rwlock,frozen"])
        .args(["--read-pct", "90,100", "--threads", "1", "--out", before])
        .output()
        .unwrap();
    assert!(measured.status.success(), "{}", String::from_utf8_lossy(&measured.stderr));
    let compare = |out: &str, more: &[&str]| {
        let (out, budget) = (gate.path(out), gate.path("gate.toml"));
        let output = Command::new(EXE)
            .args(["gate", "--against", before, "--out", out.to_str().unwrap(), "--budget"])
            .arg(&budget)
            .args(more)
            .output()
            .unwrap();
        (output, GateResult::read(&out.join("gate.json")))
    };
    let (output, result) = compare("same", &[]);
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let result = result.unwrap_or_else(|error| panic!("{error}\n{said}"));
    assert!(matches!(output.status.code(), Some(0 | 3)), "{said}");
    // The control is compared with nothing; frozen takes no writes.
    let cells: Vec<&str> = result.cells.iter().map(|cell| cell.cell.as_str()).collect();
    let expected = ["read-90/threads-1/std-rwlock", "read-100/threads-1/std-rwlock", "read-100/threads-1/frozen"];
    assert_eq!(cells, expected.map(|cell| format!("ratio-sweep/{cell}")));
    assert!(!result.advisory && result.cells.iter().all(|cell| cell.rounds == 5 && cell.change.is_some()), "{said}");
    assert!(result.base.executable_sha256.is_empty() && !result.candidate.executable_sha256.is_empty());
    assert!(said.contains("ratio-sweep/read-90/threads-1/frozen: not gated, in the earlier run n/a"), "{said}");

    let (output, _) = compare("unknown", &["--control", "dashmap"]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && stderr.contains("unknown strategy `dashmap`"), "{stderr}");

    // The same rows from another processor.
    let file = Path::new(before).join("provenance.json");
    let text = fs::read_to_string(&file).unwrap();
    let cpu = serde_json::from_str::<serde_json::Value>(&text).unwrap()["host"]["cpu"].as_str().unwrap().to_owned();
    fs::write(&file, text.replace(&format!("\"cpu\": \"{cpu}\""), "\"cpu\": \"Another\"")).unwrap();
    let (output, result) = compare("other", &["--strategy", "std-rwlock"]);
    let result = result.unwrap();
    assert!(result.advisory && matches!(output.status.code(), Some(0 | 3)));
    let note = format!("not the same machine and build: processor was `Another` and is `{cpu}`");
    assert!(result.notes.contains(&note), "{:?}", result.notes);
}

/// A simulator played by a shell script: what it counts hangs on the strategy alone.
fn simulator(gate: &Gate, name: &str, transfers: u32) -> PathBuf {
    let counted = format!(
        r#"{{"event":"counted","kinds":[{{"strategy":"","workload":"","read_pct":90,"cores":8,"schedule":"","kind":"all","operations":100,"steady":true,"accesses":0,"lines":0,"reads_modified":{transfers},"invalidating_writes":0,"owner_changes":0,"reads_shared":0,"cold":0,"false_sharing":0,"modifies":0,"fences":0,"allocator_calls":0,"sleeps":0}}],"lines":[],"places":[],"lost":0}}"#
    );
    let failed = r#"{"event":"failed","status":"timed_out","message":"a dead lock"}"#;
    let text = format!(
        "#!/bin/sh\necho counted >>\"$0.calls\"\nread -r line\ncase \"$line\" in *parking-lot*) echo '{failed}' ;; *) echo '{counted}' ;; esac\n"
    );
    let path = gate.file(name, &text);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn transfers_that_rise_fail_a_cell_of_several_threads() {
    let gate = Gate::new();
    let [few, many] = [("few", 2), ("many", 90)].map(|(name, transfers)| simulator(&gate, name, transfers));
    let words = |base: &Path, candidate: &Path| {
        let [base, candidate] = [base, candidate].map(|path| path.to_str().unwrap().to_owned());
        [
            "--strategy",
            "std-mutex,parking-lot-mutex",
            "--threads",
            "2,4",
            "--base-simulator",
            &*base,
            "--candidate-simulator",
            &*candidate,
        ]
        .map(str::to_owned)
    };
    let run = |base: &Path, candidate: &Path| {
        let words = words(base, candidate);
        gate.against(Path::new(EXE), &words.each_ref().map(|word| &**word))
    };
    let (code, result, said) = run(&few, &many);
    assert_eq!((code, result.verdict), (Some(1), GateVerdict::Fail), "{said}");
    let of =
        |result: &GateResult, end: &str| result.cells.iter().find(|cell| cell.cell.ends_with(end)).unwrap().clone();
    let contended = of(&result, "threads-2/std-mutex");
    assert!(contended.reason.starts_with("0.900 transfers an operation on 8 virtual cores"), "{}", contended.reason);
    assert_eq!(contended.transfers.map(|counted| (counted.base, counted.candidate)), Some((0.02, 0.9)));
    assert!(result.cells.iter().all(|cell| cell.transfers.is_some() || cell.verdict != GateVerdict::Fail), "{said}");
    assert_eq!(of(&result, "threads-1/std-mutex").transfers, None, "one thread shares nothing");
    let note = "ratio-sweep/read-90/threads-2/parking-lot-mutex: transfers of the base were not counted, timed out: a dead lock";
    assert_eq!(result.notes, [note.to_owned(), note.replace("threads-2", "threads-4")]);
    let calls = fs::read_to_string(gate.path("few.calls")).unwrap();
    assert_eq!(calls.lines().count(), 2, "two strategies, counted once however many threads the cells have");
    assert!(said.contains("2 cells with more transfers of cache lines than allowed, as counted"), "{said}");
    fs::remove_dir_all(gate.path("out")).unwrap();
    let (code, result, said) = run(&many, &few);
    assert_ne!(code, Some(1), "fewer are no harm: {said}");
    assert!(of(&result, "threads-2/std-mutex").transfers.is_some());
}

#[test]
fn too_little_time_is_no_verdict_and_says_how_much_it_needs() {
    let gate = Gate::new();
    let (code, result, said) = gate.against(Path::new(EXE), &["--strategy", "std-mutex", "--minutes", "0.00001"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(result.reason.contains("8 are the fewest") && result.reason.contains("minutes"), "{}", result.reason);
}

#[test]
fn a_self_test_counts_its_suites_and_those_of_its_rivals() {
    let gate = Gate::new();
    let out = gate.path("out");
    let words = ["--self-test", "--suites", "1", "--plant", "50", "--rivals", "--strategy", "dashmap"];
    let output = gate.run(&[&words[..], &["--out", out.to_str().unwrap()]].concat());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    let (rows, _) = read_self_test(&out).unwrap();
    let suites =
        |method: &str, planted: &str| rows.iter().filter(|row| row.method == method && row.planted == planted).count();
    // The short suite and the long one, of which the rivals judge the short one only.
    assert_eq!((suites("mapbench", "nothing"), suites("criterion", "nothing")), (2, 1));
    for method in ["mapbench", "criterion", "ratio_5", "ratio_10", "ratio_200"] {
        let planted = ["any", "read", "long_read"].map(|planted| suites(method, planted));
        assert_eq!(planted, [1; 3], "{method}");
        assert!(said.contains(&format!("{method}, planted 50 % more of any: ")), "{said}");
    }
    assert!(
        said.contains(
            "mapbench at alpha 0.000000001, nothing planted: 0 of 2 suites failed, 95 % interval up to 84.19 %"
        ),
        "{said}"
    );
    let rivals = read_gate_slices(&out.join("planted-any-50").join("rivals")).unwrap();
    assert!(rivals.iter().all(|slice| slice.stage == "rivals" && slice.arm != "control"));
    assert!(rivals.iter().filter(|slice| slice.arm == "candidate").count() >= 10);
}

#[test]
fn what_the_budget_allows_is_shown_and_nothing_measured() {
    let gate = Gate::new();
    gate.file("gate.toml", "budget_pct = 4\n[[cell]]\nmatch = \"*/std-mutex\"\nbudget_pct = 9\n");
    let output = gate.run(&["--base", EXE, "--strategy", "std-mutex,std-rwlock", "--show-budget"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(
        said.contains("std-mutex: floor 1 %, budget 9 %") && said.contains("std-rwlock: floor 1 %, budget 4 %"),
        "{said}"
    );
    assert!(said.contains("gate.toml, line 3"), "{said}");
}

#[test]
fn mistakes_are_answered_in_one_line() {
    let gate = Gate::new();
    let same = ["--base", EXE, "--strategy", "std-mutex"];
    let with = |more: &[&'static str]| [&same[..], more].concat();
    gate.refused(&[], "there is nothing to compare: give --base EXE");
    gate.refused(&["--base", "nowhere"], "base nowhere: cannot be read");
    gate.refused(&["--base", "/bin/sh"], "base /bin/sh: it is no mapbench worker");
    gate.refused(&["--base", EXE, "--strategy", "std-mutx"], "did you mean `std-mutex`");
    gate.refused(&["--strategy", "std-mutex", "--vs", "std-mutx"], "did you mean `std-mutex`");
    gate.refused(&["--vs", "std-mutex"], "--vs takes one --strategy");
    gate.refused(
        &with(&["--minutes", "0"]),
        "--minutes: 0 minutes are no time to measure in: give more than 0, and at most 10080, a week",
    );
    gate.refused(&with(&["--workload", "ratio-swep"]), "did you mean `ratio-sweep`");
    gate.refused(&with(&["--budget", "nowhere.toml"]), "nowhere.toml: cannot be read");
    let simulators = ["--base-simulator", EXE, "--candidate-simulator", "nowhere"];
    gate.refused(&with(&simulators), "the candidate's simulator nowhere is no file: `mapbench forecast --build-only`");
    let mute = gate.script("exec sleep 60", "exec sleep 60");
    gate.refused(&["--base", mute.to_str().unwrap(), "--patience", "1"], "no answer within 1 s");
    let old =
        gate.script("echo '{\"event\":\"described\",\"protocol\":1,\"version\":\"0\",\"strategies\":[]}'", "true");
    gate.refused(&["--base", old.to_str().unwrap()], "it speaks protocol 1 and this gate protocol 5");
    for (text, expected) in [
        ("budget_pct = 0", "line 1, column 14: 0 is no budget in per cent"),
        ("budget_pct = -3", "-3 is no budget in per cent"),
        ("bugdet_pct = 3", "did you mean `budget_pct`"),
        ("[[cell]]\nmatch = \"*/nothing\"\nskip = true", "`*/nothing` matches no cell"),
        ("[[cell]]\nmatch = \"*\"\nskip = true", "no cell is left to gate"),
    ] {
        gate.file("gate.toml", text);
        gate.refused(&same, expected);
    }
    gate.file("gate.toml", "");
    let out = gate.path("taken");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("slices.csv"), "").unwrap();
    gate.refused(&[&same[..], &["--out", out.to_str().unwrap()]].concat(), "slices.csv: cannot be made");
}

#[test]
fn what_a_budget_allows_is_shown_without_a_side_to_compare() {
    let gate = Gate::new();
    gate.file("gate.toml", "[[cell]]\nmatch = \"*/std-rwlock\"\nskip = true\n");
    let output = gate.run(&["--show-budget", "--strategy", "std-mutex,std-rwlock"]);
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let file = gate.path("gate.toml");
    let cell =
        |name: &str, allowed: &str| format!("ratio-sweep/read-90/threads-1/{name}: {allowed} ({}", file.display());
    assert!(said.contains(&cell("std-mutex", "floor 1 %, budget 5 %, 0.1 transfers")), "{said}");
    assert!(said.contains(&cell("std-rwlock", "skipped")), "{said}");
}

#[test]
fn what_goes_only_with_another_option_is_not_ignored_without_it() {
    let clashes = "cannot be used with";
    for (words, problem) in [
        (&["--suites", "3", "--base", EXE][..], clashes),
        (&["--neighbour", "--vs", "std-mutex"], clashes),
        (&["--rivals", "--show-budget"], clashes),
        (&["--plant", "3", "--json"], clashes),
        (&["--control", "std-mutex", "--base", EXE], clashes),
        (&["--suites", "3"], "required arguments were not provided:\n  --self-test"),
    ] {
        // Whoever ignored it would find no budget, and measure nothing.
        let output = Command::new(EXE).arg("gate").args(words).args(["--budget", "nowhere.toml"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
        assert!(said.contains(problem) && said.contains(words[0]), "{words:?}: {said}");
    }
}
