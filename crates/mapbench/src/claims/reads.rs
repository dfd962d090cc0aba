//! What reads allocate, of every strategy.

use std::collections::BTreeMap;

use mapbench_report::judge_count;
use mapbench_results::{ClaimVerdict, Group, MemoryPlan, Plan, Status};
use mapbench_workload::{OpKind, Workload};

use super::{Found, Setting, sweep};
use crate::failure::Failure;
use crate::registry::Registry;

/// Allocations of a thread that are none of a read's: some strategies set up a record of the thread at its first.
const FIRST: u64 = 2;

/// A case for every strategy that can; the subject's is judged.
pub(super) fn test(
    name: &str,
    subject: &str,
    (text, workload): &(String, Workload),
    registry: &Registry,
    setting: &Setting,
) -> Result<Vec<Found>, Failure> {
    let read_pct = workload.read_pct()[0];
    let group = Group { workload: workload.name.clone(), read_pct, threads: setting.cores };
    let load = workload.load(read_pct);
    let able = registry.entries().iter().filter(|entry| entry.refuses(&load, setting.cores).is_none());
    let strategies: Vec<String> = able.map(|entry| entry.info.name.to_owned()).collect();
    let plan = Plan {
        profile: "claims".to_owned(),
        seed: setting.seed,
        hasher: load.hasher.name().to_owned(),
        groups: vec![group],
        strategies: strategies.clone(),
        workloads: BTreeMap::from([(workload.name.clone(), text.clone())]),
        forks: 1,
        rounds: 1,
        warm_ns: 1_000_000,
        slice_ns: 1_000_000,
        memory_bytes: setting.memory_bytes,
        latency: None,
        memory: Some(MemoryPlan {
            forks: 1,
            load_ns: if setting.smoke { 5_000_000 } else { 100_000_000 },
            quiet_ns: 5_000_000,
            budget_bytes: setting.memory_bytes / 2,
        }),
        profile_cpu: None,
        growth: None,
    };
    let workloads = BTreeMap::from([(workload.name.clone(), (text.clone(), workload.clone()))]);
    let run = sweep::sweep(plan, &workloads, &setting.dir.join(name), registry, setting, None)?;
    let found = |strategy: &String| {
        let mut found = Found {
            case: strategy.clone(),
            judged: strategy == subject,
            subject: strategy.clone(),
            threads: setting.cores,
            unit: "allocations a read",
            ..Found::default()
        };
        let own = || run.memory.iter().filter(|row| row.strategy == *strategy);
        let reads = own().find(|row| row.status == Status::Ok && row.operation == OpKind::Read.name());
        match reads.and_then(|row| Some((row.allocations?, row.operations.filter(|n| *n > 0)?))) {
            Some((allocations, reads)) => {
                found.measured = Some(allocations as f64 / reads as f64);
                found.samples = reads;
                let first = allocations.min(FIRST * u64::from(setting.cores));
                let (verdict, why) = judge_count(allocations - first, reads, true);
                let first = if first == 0 || verdict != ClaimVerdict::Reproduced {
                    String::new()
                } else {
                    format!(", but for {first} that threads made once, for themselves")
                };
                found.judgement = (verdict, format!("{why} reads{first}"));
            }
            None => {
                let failed = own().find(|row| row.status != Status::Ok);
                found.judgement.1 = failed
                    .map_or_else(|| "no read was counted".to_owned(), |row| format!("{}: {}", row.status, row.message));
            }
        }
        found
    };
    Ok(strategies.iter().map(found).collect())
}
