//! One visit to a cell: three fresh workers side by side, two slices each. Two of them are the base.

use std::path::Path;
use std::time::{Duration, Instant};

use mapbench_results::{Group, Status};
use mapbench_workload::{SplitMix64, Workload, derive_seed};

use crate::protocol::{Event, Open, PROTOCOL_VERSION, Planted, Request, Slice};
use crate::sweep::placement;
use crate::sweep::worker_process::{Lost, WorkerProcess};

/// What the parts of the gate's seed are for.
const STREAM: u64 = 1;
const HASH: u64 = 2;
const ORDER: u64 = 3;

/// The environment of a worker is longer by fewer bytes than this.
const PADDING: u64 = 4096;

/// Who a slice is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arm {
    Base,
    /// The base again.
    Control,
    Candidate,
}

impl Arm {
    pub(crate) const ALL: [Arm; 3] = [Arm::Base, Arm::Control, Arm::Candidate];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Arm::Base => "base",
            Arm::Control => "control",
            Arm::Candidate => "candidate",
        }
    }
}

/// What a worker of an arm is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side<'a> {
    pub(crate) executable: &'a Path,
    pub(crate) strategy: &'a str,
    pub(crate) planted: Option<Planted>,
}

/// How slices are taken, the same for all visits.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) warm_ns: u64,
    pub(crate) slice_ns: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) patience: Duration,
    pub(crate) processors: Vec<u32>,
}

/// A visit to make.
pub(crate) struct Visit<'a> {
    pub(crate) group: &'a Group,
    pub(crate) workload: &'a Workload,
    pub(crate) base: Side<'a>,
    pub(crate) candidate: Side<'a>,
    pub(crate) shape: &'a Shape,
    /// All that is drawn is a function of this.
    pub(crate) seed: u64,
}

/// One of the six slices of a visit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Taken {
    pub(crate) arm: Arm,
    /// From 0, in the order of time.
    pub(crate) position: u32,
    /// Nanoseconds of an operation, all threads together.
    pub(crate) time_per_op_ns: f64,
}

/// An arm that could not be measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) arm: Arm,
    pub(crate) lost: Lost,
}

impl Visit<'_> {
    /// Measures: a coin decides who is built and visited first, and the second half turns the order of the first round,
    /// so that a steady drift of the machine cancels.
    pub(crate) fn make(&self) -> Result<Vec<Taken>, Broken> {
        let mut rng = SplitMix64::new(derive_seed(self.seed, &[ORDER]));
        let mut order = Arm::ALL;
        rng.shuffle(&mut order);
        // All are told before any is waited for: they build side by side.
        let told: Vec<(Arm, Result<WorkerProcess, Lost>)> =
            order.into_iter().map(|arm| (arm, self.start(arm, (rng.next_u64() % PADDING) as usize))).collect();
        let mut workers = Vec::with_capacity(told.len());
        let mut broken: Option<Broken> = None;
        for (arm, worker) in told {
            match worker.and_then(|worker| self.ready(worker)) {
                Ok(worker) => workers.push((arm, worker)),
                // What the base cannot do is no fault of the candidate.
                Err(lost) if arm != Arm::Candidate || broken.is_none() => broken = Some(Broken { arm, lost }),
                Err(_) => {}
            }
        }
        if let Some(broken) = broken {
            return Err(broken);
        }
        let mut taken = Vec::with_capacity(2 * workers.len());
        for (position, place) in (0..workers.len()).chain((0..workers.len()).rev()).enumerate() {
            let (arm, worker) = &mut workers[place];
            let time_per_op_ns = self.slice(worker).map_err(|lost| Broken { arm: *arm, lost })?;
            taken.push(Taken { arm: *arm, position: position as u32, time_per_op_ns });
        }
        for (arm, worker) in workers {
            worker.close(self.shape.patience).map_err(|lost| Broken { arm, lost })?;
        }
        Ok(taken)
    }

    /// One side by itself, one slice after another until a moment, and at least a few: the way of the rivals.
    pub(crate) fn alone(&self, arm: Arm, until: Instant) -> Result<Vec<Taken>, Broken> {
        const FEWEST: u32 = 10;
        let broken = |lost| Broken { arm, lost };
        let mut worker = self.start(arm, 0).and_then(|worker| self.ready(worker)).map_err(broken)?;
        let mut taken = Vec::new();
        for position in 0.. {
            if position >= FEWEST && Instant::now() >= until {
                break;
            }
            let time_per_op_ns = self.slice(&mut worker).map_err(broken)?;
            taken.push(Taken { arm, position, time_per_op_ns });
        }
        worker.close(self.shape.patience).map_err(broken)?;
        Ok(taken)
    }

    fn side(&self, arm: Arm) -> &Side<'_> {
        if arm == Arm::Candidate { &self.candidate } else { &self.base }
    }

    fn start(&self, arm: Arm, padding: usize) -> Result<WorkerProcess, Lost> {
        let side = self.side(arm);
        let mut worker = WorkerProcess::start(side.executable, self.shape.memory_bytes, padding)?;
        worker.tell(&Request::Open(self.open(side)));
        Ok(worker)
    }

    /// What a side is asked for: the same for both but for the strategy, and what is planted.
    pub(crate) fn open(&self, side: &Side) -> Open {
        let threads = self.group.threads;
        Open {
            protocol: PROTOCOL_VERSION,
            strategy: side.strategy.to_owned(),
            threads,
            load: self.workload.load(self.group.read_pct),
            stream_seeds: (0..u64::from(threads)).map(|thread| derive_seed(self.seed, &[STREAM, thread])).collect(),
            hash_seed: derive_seed(self.seed, &[HASH]),
            processors: placement(&self.shape.processors, threads),
            planted: side.planted,
        }
    }

    fn ready(&self, mut worker: WorkerProcess) -> Result<WorkerProcess, Lost> {
        match worker.answer(self.shape.patience)? {
            Event::Ready { protocol: PROTOCOL_VERSION, .. } => Ok(worker),
            other => Err(unexpected("open", &other)),
        }
    }

    fn slice(&self, worker: &mut WorkerProcess) -> Result<f64, Lost> {
        let Shape { warm_ns, slice_ns, patience, .. } = *self.shape;
        worker.tell(&Request::Slice { warm_ns, slice_ns });
        match worker.answer(patience + Duration::from_nanos(warm_ns + slice_ns))? {
            Event::Slice(slice) if slice.threads.len() == self.group.threads as usize => time_per_op(&slice),
            other => Err(unexpected("slice", &other)),
        }
    }
}

fn time_per_op(slice: &Slice) -> Result<f64, Lost> {
    let rate: f64 = slice.threads.iter().map(|thread| thread.ops as f64 / thread.elapsed_ns.max(1) as f64).sum();
    if rate > 0.0 {
        return Ok(1.0 / rate);
    }
    let message = "no operation ended within the slice: --slice-ms must be longer".to_owned();
    Err(Lost { status: Status::TimedOut, message })
}

fn unexpected(request: &str, event: &Event) -> Lost {
    Lost { status: Status::ProtocolError, message: format!("answered `{request}` with {event:?}") }
}
