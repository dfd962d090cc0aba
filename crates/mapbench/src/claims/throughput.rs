//! Claims about throughput: an interleaved sweep, and ratios within its rounds.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::SystemTime;

use mapbench_report::{Implied, Judged, judge_ratio};
use mapbench_results::{ClaimVerdict, Group, Plan, Provenance, Run, RunWriter, SCHEMA_VERSION, Sample, Status, time};
use mapbench_stats::{Interval, cell_estimate, median, ratio};

use super::definition::{Case, Workloads};
use super::{Found, Setting};
use crate::failure::Failure;
use crate::registry::{Entry, Registry};
use crate::run::command;
use crate::sweep::{Done, End, Observer, Sweep};
use crate::{hasher, provenance};

/// Measures the cases and judges each.
pub(super) fn test(
    name: &str,
    implied: Implied,
    cases: &[Case],
    workloads: &Workloads,
    registry: &Registry,
    setting: &Setting,
) -> Result<Vec<Found>, Failure> {
    let cores = setting.cores;
    let plan = plan(cases, workloads, setting);
    let dir = setting.dir.join(name);
    let samples = sweep(plan, workloads, &dir, registry, setting)?;
    Ok(cases.iter().map(|case| find(case, implied, &samples, cores, setting.seed)).collect())
}

/// The groups of all cases, each once, and all their strategies.
fn plan(cases: &[Case], workloads: &Workloads, setting: &Setting) -> Plan {
    let mut groups: Vec<Group> = Vec::new();
    let mut strategies: Vec<String> = Vec::new();
    for case in cases {
        for threads in [Some(threads(case, setting.cores)), case.against_threads].into_iter().flatten() {
            let group = group(case, threads);
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

fn group(case: &Case, threads: u32) -> Group {
    Group { workload: case.workload.clone(), read_pct: case.read_pct, threads }
}

/// Every slice of the sweep, which is kept in `dir` as a run like any other.
fn sweep(
    plan: Plan,
    workloads: &Workloads,
    dir: &Path,
    registry: &Registry,
    setting: &Setting,
) -> Result<Vec<Sample>, Failure> {
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
        counting: None,
        patience: setting.patience,
    };
    if sweep.run(&Done::default(), &mut writer, &mut Silent)? == End::Interrupted {
        return Err(Failure::abandoned(dir));
    }
    provenance.finished = Some(time::rfc3339(SystemTime::now()));
    let samples = Run::read(dir)?.samples;
    let cells = mapbench_report::summarise(&provenance.plan, provenance.host.cores, &samples);
    writer.finish(&cells, provenance)?;
    Ok(samples)
}

/// Claims are told of one by one, not slice by slice.
struct Silent;

impl Observer for Silent {
    fn group(&mut self, _: u32, _: &Group) {}
    fn row(&mut self, _: &Sample, _: u64) {}
    fn beside(&mut self, _: &str, _: u32, _: u32, _: &Group) {}
    fn lost(&mut self, _: &str, _: &str, _: &Group, _: Status, _: &str) {}
}

/// The rates of a strategy in a group, by fork and round.
#[derive(Default)]
struct Rates(BTreeMap<u32, BTreeMap<u32, f64>>);

impl Rates {
    fn of(samples: &[Sample], group: &Group, strategy: &str) -> Self {
        let mut rates = Self::default();
        for row in samples.iter().filter(|row| row.status == Status::Ok && row.strategy == strategy) {
            if let Some(rate) = row.throughput_ops_s.filter(|rate| *rate > 0 && row.group() == *group) {
                rates.0.entry(row.fork).or_default().insert(row.round, rate as f64);
            }
        }
        rates
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

fn find(case: &Case, implied: Implied, samples: &[Sample], cores: u32, seed: u64) -> Found {
    let threads = threads(case, cores);
    let (own, other) = match case.against_threads {
        None => (group(case, threads), group(case, threads)),
        Some(against) => (group(case, threads), group(case, against)),
    };
    let reference = if case.reference.is_empty() { &case.subject } else { &case.reference };
    let subject = best(samples, &own, &case.subject, seed);
    let reference = best(samples, &other, reference, seed);
    let mut found = Found {
        case: case.name.clone(),
        judged: case.judged,
        subject: case.subject.join(", "),
        reference: case.against_threads.map_or_else(
            || case.reference.join(", "),
            |against| format!("itself on {against} thread{}", if against == 1 { "" } else { "s" }),
        ),
        threads,
        unit: "ratio",
        value_unit: "ops/s",
        ..Found::default()
    };
    let (Ok((subject, subject_rates)), Ok((reference, reference_rates))) = (&subject, &reference) else {
        let why = [&subject, &reference].into_iter().find_map(|side| side.as_ref().err()).cloned();
        return Found { judgement: cannot(why.unwrap_or_default()), ..found };
    };
    found.subject.clone_from(subject);
    if case.against_threads.is_none() {
        found.reference.clone_from(reference);
    }
    found.subject_value = subject_rates.estimate(seed);
    found.reference_value = reference_rates.estimate(seed);
    found.samples = subject_rates.0.len() as u64;
    let measured = match case.against_threads {
        None if subject == reference => {
            found.judgement = cannot("the subject and the best reference are one strategy".to_owned());
            return found;
        }
        None => subject_rates.over(reference_rates, seed),
        // Oversubscribed threads say nothing about scaling.
        Some(against) if threads <= against || threads > cores => {
            found.judgement = cannot(format!("{cores} core(s) are too few to go from {against} to {threads} threads"));
            return found;
        }
        Some(_) => subject_rates.over_group(reference_rates, seed),
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

fn cannot(why: String) -> Judged {
    (ClaimVerdict::CannotBeTested, why)
}

/// The fastest of some strategies, or why there is none.
fn best(samples: &[Sample], group: &Group, names: &[String], seed: u64) -> Result<(String, Rates), String> {
    let measured = names.iter().filter_map(|name| {
        let rates = Rates::of(samples, group, name);
        Some((rates.estimate(seed)?, name.clone(), rates))
    });
    match measured.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((_, name, rates)) => Ok((name, rates)),
        None => {
            let failed = samples
                .iter()
                .find(|row| names.contains(&row.strategy) && row.status != Status::Ok && row.group() == *group);
            Err(failed.map_or_else(
                || "no slice was measured".to_owned(),
                |row| format!("{}: {}: {}", row.strategy, row.status, row.message),
            ))
        }
    }
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

    #[test]
    fn the_best_of_each_side_are_compared_within_rounds() {
        let found = find(&case(&["c", "a"], &["b", "c"], None), DOUBLE, &samples(), 2, 1);
        assert_eq!((found.subject.as_str(), found.reference.as_str()), ("a", "b"));
        assert_eq!((found.measured.map(|x| (x * 100.0).round()), found.samples), (Some(200.0), 3));
        assert_eq!(found.judgement.0, ClaimVerdict::Reproduced);
        assert_eq!((found.subject_value, found.reference_value), (Some(1000.0), Some(500.0)));
    }

    #[test]
    fn a_strategy_is_compared_with_itself_on_fewer_threads() {
        let found = find(&case(&["a"], &[], Some(1)), Implied { low: 3.0, high: 5.0 }, &samples(), 2, 1);
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
        let found = find(&case(&["a"], &["b"], None), DOUBLE, &samples, 2, 1);
        assert_eq!(found.judgement, (ClaimVerdict::CannotBeTested, "b: timed out: no answer".to_owned()));
        let same = find(&case(&["a"], &["a"], None), DOUBLE, &samples, 2, 1);
        assert!(same.judgement.1.contains("one strategy"), "{:?}", same.judgement);
    }
}
