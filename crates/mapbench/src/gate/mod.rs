//! Is a candidate slower than a base, in any cell, and how sure is that?
//!
//! `sides` says what is compared, `visit` measures one cell once, `rounds` does so over all cells and keeps every slice,
//! `judge` turns rounds into verdicts, and this file decides when to look and when to stop.

pub(crate) mod against;
mod budget;
mod contention;
pub(crate) mod instructions;
mod judge;
mod rivals;
mod rounds;
pub(crate) mod self_test;
mod sides;
mod visit;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use mapbench_report::counted;
use mapbench_results::{GATE_SCHEMA_VERSION, GateCell, GateResult, GateSliceWriter, GateVerdict, Group, Status, time};
use mapbench_stats::gate::{LOOKS, Look, spending, two_stage};
use mapbench_workload::Workload;

use crate::callgrind::NotCounted;
use crate::failure::Failure;
use crate::protocol::Planted;
use crate::{interrupt, provenance, system};
use instructions::Counted;
use judge::{Rounds, change, control, is_precise, not_failed, slower, strays, suspects};
use rivals::Said;
use rounds::{Bench, GatedCell, Stage, Stop};
use sides::Cells;
use visit::{Arm, Broken};

pub(crate) use budget::{Budget, MINUTES_WANTED, is_time};
pub(crate) use contention::Simulators;
pub(crate) use sides::{Executable, Pairing, groups};
pub(crate) use visit::Shape;

/// The share of the time that is kept for the confirmation.
const KEPT: f64 = 0.2;

/// What a gate is to do.
#[derive(Clone)]
pub(crate) struct Order {
    pub(crate) base: Executable,
    pub(crate) candidate: Executable,
    pub(crate) pairing: Pairing,
    pub(crate) groups: Vec<Group>,
    pub(crate) workloads: HashMap<String, Workload>,
    pub(crate) budget: Budget,
    pub(crate) shape: Shape,
    pub(crate) seed: u64,
    /// What is planted into the candidate.
    pub(crate) planted: Option<Planted>,
    /// Count the instructions of one-thread cells too.
    pub(crate) instructions: bool,
    /// Count what cells of several threads take from each other's caches too.
    pub(crate) simulators: Option<Simulators>,
    /// When to look; the last look ends the screening.
    pub(crate) looks: Vec<Look>,
    /// Go on after a confirmed failure, to learn of the other cells.
    pub(crate) thorough: bool,
    /// Where to put what was measured.
    pub(crate) dir: PathBuf,
}

/// Told how far the gate has come.
pub(crate) trait Watcher {
    /// A round ended; so much of the time is gone.
    fn round(&mut self, stage: &str, round: u32, cells: usize, elapsed: Duration);
}

impl Order {
    /// The cells, with what the budget allows each.
    pub(crate) fn cells(&self) -> Result<Cells, Failure> {
        let mut cells = Cells::of(&self.base, &self.candidate, &self.pairing, &self.groups)?;
        cells.apply(&self.budget)?;
        if cells.gated.is_empty() && cells.only_in_base.is_empty() {
            return Err(Failure::usage("no cell is left to gate: the choice and the budget leave out all of them"));
        }
        Ok(cells)
    }

    /// The names of all cells that the budget says something of, those too that it skips.
    pub(crate) fn allowed(&self) -> Result<Vec<String>, Failure> {
        let mut cells = Cells::of(&self.base, &self.candidate, &self.pairing, &self.groups)?;
        let names =
            cells.gated.iter().map(|cell| cell.name.clone()).chain(cells.only_in_base.iter().cloned()).collect();
        cells.apply(&self.budget)?;
        Ok(names)
    }

    /// Measures and judges.
    pub(crate) fn run(&self, watcher: &mut dyn Watcher) -> Result<GateResult, Failure> {
        self.measure(watcher).map(|measured| measured.result)
    }

    fn bench<'a>(&'a self, cells: &'a Cells) -> Result<Bench<'a>, Failure> {
        Ok(Bench {
            cells: &cells.gated,
            workloads: &self.workloads,
            base: &self.base.path,
            candidate: &self.candidate.path,
            planted: self.planted,
            shape: self.shape.clone(),
            seed: self.seed,
            writer: GateSliceWriter::create(&self.dir)?,
            broken: vec![None; cells.gated.len()],
            began: Instant::now(),
        })
    }

    /// Measures one side after the other for so long, and has the rivals judge.
    fn rivals(&self, whole: Duration) -> Result<Vec<(String, Said)>, Failure> {
        let cells = self.cells()?;
        match rivals::judge(&mut self.bench(&cells)?, whole) {
            Ok(said) => Ok(said.into_iter().map(|said| (cells.gated[said.cell].name.clone(), said)).collect()),
            Err(Stop::Interrupted) => Err(Failure::abandoned(&self.dir)),
            Err(Stop::Failed(failure)) => Err(failure),
        }
    }

    fn measure(&self, watcher: &mut dyn Watcher) -> Result<Measured, Failure> {
        let cells = self.cells()?;
        let bench = self.bench(&cells)?;
        let started = SystemTime::now();
        let steal = system::steal_ns();
        let (base, candidate) = match &self.pairing {
            Pairing::Two { base, candidate } => (Some(base.as_str()), Some(candidate.as_str())),
            Pairing::Same(_) => (None, None),
        };
        let mut course = Course::new(bench, self, watcher);
        match course.take() {
            Ok(()) => {}
            Err(Stop::Interrupted) => return Err(Failure::abandoned(&self.dir)),
            Err(Stop::Failed(failure)) => return Err(failure),
        }
        let seconds = course.bench.elapsed().as_secs_f64();
        let mut summary = course.summary();
        if self.instructions {
            course.count(&mut summary);
        }
        if let Some(simulators) = &self.simulators {
            course.count_transfers(simulators, &mut summary);
            if interrupt::came() {
                return Err(Failure::abandoned(&self.dir));
            }
        }
        let mut host = provenance::host(0);
        host.steal_ns = system::steal_ns() - steal;
        let missing: Vec<&String> =
            cells.only_in_base.iter().filter(|name| !self.budget.effective(name).allow_missing).collect();
        let lost = summary.only_in_base.iter().chain(missing.iter().copied());
        let (verdict, reason) = summary.verdict(&lost.map(String::as_str).collect::<Vec<_>>());
        let Course { screening, .. } = course;
        let screening = cells.gated.into_iter().zip(screening).collect();
        let result = GateResult {
            schema_version: GATE_SCHEMA_VERSION,
            mapbench_version: env!("CARGO_PKG_VERSION").to_owned(),
            started: time::rfc3339(started),
            finished: time::rfc3339(SystemTime::now()),
            command: crate::run::command(),
            verdict,
            reason,
            advisory: false,
            base: self.base.side(base),
            candidate: self.candidate.side(candidate),
            host,
            alpha: self.budget.alpha,
            seed: self.seed,
            seconds,
            looks: summary.looks,
            cells: summary.cells,
            only_in_base: [cells.only_in_base, summary.only_in_base].concat(),
            only_in_candidate: cells.only_in_candidate,
            notes: summary.notes,
        };
        Ok(Measured { result, screening })
    }
}

/// A verdict and what it was drawn from.
struct Measured {
    result: GateResult,
    screening: Vec<(GatedCell, Rounds)>,
}

/// A gate under way.
struct Course<'a> {
    bench: Bench<'a>,
    order: &'a Order,
    watcher: &'a mut dyn Watcher,
    screening: Vec<Rounds>,
    p: Vec<Option<f64>>,
    /// What the last confirmation of a cell said.
    confirmed: Vec<Option<Confirmed>>,
    looks: Vec<u32>,
    notes: Vec<String>,
    /// Why the screening ended without a look that could have been.
    too_short: Option<String>,
}

/// What a confirmation said of a cell.
#[derive(Clone, Debug)]
struct Confirmed {
    p: Option<f64>,
    failed: bool,
    rounds: Rounds,
}

impl<'a> Course<'a> {
    fn new(bench: Bench<'a>, order: &'a Order, watcher: &'a mut dyn Watcher) -> Self {
        let cells = bench.cells.len();
        Self {
            bench,
            order,
            watcher,
            screening: vec![Vec::new(); cells],
            p: vec![None; cells],
            confirmed: vec![None; cells],
            looks: Vec::new(),
            notes: Vec::new(),
            too_short: None,
        }
    }

    /// Screens until a suspicion is confirmed, every cell is known precisely, the looks are over or the time is.
    fn take(&mut self) -> Result<(), Stop> {
        let levels = two_stage(self.order.budget.alpha);
        let looks = &self.order.looks;
        let spent = spending(levels.screening, &looks.iter().map(|look| look.share).collect::<Vec<_>>());
        let all: Vec<usize> = (0..self.bench.cells.len()).collect();
        let limit = self.order.budget.minutes * 60.0 * (1.0 - KEPT);
        let last = looks.last().map_or(0, |look| look.rounds);
        for round in 0..last {
            let done = round;
            let elapsed = self.bench.elapsed().as_secs_f64();
            let each = elapsed / f64::from(done.max(1));
            if done > 0 && elapsed + each > limit {
                self.out_of_time(done, each, &spent, levels.confirmation)?;
                return Ok(());
            }
            self.bench.round(Stage::Screening, round, &all, &mut self.screening)?;
            self.watcher.round("screening", round + 1, self.visited(), self.bench.elapsed());
            if self.visited() == 0 {
                return Ok(());
            }
            let Some(index) = self.order.looks.iter().position(|look| look.rounds == round + 1) else { continue };
            if self.look(index as u32, round + 1, spent[index], levels.confirmation)? || self.all_precise() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The time ends at a moment that no result has chosen: what the looks to come would have spent is spent now.
    fn out_of_time(&mut self, rounds: u32, each: f64, spent: &[f64], confirmation: f64) -> Result<(), Stop> {
        let Look { rounds: first, .. } = LOOKS[0];
        if rounds < first {
            let minutes = f64::from(first) * each / (1.0 - KEPT) / 60.0;
            self.too_short = Some(format!(
                "the time was over after {}, and {first} are the fewest that can show anything: they take \
                 about {minutes:.1} minutes (minutes in the budget, or --minutes)",
                counted(rounds, "round")
            ));
            return Ok(());
        }
        let ahead = self.order.looks.iter().zip(spent).filter(|(look, _)| look.rounds > rounds);
        let left: f64 = ahead.map(|(_, level)| level).sum();
        let index = self.order.looks.len() as u32 - 1;
        self.look(index, rounds, left, confirmation).map(|_| ())
    }

    /// Looks, and has what is suspected measured again. True if that is the end: a suspicion was confirmed.
    fn look(&mut self, index: u32, rounds: u32, level: f64, confirmation: f64) -> Result<bool, Stop> {
        self.looks.push(rounds);
        let limits: Vec<_> = self.bench.cells.iter().map(|cell| cell.limits).collect();
        self.p = slower(&self.screening.iter().collect::<Vec<_>>(), &limits, self.order.seed);
        let suspects = suspects(&self.p, level, |cell| self.has_failed(cell));
        if suspects.is_empty() {
            return Ok(false);
        }
        let fresh = self.confirm(index, rounds, &suspects)?;
        let lists: Vec<&Rounds> = suspects.iter().map(|cell| &fresh[*cell]).collect();
        let limits: Vec<_> = suspects.iter().map(|cell| limits[*cell]).collect();
        let p = slower(&lists, &limits, self.order.seed);
        for (cell, p) in suspects.iter().zip(p) {
            let failed = p.is_some_and(|p| p <= confirmation);
            self.confirmed[*cell] = Some(Confirmed { p, failed, rounds: fresh[*cell].clone() });
        }
        let mut failed = (0..self.confirmed.len()).map(|cell| self.has_failed(cell));
        Ok(if self.order.thorough { failed.all(|failed| failed) } else { failed.any(|failed| failed) })
    }

    fn has_failed(&self, cell: usize) -> bool {
        self.confirmed[cell].as_ref().is_some_and(|confirmed| confirmed.failed)
    }

    /// Fresh rounds of the suspects: as many as led to the suspicion, fewer where the time does not suffice, but always
    /// enough to confirm anything.
    fn confirm(&mut self, index: u32, rounds: u32, suspects: &[usize]) -> Result<Vec<Rounds>, Stop> {
        const FEW: u32 = 12;
        let limit = self.order.budget.minutes * 60.0;
        let began = self.bench.elapsed().as_secs_f64();
        let mut fresh = vec![Vec::new(); self.bench.cells.len()];
        for round in 0..rounds.max(FEW) {
            let elapsed = self.bench.elapsed().as_secs_f64();
            let each = (elapsed - began) / f64::from(round.max(1));
            if round >= LOOKS[0].rounds && elapsed + each > limit {
                break;
            }
            self.bench.round(Stage::Confirmation(index), round, suspects, &mut fresh)?;
            self.watcher.round("confirmation", round + 1, suspects.len(), self.bench.elapsed());
        }
        Ok(fresh)
    }

    /// Counts the instructions of one-thread cells: with several threads, valgrind lets them run one at a time.
    fn count(&self, summary: &mut Summary) {
        for cell in &mut summary.cells {
            let gated = self.bench.cells.iter().find(|gated| gated.name == cell.cell);
            let Some(gated) = gated.filter(|gated| gated.group.threads == 1 && cell.rounds > 0) else { continue };
            let visit = self.bench.to(gated, self.order.seed);
            let [base, candidate] = [&visit.base, &visit.candidate].map(|side| (side.executable, visit.open(side)));
            let counted = |(executable, open)| Counted { executable, open };
            match instructions::count(counted((base.0, &base.1)), counted((candidate.0, &candidate.1))) {
                Ok(counted) => cell.instructions = Some(counted),
                Err(why @ NotCounted::NotInstalled) => {
                    summary.notes.push(format!("instructions were not counted: {why}"));
                    return;
                }
                Err(why) => summary.notes.push(format!("{}: instructions were not counted: {why}", cell.cell)),
            }
        }
    }

    /// Counts transfers, and fails the cells that have too many: no noise is in them.
    fn count_transfers(&self, simulators: &Simulators, summary: &mut Summary) {
        let gated = |cell: &GateCell| self.bench.cells.iter().find(|gated| gated.name == cell.cell);
        let (mut cells, gated): (Vec<&mut GateCell>, Vec<&GatedCell>) = summary
            .cells
            .iter_mut()
            .filter_map(|cell| gated(cell).filter(|gated| gated.group.threads > 1).map(|gated| (cell, gated)))
            .filter(|(cell, _)| cell.rounds > 0)
            .unzip();
        let counted = simulators.count(&gated, self.bench.workloads, self.order.seed);
        for (cell, counted) in cells.iter_mut().zip(counted) {
            match counted {
                Ok(both) => {
                    let allowed = self.order.budget.effective(&cell.cell);
                    summary.contended += usize::from(contention::judge(cell, both, &allowed));
                }
                Err(why) => summary.notes.push(format!("{}: {why}", cell.cell)),
            }
        }
    }

    fn visited(&self) -> usize {
        self.bench.broken.iter().filter(|broken| broken.is_none()).count()
    }

    fn all_precise(&self) -> bool {
        let live = (0..self.bench.cells.len()).filter(|cell| self.bench.broken[*cell].is_none());
        live.into_iter().all(|cell| is_precise(&self.screening[cell], self.bench.cells[cell].limits))
    }

    fn summary(&self) -> Summary {
        let mut summary = Summary {
            cells: Vec::new(),
            slower: (0..self.confirmed.len()).filter(|cell| self.has_failed(*cell)).count(),
            broken: 0,
            contended: 0,
            only_in_base: Vec::new(),
            looks: self.looks.clone(),
            notes: self.notes.clone(),
            too_short: self.too_short.clone(),
            unfit: None,
        };
        for (index, gated) in self.bench.cells.iter().enumerate() {
            match &self.bench.broken[index] {
                None => summary.cells.push(self.measured(index, gated)),
                Some(Broken { arm, lost }) if lost.status == Status::Detected || *arm != Arm::Candidate => {
                    let (status, message) = (lost.status, &lost.message);
                    if lost.status == Status::NotApplicable || lost.status == Status::Detected {
                        summary.notes.push(format!("{}: not gated, {status}: {message}", gated.name));
                    } else {
                        let reason = format!("the base was not measured, {status}: {message}");
                        summary.cells.push(self.cell(index, gated, GateVerdict::Inconclusive, reason));
                    }
                }
                Some(Broken { lost, .. }) if lost.status == Status::NotApplicable => {
                    if self.order.budget.effective(&gated.name).allow_missing {
                        summary.notes.push(format!("{}: the candidate lacks it: {}", gated.name, lost.message));
                    } else {
                        summary.only_in_base.push(gated.name.clone());
                    }
                }
                Some(Broken { lost, .. }) => {
                    summary.broken += 1;
                    let reason = format!("the candidate was not measured, {}: {}", lost.status, lost.message);
                    summary.cells.push(self.cell(index, gated, GateVerdict::Fail, reason));
                }
            }
        }
        let lists: Vec<&Rounds> = self.screening.iter().collect();
        if let Some((cell, p)) = strays(&lists, self.order.seed) {
            let name = &self.bench.cells[cell].name;
            let off = control(&self.screening[cell]).map_or(0.0, |log| 100.0 * log.exp_m1());
            summary.unfit = Some(format!(
                "the base differs from itself in {name} by {off:+.1} % (p {p:.4}): what was run as the base is not one thing"
            ));
        }
        summary
    }

    fn measured(&self, index: usize, gated: &GatedCell) -> GateCell {
        match &self.confirmed[index] {
            Some(confirmed) if confirmed.failed => {
                let change = change(&confirmed.rounds).map_or(0.0, |change| 100.0 * change.estimate.exp_m1());
                let reason = format!("slower, and again with fresh processes (by {change:.1} %)");
                self.cell(index, gated, GateVerdict::Fail, reason)
            }
            other => {
                let (verdict, mut reason) = not_failed(&self.screening[index], gated.limits);
                if other.is_some() {
                    reason += "; suspected, and not confirmed";
                }
                self.cell(index, gated, verdict, reason)
            }
        }
    }

    fn cell(&self, index: usize, gated: &GatedCell, verdict: GateVerdict, reason: String) -> GateCell {
        let effective = self.order.budget.effective(&gated.name);
        let rounds = &self.screening[index];
        let change = change(rounds);
        GateCell {
            cell: gated.name.clone(),
            verdict,
            change: change.map(|change| change.estimate.exp()),
            low: change.map(|change| change.low.exp()),
            high: change.map(|change| change.high.exp()),
            p: self.p[index],
            confirmed_p: self.confirmed[index].as_ref().and_then(|confirmed| confirmed.p),
            rounds: rounds.iter().flatten().count() as u32,
            floor_pct: effective.floor_pct,
            budget_pct: effective.budget_pct,
            reason,
            control: control(rounds).map(f64::exp),
            instructions: None,
            transfers: None,
        }
    }
}

/// What became of the cells.
struct Summary {
    cells: Vec<GateCell>,
    /// Cells that are slower, cells that the candidate could not be measured in, and cells with too many transfers.
    slower: usize,
    broken: usize,
    contended: usize,
    only_in_base: Vec<String>,
    looks: Vec<u32>,
    notes: Vec<String>,
    too_short: Option<String>,
    unfit: Option<String>,
}

impl Summary {
    /// The verdict over all, where `missing` are cells that the candidate may not lack.
    fn verdict(&self, missing: &[&str]) -> (GateVerdict, String) {
        let Self { slower, broken, contended, .. } = *self;
        let shown_twice = format!("{} slower, each shown twice", counted(slower, "cell"));
        // What no noise can have done holds on any machine.
        if broken > 0 || contended > 0 || !missing.is_empty() {
            let mut parts = Vec::new();
            if broken > 0 {
                parts.push(format!("{} could not be measured of the candidate", counted(broken, "cell")));
            }
            if let Some(first) = missing.first() {
                parts.push(format!(
                    "{} vanished, as {first} (allow_missing in the budget)",
                    counted(missing.len(), "cell")
                ));
            }
            if contended > 0 {
                parts.push(format!(
                    "{} with more transfers of cache lines than allowed, as counted",
                    counted(contended, "cell")
                ));
            }
            if slower > 0 {
                parts.push(shown_twice);
            }
            return (GateVerdict::Fail, parts.join("; "));
        }
        if let Some(unfit) = &self.unfit {
            return (GateVerdict::Inconclusive, unfit.clone());
        }
        if slower > 0 {
            return (GateVerdict::Fail, shown_twice);
        }
        if let Some(short) = &self.too_short {
            return (GateVerdict::Inconclusive, short.clone());
        }
        match self.cells.iter().filter(|cell| cell.verdict == GateVerdict::Inconclusive).count() {
            0 => (GateVerdict::Pass, format!("{} within budget", counted(self.cells.len(), "cell"))),
            open => (
                GateVerdict::Inconclusive,
                format!("{} of {} not known precisely enough", open, counted(self.cells.len(), "cell")),
            ),
        }
    }
}

/// Writes the files of a gate beside its slices.
pub(crate) fn write(dir: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let file = dir.join(name);
    std::fs::write(&file, text).map_err(|error| Failure::usage(format!("cannot write {}: {error}", file.display())))
}
