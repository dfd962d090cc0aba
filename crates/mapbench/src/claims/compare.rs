//! A claim's slices to what was found: ratios within rounds or forks. Pure: no process, no clock.

use std::collections::BTreeMap;

use mapbench_report::{Implied, Judged, judge_ratio};
use mapbench_results::{
    ALL_OPERATIONS, ClaimVerdict, Distribution, Group, Latency, LatencyKind, Memory, Sample, Status,
};
use mapbench_stats::{Interval, cell_estimate, median, ratio};
use mapbench_workload::OpKind;

use super::Found;
use super::definition::Case;
use super::file::Quantity;

/// The rows of a run.
#[derive(Clone, Copy, Default)]
pub(super) struct Rows<'a> {
    pub(super) samples: &'a [Sample],
    pub(super) latency: &'a [Latency],
    pub(super) memory: &'a [Memory],
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
                .filter(|row| row.kind == LatencyKind::ResponseTime)
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

/// What came of a case.
pub(super) fn find(case: &Case, implied: Implied, quantity: Quantity, rows: &Rows, cores: u32, seed: u64) -> Found {
    let (own, other) = (case.group(cores), case.reference_group(cores));
    let threads = own.threads;
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
    if quantity == Quantity::TailResponseTime
        && let Some(why) = saturated(rows, &own, subject).or_else(|| saturated(rows, &other, reference))
    {
        found.judgement = cannot(why);
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

/// In how many forks a map did not keep up with the rate, if in any: the others are its better ones, and compare nothing.
fn saturated(rows: &Rows, group: &Group, strategy: &str) -> Option<String> {
    let answered = rows.latency.iter().filter(|row| {
        (row.kind, row.status) == (LatencyKind::ResponseTime, Status::Ok)
            && row.strategy == strategy
            && row.group() == *group
    });
    let (forks, all) = answered.fold((0, 0), |(forks, all), row| (forks + u32::from(row.saturated), all + 1));
    (forks > 0).then(|| format!("{strategy} did not keep up with the rate in {forks} of {all} forks"))
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

/// At which size neither side is ahead, interpolated on logarithms; `None` unless the cases are of three sizes or more.
pub(super) fn crossover(points: &[(u32, f64)]) -> Option<String> {
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
    fn what_was_saturated_in_any_fork_is_not_compared_by_the_others() {
        let group = Group { workload: "w".to_owned(), read_pct: mapbench_workload::Percent::whole(90), threads: 2 };
        let row = |strategy: &str, fork: u32, ns: u64, saturated| {
            let mut distribution = Distribution::default();
            distribution.record_n(ns, 1_000_000);
            Latency::unmeasured(&group, strategy, fork, LatencyKind::ResponseTime, Status::Ok)
                .with(&distribution, saturated)
        };
        let judged = |saturated| {
            let latency: Vec<Latency> = (0..4)
                .flat_map(|fork| [row("a", fork, 100, saturated && fork == 1), row("b", fork, 400, false)])
                .collect();
            let rows = Rows { latency: &latency, ..Rows::default() };
            let implied = Implied { low: 0.2, high: 0.3 };
            find(&case(&["a"], &["b"], None), implied, Quantity::TailResponseTime, &rows, 2, 1).judgement
        };
        assert_eq!(judged(false).0, ClaimVerdict::Reproduced);
        let why = "a did not keep up with the rate in 1 of 4 forks".to_owned();
        assert_eq!(judged(true), (ClaimVerdict::CannotBeTested, why));
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
