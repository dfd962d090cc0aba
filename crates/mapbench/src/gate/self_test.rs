//! How often does the gate cry wolf on this machine, and how small a slow-down does it see?
//!
//! Both sides are one executable. Suites in which nothing is planted count false alarms; one long screening in which
//! nothing is planted tells, from its rounds, the least slow-down that would have been seen in each cell; suites with a
//! planted slow-down show whether that is what happens.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use mapbench_report::{counted, summarise_self_test as summarise};
use mapbench_results::{Detectable, GateResult, SelfTestRow, write_self_test};
use mapbench_stats::gate::{
    FLIPS, LOOKS, Look, VisitedCell, clopper_pearson, two_stage, visit_critical, visit_detectable,
};
use mapbench_workload::{OpKind, derive_seed};

use super::judge::Rounds;
use super::rounds::GatedCell;
use super::{KEPT, Order, Watcher};
use crate::failure::Failure;
use crate::protocol::{Extra, Planted};

/// The method of a row that this gate judged.
const OURS: &str = "mapbench";

/// The ways to plant a slow-down, by the names that results have for them.
const WAYS: [(&str, Extra); 3] =
    [("any", Extra::Any), ("read", Extra::Kind(OpKind::Read)), ("long_read", Extra::LongRead)];

/// A slow-down counts as detectable when it is seen with this probability.
const POWER: f64 = 0.9;

/// The lengths of a gate for which the detectable slow-down is told, in minutes.
const MINUTES: [f64; 3] = [1.0, 3.0, 10.0];

/// Confidence of the bound on the rate of false alarms.
const CONFIDENCE: f64 = 0.95;

/// Resamples for each estimate of power.
const RESAMPLES: u32 = 400;

/// How long the neighbour is busy, and then is not.
const SPELL: Duration = Duration::from_secs(5);

/// What to find out.
pub(crate) struct Plan {
    /// Suites in which nothing is planted.
    pub(crate) suites: u32,
    /// Slow-downs to plant, in per cent; one suite each, for each way to plant it.
    pub(crate) planted_pct: Vec<f64>,
    /// A busy process comes and goes beside it all.
    pub(crate) neighbour: bool,
    /// Other gates judge the same cells, each for the time that the suite took.
    pub(crate) rivals: bool,
}

/// What a suite was about.
#[derive(Clone, Copy)]
struct Told<'a> {
    condition: &'a str,
    planted: &'a str,
    planted_pct: f64,
    suite: u32,
}

/// What was found out.
pub(crate) struct Found {
    pub(crate) rows: Vec<SelfTestRow>,
    pub(crate) detectable: Vec<Detectable>,
}

/// Runs a self-test; `order` says with what, for how long, and where the slices go.
pub(crate) fn run(order: &Order, plan: &Plan, watcher: &mut dyn Watcher) -> Result<Found, Failure> {
    let _neighbour = plan.neighbour.then(Neighbour::start);
    let condition = if plan.neighbour { "neighbour" } else { "idle" };
    let alike = if order.base.is(&order.candidate) { "nothing" } else { "layout" };
    let mut found = Found { rows: Vec::new(), detectable: Vec::new() };
    // As short as a suite can be: one look, which gets all of the level.
    let short = vec![Look { share: 1.0, ..LOOKS[0] }];
    for suite in 0..plan.suites {
        let mut one = order.clone();
        one.seed = derive_seed(order.seed, &[0, u64::from(suite)]);
        one.looks.clone_from(&short);
        one.dir = order.dir.join(format!("alike-{suite}"));
        let measured = one.measure(watcher)?;
        let told = Told { condition, planted: alike, planted_pct: 0.0, suite };
        found.add(told, &measured.result);
        if plan.rivals {
            found.add_rivals(told, &one, &measured.result)?;
        }
        found.save(&order.dir)?;
    }
    let mut long = order.clone();
    long.seed = derive_seed(order.seed, &[1]);
    long.dir = order.dir.join("long");
    let measured = long.measure(watcher)?;
    found.add(Told { condition, planted: alike, planted_pct: 0.0, suite: plan.suites }, &measured.result);
    let seconds = measured.result.seconds;
    found.detectable = detectable(condition, order.budget.alpha, &measured.screening, seconds, order.seed);
    found.save(&order.dir)?;
    for pct in &plan.planted_pct {
        for (way, (name, extra)) in WAYS.into_iter().enumerate() {
            let mut one = order.clone();
            let ppm = (pct * 1e4).round() as u32;
            one.seed = derive_seed(order.seed, &[2, u64::from(ppm), way as u64]);
            one.planted = Some(Planted { ppm, extra });
            one.thorough = true;
            one.dir = order.dir.join(format!("planted-{name}-{pct}"));
            let measured = one.measure(watcher)?;
            let told = Told { condition, planted: name, planted_pct: *pct, suite: 0 };
            found.add(told, &measured.result);
            if plan.rivals {
                found.add_rivals(told, &one, &measured.result)?;
            }
            found.save(&order.dir)?;
        }
    }
    Ok(found)
}

impl Found {
    fn add(&mut self, told: Told, result: &GateResult) {
        let per_cent = |ratio: f64| 100.0 * (ratio - 1.0);
        self.rows.extend(result.cells.iter().map(|cell| SelfTestRow {
            method: OURS.to_owned(),
            condition: told.condition.to_owned(),
            planted: told.planted.to_owned(),
            planted_pct: told.planted_pct,
            suite: told.suite,
            cell: cell.cell.clone(),
            rounds: cell.rounds,
            suite_seconds: result.seconds,
            verdict: cell.verdict,
            change_pct: cell.change.map(per_cent),
            p: cell.p,
            confirmed_p: cell.confirmed_p,
            alpha: Some(result.alpha),
        }));
    }

    /// Has the rivals judge what a suite judged, for as long.
    fn add_rivals(&mut self, told: Told, order: &Order, result: &GateResult) -> Result<(), Failure> {
        let mut order = order.clone();
        order.dir = order.dir.join("rivals");
        let said = order.rivals(Duration::from_secs_f64(result.seconds))?;
        self.rows.extend(said.into_iter().map(|(cell, said)| SelfTestRow {
            method: said.method.to_owned(),
            condition: told.condition.to_owned(),
            planted: told.planted.to_owned(),
            planted_pct: told.planted_pct,
            suite: told.suite,
            cell,
            rounds: said.slices,
            suite_seconds: result.seconds,
            verdict: said.verdict,
            change_pct: said.change.map(|log| 100.0 * log.exp_m1()),
            p: None,
            confirmed_p: None,
            alpha: None,
        }));
        Ok(())
    }

    fn save(&self, dir: &Path) -> Result<(), Failure> {
        Ok(write_self_test(dir, &self.rows, &self.detectable)?)
    }

    /// What there is to say, a line each.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let all = summarise(&self.rows);
        for summary in all.iter().filter(|summary| summary.planted_pct == 0.0) {
            let (what, alarms, suites) = (&summary.planted, summary.suites_failed, summary.suites);
            let bound = clopper_pearson(alarms, suites, CONFIDENCE)
                .map_or_else(String::new, |bound| format!(", 95 % interval up to {:.2} %", 100.0 * bound.high));
            lines.push(format!(
                "{}{}, {what} planted: {alarms} of {} failed{bound}; {} of {} did; {} had a suspect that \
                 fresh rounds cleared",
                summary.method,
                summary.alpha.map_or_else(String::new, |alpha| format!(" at alpha {alpha}")),
                counted(suites, "suite"),
                summary.cells_failed,
                counted(summary.cells, "cell"),
                counted(summary.suites_cleared, "suite")
            ));
        }
        for minutes in MINUTES {
            let of = |row: &&Detectable| row.minutes == minutes;
            let mut effects: Vec<(f64, &str)> = self
                .detectable
                .iter()
                .filter(of)
                .map(|row| (row.effect_pct.unwrap_or(f64::INFINITY), row.cell.as_str()))
                .collect();
            effects.sort_by(|a, b| a.0.total_cmp(&b.0));
            if let (Some(middle), Some((worst, cell))) = (effects.get(effects.len() / 2), effects.last()) {
                let rounds = self.detectable.iter().find(of).map_or(0, |row| row.rounds);
                lines.push(format!(
                    "{minutes} minutes ({}): a slow-down of {:.2} % is seen with a probability of 90 % in the \
                     median cell, of {worst:.2} % in the worst, {cell}",
                    counted(rounds, "round"),
                    middle.0
                ));
            }
        }
        for summary in all.iter().filter(|summary| summary.planted_pct > 0.0) {
            lines.push(format!(
                "{}, planted {} % more of {}: {} of {} failed; the median cell seemed {:.2} % slower",
                summary.method,
                summary.planted_pct,
                summary.planted,
                summary.cells_failed,
                counted(summary.cells, "cell"),
                summary.change_pct.unwrap_or(0.0)
            ));
        }
        lines
    }
}

/// The least slow-down that both stages see, for each cell and each length of a gate over all of them.
fn detectable(
    condition: &str,
    alpha: f64,
    screening: &[(GatedCell, Rounds)],
    seconds: f64,
    seed: u64,
) -> Vec<Detectable> {
    let measured: Vec<&(GatedCell, Rounds)> =
        screening.iter().filter(|(_, rounds)| rounds.iter().any(Option::is_some)).collect();
    let most = measured.iter().map(|(_, rounds)| rounds.len()).max().unwrap_or(0);
    if most == 0 {
        return Vec::new();
    }
    let (levels, each) = (two_stage(alpha), seconds / most as f64);
    let mut all = Vec::new();
    for minutes in MINUTES {
        // Rounds that were not measured are not made up: a gate is told no longer than this one was.
        let rounds = ((minutes * 60.0 * (1.0 - KEPT) / each) as usize).min(most);
        if rounds < LOOKS[0].rounds as usize || all.last().is_some_and(|row: &Detectable| row.rounds as usize == rounds)
        {
            // Too short for any verdict; or over before so many minutes are.
            continue;
        }
        let cells: Vec<VisitedCell> = measured
            .iter()
            .map(|(cell, visits)| VisitedCell { visits: &visits[..rounds], floor: cell.limits.floor })
            .collect();
        // All of the level at the last look: earlier looks take a little of it, and see large slow-downs sooner.
        let Some(suspect) = visit_critical(&cells, levels.screening, FLIPS, seed) else { continue };
        for ((gated, _), cell) in measured.iter().zip(&cells) {
            let confirm = visit_critical(std::slice::from_ref(cell), levels.confirmation, FLIPS, seed);
            let effect = confirm.and_then(|confirm| {
                visit_detectable(cell, &[(rounds, suspect), (rounds, confirm)], POWER, RESAMPLES, seed)
            });
            all.push(Detectable {
                condition: condition.to_owned(),
                cell: gated.name.clone(),
                minutes,
                rounds: rounds as u32,
                effect_pct: effect.map(|effect| 100.0 * effect.exp_m1()),
                alpha: Some(alpha),
            });
        }
    }
    all
}

/// A process that is busy for a spell and then is not, over and over, until dropped.
struct Neighbour {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Neighbour {
    fn start() -> Self {
        let (stop, stopped) = channel();
        let thread = std::thread::spawn(move || {
            let mut busy: Option<Child> = None;
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(SPELL) {
                busy = match busy {
                    Some(mut child) => {
                        let _ = child.kill();
                        let _ = child.wait();
                        None
                    }
                    None => {
                        let shell = Command::new("sh").args(["-c", "while :; do :; done"]).stdin(Stdio::null()).spawn();
                        shell.ok()
                    }
                };
            }
            if let Some(mut child) = busy {
                let _ = child.kill();
                let _ = child.wait();
            }
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.stop = None;
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
