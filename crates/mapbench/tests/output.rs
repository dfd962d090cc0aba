//! What becomes of a command whose output nobody takes, or that would write over what is no output of its own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

fn mapbench(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mapbench"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A folder with a small run in it.
fn measured() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let of = ["run", "--profile", "smoke", "--strategy", "dashmap,std-mutex", "--read-pct", "90", "--threads", "1"];
    let output = mapbench(&of).args(["--latency", "--out", text(&run)]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    (dir, run)
}

fn ended(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Commands that print, over a run.
fn printing(run: &str) -> Vec<Vec<&str>> {
    let cell = "ratio-sweep/read-90/threads-1/dashmap";
    vec![
        vec!["list"],
        vec!["list", "--workloads", "--markdown"],
        vec!["completions", "bash"],
        vec!["rank", run],
        vec!["rank", run, run],
        vec!["cmp", run, "--strategy", "dashmap,std-mutex"],
        vec!["diff", run, run],
        vec!["show", cell],
        vec!["show", cell, "--run", run],
        vec!["report", run],
        vec!["report", run, "--format", "md"],
        vec!["claims", "--list"],
        vec!["gate", "--show-budget", "--strategy", "dashmap", "--vs", "std-mutex"],
    ]
}

#[test]
fn a_reader_that_is_gone_ends_no_command_badly() {
    let (_dir, run) = measured();
    for arguments in printing(text(&run)) {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = mapbench(&arguments).stdout(writer).output().unwrap();
        assert_eq!(ended(&output), (Some(0), String::new()), "{arguments:?}");
    }
}

#[test]
fn an_answer_stands_though_nobody_reads_its_text() {
    let (dir, run) = measured();
    let (expect, out) = (dir.path().join("expect.toml"), dir.path().join("claims"));
    fs::write(&expect, "[verdicts]\nlost-update = \"refuted\"\n").unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let tested = ["claims", "--quick", "--claim", "lost-update", "--expect", text(&expect), "--out", text(&out)];
    let output = mapbench(&tested).stdout(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    // Whoever reads neither has no more to be told than that.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = mapbench(&["rank", text(&run), "--threads", "7"]).stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(2));
}

/// Where every write fails for want of space.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said_in_a_line() {
    let (_dir, run) = measured();
    for arguments in printing(text(&run)) {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = mapbench(&arguments).stdout(full).output().unwrap();
        let said = "mapbench: cannot write to standard output: No space left on device (os error 28)\n";
        assert_eq!(ended(&output), (Some(2), said.to_owned()), "{arguments:?}");
    }
}
