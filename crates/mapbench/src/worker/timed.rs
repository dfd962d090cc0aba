//! Slices in which operations are timed: some of a closed loop, or all of an open one.

use std::time::{Duration, Instant};

use mapbench_results::Distribution;
use mapbench_workload::{OpKind, PackedOp, Schedule, derive_seed};

use super::access::Access;
use super::batch::Tally;
use super::coordinator::{Report, Task, since};
use super::open_loop::{Served, Window, serve};
use super::thread::{Runner, Seat};
use crate::clock::{Clock, SystemClock, look_ns};
use crate::protocol::{Load, Measured, Timed};

/// Timing may take this share of a closed loop's time.
const SHARE: f64 = 0.02;

/// What timing an operation costs beside the look at the clock after it, in nanoseconds: a call through a table, counting in
/// the histogram, and its share of leaving the loop and coming back. The look waits for all that the processor does
/// meanwhile, and nobody knows the way that is seldom gone; the benchmark `harness` says whether this is enough.
const BESIDE_NS: f64 = 100.0;

/// So many operations are timed one after the other: to leave the loop and come back costs more than the looks at the clock.
const BURST: usize = 8;

/// What one thread, or all, have timed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times {
    all: Distribution,
    kinds: Vec<(OpKind, Distribution)>,
    every: u32,
    due: u64,
    unfinished: u64,
    backwards: u64,
    threads: u64,
}

impl Times {
    pub(super) fn sum(parts: impl Iterator<Item = Self>) -> Self {
        let mut sum = Self::default();
        for part in parts {
            sum.all.add(&part.all);
            for (kind, times) in part.kinds {
                match sum.kinds.iter_mut().find(|(known, _)| *known == kind) {
                    Some((_, known)) => known.add(&times),
                    None => sum.kinds.push((kind, times)),
                }
            }
            sum.every = sum.every.max(part.every);
            sum.due += part.due;
            sum.unfinished += part.unfinished;
            sum.backwards += part.backwards;
            sum.threads += 1;
        }
        sum.kinds.sort_by_key(|(kind, _)| *kind as u8);
        sum
    }

    /// As the worker says it.
    pub(super) fn told(&self, achieved_ops_s: u64) -> Timed {
        Timed {
            achieved_ops_s,
            every: self.every,
            saturated: Served::is_saturated(self.due, self.unfinished, self.threads),
            backwards: self.backwards,
            all: self.all.encode(),
            kinds: self.kinds.iter().map(|(kind, times)| (*kind, times.encode())).collect(),
        }
    }
}

/// Times operations of a closed loop, by kind.
pub(crate) struct Timer {
    clock: SystemClock,
    kinds: [Distribution; OpKind::ALL.len()],
    every: u32,
    /// To be found in the warm-up: what timing costs, in nanoseconds.
    cost_ns: Option<f64>,
    /// Operations of the warm-up so far, and how long they took.
    learned: (usize, Duration),
    /// Operations to time before the next that are left out, and operations to leave out before the next that are timed.
    burst: usize,
    skip: usize,
}

impl Timer {
    pub(crate) fn new(origin: Instant, every: Option<u32>) -> Self {
        let mut clock = SystemClock::since(origin, false);
        let cost_ns = every.is_none().then(|| look_ns(&mut clock) + BESIDE_NS);
        Self {
            clock,
            kinds: Default::default(),
            every: every.unwrap_or(1),
            cost_ns,
            learned: (0, Duration::ZERO),
            burst: BURST,
            skip: 0,
        }
    }

    /// Learns from a batch that was not timed how seldom to time.
    pub(crate) fn learn(&mut self, ops: usize, took: Duration) {
        let Some(cost_ns) = self.cost_ns else { return };
        // All of the warm-up: one batch may hold none of the slow operations, or be interrupted by another program.
        self.learned = (self.learned.0 + ops, self.learned.1 + took);
        self.every = seldom(cost_ns, self.learned.1.as_nanos() as f64 / self.learned.0.max(1) as f64);
    }

    pub(crate) fn run(&mut self, access: &mut dyn Access, mut ops: &[PackedOp], tally: &mut Tally) {
        let mut began_ns = None;
        while !ops.is_empty() {
            let (left_out, rest) = ops.split_at(self.skip.min(ops.len()));
            if !left_out.is_empty() {
                access.run(left_out, tally);
                self.skip -= left_out.len();
                began_ns = None;
            }
            let Some((op, rest)) = rest.split_first() else { break };
            let began = began_ns.unwrap_or_else(|| self.clock.now_ns());
            access.run(std::slice::from_ref(op), tally);
            let ended = self.clock.now_ns();
            self.kinds[op.kind() as usize].record(ended - began);
            began_ns = Some(ended);
            self.burst -= 1;
            if self.burst == 0 {
                (self.burst, self.skip) = (BURST, BURST * (self.every as usize - 1));
            }
            ops = rest;
        }
    }

    /// One operation of how many is timed.
    pub(crate) fn every(&self) -> u32 {
        self.every
    }

    pub(super) fn times(self) -> Times {
        let mut all = Distribution::default();
        self.kinds.iter().for_each(|times| all.add(times));
        let kinds = OpKind::ALL.into_iter().zip(self.kinds).filter(|(_, times)| times.samples() > 0).collect();
        Times { all, kinds, every: self.every, backwards: self.clock.backwards(), ..Times::default() }
    }
}

/// One operation of how many may be timed. Odd, so that in a stream whose length is a power of two, run in a loop, every
/// place has its turn, as long as a burst's length is one too.
fn seldom(cost_ns: f64, op_ns: f64) -> u32 {
    (cost_ns / (SHARE * op_ns.max(1.0))).ceil() as u32 | 1
}

impl Runner<'_> {
    /// Runs the open loop of a slice.
    pub(super) fn respond(&mut self, access: &mut dyn Access, seat: &Seat, task: &Task, load: Load) {
        let before = self.tally;
        let rate_ops_s = load.rate_ops_s as f64 / seat.crew.threads() as f64;
        let schedule = Schedule::new(load.arrivals, rate_ops_s, derive_seed(load.seed, &[seat.index as u64]));
        seat.crew.note_start();
        let until_ns = task.warm_ns + task.slice_ns;
        let window = Window { from_ns: task.warm_ns, until_ns, give_up_ns: until_ns + task.slice_ns };
        let mut clock = SystemClock::since(task.origin, seat.processor.is_none());
        let mut left = self.batch;
        let served = serve(&mut clock, schedule, window, || {
            access.run(self.cursor.next(1), &mut self.tally);
            left -= 1;
            if left == 0 {
                access.quiesce();
                left = self.batch;
            }
        });
        access.quiesce();
        let measured = Measured { ops: served.due - served.unfinished, elapsed_ns: task.slice_ns };
        let timed = Times {
            all: served.responses,
            every: 1,
            due: served.due,
            unfinished: served.unfinished,
            backwards: clock.backwards(),
            ..Times::default()
        };
        let effects = since(&before, &self.tally);
        let batch_ops = self.batch as u64;
        let report = Report { measured, effects, batch_ops, timed: Some(timed), ..Report::default() };
        seat.crew.file(seat.index, report);
        self.await_parking(seat);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use mapbench_adapter_lock::StdMutex;
    use mapbench_api::Strategy;
    use mapbench_workload::{Load, Mix, OpKind, Percent, Stream};

    use super::{BURST, Timer, Times, seldom};
    use crate::hasher;
    use crate::worker::{Checked, Subject, Tally, Typed};

    #[test]
    fn timing_takes_its_share_at_most() {
        for (cost_ns, op_ns) in [(100.0, 20.0), (80.0, 1_000.0), (1_000.0, 15.0)] {
            let every = seldom(cost_ns, op_ns);
            assert!(cost_ns / (f64::from(every) * op_ns) <= super::SHARE && every % 2 == 1, "{every}");
        }
        // An operation of a millisecond costs so much more than looking that each is timed.
        assert_eq!(seldom(100.0, 1e6), 1);
    }

    #[test]
    fn the_whole_warm_up_teaches_how_seldom_to_time() {
        let mut timer = Timer::new(Instant::now(), None);
        timer.learn(1_000, Duration::from_micros(100));
        let before = timer.every();
        // An interruption of as long again.
        timer.learn(1_000, Duration::from_micros(300));
        let learned = [before, timer.every()];
        assert!(learned[0] > learned[1] && learned[1] >= learned[0] / 2 - 1, "{learned:?}");
        let mut fixed = Timer::new(Instant::now(), Some(7));
        fixed.learn(1_000, Duration::from_micros(1));
        assert_eq!(fixed.every(), 7);
    }

    #[test]
    fn one_of_so_many_is_timed_whatever_the_batches_and_all_are_done() {
        let mix =
            Mix::new(Percent::whole(90), &[(OpKind::Insert, Percent::whole(50)), (OpKind::Remove, Percent::whole(50))])
                .unwrap();
        let load = Load { operations: Some(10_000), ..Load::uniform(mix, 32, 64) };
        let stream = Stream::of(&load, 1, 0, 1);
        let ops = stream.ops();
        for (every, batch) in [(1, 7), (7, 1), (7, 64), (1_000, 64), (3, 10_000)] {
            let map = StdMutex::build(64, hasher::seeded(0), std::iter::empty());
            let map = Typed::words(map, Checked::of(&StdMutex::INFO));
            let mut timer = Timer::new(Instant::now(), Some(every));
            let mut tally = Tally::default();
            map.attend(ops, &mut |access| ops.chunks(batch).for_each(|ops| timer.run(access, ops, &mut tally)));
            assert_eq!(tally.ops, 10_000);
            let times = timer.times();
            // Whole bursts, and what is left of one at the end.
            let (burst, period) = (BURST as u64, BURST as u64 * u64::from(every));
            let timed = 10_000 / period * burst + (10_000 % period).min(burst);
            assert_eq!(times.all.samples(), timed, "one of {every} in batches of {batch}");
            let of =
                |kind| times.kinds.iter().find(|(known, _)| *known == kind).map_or(0, |(_, times)| times.samples());
            assert_eq!(of(OpKind::Read) + of(OpKind::Insert) + of(OpKind::Remove), times.all.samples());
            if every == 1 {
                let reads = ops.iter().filter(|op| op.kind() == OpKind::Read).count() as u64;
                assert_eq!(of(OpKind::Read), reads);
            }
        }
    }

    #[test]
    fn the_times_of_threads_add_up() {
        let part = |ns: u64, kind| {
            let mut times = Times { every: ns as u32, due: 10, unfinished: 1, ..Times::default() };
            times.all.record(ns);
            times.kinds.push((kind, times.all.clone()));
            times
        };
        let parts = [part(5, OpKind::Remove), part(7, OpKind::Read), part(9, OpKind::Remove)];
        let sum = Times::sum(parts.into_iter());
        assert_eq!((sum.all.samples(), sum.every, sum.due, sum.unfinished, sum.threads), (3, 9, 30, 3, 3));
        let kinds: Vec<_> = sum.kinds.iter().map(|(kind, times)| (*kind, times.samples())).collect();
        assert_eq!(kinds, [(OpKind::Read, 1), (OpKind::Remove, 2)]);
    }
}
