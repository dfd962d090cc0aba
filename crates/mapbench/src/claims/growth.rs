//! The longest insert into a map that grows from nothing.

use std::time::Duration;

use mapbench_conformance::scenario::{Finding, Growth as Growing, Scenario};
use mapbench_report::{Implied, judge_ratio};
use mapbench_stats::{median, ratio};
use mapbench_workload::{SplitMix64, derive_seed};

use super::file::Growth;
use super::{Found, Setting, worker};
use crate::failure::Failure;

/// What part of the seed decides who is first in a round.
const ORDER: u64 = 6;

/// How long a map may take to grow.
const LONGEST: Duration = Duration::from_secs(20);

/// Of a smoke test, the map grows to one in so many of the entries.
const SMOKE: u32 = 20;

/// One case: each round grows a map of either, in random order, in processes of their own.
pub(super) fn test(implied: Implied, claim: &Growth, setting: &Setting) -> Result<Vec<Found>, Failure> {
    let names = [claim.subject.get_ref(), claim.reference.get_ref()];
    let entries = if setting.smoke { claim.entries / SMOKE } else { claim.entries };
    let rounds = if setting.smoke { 2 } else { claim.runs };
    let mut found = Found {
        case: format!("{entries} entries, {} threads", claim.threads),
        subject: names[0].clone(),
        reference: names[1].clone(),
        threads: claim.threads,
        unit: "ratio",
        value_unit: "ns",
        ..Found::default()
    };
    let mut random = SplitMix64::new(derive_seed(setting.seed, &[ORDER]));
    let (mut longest, mut tails) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for round in 0..rounds {
        let mut order = [0, 1];
        random.shuffle(&mut order);
        for side in order {
            let seed = derive_seed(setting.seed, &[ORDER, u64::from(round)]);
            let scenario = Scenario::Growth(Growing { threads: claim.threads as usize, entries, seed });
            match worker::ask(names[side], &scenario, LONGEST, setting)? {
                Finding::Growth { longest_ns, tail_ns, .. } => {
                    longest[side].push(longest_ns.max(1) as f64);
                    tails[side].push(tail_ns as f64);
                }
                other => {
                    found.judgement.1 = format!("{}: {other:?}", names[side]);
                    return Ok(vec![found]);
                }
            }
        }
    }
    let logs: Vec<Vec<f64>> = longest[0].iter().zip(&longest[1]).map(|(a, b)| vec![(a / b).ln()]).collect();
    found.samples = logs.len() as u64;
    found.subject_value = median(&longest[0]);
    found.reference_value = median(&longest[1]);
    if let Some(measured) = ratio(&logs, setting.seed) {
        found.measured = Some(measured.estimate);
        found.interval = Some((measured.low, measured.high));
        found.judgement = judge_ratio(&measured, implied);
    }
    let tail = |side: usize| median(&tails[side]).unwrap_or_default() / 1e3;
    found.detail = format!(
        "the longest insert of a run; one in 1 000 took longer than {:.1} us with {} and {:.1} us with {}",
        tail(0),
        names[0],
        tail(1),
        names[1]
    );
    Ok(vec![found])
}
