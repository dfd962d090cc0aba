//! A run that is killed, interrupted, or not alone.

use std::collections::HashSet;
use std::process::Command;
use std::thread;
use std::time::Duration;

use mapbench_results::{PROVENANCE, Run, Status};
use mapbench_workload::SplitMix64;

use crate::processes::{Mark, expect, kill};

const INTERRUPTS: u32 = 50;

/// Threads that never come back from a map, in a sweep and in a check.
pub(crate) fn nobody_outlives_a_killed_orchestrator() {
    let dir = tempfile::tempdir().unwrap();
    let (out, found) = (dir.path().join("run"), dir.path().join("found"));
    let sweep = "run --profile smoke --strategy deadlocks,ignores-term,loops,std-mutex --read-pct 50 --threads 2 --out";
    let verify = "verify --strategy deadlocks --check counters --threads 2 --out";
    for (line, dir, processes) in [(sweep, out, 4), (verify, found, 2)] {
        let mark = Mark::new();
        let orchestrator = mark.begin(&format!("{line} {}", dir.display()));
        // The orchestrator and its workers, long enough that a map has been met.
        expect("workers start", || mark.alive().len() >= processes);
        thread::sleep(Duration::from_millis(300));
        assert!(mark.alive().len() > 1, "{line}: it has ended");
        kill(orchestrator);
        mark.expect_none();
    }
}

pub(crate) fn a_second_run_in_a_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let text = out.display();
    let mark = Mark::new();
    let first = mark.begin(&format!("run --profile smoke --strategy deadlocks --read-pct 50 --threads 2 --out {text}"));
    expect("the run begins", || out.join(PROVENANCE).exists());
    for second in [format!("run --profile smoke --out {text}"), format!("run --resume {text}")] {
        let refused = mark.command(&second).output().unwrap();
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert_eq!(
            said,
            format!(
                "mapbench: {text} is being written by another mapbench: wait until it ends, or choose another directory\n"
            )
        );
    }
    kill(first);
    mark.expect_none();
}

/// Killed or interrupted at random moments until it was so often: every slice is there once.
pub(crate) fn a_run_interrupted_again_and_again_is_whole() {
    let mut rng = SplitMix64::new(0x1d7e_55ed);
    let mut interrupted = 0;
    while interrupted < INTERRUPTS {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("run");
        let text = out.display();
        let run = "run --profile smoke --strategy std-mutex,std-rwlock,frozen --threads 1,2 --out";
        let mark = Mark::new();
        loop {
            let begun = out.join(PROVENANCE).exists();
            let line = if begun { format!("run --resume {text}") } else { format!("{run} {text}") };
            let mut child = mark.begin(&line);
            if interrupted < INTERRUPTS {
                thread::sleep(Duration::from_micros(rng.next_u64() % 120_000));
            } else {
                child.wait().unwrap();
            }
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success(), "{line}: {status}");
                break;
            }
            let signal = ["-INT", "-KILL"][(rng.next_u64() % 2) as usize];
            Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
            child.wait().unwrap();
            mark.expect_none();
            interrupted += 1;
            // Only the page can be missing then.
            if Run::finished_provenance(&out).is_ok() {
                break;
            }
        }
        let run = Run::read(&out).unwrap();
        let cells: HashSet<_> = run.cells.iter().map(|cell| (cell.group(), &cell.strategy)).collect();
        let plan = &run.provenance.plan;
        assert_eq!((run.cells.len(), cells.len()), (plan.groups.len() * 3, plan.groups.len() * 3));
        let rows: HashSet<_> =
            run.samples.iter().map(|row| (row.group(), &row.strategy, row.fork, row.round)).collect();
        assert_eq!(rows.len(), run.samples.len(), "a slice is there twice");
        assert_eq!(rows.len(), cells.len(), "a cell of this profile is one slice");
        assert!(run.samples.iter().all(|row| matches!(row.status, Status::Ok | Status::NotApplicable)), "{run:?}");
    }
}
