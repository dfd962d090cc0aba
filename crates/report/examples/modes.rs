//! Which probe of the machine tells its slow minutes from its fast ones, and what they do to each strategy.
//!
//! `cargo run --release -p mapbench-report --example modes -- DIR`
//!
//! A round is slow if the cache line's way from core to core and back took more than twice its median. Rates are against
//! the cell's own median; correlations are of logarithms, over cells with more than one thread.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::ExitCode;

use mapbench_results::{Group, Machine, Run, Sample, Status};
use mapbench_stats::median;

type Round = (Group, u32, u32);

/// What a probe found in a round.
type Probe = fn(&Machine) -> Option<u64>;

fn main() -> ExitCode {
    let Some(dir) = std::env::args().nth(1) else {
        eprintln!("usage: modes DIR");
        return ExitCode::from(2);
    };
    match Run::read(Path::new(&dir)) {
        Ok(run) => {
            print(&run);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("modes: {error}");
            ExitCode::from(2)
        }
    }
}

fn print(run: &Run) {
    let rounds: HashMap<Round, &Machine> =
        run.machine.iter().map(|row| ((row.group(), row.fork, row.round), row)).collect();
    let trips: Vec<f64> = run.machine.iter().filter_map(|row| row.round_trip_ns).map(|ns| ns as f64).collect();
    let Some(usual) = median(&trips) else {
        println!("the machine has one core: there is no way to another");
        return;
    };
    let slow = |row: &Machine| row.round_trip_ns.is_some_and(|ns| ns as f64 > 2.0 * usual);
    let slow_rounds = run.machine.iter().filter(|row| slow(row)).count();
    println!("{slow_rounds} of {} rounds slow; the usual round trip is {usual:.0} ns", run.machine.len());

    let samples: Vec<&Sample> = run.samples.iter().filter(|sample| sample.status == Status::Ok).collect();
    let mut cells: HashMap<(Group, &str), Vec<f64>> = HashMap::new();
    for sample in &samples {
        cells.entry((sample.group(), &sample.strategy)).or_default().push(log_rate(sample));
    }
    let medians: HashMap<_, f64> =
        cells.into_iter().filter_map(|(cell, rates)| Some((cell, median(&rates)?))).collect();

    let mut shifts: BTreeMap<(&str, u32), Vec<f64>> = BTreeMap::new();
    let mut pairs: Vec<(&Machine, f64)> = Vec::new();
    for sample in &samples {
        let Some(row) = rounds.get(&(sample.group(), sample.fork, sample.round)) else { continue };
        let shift = log_rate(sample) - medians[&(sample.group(), sample.strategy.as_str())];
        if slow(row) {
            shifts.entry((&sample.strategy, sample.threads)).or_default().push(shift);
        }
        if sample.threads > 1 {
            pairs.push((row, shift));
        }
    }
    let probes: [(&str, Probe); 3] = [
        ("round trip", |row| row.round_trip_ns),
        ("arithmetic", |row| Some(row.arithmetic_ns)),
        ("memory walk", |row| Some(row.memory_walk_ns)),
    ];
    for (name, field) in probes {
        let both = pairs.iter().filter_map(|(row, shift)| Some(((field(row)?.max(1) as f64).ln(), *shift)));
        println!("correlation of rates with the {name}: {:.2}", correlation(&both.collect::<Vec<_>>()));
    }
    let mut threads: Vec<u32> = run.provenance.plan.groups.iter().map(|group| group.threads).collect();
    threads.sort_unstable();
    threads.dedup();
    println!("rate in slow rounds, times the cell's median:");
    println!("{:<20}{}", "threads", threads.iter().map(|n| format!("{n:>8}")).collect::<String>());
    for strategy in &run.provenance.plan.strategies {
        let shown = |n: &u32| match shifts.get(&(strategy.as_str(), *n)).and_then(|shifts| median(shifts)) {
            Some(shift) => format!("{:>8.2}", shift.exp()),
            None => format!("{:>8}", "–"),
        };
        println!("{strategy:<20}{}", threads.iter().map(shown).collect::<String>());
    }
}

fn log_rate(sample: &Sample) -> f64 {
    (sample.throughput_ops_s.unwrap_or(0).max(1) as f64).ln()
}

/// Pearson's.
fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let n = pairs.len() as f64;
    let (mean_x, mean_y) = (pairs.iter().map(|p| p.0).sum::<f64>() / n, pairs.iter().map(|p| p.1).sum::<f64>() / n);
    let sum = |f: fn(f64, f64) -> f64| pairs.iter().map(|(x, y)| f(x - mean_x, y - mean_y)).sum::<f64>();
    sum(|x, y| x * y) / (sum(|x, _| x * x) * sum(|_, y| y * y)).sqrt()
}
