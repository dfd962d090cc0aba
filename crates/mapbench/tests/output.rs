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

#[test]
fn a_report_is_written_over_nothing_but_a_report() {
    let (dir, run) = measured();
    let refused = |file: &Path, format: &str, said: &str| {
        let before = fs::read(file).ok();
        let output = mapbench(&["report", text(&run), "--format", format, "-o", text(file)]).output().unwrap();
        let said = format!("mapbench: {}: {said}; name another file with -o\n", file.display());
        assert_eq!(ended(&output), (Some(2), said));
        assert_eq!(fs::read(file).ok(), before);
    };
    let written = |file: &Path, format: &str, begins: &str| {
        let output = mapbench(&["report", text(&run), "--format", format, "-o", text(file)]).output().unwrap();
        assert_eq!(ended(&output), (Some(0), String::new()));
        assert!(fs::read_to_string(file).unwrap().starts_with(begins));
    };
    let [mine, page, tables] = ["mine.toml", "page", "tables.md"].map(|name| dir.path().join(name));
    fs::write(&mine, "name = \"mine\"\n").unwrap();
    for format in ["html", "md"] {
        // One that the run has, and one that it might have yet.
        for name in ["samples.csv", "memory.csv"] {
            refused(&run.join(name), format, "this is a file of a run, which only `mapbench run` writes");
        }
    }
    refused(&mine, "html", "there is a file already, and it is no earlier page");
    refused(&mine, "md", "there is a file already, and it is no Markdown by its name");
    refused(&run.join("report.html"), "md", "there is a file already, and it is no Markdown by its name");
    written(&run.join("report.html"), "html", "<!DOCTYPE html>");
    fs::write(&page, "<!doctype HTML><p>an earlier page").unwrap();
    written(&page, "html", "<!DOCTYPE html>");
    fs::write(&tables, "# earlier tables").unwrap();
    refused(&tables, "html", "there is a file already, and it is no earlier page");
    written(&tables, "md", "");
}
