//! One slice after another: the phases that all threads of a worker go through together.

use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mapbench_results::Status;

use super::batch::Tally;
use super::count::{Ask, Built, Counting, Counts};
use super::timed::Times;
use super::{Requests, WorkerError, say};
use crate::protocol::{Effects, Event, Measured, PROTOCOL_VERSION, Pace, Request, Slice, Tallied, Timed};
use crate::system;

/// What the threads are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// Sleep.
    Parked,
    /// Run, and find the batch size.
    Warm,
    /// Run; note the clock at the first boundary.
    Measure,
    /// Run on, so that nobody's measured time lacks a neighbour; note the clock at the first boundary.
    Drain,
    /// The first thread checks the map; the others sleep.
    Check,
    /// Return.
    Exit,
}

impl Phase {
    const ALL: [Phase; 6] = [Phase::Parked, Phase::Warm, Phase::Measure, Phase::Drain, Phase::Check, Phase::Exit];
}

/// The phase is read in the timed loop by all threads: it has its cache line (and the neighbour that is fetched with
/// it) to itself.
#[repr(align(128))]
struct Alone(AtomicU8);

/// What the coordinator and the threads share.
pub(crate) struct Crew {
    phase: Alone,
    /// Threads that have reached: the start of their measured time, its end, their bed.
    started: AtomicUsize,
    ended: AtomicUsize,
    parked: AtomicUsize,
    bed: Mutex<()>,
    wake: Condvar,
    /// What the threads are to do in the slice.
    task: Mutex<Task>,
    /// Operations of each thread, as far as they are counted one by one.
    operations: Vec<AtomicU64>,
    /// What each thread did in it.
    reports: Vec<Mutex<Report>>,
    failure: Mutex<Option<Failure>>,
    /// Entries added less entries removed, since the map was built.
    balance: Mutex<i64>,
}

/// What the threads do in a slice.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// Operations.
    Slice,
    /// Operations that are timed.
    Time(Pace),
    /// Operations whose allocations are counted. With `hold`, the first thread stays inside a read instead.
    Count { hold: bool },
    /// Nothing but `quiesce`.
    Rest,
}

/// A slice as its threads are told of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task {
    pub(crate) work: Work,
    pub(crate) warm_ns: u64,
    pub(crate) slice_ns: u64,
    /// When the warm-up began.
    pub(crate) origin: Instant,
}

/// A thread's account of a slice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    pub(crate) measured: Measured,
    pub(crate) effects: Effects,
    pub(crate) tallied: Tallied,
    pub(crate) batch_ops: u64,
    pub(crate) timed: Option<Times>,
    pub(crate) counts: Option<Counts>,
}

/// Why a cell ends.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) status: Status,
    pub(crate) message: String,
}

impl Crew {
    pub(crate) fn new(threads: u32) -> Self {
        Self {
            phase: Alone(AtomicU8::new(Phase::Parked as u8)),
            started: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
            parked: AtomicUsize::new(0),
            bed: Mutex::new(()),
            wake: Condvar::new(),
            task: Mutex::new(Task { work: Work::Slice, warm_ns: 0, slice_ns: 0, origin: Instant::now() }),
            operations: (0..threads).map(|_| AtomicU64::new(0)).collect(),
            reports: (0..threads).map(|_| Mutex::default()).collect(),
            failure: Mutex::new(None),
            balance: Mutex::new(0),
        }
    }

    /// The phase, for the timed loop: no order is needed but that the change is seen soon.
    #[inline]
    pub(crate) fn phase(&self) -> Phase {
        Phase::ALL[usize::from(self.phase.0.load(Ordering::Relaxed))]
    }

    /// Sleeps until a phase that concerns the thread, and returns it.
    pub(crate) fn sleep(&self, index: usize) -> Phase {
        let mut bed = lock(&self.bed);
        self.parked.fetch_add(1, Ordering::Release);
        loop {
            match self.phase() {
                Phase::Check if index == 0 => break,
                Phase::Parked | Phase::Check => {
                    bed = self.wake.wait(bed).unwrap_or_else(PoisonError::into_inner);
                }
                Phase::Warm | Phase::Measure | Phase::Drain | Phase::Exit => break,
            }
        }
        self.parked.fetch_sub(1, Ordering::Release);
        self.phase()
    }

    /// The slice that the threads are in, or were last.
    pub(crate) fn task(&self) -> Task {
        *lock(&self.task)
    }

    /// Counts an operation of a thread for [`progress`](Self::progress).
    pub(crate) fn note_operation(&self, index: usize) {
        self.operations[index].fetch_add(1, Ordering::Relaxed);
    }

    /// Operations that the threads have counted.
    pub(crate) fn progress(&self) -> u64 {
        self.operations.iter().map(|operations| operations.load(Ordering::Relaxed)).sum()
    }

    /// How many threads there are.
    pub(crate) fn threads(&self) -> usize {
        self.reports.len()
    }

    pub(crate) fn note_start(&self) {
        self.started.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn note_end(&self) {
        self.ended.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn file(&self, index: usize, report: Report) {
        *lock(&self.balance) += report.effects.inserted as i64 - report.effects.removed as i64;
        *lock(&self.reports[index]) = report;
    }

    pub(crate) fn fail(&self, failure: Failure) {
        lock(&self.failure).get_or_insert(failure);
    }

    pub(crate) fn balance(&self) -> i64 {
        *lock(&self.balance)
    }

    /// The check is over: back to bed, all.
    pub(crate) fn end_check(&self) {
        self.enter(Phase::Parked);
    }

    fn enter(&self, phase: Phase) {
        let _bed = lock(&self.bed);
        self.phase.0.store(phase as u8, Ordering::Release);
        self.wake.notify_all();
    }

    /// Waits until `count` has reached all threads, or one of them has failed.
    fn await_all(&self, count: &AtomicUsize) -> Result<(), Failure> {
        while count.load(Ordering::Acquire) < self.reports.len() {
            self.failed()?;
            std::thread::sleep(Duration::from_micros(50));
        }
        self.failed()
    }

    fn failed(&self) -> Result<(), Failure> {
        lock(&self.failure).clone().map_or(Ok(()), Err)
    }

    /// Runs a slice and checks the map after it. The reports are in the threads' order.
    fn run(&self, warm_ns: u64, slice_ns: u64, work: Work) -> Result<Vec<Report>, Failure> {
        self.enter_slice(Phase::Warm, Task { work, warm_ns, slice_ns, origin: Instant::now() })?;
        std::thread::sleep(Duration::from_nanos(warm_ns));
        self.failed()?;
        self.phase.0.store(Phase::Measure as u8, Ordering::Relaxed);
        self.await_all(&self.started)?;
        std::thread::sleep(Duration::from_nanos(slice_ns));
        self.finish()
    }

    /// Begins a slice that lasts until it is [`finish`](Self::finish)ed.
    pub(crate) fn begin(&self, work: Work) -> Result<(), Failure> {
        self.enter_slice(Phase::Measure, Task { work, warm_ns: 0, slice_ns: 0, origin: Instant::now() })
    }

    fn enter_slice(&self, phase: Phase, task: Task) -> Result<(), Failure> {
        self.await_all(&self.parked)?;
        self.started.store(0, Ordering::Relaxed);
        self.ended.store(0, Ordering::Relaxed);
        *lock(&self.task) = Task { origin: Instant::now(), ..task };
        self.enter(phase);
        Ok(())
    }

    /// Whether any thread has noted the end of its measured time.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire) > 0
    }

    /// Tells that the first thread is inside its read.
    pub(crate) fn note_inside(&self) {
        self.started.store(1, Ordering::Release);
    }

    /// Waits until the first thread is inside its read, however long it takes to be given a processor.
    pub(crate) fn await_inside(&self) -> Result<(), Failure> {
        while self.started.load(Ordering::Acquire) == 0 {
            self.failed()?;
            std::thread::sleep(Duration::from_micros(50));
        }
        Ok(())
    }

    /// Ends a slice and checks the map.
    pub(crate) fn finish(&self) -> Result<Vec<Report>, Failure> {
        self.phase.0.store(Phase::Drain as u8, Ordering::Relaxed);
        self.await_all(&self.ended)?;
        self.enter(Phase::Parked);
        self.await_all(&self.parked)?;
        self.enter(Phase::Check);
        while self.phase() == Phase::Check {
            self.failed()?;
            std::thread::sleep(Duration::from_micros(50));
        }
        self.failed()?;
        Ok(self.reports.iter().map(|report| std::mem::take(&mut *lock(report))).collect())
    }

    fn slice(&self, warm_ns: u64, slice_ns: u64) -> Result<Slice, Failure> {
        let reports = self.run(warm_ns, slice_ns, Work::Slice)?;
        let mut effects = Effects::default();
        reports.iter().for_each(|report| effects += report.effects);
        let mut tallied = Tallied::default();
        reports.iter().for_each(|report| tallied += report.tallied);
        Ok(Slice {
            threads: reports.iter().map(|report| report.measured).collect(),
            batch_ops: reports.iter().map(|report| report.batch_ops).max().unwrap_or(0),
            effects,
            tallied: Some(tallied),
            drop_ns: None,
            rss_bytes: system::resident_bytes("self").unwrap_or(0),
        })
    }

    fn time(&self, warm_ns: u64, slice_ns: u64, pace: Pace) -> Result<Timed, Failure> {
        let reports = self.run(warm_ns, slice_ns, Work::Time(pace))?;
        let rate = |measured: &Measured| measured.ops as f64 * 1e9 / measured.elapsed_ns.max(1) as f64;
        let achieved: f64 = reports.iter().map(|report| rate(&report.measured)).sum();
        Ok(Times::sum(reports.into_iter().filter_map(|report| report.timed)).told(achieved.round() as u64))
    }
}

/// Serves the requests that follow `open`, until the orchestrator closes or goes away, or a map is counted; then that is
/// returned as far as it has come, which is before the drop. The threads return in any case.
///
/// A failure ends the process at once: its other threads may hang in a map that is broken.
pub(super) fn coordinate(
    crew: &Crew,
    streams: Vec<String>,
    requests: &mut Requests,
    built: Built,
) -> Result<Option<Counting>, WorkerError> {
    let outcome = converse(crew, streams, requests, built);
    crew.enter(Phase::Exit);
    outcome
}

fn converse(
    crew: &Crew,
    streams: Vec<String>,
    requests: &mut Requests,
    built: Built,
) -> Result<Option<Counting>, WorkerError> {
    match crew.await_all(&crew.parked) {
        Ok(()) => say(&Event::Ready { protocol: PROTOCOL_VERSION, streams })?,
        Err(failure) => end(failure),
    }
    loop {
        match requests.next()? {
            Some(Request::Slice { warm_ns, slice_ns }) => match crew.slice(warm_ns, slice_ns) {
                Ok(slice) => say(&Event::Slice(slice))?,
                Err(failure) => end(failure),
            },
            Some(Request::Time { warm_ns, slice_ns, pace }) => match crew.time(warm_ns, slice_ns, pace) {
                Ok(timed) => say(&Event::Timed(timed))?,
                Err(failure) => end(failure),
            },
            Some(Request::Count { load_ns, quiet_ns, budget_bytes }) => {
                let counting = Counting::new(Ask { load_ns, quiet_ns, budget_bytes }, built);
                match counting.run(crew) {
                    Ok(counting) => return Ok(Some(counting)),
                    Err(failure) => end(failure),
                }
            }
            Some(Request::Close) | None => return Ok(None),
            Some(Request::Open(_) | Request::Describe | Request::Grow) => return Err(WorkerError::Order),
        }
    }
}

/// Says why the cell ends, and ends the process.
pub(crate) fn end(failure: Failure) -> ! {
    let said = say(&Event::Failed { status: failure.status, message: failure.message });
    std::process::exit(i32::from(said.is_err()));
}

/// A thread that panicked holds no lock of the crew while it runs the map, so what they guard is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The difference that a slice made to a tally.
pub(crate) fn since(before: &Tally, now: &Tally) -> Effects {
    let (before, now) = (before.effects(), now.effects());
    Effects {
        hits: now.hits - before.hits,
        misses: now.misses - before.misses,
        inserted: now.inserted - before.inserted,
        removed: now.removed - before.removed,
    }
}
