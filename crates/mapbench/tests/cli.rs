//! The program as its user meets it: runs, mistakes, accidents.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use mapbench_results::{Percent, Run, Status};
use tempfile::TempDir;

fn mapbench() -> Command {
    Command::new(env!("CARGO_BIN_EXE_mapbench"))
}

fn run(arguments: &[&str]) -> Output {
    mapbench().args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// Runs, and expects success.
fn good(arguments: &[&str]) -> String {
    let output = run(arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs, and expects exit code 2 and one line that contains `expected`.
fn refused(arguments: &[&str], expected: &str) {
    let output = run(arguments);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
    assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
    assert!(!stderr.contains("panicked") && !stderr.contains("backtrace"), "{arguments:?}: {stderr}");
}

/// A scratch folder and the run directory to be made in it.
fn scratch() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    (dir, out)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn smoke(out: &Path, more: &[&str]) -> String {
    let mut arguments = vec!["run", "--profile", "smoke", "--out", text(out)];
    arguments.extend(more);
    good(&arguments)
}

#[test]
fn a_run_has_a_row_for_every_strategy_in_every_cell() {
    let (_dir, out) = scratch();
    let shown = smoke(&out, &["--read-pct", "100,90", "--threads", "1,2"]);
    let run = Run::read(&out).unwrap();
    let plan = &run.provenance.plan;
    assert_eq!(run.cells.len(), plan.groups.len() * plan.strategies.len());
    for cell in &run.cells {
        let row = (&*cell.strategy, cell.read_pct.to_string(), cell.threads, cell.status, &*cell.message);
        match (&*cell.strategy, &*cell.read_pct.to_string(), cell.threads) {
            ("checked", "90", 2) => {
                // The overlap may fail to happen in a slice this short; nothing but these two may come of it.
                assert!(matches!(cell.status, Status::Detected | Status::Ok), "{row:?}");
                assert!(cell.status == Status::Ok || cell.message.contains("fatal error: concurrent map"), "{row:?}");
            }
            ("frozen", "90", _) | ("hashbrown-unsync", _, 2) => {
                assert_eq!(cell.status, Status::NotApplicable, "{row:?}");
                assert!(!cell.message.is_empty(), "{row:?}");
            }
            _ => assert_eq!(cell.status, Status::Ok, "{row:?}"),
        }
        assert!(shown.contains(&cell.strategy), "{} is not in the ranking:\n{shown}", cell.strategy);
    }
    for sample in run.samples.iter().filter(|sample| sample.status == Status::Ok) {
        let reads = sample.hits.unwrap() + sample.misses.unwrap();
        assert!(sample.ops.unwrap() > 0 && reads > 0, "{sample:?}");
        assert_eq!(
            sample.read_pct < Percent::ALL,
            sample.inserted.unwrap() + sample.removed.unwrap() > 0,
            "{sample:?}"
        );
    }
    assert!(!run.machine.is_empty());
    assert!(run.provenance.finished.is_some() && run.provenance.checksums.len() >= 3);
}

#[test]
fn what_was_measured_beside_throughput_is_text_too() {
    let (_dir, out) = scratch();
    let of =
        ["--strategy", "dashmap,std-mutex", "--workload", "ratio-sweep,hot-key", "--read-pct", "90", "--threads", "2"];
    smoke(&out, &[&of[..], &["--latency"]].concat());
    let show = |strategy| good(&["show", &format!("hot-key/read-90/threads-2/{strategy}"), "--run", text(&out)]);
    let shown = show("dashmap");
    assert!(shown.contains("hot-key, 90 % reads, 2 threads: service time") && !shown.contains("std-mutex"), "{shown}");
    assert_eq!(shown.matches("service_time all, fork 0").count(), 1, "that of the other workload is not its: {shown}");
    assert!(show("papaya").contains("holds neither latency nor memory of this cell"));
    let tables = good(&["report", text(&out), "--format", "md"]);
    for workload in ["ratio-sweep", "hot-key"] {
        assert!(tables.contains(&format!("**{workload}, 90 % reads, 2 threads: response time at ")), "{tables}");
    }
    let compared = good(&["cmp", text(&out), "--strategy", "std-mutex,dashmap"]);
    assert!(compared.contains("dashmap against std-mutex: 99th percentile of the response time at "), "{compared}");
}

#[test]
fn the_page_is_written_again_byte_for_byte() {
    let (dir, out) = scratch();
    smoke(&out, &["--strategy", "dashmap,std-mutex", "--read-pct", "90", "--threads", "1"]);
    let again = out.join("again.html");
    good(&["report", text(&out), "-o", text(&again)]);
    assert_eq!(fs::read(out.join("report.html")).unwrap(), fs::read(&again).unwrap());
    let above = dir.path().join("above.html");
    good(&["report", text(&out), "-o", text(&above)]);
    let link = format!("<a href=\"{}/samples.csv\">", out.file_name().unwrap().to_str().unwrap());
    assert!(fs::read_to_string(&above).unwrap().contains(&link), "the way to the files from there is {link}");
    assert!(good(&["rank", text(&out)]).contains("dashmap"));
    assert!(!good(&["rank", text(&out), "--strategy", "std-mutex"]).contains("dashmap"));
}

#[test]
fn one_seed_means_the_same_streams() {
    let cell = "ratio-sweep/read-90/threads-2/dashmap";
    let first = good(&["show", cell, "--seed", "7"]);
    assert_eq!(first, good(&["show", cell, "--seed", "7"]));
    assert_ne!(first, good(&["show", cell, "--seed", "8"]));
    // What a worker executes is what `show` shows: the digests that it announces are in that text.
    let streams = worker_streams("std-rwlock", 2);
    assert_eq!(streams.len(), 2);
    for digest in streams {
        assert!(good(&["show", "ratio-sweep/read-90/threads-2/std-rwlock", "--seed", "1"]).contains(&digest));
    }
}

#[test]
fn a_cell_is_shown_with_the_hasher_that_it_had() {
    let shown = good(&["show", "ratio-sweep/read-90/threads-2/dashmap", "--hasher", "siphash"]);
    assert!(shown.contains("value 8, siphash\n") && shown.contains(" --seed 1 --hasher siphash\n"), "{shown}");
}

/// The digests that a worker announces for the streams of seed 1, fork 0, at 90 % reads.
fn worker_streams(strategy: &str, threads: u32) -> Vec<String> {
    use std::io::{BufRead, BufReader, Write};
    let seeds: Vec<u64> = (0..threads).map(|t| mapbench_workload::derive_seed(1, &[1, 0, u64::from(t)])).collect();
    let open = serde_json::json!({
        "request": "open", "protocol": 5, "strategy": strategy, "threads": threads,
        "load": {
            "population": 65_536, "capacity": 65_536, "space": {"range": 131_072}, "operations": null,
            "roles": [{"name": "all", "threads": null, "mix": [90_000_000, 5_000_000, 0, 5_000_000, 0, 0, 0, 0], "distribution": "uniform", "rate_ops_s": null}],
            "key": "u64", "value": "8", "hasher": "foldhash"
        },
        "stream_seeds": seeds, "hash_seed": 0, "processors": []
    });
    let mut worker = mapbench().arg("worker").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = worker.stdin.take().unwrap();
    writeln!(stdin, "{open}").unwrap();
    let mut line = String::new();
    BufReader::new(worker.stdout.take().unwrap()).read_line(&mut line).unwrap();
    drop(stdin);
    worker.wait().unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    let streams = ready["streams"].as_array().unwrap_or_else(|| panic!("{line}"));
    streams.iter().map(|digest| digest.as_str().unwrap().to_owned()).collect()
}

#[test]
fn mistakes_are_answered_in_one_line() {
    refused(&["run", "--strategy", "dashmp"], "unknown strategy `dashmp`; did you mean `dashmap`?");
    refused(&["run", "--workload", "ratio-swep"], "unknown workload `ratio-swep`; did you mean `ratio-sweep`?");
    refused(&["run", "--seed", "-1"], "-1 is no whole number in 0..=18446744073709551615");
    refused(&["verify", "--seconds", "0"], "0 is no whole number in 1..=86400");
    refused(&["run", "--memory-mib", "-1"], "-1 is no whole number in 16..=16777216");
    refused(&["run", "--read-pct", "-1"], "-1 is no share in per cent: it lies in 0..=100");
    refused(&["run", "--threads", "-1"], "-1 is not in 0..=");
    refused(&["gate", "--show-budget", "--minutes", "-1"], "-1 minutes are no time to measure in: give more than 0");
    refused(&["gate", "--show-budget", "--minutes", "1e30"], "and at most 10080, a week");
    refused(&["run", "--threads", "0"], "--threads 0 is not in 1..=1024");
    refused(&["run", "--read-pct", "101"], "101 is no share in per cent");
    refused(&["run", "--workload", "nowhere.toml"], "cannot read the workload nowhere.toml");
    refused(&["report", "nowhere"], "nowhere");
    refused(&["show", "dashmap"], "`dashmap` is no cell");
}

#[test]
fn a_wrong_workload_file_is_refused_with_its_place() {
    let (dir, out) = scratch();
    let file = dir.path().join("mine.toml");
    let shipped = include_str!("../workloads/ratio-sweep.toml");
    fs::write(&file, shipped.replace("remove = 50", "remove = 40")).unwrap();
    refused(
        &["run", "--workload", text(&file), "--out", text(&out)],
        "the shares under [writes] add up to 90, not to 100",
    );
    fs::write(&file, shipped.replace("population", "populaton")).unwrap();
    refused(&["run", "--workload", text(&file), "--out", text(&out)], "unknown field `populaton`");
    assert!(!out.exists());
}

#[test]
fn an_output_directory_that_cannot_be_is_refused() {
    let (dir, out) = scratch();
    fs::write(&out, "a file, not a folder").unwrap();
    refused(&["run", "--profile", "smoke", "--out", text(&out.join("run"))], "run");
    let used = dir.path().join("used");
    smoke(&used, &["--strategy", "std-mutex", "--read-pct", "90", "--threads", "1"]);
    refused(&["run", "--profile", "smoke", "--out", text(&used)], "--resume");
    let here = fs::read(used.join("samples.csv")).unwrap();
    assert!(here.len() > 100, "the run that was there is untouched");
}

#[test]
fn a_damaged_csv_is_refused_with_its_line() {
    let (_dir, out) = scratch();
    smoke(&out, &["--strategy", "std-mutex,dashmap", "--read-pct", "90", "--threads", "1"]);
    let samples = out.join("samples.csv");
    let whole = fs::read_to_string(&samples).unwrap();
    fs::write(&samples, &whole[..whole.len() - 5]).unwrap();
    refused(&["report", text(&out)], "samples.csv");
    fs::write(&samples, "a,b\n1,2\n").unwrap();
    refused(&["report", text(&out)], "samples.csv");
}

#[test]
fn a_summary_that_was_lost_is_made_again_from_the_rows() {
    let (_dir, out) = scratch();
    smoke(&out, &["--strategy", "std-mutex,dashmap", "--read-pct", "90", "--threads", "1", "--latency"]);
    let files =
        || ["cells.csv", "samples.csv", "provenance.json"].map(|name| fs::read_to_string(out.join(name)).unwrap());
    let before = files();
    let cells = out.join("cells.csv");
    fs::remove_file(&cells).unwrap();
    let remedy = format!("it follows from samples.csv: `mapbench run --resume {}` makes it again", out.display());
    refused(&["rank", text(&out)], &format!("{}: it is missing; {remedy}", cells.display()));
    // Not from rows that somebody changed.
    fs::write(out.join("samples.csv"), "").unwrap();
    refused(&["run", "--resume", text(&out)], "samples.csv: its SHA-256 is not the one in provenance.json");
    fs::write(out.join("samples.csv"), &before[1]).unwrap();
    good(&["run", "--resume", text(&out)]);
    assert_eq!(files(), before);
    refused(&["run", "--resume", text(&out)], "holds a finished run");
}

/// A long run of one strategy pair, started and waited for until it has written `rows` rows.
fn started(out: &Path, rows: usize) -> Child {
    let child = mapbench()
        .args([
            "run",
            "--profile",
            "quick",
            "--strategy",
            "std-mutex,dashmap",
            "--read-pct",
            "90,50",
            "--threads",
            "1,2",
        ])
        .args(["--out", text(out)])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until("rows are written", || {
        fs::read_to_string(out.join("samples.csv")).is_ok_and(|text| text.lines().count() > rows)
    });
    child
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(60), "waited a minute until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn signal(name: &str, process: u32) {
    assert!(Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status().unwrap().success());
}

/// The worker processes of an orchestrator.
fn workers_of(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    numbers
        .filter(|process| {
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            let after_name = stat.rsplit(')').next().unwrap_or_default();
            after_name.split_whitespace().nth(1) == Some(&parent.to_string())
        })
        .collect()
}

#[test]
fn an_interrupted_run_keeps_its_rows_and_is_finished_by_resume() {
    let (_dir, out) = scratch();
    let child = started(&out, 5);
    signal("INT", child.id());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("--resume"), "{stderr}");
    let before = Run::read(&out).unwrap();
    assert!(before.samples.len() >= 5 && before.provenance.finished.is_none());
    let provenance = out.join("provenance.json");
    let own = std::fs::read_to_string(&provenance).unwrap();
    let other = own.replacen(&format!("\"{}\"", before.provenance.build.allocator), "\"another\"", 1);
    assert_ne!(own, other);
    std::fs::write(&provenance, other).unwrap();
    refused(&["run", "--resume", text(&out)], "the run was begun with the allocator another, this program has");
    std::fs::write(&provenance, own).unwrap();
    good(&["run", "--resume", text(&out)]);
    let after = Run::read(&out).unwrap();
    assert_eq!(after.samples[..before.samples.len()], before.samples[..], "nothing is measured again");
    let slices: HashSet<_> = after.samples.iter().map(|s| (s.group(), s.strategy.clone(), s.fork, s.round)).collect();
    assert_eq!(slices.len(), after.samples.len(), "every slice once");
    let plan = &after.provenance.plan;
    assert_eq!(slices.len(), plan.groups.len() * plan.strategies.len() * (plan.forks * plan.rounds) as usize);
}

#[test]
fn a_second_run_in_the_same_directory_is_refused() {
    let (_dir, out) = scratch();
    let mut child = started(&out, 1);
    refused(&["run", "--resume", text(&out)], "another");
    signal("INT", child.id());
    child.wait().unwrap();
}

#[test]
fn a_killed_worker_costs_one_row() {
    let (_dir, out) = scratch();
    let child = started(&out, 2);
    let orchestrator = child.id();
    wait_until("a worker is killed", || {
        let Some(worker) = workers_of(orchestrator).first().copied() else { return false };
        Command::new("kill").args(["-9", &worker.to_string()]).status().unwrap().success()
    });
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
    let run = Run::read(&out).unwrap();
    let lost: Vec<_> = run.samples.iter().filter(|sample| sample.status != Status::Ok).collect();
    // A worker that is killed when it has nothing left to do costs none.
    assert!(lost.len() <= 1, "{lost:?}");
    assert!(lost.iter().all(|row| row.status == Status::Signalled && row.message.contains("signal 9")), "{lost:?}");
    let plan = &run.provenance.plan;
    let slices = plan.groups.len() * plan.strategies.len() * (plan.forks * plan.rounds) as usize;
    assert_eq!(run.samples.len(), slices);
}

#[test]
fn a_killed_orchestrator_leaves_no_worker() {
    let (_dir, out) = scratch();
    let mut child = started(&out, 1);
    let mut workers = Vec::new();
    wait_until("workers are up", || {
        workers = workers_of(child.id());
        !workers.is_empty()
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let alive = |worker: &u32| {
        let cmdline = fs::read_to_string(format!("/proc/{worker}/cmdline")).unwrap_or_default();
        cmdline.contains("mapbench") && cmdline.contains("worker")
    };
    wait_until("the workers are gone", || !workers.iter().any(alive));
    good(&["run", "--resume", text(&out)]);
}

#[test]
fn list_names_every_strategy_with_a_version_and_its_semantics() {
    let listed = good(&["list", "--long"]);
    for name in [
        "std-mutex",
        "dashmap",
        "dashmap-7",
        "papaya-pinned",
        "scc-hashindex",
        "evmap-batched",
        "epoch-cow",
        "sync-map",
        "checked",
        "frozen",
        "hashbrown-unsync",
    ] {
        assert!(listed.lines().any(|line| line.starts_with(&format!("{name}  ("))), "{name} is missing:\n{listed}");
    }
    assert!(listed.contains("workload ratio-sweep"));
}
