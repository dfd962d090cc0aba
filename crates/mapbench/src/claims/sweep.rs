//! Claims about throughput, latency and memory: an interleaved sweep, and ratios within its rounds or forks.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::SystemTime;

use mapbench_report::{Implied, Judged, judge_ratio};
use mapbench_results::{
    ALL_OPERATIONS, ClaimVerdict, Distribution, Group, Latency, LatencyKind, LatencyPlan, Memory, MemoryPlan, Plan,
    Provenance, Run, RunWriter, SCHEMA_VERSION, Sample, Status, time,
};
use mapbench_stats::{Interval, cell_estimate, median, ratio};
use mapbench_workload::{Arrivals, OpKind};

use super::definition::{Case, Workloads};
use super::file::Quantity;
use super::{Found, Setting};
use crate::failure::Failure;
use crate::registry::{Entry, Registry};
use crate::run::{command, counting_program};
use crate::sweep::{Done, End, Observer, Sweep};
use crate::{hasher, provenance};

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
    let run = sweep(plan, order.workloads, &setting.dir.join(order.name), registry, setting)?;
    let rows = Rows { samples: &run.samples, latency: &run.latency, memory: &run.memory };
    let judge = |case| find(case, order.implied, order.quantity, &rows, setting.cores, setting.seed);
    let mut found: Vec<Found> = order.cases.iter().map(judge).collect();
    let populations = order.cases.iter().map(|case| order.workloads[&case.workload].1.load(case.read_pct).population);
    let points: Vec<(u32, f64)> =
        populations.zip(&found).filter_map(|(population, found)| Some((population, found.measured?))).collect();
    if let (Some(said), Some(judged)) = (crossover(&points), found.iter_mut().find(|found| found.judged)) {
        judged.detail = said;
    }
    Ok(found)
}

/// At which size neither side is ahead, interpolated on logarithms; `None` unless the cases are of three sizes or more.
fn crossover(points: &[(u32, f64)]) -> Option<String> {
    let mut points = points.to_vec();
    points.sort_by_key(|(population, _)| *population);
    let several = points.len() > 2 && points.windows(2).all(|pair| pair[0].0 < pair[1].0);
    let (smallest, largest) = points.first().zip(points.last()).filter(|_| several)?;
    let crossing = points.windows(2).find_map(|pair| {
        let [(small, at_small), (large, at_large)] =
            [pair[0], pair[1]].map(|(size, ratio)| (f64::from(size).ln(), ratio.ln()));
        let crosses = at_small * at_large <= 0.0 && at_small != at_large;
        crosses.then(|| (small + (large - small) * at_small / (at_small - at_large)).exp())
    });
    Some(match crossing {
        Some(entries) => format!("the ratio is 1 at about {entries:.0} entries"),
        None => {
            let side = if smallest.1 > 1.0 { "above" } else { "below" };
            format!("the ratio stays {side} 1 from {} to {} entries", smallest.0, largest.0)
        }
    })
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
        for group in [own_group(case, setting.cores), other_group(case, setting.cores)] {
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
        hasher: hasher::NAME.to_owned(),
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
    }
}

fn threads(case: &Case, cores: u32) -> u32 {
    case.threads.unwrap_or(cores)
}

fn own_group(case: &Case, cores: u32) -> Group {
    Group { workload: case.workload.clone(), read_pct: case.read_pct, threads: threads(case, cores) }
}

/// The reference's group: mostly the same.
fn other_group(case: &Case, cores: u32) -> Group {
    let own = own_group(case, cores);
    Group {
        workload: case.against_workload.clone().unwrap_or(own.workload),
        threads: case.against_threads.unwrap_or(own.threads),
        ..own
    }
}

/// The sweep, which is kept in `dir` as a run like any other.
pub(super) fn sweep(
    plan: Plan,
    workloads: &Workloads,
    dir: &Path,
    registry: &Registry,
    setting: &Setting,
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
        plan,
        host: provenance::host(0),
        build: provenance::build(),
        checksums: BTreeMap::new(),
    };
    let mut writer = RunWriter::create(dir, &provenance)?;
    let parsed: HashMap<String, _> =
        workloads.iter().map(|(name, (_, workload))| (name.clone(), workload.clone())).collect();
    let sweep = Sweep {
        plan: &provenance.plan,
        workloads: &parsed,
        registry,
        executable: &setting.executable,
        counting: counting.as_deref(),
        patience: setting.patience,
    };
    if sweep.run(&Done::default(), &mut writer, &mut Silent)? == End::Interrupted {
        return Err(Failure::abandoned(dir));
    }
    provenance.finished = Some(time::rfc3339(SystemTime::now()));
    let samples = Run::read(dir)?.samples;
    let cells = mapbench_report::summarise(&provenance.plan, provenance.host.cores, &samples);
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

/// The rows of a run.
#[derive(Clone, Copy, Default)]
struct Rows<'a> {
    samples: &'a [Sample],
    latency: &'a [Latency],
    memory: &'a [Memory],
}

/// What was measured of a strategy in a group, by fork and round.
#[derive(Default)]
struct Values(BTreeMap<u32, BTreeMap<u32, f64>>);

impl Values {
    fn of(rows: &Rows, group: &Group, strategy: &str, quantity: Quantity) -> Self {
        let mut values = Self::default();
        let mut put = |fork: u32, round: u32, value: f64| {
            if value > 0.0 {
                values.0.entry(fork).or_default().insert(round, value);
            }
        };
        let throughput = rows.samples.iter().filter(|row| row.strategy == strategy && row.group() == *group);
        let latency = rows.latency.iter().filter(|row| row.strategy == strategy && row.group() == *group);
        let latency = latency.filter(|row| row.status == Status::Ok && row.operation == part(quantity));
        let memory = rows.memory.iter().filter(|row| row.strategy == strategy && row.group() == *group);
        match quantity {
            Quantity::Throughput => throughput
                .filter_map(|row| Some((row.fork, row.round, row.throughput_ops_s?)))
                .for_each(|(fork, round, rate)| put(fork, round, rate as f64)),
            Quantity::MeanServiceTime => latency
                .filter(|row| row.kind == LatencyKind::ServiceTime)
                .filter_map(|row| Some((row.fork, mean(&row.histogram)?)))
                .for_each(|(fork, mean)| put(fork, 0, mean)),
            Quantity::TailResponseTime => latency
                .filter(|row| row.kind == LatencyKind::ResponseTime && !row.saturated)
                .filter_map(|row| Some((row.fork, row.p99_9_ns?)))
                .for_each(|(fork, ns)| put(fork, 0, ns as f64)),
            Quantity::ReaderPause => latency
                .filter(|row| row.kind == LatencyKind::Pause)
                .filter_map(|row| Some((row.fork, row.max_ns?)))
                .for_each(|(fork, ns)| put(fork, 0, ns as f64)),
            Quantity::InsertBytes => memory
                .filter(|row| row.status == Status::Ok && row.operation == OpKind::Insert.name())
                .filter_map(|row| {
                    Some((row.fork, row.allocated_bytes? as f64 / row.operations.filter(|n| *n > 0)? as f64))
                })
                .for_each(|(fork, bytes)| put(fork, 0, bytes)),
        }
        values
    }

    fn forks(&self) -> Vec<Vec<f64>> {
        self.0.values().map(|fork| fork.values().copied().collect()).collect()
    }

    fn estimate(&self, seed: u64) -> Option<f64> {
        let forks = self.forks();
        cell_estimate(&forks, seed).map(|cell| cell.estimate).or_else(|| median(&forks.concat()))
    }

    /// The ratio to another cell of the same group, within rounds.
    fn over(&self, other: &Self, seed: u64) -> Option<Interval> {
        let logs = |(fork, rounds): (&u32, &BTreeMap<u32, f64>)| {
            let others = other.0.get(fork)?;
            let logs: Vec<f64> =
                rounds.iter().filter_map(|(round, rate)| Some((rate / others.get(round)?).ln())).collect();
            (!logs.is_empty()).then_some(logs)
        };
        ratio(&self.0.iter().filter_map(logs).collect::<Vec<_>>(), seed)
    }

    /// The ratio to a cell of another group, within passes over all groups: a fork of each lies in the same pass.
    fn over_group(&self, other: &Self, seed: u64) -> Option<Interval> {
        let typical = |rounds: &BTreeMap<u32, f64>| median(&rounds.values().copied().collect::<Vec<_>>());
        let log = |(fork, rounds): (&u32, &BTreeMap<u32, f64>)| {
            Some(vec![(typical(rounds)? / typical(other.0.get(fork)?)?).ln()])
        };
        ratio(&self.0.iter().filter_map(log).collect::<Vec<_>>(), seed)
    }
}

/// Which rows of `latency.csv` a quantity is in: those of all operations, or of a reader beside writers.
const fn part(quantity: Quantity) -> &'static str {
    if matches!(quantity, Quantity::ReaderPause) { "write" } else { ALL_OPERATIONS }
}

/// The mean of a distribution, in nanoseconds.
fn mean(histogram: &str) -> Option<f64> {
    let steps = Distribution::decode(histogram).ok()?.steps();
    let (sum, count) =
        steps.iter().fold((0.0, 0), |(sum, count), (ns, times)| (sum + *ns as f64 * *times as f64, count + times));
    (count > 0).then(|| sum / count as f64)
}

fn find(case: &Case, implied: Implied, quantity: Quantity, rows: &Rows, cores: u32, seed: u64) -> Found {
    let threads = threads(case, cores);
    let (own, other) = (own_group(case, cores), other_group(case, cores));
    let itself = case.reference.is_empty();
    let subject = best(rows, &own, &case.subject, quantity, seed);
    let reference = best(rows, &other, if itself { &case.subject } else { &case.reference }, quantity, seed);
    let mut found = Found {
        case: case.name.clone(),
        judged: case.judged,
        subject: case.subject.join(", "),
        reference: match (&case.against_workload, case.against_threads) {
            (Some(workload), _) => format!("itself under {workload}"),
            (None, Some(1)) => "itself on 1 thread".to_owned(),
            (None, Some(threads)) => format!("itself on {threads} threads"),
            (None, None) => case.reference.join(", "),
        },
        threads,
        unit: "ratio",
        value_unit: match quantity {
            Quantity::Throughput => "ops/s",
            Quantity::InsertBytes => "bytes",
            _ => "ns",
        },
        ..Found::default()
    };
    let (Ok((subject, subject_rates)), Ok((reference, reference_rates))) = (&subject, &reference) else {
        let why = [&subject, &reference].into_iter().find_map(|side| side.as_ref().err()).cloned();
        return Found { judgement: cannot(why.unwrap_or_default()), ..found };
    };
    found.subject.clone_from(subject);
    if !itself {
        found.reference.clone_from(reference);
    }
    found.subject_value = subject_rates.estimate(seed);
    found.reference_value = reference_rates.estimate(seed);
    found.samples = subject_rates.0.len() as u64;
    if quantity == Quantity::InsertBytes {
        found.detail = retired(rows, &own, subject).unwrap_or_default();
    }
    if !itself && subject == reference {
        found.judgement = cannot("the subject and the best reference are one strategy".to_owned());
        return found;
    }
    // Oversubscribed threads say nothing about scaling.
    if let Some(against) = case.against_threads.filter(|against| threads <= *against || threads > cores) {
        found.judgement = cannot(format!("{cores} cores are too few to go from {against} to {threads} threads"));
        return found;
    }
    let measured = if own == other {
        subject_rates.over(reference_rates, seed)
    } else {
        subject_rates.over_group(reference_rates, seed)
    };
    match measured {
        Some(measured) => {
            found.judgement = judge_ratio(&measured, implied);
            found.measured = Some(measured.estimate);
            found.interval = Some((measured.low, measured.high));
        }
        None => found.judgement = cannot("too few slices to compare".to_owned()),
    }
    found
}

/// What a map held beyond what it was filled with.
fn retired(rows: &Rows, group: &Group, strategy: &str) -> Option<String> {
    let own = rows.memory.iter().filter(|row| row.strategy == strategy && row.group() == *group);
    let beyond = own.filter_map(|row| {
        let filled = row.filled_bytes?;
        Some((row.peak_bytes?.saturating_sub(filled), row.settled_bytes?.saturating_sub(filled)))
    });
    let (peak, settled) = beyond.max()?;
    Some(format!(
        "it held up to {} KiB more than when it was filled, and {} KiB more once the threads had rested",
        peak >> 10,
        settled >> 10
    ))
}

fn cannot(why: String) -> Judged {
    (ClaimVerdict::CannotBeTested, why)
}

/// The best of some strategies, or why there is none.
fn best(
    rows: &Rows,
    group: &Group,
    names: &[String],
    quantity: Quantity,
    seed: u64,
) -> Result<(String, Values), String> {
    let measured = names.iter().filter_map(|name| {
        let values = Values::of(rows, group, name, quantity);
        Some((values.estimate(seed)?, name.clone(), values))
    });
    let best = if quantity == Quantity::Throughput {
        measured.max_by(|a, b| a.0.total_cmp(&b.0))
    } else {
        measured.min_by(|a, b| a.0.total_cmp(&b.0))
    };
    best.map(|(_, name, values)| (name, values)).ok_or_else(|| {
        let failed = |strategy: &str, of: &Group, status| {
            names.iter().any(|name| name == strategy) && of == group && status != Status::Ok
        };
        let samples = rows.samples.iter().map(|row| (&row.strategy, row.group(), row.status, &row.message));
        let latency = rows.latency.iter().map(|row| (&row.strategy, row.group(), row.status, &row.message));
        let memory = rows.memory.iter().map(|row| (&row.strategy, row.group(), row.status, &row.message));
        let mut all = samples.chain(latency).chain(memory);
        all.find(|(strategy, of, status, _)| failed(strategy, of, *status)).map_or_else(
            || format!("too little was measured of {}", names.join(", ")),
            |(strategy, _, status, message)| format!("{strategy}: {status}: {message}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(strategy: &str, threads: u32, fork: u32, round: u32, rate: u64) -> Sample {
        let group = Group { workload: "w".to_owned(), read_pct: mapbench_workload::Percent::whole(90), threads };
        Sample { throughput_ops_s: Some(rate), ..Sample::unmeasured(&group, strategy, [fork, round, 0], Status::Ok) }
    }

    fn case(subject: &[&str], reference: &[&str], against_threads: Option<u32>) -> Case {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Case {
            name: "case".to_owned(),
            judged: true,
            subject: names(subject),
            reference: names(reference),
            workload: "w".to_owned(),
            read_pct: mapbench_workload::Percent::whole(90),
            threads: None,
            against_threads,
            against_workload: None,
        }
    }

    const DOUBLE: Implied = Implied { low: 1.6, high: 2.4 };

    /// Three forks of two rounds; the machine is slower from fork to fork, the ratio is not.
    fn samples() -> Vec<Sample> {
        let mut samples = Vec::new();
        for (fork, scale) in [(0, 100), (1, 50), (2, 10)] {
            for round in 0..2 {
                for (name, rate) in [("a", 20), ("b", 10), ("c", 9)] {
                    samples.push(sample(name, 2, fork, round, rate * scale));
                    samples.push(sample(name, 1, fork, round, rate * scale / 4 + 1));
                }
            }
        }
        samples
    }

    fn found(case: &Case, implied: Implied, samples: &[Sample]) -> Found {
        find(case, implied, Quantity::Throughput, &Rows { samples, ..Rows::default() }, 2, 1)
    }

    #[test]
    fn the_best_of_each_side_are_compared_within_rounds() {
        let found = super::tests::found(&case(&["c", "a"], &["b", "c"], None), DOUBLE, &samples());
        assert_eq!((found.subject.as_str(), found.reference.as_str()), ("a", "b"));
        assert_eq!((found.measured.map(|x| (x * 100.0).round()), found.samples), (Some(200.0), 3));
        assert_eq!(found.judgement.0, ClaimVerdict::Reproduced);
        assert_eq!((found.subject_value, found.reference_value), (Some(1000.0), Some(500.0)));
    }

    #[test]
    fn a_strategy_is_compared_with_itself_on_fewer_threads() {
        let found = super::tests::found(&case(&["a"], &[], Some(1)), Implied { low: 3.0, high: 5.0 }, &samples());
        assert_eq!((found.reference.as_str(), found.judgement.0), ("itself on 1 thread", ClaimVerdict::Reproduced));
    }

    #[test]
    fn what_was_not_measured_cannot_be_tested() {
        let mut samples = samples();
        samples.retain(|row| row.strategy != "b");
        samples.push(Sample {
            status: Status::TimedOut,
            throughput_ops_s: None,
            message: "no answer".to_owned(),
            ..sample("b", 2, 0, 0, 1)
        });
        let lost = found(&case(&["a"], &["b"], None), DOUBLE, &samples);
        assert_eq!(lost.judgement, (ClaimVerdict::CannotBeTested, "b: timed out: no answer".to_owned()));
        let same = found(&case(&["a"], &["a"], None), DOUBLE, &samples);
        assert!(same.judgement.1.contains("one strategy"), "{:?}", same.judgement);
    }

    #[test]
    fn latencies_are_compared_fork_by_fork_and_the_shorter_is_the_better() {
        let group = Group { workload: "w".to_owned(), read_pct: mapbench_workload::Percent::whole(90), threads: 2 };
        let row = |strategy: &str, fork: u32, ns: u64| {
            let mut distribution = Distribution::default();
            distribution.record_n(ns, 10);
            Latency {
                achieved_ops_s: Some(1),
                every: Some(1),
                ..Latency::unmeasured(&group, strategy, fork, LatencyKind::ServiceTime, Status::Ok)
            }
            .with(&distribution, false)
        };
        let latency: Vec<Latency> = (0..3)
            .flat_map(|fork| [row("a", fork, 100 << fork), row("b", fork, 400 << fork), row("c", fork, 500 << fork)])
            .collect();
        let rows = Rows { latency: &latency, ..Rows::default() };
        let case = case(&["a"], &["c", "b"], None);
        let implied = Implied { low: 0.2, high: 0.3 };
        let shorter = find(&case, implied, Quantity::MeanServiceTime, &rows, 2, 1);
        assert_eq!((shorter.reference.as_str(), shorter.judgement.0), ("b", ClaimVerdict::Reproduced));
        assert!(shorter.measured.is_some_and(|ratio| (ratio - 0.25).abs() < 0.01), "{:?}", shorter.measured);
        let untold = find(&case, implied, Quantity::TailResponseTime, &rows, 2, 1);
        assert_eq!(untold.judgement, (ClaimVerdict::CannotBeTested, "too little was measured of a".to_owned()));
    }

    #[test]
    fn a_crossover_lies_between_the_sizes_where_the_lead_changes() {
        let said = |points: &[(u32, f64)]| crossover(points).unwrap_or_default();
        // Twice as fast at 10, half as fast at 1 000.
        assert_eq!(said(&[(1_000, 0.5), (10, 2.0), (10_000, 0.1)]), "the ratio is 1 at about 100 entries");
        assert_eq!(said(&[(10, 0.9), (100, 0.5), (1_000, 0.1)]), "the ratio stays below 1 from 10 to 1000 entries");
        assert_eq!(said(&[(10, 1.0), (100, 0.5), (1_000, 0.1)]), "the ratio is 1 at about 10 entries");
        assert_eq!(said(&[(10, 2.0), (100, 0.5)]), "", "two sizes say little");
        assert_eq!(said(&[(10, 2.0), (10, 0.5), (100, 0.1)]), "", "cases of one size differ in something else");
    }

    #[test]
    fn bytes_are_compared_between_workloads() {
        let memory: Vec<Memory> = [("w", 100), ("v", 1_000)]
            .into_iter()
            .flat_map(|(workload, bytes)| {
                let read_pct = mapbench_workload::Percent::whole(90);
                let group = Group { workload: workload.to_owned(), read_pct, threads: 2 };
                (0..2).map(move |fork| Memory {
                    operations: Some(10),
                    allocated_bytes: Some(bytes * 10),
                    ..Memory::unmeasured(&group, "a", fork, "insert", Status::Ok)
                })
            })
            .collect();
        let rows = Rows { memory: &memory, ..Rows::default() };
        let case = Case { against_workload: Some("w".to_owned()), workload: "v".to_owned(), ..case(&["a"], &[], None) };
        let grown = find(&case, Implied { low: 5.0, high: f64::INFINITY }, Quantity::InsertBytes, &rows, 2, 1);
        assert_eq!((grown.judgement.0, grown.reference.as_str()), (ClaimVerdict::Reproduced, "itself under w"));
        assert_eq!((grown.subject_value, grown.value_unit), (Some(1_000.0), "bytes"));
    }
}
