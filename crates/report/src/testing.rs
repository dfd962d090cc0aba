//! Rows made by hand, for the tests of this crate.

use std::collections::BTreeMap;

use mapbench_results::{
    ALL_OPERATIONS, Build, Declared, Distribution, GateVerdict, Group, Growth, Host, Latency, LatencyKind, LatencyPlan,
    Machine, Memory, MemoryPlan, Percent, Plan, Provenance, Reclamation, SCHEMA_VERSION, Sample, SelfTestRow,
    Semantics, Stage, Status, Verdict,
};

use crate::{Beside, Input, complete, summarise};

/// A workload file that sweeps over its distribution.
pub(crate) const SWEPT: &str = "name = \"w\"\nquestion = \"How fast is it?\"\nsource = \"A book\"\nnote = \"Adversarial.\"\n\
    population = 1000\nkey_range = 2000\ndistribution = [\"uniform\", \"zipf:0.9\"]\n\
    [mix]\nread = 90\nupdate = 10\n";

pub(crate) fn group() -> Group {
    Group { workload: "w".to_owned(), read_pct: Percent::whole(90), threads: 2 }
}

pub(crate) fn plan(strategies: &[&str]) -> Plan {
    Plan {
        profile: "quick".to_owned(),
        seed: 1,
        hasher: "foldhash".to_owned(),
        groups: vec![group()],
        strategies: strategies.iter().map(|name| (*name).to_owned()).collect(),
        workloads: BTreeMap::from([("w".to_owned(), String::new())]),
        forks: 3,
        rounds: 2,
        warm_ns: 1_000,
        slice_ns: 2_000,
        memory_bytes: 1 << 30,
        latency: None,
        memory: None,
        profile_cpu: None,
        growth: None,
    }
}

/// A slice of the group of [`group`], at a rate.
pub(crate) fn slices(strategy: &str, fork: u32, round: u32, rate: f64) -> Sample {
    Sample {
        status: Status::Ok,
        start_ns: Some(u64::from(fork * 100 + round)),
        elapsed_ns: Some(1_000_000_000),
        ops: Some(rate as u64),
        throughput_ops_s: Some(rate as u64),
        fairness_ppm: Some(1_000_000),
        batch_ops: Some(64),
        hits: Some(1),
        misses: Some(1),
        inserted: Some(0),
        removed: Some(0),
        rss_bytes: Some(1 << 20),
        message: String::new(),
        ..failure(strategy, fork, Status::Ok, "").at(round)
    }
}

trait At {
    fn at(self, round: u32) -> Self;
}

impl At for Sample {
    fn at(mut self, round: u32) -> Self {
        self.round = round;
        self
    }
}

/// A row without measurements.
pub(crate) fn failure(strategy: &str, fork: u32, status: Status, message: &str) -> Sample {
    Sample { message: message.to_owned(), ..Sample::unmeasured(&group(), strategy, [fork, 0, 0], status) }
}

pub(crate) fn provenance(plan: Plan) -> Provenance {
    let declared = |name: &String| Declared {
        name: name.clone(),
        upstream: "crate".to_owned(),
        version: "1.2.3".to_owned(),
        summary: "a map".to_owned(),
        consistency: "linearizable".to_owned(),
        iteration: "snapshot".to_owned(),
        read_progress: "blocking".to_owned(),
        reclamation: "immediate".to_owned(),
        configuration: "default".to_owned(),
        notes: "none".to_owned(),
        unsupported: Vec::new(),
    };
    Provenance {
        schema_version: SCHEMA_VERSION,
        mapbench_version: "0.1.0".to_owned(),
        started: "2026-01-01T00:00:00Z".to_owned(),
        finished: Some("2026-01-01T00:10:00Z".to_owned()),
        command: vec!["mapbench".to_owned(), "run".to_owned()],
        strategies: plan.strategies.iter().map(declared).collect(),
        plan,
        host: Host {
            name: "host".to_owned(),
            cpu: "cpu".to_owned(),
            cores: 2,
            threads_per_core: Some(1),
            caches: "L2 1 MiB".to_owned(),
            governor: None,
            kernel: "Linux 6".to_owned(),
            virtualisation: None,
            memory_bytes: 1 << 34,
            steal_ns: 0,
            clock: None,
        },
        build: Build {
            rustc: "1.95.0".to_owned(),
            target: "t".to_owned(),
            profile: "release".to_owned(),
            flags: String::new(),
            target_features: String::new(),
            allocator: "system".to_owned(),
            revision: None,
            dirty: None,
        },
        checksums: BTreeMap::from([("samples.csv".to_owned(), "00ff".to_owned())]),
    }
}

/// A round of the machine, at an arithmetic time.
pub(crate) fn machine(round: u32, arithmetic_ns: u64) -> Machine {
    let Group { workload, read_pct, threads } = group();
    Machine {
        workload,
        read_pct,
        threads,
        fork: 0,
        round,
        start_ns: u64::from(round),
        round_trip_ns: Some(100),
        arithmetic_ns,
        memory_walk_ns: 500,
        steal_ns: 0,
    }
}

/// A cell of a suite in which nothing was planted.
pub(crate) fn self_test_row(method: &str, suite: u32, verdict: GateVerdict) -> SelfTestRow {
    SelfTestRow {
        method: method.to_owned(),
        condition: "idle".to_owned(),
        planted: "nothing".to_owned(),
        planted_pct: 0.0,
        suite,
        cell: "w/read-90/threads-2/s".to_owned(),
        rounds: 8,
        suite_seconds: 15.0,
        verdict,
        change_pct: Some(0.1),
        p: Some(0.5),
        confirmed_p: None,
        alpha: Some(0.002),
    }
}

/// What a check found of a strategy.
pub(crate) fn semantics(strategy: &str, check: &str, verdict: Verdict) -> Semantics {
    Semantics {
        strategy: strategy.to_owned(),
        version: "1.2.3".to_owned(),
        check: check.to_owned(),
        declared: format!("declared of {check}"),
        verdict,
        histories: 7,
        operations: 1_000_000,
        elapsed_ms: 250,
        threads: 4,
        seed: 1,
        finished: "2026-01-01T00:20:00Z".to_owned(),
        detail: format!("detail of {check}"),
    }
}

/// Hands a whole input over four strategies to a test: two that tie, one slower, one limit that cannot write.
pub(crate) fn with_input<R>(names: [&str; 4], f: impl FnOnce(&Input) -> R) -> R {
    let provenance = provenance(plan(&names));
    let mut samples = Vec::new();
    for fork in 0..3 {
        for round in 0..2 {
            let wobble = 1.0 + f64::from(fork) * 0.01 - f64::from(round) * 0.012;
            samples.push(slices(names[0], fork, round, 10_000_000.0));
            samples.push(slices(names[1], fork, round, 10_000_000.0 * wobble));
            samples.push(slices(names[2], fork, round, 4_000_000.0));
        }
    }
    samples.push(failure(names[3], 0, Status::NotApplicable, "no insert: the map is immutable"));
    let cells = summarise(&provenance.plan, 2, &samples);
    let machine = [machine(0, 100), machine(1, 101)];
    f(&Input {
        provenance: &provenance,
        samples: &samples,
        machine: &machine,
        cells: &cells,
        beside: Beside::default(),
    })
}

/// A sweep over five shares of reads and three thread counts: each strategy a tenth slower than the one before.
pub(crate) fn sweep(strategies: u32) -> (Provenance, Vec<Sample>) {
    let names: Vec<String> = (0..strategies).map(|place| format!("s{place}")).collect();
    let mut plan = plan(&names.iter().map(String::as_str).collect::<Vec<_>>());
    plan.groups = [100, 99, 90, 50, 0]
        .map(Percent::whole)
        .into_iter()
        .flat_map(|read_pct| [1, 2, 4].map(|threads| Group { read_pct, threads, ..group() }))
        .collect();
    let mut samples = Vec::new();
    for Group { read_pct, threads, .. } in &plan.groups {
        for (name, place) in names.iter().zip(0..) {
            for (fork, round) in [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)] {
                let wobble = 1.0 + f64::from(fork * 7 + round * 3 + place) % 5.0 / 1_000.0;
                let rate = 1e8 * f64::from(*threads) * wobble / 1.1_f64.powi(place as i32);
                let slice = slices(name, fork, round, rate);
                samples.push(Sample { read_pct: *read_pct, threads: *threads, ..slice });
            }
        }
    }
    (provenance(plan), samples)
}

/// Hands an input without rows to a test.
pub(crate) fn with(provenance: &Provenance, f: impl FnOnce(&Input)) {
    let cells = summarise(&provenance.plan, 2, &[]);
    f(&Input { provenance, samples: &[], machine: &[], cells: &cells, beside: Beside::default() });
}

pub(crate) fn latency_plan() -> LatencyPlan {
    LatencyPlan {
        forks: 3,
        warm_ns: 1,
        slice_ns: 2,
        arrivals: "poisson".to_owned(),
        load_pct: vec![50, 70],
        rate_ops_s: 1_000_000,
    }
}

/// Response times at the rate that all maps are asked for: nanoseconds, and how many took so long.
pub(crate) fn response(strategy: &str, fork: u32, times: &[(u64, u64)]) -> Latency {
    let mut distribution = Distribution::default();
    times.iter().for_each(|(ns, count)| distribution.record_n(*ns, *count));
    let row = Latency::unmeasured(&group(), strategy, fork, LatencyKind::ResponseTime, Status::Ok);
    let row = Latency { rate_ops_s: Some(1_000_000), achieved_ops_s: Some(1_000_000), every: Some(1), ..row };
    row.with(&distribution, false)
}

/// Three forks of response times of which the last may be saturated, beside three that kept up throughout with times twice
/// as long: `part` and `whole` of the group of [`group`].
pub(crate) fn in_part_and_whole(saturated: bool) -> Vec<Latency> {
    let forks = |strategy: &'static str, ns| (0..3).map(move |fork| response(strategy, fork, &[(ns, 100_000)]));
    let mut rows: Vec<Latency> = forks("part", 2_000).chain(forks("whole", 4_000)).collect();
    if saturated {
        (rows[2].saturated, rows[2].p50_ns, rows[2].p99_ns) = (true, None, None);
    }
    rows
}

/// Hands an input of [`in_part_and_whole`] to a test.
pub(crate) fn with_response<R>(latency: &[Latency], f: impl FnOnce(&Input) -> R) -> R {
    let provenance = provenance(Plan { latency: Some(latency_plan()), ..plan(&["part", "whole"]) });
    let samples = ["part", "whole"].map(|name| slices(name, 0, 0, 1e6));
    let mut cells = summarise(&provenance.plan, 2, &samples);
    complete(&mut cells, latency, &[]);
    let beside = Beside { latency, ..Beside::default() };
    f(&Input { provenance: &provenance, samples: &samples, machine: &[], cells: &cells, beside })
}

pub(crate) fn memory_plan() -> MemoryPlan {
    MemoryPlan { forks: 1, load_ns: 1, quiet_ns: 1, budget_bytes: 1 }
}

/// The counts of a map of 1000 entries in 48 000 bytes whose ten writes allocate 96 bytes each.
pub(crate) fn counted(strategy: &str) -> Vec<Memory> {
    let row = |operation: &str, operations, allocations| Memory {
        operations: Some(operations),
        allocations: Some(allocations),
        allocated_bytes: Some(96 * allocations),
        ..Memory::unmeasured(&group(), strategy, 0, operation, Status::Ok)
    };
    let all = Memory {
        entries: Some(1_000),
        key_value_bytes: Some(16),
        filled_bytes: Some(48_000),
        peak_bytes: Some(50_000),
        stopped_bytes: Some(49_000),
        settled_bytes: Some(48_000),
        settle_ns: Some(5),
        drop_ns: Some(7_000),
        left_bytes: Some(0),
        freed_ns: Some(0),
        ..row(ALL_OPERATIONS, 100, 10)
    };
    vec![row("read", 90, 0), row("insert", 10, 10), all]
}

/// The curve of that map: bytes beyond the filled one, under load.
pub(crate) fn curve(strategy: &str, beyond: &[u64]) -> Vec<Reclamation> {
    let Group { workload, read_pct, threads } = group();
    let point = |(point, bytes): (u32, &u64)| Reclamation {
        workload: workload.clone(),
        read_pct,
        threads,
        strategy: strategy.to_owned(),
        fork: 0,
        point,
        stage: Stage::Load,
        at_ns: u64::from(point) * 1_000,
        live_bytes: 48_000 + bytes,
        operations: u64::from(point),
    };
    (0..).zip(beyond).map(point).collect()
}

/// A map that grew: entries, when, the longest insert until then, and bytes held, step by step.
pub(crate) fn grown(strategy: &str, fork: u32, steps: &[[u64; 4]]) -> Vec<Growth> {
    let mut before_ns = 0;
    let step = |(step, [entries, at_ns, longest_ns, held_bytes]): (u32, &[u64; 4])| {
        let took_ns = at_ns - std::mem::replace(&mut before_ns, *at_ns);
        let row = Growth::unmeasured(&group(), strategy, fork, Status::Ok);
        let [entries, at_ns, took_ns, longest_ns, held_bytes] =
            [*entries, *at_ns, took_ns, *longest_ns, *held_bytes].map(Some);
        Growth { step, entries, at_ns, took_ns, longest_ns, held_bytes, ..row }
    };
    (0..).zip(steps).map(step).collect()
}
