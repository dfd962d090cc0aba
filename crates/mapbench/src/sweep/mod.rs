//! The sweep: all strategies of a group side by side, a slice each in turn, in several passes over all groups.

mod growth;
mod latency;
mod memory;
pub(crate) mod probe;
mod profile;
pub(crate) mod worker_process;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

use mapbench_results::{
    FlameGraph, Group, Growth, Latency, Machine, Memory, Plan, Reclamation, RunWriter, Sample, Status,
};
use mapbench_stats::jain;
use mapbench_workload::{Load, OpKind, SplitMix64, Workload, derive_seed};

use crate::protocol::{Event, Open, PROTOCOL_VERSION, Request, Slice};
use crate::registry::Registry;
use crate::{foreign, interrupt, system, worker};
use probe::Probe;
use worker_process::{Lost, WorkerProcess};

/// What the parts of the run's seed are for.
const STREAM: u64 = 1;
const HASH: u64 = 2;
const ORDER: u64 = 3;

/// A worker that a signal ended is started again, this often in one fork: a stray signal must not cost a cell.
const RESTARTS: u32 = 1;

/// How a sweep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Complete,
    Interrupted,
}

/// Told of everything that happens.
pub(crate) trait Observer {
    /// A fork of a group begins.
    fn group(&mut self, fork: u32, group: &Group);
    /// A row was written; `slices` of the plan's slices are thereby settled.
    fn row(&mut self, sample: &Sample, slices: u64);
    /// A fork of a group begins, of what is measured beside throughput.
    fn beside(&mut self, what: &str, fork: u32, forks: u32, group: &Group);
    /// A strategy could not be measured there.
    fn lost(&mut self, what: &str, strategy: &str, group: &Group, status: Status, message: &str);
}

/// The rows that an earlier part of the run has written.
#[derive(Default)]
pub(crate) struct Done<'a> {
    pub(crate) samples: &'a [Sample],
    pub(crate) machine: &'a [Machine],
    pub(crate) latency: &'a [Latency],
    pub(crate) memory: &'a [Memory],
    pub(crate) reclamation: &'a [Reclamation],
    pub(crate) growth: &'a [Growth],
    pub(crate) profiles: &'a [FlameGraph],
}

/// A sweep over a plan.
#[derive(Clone, Copy)]
pub(crate) struct Sweep<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) workloads: &'a HashMap<String, Workload>,
    pub(crate) registry: &'a Registry,
    pub(crate) executable: &'a Path,
    /// The program that counts allocations, for a plan with memory.
    pub(crate) counting: Option<&'a Path>,
    /// How long a worker may take to answer, beyond the slice itself.
    pub(crate) patience: Duration,
}

impl Sweep<'_> {
    /// Measures what `done` lacks of the plan: throughput first, then what is measured beside it.
    ///
    /// # Errors
    /// When a row cannot be written.
    pub(crate) fn run(
        &self,
        done: &Done,
        writer: &mut RunWriter,
        observer: &mut dyn Observer,
    ) -> Result<End, mapbench_results::Error> {
        let mut end = self.throughput(done, writer, observer)?;
        if let (End::Complete, Some(latency)) = (end, &self.plan.latency) {
            end = latency::run(self, latency, done.latency, writer, observer)?;
        }
        if let (End::Complete, Some(memory), Some(counting)) = (end, &self.plan.memory, self.counting) {
            end = memory::run(self, counting, memory, done, writer, observer)?;
        }
        if let (End::Complete, Some(plan)) = (end, &self.plan.growth) {
            end = growth::run(self, self.counting, plan, done.growth, writer, observer)?;
        }
        if let (End::Complete, Some(profile)) = (end, &self.plan.profile_cpu) {
            end = profile::run(self, profile, done.profiles, writer, observer)?;
        }
        Ok(end)
    }

    fn throughput(
        &self,
        done: &Done,
        writer: &mut RunWriter,
        observer: &mut dyn Observer,
    ) -> Result<End, mapbench_results::Error> {
        let processors = system::processors();
        let settled = Settled::of(done);
        let mut probe = Probe::new(&processors);
        // A resumed run counts on from where it stopped, so that times stay in order.
        let offset =
            done.samples.iter().filter_map(|sample| Some(sample.start_ns? + sample.elapsed_ns?)).max().unwrap_or(0);
        let clock = Clock { began: Instant::now(), offset };
        for fork in 0..self.plan.forks {
            let mut order: Vec<usize> = (0..self.plan.groups.len()).collect();
            SplitMix64::new(derive_seed(self.plan.seed, &[ORDER, u64::from(fork)])).shuffle(&mut order);
            for index in order {
                let pass = GroupPass {
                    sweep: self,
                    fork,
                    index,
                    group: &self.plan.groups[index],
                    settled: &settled,
                    processors: &processors,
                    clock: &clock,
                };
                if pass.run(writer, observer, &mut probe)? == End::Interrupted {
                    return Ok(End::Interrupted);
                }
            }
        }
        Ok(End::Complete)
    }
}

struct Clock {
    began: Instant,
    offset: u64,
}

impl Clock {
    fn now_ns(&self) -> u64 {
        self.offset + self.began.elapsed().as_nanos() as u64
    }
}

/// What earlier rows have settled: slices measured, forks that ended, and maps that took too long to grow.
struct Settled {
    given_up: RefCell<HashSet<(Group, String)>>,
    slices: HashSet<(Group, String, u32, u32)>,
    ended: HashSet<(Group, String, u32)>,
    refused: HashSet<(Group, String)>,
    probed: HashSet<(Group, u32, u32)>,
}

impl Settled {
    fn of(done: &Done) -> Self {
        let probed = done.machine.iter().map(|row| (row.group(), row.fork, row.round)).collect();
        let mut settled = Self {
            given_up: RefCell::default(),
            slices: HashSet::new(),
            ended: HashSet::new(),
            refused: HashSet::new(),
            probed,
        };
        for sample in done.samples {
            let (group, strategy) = (sample.group(), sample.strategy.clone());
            match sample.status {
                Status::NotApplicable => {
                    settled.refused.insert((group, strategy));
                }
                // A worker that a signal ended was started again for the rounds that followed.
                Status::Ok | Status::Signalled => {
                    settled.slices.insert((group, strategy, sample.fork, sample.round));
                }
                status => {
                    if status == Status::TimedOut {
                        settled.given_up.borrow_mut().insert((group.clone(), strategy.clone()));
                    }
                    settled.ended.insert((group, strategy, sample.fork));
                }
            }
        }
        settled
    }
}

/// One fork of one group.
struct GroupPass<'a> {
    sweep: &'a Sweep<'a>,
    fork: u32,
    index: usize,
    group: &'a Group,
    settled: &'a Settled,
    processors: &'a [u32],
    clock: &'a Clock,
}

/// A strategy's place in a pass.
struct Contender<'a> {
    name: &'a str,
    worker: Option<WorkerProcess>,
    restarts: u32,
}

impl<'a> GroupPass<'a> {
    /// The strategies of which something can be measured beside throughput: those that can do this at all, and are our
    /// own, since a foreign worker need not speak these requests.
    fn own(&self, load: &Load) -> Vec<&'a str> {
        let able = |name: &&str| {
            let entry = self.sweep.registry.find(name).expect("the plan was checked");
            entry.foreign.is_none() && entry.refuses(load, self.group.threads).is_none()
        };
        self.sweep.plan.strategies.iter().map(String::as_str).filter(able).collect()
    }

    fn run(
        &self,
        writer: &mut RunWriter,
        observer: &mut dyn Observer,
        probe: &mut Probe,
    ) -> Result<End, mapbench_results::Error> {
        let plan = self.sweep.plan;
        let workload = &self.sweep.workloads[&self.group.workload];
        let load = workload.load(self.group.read_pct);
        let mut names = Vec::new();
        for name in &plan.strategies {
            let entry = self.sweep.registry.find(name).expect("the plan was checked");
            match entry.refuses(&load, self.group.threads) {
                Some(reason) if self.fork == 0 && !self.is_refused(name) => {
                    let lost = Lost { status: Status::NotApplicable, message: reason };
                    self.write(writer, observer, &self.failure(name, 0, 0, lost), 0)?;
                }
                Some(_) => {}
                None if self.is_ended(name)
                    || load.operations.is_some() && self.has_timed_out(name)
                    || (0..plan.rounds).all(|round| self.is_done(name, round)) => {}
                None => names.push(name.as_str()),
            }
        }
        if names.is_empty() {
            return Ok(End::Complete);
        }
        observer.group(self.fork, self.group);
        let mut contenders = Vec::new();
        for (name, started) in self.start(&names, &load) {
            match started {
                Ok(worker) => contenders.push(Contender { name, worker: Some(worker), restarts: 0 }),
                Err(lost) => {
                    let left: Vec<u32> = (0..plan.rounds).filter(|round| !self.is_done(name, *round)).collect();
                    let sample = self.failure(name, left.first().copied().unwrap_or(0), 0, lost);
                    self.write(writer, observer, &sample, left.len() as u64)?;
                }
            }
        }
        let seed = derive_seed(plan.seed, &[ORDER, u64::from(self.fork), self.index as u64 + 1]);
        let mut rng = SplitMix64::new(seed);
        for round in 0..plan.rounds {
            let mut order: Vec<usize> = (0..contenders.len()).collect();
            rng.shuffle(&mut order);
            if order.iter().all(|i| contenders[*i].worker.is_none() || self.is_done(contenders[*i].name, round)) {
                continue;
            }
            if !self.settled.probed.contains(&(self.group.clone(), self.fork, round)) {
                self.probe(writer, probe, round)?;
            }
            for (position, i) in order.into_iter().enumerate() {
                if interrupt::came() {
                    return Ok(End::Interrupted);
                }
                let contender = &mut contenders[i];
                let Some(worker) = &mut contender.worker else { continue };
                if self.is_done(contender.name, round) {
                    continue;
                }
                let start_ns = self.clock.now_ns();
                match self.slice(worker) {
                    Ok(slice) => {
                        let sample = self.sample(contender.name, round, position as u32, start_ns, &slice);
                        self.write(writer, observer, &sample, 1)?;
                    }
                    Err(lost) => {
                        contender.worker = None;
                        let mut settled = u64::from(plan.rounds - round);
                        if load.operations.is_some() && lost.status == Status::TimedOut {
                            settled += u64::from(plan.rounds) * u64::from(plan.forks - self.fork - 1);
                        }
                        if lost.status == Status::Signalled && contender.restarts < RESTARTS {
                            contender.restarts += 1;
                            contender.worker = self.start(&[contender.name], &load).remove(0).1.ok();
                        }
                        if contender.worker.is_some() {
                            settled = 1;
                        }
                        let sample = self.failure(contender.name, round, position as u32, lost);
                        self.write(writer, observer, &sample, settled)?;
                    }
                }
            }
        }
        for worker in contenders.into_iter().filter_map(|contender| contender.worker) {
            // A map that cannot be dropped has been measured all the same; its process is gone either way.
            let _ = worker.close(self.sweep.patience);
        }
        Ok(End::Complete)
    }

    /// Starts the workers of the strategies, all at once, and waits until each has filled its map.
    fn start<'n>(&self, names: &[&'n str], load: &Load) -> Vec<(&'n str, Result<WorkerProcess, Lost>)> {
        let started: Vec<_> = names
            .iter()
            .map(|name| {
                let foreign = self.sweep.registry.find(name).expect("the plan was checked").foreign;
                let mut open = self.open(name, load);
                let memory_bytes = self.sweep.plan.memory_bytes;
                let worker = match foreign {
                    None => WorkerProcess::start(self.sweep.executable, memory_bytes, 0),
                    Some(foreign) => {
                        foreign.strategy.clone_into(&mut open.strategy);
                        // They may be another machine's.
                        open.processors.clear();
                        foreign.start(memory_bytes)
                    }
                };
                let expected = foreign
                    .map(|_| worker::streams(&open).map(|streams| worker::digests(&streams)).unwrap_or_default());
                let told = worker.map(|mut worker| {
                    worker.tell(&Request::Open(open));
                    (worker, expected)
                });
                (*name, told)
            })
            .collect();
        started
            .into_iter()
            .map(|(name, worker)| {
                let ready = worker.and_then(|(mut worker, expected)| match worker.answer(self.sweep.patience)? {
                    Event::Ready { protocol: PROTOCOL_VERSION, streams } => {
                        expected.map_or(Ok(()), |expected| foreign::same_streams(&streams, &expected))?;
                        Ok(worker)
                    }
                    other => Err(unexpected("open", &other)),
                });
                (name, ready)
            })
            .collect()
    }

    fn open(&self, strategy: &str, load: &Load) -> Open {
        let threads = self.group.threads;
        Open {
            protocol: PROTOCOL_VERSION,
            strategy: strategy.to_owned(),
            threads,
            load: load.clone(),
            stream_seeds: stream_seeds(self.sweep.plan.seed, self.fork, threads),
            hash_seed: derive_seed(self.sweep.plan.seed, &[HASH, u64::from(self.fork), self.index as u64]),
            processors: placement(self.processors, threads),
            planted: None,
        }
    }

    fn slice(&self, worker: &mut WorkerProcess) -> Result<Slice, Lost> {
        let plan = self.sweep.plan;
        worker.tell(&Request::Slice { warm_ns: plan.warm_ns, slice_ns: plan.slice_ns });
        let own = Duration::from_nanos(plan.warm_ns + plan.slice_ns);
        match worker.answer(self.sweep.patience + own)? {
            Event::Slice(slice) if slice.threads.len() == self.group.threads as usize && slice.adds_up() => Ok(slice),
            other => Err(unexpected("slice", &other)),
        }
    }

    fn probe(&self, writer: &mut RunWriter, probe: &mut Probe, round: u32) -> Result<(), mapbench_results::Error> {
        let start_ns = self.clock.now_ns();
        let probed = probe.measure();
        writer.append_machine(&Machine {
            workload: self.group.workload.clone(),
            read_pct: self.group.read_pct,
            threads: self.group.threads,
            fork: self.fork,
            round,
            start_ns,
            round_trip_ns: probed.round_trip_ns,
            arithmetic_ns: probed.arithmetic_ns,
            memory_walk_ns: probed.memory_walk_ns,
            steal_ns: probed.steal_ns,
        })
    }

    fn is_refused(&self, name: &str) -> bool {
        self.settled.refused.contains(&(self.group.clone(), name.to_owned()))
    }

    /// What did not finish in time will not in another fork: a map that copies itself with every write.
    fn has_timed_out(&self, name: &str) -> bool {
        self.settled.given_up.borrow().contains(&(self.group.clone(), name.to_owned()))
    }

    fn is_ended(&self, name: &str) -> bool {
        self.settled.ended.contains(&(self.group.clone(), name.to_owned(), self.fork))
    }

    fn is_done(&self, name: &str, round: u32) -> bool {
        self.settled.slices.contains(&(self.group.clone(), name.to_owned(), self.fork, round))
    }

    fn write(
        &self,
        writer: &mut RunWriter,
        observer: &mut dyn Observer,
        sample: &Sample,
        slices: u64,
    ) -> Result<(), mapbench_results::Error> {
        if sample.status == Status::TimedOut {
            self.settled.given_up.borrow_mut().insert((self.group.clone(), sample.strategy.clone()));
        }
        writer.append_sample(sample)?;
        observer.row(sample, slices);
        Ok(())
    }

    fn failure(&self, strategy: &str, round: u32, position: u32, lost: Lost) -> Sample {
        Sample { message: lost.message, ..self.unmeasured(strategy, round, position, lost.status) }
    }

    fn unmeasured(&self, strategy: &str, round: u32, position: u32, status: Status) -> Sample {
        Sample::unmeasured(self.group, strategy, [self.fork, round, position], status)
    }

    fn sample(&self, strategy: &str, round: u32, position: u32, start_ns: u64, slice: &Slice) -> Sample {
        let threads = &slice.threads;
        let kind = |kind: OpKind| slice.tallied.map(|tallied| tallied.kinds[kind as usize]);
        let rates: Vec<f64> =
            threads.iter().map(|thread| thread.ops as f64 * 1e9 / thread.elapsed_ns.max(1) as f64).collect();
        let elapsed_ns = threads.iter().map(|thread| thread.elapsed_ns).sum::<u64>() / threads.len() as u64;
        Sample {
            start_ns: Some(start_ns),
            elapsed_ns: Some(elapsed_ns),
            ops: Some(threads.iter().map(|thread| thread.ops).sum()),
            throughput_ops_s: Some(rates.iter().sum::<f64>().round() as u64),
            fairness_ppm: jain(&rates).map(|index| (index * 1e6).round() as u64),
            batch_ops: Some(slice.batch_ops),
            hits: Some(slice.effects.hits),
            misses: Some(slice.effects.misses),
            inserted: Some(slice.effects.inserted),
            removed: Some(slice.effects.removed),
            rss_bytes: Some(slice.rss_bytes),
            read_ops: kind(OpKind::Read),
            insert_ops: kind(OpKind::Insert),
            insert_new_ops: kind(OpKind::InsertNew),
            remove_ops: kind(OpKind::Remove),
            update_ops: kind(OpKind::Update),
            upsert_ops: kind(OpKind::Upsert),
            compare_exchange_ops: kind(OpKind::CompareExchange),
            iterate_ops: kind(OpKind::Iterate),
            iterated_entries: slice.tallied.map(|tallied| tallied.iterated),
            drop_ns: slice.drop_ns,
            ..self.unmeasured(strategy, round, position, Status::Ok)
        }
    }
}

fn unexpected(request: &str, event: &Event) -> Lost {
    Lost { status: Status::ProtocolError, message: format!("answered `{request}` with {event:?}") }
}

/// The seeds of a cell's streams: they depend on the fork and the thread, and on nothing that differs between
/// strategies or groups.
pub(crate) fn stream_seeds(seed: u64, fork: u32, threads: u32) -> Vec<u64> {
    (0..threads).map(|thread| derive_seed(seed, &[STREAM, u64::from(fork), u64::from(thread)])).collect()
}

/// A processor for each thread where there are enough; none where threads must share.
pub(crate) fn placement(processors: &[u32], threads: u32) -> Vec<u32> {
    if threads as usize <= processors.len() { processors[..threads as usize].to_vec() } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::{placement, stream_seeds};

    #[test]
    fn threads_are_pinned_only_where_each_has_a_processor() {
        assert_eq!(placement(&[4, 6], 2), [4, 6]);
        assert_eq!(placement(&[4, 6], 1), [4]);
        assert!(placement(&[4, 6], 3).is_empty());
    }

    #[test]
    fn streams_differ_by_thread_and_fork_and_not_by_the_number_of_threads() {
        let two = stream_seeds(1, 0, 2);
        assert_ne!(two[0], two[1]);
        assert_eq!(two, stream_seeds(1, 0, 4)[..2]);
        assert_ne!(two, stream_seeds(1, 1, 2));
        assert_ne!(two, stream_seeds(2, 0, 2));
    }
}
