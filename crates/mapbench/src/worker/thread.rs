//! One measuring thread: its handle, its stream, its clock.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use mapbench_api::Detected;
use mapbench_results::Status;
use mapbench_workload::PackedOp;

use super::access::{Access, Subject};
use super::batch::Tally;
use super::coordinator::{Crew, Failure, Phase, Report, Work, since};
use super::planted::Plant;
use super::timed::Timer;
use crate::protocol::{Measured, Pace};
use crate::system;

/// No batch is larger: pinned strategies renew their guard and batched ones publish between batches, and about a
/// thousand operations is what their authors advise.
const LARGEST_BATCH: usize = 1 << 10;

/// A batch is made to last about this long, so that a slice of some ten milliseconds ends within a per cent of its time.
const BATCH_TIME: Duration = Duration::from_micros(100);

/// A thread's place in its worker.
pub(crate) struct Seat<'a> {
    pub(crate) crew: &'a Crew,
    pub(crate) index: usize,
    pub(crate) processor: Option<u32>,
    /// Entries in the map before the first operation.
    pub(crate) population: u64,
}

/// Works until told to exit. A panic of the map becomes the worker's failure.
pub(crate) fn work(map: &dyn Subject, seat: &Seat, stream: &[PackedOp], planted: Option<Plant>) {
    let mut runner = Runner { stream, cursor: 0, batch: 1, tally: Tally::default(), planted };
    if let Some(processor) = seat.processor {
        system::pin_this_thread(processor);
    }
    let attended = catch_unwind(AssertUnwindSafe(|| map.attend(&mut |access| serve(access, seat, &mut runner))));
    if let Err(payload) = attended {
        let failure = if let Some(detected) = payload.downcast_ref::<Detected>() {
            Failure { status: Status::Detected, message: detected.message.to_owned() }
        } else {
            Failure { status: Status::Panicked, message: panic_text(&*payload) }
        };
        seat.crew.fail(failure);
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
    pub(super) stream: &'a [PackedOp],
    pub(super) cursor: usize,
    pub(super) batch: usize,
    pub(super) tally: Tally,
    pub(super) planted: Option<Plant>,
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
        let mut start: Option<(Instant, u64)> = None;
        let mut measured: Option<Measured> = None;
        loop {
            match seat.crew.phase() {
                Phase::Warm => {
                    let began = Instant::now();
                    let ops = self.batch(access, None);
                    let took = began.elapsed();
                    if let Some(timer) = &mut timer {
                        timer.learn(ops, took);
                    }
                    if ops == self.batch {
                        self.adapt(took);
                    }
                    continue;
                }
                Phase::Measure => {
                    if start.is_none() {
                        start = Some((Instant::now(), self.tally.ops));
                        seat.crew.note_start();
                    }
                }
                Phase::Drain => {
                    if let (Some((began, ops)), None) = (start, measured) {
                        let elapsed_ns = began.elapsed().as_nanos() as u64;
                        measured = Some(Measured { ops: self.tally.ops - ops, elapsed_ns });
                        seat.crew.note_end();
                    }
                }
                Phase::Parked | Phase::Check | Phase::Exit => break,
            }
            let timing = if measured.is_none() { timer.as_mut() } else { None };
            self.batch(access, timing);
        }
        let effects = since(&before, &self.tally);
        let measured = measured.unwrap_or_default();
        let timed = timer.map(Timer::times);
        seat.crew.file(seat.index, Report { measured, effects, batch_ops: self.batch as u64, timed, counts: None });
    }

    /// Runs a batch, or what is left of it to the stream's end. Returns how many operations that was.
    fn batch(&mut self, access: &mut dyn Access, timer: Option<&mut Timer>) -> usize {
        let end = (self.cursor + self.batch).min(self.stream.len());
        let ops = &self.stream[self.cursor..end];
        match timer {
            None => access.run(ops, &mut self.tally),
            Some(timer) => timer.run(access, ops, &mut self.tally),
        }
        if let Some(plant) = &mut self.planted {
            plant.follow(access, ops, &mut self.tally);
        }
        access.quiesce();
        self.cursor = if end == self.stream.len() { 0 } else { end };
        ops.len()
    }

    fn adapt(&mut self, took: Duration) {
        if took > 2 * BATCH_TIME && self.batch > 1 {
            self.batch /= 2;
        } else if took < BATCH_TIME / 2 && self.batch < LARGEST_BATCH {
            self.batch *= 2;
        }
    }
}
