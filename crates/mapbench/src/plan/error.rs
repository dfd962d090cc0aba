//! Why there is no plan.

use mapbench_report::counted;
use mapbench_results::Percent;
use mapbench_workload::DefinitionError;

use super::MOST_THREADS;
use crate::registry::UnknownName;
use crate::trace::ReplayError;

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlanError {
    /// No strategy or workload of that name.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// A workload file that cannot be read.
    #[error("cannot read the workload {file}: {error}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        error: std::io::Error,
    },
    /// A workload file that is wrong.
    #[error("{file}: {error}")]
    Workload {
        /// The file.
        file: String,
        /// What is wrong, and where.
        error: DefinitionError,
    },
    /// A trace that cannot be replayed.
    #[error(transparent)]
    Trace(#[from] ReplayError),
    /// Two workloads of one name.
    #[error("two workloads are named `{0}`; results could not be told apart: rename one")]
    Twice(String),
    /// Nothing can be measured with so many threads.
    #[error("--threads {0} is not in 1..={MOST_THREADS}")]
    Threads(u32),
    /// A workload whose share of reads is not for the asking.
    #[error("`{workload}` has {has} % reads, not {asked} %: its mix is fixed; leave --read-pct out")]
    FixedReads {
        /// The workload.
        workload: String,
        /// The share that was asked for.
        asked: Percent,
        /// Its own.
        has: Percent,
    },
    /// A workload of types that are not compiled.
    #[error("`{workload}` cannot be run: {reason}")]
    Types {
        /// The workload.
        workload: String,
        /// Which there are.
        reason: String,
    },
    /// A hasher for a workload that sweeps over hashers.
    #[error("`{0}` has hashers of its own, of which its name speaks: leave --hasher out")]
    OwnHashers(String),
    /// A workload for another allocator.
    #[error("`{workload}` wants the allocator {wanted}, and this program has {present}: {remedy}")]
    Allocator {
        /// The workload.
        workload: String,
        /// Its allocator.
        wanted: &'static str,
        /// The program's.
        present: String,
        /// How to have it.
        remedy: String,
    },
    /// A workload that so many threads cannot do.
    #[error("`{workload}` cannot run on {}: {reason}", counted(*threads, "thread"))]
    Refused {
        /// The workload.
        workload: String,
        /// The threads.
        threads: u32,
        /// Why.
        reason: String,
    },
    /// The workers of a group would not fit in memory side by side.
    #[error(
        "the {strategies} workers of a group with `{workload}` need about {needed} MiB side by side; {available} MiB \
         are available: choose fewer strategies or a smaller population"
    )]
    Memory {
        /// The workload.
        workload: String,
        /// Workers of a group.
        strategies: usize,
        /// Estimate of what they need, in MiB.
        needed: u64,
        /// What the machine has to offer, in MiB.
        available: u64,
    },
}
