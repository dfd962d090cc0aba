use std::path::PathBuf;
use std::time::Duration;

use mapbench_workload::{Arrivals, HasherName};

use super::{Failure, Filter};
use crate::foreign::Foreign;
use crate::plan::{Beside, Choice, Profile, Rates};
use crate::registry::Registry;
use crate::run::{self, Order};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  mapbench run --profile quick --strategy dashmap,papaya --read-pct 90 --threads 1,2
  mapbench run --profile quick --workload ycsb-b --hasher siphash
  mapbench run --profile quick --read-pct 90 --latency --rate 2000000 --memory
  mapbench run --profile quick --strategy dashmap --read-pct 90 --threads 2 --profile-cpu")]
pub(super) struct Arguments {
    /// How long and how often to measure
    #[arg(long, value_enum, default_value = "standard")]
    profile: Profile,
    #[command(flatten)]
    filter: Filter,
    /// Replay what was recorded, by `mapbench-record` or as CSV: time,thread,operation,key,value_bytes
    #[arg(long, value_name = "FILE")]
    trace: Vec<PathBuf>,
    /// Seed of the operation streams, the hashers and the order of visits
    #[arg(long, default_value_t = 1, value_parser = super::whole(0..=u64::MAX))]
    seed: u64,
    /// The hasher of all maps, in place of the workloads' own: foldhash, ahash, siphash, fxhash, or each crate's default
    #[arg(long, value_name = "NAME", value_parser = hasher)]
    hasher: Option<HasherName>,
    /// Measure latency too: service times, and response times at the rates below
    #[arg(long)]
    latency: bool,
    /// Rates of the open loop, in per cent of what each map does in a closed loop with every operation timed
    #[arg(long, value_name = "PER CENT", value_delimiter = ',', default_value = "50,70,80,90,95", value_parser = clap::value_parser!(u8).range(1..=200), requires = "latency")]
    load: Vec<u8>,
    /// One more rate, the same for all maps, in operations a second over all threads
    #[arg(long, value_name = "OPS/S", default_value_t = 1_000_000, value_parser = super::whole(1..=1_000_000_000), requires = "latency")]
    rate: u64,
    /// How the operations of the open loop arrive
    #[arg(long, value_enum, default_value = "poisson", requires = "latency")]
    arrivals: Spread,
    /// Count what the maps allocate, hold and give back, in workers of their own
    #[arg(long)]
    memory: bool,
    /// Draw a flame graph of each cell, from workers of their own; takes `perf`, and says so where there is none
    #[arg(long)]
    profile_cpu: bool,
    /// Let another program's worker join, under the name foreign:NAME: COMMAND is split into words as a shell would, and run
    /// without one. NAME is the strategy that it is asked for. It is not asked for latency or memory. May be given again
    #[arg(long = "worker", value_name = "NAME=COMMAND")]
    workers: Vec<Foreign>,
    /// The directory of the run; a fresh one under bench-results by default
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Go on with the run in DIR, which says itself what to measure
    #[arg(long, value_name = "DIR", conflicts_with_all = ["profile", "strategies", "workload_parts", "trace", "read_pct", "threads", "seed", "hasher", "latency", "load", "rate", "arrivals", "memory", "profile_cpu", "out", "memory_mib"])]
    resume: Option<PathBuf>,
    /// Memory that a worker may hold, in MiB; one that exceeds it is killed and its row says so
    #[arg(long, default_value_t = 2048, value_name = "MIB", value_parser = super::whole(16..=1 << 24))]
    memory_mib: u64,
    /// Seconds that a worker may take to answer, beyond the slice itself; a slower one is killed and its row says so
    #[arg(long, default_value_t = 30, value_name = "SECONDS", value_parser = super::whole(1..=86_400))]
    patience: u64,
}

/// A hasher by its name.
pub(super) fn hasher(name: &str) -> Result<HasherName, String> {
    HasherName::named(name).ok_or_else(|| {
        let known: Vec<&str> = HasherName::ALL.iter().map(|hasher| hasher.name()).collect();
        format!("there are {}", known.join(", "))
    })
}

/// How operations arrive.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Spread {
    /// Independent of each other, as from many users
    Poisson,
    /// Evenly
    Constant,
}

impl Arguments {
    fn beside(&self) -> Beside {
        let arrivals = match self.arrivals {
            Spread::Poisson => Arrivals::Poisson,
            Spread::Constant => Arrivals::Constant,
        };
        let mut load_pct = self.load.clone();
        load_pct.sort_unstable();
        load_pct.dedup();
        let rates = Rates { load_pct, common_ops_s: self.rate, arrivals };
        Beside { latency: self.latency.then_some(rates), memory: self.memory, profile_cpu: self.profile_cpu }
    }
}

pub(super) fn run(registry: &Registry, arguments: Arguments) -> Result<(), Failure> {
    let beside = arguments.beside();
    let patience = Duration::from_secs(arguments.patience);
    let mut registry = registry.clone();
    for worker in &arguments.workers {
        registry.add(worker.entry(patience)?).map_err(Failure::usage)?;
    }
    let registry = &registry;
    let finished = match arguments.resume {
        Some(dir) => run::resume(registry, &dir, patience)?,
        None => {
            let workloads = arguments.filter.workloads();
            let Filter { mut strategies, read_pct, threads, .. } = arguments.filter;
            if !strategies.is_empty() {
                strategies.extend(arguments.workers.iter().map(Foreign::row_name));
            }
            let order = Order {
                profile: arguments.profile,
                choice: Choice {
                    strategies,
                    workloads,
                    traces: arguments.trace,
                    read_pct,
                    threads,
                    hasher: arguments.hasher,
                    ..Choice::default()
                },
                seed: arguments.seed,
                memory_bytes: arguments.memory_mib << 20,
                patience,
                beside,
                out: arguments.out,
            };
            run::start(registry, order)?
        }
    };
    finished.show()
}
