//! A small run to write and to read.

use mapbench_results::*;

pub(crate) fn provenance() -> Provenance {
    let groups = [1, 2].map(|threads| Group { workload: "sweep".to_owned(), read_pct: Percent::whole(90), threads });
    Provenance {
        schema_version: SCHEMA_VERSION,
        mapbench_version: "0.1.0".to_owned(),
        started: "2026-11-25T08:10:00Z".to_owned(),
        finished: None,
        command: ["mapbench", "run"].map(str::to_owned).to_vec(),
        plan: Plan {
            profile: "quick".to_owned(),
            seed: 7,
            hasher: "foldhash".to_owned(),
            groups: groups.to_vec(),
            strategies: ["a", "b"].map(str::to_owned).to_vec(),
            workloads: [("sweep".to_owned(), "name = \"sweep\"".to_owned())].into(),
            forks: 2,
            rounds: 3,
            warm_ns: 1,
            slice_ns: 2,
            memory_bytes: 3,
            latency: None,
            memory: None,
            profile_cpu: None,
            growth: None,
        },
        host: Host {
            name: "host".to_owned(),
            cpu: "cpu".to_owned(),
            cores: 2,
            threads_per_core: Some(1),
            caches: String::new(),
            governor: None,
            kernel: "kernel".to_owned(),
            virtualisation: None,
            memory_bytes: 1 << 30,
            steal_ns: 0,
            clock: None,
        },
        build: Build {
            rustc: "1.95.0".to_owned(),
            target: "x86_64-unknown-linux-gnu".to_owned(),
            profile: "release".to_owned(),
            flags: String::new(),
            target_features: "sse2".to_owned(),
            allocator: "system".to_owned(),
            revision: None,
            dirty: None,
        },
        strategies: Vec::new(),
        checksums: Default::default(),
    }
}

pub(crate) fn sample(strategy: &str, fork: u32, round: u32) -> Sample {
    Sample {
        workload: "sweep".to_owned(),
        read_pct: Percent::whole(90),
        threads: 2,
        strategy: strategy.to_owned(),
        fork,
        round,
        position: 0,
        status: Status::Ok,
        start_ns: Some(1),
        elapsed_ns: Some(50_000_000),
        ops: Some(1_000_000),
        throughput_ops_s: Some(20_000_000),
        fairness_ppm: Some(999_999),
        batch_ops: Some(64),
        hits: Some(450_000),
        misses: Some(450_000),
        inserted: Some(25),
        removed: Some(u64::MAX),
        read_ops: Some(900_000),
        insert_ops: Some(50_000),
        remove_ops: Some(50_000),
        insert_new_ops: Some(0),
        update_ops: Some(0),
        upsert_ops: Some(0),
        compare_exchange_ops: Some(0),
        iterate_ops: Some(0),
        iterated_entries: Some(0),
        drop_ns: None,
        rss_bytes: None,
        message: String::new(),
    }
}

pub(crate) fn failure(strategy: &str, fork: u32, round: u32, message: &str) -> Sample {
    let group = sample(strategy, fork, round).group();
    Sample {
        message: message.to_owned(),
        ..Sample::unmeasured(&group, strategy, [fork, round, 0], Status::NotApplicable)
    }
}

pub(crate) fn machine(fork: u32, round: u32) -> Machine {
    Machine {
        workload: "sweep".to_owned(),
        read_pct: Percent::whole(90),
        threads: 2,
        fork,
        round,
        start_ns: 1,
        round_trip_ns: None,
        arithmetic_ns: 2,
        memory_walk_ns: 3,
        steal_ns: 0,
    }
}

pub(crate) fn cell(strategy: &str) -> Cell {
    Cell {
        workload: "sweep".to_owned(),
        read_pct: Percent::whole(90),
        threads: 2,
        oversubscribed: false,
        strategy: strategy.to_owned(),
        status: Status::Ok,
        forks: 2,
        slices: 6,
        throughput_ops_s: Some(20_000_000),
        throughput_low_ops_s: Some(19_000_000),
        throughput_high_ops_s: Some(21_000_000),
        slowdown: Some(1.0 / 3.0 + 1.0),
        slowdown_low: Some(1.0),
        slowdown_high: Some(1.4),
        tied: true,
        fairness_ppm: Some(1_000_000),
        hit_ppm: None,
        rss_bytes: Some(1),
        message: String::new(),
        service_p50_ns: Some(40),
        service_p99_ns: Some(90),
        response_p50_ns: None,
        response_p99_ns: None,
        bytes_per_entry: Some(36),
    }
}
