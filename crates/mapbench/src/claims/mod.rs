//! Claims that others made about maps, tested: `mapbench claims`.

mod compare;
mod definition;
mod document;
mod expect;
mod file;
mod growth;
mod reads;
mod refusal;
mod scenarios;
#[cfg(feature = "service")]
mod service;
mod shipped;
mod sweep;
mod worker;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use mapbench_report::Judged;
use mapbench_results::{ClaimRow, ClaimVerdict, time};

use crate::failure::Failure;
use crate::registry::Registry;
use crate::{interrupt, provenance};
use definition::Test;

pub(crate) use definition::Claim;
pub(crate) use expect::Expected;
pub(crate) use shipped::{chosen, names};
pub(crate) use worker::{SUBCOMMAND, serve};

/// How long and how often a sweep measures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) forks: u32,
    /// Of a claim about throughput that as many forks left undecided.
    pub(crate) most_forks: u32,
    pub(crate) rounds: u32,
    pub(crate) warm_ns: u64,
    pub(crate) slice_ns: u64,
}

impl Shape {
    /// All claims in a few minutes.
    pub(crate) const USUAL: Self =
        Self { forks: 7, most_forks: 21, rounds: 2, warm_ns: 10_000_000, slice_ns: 30_000_000 };
    /// Does everything run at all? Not for reading.
    pub(crate) const SMOKE: Self = Self { forks: 2, most_forks: 3, rounds: 1, warm_ns: 1_000_000, slice_ns: 2_000_000 };
}

/// What all tests need to know.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) shape: Shape,
    /// A few runs of everything that is no sweep.
    pub(crate) smoke: bool,
    #[cfg_attr(not(feature = "service"), expect(dead_code, reason = "read and checked, and not measured without it"))]
    /// How long a service is loaded, each time; `None`: as long as is usual.
    pub(crate) load: Option<Duration>,
    pub(crate) seed: u64,
    pub(crate) cores: u32,
    pub(crate) memory_bytes: u64,
    /// How long a worker may take to answer, beyond its work.
    pub(crate) patience: Duration,
    pub(crate) executable: PathBuf,
    /// Where slices and results go.
    pub(crate) dir: PathBuf,
}

/// What was found of a case.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    case: String,
    judged: bool,
    subject: String,
    reference: String,
    threads: u32,
    measured: Option<f64>,
    interval: Option<(f64, f64)>,
    unit: &'static str,
    subject_value: Option<f64>,
    reference_value: Option<f64>,
    value_unit: &'static str,
    samples: u64,
    judgement: Judged,
    detail: String,
}

impl Default for Found {
    fn default() -> Self {
        Self {
            case: String::new(),
            judged: true,
            subject: String::new(),
            reference: String::new(),
            threads: 1,
            measured: None,
            interval: None,
            unit: "",
            subject_value: None,
            reference_value: None,
            value_unit: "",
            samples: 0,
            judgement: (ClaimVerdict::CannotBeTested, "not measured".to_owned()),
            detail: String::new(),
        }
    }
}

impl Found {
    /// What is found where a feature is missing.
    fn without(what: &str) -> Self {
        let why = format!("this program was built without {what}, which the default features have");
        Self { judgement: (ClaimVerdict::CannotBeTested, why), ..Self::default() }
    }
}

/// Told of every claim that was tested, with its rows.
pub(crate) trait Watcher {
    /// A claim begins.
    fn begins(&mut self, claim: &Claim);
    /// It was tested.
    fn tested(&mut self, rows: &[ClaimRow]);
}

/// Tests claims one after the other; what was found is written after each.
///
/// # Errors
/// When a run cannot be begun or written, or it was interrupted.
pub(crate) fn run(
    claims: &[Claim],
    registry: &Registry,
    setting: &Setting,
    watcher: &mut dyn Watcher,
) -> Result<Vec<ClaimRow>, Failure> {
    let began = SystemTime::now();
    let host = provenance::host(0);
    let mut rows: Vec<ClaimRow> = Vec::new();
    for claim in claims {
        if interrupt::came() {
            return Err(Failure::abandoned(&setting.dir));
        }
        watcher.begins(claim);
        let found = test(claim, registry, setting)?;
        let first = rows.len();
        rows.extend(found.into_iter().map(|found| row(claim, found, setting)));
        ClaimRow::write(&setting.dir, &rows)?;
        watcher.tested(&rows[first..]);
    }
    document::write(&rows, registry, &host, began, setting)?;
    Ok(rows)
}

fn test(claim: &Claim, registry: &Registry, setting: &Setting) -> Result<Vec<Found>, Failure> {
    if !claim.lacks.is_empty() {
        return Ok(vec![Found::without(&claim.lacks.join(", "))]);
    }
    match &claim.test {
        Test::Sweep { implied, quantity, rate_ops_s, cases, workloads } => {
            let (name, implied, quantity, rate_ops_s) = (claim.name.as_str(), *implied, *quantity, *rate_ops_s);
            sweep::test(&sweep::Order { name, implied, quantity, rate_ops_s, cases, workloads }, registry, setting)
        }
        Test::ReadAllocations { subject, workload } => reads::test(&claim.name, subject, workload, registry, setting),
        Test::Growth { implied, growth } => growth::test(*implied, growth, setting),
        Test::LostUpdates(lost) => scenarios::lost_updates(lost, registry, setting),
        Test::Detection(detection) => scenarios::detection(detection, setting),
        Test::Refusal(refusal) => Ok(refusal::test(refusal)),
        #[cfg(feature = "service")]
        Test::Service { implied, service } => service::test(*implied, service, setting),
        #[cfg(not(feature = "service"))]
        Test::Service { .. } => Ok(vec![Found::without("the service")]),
    }
}

fn row(claim: &Claim, found: Found, setting: &Setting) -> ClaimRow {
    let (verdict, why) = found.judgement;
    ClaimRow {
        claim: claim.name.clone(),
        statement: claim.statement.clone(),
        source: claim.source.clone(),
        case: found.case,
        judged: found.judged,
        quantity: claim.test.quantity().to_owned(),
        implied: claim.test.implied(),
        subject: found.subject,
        reference: found.reference,
        threads: found.threads,
        cores: setting.cores,
        cores_implied: claim.cores,
        measured: found.measured,
        measured_low: found.interval.map(|(low, _)| low),
        measured_high: found.interval.map(|(_, high)| high),
        unit: found.unit.to_owned(),
        subject_value: found.subject_value,
        reference_value: found.reference_value,
        value_unit: found.value_unit.to_owned(),
        samples: found.samples,
        verdict,
        why,
        detail: found.detail,
        seed: setting.seed,
        finished: time::rfc3339(SystemTime::now()),
    }
}
