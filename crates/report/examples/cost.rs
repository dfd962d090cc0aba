//! What a report costs: made-up runs of 10 000, 100 000 and 1 000 000 samples, from the files to the page.
//!
//! `cargo run --release -p mapbench-report --example cost`
//!
//! Each run is read, summarised and shown by a process of its own, whose peak of resident memory is the system's count.
//! With a directory as its argument the runs are left there, to be looked at; else they go to the system's folder for
//! temporary files, and are removed. They take 150 bytes a sample.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use mapbench_report::{Input, html};
use mapbench_results::{
    Build, Declared, Group, Host, Machine, Percent, Plan, Provenance, Run, RunWriter, SCHEMA_VERSION,
};
use mapbench_results::{Sample, Status};

/// What a run is made of: its cells are strategies times groups.
#[derive(Clone, Copy)]
struct Size {
    name: &'static str,
    strategies: u32,
    groups: u32,
    forks: u32,
    rounds: u32,
}

impl Size {
    const fn more_forks(forks: u32) -> Self {
        Self { name: "forks", strategies: 24, groups: 15, forks, rounds: 2 }
    }

    const fn more_cells(groups: u32) -> Self {
        Self { name: "cells", strategies: 40, groups, forks: 10, rounds: 5 }
    }

    fn cells(self) -> u32 {
        self.strategies * self.groups
    }

    fn samples(self) -> u32 {
        self.cells() * self.forks * self.rounds
    }
}

const SIZES: [Size; 6] = [
    Size::more_forks(14),
    Size::more_forks(139),
    Size::more_forks(1_389),
    Size::more_cells(5),
    Size::more_cells(50),
    Size::more_cells(500),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => {
            let dir = std::env::temp_dir().join(format!("mapbench-cost-{}", std::process::id()));
            let done = compare(&dir);
            std::fs::remove_dir_all(&dir).map_err(Into::into).and(done)
        }
        ["--read", dir] => read(Path::new(dir)),
        [dir] => compare(Path::new(dir)),
        _ => Err("usage: cost [DIR]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cost: {error}");
            ExitCode::from(2)
        }
    }
}

fn compare(dir: &Path) -> Result<(), Box<dyn Error>> {
    println!(
        "| more | samples | cells | seconds | CPU seconds | CPU us a sample | peak MiB | KiB a sample | page KiB |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    for size in SIZES {
        let run = dir.join(format!("{}-{}", size.name, size.samples()));
        write(size, &run)?;
        let output = Command::new(std::env::current_exe()?).arg("--read").arg(&run).output()?;
        let text = String::from_utf8(output.stdout)?;
        let numbers: Vec<f64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let [seconds, cpu, peak_kib, page_kib] = numbers[..] else {
            return Err(format!("reading {} failed: {}", run.display(), String::from_utf8_lossy(&output.stderr)).into());
        };
        let samples = f64::from(size.samples());
        println!(
            "| {} | {} | {} | {seconds:.3} | {cpu:.3} | {:.2} | {:.0} | {:.2} | {page_kib:.0} |",
            size.name,
            size.samples(),
            size.cells(),
            cpu * 1e6 / samples,
            peak_kib / 1024.0,
            peak_kib / samples
        );
    }
    Ok(())
}

/// Prints the seconds, those on a processor, the peak of resident memory and the length of the page.
fn read(dir: &Path) -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    let page = html(&Input::of(&Run::read(dir)?));
    std::fs::write(dir.join("report.html"), &page)?;
    let seconds = begin.elapsed().as_secs_f64();
    println!("{seconds} {} {} {}", cpu_seconds()?, peak_kib()?, page.len() / 1024);
    Ok(())
}

/// The time that this process had a processor, which is the same on a busy machine.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let counts = std::fs::read_to_string("/proc/self/schedstat")?;
    Ok(counts.split_whitespace().next().unwrap_or_default().parse::<f64>()? / 1e9)
}

/// The most memory that this process ever held, as Linux counts it.
fn peak_kib() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("the system counts no peak")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// An unfinished run: its cells are summarised when it is read, which is the larger part of the work.
fn write(size: Size, dir: &Path) -> Result<(), Box<dyn Error>> {
    let provenance = provenance(size);
    let mut writer = RunWriter::create(dir, &provenance)?;
    let mut noise = Noise(1);
    for fork in 0..size.forks {
        for group in &provenance.plan.groups {
            for round in 0..size.rounds {
                let minute = 1.0 + noise.next() * 0.05;
                writer.append_machine(&machine(group, fork, round))?;
                for (place, strategy) in provenance.plan.strategies.iter().enumerate() {
                    let rate = 1e8 / 1.05_f64.powi(place as i32) * minute * (1.0 + noise.next() * 0.02);
                    writer.append_sample(&sample(group, strategy, (fork, round), rate as u64))?;
                }
            }
        }
    }
    Ok(())
}

/// Numbers from 0 to 1: Knuth's generator for MMIX.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1_u32 << 31)
    }
}

fn sample(group: &Group, strategy: &str, (fork, round): (u32, u32), rate: u64) -> Sample {
    Sample {
        start_ns: Some(1_000_000_000),
        elapsed_ns: Some(50_000_000),
        ops: Some(rate / 20),
        throughput_ops_s: Some(rate),
        fairness_ppm: Some(999_000),
        batch_ops: Some(1_024),
        hits: Some(1_000_000),
        misses: Some(1_000_000),
        inserted: Some(100_000),
        removed: Some(100_000),
        rss_bytes: Some(8_000_000),
        ..Sample::unmeasured(group, strategy, [fork, round, 0], Status::Ok)
    }
}

fn machine(group: &Group, fork: u32, round: u32) -> Machine {
    let Group { workload, read_pct, threads } = group.clone();
    Machine {
        workload,
        read_pct,
        threads,
        fork,
        round,
        start_ns: 1,
        round_trip_ns: Some(40),
        arithmetic_ns: 90_000,
        memory_walk_ns: 500_000,
        steal_ns: 0,
    }
}

fn provenance(size: Size) -> Provenance {
    let strategies: Vec<String> = (0..size.strategies).map(|place| format!("strategy-{place}")).collect();
    // Five shares of reads, as many thread counts; more groups than those are of more workloads.
    let group = |place: u32| Group {
        workload: format!("workload-{}", place / 25),
        read_pct: Percent::whole([100, 99, 90, 50, 0][place as usize % 5]),
        threads: [1, 2, 4, 8, 16][place as usize / 5 % 5],
    };
    let groups: Vec<Group> = (0..size.groups).map(group).collect();
    let declared = |name: &String| Declared {
        name: name.clone(),
        upstream: "made-up".to_owned(),
        version: "1.0.0".to_owned(),
        summary: "a map that is not there".to_owned(),
        consistency: "linearizable".to_owned(),
        iteration: "snapshot".to_owned(),
        read_progress: "blocking".to_owned(),
        reclamation: "immediate".to_owned(),
        configuration: "default".to_owned(),
        notes: String::new(),
        unsupported: Vec::new(),
    };
    Provenance {
        schema_version: SCHEMA_VERSION,
        mapbench_version: env!("CARGO_PKG_VERSION").to_owned(),
        started: "2026-01-01T00:00:00Z".to_owned(),
        finished: None,
        command: vec!["cost".to_owned()],
        strategies: strategies.iter().map(declared).collect(),
        plan: Plan {
            profile: "made up".to_owned(),
            seed: 1,
            hasher: "none".to_owned(),
            workloads: groups.iter().map(|group| (group.workload.clone(), String::new())).collect::<BTreeMap<_, _>>(),
            groups,
            strategies,
            forks: size.forks,
            rounds: size.rounds,
            warm_ns: 20_000_000,
            slice_ns: 50_000_000,
            memory_bytes: 1 << 30,
            latency: None,
            memory: None,
            profile_cpu: None,
            growth: None,
        },
        host: Host {
            name: "made-up".to_owned(),
            cpu: "no processor".to_owned(),
            cores: 4,
            threads_per_core: None,
            caches: String::new(),
            governor: None,
            kernel: String::new(),
            virtualisation: None,
            memory_bytes: 1 << 34,
            steal_ns: 0,
            clock: None,
        },
        build: Build {
            rustc: String::new(),
            target: String::new(),
            profile: String::new(),
            flags: String::new(),
            target_features: String::new(),
            allocator: String::new(),
            revision: None,
            dirty: None,
        },
        checksums: BTreeMap::new(),
    }
}
