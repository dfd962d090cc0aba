//! The rows of a run: what each file holds, a struct a file, a field a column.

use mapbench_workload::{OpKind, Percent};
use serde::{Deserialize, Serialize};

use crate::{FlameGraph, Growth, Latency, Memory, Reclamation};

/// The version of these schemas. Version 1 is read too: it lacks the columns of [`Sample`] that tell the kinds of operations
/// apart.
pub const SCHEMA_VERSION: u32 = 2;

/// What became of a slice or of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Measured, and the map was right afterwards.
    Ok,
    /// The strategy cannot do this; `message` says why.
    #[serde(rename = "n/a")]
    NotApplicable,
    /// The strategy detected a misuse and ended its worker, as it promises to.
    Detected,
    /// A thread of the worker panicked.
    Panicked,
    /// The worker called abort.
    Aborted,
    /// A signal ended the worker.
    Signalled,
    /// The worker did not answer within its deadline and was killed.
    TimedOut,
    /// The worker exceeded its memory budget and was killed.
    OutOfMemory,
    /// The worker said something that is not the protocol, or ended without a word.
    ProtocolError,
    /// The map did not hold what the operations must have left in it.
    WrongAnswer,
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Status::Ok => "ok",
            Status::NotApplicable => "n/a",
            Status::Detected => "detected",
            Status::Panicked => "panicked",
            Status::Aborted => "aborted",
            Status::Signalled => "signalled",
            Status::TimedOut => "timed out",
            Status::OutOfMemory => "out of memory",
            Status::ProtocolError => "protocol error",
            Status::WrongAnswer => "wrong answer",
        })
    }
}

/// What is measured, but for the strategy: the cells that share it are compared with each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Group {
    /// The workload's name.
    pub workload: String,
    /// The share of reads among the operations, in per cent.
    pub read_pct: Percent,
    /// Worker threads.
    pub threads: u32,
}

/// A row of `samples.csv`: one slice, or one failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// The workload's name.
    pub workload: String,
    /// The share of reads among the operations, in per cent.
    pub read_pct: Percent,
    /// Worker threads.
    pub threads: u32,
    /// The strategy's name.
    pub strategy: String,
    /// The fork: which of the cell's processes, from 0. One pass over the sweep starts one fork of every cell.
    pub fork: u32,
    /// The round within the fork, from 0.
    pub round: u32,
    /// The place within the round, from 0.
    pub position: u32,
    /// What became of it. All measurements are empty unless it is `ok`.
    pub status: Status,
    /// When the slice began, in nanoseconds since the run began.
    pub start_ns: Option<u64>,
    /// Mean over threads of the measured time, in nanoseconds.
    pub elapsed_ns: Option<u64>,
    /// Operations of all threads within their measured times.
    pub ops: Option<u64>,
    /// Sum over threads of operations per measured second, rounded.
    pub throughput_ops_s: Option<u64>,
    /// Jain's fairness index of the threads' rates, in millionths: 1 000 000 when all are equal.
    pub fairness_ppm: Option<u64>,
    /// Operations between two looks at the phase.
    pub batch_ops: Option<u64>,
    /// Reads that found their key; this and the next three count from the start of the warm-up to the end of the slice.
    pub hits: Option<u64>,
    /// Reads that did not.
    pub misses: Option<u64>,
    /// Inserts that added a key.
    pub inserted: Option<u64>,
    /// Removes that removed one.
    pub removed: Option<u64>,
    /// Resident memory of the worker process after the slice, in bytes.
    pub rss_bytes: Option<u64>,
    /// Reads within the measured times of all threads; this and the next seven add up to `ops`. Since version 2.
    #[serde(default)]
    pub read_ops: Option<u64>,
    /// Inserts or replacements. Since version 2.
    #[serde(default)]
    pub insert_ops: Option<u64>,
    /// Inserts only if absent. Since version 2.
    #[serde(default)]
    pub insert_new_ops: Option<u64>,
    /// Removes. Since version 2.
    #[serde(default)]
    pub remove_ops: Option<u64>,
    /// Updates of present keys. Since version 2.
    #[serde(default)]
    pub update_ops: Option<u64>,
    /// Updates or inserts. Since version 2.
    #[serde(default)]
    pub upsert_ops: Option<u64>,
    /// Reads followed by an exchange of what was read. Since version 2.
    #[serde(default)]
    pub compare_exchange_ops: Option<u64>,
    /// Iterations over the map. Since version 2.
    #[serde(default)]
    pub iterate_ops: Option<u64>,
    /// Entries that these iterations saw. Since version 2.
    #[serde(default)]
    pub iterated_entries: Option<u64>,
    /// Mean time that dropping the map took, in nanoseconds, when the slice built its own. Since version 2.
    #[serde(default)]
    pub drop_ns: Option<u64>,
    /// Why the status is not `ok`; empty if it is.
    pub message: String,
}

impl Sample {
    /// The row of a slice before, or instead of, its measurements.
    #[must_use]
    pub fn unmeasured(group: &Group, strategy: &str, [fork, round, position]: [u32; 3], status: Status) -> Self {
        Self {
            workload: group.workload.clone(),
            read_pct: group.read_pct,
            threads: group.threads,
            strategy: strategy.to_owned(),
            fork,
            round,
            position,
            status,
            start_ns: None,
            elapsed_ns: None,
            ops: None,
            throughput_ops_s: None,
            fairness_ppm: None,
            batch_ops: None,
            hits: None,
            misses: None,
            inserted: None,
            removed: None,
            rss_bytes: None,
            read_ops: None,
            insert_ops: None,
            insert_new_ops: None,
            remove_ops: None,
            update_ops: None,
            upsert_ops: None,
            compare_exchange_ops: None,
            iterate_ops: None,
            iterated_entries: None,
            drop_ns: None,
            message: String::new(),
        }
    }

    /// The counts by kind, in the order of [`OpKind::ALL`].
    #[must_use]
    pub const fn kinds(&self) -> [Option<u64>; OpKind::ALL.len()] {
        [
            self.read_ops,
            self.insert_ops,
            self.insert_new_ops,
            self.remove_ops,
            self.update_ops,
            self.upsert_ops,
            self.compare_exchange_ops,
            self.iterate_ops,
        ]
    }
}

/// A row of `machine.csv`: what the machine itself did in one round, measured between two slices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The workload's name.
    pub workload: String,
    /// The share of reads among the operations, in per cent.
    pub read_pct: Percent,
    /// Worker threads.
    pub threads: u32,
    /// The fork.
    pub fork: u32,
    /// The round within the fork.
    pub round: u32,
    /// When the probes began, in nanoseconds since the run began.
    pub start_ns: u64,
    /// A cache line's way from core to core and back, in nanoseconds; empty on a machine with one core.
    pub round_trip_ns: Option<u64>,
    /// A fixed loop of dependent multiplications, in nanoseconds.
    pub arithmetic_ns: u64,
    /// A fixed walk over memory larger than the second-level cache, in nanoseconds.
    pub memory_walk_ns: u64,
    /// Time stolen by the hypervisor from all cores since the last round, in nanoseconds.
    pub steal_ns: u64,
}

/// A row of `cells.csv`: one cell, summarised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The workload's name.
    pub workload: String,
    /// The share of reads among the operations, in per cent.
    pub read_pct: Percent,
    /// Worker threads.
    pub threads: u32,
    /// More threads than the machine has cores.
    pub oversubscribed: bool,
    /// The strategy's name.
    pub strategy: String,
    /// `ok` if any fork was measured; else what became of it.
    pub status: Status,
    /// Forks measured.
    pub forks: u32,
    /// Slices measured.
    pub slices: u32,
    /// Median over forks of the fork's median slice, in operations per second.
    pub throughput_ops_s: Option<u64>,
    /// Lower end of its 95 % interval.
    pub throughput_low_ops_s: Option<u64>,
    /// Upper end.
    pub throughput_high_ops_s: Option<u64>,
    /// How many times slower than the best of its group, from ratios within rounds; 1 for the best.
    pub slowdown: Option<f64>,
    /// Lower end of its 95 % interval.
    pub slowdown_low: Option<f64>,
    /// Upper end.
    pub slowdown_high: Option<f64>,
    /// The interval covers 1: no difference to the best was shown.
    pub tied: bool,
    /// Jain's fairness index of the threads' rates, in millionths; median over slices.
    pub fairness_ppm: Option<u64>,
    /// Share of reads that found their key, in millionths, over all slices; empty without reads.
    pub hit_ppm: Option<u64>,
    /// Median resident memory of the worker process, in bytes.
    pub rss_bytes: Option<u64>,
    /// Why the status is not `ok`, or what became of the forks that failed.
    pub message: String,
    /// Median service time over all forks, in nanoseconds. This and the next four are empty unless the run measured them.
    pub service_p50_ns: Option<u64>,
    /// 99th percentile of the service time.
    pub service_p99_ns: Option<u64>,
    /// Median response time at the rate that all maps are asked for; empty too where the map was saturated.
    pub response_p50_ns: Option<u64>,
    /// 99th percentile of the response time at that rate.
    pub response_p99_ns: Option<u64>,
    /// Bytes that the filled map holds for each of its entries, rounded.
    pub bytes_per_entry: Option<u64>,
}

macro_rules! in_group {
    ($($row:ty),+) => {$(
        impl $row {
            /// The group the row belongs to.
            #[must_use]
            pub fn group(&self) -> Group {
                Group { workload: self.workload.clone(), read_pct: self.read_pct, threads: self.threads }
            }

            /// Whether that is this one: as comparing [`group`](Self::group), without its copy of the name.
            #[must_use]
            pub fn is_of(&self, group: &Group) -> bool {
                self.read_pct == group.read_pct && self.threads == group.threads && self.workload == group.workload
            }
        }
    )+};
}
in_group!(Sample, Machine, Cell, Latency, Memory, Reclamation, FlameGraph, Growth);

/// `provenance.json`: where the numbers come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// [`SCHEMA_VERSION`] of the program that wrote the run.
    pub schema_version: u32,
    /// The program's version.
    pub mapbench_version: String,
    /// Start of the run, UTC, RFC 3339.
    pub started: String,
    /// End of the run; `None` while it is unfinished.
    pub finished: Option<String>,
    /// The exact command, a word an entry.
    pub command: Vec<String>,
    /// The plan: what the run set out to measure. `--resume` continues it.
    pub plan: Plan,
    /// The machine.
    pub host: Host,
    /// How the program was built.
    pub build: Build,
    /// Every strategy of the run, in its order.
    pub strategies: Vec<Declared>,
    /// SHA-256 of each file of the finished run, by name, in hexadecimal.
    pub checksums: std::collections::BTreeMap<String, String>,
}

/// What a run sets out to measure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The profile's name.
    pub profile: String,
    /// Seed of the operation streams, of the hashers and of the order of visits.
    pub seed: u64,
    /// The hasher of every map; all names where workloads chose several; `default` stands for each crate's own.
    pub hasher: String,
    /// Groups, in their canonical order.
    pub groups: Vec<Group>,
    /// Strategies, in their canonical order.
    pub strategies: Vec<String>,
    /// The workloads' definitions, as TOML, by name.
    pub workloads: std::collections::BTreeMap<String, String>,
    /// Forks of a cell.
    pub forks: u32,
    /// Rounds of a fork.
    pub rounds: u32,
    /// Warm-up before each slice, in nanoseconds.
    pub warm_ns: u64,
    /// The slice, in nanoseconds.
    pub slice_ns: u64,
    /// Memory budget of a worker process, in bytes.
    pub memory_bytes: u64,
    /// How latency is measured; `None` when it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<LatencyPlan>,
    /// How allocation and reclamation are measured; `None` when they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryPlan>,
    /// How the processors' time is looked at; `None` when it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_cpu: Option<ProfilePlan>,
    /// How growth is looked at; `None` when it is not, or nothing grows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growth: Option<GrowthPlan>,
}

/// How a run measures latency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatencyPlan {
    /// Forks of a cell.
    pub forks: u32,
    /// Warm-up before each measurement, in nanoseconds.
    pub warm_ns: u64,
    /// A measurement, in nanoseconds.
    pub slice_ns: u64,
    /// How arrivals are spread: `poisson` or `constant`.
    pub arrivals: String,
    /// Rates, as shares of what a worker does in a closed loop, in per cent.
    pub load_pct: Vec<u8>,
    /// The one rate that all strategies are asked for, over all threads, in operations a second.
    pub rate_ops_s: u64,
}

/// How a run measures allocation and reclamation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryPlan {
    /// Forks of a cell.
    pub forks: u32,
    /// How long all threads work, and then all but one that stays inside a read, in nanoseconds each.
    pub load_ns: u64,
    /// The longest wait for memory to come back, after the load and after the drop, in nanoseconds each.
    pub quiet_ns: u64,
    /// Bytes beyond the filled map at which a stage ends early.
    pub budget_bytes: u64,
}

/// How a run looks at maps that grow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrowthPlan {
    /// Forks of a cell.
    pub forks: u32,
}

/// How a run looks at where the processors' time goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfilePlan {
    /// Samples of each thread in a second of its processor's time.
    pub hertz: u32,
    /// How long samples of a cell are taken, in nanoseconds.
    pub slice_ns: u64,
}

/// The machine a run was made on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// CPU model as the system names it, with family, model and stepping where it tells them.
    pub cpu: String,
    /// Processors that threads may use.
    pub cores: u32,
    /// Hardware threads a core; `None` when the system does not say.
    pub threads_per_core: Option<u32>,
    /// Caches, for example `L1d 48 KiB, L2 1 MiB, L3 32 MiB`.
    pub caches: String,
    /// Frequency governor; `None` when the system does not say.
    pub governor: Option<String>,
    /// Kernel name and release.
    pub kernel: String,
    /// The hypervisor or container seen; `None` on bare metal or when unknown.
    pub virtualisation: Option<String>,
    /// Memory, in bytes.
    pub memory_bytes: u64,
    /// Time stolen by the hypervisor from all cores during the run, in nanoseconds.
    pub steal_ns: u64,
    /// The clock that operations were timed by; `None` when none was timed alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<HostClock>,
}

/// The clock that operations were timed by: the system's monotonic one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostClock {
    /// What the system takes it from, for example `tsc`; `None` when the system does not say.
    pub source: Option<String>,
    /// What one look takes, in nanoseconds: nothing shorter can be seen.
    pub look_ns: u64,
    /// By how much it went faster than the raw counter during the run, in thousand millionths.
    pub drift_ppb: i64,
}

/// How the program was built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// Compiler release.
    pub rustc: String,
    /// Target triple.
    pub target: String,
    /// Cargo profile.
    pub profile: String,
    /// Extra compiler flags; empty when none.
    pub flags: String,
    /// Target features compiled in.
    pub target_features: String,
    /// Global allocator of the workers.
    pub allocator: String,
    /// Git revision; `None` outside a checkout.
    pub revision: Option<String>,
    /// The checkout had uncommitted changes; `None` outside one.
    pub dirty: Option<bool>,
}

/// A strategy as it declares itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// Its name.
    pub name: String,
    /// The crate that does the work.
    pub upstream: String,
    /// The upstream's version.
    pub version: String,
    /// One line: what it is.
    pub summary: String,
    /// When a write is seen.
    pub consistency: String,
    /// What an iteration sees and whom it hinders.
    pub iteration: String,
    /// What a reader may wait for.
    pub read_progress: String,
    /// When memory is freed.
    pub reclamation: String,
    /// The tuning used.
    pub configuration: String,
    /// What a reader must know.
    pub notes: String,
    /// Operations it lacks, as `operation: reason`.
    pub unsupported: Vec<String>,
}
