//! What a sweep's maps allocate, hold and give back: workers of the program that counts, one after the other.

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use mapbench_results::{ALL_OPERATIONS, Group, Memory, MemoryPlan, Reclamation, RunWriter, Status};
use mapbench_workload::{SplitMix64, derive_seed};

use super::worker_process::Lost;
use super::{Clock, Done, End, GroupPass, ORDER, Observer, Settled, Sweep, unexpected};
use crate::protocol::{Count, Counted, Event, Request};
use crate::worker::key_value_bytes;
use crate::{interrupt, system};

/// What this part of the run's seed is for.
const MEMORY: u64 = 5;

/// Measures what `done` and `curves` lack of the plan's memory, with workers of `executable`.
///
/// # Errors
/// When a row cannot be written.
pub(super) fn run(
    sweep: &Sweep,
    executable: &Path,
    memory: &MemoryPlan,
    done: &Done,
    writer: &mut RunWriter,
    observer: &mut dyn Observer,
) -> Result<End, mapbench_results::Error> {
    let processors = system::processors();
    let (settled, clock) = (Settled::of(&Done::default()), Clock { began: Instant::now(), offset: 0 });
    let counting = Sweep { executable, ..*sweep };
    let written = Written::of(done);
    for fork in 0..memory.forks {
        let mut rng = SplitMix64::new(derive_seed(sweep.plan.seed, &[MEMORY, ORDER, u64::from(fork)]));
        let mut order: Vec<usize> = (0..sweep.plan.groups.len()).collect();
        rng.shuffle(&mut order);
        for index in order {
            let group = &sweep.plan.groups[index];
            let pass = GroupPass {
                sweep: &counting,
                fork,
                index,
                group,
                settled: &settled,
                processors: &processors,
                clock: &clock,
            };
            let pass = MemoryPass { pass, memory, written: &written };
            if pass.run(writer, observer, &mut rng)? == End::Interrupted {
                return Ok(End::Interrupted);
            }
        }
    }
    Ok(End::Complete)
}

/// The rows that an earlier part of the run has written.
struct Written {
    rows: HashSet<(Group, String, u32, String)>,
    points: HashSet<(Group, String, u32, u32)>,
}

impl Written {
    fn of(done: &Done) -> Self {
        let row = |row: &Memory| (row.group(), row.strategy.clone(), row.fork, row.operation.clone());
        let point = |point: &Reclamation| (point.group(), point.strategy.clone(), point.fork, point.point);
        Self { rows: done.memory.iter().map(row).collect(), points: done.reclamation.iter().map(point).collect() }
    }

    fn has(&self, row: &Memory) -> bool {
        self.rows.contains(&(row.group(), row.strategy.clone(), row.fork, row.operation.clone()))
    }

    fn has_point(&self, point: &Reclamation) -> bool {
        self.points.contains(&(point.group(), point.strategy.clone(), point.fork, point.point))
    }
}

/// One fork of one group.
struct MemoryPass<'a> {
    pass: GroupPass<'a>,
    memory: &'a MemoryPlan,
    written: &'a Written,
}

impl MemoryPass<'_> {
    fn run(
        &self,
        writer: &mut RunWriter,
        observer: &mut dyn Observer,
        rng: &mut SplitMix64,
    ) -> Result<End, mapbench_results::Error> {
        let GroupPass { sweep, group, fork, .. } = self.pass;
        let load = sweep.workloads[&group.workload].load(group.read_pct);
        if load.operations.is_some() {
            // A map that is built anew with every slice has no state to be looked at.
            return Ok(End::Complete);
        }
        let mut names = self.pass.own(&load);
        names.retain(|name| !self.written.has(&Memory::unmeasured(group, name, fork, ALL_OPERATIONS, Status::Ok)));
        if names.is_empty() {
            return Ok(End::Complete);
        }
        observer.beside("memory", fork, self.memory.forks, group);
        rng.shuffle(&mut names);
        for name in names {
            if interrupt::came() {
                return Ok(End::Interrupted);
            }
            match self.count(name) {
                Ok(counted) => writer.append_memory(&self.rows(name, &counted), &self.curve(name, &counted))?,
                Err(lost) => {
                    observer.lost("memory", name, group, lost.status, &lost.message);
                    let row = Memory::unmeasured(group, name, fork, ALL_OPERATIONS, lost.status);
                    writer.append_memory(&[Memory { message: lost.message, ..row }], &[])?;
                }
            }
        }
        Ok(End::Complete)
    }

    fn count(&self, name: &str) -> Result<Counted, Lost> {
        let GroupPass { sweep, group, .. } = self.pass;
        let load = sweep.workloads[&group.workload].load(group.read_pct);
        let (_, started) = self.pass.start(&[name], &load).remove(0);
        let mut worker = started?;
        let &MemoryPlan { load_ns, quiet_ns, budget_bytes, .. } = self.memory;
        worker.tell(&Request::Count { load_ns, quiet_ns, budget_bytes });
        let own = Duration::from_nanos(2 * load_ns + 3 * quiet_ns);
        match worker.answer(sweep.patience + own)? {
            Event::Counted(counted) => Ok(*counted),
            other => Err(unexpected("count", &other)),
        }
    }

    /// The rows of a worker, but for those that are there.
    fn rows(&self, name: &str, counted: &Counted) -> Vec<Memory> {
        let row = |operation: &str, count: &Count| Memory {
            operations: Some(count.operations),
            allocations: Some(count.allocations),
            allocated_bytes: Some(count.bytes),
            ..Memory::unmeasured(self.pass.group, name, self.pass.fork, operation, Status::Ok)
        };
        let GroupPass { sweep, group, .. } = self.pass;
        let load = sweep.workloads[&group.workload].load(group.read_pct);
        let all = Memory {
            entries: Some(u64::from(load.population)),
            key_value_bytes: Some(key_value_bytes(&load)),
            filled_bytes: Some(counted.filled_bytes),
            peak_bytes: Some(counted.peak_bytes),
            stopped_bytes: Some(counted.stopped_bytes),
            settled_bytes: Some(counted.settled_bytes),
            settle_ns: Some(counted.settle_ns),
            held_bytes: counted.held.map(|held| held.bytes),
            held_operations: counted.held.map(|held| held.operations),
            held_standstill_ns: counted.held.map(|held| held.standstill_ns),
            drop_ns: Some(counted.drop_ns),
            left_bytes: Some(counted.left_bytes),
            freed_ns: Some(counted.freed_ns),
            rss_bytes: counted.rss_bytes,
            peak_rss_bytes: counted.peak_rss_bytes,
            message: counted.remark.clone(),
            ..row(ALL_OPERATIONS, &counted.all)
        };
        let kinds = counted.kinds.iter().map(|(kind, count)| row(kind.name(), count));
        kinds.chain([all]).filter(|row| !self.written.has(row)).collect()
    }

    /// The curve of a worker, but for the points that are there.
    fn curve(&self, name: &str, counted: &Counted) -> Vec<Reclamation> {
        let point = |(point, at): (u32, &crate::protocol::Point)| Reclamation {
            workload: self.pass.group.workload.clone(),
            read_pct: self.pass.group.read_pct,
            threads: self.pass.group.threads,
            strategy: name.to_owned(),
            fork: self.pass.fork,
            point,
            stage: at.stage,
            at_ns: at.at_ns,
            live_bytes: at.live_bytes,
            operations: at.operations,
        };
        (0..).zip(&counted.curve).map(point).filter(|point| !self.written.has_point(point)).collect()
    }
}
