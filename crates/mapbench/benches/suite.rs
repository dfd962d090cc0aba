//! `cargo bench -p mapbench`: the standard sweep, then single operations by criterion, then the ranking.

#[path = "../src/allocator.rs"]
mod allocator;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use criterion::{BenchmarkId, Criterion, Throughput};
use mapbench::bench::{self, Arguments};
use mapbench::{Registry, Timed};

fn main() -> ExitCode {
    allocator::declare();
    if let Some(ended) = bench::serve_worker(&[]) {
        return ended;
    }
    let arguments = Arguments::parse();
    let sweep = bench::sweep(&[], &arguments);
    if !sweep.is_broken() {
        single_operations();
    }
    sweep.conclude()
}

/// One group an operation, one bench a strategy that has it.
fn single_operations() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(200))
        .sample_size(10)
        .nresamples(10_000)
        .without_plots()
        .configure_from_args();
    let registry = Registry::with(&[]);
    for operation in Timed::ALL {
        let mut group = criterion.benchmark_group(operation.name());
        group.throughput(Throughput::Elements(operation.elements()));
        for entry in registry.entries() {
            if operation.needs().iter().all(|need| entry.info.lacks(*need).is_none()) {
                group.bench_function(BenchmarkId::from_parameter(entry.info.name), |bencher| {
                    bencher.iter_custom(|iterations| entry.time_single(operation, iterations));
                });
            }
        }
        group.finish();
    }
    criterion.final_summary();
}
