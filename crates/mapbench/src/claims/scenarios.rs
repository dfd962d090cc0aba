//! Claims about what comes of using a map in a certain way.

use std::time::Duration;

use mapbench_conformance::scenario::{Finding, Form, Orders, Overlap, Scenario};
use mapbench_report::{Certainty, counted, judge_certainty, judge_count, share};
use mapbench_results::ClaimVerdict;
use mapbench_stats::quantile;

use super::file::{Detection, DetectionCase, LostUpdates};
use super::{Found, Setting, worker};
use crate::failure::Failure;
use crate::registry::Registry;

/// How long workers race, and how long at most until something is lost that must be, in milliseconds.
const RACE_MILLIS: u64 = 40;
const LONGEST_RACE_MILLIS: u64 = 5_000;

/// How long a run may take in which accesses overlap until that is detected, in milliseconds.
const OVERLAP_MILLIS: u64 = 2_000;

/// Of a smoke test, one in so many of the runs is made.
const SMOKE: u32 = 20;

/// What became of the orders of one strategy.
struct Raced {
    strategy: String,
    recorded: u64,
    lost: u64,
}

/// Every form over every number of keys, a case each: all strategies that can.
pub(super) fn lost_updates(claim: &LostUpdates, registry: &Registry, setting: &Setting) -> Result<Vec<Found>, Failure> {
    let names: Vec<&str> = if claim.strategies.is_empty() {
        registry.entries().iter().map(|entry| entry.info.name).collect()
    } else {
        claim.strategies.iter().map(|name| name.get_ref().as_str()).collect()
    };
    let mut found = Vec::new();
    for form in Form::ALL {
        for keys in &claim.keys {
            let (mut raced, mut left_out, mut ended) = (Vec::new(), Vec::new(), None);
            for name in &names {
                let scenario = Scenario::Orders(Orders {
                    form,
                    keys: *keys,
                    threads: claim.threads as usize,
                    millis: if setting.smoke { RACE_MILLIS / 8 } else { RACE_MILLIS },
                    longest_millis: LONGEST_RACE_MILLIS,
                    seed: setting.seed,
                });
                match worker::ask(name, &scenario, Duration::from_millis(LONGEST_RACE_MILLIS), setting)? {
                    Finding::Orders { recorded, lost } => {
                        raced.push(Raced { strategy: (*name).to_owned(), recorded, lost });
                    }
                    Finding::NotApplicable(_) => left_out.push(*name),
                    Finding::Ended(message) => ended = Some(format!("{name}: {message}")),
                    Finding::Overlap { .. } | Finding::Growth { .. } => {
                        ended = Some(format!("{name} answered another question"));
                    }
                }
            }
            found.push(race(form, *keys, claim.threads, &raced, &left_out, ended));
        }
    }
    Ok(found)
}

fn race(form: Form, keys: u32, threads: u32, raced: &[Raced], left_out: &[&str], ended: Option<String>) -> Found {
    let (recorded, lost) = raced.iter().fold((0, 0), |sum, one| (sum.0 + one.recorded, sum.1 + one.lost));
    let judgement = match (ended, raced.iter().find(|one| one.lost == 0)) {
        (Some(ended), _) => (ClaimVerdict::CannotBeTested, ended),
        // Every strategy must lose some: a sum would hide one that does not.
        (None, Some(spared)) if !form.is_atomic() => {
            let (verdict, why) = judge_count(0, spared.recorded, false);
            (verdict, format!("{}: {why}", spared.strategy))
        }
        (None, _) => judge_count(lost, recorded, form.is_atomic()),
    };
    let mut shares: Vec<(f64, &str)> =
        raced.iter().map(|one| (one.lost as f64 / one.recorded.max(1) as f64, one.strategy.as_str())).collect();
    shares.sort_by(|a, b| a.0.total_cmp(&b.0));
    let range = match (shares.first(), shares.last(), form.is_atomic()) {
        (Some((least, first)), Some((most, last)), false) => {
            format!("least lost by {first}, {}; most by {last}, {}; ", percent(*least), percent(*most))
        }
        _ => String::new(),
    };
    let none = if left_out.is_empty() { "none".to_owned() } else { left_out.join(", ") };
    Found {
        case: format!("{}, {}", form.name(), counted(keys, "key")),
        subject: format!("{} strategies", raced.len()),
        threads,
        measured: (recorded > 0).then(|| lost as f64 / recorded as f64),
        unit: "of the updates lost",
        subject_value: (recorded > 0).then_some(recorded as f64),
        value_unit: "updates",
        samples: raced.len() as u64,
        judgement,
        detail: format!("{range}not applicable to: {none}"),
        ..Found::default()
    }
}

fn percent(share: f64) -> String {
    format!("{:.3} %", share * 100.0)
}

/// Every case, with the share of its runs in which something was detected.
pub(super) fn detection(claim: &Detection, setting: &Setting) -> Result<Vec<Found>, Failure> {
    claim.case.iter().map(|case| overlap(case, claim.certainty, claim.runs, setting)).collect()
}

fn overlap(case: &DetectionCase, certainty: Certainty, runs: u32, setting: &Setting) -> Result<Found, Failure> {
    let runs = if setting.smoke { (runs / SMOKE).max(1) } else { runs };
    let scenario = Scenario::Overlap(Overlap {
        parts: case.threads.clone(),
        population: case.population,
        operations: case.operations,
        millis: OVERLAP_MILLIS,
        runs,
        seed: setting.seed,
    });
    let name = case.strategy.get_ref();
    let longest = Duration::from_millis(OVERLAP_MILLIS) * runs;
    let mut found = Found {
        case: case.name.clone(),
        judged: case.judged,
        subject: name.clone(),
        threads: case.threads.len() as u32,
        unit: "of the runs",
        ..Found::default()
    };
    match worker::ask(name, &scenario, longest, setting)? {
        Finding::Overlap { runs, detected, operations, after_ns, message } => {
            let share = share(detected, runs);
            found.measured = share.map(|share| share.estimate);
            found.interval = share.map(|share| (share.low, share.high));
            found.samples = u64::from(runs);
            found.judgement = judge_certainty(detected, runs, certainty);
            let after: Vec<f64> = after_ns.iter().map(|ns| *ns as f64 / 1e3).collect();
            found.detail = match (quantile(&after, 0.5), quantile(&after, 1.0)) {
                (Some(median), Some(longest)) => {
                    format!("{message:?}, after {median:.0} us in the median and {longest:.0} us at most")
                }
                _ => format!("nothing was detected in {operations} operations"),
            };
        }
        Finding::NotApplicable(reason) => found.judgement.1 = reason,
        Finding::Ended(message) => found.judgement.1 = message,
        Finding::Orders { .. } | Finding::Growth { .. } => {
            found.judgement.1 = format!("{name} answered another question");
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{Raced, race};
    use mapbench_conformance::scenario::Form;
    use mapbench_results::ClaimVerdict::{CannotBeTested, Refuted, Reproduced};

    #[test]
    fn every_strategy_must_lose_by_halves_and_none_at_once() {
        let raced = |lost: [u64; 2]| {
            ["a", "b"]
                .iter()
                .zip(lost)
                .map(|(name, lost)| Raced { strategy: (*name).to_owned(), recorded: 1000, lost })
                .collect::<Vec<_>>()
        };
        let judged = |form, lost| race(form, 1, 2, &raced(lost), &["frozen"], None);
        let both = judged(Form::GetThenInsert, [10, 300]);
        assert_eq!((both.judgement.0, both.measured), (Reproduced, Some(0.155)));
        assert_eq!(both.detail, "least lost by a, 1.000 %; most by b, 30.000 %; not applicable to: frozen");
        let one = judged(Form::GetThenInsert, [10, 0]);
        assert_eq!(one.judgement, (Refuted, "b: none of 1000, where there must be some".to_owned()));
        assert_eq!(judged(Form::Update, [0, 0]).judgement.0, Reproduced);
        assert_eq!(judged(Form::CompareExchange, [0, 1]).judgement.0, Refuted);
        let died = race(Form::Update, 1, 2, &raced([0, 0]), &[], Some("c: aborted".to_owned()));
        assert_eq!(died.judgement, (CannotBeTested, "c: aborted".to_owned()));
        assert_eq!(race(Form::Update, 1, 2, &[], &["a"], None).judgement.0, CannotBeTested);
    }
}
