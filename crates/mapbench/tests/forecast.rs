//! `mapbench forecast` from the outside. What counts needs a nightly compiler and some minutes to build: `scripts/forecast.sh`.

use std::path::Path;
use std::process::{Command, Output};

use mapbench_results::{ALL_KINDS, CONTENTION, Contention, Expected, ForecastRun, HOT_SPOTS};

fn forecast(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mapbench")).arg("forecast").args(arguments).output().unwrap()
}

fn refused(arguments: &[&str]) -> String {
    let output = forecast(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

#[test]
fn wrong_input_is_refused_before_anything_is_built() {
    assert!(refused(&["--strategy", "dashmp"]).contains("did you mean `dashmap`"));
    assert!(refused(&["--topology", "/nonexistent.toml"]).contains("/nonexistent.toml"));
    assert!(refused(&["--against", "/nonexistent", "--sources", "/nonexistent"]).contains("provenance.json"));
    assert!(refused(&["--sources", "/nonexistent"]).contains("--sources DIR"));
    assert!(refused(&["--strategy", "frozen", "--read-pct", "50"]).contains("mapbench list"));
    let said = refused(&["--workload", "session-cache", "--cores", "2"]);
    assert!(said.contains("`session-cache` is not of u64 keys, values of 8 bytes and foldhash"), "{said}");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("t.toml");
    std::fs::write(&file, "within_ns = { low = 2, mid = 1, high = 3 }\ncomplexes = [{ cores = 2 }]").unwrap();
    let said = refused(&["--topology", file.to_str().unwrap()]);
    assert!(said.contains("t.toml: `within_ns` must be above 0"), "{said}");
}

fn counted(dir: &Path, more: &[&str]) -> ForecastRun {
    let mut arguments = vec![
        "--strategy",
        "std-rwlock,std-mutex,dashmap,papaya,frozen,evmap-batched",
        "--read-pct",
        "100,90",
        "--cores",
        "1,2,16",
        "--out",
        dir.to_str().unwrap(),
    ];
    arguments.extend(more);
    let output = forecast(&arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(!said.contains("warning:"), "{said}");
    assert!(dir.join("report.html").is_file());
    ForecastRun::read(dir).unwrap()
}

fn reads<'a>(run: &'a ForecastRun, strategy: &str, cores: u32) -> &'a Contention {
    let of = |row: &&Contention| {
        row.strategy == strategy && row.read_pct.hundredths() == 10_000 && row.cores == cores && row.kind == ALL_KINDS
    };
    run.contention.iter().find(of).unwrap()
}

#[test]
#[ignore = "builds the simulator with a nightly compiler: scripts/forecast.sh"]
fn counts_are_the_known_answers_and_the_same_every_time() {
    let dir = tempfile::tempdir().unwrap();
    let [first, second, overlapped] = ["a", "b", "c"].map(|name| dir.path().join(name));
    let run = counted(&first, &[]);
    for cores in [2, 16] {
        let frozen = reads(&run, "frozen", cores);
        assert_eq!((frozen.reads_modified, frozen.invalidating_writes), (0, 0));
        let locked = reads(&run, "std-rwlock", cores);
        assert_eq!(locked.owner_changes, locked.operations);
        let sharded = reads(&run, "dashmap", cores);
        let share = sharded.per_operation(sharded.owner_changes);
        assert!((0.4..1.0).contains(&share), "{share}");
    }
    assert_eq!(reads(&run, "std-rwlock", 1).transfers(), 0.0);
    let hottest = run.hot_spots.iter().find(|spot| spot.strategy == "std-rwlock").unwrap();
    assert!(hottest.file.starts_with("std/src/") && hottest.lines == 1, "{hottest:?}");
    assert!(run.hot_spots.iter().any(|spot| spot.strategy == "dashmap" && spot.file.starts_with("dashmap-")));
    let expected = |strategy: &str, cores| {
        let of =
            |row: &&Expected| row.strategy == strategy && row.read_pct.hundredths() == 10_000 && row.cores == cores;
        run.expected.iter().find(of).unwrap().ops_s
    };
    let scaled = expected("frozen", 16) / expected("frozen", 1);
    assert!((15.0..17.0).contains(&scaled), "{scaled}");
    // How much of an operation holds the lock depends on the build that timed one alone; that most of it does, not.
    let locked = expected("std-mutex", 16) / expected("std-mutex", 1);
    assert!(locked < 4.0, "{locked}");
    assert!(run.expected.iter().all(|row| row.bound_ops_s.is_none_or(|bound| row.ops_s <= bound)));
    counted(&second, &[]);
    for file in [CONTENTION, HOT_SPOTS] {
        let read = |dir: &Path| std::fs::read_to_string(dir.join(file)).unwrap();
        assert_eq!(read(&first), read(&second), "{file}");
    }
    // With turns that end anywhere, a mutex is met while it is held.
    let run = counted(&overlapped, &["--overlap", "20"]);
    assert!(reads(&run, "std-mutex", 16).sleeps > 0);
}

#[test]
#[ignore = "builds the simulator with a nightly compiler: scripts/forecast.sh"]
fn clocks_tell_the_same_every_time() {
    let validated = || {
        let output = forecast(&["--validate"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let first = validated();
    assert!(first.contains("Kendall's tau"), "{first}");
    assert_eq!(first, validated());
}
