//! `mapbench verify` over strategies that are not what they declare.

mod subject;

use std::collections::HashMap;
use std::process::{ExitCode, Output};
use std::sync::Mutex;

use mapbench::Entry;
use mapbench_api::{ConcurrentMap, HashBuilder, Key, MapHandle, Operation, Strategy, StrategyInfo, Value};
use mapbench_results::{Semantics, Verdict};
use subject::{Test, lacks, mapbench};

const TESTS: [Test; 5] = [
    ("a_violation_is_drawn_and_can_be_made_again", a_violation_is_drawn_and_can_be_made_again),
    ("machines_are_told_the_same", machines_are_told_the_same),
    ("a_map_that_hangs_is_killed", a_map_that_hangs_is_killed),
    ("a_map_that_crashes_costs_its_own_checks", a_map_that_crashes_costs_its_own_checks),
    ("a_map_that_takes_all_memory_stays_undecided", a_map_that_takes_all_memory_stays_undecided),
];

fn main() -> ExitCode {
    let entries = [
        Entry::of::<Broken<LOSES_UPDATES>>(),
        Entry::of::<Broken<HANGS>>(),
        Entry::of::<Broken<ABORTS>>(),
        Entry::of::<Broken<HOARDS>>(),
    ];
    subject::main(&entries, &TESTS)
}

const LOSES_UPDATES: u8 = 0;
const HANGS: u8 = 1;
const ABORTS: u8 = 2;
const HOARDS: u8 = 3;

/// A map behind one lock, but for one fault.
struct Broken<const FAULT: u8>;

struct BrokenMap<K, V, S, const FAULT: u8>(Mutex<HashMap<K, V, S>>);

struct BrokenHandle<'m, K, V, S, const FAULT: u8>(&'m BrokenMap<K, V, S, FAULT>);

impl<const FAULT: u8> Strategy for Broken<FAULT> {
    const INFO: StrategyInfo = StrategyInfo {
        name: ["loses-updates", "hangs", "aborts", "hoards"][FAULT as usize],
        unsupported: &[
            lacks(Operation::InsertNew),
            lacks(Operation::Remove),
            lacks(Operation::Upsert),
            lacks(Operation::CompareExchange),
            lacks(Operation::ForEach),
        ],
        ..subject::INFO
    };

    type Map<K: Key, V: Value, S: HashBuilder> = BrokenMap<K, V, S, FAULT>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> Self::Map<K, V, S> {
        let mut table = HashMap::with_capacity_and_hasher(capacity, hasher);
        table.extend(entries);
        BrokenMap(Mutex::new(table))
    }
}

impl<K: Key, V: Value, S: HashBuilder, const FAULT: u8> ConcurrentMap<K, V> for BrokenMap<K, V, S, FAULT> {
    type Handle<'m> = BrokenHandle<'m, K, V, S, FAULT>;

    fn handle(&self) -> Self::Handle<'_> {
        BrokenHandle(self)
    }
}

impl<K: Key, V: Value, S: HashBuilder, const FAULT: u8> MapHandle<K, V> for BrokenHandle<'_, K, V, S, FAULT> {
    fn read<R>(&mut self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R> {
        self.0.0.lock().unwrap().get(key).map(f)
    }

    fn insert(&mut self, key: K, value: V) -> bool {
        self.0.0.lock().unwrap().insert(key, value).is_none()
    }

    fn update(&mut self, key: &K, mut f: impl FnMut(&V) -> V) -> bool {
        match FAULT {
            HANGS => hang(),
            HOARDS => {
                let _hoard = std::hint::black_box(vec![1_u8; 128 << 20]);
                hang()
            }
            ABORTS => std::process::abort(),
            _ => {}
        }
        let Some(before) = self.0.0.lock().unwrap().get(key).cloned() else { return false };
        // Whatever another thread stores here is lost.
        std::thread::yield_now();
        self.0.0.lock().unwrap().insert(key.clone(), f(&before));
        true
    }

    fn len(&mut self) -> usize {
        self.0.0.lock().unwrap().len()
    }
}

fn hang() -> ! {
    loop {
        std::thread::park();
    }
}

fn verify(strategy: &str, more: &[&str]) -> (Output, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let output = mapbench("broken")
        .args(["verify", "--strategy", strategy, "--seconds", "1", "--patience", "1"])
        .args(more)
        .arg("--out")
        .arg(dir.path())
        .output()
        .unwrap();
    (output, dir)
}

/// Expects that a violation was found.
fn violated(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("mapbench: violated: "), "{stderr}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn a_violation_is_drawn_and_can_be_made_again() {
    let (output, dir) = verify("loses-updates,std-mutex", &["--check", "histories,counters", "--seed", "3"]);
    let shown = violated(&output);
    for part in [
        "violated: histories, counters\n",
        "loses-updates (declares linearizable), histories: violated\n",
        "    key ",
        " is not linearizable: ",
        "    thread ",
        "├",
        "┤",
        "<- nothing explains this any more",
        "loses-updates (declares linearizable), counters: violated\n",
    ] {
        assert!(shown.contains(part), "{part} is missing:\n{shown}");
    }
    assert!(shown.lines().any(|line| line.starts_with("  std-mutex ") && line.ends_with(" 2 verified")), "{shown}");
    let rows = Semantics::read(dir.path()).unwrap();
    let violated = rows.iter().filter(|row| row.verdict == Verdict::Violated).count();
    assert_eq!((rows.len(), violated), (4, 2));
    // The command is as good as its word.
    let again = shown.lines().find_map(|line| line.strip_prefix("    again, seed 3: ")).expect(&shown);
    let (program, arguments) = again.split_once(' ').unwrap();
    assert_eq!(std::env::current_exe().unwrap().file_name().unwrap(), program);
    assert!(arguments.starts_with("verify --strategy loses-updates --check histories --seed 3 --threads "), "{again}");
    let elsewhere = tempfile::tempdir().unwrap();
    let output = mapbench("broken").current_dir(&elsewhere).args(arguments.split(' ')).output().unwrap();
    assert!(self::violated(&output).contains(" is not linearizable: "), "{output:?}");
}

fn machines_are_told_the_same() {
    let (output, dir) = verify("loses-updates", &["--check", "histories", "--json"]);
    let told = violated(&output);
    let document: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(document["verdict"], "violated");
    let check = &document["checks"][0];
    assert_eq!((&check["strategy"], &check["check"]), (&"loses-updates".into(), &"histories".into()));
    assert!(check["picture"].as_str().unwrap().contains('├'), "{told}");
    assert!(check["again"].as_str().unwrap().contains("verify --strategy loses-updates"), "{told}");
    assert_eq!(std::fs::read_to_string(dir.path().join("verify.json")).unwrap(), told);
}

fn a_map_that_hangs_is_killed() {
    let (output, dir) = verify("hangs", &["--check", "counters"]);
    let shown = violated(&output);
    assert!(shown.contains("    hung: no answer within 2 s; killed\n"), "{shown}");
    assert_eq!(Semantics::read(dir.path()).unwrap()[0].verdict, Verdict::Violated);
}

fn a_map_that_crashes_costs_its_own_checks() {
    let (output, dir) = verify("aborts,frozen", &["--check", "counters,histories"]);
    let shown = violated(&output);
    assert_eq!(shown.matches("    ended without an answer: aborted").count(), 2, "{shown}");
    let rows = Semantics::read(dir.path()).unwrap();
    assert_eq!(rows.iter().map(|row| row.verdict).filter(|verdict| *verdict == Verdict::Verified).count(), 1);
}

fn a_map_that_takes_all_memory_stays_undecided() {
    let (output, dir) = verify("hoards", &["--check", "counters", "--memory-mib", "64"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("mapbench: undecided: 1 check of 1"), "{stderr}");
    let row = &Semantics::read(dir.path()).unwrap()[0];
    assert_eq!(row.verdict, Verdict::Undecided);
    assert!(row.detail.contains("its budget is 64 MiB"), "{row:?}");
    assert!(
        String::from_utf8(output.stdout).unwrap().contains("hoards (declares linearizable), counters: undecided\n")
    );
}
