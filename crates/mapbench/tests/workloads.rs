//! Workloads through the program: what they promise, measured.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use mapbench_results::{Run, Sample, Status};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mapbench")).args(arguments).output().unwrap()
}

/// Measures, and expects success.
fn measured(out: &Path, arguments: &[&str]) -> Vec<Sample> {
    let output = run(&[&["run", "--out", out.to_str().unwrap()], arguments].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Run::read(out).unwrap().samples
}

fn file(dir: &Path, text: &str) -> PathBuf {
    let path = dir.join("own.toml");
    fs::write(&path, format!("name = \"own\"\nquestion = \"?\"\nsource = \"a test\"\n{text}")).unwrap();
    path
}

#[test]
fn the_exchange_hits_as_it_says_on_any_number_of_threads() {
    let dir = tempfile::tempdir().unwrap();
    let own = file(
        dir.path(),
        "population = 2_000\nhit_pct = [30, 75]\n[mix]\nread = 10\ninsert = 40\nremove = 40\nupdate = 10\n",
    );
    let arguments = ["--profile", "quick", "--strategy", "dashmap", "--threads", "1,2,3,4,6,8", "--workload"];
    let samples = measured(&dir.path().join("run"), &[&arguments[..], &[own.to_str().unwrap()]].concat());
    for (name, share) in [("own@hit_pct=30", 30.0), ("own@hit_pct=75", 75.0)] {
        for threads in [1, 2, 3, 4, 6, 8] {
            let of_cell = || samples.iter().filter(|row| row.workload == name && row.threads == threads);
            let hits: u64 = of_cell().filter_map(|row| row.hits).sum();
            let reads = hits + of_cell().filter_map(|row| row.misses).sum::<u64>();
            assert!(reads > 2_000, "{name}, {threads} threads: {reads} reads");
            let rate = 100.0 * hits as f64 / reads as f64;
            // Five standard deviations, and no more than one point where the machine is fast.
            let slack = 5.0 * (share * (100.0 - share) / reads as f64).sqrt();
            assert!((rate - share).abs() < slack, "{name}, {threads} threads: {rate:.2} % of {reads} reads hit");
        }
    }
}

#[test]
fn a_slice_of_growth_is_whole_and_a_scan_counts_entries() {
    let dir = tempfile::tempdir().unwrap();
    let workloads = ["--workload", "libcuckoo-rapid-grow,scan,scan-alone,scan-writers,config-reload"];
    let choice = ["--profile", "smoke", "--strategy", "sharded-rwlock,std-mutex"];
    let samples = measured(&dir.path().join("run"), &[&workloads[..], &choice].concat());
    assert!(!samples.is_empty());
    for row in &samples {
        assert_eq!(row.status, Status::Ok, "{row:?}");
        let kinds: u64 = row.kinds().into_iter().flatten().sum();
        assert_eq!(Some(kinds), row.ops);
        match &*row.workload {
            "libcuckoo-rapid-grow" => {
                assert_eq!(row.ops.unwrap() % 196_608, 0, "whole maps: {row:?}");
                assert!(row.drop_ns.is_some() && row.insert_ops.unwrap() * 100 > row.ops.unwrap() * 79, "{row:?}");
                assert_eq!(row.misses, Some(0), "growth reads what is there");
            }
            // The thread that writes does one operation at least, however long the other holds the lock.
            "scan" => {
                assert_eq!(row.read_ops, Some(0), "{row:?}");
                assert!(row.insert_ops.unwrap() + row.remove_ops.unwrap() > 0, "{row:?}");
            }
            "scan-writers" => assert_eq!((row.iterate_ops, row.read_ops), (Some(0), Some(0)), "{row:?}"),
            "scan-alone" => assert_eq!(row.iterated_entries.unwrap(), row.iterate_ops.unwrap() * 10_000),
            "config-reload" => {
                // 10 000 a second, in at most the measured times of all threads together; what it lags behind by, up to
                // 10 ms, it catches up with; and an operation at either end.
                let most = u64::from(row.threads) * row.elapsed_ns.unwrap() / 100_000 + 100 + 2;
                assert!(row.insert_ops.unwrap() <= most && row.read_ops.unwrap() > row.insert_ops.unwrap(), "{row:?}");
            }
            other => panic!("{other}"),
        }
    }
    // Of two threads, one iterates: it is held against itself alone, and the writer against itself without it.
    let output = run(&["report", dir.path().join("run").to_str().unwrap(), "--format", "md"]);
    let tables = String::from_utf8(output.stdout).unwrap();
    let (_, tables) = tables.split_once("scan, 0 % reads, 2 threads: iteration and other operations").expect(&tables);
    let row = tables.lines().find(|line| line.starts_with("| std-mutex |")).expect(tables);
    let cells: Vec<&str> = row.split('|').map(str::trim).collect();
    let [alone, writers] = [cells[5], cells[7]].map(|cell| cell.parse::<f64>().unwrap_or(0.0));
    assert!(alone > 0.0 && writers > 0.0, "{row}");
}

/// Throughput, latency and memory, whatever the types; a reader's pauses too, while others insert beyond the key range.
#[test]
fn strings_and_large_values_are_measured_in_every_way() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let workloads = ["--workload", "session-cache,ycsb-a,interning", "--threads", "2", "--hasher", "default"];
    let choice =
        ["--profile", "smoke", "--strategy", "std-mutex,dashmap,flurry", "--latency", "--load", "50", "--memory"];
    let samples = measured(&out, &[&workloads[..], &choice].concat());
    assert_eq!(samples.len(), 9);
    assert!(samples.iter().all(|row| row.status == Status::Ok), "{samples:?}");
    let Run { provenance, latency, memory, .. } = Run::read(&out).unwrap();
    assert_eq!(provenance.plan.hasher, "default");
    let own = |name: &str| {
        let declared = provenance.strategies.iter().find(|declared| declared.name == name).unwrap();
        declared.configuration.rsplit_once(' ').unwrap().1.to_owned()
    };
    assert_eq!([own("dashmap"), own("flurry")], ["siphash", "ahash"]);
    let expected = match (cfg!(feature = "mimalloc"), cfg!(feature = "jemalloc")) {
        (true, _) => "mimalloc",
        (false, true) => "jemalloc",
        (false, false) => "system",
    };
    assert_eq!(provenance.build.allocator, expected);
    let grown = latency.iter().filter(|row| row.workload == "session-cache" && row.operation == "grow");
    assert!(grown.clone().count() >= 3 && grown.clone().all(|row| row.status == Status::Ok), "{latency:?}");
    // A key of two words and some thirteen bytes of its own, and 1 KiB, in a table that is half full at least.
    let mut held = memory.iter().filter(|row| row.workload == "session-cache" && row.operation == "all");
    let plausible = |bytes: f64| (1_024.0 + 29.0..2.0 * 1_100.0).contains(&bytes);
    assert!(held.all(|row| row.bytes_per_entry().is_some_and(plausible)), "{memory:?}");
}

#[test]
fn a_growth_that_takes_too_long_is_given_up_once() {
    let dir = tempfile::tempdir().unwrap();
    let own = file(
        dir.path(),
        "population = 0\nkey_range = 500_000\noperations = 400_000\ndistribution = \"queue\"\n[mix]\ninsert = 100\n",
    );
    let arguments = ["--profile", "quick", "--strategy", "arc-swap-cow", "--threads", "1", "--workload"];
    let samples = measured(&dir.path().join("run"), &[&arguments[..], &[own.to_str().unwrap()]].concat());
    assert_eq!(samples.len(), 1, "{samples:?}");
    assert_eq!(samples[0].status, Status::TimedOut);
    assert!(samples[0].message.ends_with(" of 400000 operations were done in 4 s"), "{}", samples[0].message);
}

#[test]
fn a_workload_file_that_is_wrong_is_refused_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let own = file(dir.path(), "population = 10\nkey_range = 20\n[mix]\nread = 90\n");
    let output = run(&["run", "--workload", own.to_str().unwrap()]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    let expected = "own.toml: line 6, column 1: the shares under [mix] add up to 90, not to 100";
    assert!(stderr.contains(expected) && stderr.lines().count() == 1, "{stderr}");
}

#[test]
fn a_trace_is_replayed_and_ranks() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("day.csv");
    let mut text = "time,thread,operation,key,value_bytes\n".to_owned();
    for turn in 0..3_000_u32 {
        let (thread, key) = (turn % 2, turn % 50);
        let operation = ["insert", "read", "read", "remove"][(turn / 2 % 4) as usize];
        text += &format!("{turn},{thread},{operation},k{key},8\n");
    }
    fs::write(&trace, text).unwrap();
    let out = dir.path().join("run");
    let output = run(&[
        "run",
        "--profile",
        "smoke",
        "--strategy",
        "dashmap,std-mutex,frozen",
        "--trace",
        trace.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ]);
    let (shown, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && shown.contains("trace-day"), "{shown}{stderr}");
    let samples = Run::read(&out).unwrap().samples;
    let of = |strategy: &str| samples.iter().find(|row| row.strategy == strategy).unwrap();
    assert_eq!(of("frozen").status, Status::NotApplicable);
    for strategy in ["dashmap", "std-mutex"] {
        let row = of(strategy);
        assert_eq!((row.status, row.threads, row.ops.unwrap() % 3_000), (Status::Ok, 2, 0), "{row:?}");
        let all = row.ops.unwrap() / 3_000;
        assert_eq!((row.read_ops, row.insert_ops), (Some(1_500 * all), Some(750 * all)));
    }
    fs::write(&trace, "time,thread,operation,key,value_bytes\n1,0,reed,a,0\n").unwrap();
    let output = run(&["run", "--trace", trace.to_str().unwrap()]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(2) && stderr.contains("day.csv: record 1: there is no operation \"reed\""),
        "{stderr}"
    );
}

#[test]
fn the_workload_of_the_readme_is_measured_as_it_stands() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    let lines =
        readme.lines().skip_while(|line| *line != "    name = \"mine\"").map_while(|line| line.strip_prefix("    "));
    let text: Vec<&str> = lines.collect();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mine.toml");
    fs::write(&path, text.join("\n")).unwrap();
    // All of the strategies, in the memory that they have unless said otherwise.
    let arguments = ["--profile", "smoke", "--threads", "2", "--workload", path.to_str().unwrap()];
    let samples = measured(&dir.path().join("run"), &arguments);
    for row in &samples {
        assert!(matches!(row.status, Status::Ok | Status::NotApplicable | Status::Detected), "{row:?}");
    }
    assert!(samples.iter().any(|row| row.inserted.is_some_and(|inserted| inserted > 0)), "nothing is inserted");
}

#[test]
fn a_map_that_may_outgrow_its_budget_is_warned_of_beforehand() {
    let dir = tempfile::tempdir().unwrap();
    let own = file(dir.path(), "population = 100_000\nkey_range = 100_000\n[mix]\nread = 100\n");
    let said = |name: &str, mib: &str| {
        let out = dir.path().join(name);
        let choice = ["run", "--profile", "smoke", "--strategy", "frozen", "--threads", "1", "--memory-mib", mib];
        let output =
            run(&[&choice[..], &["--workload", own.to_str().unwrap(), "--out", out.to_str().unwrap()]].concat());
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let warning = "warning: a worker with `own` may need up to 40 MiB and is killed above 39: --memory-mib allows more";
    assert!(said("little", "39").contains(warning));
    assert!(!said("enough", "41").contains("warning"));
}

#[test]
fn a_workload_of_ones_own_is_known_after_its_run() {
    let dir = tempfile::tempdir().unwrap();
    let own = file(
        dir.path(),
        "population = 1_000\nkey_range = 2_000\ndistribution = [\"uniform\", \"zipf:0.99\"]\n[mix]\nread = 90\ninsert = 5\nremove = 5\n",
    );
    let (own, out) = (own.to_str().unwrap(), dir.path().join("run"));
    let before = out.to_str().unwrap();
    let arguments = ["--profile", "quick", "--strategy", "std-mutex,std-rwlock", "--threads", "1", "--seed", "7"];
    measured(&out, &[&arguments[..], &["--workload", own]].concat());
    let said = |arguments: &[&str], code: i32| {
        let output = run(arguments);
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        said
    };

    let refused = said(&["show", &format!("{own}/read-90/threads-1/std-mutex")], 2);
    let each = ["uniform", "zipf:0.99"].map(|distribution| format!("{own}@distribution={distribution}"));
    let expected = format!("`{own}` stands for several workloads: say which of {}\n", each.join(", "));
    assert_eq!(refused, format!("mapbench: {expected}"));
    let alone = said(&["show", &format!("{}/read-90/threads-1/std-mutex", each[1]), "--seed", "7"], 0);

    for chosen in [own, "own", &each[0], "own@distribution=uniform"] {
        let ranked = said(&["rank", before, "--workload", chosen], 0);
        assert!(ranked.contains("own@distribution=uniform"), "{chosen}: {ranked}");
        assert_eq!(ranked.contains("own@distribution=zipf:0.99"), !chosen.contains('@'), "{chosen}: {ranked}");
    }
    let lacks = "the run has no --workload ow; it has own@distribution=uniform, own@distribution=zipf:0.99\n";
    assert!(said(&["rank", before, "--workload", "ow"], 2).ends_with(lacks));
    let none = "the run has no --workload all; it has own@distribution=uniform, own@distribution=zipf:0.99\n";
    assert!(said(&["rank", before, "--workload", "all"], 2).ends_with(none));

    // The run knows it without its file.
    fs::remove_file(own).unwrap();
    let shown = said(&["show", "own@distribution=zipf:0.99/read-90/threads-1/std-mutex", "--run", before], 0);
    let streams =
        |text: &str| text.lines().filter(|line| line.starts_with("    ")).map(str::to_owned).collect::<Vec<_>>();
    assert!(!streams(&shown).is_empty() && streams(&shown) == streams(&alone), "{shown}\n{alone}");
    let again = format!(
        "to run it alone, with plan.workloads.own of {before}/provenance.json as own.toml: mapbench run --strategy std-mutex \
         --workload own.toml@distribution=zipf:0.99 --read-pct 90 --threads 1 --seed 7 --hasher foldhash\n"
    );
    assert!(shown.contains(&again), "{shown}");
    let gated = dir.path().join("gated");
    let output = run(&["gate", "--against", before, "--out", gated.to_str().unwrap()]);
    assert!(matches!(output.status.code(), Some(0 | 1 | 3)), "{}", String::from_utf8_lossy(&output.stderr));
    let gated: Vec<_> = Run::read(&gated).unwrap().provenance.plan.groups;
    assert_eq!(gated, Run::read(&out).unwrap().provenance.plan.groups);
}

#[test]
fn a_gate_measures_what_an_earlier_run_of_several_fixed_mixes_measured() {
    let dir = tempfile::tempdir().unwrap();
    let (before, after) = (dir.path().join("before"), dir.path().join("after"));
    let arguments = ["--profile", "quick", "--strategy", "std-mutex,std-rwlock", "--workload", "ycsb-a,ycsb-b"];
    measured(&before, &[&arguments[..], &["--threads", "1"]].concat());
    let output = run(&["gate", "--against", before.to_str().unwrap(), "--out", after.to_str().unwrap()]);
    assert!(matches!(output.status.code(), Some(0 | 1 | 3)), "{}", String::from_utf8_lossy(&output.stderr));
    let plan = |dir: &Path| Run::read(dir).unwrap().provenance.plan;
    let (before, after) = (plan(&before), plan(&after));
    assert_eq!(before.groups.len(), 2, "{:?}", before.groups);
    assert_eq!(
        (&before.groups, before.seed, before.forks, before.rounds, before.slice_ns),
        (&after.groups, after.seed, after.forks, after.rounds, after.slice_ns)
    );
}
