//! The latency of a sweep's cells, after their throughput: the workers of a group are up together again, and each step is
//! taken by all of them, one after the other, in a fresh random order.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use mapbench_api::Operation;

use mapbench_results::{ALL_OPERATIONS, Distribution, Group, Latency, LatencyKind, LatencyPlan, RunWriter, Status};
use mapbench_workload::{Arrivals, OpKind, SplitMix64, derive_seed};

use super::worker_process::{Lost, WorkerProcess};
use super::{Clock, Done, End, GroupPass, ORDER, Observer, Settled, Sweep, unexpected};
use crate::protocol::{Disturbance, Event, Load, Pace, Request, Timed};
use crate::{interrupt, system};

/// What this part of the run's seed is for.
const ARRIVALS: u64 = 4;

/// One measurement of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    /// Service times, of a few operations.
    Service,
    /// What a closed loop does in which every operation is timed: what the loads are shares of. No row.
    Capacity,
    /// Response times at a share of that, in per cent.
    Share(u8),
    /// Response times at the rate that all strategies are asked for.
    Common,
    /// A reader's pauses while the others do this.
    Pause(Disturbance),
}

impl Step {
    fn kind(self) -> LatencyKind {
        match self {
            Step::Service | Step::Capacity => LatencyKind::ServiceTime,
            Step::Share(_) | Step::Common => LatencyKind::ResponseTime,
            Step::Pause(_) => LatencyKind::Pause,
        }
    }

    /// The `operation` of the row that is written last.
    fn operation(self) -> &'static str {
        if let Step::Pause(disturbance) = self { disturbance.name() } else { ALL_OPERATIONS }
    }

    fn load_pct(self) -> Option<u8> {
        if let Step::Share(load_pct) = self { Some(load_pct) } else { None }
    }
}

/// The rows that an earlier part of the run has written.
struct Written {
    rows: HashSet<(Group, String, u32, LatencyKind, Option<u8>, String)>,
    /// Forks that ended before their last step.
    ended: HashSet<(Group, String, u32)>,
}

impl Written {
    fn of(rows: &[Latency]) -> Self {
        let key = |row: &Latency| {
            (row.group(), row.strategy.clone(), row.fork, row.kind, row.load_pct, row.operation.clone())
        };
        let failed = rows.iter().filter(|row| row.status != Status::Ok);
        Self {
            rows: rows.iter().map(key).collect(),
            ended: failed.map(|row| (row.group(), row.strategy.clone(), row.fork)).collect(),
        }
    }

    fn has(&self, group: &Group, strategy: &str, fork: u32, step: Step, operation: &str) -> bool {
        let key = (group.clone(), strategy.to_owned(), fork, step.kind(), step.load_pct(), operation.to_owned());
        self.rows.contains(&key)
    }
}

/// Measures what `done` lacks of the plan's latency.
///
/// # Errors
/// When a row cannot be written.
pub(super) fn run(
    sweep: &Sweep,
    latency: &LatencyPlan,
    done: &[Latency],
    writer: &mut RunWriter,
    observer: &mut dyn Observer,
) -> Result<End, mapbench_results::Error> {
    let processors = system::processors();
    let (settled, clock) = (Settled::of(&Done::default()), Clock { began: Instant::now(), offset: 0 });
    let written = Written::of(done);
    for fork in 0..latency.forks {
        let mut rng = SplitMix64::new(derive_seed(sweep.plan.seed, &[ARRIVALS, ORDER, u64::from(fork)]));
        let mut order: Vec<usize> = (0..sweep.plan.groups.len()).collect();
        rng.shuffle(&mut order);
        for index in order {
            let group = &sweep.plan.groups[index];
            let pass =
                GroupPass { sweep, fork, index, group, settled: &settled, processors: &processors, clock: &clock };
            let pass = LatencyPass { pass, latency, written: &written };
            if pass.run(writer, observer, &mut rng)? == End::Interrupted {
                return Ok(End::Interrupted);
            }
        }
    }
    Ok(End::Complete)
}

/// One fork of one group.
struct LatencyPass<'a> {
    pass: GroupPass<'a>,
    latency: &'a LatencyPlan,
    written: &'a Written,
}

struct Contender<'a> {
    name: &'a str,
    /// `None` once it is lost.
    worker: Option<WorkerProcess>,
    /// Operations a second of a closed loop.
    capacity_ops_s: u64,
}

impl LatencyPass<'_> {
    fn run(
        &self,
        writer: &mut RunWriter,
        observer: &mut dyn Observer,
        rng: &mut SplitMix64,
    ) -> Result<End, mapbench_results::Error> {
        let GroupPass { sweep, group, fork, .. } = self.pass;
        let load = sweep.workloads[&group.workload].load(group.read_pct);
        if load.operations.is_some() {
            // The first operations of a map and its last are not alike: one distribution of both says nothing.
            return Ok(End::Complete);
        }
        let mut steps = vec![Step::Service, Step::Capacity];
        let mut loads: Vec<Step> = self.latency.load_pct.iter().map(|load| Step::Share(*load)).collect();
        loads.push(Step::Common);
        rng.shuffle(&mut loads);
        steps.extend(loads);
        if group.threads > 1 {
            // The map has grown after the last.
            steps.extend(Disturbance::ALL.map(Step::Pause));
        }
        let mut names = self.pass.own(&load);
        names.retain(|name| {
            let left = steps.iter().any(|step| *step != Step::Capacity && !self.is_done(name, *step, &load));
            left && !self.is_ended(name)
        });
        if names.is_empty() {
            return Ok(End::Complete);
        }
        observer.beside("latency", fork, self.latency.forks, group);
        let mut contenders = Vec::new();
        for (name, started) in self.pass.start(&names, &load) {
            match started {
                Ok(worker) => contenders.push(Contender { name, worker: Some(worker), capacity_ops_s: 0 }),
                Err(lost) => self.fail(name, Step::Service, lost, writer, observer)?,
            }
        }
        for step in steps {
            rng.shuffle(&mut contenders);
            for contender in &mut contenders {
                if interrupt::came() {
                    return Ok(End::Interrupted);
                }
                if step != Step::Capacity && self.is_done(contender.name, step, &load) {
                    continue;
                }
                self.take(contender, step, writer, observer)?;
            }
        }
        for worker in contenders.into_iter().filter_map(|contender| contender.worker) {
            // As in the sweep: what was measured is measured.
            let _ = worker.close(sweep.patience);
        }
        Ok(End::Complete)
    }

    fn take(
        &self,
        contender: &mut Contender,
        step: Step,
        writer: &mut RunWriter,
        observer: &mut dyn Observer,
    ) -> Result<(), mapbench_results::Error> {
        let Some(worker) = &mut contender.worker else { return Ok(()) };
        let rate_ops_s = match step {
            Step::Service | Step::Capacity | Step::Pause(_) => None,
            Step::Share(load_pct) => Some((contender.capacity_ops_s * u64::from(load_pct) / 100).max(1)),
            Step::Common => Some(self.latency.rate_ops_s),
        };
        match self.time(worker, step, rate_ops_s) {
            Ok(timed) if step == Step::Capacity => contender.capacity_ops_s = timed.achieved_ops_s,
            Ok(timed) => writer.append_latency(&self.rows(contender.name, step, rate_ops_s, &timed))?,
            Err(lost) => {
                contender.worker = None;
                self.fail(contender.name, step, lost, writer, observer)?;
            }
        }
        Ok(())
    }

    fn time(&self, worker: &mut WorkerProcess, step: Step, rate_ops_s: Option<u64>) -> Result<Timed, Lost> {
        let &LatencyPlan { warm_ns, slice_ns, .. } = self.latency;
        let pace = match (step, rate_ops_s) {
            (Step::Capacity, _) => Pace::Closed { every: Some(1) },
            (Step::Pause(disturbance), _) => Pace::Beside(disturbance),
            (_, None) => Pace::Closed { every: None },
            (_, Some(rate_ops_s)) => {
                let load = u64::from(step.load_pct().unwrap_or(0));
                let place = [ARRIVALS, u64::from(self.pass.fork), self.pass.index as u64, load];
                let seed = derive_seed(self.pass.sweep.plan.seed, &place);
                Pace::Open(Load { rate_ops_s, arrivals: arrivals(&self.latency.arrivals), seed })
            }
        };
        worker.tell(&Request::Time { warm_ns, slice_ns, pace });
        // An open loop that falls behind takes as long again.
        let own = Duration::from_nanos(warm_ns + 2 * slice_ns);
        let timed = match worker.answer(self.pass.sweep.patience + own)? {
            Event::Timed(timed) => timed,
            other => return Err(unexpected("time", &other)),
        };
        let texts = timed.kinds.iter().map(|(_, text)| text).chain([&timed.all]);
        let problem = texts.map(|text| Distribution::decode(text)).find_map(Result::err);
        match problem {
            None => Ok(timed),
            Some(problem) => {
                Err(Lost { status: Status::ProtocolError, message: format!("answered `time` with what is {problem}") })
            }
        }
    }

    /// The rows of a step, but for those that are there.
    fn rows(&self, strategy: &str, step: Step, rate_ops_s: Option<u64>, timed: &Timed) -> Vec<Latency> {
        let kinds = timed.kinds.iter().map(|(kind, text)| (kind.name(), text));
        let row = |(operation, text): (&str, &String)| {
            Latency {
                operation: operation.to_owned(),
                rate_ops_s,
                achieved_ops_s: Some(timed.achieved_ops_s),
                every: Some(timed.every),
                message: remark(timed.backwards),
                ..self.unmeasured(strategy, step, Status::Ok)
            }
            .with(&Distribution::decode(text).expect("the answer was checked"), timed.saturated)
        };
        // Of a reader all operations are reads.
        kinds
            .filter(|_| step == Step::Service)
            .chain([(step.operation(), &timed.all)])
            .filter(|(operation, _)| !self.has(strategy, step, operation))
            .map(row)
            .collect()
    }

    fn unmeasured(&self, strategy: &str, step: Step, status: Status) -> Latency {
        let row = Latency::unmeasured(self.pass.group, strategy, self.pass.fork, step.kind(), status);
        Latency { load_pct: step.load_pct(), operation: step.operation().to_owned(), ..row }
    }

    fn fail(
        &self,
        strategy: &str,
        step: Step,
        lost: Lost,
        writer: &mut RunWriter,
        observer: &mut dyn Observer,
    ) -> Result<(), mapbench_results::Error> {
        // Of a step without a row, the failure is that of the first load.
        let step = if step == Step::Capacity { Step::Common } else { step };
        observer.lost("latency", strategy, self.pass.group, lost.status, &lost.message);
        writer.append_latency(&[Latency { message: lost.message, ..self.unmeasured(strategy, step, lost.status) }])
    }

    fn has(&self, strategy: &str, step: Step, operation: &str) -> bool {
        self.written.has(self.pass.group, strategy, self.pass.fork, step, operation)
    }

    /// Whether there is nothing to do: the rows are there, or the strategy cannot disturb so.
    fn is_done(&self, strategy: &str, step: Step, load: &mapbench_workload::Load) -> bool {
        let info = &self.pass.sweep.registry.find(strategy).expect("the plan was checked").info;
        let lacks = |operation| info.lacks(operation).is_some();
        let cannot = match step {
            Step::Pause(Disturbance::Write) => load.kinds().all(|kind| kind == OpKind::Read),
            Step::Pause(Disturbance::Iterate) => lacks(Operation::ForEach),
            Step::Pause(Disturbance::Grow) => lacks(Operation::Insert),
            _ => false,
        };
        cannot || self.has(strategy, step, step.operation())
    }

    fn is_ended(&self, strategy: &str) -> bool {
        self.written.ended.contains(&(self.pass.group.clone(), strategy.to_owned(), self.pass.fork))
    }
}

/// What a row says of a clock that was seen to go backwards so often.
fn remark(backwards: u64) -> String {
    match backwards {
        0 => String::new(),
        n => format!("the clock went backwards {n} times: such an interval counts as 0 ns"),
    }
}

/// The arrivals that a plan names.
fn arrivals(name: &str) -> Arrivals {
    [Arrivals::Poisson, Arrivals::Constant].into_iter().find(|arrivals| arrivals.name() == name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_clock_that_went_backwards_is_said_in_the_row() {
        assert_eq!(super::remark(0), "");
        assert_eq!(super::remark(3), "the clock went backwards 3 times: such an interval counts as 0 ns");
    }
}
