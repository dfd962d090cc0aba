//! Instructions of one operation, counted through the executable as `mapbench gate` does.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use mapbench::callgrind::{NotCounted, instructions, per_operation};
use serde_json::{Value, json};

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_mapbench");

/// What the executable says to a line on its standard input.
fn tell(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(EXECUTABLE)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// A small map, all reads.
fn cell(strategy: &str, threads: usize) -> String {
    let described: Value = serde_json::from_slice(&tell(&["worker"], "{\"request\":\"describe\"}\n").stdout).unwrap();
    json!({
        "protocol": described["protocol"],
        "strategy": strategy,
        "threads": threads,
        "load": {
            "population": 64, "capacity": 64, "space": {"range": 128}, "operations": null,
            "roles": [{"name": "all", "threads": null, "mix": [100_000_000, 0, 0, 0, 0, 0, 0, 0], "distribution": "uniform", "rate_ops_s": null}],
            "key": "u64", "value": "8", "hasher": "foldhash"
        },
        "stream_seeds": vec![1; threads],
        "hash_seed": 1,
        "processors": [],
    })
    .to_string()
}

#[test]
fn the_same_operations_are_the_same_instructions_within_one_each() {
    let count = |operations: &str| {
        instructions(Path::new(EXECUTABLE), &["count-operations", operations], &cell("std-mutex", 1))
    };
    match count("256") {
        Err(error @ NotCounted::NotInstalled) => eprintln!("not tested: {error}"),
        first => {
            let (first, again, more) = (first.unwrap(), count("256").unwrap(), count("1280").unwrap());
            // Not to the last one: how the system hands over standard input costs a few more or less.
            assert!(first.abs_diff(again) < 256, "{first} and {again}");
            let each = per_operation([256, 1_280], [first, more]);
            assert!((10.0..10_000.0).contains(&each), "{each} instructions for a read");
        }
    }
}

#[test]
fn what_cannot_be_counted_is_said() {
    let good = cell("std-mutex", 1);
    let newer = good.replace("\"protocol\":", "\"protocol\":99");
    for (input, expected) in [
        ("{}", "mapbench: standard input is not a cell as `mapbench gate` sends it: missing field `protocol`"),
        (&*cell("std-mutexx", 1), "mapbench: unknown strategy `std-mutexx`; did you mean `std-mutex`?"),
        (&*newer, "mapbench: this mapbench speaks protocol "),
        (&*cell("std-mutex", 2), "mapbench: operations are counted on 1 thread, not on 2"),
        (&*cell("std-mutex", 0), "mapbench: operations are counted on 1 thread, not on 0"),
        (&*good.replace("\"stream_seeds\":[1]", "\"stream_seeds\":[]"), "mapbench: operations are counted on 1 thread"),
        (
            &*good.replace("[100000000,0", "[0,100000000").replace("std-mutex", "frozen"),
            "mapbench: frozen cannot do this: no insert",
        ),
    ] {
        let output = tell(&["count-operations", "1"], input);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{said}");
        assert!(said.starts_with(expected), "{said}");
    }
}
