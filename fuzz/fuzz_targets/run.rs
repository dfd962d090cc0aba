//! A run, sound but for one of its files, in which any bytes stand in the place of others. What can be read is shown on a page.
#![no_main]

#[path = "../../crates/results/tests/common/mod.rs"]
mod common;

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use mapbench_report::{Input, html};
use mapbench_results::*;
use tempfile::TempDir;

const FILES: [&str; 8] = [SAMPLES, MACHINE, CELLS, LATENCY, MEMORY, RECLAMATION, GROWTH, PROFILES];

/// What is done: to which file, at which place, how many bytes are replaced, by what.
type Edit<'a> = (u8, u16, u16, &'a [u8]);

struct Sound {
    dir: TempDir,
    provenance: Provenance,
}

/// A finished run of two strategies, in which everything was asked for.
static SOUND: LazyLock<Sound> = LazyLock::new(|| {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    write(dir.path()).expect("a run can be written");
    let text = fs::read(dir.path().join(PROVENANCE)).expect("it was written");
    Sound { dir, provenance: serde_json::from_slice(&text).expect("it was written") }
});

fn write(dir: &Path) -> Result<(), Error> {
    let mut provenance = common::provenance();
    let plan = &mut provenance.plan;
    let (load_pct, arrivals) = (vec![50, 95], "poisson".to_owned());
    plan.latency = Some(LatencyPlan { forks: 2, warm_ns: 1, slice_ns: 2, arrivals, load_pct, rate_ops_s: 7 });
    plan.memory = Some(MemoryPlan { forks: 2, load_ns: 1, quiet_ns: 2, budget_bytes: 3 });
    plan.growth = Some(GrowthPlan { forks: 2 });
    plan.profile_cpu = Some(ProfilePlan { hertz: 499, slice_ns: 1 });
    let mut writer = RunWriter::create(dir, &provenance)?;
    writer.append_sample(&common::failure("a", 0, 0, "two\r\nlines, \"quoted\""))?;
    for (fork, round) in [(0, 0), (0, 1), (1, 0)] {
        writer.append_sample(&common::sample("b", fork, round))?;
        writer.append_machine(&common::machine(fork, round))?;
    }
    let group = common::sample("a", 0, 0).group();
    let mut times = Distribution::default();
    times.record_n(70, 5_000);
    let timed = Latency {
        achieved_ops_s: Some(7),
        every: Some(1),
        ..Latency::unmeasured(&group, "b", 0, LatencyKind::ServiceTime, Status::Ok)
    };
    writer.append_latency(&[timed.with(&times, false)])?;
    let counted = Memory { operations: Some(9), allocations: Some(1), allocated_bytes: Some(64), ..memory(&group) };
    let point = Reclamation {
        workload: group.workload.clone(),
        read_pct: group.read_pct,
        threads: group.threads,
        strategy: "b".to_owned(),
        fork: 0,
        point: 0,
        stage: Stage::Load,
        at_ns: 1,
        live_bytes: 2,
        operations: 3,
    };
    writer.append_memory(&[counted], &[point])?;
    let grown = Growth {
        entries: Some(1_024),
        at_ns: Some(9),
        took_ns: Some(5),
        longest_ns: Some(3),
        ..Growth::unmeasured(&group, "b", 0, Status::Ok)
    };
    writer.append_growth(&[grown])?;
    let drawn = FlameGraph { samples: Some(7), ..FlameGraph::missing(&group, "b", Status::Ok, String::new()) };
    writer.append_profile(&drawn, "<svg/>")?;
    writer.finish(&[common::cell("a"), common::cell("b")], provenance)?;
    Run::read(dir).map(drop)
}

fn memory(group: &Group) -> Memory {
    Memory::unmeasured(group, "b", 0, "read", Status::Ok)
}

fuzz_target!(|edit: Edit| {
    let (which, at, replaced, by) = edit;
    let Sound { dir, provenance } = &*SOUND;
    let name = FILES[usize::from(which) % FILES.len()];
    let file = dir.path().join(name);
    let sound = fs::read(&file).expect("it was written");
    let at = usize::from(at).min(sound.len());
    let end = (at + usize::from(replaced)).min(sound.len());
    let edited = [&sound[..at], by, &sound[end..]].concat();
    fs::write(&file, edited).expect("a temporary file can be written");
    let mut knowing = provenance.clone();
    knowing.checksums.insert(name.to_owned(), checksum::of_file(&file).expect("it was written"));
    let knowing = serde_json::to_vec(&knowing).expect("provenance is plain data");
    fs::write(dir.path().join(PROVENANCE), knowing).expect("a temporary file can be written");
    match Run::read(dir.path()) {
        Ok(run) => drop(html(&Input::of(&run))),
        Err(error) => assert_eq!(error.to_string().lines().count(), 1),
    }
    fs::write(&file, sound).expect("a temporary file can be written");
});
