//! One measuring thread: its handle, its stream, its clock.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use mapbench_api::Detected;
use mapbench_results::Status;
use mapbench_workload::{Cursor, Stream};

use super::access::{Access, Subject};
use super::batch::Tally;
use super::coordinator::{Crew, Failure, Phase, Report, Work, since};
use super::planted::Plant;
use super::timed::Timer;
use crate::protocol::{Measured, Pace, Tallied};
use crate::system;

/// No batch is larger: pinned strategies renew their guard and batched ones publish between batches, and about a
/// thousand operations is what their authors advise.
pub(crate) const LARGEST_BATCH: usize = 1 << 10;

/// A batch is made to last about this long, so that a slice of some ten milliseconds ends within a per cent of its time.
const BATCH_TIME: Duration = Duration::from_micros(100);

/// A thread's place in its worker.
pub(crate) struct Seat<'a> {
    pub(crate) crew: &'a Crew,
    pub(crate) index: usize,
    pub(crate) processor: Option<u32>,
    /// Entries in the map before the first operation.
    pub(crate) population: u64,
    /// Operations a second; `None`: as many as it can.
    pub(crate) rate_ops_s: Option<u32>,
}

/// Works until told to exit. A panic of the map becomes the worker's failure.
pub(crate) fn work(map: &dyn Subject, seat: &Seat, stream: &Stream, planted: Option<Plant>) {
    let keeper = seat.rate_ops_s.map(Keeper::new);
    let batch = keeper.as_ref().map_or(1, Keeper::batch);
    let mut runner = Runner { stream, cursor: Cursor::new(stream), batch, tally: Tally::default(), planted, keeper };
    if let Some(processor) = seat.processor {
        system::pin_this_thread(processor);
    }
    let attended =
        catch_unwind(AssertUnwindSafe(|| map.attend(stream.ops(), &mut |access| serve(access, seat, &mut runner))));
    if let Err(payload) = attended {
        seat.crew.fail(failure_of(&*payload));
    }
}

/// What a panic of the map means for the cell.
pub(crate) fn failure_of(payload: &(dyn std::any::Any + Send)) -> Failure {
    match payload.downcast_ref::<Detected>() {
        Some(detected) => Failure { status: Status::Detected, message: detected.message.to_owned() },
        None => Failure { status: Status::Panicked, message: panic_text(payload) },
    }
}

fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a text").to_owned()
}

fn serve(access: &mut dyn Access, seat: &Seat, runner: &mut Runner) {
    loop {
        match seat.crew.sleep(seat.index) {
            Phase::Warm | Phase::Measure | Phase::Drain => runner.task(access, seat),
            Phase::Check => {
                let expected = seat.population.wrapping_add_signed(seat.crew.balance());
                if let Err(message) = access.conserve(expected) {
                    seat.crew.fail(Failure { status: Status::WrongAnswer, message });
                }
                seat.crew.end_check();
            }
            Phase::Exit => break,
            Phase::Parked => unreachable!("sleep ends with a phase that concerns the thread"),
        }
    }
    std::hint::black_box(runner.tally.sum);
}

pub(super) struct Runner<'a> {
    pub(super) stream: &'a Stream,
    pub(super) cursor: Cursor<'a>,
    pub(super) batch: usize,
    pub(super) tally: Tally,
    pub(super) planted: Option<Plant>,
    pub(super) keeper: Option<Keeper>,
}

impl Runner<'_> {
    fn task(&mut self, access: &mut dyn Access, seat: &Seat) {
        let task = seat.crew.task();
        match task.work {
            Work::Slice => self.slice(access, seat, None),
            Work::Time(Pace::Closed { every }) => self.slice(access, seat, Some(Timer::new(task.origin, every))),
            Work::Time(Pace::Open(load)) => self.respond(access, seat, &task, load),
            Work::Time(Pace::Beside(disturbance)) => self.pause(access, seat, &task, disturbance),
            Work::Count { hold } => self.count(access, seat, hold),
            Work::Rest => self.rest(access, seat),
        }
    }

    pub(super) fn slice(&mut self, access: &mut dyn Access, seat: &Seat, mut timer: Option<Timer>) {
        let before = self.tally;
        let mut start: Option<(Instant, Tally)> = None;
        let mut measured: Option<(Measured, Tallied)> = None;
        if let Some(keeper) = &mut self.keeper {
            keeper.begin();
        }
        loop {
            match seat.crew.phase() {
                Phase::Warm => {
                    let began = Instant::now();
                    let ops = self.batch(access, None);
                    let took = began.elapsed();
                    if let Some(timer) = &mut timer {
                        timer.learn(ops, took);
                    }
                    if ops == self.batch && self.keeper.is_none() {
                        self.adapt(took);
                    }
                    continue;
                }
                Phase::Measure => {
                    if start.is_none() {
                        start = Some((Instant::now(), self.tally));
                        seat.crew.note_start();
                    }
                }
                Phase::Drain => {
                    if let (Some((began, first)), None) = (start, measured) {
                        let elapsed_ns = began.elapsed().as_nanos() as u64;
                        seat.crew.note_end();
                        let ops = self.tally.ops - first.ops;
                        let kinds = self.stream.count(first.ops, self.tally.ops);
                        let iterated = self.tally.iterated - first.iterated;
                        measured = Some((Measured { ops, elapsed_ns }, Tallied { kinds, iterated }));
                    }
                }
                Phase::Parked | Phase::Check | Phase::Exit => break,
            }
            let timing = if measured.is_none() { timer.as_mut() } else { None };
            self.batch(access, timing);
        }
        let effects = since(&before, &self.tally);
        let (measured, tallied) = measured.unwrap_or_default();
        let batch_ops = self.batch as u64;
        let timed = timer.map(Timer::times);
        seat.crew.file(seat.index, Report { measured, effects, tallied, batch_ops, timed, counts: None });
    }

    /// Runs a batch, or what is left of it to the stream's end. Returns how many operations that was.
    fn batch(&mut self, access: &mut dyn Access, timer: Option<&mut Timer>) -> usize {
        let ops = self.cursor.next(self.batch);
        match timer {
            None => access.run(ops, &mut self.tally),
            Some(timer) => timer.run(access, ops, &mut self.tally),
        }
        if let Some(plant) = &mut self.planted {
            plant.follow(access, ops, &mut self.tally);
        }
        access.quiesce();
        let done = ops.len();
        if let Some(keeper) = &mut self.keeper {
            keeper.keep(done);
        }
        done
    }

    fn adapt(&mut self, took: Duration) {
        if took > 2 * BATCH_TIME && self.batch > 1 {
            self.batch /= 2;
        } else if took < BATCH_TIME / 2 && self.batch < LARGEST_BATCH {
            self.batch *= 2;
        }
    }
}

/// Keeps a thread to its rate.
pub(super) struct Keeper {
    rate_ops_s: f64,
    due: Instant,
}

impl Keeper {
    /// A thread that lags behind by more does not catch up: it was not the map's load that it would then make.
    const FORGIVEN: Duration = Duration::from_millis(10);

    fn new(rate_ops_s: u32) -> Self {
        Self { rate_ops_s: f64::from(rate_ops_s), due: Instant::now() }
    }

    /// Operations between two looks at the clock: about [`BATCH_TIME`] of them.
    fn batch(&self) -> usize {
        ((self.rate_ops_s * BATCH_TIME.as_secs_f64()) as usize).clamp(1, LARGEST_BATCH)
    }

    fn begin(&mut self) {
        self.due = Instant::now();
    }

    /// Waits until `done` operations more are due. The phase is not looked at meanwhile, so that the wait is that of a
    /// batch at most.
    fn keep(&mut self, done: usize) {
        self.due += Duration::from_secs_f64(done as f64 / self.rate_ops_s);
        let now = Instant::now();
        if now > self.due + Self::FORGIVEN {
            self.due = now;
        }
        std::thread::sleep(self.due.saturating_duration_since(now));
    }
}
