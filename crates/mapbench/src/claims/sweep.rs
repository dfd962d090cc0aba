//! Claims about throughput, latency and memory are measured by an interleaved sweep.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::SystemTime;

use mapbench_report::Implied;
use mapbench_results::{
    ClaimVerdict, Group, LatencyPlan, Machine, MemoryPlan, Plan, Provenance, Run, RunWriter, SCHEMA_VERSION, Sample,
    Status, time,
};
use mapbench_stats::median;
use mapbench_workload::Arrivals;

use super::compare::{Rows, crossover, find};
use super::definition::{Case, Workloads};
use super::file::Quantity;
use super::{Found, Setting};
use crate::failure::Failure;
use crate::registry::{Entry, Registry};
use crate::run::{command, counting_program};
use crate::sweep::{Done, End, Observer, Sweep};
use crate::{plan, provenance};

/// A claim's sweep.
pub(super) struct Order<'a> {
    pub(super) name: &'a str,
    pub(super) implied: Implied,
    pub(super) quantity: Quantity,
    pub(super) rate_ops_s: u64,
    pub(super) cases: &'a [Case],
    pub(super) workloads: &'a Workloads,
}

/// Measures the cases and judges each.
pub(super) fn test(order: &Order, registry: &Registry, setting: &Setting) -> Result<Vec<Found>, Failure> {
    let mut plan = plan(order.cases, order.workloads, setting);
    beside(&mut plan, order.quantity, order.rate_ops_s, setting);
    let judge = |run: &Run| -> Vec<Found> {
        let rows = Rows { samples: &run.samples, latency: &run.latency, memory: &run.memory };
        let find = |case| find(case, order.implied, order.quantity, &rows, setting.cores, setting.seed);
        order.cases.iter().map(find).collect()
    };
    let undecided = |run: &Run| judge(run).iter().any(is_undecided);
    let on = (order.quantity == Quantity::Throughput)
        .then_some(On { forks: setting.shape.most_forks, unless_decided: &undecided });
    let run = sweep(plan, order.workloads, &setting.dir.join(order.name), registry, setting, on)?;
    let mut found = judge(&run);
    let populations = order.cases.iter().map(|case| order.workloads[&case.workload].1.load(case.read_pct).population);
    let points: Vec<(u32, f64)> =
        populations.zip(&found).filter_map(|(population, found)| Some((population, found.measured?))).collect();
    if let (Some(said), Some(judged)) = (crossover(&points), found.iter_mut().find(|found| found.judged)) {
        judged.detail = said;
    }
    for (case, found) in order.cases.iter().zip(&mut found).filter(|(_, found)| found.threads > 1) {
        if let Some(said) = round_trip(&run.machine, &case.group(setting.cores)) {
            let separator = if found.detail.is_empty() { "" } else { "; " };
            found.detail = format!("{}{separator}{said}", found.detail);
        }
    }
    Ok(found)
}

/// What decides more than any map what threads that share one can do, and differs from one day to the next where machines
/// are virtual.
fn round_trip(machine: &[Machine], group: &Group) -> Option<String> {
    let rows = machine.iter().filter(|row| row.is_of(group));
    let trips: Vec<f64> = rows.filter_map(|row| row.round_trip_ns).map(|trip| trip as f64).collect();
    median(&trips).map(|trip| format!("meanwhile a cache line went from core to core and back in {trip:.0} ns"))
}

/// Whether more slices could decide.
fn is_undecided(found: &Found) -> bool {
    found.judged && found.judgement.0 == ClaimVerdict::CannotBeTested && found.interval.is_some()
}

/// What a quantity takes beside throughput, of which little is then measured.
fn beside(plan: &mut Plan, quantity: Quantity, rate_ops_s: u64, setting: &Setting) {
    let forks = setting.shape.forks;
    let time_ns = if setting.smoke { 5_000_000 } else { 200_000_000 };
    match quantity {
        Quantity::Throughput => return,
        Quantity::MeanServiceTime | Quantity::TailResponseTime | Quantity::ReaderPause => {
            plan.latency = Some(LatencyPlan {
                forks,
                warm_ns: 10_000_000,
                // A percentile wants a hundred samples above it; a service time is that of few operations.
                slice_ns: if quantity == Quantity::TailResponseTime && !setting.smoke { 8 * time_ns } else { time_ns },
                arrivals: Arrivals::Poisson.name().to_owned(),
                load_pct: Vec::new(),
                rate_ops_s: if setting.smoke { rate_ops_s.min(10_000) } else { rate_ops_s },
            });
        }
        Quantity::InsertBytes => {
            plan.memory = Some(MemoryPlan {
                forks: forks.min(3),
                load_ns: time_ns / 2,
                quiet_ns: time_ns / 4,
                budget_bytes: plan.memory_bytes / 2,
            });
        }
    }
    (plan.forks, plan.rounds, plan.warm_ns, plan.slice_ns) = (1, 1, 1_000_000, 1_000_000);
}

/// The groups of all cases, each once, and all their strategies.
fn plan(cases: &[Case], workloads: &Workloads, setting: &Setting) -> Plan {
    let mut groups: Vec<Group> = Vec::new();
    let mut strategies: Vec<String> = Vec::new();
    for case in cases {
        for group in [case.group(setting.cores), case.reference_group(setting.cores)] {
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
        for strategy in case.subject.iter().chain(&case.reference) {
            if !strategies.contains(strategy) {
                strategies.push(strategy.clone());
            }
        }
    }
    let texts: BTreeMap<String, String> =
        groups.iter().map(|group| (group.workload.clone(), workloads[&group.workload].0.clone())).collect();
    let shape = &setting.shape;
    Plan {
        profile: "claims".to_owned(),
        seed: setting.seed,
        hasher: plan::hashers(groups.iter().map(|group| &workloads[&group.workload].1)),
        groups,
        strategies,
        workloads: texts,
        forks: shape.forks,
        rounds: shape.rounds,
        warm_ns: shape.warm_ns,
        slice_ns: shape.slice_ns,
        memory_bytes: setting.memory_bytes,
        latency: None,
        memory: None,
        profile_cpu: None,
        growth: None,
    }
}

/// That a sweep is to go on.
pub(super) struct On<'a> {
    /// Until there are so many forks,
    forks: u32,
    /// if this says so of what there is.
    unless_decided: &'a dyn Fn(&Run) -> bool,
}

/// The sweep, which is kept in `dir` as a run like any other.
pub(super) fn sweep(
    plan: Plan,
    workloads: &Workloads,
    dir: &Path,
    registry: &Registry,
    setting: &Setting,
    on: Option<On>,
) -> Result<Run, Failure> {
    let counting = plan.memory.as_ref().map(|_| counting_program(&setting.executable)).transpose()?;
    let strategies = plan.strategies.iter().map(|name| registry.find(name).map(Entry::declared));
    let mut provenance = Provenance {
        schema_version: SCHEMA_VERSION,
        mapbench_version: env!("CARGO_PKG_VERSION").to_owned(),
        started: time::rfc3339(SystemTime::now()),
        finished: None,
        command: command(),
        strategies: strategies.collect::<Result<_, _>>()?,
        plan: Plan { forks: on.as_ref().map_or(plan.forks, |on| on.forks.max(plan.forks)), ..plan.clone() },
        host: provenance::host(0),
        build: provenance::build(),
        checksums: BTreeMap::new(),
    };
    let mut writer = RunWriter::create(dir, &provenance)?;
    let parsed: HashMap<String, _> =
        workloads.iter().map(|(name, (_, workload))| (name.clone(), workload.clone())).collect();
    let mut measure = |plan: &Plan, done: &Done| {
        let executable = &setting.executable;
        let (counting, patience) = (counting.as_deref(), setting.patience);
        let sweep = Sweep { plan, workloads: &parsed, registry, executable, counting, patience };
        match sweep.run(done, &mut writer, &mut Silent)? {
            End::Interrupted => Err(Failure::abandoned(dir)),
            End::Complete => Ok(Run::read(dir)?),
        }
    };
    let mut run = measure(&plan, &Done::default())?;
    if on.is_some_and(|on| on.forks > plan.forks && (on.unless_decided)(&run)) {
        run = measure(&provenance.plan, &Done { samples: &run.samples, machine: &run.machine, ..Done::default() })?;
    } else {
        provenance.plan = plan;
    }
    provenance.finished = Some(time::rfc3339(SystemTime::now()));
    let cells = mapbench_report::summarise(&provenance.plan, provenance.host.cores, &run.samples);
    writer.finish(&cells, provenance)?;
    drop(writer);
    Ok(Run::read(dir)?)
}

/// Claims are told of one by one, not slice by slice.
struct Silent;

impl Observer for Silent {
    fn group(&mut self, _: u32, _: &Group) {}
    fn row(&mut self, _: &Sample, _: u64) {}
    fn beside(&mut self, _: &str, _: u32, _: u32, _: &Group) {}
    fn lost(&mut self, _: &str, _: &str, _: &Group, _: Status, _: &str) {}
}

#[cfg(test)]
mod tests {
    use mapbench_results::{Group, Machine};
    use mapbench_workload::Percent;

    #[test]
    fn the_round_trip_is_the_middle_one_of_the_rounds_of_the_group() {
        let group = |threads| Group { workload: "w".to_owned(), read_pct: Percent::whole(90), threads };
        let row = |threads, round, round_trip_ns| Machine {
            workload: "w".to_owned(),
            read_pct: Percent::whole(90),
            threads,
            fork: 0,
            round,
            start_ns: 0,
            round_trip_ns,
            arithmetic_ns: 1,
            memory_walk_ns: 1,
            steal_ns: 0,
        };
        let rows =
            [row(2, 0, Some(50)), row(4, 0, Some(900)), row(2, 1, Some(60)), row(2, 2, Some(300)), row(8, 0, None)];
        let said = |threads| super::round_trip(&rows, &group(threads));
        assert_eq!(said(2).as_deref(), Some("meanwhile a cache line went from core to core and back in 60 ns"));
        assert_eq!((said(8), said(1)), (None, None));
    }
}
