//! Where the processors' time of a sweep's cells goes: a worker a cell, alone, looked at from outside while it works.

use std::time::{Duration, Instant};

use mapbench_report::{Stack, flame_graph};
use mapbench_results::{FlameGraph, ProfilePlan, RunWriter, Status};

use super::worker_process::Lost;
use super::{Clock, Done, End, GroupPass, Observer, Settled, Sweep, unexpected};
use crate::perf::{self, Program};
use crate::protocol::{Event, Request};
use crate::{interrupt, system};

/// Before the first look: the threads find their batch.
const WARM: Duration = Duration::from_millis(20);

/// The worker works on for so long, lest the last looks find it at rest: to come up takes perf a moment.
const BEYOND: Duration = Duration::from_millis(500);

/// What perf sees, until it is written out.
const RECORDED: &str = "perf.data.tmp";

/// Draws what `done` lacks of the plan's flame graphs.
///
/// # Errors
/// When a row or a picture cannot be written.
pub(super) fn run(
    sweep: &Sweep,
    plan: &ProfilePlan,
    done: &[FlameGraph],
    writer: &mut RunWriter,
    observer: &mut dyn Observer,
) -> Result<End, mapbench_results::Error> {
    let processors = system::processors();
    let (settled, clock) = (Settled::of(&Done::default()), Clock { began: Instant::now(), offset: 0 });
    // Of the machine, not of a cell: the others need not try.
    let mut impossible: Option<String> = None;
    for (index, group) in sweep.plan.groups.iter().enumerate() {
        let pass =
            GroupPass { sweep, fork: 0, index, group, settled: &settled, processors: &processors, clock: &clock };
        let mut names = pass.own(&sweep.workloads[&group.workload].load(group.read_pct));
        names.retain(|name| !done.iter().any(|row| row.strategy == *name && row.is_of(group)));
        if names.is_empty() {
            continue;
        }
        observer.beside("flame graphs", 0, 1, group);
        for name in names {
            if interrupt::came() {
                return Ok(End::Interrupted);
            }
            let outcome = match &impossible {
                Some(reason) => Err(Trouble::Machine(reason.clone())),
                None => stacks(&pass, name, plan, writer),
            };
            if interrupt::came() {
                return Ok(End::Interrupted);
            }
            let missing = |status, message| FlameGraph::missing(group, name, status, message);
            match outcome {
                Ok(stacks) => {
                    let samples = stacks.iter().map(|(_, samples)| samples).sum();
                    let row = FlameGraph { samples: Some(samples), ..missing(Status::Ok, String::new()) };
                    let cell = format!("{}/read-{}/threads-{}/{name}", group.workload, group.read_pct, group.threads);
                    writer.append_profile(&row, &flame_graph(&cell, &stacks))?;
                }
                Err(Trouble::Machine(reason)) => {
                    writer.append_profile(&missing(Status::NotApplicable, reason.clone()), "")?;
                    impossible = Some(reason);
                }
                Err(Trouble::Cell(lost)) => {
                    observer.lost("flame graph", name, group, lost.status, &lost.message);
                    writer.append_profile(&missing(lost.status, lost.message), "")?;
                }
            }
        }
    }
    Ok(End::Complete)
}

/// Why there is no flame graph.
enum Trouble {
    /// This machine takes no samples, whatever runs.
    Machine(String),
    /// The worker came to an end, or was never seen at work.
    Cell(Lost),
}

fn stacks(pass: &GroupPass, name: &str, plan: &ProfilePlan, writer: &RunWriter) -> Result<Vec<(Stack, u64)>, Trouble> {
    let sweep = pass.sweep;
    let load = sweep.workloads[&pass.group.workload].load(pass.group.read_pct);
    let (_, started) = pass.start(&[name], &load).remove(0);
    let mut worker = started.map_err(Trouble::Cell)?;
    let program = Program::of(worker.id(), sweep.executable);
    let time = Duration::from_nanos(plan.slice_ns);
    let (warm_ns, slice_ns) = (WARM.as_nanos() as u64, (time + BEYOND).as_nanos() as u64);
    worker.tell(&Request::Slice { warm_ns, slice_ns });
    std::thread::sleep(WARM);
    let recording = perf::record(worker.id(), plan.hertz, time, &writer.dir().join(RECORDED));
    let recording = recording.map_err(Trouble::Machine)?;
    let answer = worker.answer(sweep.patience + time + BEYOND).map_err(Trouble::Cell);
    let written = recording.finish().map_err(Trouble::Machine)?;
    match answer? {
        Event::Slice(_) => {}
        other => return Err(Trouble::Cell(unexpected("slice", &other))),
    }
    // As in the sweep: what was measured is measured.
    let _ = worker.close(sweep.patience);
    let stacks = program.stacks(&written);
    if stacks.is_empty() {
        let message = "perf took no sample: no thread was seen at work".to_owned();
        return Err(Trouble::Cell(Lost { status: Status::NotApplicable, message }));
    }
    Ok(stacks)
}
