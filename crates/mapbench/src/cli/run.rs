use std::path::PathBuf;
use std::time::Duration;

use super::{Failure, Filter};
use crate::plan::{Choice, Profile};
use crate::registry::Registry;
use crate::run::{self, Order};

#[derive(clap::Args)]
#[command(after_help = "Example: mapbench run --profile quick --strategy dashmap,papaya --read-pct 90 --threads 1,2")]
pub(super) struct Arguments {
    /// How long and how often to measure
    #[arg(long, value_enum, default_value = "standard")]
    profile: Profile,
    #[command(flatten)]
    filter: Filter,
    /// Seed of the operation streams, the hashers and the order of visits
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The directory of the run; a fresh one under bench-results by default
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Go on with the run in DIR, which says itself what to measure
    #[arg(long, value_name = "DIR", conflicts_with_all = ["profile", "strategies", "workloads", "read_pct", "threads", "seed", "out", "memory_mib"])]
    resume: Option<PathBuf>,
    /// Memory that a worker may hold, in MiB; one that exceeds it is killed and its row says so
    #[arg(long, default_value_t = 2048, value_name = "MIB", value_parser = clap::value_parser!(u64).range(16..))]
    memory_mib: u64,
    /// Seconds that a worker may take to answer, beyond the slice itself; a slower one is killed and its row says so
    #[arg(long, default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    patience: u64,
}

pub(super) fn run(registry: &Registry, arguments: Arguments) -> Result<(), Failure> {
    let patience = Duration::from_secs(arguments.patience);
    let finished = match arguments.resume {
        Some(dir) => run::resume(registry, &dir, patience)?,
        None => {
            let Filter { strategies, workloads, read_pct, threads } = arguments.filter;
            let order = Order {
                profile: arguments.profile,
                choice: Choice { strategies, workloads, read_pct, threads },
                seed: arguments.seed,
                memory_bytes: arguments.memory_mib << 20,
                patience,
                out: arguments.out,
            };
            run::start(registry, order)?
        }
    };
    finished.show();
    Ok(())
}
