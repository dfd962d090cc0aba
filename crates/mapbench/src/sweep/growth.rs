//! How a sweep's maps grow: a worker that times every insert, and one that counts, each alone and over the same operations.

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use mapbench_results::{Group, Growth, GrowthPlan, RunWriter, Status};
use mapbench_workload::{Load, SplitMix64, derive_seed};

use super::worker_process::Lost;
use super::{Clock, Done, End, GroupPass, ORDER, Observer, Settled, Sweep, unexpected};
use crate::protocol::{Event, Request, Step};
use crate::{interrupt, system};

/// What this part of the run's seed is for.
const GROWTH: u64 = 6;

/// Measures what `done` lacks of the plan's growth; bytes with workers of `counting`, if it is given.
///
/// # Errors
/// When a row cannot be written.
pub(super) fn run(
    sweep: &Sweep,
    counting: Option<&Path>,
    growth: &GrowthPlan,
    done: &[Growth],
    writer: &mut RunWriter,
    observer: &mut dyn Observer,
) -> Result<End, mapbench_results::Error> {
    let processors = system::processors();
    let (settled, clock) = (Settled::of(&Done::default()), Clock { began: Instant::now(), offset: 0 });
    let written: HashSet<(Group, &str, u32)> =
        done.iter().map(|row| (row.group(), row.strategy.as_str(), row.fork)).collect();
    // What did not grow in time will not in another fork.
    let mut given_up: HashSet<(Group, &str)> = done
        .iter()
        .filter(|row| row.status == Status::TimedOut)
        .map(|row| (row.group(), row.strategy.as_str()))
        .collect();
    for fork in 0..growth.forks {
        let mut rng = SplitMix64::new(derive_seed(sweep.plan.seed, &[GROWTH, ORDER, u64::from(fork)]));
        for (index, group) in sweep.plan.groups.iter().enumerate() {
            let load = sweep.workloads[&group.workload].load(group.read_pct);
            if load.operations.is_none() {
                continue;
            }
            let pass =
                GroupPass { sweep, fork, index, group, settled: &settled, processors: &processors, clock: &clock };
            let mut names = pass.own(&load);
            names.retain(|name| !written.contains(&(group.clone(), *name, fork)));
            if names.is_empty() {
                continue;
            }
            observer.beside("growth", fork, growth.forks, group);
            rng.shuffle(&mut names);
            for name in names {
                if interrupt::came() {
                    return Ok(End::Interrupted);
                }
                if given_up.contains(&(group.clone(), name)) {
                    continue;
                }
                let rows = match steps(&pass, name, &load) {
                    Ok(steps) => {
                        rows(&pass, name, &steps, counting.map(|counting| bytes(&pass, counting, name, &load)))
                    }
                    Err(lost) => {
                        observer.lost("growth", name, group, lost.status, &lost.message);
                        if lost.status == Status::TimedOut {
                            given_up.insert((group.clone(), name));
                        }
                        let row = Growth::unmeasured(group, name, fork, lost.status);
                        vec![Growth { message: lost.message, ..row }]
                    }
                };
                writer.append_growth(&rows)?;
            }
        }
    }
    Ok(End::Complete)
}

/// The steps of a map in a worker of its own.
fn steps(pass: &GroupPass, name: &str, load: &Load) -> Result<Vec<Step>, Lost> {
    /// What a map may take beyond the answer's patience: a worker gives it up itself.
    const OWN: Duration = Duration::from_secs(10);
    let (_, started) = pass.start(&[name], load).remove(0);
    let mut worker = started?;
    worker.tell(&Request::Grow);
    let steps = match worker.answer(pass.sweep.patience + OWN)? {
        Event::Grown { steps } if goes_on(&steps) => steps,
        other => return Err(unexpected("grow", &other)),
    };
    // As in the sweep: what was measured is measured.
    let _ = worker.close(pass.sweep.patience);
    Ok(steps)
}

/// Whether there are steps, each no earlier than the one before: a map may have written to its worker's output.
fn goes_on(steps: &[Step]) -> bool {
    !steps.is_empty() && steps.is_sorted_by_key(|step| step.at_ns)
}

/// The same in a worker that counts.
fn bytes(pass: &GroupPass, counting: &Path, name: &str, load: &Load) -> Result<Vec<Step>, Lost> {
    let sweep = Sweep { executable: counting, ..*pass.sweep };
    steps(&GroupPass { sweep: &sweep, ..*pass }, name, load)
}

/// The rows of a map: what was timed, and what was counted when the map was as large.
fn rows(pass: &GroupPass, name: &str, timed: &[Step], counted: Option<Result<Vec<Step>, Lost>>) -> Vec<Growth> {
    let (counted, message) = match counted {
        None => (Vec::new(), String::new()),
        Some(Ok(steps)) => (steps, String::new()),
        Some(Err(lost)) => (Vec::new(), format!("its bytes were not counted: {}: {}", lost.status, lost.message)),
    };
    let last = timed.len() - 1;
    let row = |(step, this): (usize, &Step)| {
        let before_ns = step.checked_sub(1).map_or(0, |before| timed[before].at_ns);
        // The last step is all that is there: with several threads hardly as much as in the other worker, to the entry.
        let counted =
            if step == last { counted.last() } else { counted.iter().find(|counted| counted.entries == this.entries) };
        Growth {
            step: step as u32,
            entries: Some(this.entries),
            at_ns: Some(this.at_ns),
            took_ns: Some(this.at_ns - before_ns),
            longest_ns: Some(this.longest_ns),
            held_bytes: counted.map(|counted| counted.held_bytes),
            message: message.clone(),
            ..Growth::unmeasured(pass.group, name, pass.fork, Status::Ok)
        }
    };
    timed.iter().enumerate().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::goes_on;
    use crate::protocol::Step;

    #[test]
    fn steps_that_no_map_can_take_are_seen() {
        let at = |at_ns| Step { entries: 0, at_ns, longest_ns: 0, held_bytes: 0 };
        assert!(goes_on(&[at(0)]) && goes_on(&[at(0), at(5), at(5)]));
        assert!(!goes_on(&[]) && !goes_on(&[at(0), at(5), at(4)]));
    }
}
