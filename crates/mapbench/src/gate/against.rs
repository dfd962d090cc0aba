//! This program against an earlier run: ratios to a control strategy, fork by fork.
//!
//! Times of two runs differ by what the machine did meanwhile; the ratio to a strategy that did not change, within the same
//! rounds, much less so. It is the weaker gate all the same: runs do not take turns.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use mapbench_report::counted;
use mapbench_results::{
    GATE_SCHEMA_VERSION, GateCell, GateResult, GateSide, GateVerdict, Group, Provenance, Run, Sample, Status, checksum,
    time,
};
use mapbench_stats::gate::{FLIPS, TwoRuns, two_runs_adjusted_p, two_runs_change};
use mapbench_stats::median;

use super::budget::Budget;
use super::judge::Limits;
use crate::failure::Failure;
use crate::plan;
use crate::registry::{Registry, UnknownName};
use crate::run;

/// What to compare with what.
pub(crate) struct Against {
    /// The directory of the earlier run.
    pub(crate) dir: PathBuf,
    /// The strategy whose times are the measure of all others.
    pub(crate) control: String,
    pub(crate) strategies: Vec<String>,
    pub(crate) budget: Budget,
    pub(crate) seed: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) patience: Duration,
    /// Where to put the new run.
    pub(crate) out: PathBuf,
}

impl Against {
    /// Measures what the earlier run measured, and compares.
    pub(crate) fn run(&self, registry: &Registry) -> Result<GateResult, Failure> {
        let before = Run::read(&self.dir)?;
        let plan = &before.provenance.plan;
        let strategies = self.strategies(registry, plan)?;
        let began = Instant::now();
        let (plan, workloads) = plan::again(plan, strategies, self.memory_bytes, registry)?;
        let after = run::begin(registry, plan, &workloads, self.patience, Some(self.out.clone()))?;
        self.judge(&before, &after.run, began.elapsed())
    }

    /// The strategies that both have, of those chosen, and the control.
    fn strategies(&self, registry: &Registry, plan: &mapbench_results::Plan) -> Result<Vec<String>, Failure> {
        for name in self.strategies.iter().chain([&self.control]) {
            registry.find(name)?;
            if !plan.strategies.contains(name) {
                let known = plan.strategies.iter().map(String::as_str);
                return Err(Failure::usage(format!(
                    "{}: {}",
                    self.dir.display(),
                    UnknownName::new("strategy", name, known)
                )));
            }
        }
        let wanted =
            |name: &&String| self.strategies.is_empty() || self.strategies.contains(name) || **name == self.control;
        let both = plan.strategies.iter().filter(wanted).filter(|name| registry.find(name).is_ok());
        Ok(both.cloned().collect())
    }

    fn judge(&self, before: &Run, after: &Run, took: Duration) -> Result<GateResult, Failure> {
        let differences = fingerprint(&before.provenance, &after.provenance);
        let plan = &after.provenance.plan;
        let mut cells: Vec<Compared> = Vec::new();
        let mut notes = Vec::new();
        for group in &plan.groups {
            for strategy in plan.strategies.iter().filter(|strategy| **strategy != self.control) {
                let name = format!("{}/read-{}/threads-{}/{strategy}", group.workload, group.read_pct, group.threads);
                let forks = |run: &Run| ratios(&run.samples, group, strategy, &self.control, run.provenance.plan.forks);
                let (old, new) = (forks(before), forks(after));
                if old.iter().flatten().count() >= 2 {
                    cells.push(Compared { name, old, new, failure: failure(&after.samples, group, strategy) });
                } else if let Some(why) = failure(&before.samples, group, strategy) {
                    notes.push(format!("{name}: not gated, in the earlier run {why}"));
                }
            }
        }
        self.budget.check(cells.iter().map(|cell| cell.name.as_str())).map_err(Failure::usage)?;
        cells.retain(|cell| !self.budget.effective(&cell.name).skip);
        if cells.is_empty() {
            return Err(Failure::usage(format!(
                "{}: no cell of it can be compared: that takes two forks or more of a strategy and of the control, `{}`",
                self.dir.display(),
                self.control
            )));
        }
        let limits: Vec<Limits> = cells
            .iter()
            .map(|cell| self.budget.effective(&cell.name))
            .map(|effective| Limits::of(effective.floor_pct, effective.budget_pct))
            .collect();
        let runs: Vec<TwoRuns> = cells
            .iter()
            .zip(&limits)
            .map(|(cell, limits)| TwoRuns { before: &cell.old, after: &cell.new, floor: limits.floor })
            .collect();
        let p = two_runs_adjusted_p(&runs, FLIPS, self.seed);
        let judged: Vec<GateCell> = cells
            .iter()
            .zip(&runs)
            .zip(&limits)
            .zip(&p)
            .map(|(((cell, runs), limits), p)| self.cell(cell, runs, *limits, *p))
            .collect();
        let (verdict, reason) = verdict(&judged);
        let advisory = !differences.is_empty();
        notes.extend(differences.iter().map(|difference| format!("not the same machine and build: {difference}")));
        notes.push(format!(
            "ratios to `{}` within rounds, fork by fork; the runs were made one after the other, and no suspicion was measured again",
            self.control
        ));
        Ok(GateResult {
            schema_version: GATE_SCHEMA_VERSION,
            mapbench_version: env!("CARGO_PKG_VERSION").to_owned(),
            started: after.provenance.started.clone(),
            finished: time::rfc3339(SystemTime::now()),
            command: run::command(),
            verdict,
            reason,
            advisory,
            // The executable of the earlier run is gone.
            base: side(&before.provenance, &self.dir, String::new()),
            candidate: side(&after.provenance, &self.out, own_sha256()?),
            host: after.provenance.host.clone(),
            alpha: self.budget.alpha,
            seed: self.seed,
            seconds: took.as_secs_f64(),
            looks: vec![plan.forks],
            cells: judged,
            only_in_base: Vec::new(),
            only_in_candidate: Vec::new(),
            notes,
        })
    }

    fn cell(&self, cell: &Compared, runs: &TwoRuns, limits: Limits, p: Option<f64>) -> GateCell {
        let effective = self.budget.effective(&cell.name);
        let change = two_runs_change(runs);
        let (verdict, reason) = match (&cell.failure, change, p) {
            (Some(why), ..) => (GateVerdict::Fail, format!("it was measured before, and now {why}")),
            (_, None, _) => (GateVerdict::Inconclusive, "too few forks to compare".to_owned()),
            (_, Some(change), Some(p)) if p <= self.budget.alpha => (
                GateVerdict::Fail,
                format!("slower against `{}` by {:.1} %", self.control, 100.0 * change.estimate.exp_m1()),
            ),
            (_, Some(change), _) if change.high < limits.budget => {
                (GateVerdict::Pass, format!("slower by at most {:.1} %", 100.0 * change.high.exp_m1()))
            }
            (_, Some(change), _) => {
                let half = 50.0 * (change.high - change.low);
                (
                    GateVerdict::Inconclusive,
                    format!("known to within {half:.1} %; runs with more forks would know it better"),
                )
            }
        };
        GateCell {
            cell: cell.name.clone(),
            verdict,
            change: change.map(|change| change.estimate.exp()),
            low: change.map(|change| change.low.exp()),
            high: change.map(|change| change.high.exp()),
            p,
            confirmed_p: None,
            rounds: cell.new.iter().flatten().count() as u32,
            floor_pct: effective.floor_pct,
            budget_pct: effective.budget_pct,
            reason,
            control: None,
            instructions: None,
            transfers: None,
        }
    }
}

fn side(provenance: &Provenance, dir: &Path, executable_sha256: String) -> GateSide {
    GateSide {
        executable_sha256,
        version: provenance.mapbench_version.clone(),
        strategy: None,
        label: dir.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
    }
}

fn own_sha256() -> Result<String, Failure> {
    let own = std::env::current_exe().and_then(|path| checksum::of_file(&path));
    own.map_err(|error| Failure::usage(format!("cannot read this program: {error}")))
}

/// A cell that the earlier run measured.
struct Compared {
    name: String,
    old: Vec<Option<f64>>,
    new: Vec<Option<f64>>,
    /// What became of it in the new run, if it was not measured throughout.
    failure: Option<String>,
}

fn verdict(cells: &[GateCell]) -> (GateVerdict, String) {
    let count = |wanted: GateVerdict| cells.iter().filter(|cell| cell.verdict == wanted).count();
    let all = counted(cells.len(), "cell");
    match (count(GateVerdict::Fail), count(GateVerdict::Inconclusive)) {
        (0, 0) => (GateVerdict::Pass, format!("{all} within budget")),
        (0, open) => (GateVerdict::Inconclusive, format!("{open} of {all} not known precisely enough")),
        (failed, _) => {
            (GateVerdict::Fail, format!("{failed} of {all} slower than in the earlier run, or not measured any more"))
        }
    }
}

/// For each fork, the median over its rounds of the logarithm of the strategy's time over the control's.
fn ratios(samples: &[Sample], group: &Group, strategy: &str, control: &str, forks: u32) -> Vec<Option<f64>> {
    let rates = |name: &str| -> BTreeMap<(u32, u32), f64> {
        let rows = samples.iter().filter(|row| row.strategy == name && row.group() == *group);
        rows.filter_map(|row| Some(((row.fork, row.round), (row.throughput_ops_s? as f64).ln()))).collect()
    };
    let (own, measure) = (rates(strategy), rates(control));
    (0..forks)
        .map(|fork| {
            let logs: Vec<f64> = own
                .range((fork, 0)..=(fork, u32::MAX))
                .filter_map(|(visit, log)| Some(measure.get(visit)? - log))
                .collect();
            median(&logs)
        })
        .collect()
}

fn failure(samples: &[Sample], group: &Group, strategy: &str) -> Option<String> {
    let mut rows = samples.iter().filter(|row| row.strategy == strategy && row.group() == *group);
    let row = rows.find(|row| row.status != Status::Ok)?;
    Some(format!("{}: {}", row.status, row.message))
}

/// What makes two runs hard to compare.
fn fingerprint(before: &Provenance, after: &Provenance) -> Vec<String> {
    let (a, b) = (&before.host, &after.host);
    let (c, d) = (&before.build, &after.build);
    [
        ("processor", a.cpu.clone(), b.cpu.clone()),
        ("processors", a.cores.to_string(), b.cores.to_string()),
        ("caches", a.caches.clone(), b.caches.clone()),
        ("kernel", a.kernel.clone(), b.kernel.clone()),
        ("compiler", c.rustc.clone(), d.rustc.clone()),
        ("target", c.target.clone(), d.target.clone()),
        ("profile", c.profile.clone(), d.profile.clone()),
        ("flags", c.flags.clone(), d.flags.clone()),
        ("target features", c.target_features.clone(), d.target_features.clone()),
        ("allocator", c.allocator.clone(), d.allocator.clone()),
    ]
    .into_iter()
    .filter(|(_, before, after)| before != after)
    .map(|(what, before, after)| format!("{what} was `{before}` and is `{after}`"))
    .collect()
}
