//! `mapbench run --latency --memory` over strategies of which it is known what they cost. The allocator of this program
//! counts, so that it is its own counting worker too.

mod subject;

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{ExitCode, Output};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use mapbench::Entry;
use mapbench_api::{ConcurrentMap, HashBuilder, Key, MapHandle, Operation, Strategy, StrategyInfo, Value};
use mapbench_results::{ALL_OPERATIONS, Latency, LatencyKind, Memory, PROVENANCE, Run, Stage, Status};
use subject::{Test, lacks};

#[global_allocator]
static ALLOCATOR: mapbench::CountingAllocator = mapbench::CountingAllocator;

const TESTS: [Test; 10] = [
    ("so_many_bytes_a_write_are_counted_exactly", so_many_bytes_a_write_are_counted_exactly),
    ("what_a_map_leaks_is_left_after_the_drop", what_a_map_leaks_is_left_after_the_drop),
    ("a_map_that_keeps_what_a_reader_may_see_grows_while_one_reads", a_map_that_keeps_what_a_reader_may_see_grows),
    ("a_stall_is_charged_to_all_that_it_delays_and_a_closed_loop_hides_it", a_stall_is_charged_to_all_that_it_delays),
    ("what_a_map_leaks_while_it_grows_is_held_doubling_by_doubling", what_a_map_leaks_while_it_grows_is_held),
    ("a_flame_graph_is_drawn_from_what_perf_saw", a_flame_graph_is_drawn_from_what_perf_saw),
    ("a_machine_that_takes_no_samples_is_said", a_machine_that_takes_no_samples_is_said),
    ("a_rate_that_nobody_reaches_is_said", a_rate_that_nobody_reaches_is_said),
    ("an_interrupted_run_goes_on", an_interrupted_run_goes_on),
    ("a_map_beyond_the_memory_of_its_worker_is_a_row", a_map_beyond_the_memory_of_its_worker_is_a_row),
];

fn main() -> ExitCode {
    let entries = [
        Entry::of::<Costly<ALLOCATES>>(),
        Entry::of::<Costly<LEAKS>>(),
        Entry::of::<Costly<RETIRES>>(),
        Entry::of::<Costly<HOARDS>>(),
        Entry::of::<Costly<STALLS>>(),
    ];
    subject::main(&entries, &TESTS)
}

const ALLOCATES: u8 = 0;
const LEAKS: u8 = 1;
const RETIRES: u8 = 2;
const HOARDS: u8 = 3;
const STALLS: u8 = 4;

/// Of the last, the first read after each multiple of this since it was built ...
const PERIOD: Duration = Duration::from_millis(3);

/// ... takes so long.
const STALL: Duration = Duration::from_micros(500);

/// After a rest of as long nothing is made up for.
const RESTED: Duration = Duration::from_millis(60);

/// What a write of the first allocates and frees, of the second leaks, and of the third keeps as long as anybody reads.
const BYTES: u64 = 96;

/// A map behind one lock, but for one cost.
struct Costly<const COST: u8>;

struct CostlyMap<K, V, S, const COST: u8> {
    table: Mutex<HashMap<K, V, S>>,
    /// Readers, and what was retired while there were some.
    retired: Mutex<(u32, Vec<Box<[u8]>>)>,
    /// When the next stall begins.
    stall: Mutex<Instant>,
}

struct CostlyHandle<'m, K, V, S, const COST: u8>(&'m CostlyMap<K, V, S, COST>);

impl<const COST: u8> Strategy for Costly<COST> {
    const INFO: StrategyInfo = StrategyInfo {
        name: ["allocates", "leaks", "retires", "hoards", "stalls"][COST as usize],
        unsupported: &[
            lacks(Operation::InsertNew),
            lacks(Operation::Update),
            lacks(Operation::Upsert),
            lacks(Operation::CompareExchange),
        ],
        ..subject::INFO
    };

    type Map<K: Key, V: Value, S: HashBuilder> = CostlyMap<K, V, S, COST>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> Self::Map<K, V, S> {
        if COST == HOARDS {
            std::mem::forget(std::hint::black_box(vec![1_u8; 64 << 20]));
            // A worker's memory is looked at while its answer is awaited.
            std::thread::sleep(Duration::from_secs(1));
        }
        // Room for all that the workload can insert: the table itself never allocates again.
        let mut table = HashMap::with_capacity_and_hasher(4 * capacity, hasher);
        table.extend(entries);
        CostlyMap {
            table: Mutex::new(table),
            retired: Mutex::new((0, Vec::with_capacity(1 << 20))),
            stall: Mutex::new(Instant::now() + PERIOD),
        }
    }
}

impl<K: Key, V: Value, S: HashBuilder, const COST: u8> ConcurrentMap<K, V> for CostlyMap<K, V, S, COST> {
    type Handle<'m> = CostlyHandle<'m, K, V, S, COST>;

    fn handle(&self) -> Self::Handle<'_> {
        CostlyHandle(self)
    }
}

impl<K: Key, V: Value, S: HashBuilder, const COST: u8> CostlyHandle<'_, K, V, S, COST> {
    fn pay(&self) {
        let block = || std::hint::black_box(vec![1_u8; BYTES as usize].into_boxed_slice());
        match COST {
            ALLOCATES => drop(block()),
            LEAKS => std::mem::forget(block()),
            RETIRES => {
                let mut retired = self.0.retired.lock().unwrap();
                if retired.0 > 0 {
                    retired.1.push(block());
                }
            }
            _ => {}
        }
    }

    fn stall(&self) {
        let mut next = self.0.stall.lock().unwrap();
        let late = Instant::now().saturating_duration_since(*next);
        if late > RESTED {
            *next += PERIOD * (late.as_nanos() / PERIOD.as_nanos()) as u32;
        }
        if Instant::now() >= *next {
            std::thread::sleep(STALL);
            *next += PERIOD;
        }
    }
}

impl<K: Key, V: Value, S: HashBuilder, const COST: u8> MapHandle<K, V> for CostlyHandle<'_, K, V, S, COST> {
    fn read<R>(&mut self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R> {
        if COST == STALLS {
            self.stall();
        }
        let value = self.0.table.lock().unwrap().get(key).cloned()?;
        self.0.retired.lock().unwrap().0 += 1;
        let result = f(&value);
        let mut retired = self.0.retired.lock().unwrap();
        retired.0 -= 1;
        if retired.0 == 0 {
            retired.1.clear();
        }
        Some(result)
    }

    fn insert(&mut self, key: K, value: V) -> bool {
        self.pay();
        self.0.table.lock().unwrap().insert(key, value).is_none()
    }

    fn remove(&mut self, key: &K) -> bool {
        self.0.table.lock().unwrap().remove(key).is_some()
    }

    fn for_each(&mut self, mut f: impl FnMut(&K, &V)) {
        self.0.table.lock().unwrap().iter().for_each(|(key, value)| f(key, value));
    }

    fn len(&mut self) -> usize {
        self.0.table.lock().unwrap().len()
    }
}

fn measure(dir: &Path, arguments: &[&str]) -> Output {
    measure_with(dir, arguments, "smoke", None)
}

/// With programs looked for in `path`, if it is given.
fn measure_with(dir: &Path, arguments: &[&str], profile: &str, path: Option<&Path>) -> Output {
    let mut command = subject::mapbench("costs");
    command.arg("run").args(arguments);
    if !arguments.contains(&"--resume") {
        command.args(["--profile", profile, "--out"]).arg(dir);
        if !arguments.contains(&"--read-pct") {
            command.args(["--read-pct", "50"]);
        }
    }
    if let Some(path) = path {
        command.env("PATH", path);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// A run in which enough was done to be told from nothing; a machine that is busy may take a few.
fn memory_of(strategy: &str, threads: &str, enough: impl Fn(&Run) -> bool) -> Run {
    let run = || {
        let dir = tempfile::tempdir().unwrap();
        measure(dir.path(), &["--memory", "--strategy", strategy, "--threads", threads]);
        Run::read(dir.path()).unwrap()
    };
    (0..20).map(|_| run()).find(enough).expect("a run of so many operations")
}

/// Inserts counted; none in a run in which nobody came to it.
fn inserts(run: &Run) -> u64 {
    run.memory.iter().find(|row| row.operation == "insert").map_or(0, |row| row.operations.unwrap())
}

fn row<'a>(run: &'a Run, operation: &str) -> &'a Memory {
    let row = run.memory.iter().find(|row| row.operation == operation).expect(operation);
    assert_eq!(row.status, Status::Ok, "{}", row.message);
    row
}

/// Exactly: the counts are the allocator's, and the table has room.
fn so_many_bytes_a_write_are_counted_exactly() {
    for threads in ["1", "2"] {
        let run = memory_of("allocates", threads, |run| inserts(run) > 10 && run.memory.len() == 4);
        let (inserts, operations) = (row(&run, "insert"), inserts(&run));
        assert_eq!((inserts.allocations, inserts.allocated_bytes), (Some(operations), Some(BYTES * operations)));
        for operation in ["read", "remove"] {
            assert_eq!(row(&run, operation).allocations, Some(0), "{operation}");
        }
        let all = row(&run, ALL_OPERATIONS);
        assert_eq!((all.allocations, all.entries), (Some(operations), Some(65_536)));
        assert!(all.settled_bytes.unwrap().abs_diff(all.filled_bytes.unwrap()) < TOLERANCE, "{all:?}");
        assert!(all.left_bytes.unwrap() < TOLERANCE, "{:?}", all.left_bytes);
    }
}

/// What is allocated beside the map while its threads come and go, in bytes.
const TOLERANCE: u64 = 8 << 10;

fn what_a_map_leaks_is_left_after_the_drop() {
    let run = memory_of("leaks", "1", |run| BYTES * inserts(run) > 2 * TOLERANCE);
    let all = row(&run, ALL_OPERATIONS);
    let leaked = BYTES * inserts(&run);
    let left = all.left_bytes.unwrap();
    assert!(left.abs_diff(leaked) < TOLERANCE, "{left} bytes are left, {leaked} were leaked");
    let grown = all.stopped_bytes.unwrap() - all.filled_bytes.unwrap();
    assert!(grown.abs_diff(leaked) < TOLERANCE, "{grown} bytes more than filled, {leaked} were leaked");
}

fn what_a_map_leaks_while_it_grows_is_held() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("grows.toml");
    let text = "name = \"grows\"\nquestion = \"?\"\nsource = \"a test\"\npopulation = 0\ncapacity = 20_480\n\
                key_range = 20_480\noperations = 20_480\ndistribution = \"sequential\"\n[mix]\ninsert = 100\n";
    std::fs::write(&file, text).unwrap();
    let (file, dir) = (file.to_string_lossy().into_owned(), dir.path().join("run"));
    let shared = ["--latency", "--memory", "--strategy", "leaks", "--threads", "1", "--read-pct", "0", "--workload"];
    measure(&dir, &[&shared[..], &[file.as_str()]].concat());
    let run = Run::read(&dir).unwrap();
    let entries: Vec<Option<u64>> = run.growth.iter().map(|step| step.entries).collect();
    assert_eq!(entries, [0, 1_024, 2_048, 4_096, 8_192, 16_384, 20_480].map(Some));
    let (mut at_ns, first) = (0, &run.growth[0]);
    for step in &run.growth {
        at_ns += step.took_ns.unwrap();
        assert_eq!(step.at_ns, Some(at_ns), "{step:?}");
        assert!(step.longest_ns <= step.took_ns && (step.longest_ns > Some(0) || step.step == 0), "{step:?}");
        let leaked = BYTES * step.entries.unwrap();
        let held = step.held_bytes.unwrap() - first.held_bytes.unwrap();
        assert!(held.abs_diff(leaked) < TOLERANCE, "{held} bytes are held, {leaked} were leaked");
    }
    assert!(run.samples.iter().all(|row| row.status == Status::Ok && row.drop_ns > Some(0)));
    let page = std::fs::read_to_string(dir.join("report.html")).unwrap();
    assert!(page.contains("id=\"growth\"") && page.contains("16.4 k"));
    let cell = format!("{file}/read-0/threads-1/leaks");
    let shown = subject::mapbench("costs").args(["show", &cell, "--run"]).arg(&dir).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.contains("growth to 16384 entries, fork 0: ") && shown.contains("drop, fork 0, round 0: "),
        "{shown}"
    );
}

fn a_map_that_keeps_what_a_reader_may_see_grows() {
    // The others must go on while one reads.
    let run = memory_of("retires", "2", |run| {
        let stage = run.reclamation.iter().filter(|point| point.stage == Stage::Held);
        stage.max_by_key(|point| point.live_bytes).is_some_and(|point| point.operations > 400)
    });
    let all = row(&run, ALL_OPERATIONS);
    let (held, operations) = (all.held_bytes.unwrap(), all.held_operations.unwrap());
    // A quarter of the operations are inserts, more or less; those until the highest point of the curve are in it.
    let stage = run.reclamation.iter().filter(|point| point.stage == Stage::Held);
    let seen = stage.max_by_key(|point| point.live_bytes).unwrap().operations;
    assert!(
        (BYTES * seen / 8..=BYTES * operations).contains(&held),
        "{held} bytes were retired, {seen} of {operations} operations were done at the highest point"
    );
    assert!(all.left_bytes.unwrap() < TOLERANCE && all.settled_bytes.unwrap() < all.filled_bytes.unwrap() + TOLERANCE);
    let stages: Vec<Stage> = run.reclamation.iter().map(|point| point.stage).collect();
    for stage in [Stage::Load, Stage::Held, Stage::Quiet, Stage::Dropped] {
        assert!(stages.contains(&stage), "{stage:?} is missing");
    }
    assert!(run.reclamation.windows(2).all(|pair| pair[0].at_ns <= pair[1].at_ns));
}

/// One thread reads, an arrival each 5 µs, for twenty periods. An operation that is due u after a stall of S began waits S - u
/// at least, whatever the machine does meanwhile: in so many whole periods P a share of (S - x) / P of all waits longer than
/// x. So the 90th percentile is S - 0.1 P = 200 µs or more, and the 99th S - 0.01 P = 470 µs. The tolerance of 5 % is for
/// the gap between two arrivals.
///
/// A closed loop that does R operations a second has at most 1 / (190 µs R) of them take 190 µs: no tenth, from 52 632 on.
fn a_stall_is_charged_to_all_that_it_delays() {
    const ARGUMENTS: [&str; 14] = [
        "--latency",
        "--strategy",
        "stalls",
        "--threads",
        "1",
        "--read-pct",
        "100",
        "--load",
        "50",
        "--rate",
        "200000",
        "--arrivals",
        "constant",
        "--seed=3",
    ];
    let run = || {
        let dir = tempfile::tempdir().unwrap();
        measure_with(dir.path(), &ARGUMENTS, "quick", None);
        Run::read(dir.path()).unwrap().latency
    };
    let open = |row: &&Latency| row.kind == LatencyKind::ResponseTime && row.load_pct.is_none() && row.p99_ns.is_some();
    let closed = |row: &&Latency| row.kind == LatencyKind::ServiceTime && row.achieved_ops_s > Some(100_000);
    // A machine that is busy may keep a loop from its rate.
    let both = |rows: &Vec<Latency>| rows.iter().any(|row| open(&row)) && rows.iter().any(|row| closed(&row));
    let rows = (0..20).map(|_| run()).find(both).expect("a fork that kept up");
    for row in rows.iter().filter(open) {
        assert!(row.p90_ns.unwrap() >= 190_000, "a tenth waits for 200 µs or longer: {row:?}");
        assert!(row.p99_ns.unwrap() >= 446_500, "a hundredth waits for 470 µs or longer: {row:?}");
    }
    for row in rows.iter().filter(closed) {
        assert!(row.p90_ns.unwrap() < 190_000, "the closed loop sees the stalls: {row:?}");
    }
}

/// A program of this name and these lines, in a folder of its own with what it calls.
fn script(dir: &Path, name: &str, body: &str) {
    let path = dir.join(name);
    std::fs::write(&path, format!("#!/bin/sh\nPATH=/usr/bin:/bin\n{body}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

const PROFILED: [&str; 5] = ["--profile-cpu", "--strategy", "allocates,hoards", "--threads", "1"];

fn a_flame_graph_is_drawn_from_what_perf_saw() {
    let (dir, programs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // It looks three times, and writes what it was called with.
    let body = "case $1 in
record) sleep 0.05; while [ $# -gt 0 ]; do case $1 in -o) echo seen > $2;; esac; shift; done;;
script) printf '\\t10 inner (/a)\\n\\t20 mapbench::worker::outer (/a)\\n\\t30 main (/a)\\n\\n\\t20 mapbench::worker::outer (/a)\\n';;
esac";
    script(programs.path(), "perf", body);
    let arguments = [&PROFILED[..], &["--memory-mib", "48"]].concat();
    let output = measure_with(dir.path(), &arguments, "smoke", Some(programs.path()));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("profiles.csv") && !shown.contains("no flame graph"), "{shown}");
    let run = Run::read(dir.path()).unwrap();
    let row = |strategy: &str| run.profiles.iter().find(|row| row.strategy == strategy).expect(strategy);
    // A worker that comes to an end has its status, and the others go on.
    assert_eq!((row("hoards").status, row("hoards").samples), (Status::OutOfMemory, None));
    let drawn = row("allocates");
    assert_eq!((drawn.status, drawn.samples), (Status::Ok, Some(2)), "{}", drawn.message);
    let file = drawn.file();
    let svg = std::fs::read_to_string(dir.path().join(&file)).unwrap();
    assert!(svg.contains("<title>mapbench::worker::outer: 100 %, 2 of 2 samples"), "{svg}");
    assert!(svg.contains("<title>inner: 50.0 %, 1 of 2 samples") && !svg.contains("main"), "{svg}");
    assert!(run.provenance.checksums.contains_key(&file) && run.provenance.checksums.contains_key("profiles.csv"));
    let page = std::fs::read_to_string(dir.path().join("report.html")).unwrap();
    assert!(page.contains(&format!("<a href=\"{file}\">")), "the page leads to it");
    // As an interrupt leaves it: one row is not there yet.
    let rows = std::fs::read_to_string(dir.path().join("profiles.csv")).unwrap();
    let kept: String = rows.split_inclusive("\r\n").filter(|row| !row.contains("hoards")).collect();
    std::fs::write(dir.path().join("profiles.csv"), kept).unwrap();
    unfinish(dir.path(), &run);
    let path = dir.path().to_string_lossy().into_owned();
    measure_with(dir.path(), &["--resume", &path], "", Some(programs.path()));
    let again = Run::read(dir.path()).unwrap();
    assert_eq!(again.profiles.len(), 2);
    assert!(again.provenance.checksums.contains_key(&file), "also of what was drawn before");
    // What was changed afterwards is refused.
    std::fs::write(dir.path().join(&file), "other").unwrap();
    let refused = Run::read(dir.path()).unwrap_err().to_string();
    assert!(refused.contains(&file) && refused.contains("SHA-256"), "{refused}");
}

fn a_machine_that_takes_no_samples_is_said() {
    let programs = tempfile::tempdir().unwrap();
    let run = |expected: &str| {
        let dir = tempfile::tempdir().unwrap();
        let output = measure_with(dir.path(), &PROFILED, "smoke", Some(programs.path()));
        let shown = String::from_utf8(output.stdout).unwrap();
        assert!(shown.contains(&format!("warning: there is no flame graph: {expected}")), "{shown}");
        let run = Run::read(dir.path()).unwrap();
        assert!(run.samples.iter().all(|row| row.status == Status::Ok), "the sweep is whole");
        assert_eq!(run.profiles.len(), 2);
        for row in &run.profiles {
            assert_eq!((row.status, row.samples), (Status::NotApplicable, None));
            assert!(row.message.starts_with(expected), "{}", row.message);
        }
    };
    run("perf is not installed");
    script(programs.path(), "perf", "echo 'Error:' >&2; echo 'Access is limited.' >&2; exit 255");
    run("perf record failed: Access is limited.");
}

fn a_rate_that_nobody_reaches_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let arguments =
        ["--latency", "--strategy", "allocates,std-mutex", "--threads", "2", "--load", "5,50", "--rate", "1000000000"];
    let output = measure(dir.path(), &arguments);
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(
        shown.contains(
            "warning: no map could do the rate that all were asked for under ratio-sweep at 50 % reads on 2 threads"
        ),
        "{shown}"
    );
    assert!(shown.contains("latency.csv"), "{shown}");
    let run = Run::read(dir.path()).unwrap();
    assert!(run.provenance.host.clock.as_ref().is_some_and(|clock| clock.look_ns > 0));
    let rows =
        |kind, load_pct| run.latency.iter().filter(move |row: &&Latency| row.kind == kind && row.load_pct == load_pct);
    let common: Vec<&Latency> = rows(LatencyKind::ResponseTime, None).collect();
    assert_eq!(common.len(), 2);
    for row in common {
        assert!(row.saturated && row.percentiles_ns() == [None; 6], "{row:?}");
        assert!(row.achieved_ops_s.unwrap() < row.rate_ops_s.unwrap(), "{row:?}");
    }
    for load in [5, 50] {
        assert_eq!(rows(LatencyKind::ResponseTime, Some(load)).count(), 2);
    }
    // A reader's pauses while the other thread writes, iterates, grows the map: of two maps.
    for row in rows(LatencyKind::Pause, None) {
        assert!(row.status == Status::Ok && row.samples > Some(0), "{row:?}");
    }
    assert_eq!(rows(LatencyKind::Pause, None).count(), 6);
    // Each kind, and all of them.
    assert_eq!(rows(LatencyKind::ServiceTime, None).count(), 8);
}

/// Makes a run one that was interrupted before its end was written.
fn unfinish(dir: &Path, run: &Run) {
    let mut provenance = run.provenance.clone();
    (provenance.finished, provenance.checksums) = (None, Default::default());
    std::fs::write(dir.join(PROVENANCE), serde_json::to_string(&provenance).unwrap()).unwrap();
}

fn an_interrupted_run_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["--latency", "--memory", "--strategy", "allocates", "--threads", "1", "--load", "50"];
    measure(dir.path(), &arguments);
    let whole = Run::read(dir.path()).unwrap();
    // As an interrupt leaves it: the last rows are not there, the one before is torn, and nothing says finished.
    let cut = |name: &str, lines: usize| {
        let path = dir.path().join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        let kept: Vec<&str> = text.split_inclusive("\r\n").take(lines).collect();
        std::fs::write(path, format!("{}torn", kept.concat())).unwrap();
    };
    cut("latency.csv", 3);
    cut("memory.csv", 1);
    cut("reclamation.csv", 9);
    unfinish(dir.path(), &whole);
    let path = dir.path().to_string_lossy().into_owned();
    measure(dir.path(), &["--resume", &path]);
    let again = Run::read(dir.path()).unwrap();
    let names = |run: &Run| {
        let mut names: Vec<String> =
            run.latency.iter().map(|row| format!("{:?} {} {:?}", row.kind, row.operation, row.load_pct)).collect();
        // Which kinds of operation had their turn is the machine's choice.
        let memory = run.memory.iter().filter(|row| row.operation == ALL_OPERATIONS);
        names.extend(memory.map(|row| format!("memory {}", row.strategy)));
        names.sort();
        names
    };
    assert_eq!(names(&again), names(&whole));
    assert_eq!(again.latency[..2], whole.latency[..2], "what was measured is not measured again");
    assert_eq!(again.reclamation[..8], whole.reclamation[..8]);
    assert!(again.reclamation.len() > 8);
}

fn a_map_beyond_the_memory_of_its_worker_is_a_row() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["--memory", "--latency", "--strategy", "hoards,allocates", "--threads", "1", "--memory-mib", "48"];
    measure(dir.path(), &arguments);
    let run = Run::read(dir.path()).unwrap();
    let status = |strategy: &str| {
        let memory = run.memory.iter().filter(|row| row.strategy == strategy).map(|row| row.status);
        let latency = run.latency.iter().filter(|row| row.strategy == strategy).map(|row| row.status);
        memory.chain(latency).collect::<Vec<_>>()
    };
    assert_eq!(status("hoards"), [Status::OutOfMemory; 2]);
    let said = &run.memory.iter().find(|row| row.strategy == "hoards").unwrap().message;
    assert!(said.contains("its budget is 48 MiB (--memory-mib)"), "{said}");
    assert!(status("allocates").iter().all(|status| *status == Status::Ok));
}
