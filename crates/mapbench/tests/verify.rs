//! `mapbench verify` as its user meets it, over sound strategies and over recorded histories.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use mapbench_results::{Run, Semantics, Verdict};
use serde_json::Value;

fn mapbench(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mapbench"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs, and expects an exit code.
fn ended(command: &mut Command, code: i32) -> Output {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{command:?}: {stderr}");
    output
}

fn good(arguments: &[&str]) -> String {
    String::from_utf8(ended(&mut mapbench(arguments), 0).stdout).unwrap()
}

/// Expects exit code 2, one line that contains `expected`, and nothing else.
fn refused(arguments: &[&str], expected: &str) {
    let output = ended(&mut mapbench(arguments), 2);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
    assert_eq!((stderr.lines().count(), output.stdout.len()), (1, 0), "{arguments:?}: {stderr}");
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn history(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("histories").join(name)
}

#[test]
fn sound_strategies_are_verified_and_it_is_written_down() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("found");
    let arguments = ["verify", "--strategy", "std-mutex,frozen", "--check", "histories,counters", "--seconds", "1"];
    let shown = good(&[&arguments[..], &["--out", text(&out), "--seed", "7", "--threads", "3"]].concat());
    for line in ["  std-mutex  linearizable  verified ", "  frozen     linearizable  verified "] {
        assert!(shown.lines().any(|shown| shown.starts_with(line)), "{line} is missing:\n{shown}");
    }
    assert!(shown.contains("2 verified\n") && shown.contains("1 verified, 1 n/a\n"), "{shown}");
    assert!(shown.ends_with(&format!("{0}/semantics.csv\n{0}/verify.json\n", out.display())), "{shown}");
    let rows = Semantics::read(&out).unwrap();
    let made: Vec<_> = rows.iter().map(|row| (&*row.strategy, &*row.check, row.verdict)).collect();
    let expected = [
        ("std-mutex", "histories", Verdict::Verified),
        ("std-mutex", "counters", Verdict::Verified),
        ("frozen", "histories", Verdict::Verified),
        ("frozen", "counters", Verdict::NotApplicable),
    ];
    assert_eq!(made, expected);
    let histories = &rows[0];
    assert!(histories.histories > 0 && histories.operations > 1_000, "{histories:?}");
    assert_eq!((histories.seed, histories.threads, &*histories.declared), (7, 3, "linearizable"));
    // Of one second, histories have five parts in six.
    assert!((800..10_000).contains(&histories.elapsed_ms), "{histories:?}");
    let document: Value = serde_json::from_str(&fs::read_to_string(out.join("verify.json")).unwrap()).unwrap();
    assert_eq!((&document["verdict"], &document["complete"]), (&"verified".into(), &true.into()));
    assert_eq!(document["checks"].as_array().unwrap().len(), 4);
    refused(&["verify", "--out", text(&out)], "holds results already: choose another directory");
}

#[test]
fn what_checked_detects_is_what_it_declares() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("found");
    let arguments = ["verify", "--strategy", "checked", "--check", "counters", "--seconds", "1", "--json"];
    let document: Value = serde_json::from_str(&good(&[&arguments[..], &["--out", text(&out)]].concat())).unwrap();
    assert_eq!(document["verdict"], "detected");
    let detail = document["checks"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("fatal error: concurrent map"), "{detail}");
}

#[test]
fn the_newest_verdicts_are_listed() {
    let dir = tempfile::tempdir().unwrap();
    let listed = |expected: bool| {
        let output = ended(mapbench(&["list", "--strategies"]).current_dir(&dir), 0);
        let listed = String::from_utf8(output.stdout).unwrap();
        let shown = listed.lines().any(|line| line.starts_with("    checks: 1 verified (20"));
        assert_eq!((shown, &*output.stderr), (expected, &b""[..]), "{listed}");
    };
    listed(false);
    // Without --out, into a fresh directory.
    ended(
        mapbench(&["verify", "--strategy", "std-mutex", "--check", "counters", "--seconds", "1"]).current_dir(&dir),
        0,
    );
    let made: Vec<_> = fs::read_dir(dir.path().join("bench-results")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(made.len(), 1, "{made:?}");
    let name = made[0].file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("verify-20") && made[0].join("semantics.csv").is_file(), "{name}");
    listed(true);
}

#[test]
fn verdicts_go_into_a_run_and_its_page() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let run = ["run", "--profile", "smoke", "--strategy", "std-mutex,frozen", "--read-pct", "90", "--threads", "1"];
    good(&[&run[..], &["--out", text(&out)]].concat());
    let page = || fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page().contains("mapbench verify --into"));
    let into = ["verify", "--check", "counters", "--seconds", "1", "--into", text(&out)];
    refused(&[&into[..], &["--strategy", "std-rwlock"]].concat(), "the run has no strategy `std-rwlock`");
    refused(&["verify", "--out", text(&out)], "holds a run: --into puts results there");
    good(&into);
    let rows = Run::read(&out).unwrap().semantics;
    let strategies: Vec<_> = rows.iter().map(|row| &*row.strategy).collect();
    assert_eq!(strategies, ["std-mutex", "frozen"], "those of the run");
    assert!(page().contains("<td>verified<br><small>1 verified</small>"));
    refused(&["verify", "--into", text(dir.path())], "holds no run");
}

#[test]
fn an_interrupt_keeps_what_was_found() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("found");
    let arguments = ["verify", "--strategy", "std-mutex,frozen", "--check", "iteration", "--seconds", "1"];
    let mut child =
        mapbench(&arguments).args(["--out", text(&out)]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert_eq!(line, "[ 50 %] std-mutex: 1 verified\n");
    // The second check is under way.
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let code = child.wait().unwrap().code();
    assert!(matches!(code, Some(0 | 130)), "{code:?}: both checks may have been made");
    assert!(!Semantics::read(&out).unwrap().is_empty());
}

#[test]
fn mistakes_are_answered_in_one_line() {
    refused(&["verify", "--strategy", "dashmp"], "unknown strategy `dashmp`; did you mean `dashmap`?");
    refused(&["verify", "--check", "historys"], "unknown check `historys`; did you mean `histories`?; the checks are");
    for threads in ["1", "33"] {
        refused(&["verify", "--threads", threads], &format!("--threads {threads} is not in 2..=32: checks are of"));
    }
    refused(&["verify", "--out", "/dev/null/results"], "/dev/null/results: cannot be made");
    refused(&["verify", "--history", "nowhere.jsonl"], "cannot read the history nowhere.jsonl");
}

#[test]
fn a_recorded_history_is_judged() {
    let sound = history("linearizable.jsonl");
    let shown = good(&["verify", "--history", text(&sound)]);
    assert_eq!(shown, format!("{}: linearizable: 9 calls on 3 keys\n", sound.display()));
    let wrong = history("lost-update.jsonl");
    let output = ended(&mut mapbench(&["verify", "--history", text(&wrong)]), 1);
    let shown = String::from_utf8(output.stdout).unwrap();
    for part in [
        "violated: 6 calls on 2 keys, of which 1 key cannot be explained\n",
        "key 1 is not linearizable: no order of these 2 calls explains what they returned.",
        "thread 0  ├─1",
        "update: saw 100, wrote 102",
    ] {
        assert!(shown.contains(part), "{part} is missing:\n{shown}");
    }
    let output = ended(&mut mapbench(&["verify", "--json", "--history", text(&wrong)]), 1);
    let judged: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&judged["verdict"], &judged["violated"]), (&"violated".into(), &vec![1].into()));
    assert!(judged["picture"].as_str().unwrap().starts_with("key 1 is not linearizable"));
}

/// Judges standard input.
fn judged(history: &str, code: i32) -> (String, String) {
    let mut child = mapbench(&["verify", "--history", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(history.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = |bytes| String::from_utf8(bytes).unwrap();
    assert_eq!(output.status.code(), Some(code), "{}", said(output.stderr));
    (said(output.stdout), said(output.stderr))
}

#[test]
fn a_history_that_cannot_be_is_refused_with_its_line() {
    let sound = fs::read_to_string(history("linearizable.jsonl")).unwrap();
    assert_eq!(judged(&sound, 0).0, "standard input: linearizable: 9 calls on 3 keys\n");
    for (from, to, expected) in [
        ("{\"operations\":9}\n", "", "line 10: the history is cut off: no line {\"operations\":N} ends it"),
        ("\"response\":14", "\"response\":9", "line 2: the response (9) is not after the invocation (10)"),
        ("\"invocation\":21", "\"invocation\":10", "line 5: out of order: thread 1 begins a call at 10"),
        ("\"present\":true", "\"present\":1", "line 5: not a call: invalid type: integer `1`, expected a boolean"),
        ("mapbench-history", "other", "line 1: not a history: the format is `other`"),
    ] {
        let (stdout, stderr) = judged(&sound.replace(from, to), 2);
        assert!(stderr.starts_with(&format!("mapbench: standard input, {expected}")), "{stderr}");
        assert_eq!((stderr.lines().count(), &*stdout), (1, ""), "{stderr}");
    }
}

/// More than 64 calls of one key at once are more than the search remembers.
#[test]
fn a_history_that_nobody_can_judge_is_undecided() {
    let mut text = "{\"format\":\"mapbench-history\",\"version\":1,\"initial\":[]}\n".to_owned();
    for thread in 0..100 {
        text += &format!(
            "{{\"thread\":{thread},\"invocation\":{thread},\"response\":1000,\"key\":1,\"operation\":\"compare_exchange\",\
             \"expected\":1,\"new\":2,\"outcome\":{{\"found\":2}}}}\n"
        );
        text += &format!(
            "{{\"thread\":{},\"invocation\":{thread},\"response\":1000,\"key\":1,\"operation\":\"insert\",\"value\":2,\
             \"absent\":false}}\n",
            thread + 100
        );
    }
    text += "{\"operations\":200}\n";
    let (stdout, _) = judged(&text, 3);
    assert!(
        stdout.starts_with("standard input: undecided: 200 calls on 1 key; a longer --seconds may decide\n"),
        "{stdout}"
    );
    assert!(stdout.contains("\n    key 1: more than 64 calls on it overlapped\n"), "{stdout}");
}
