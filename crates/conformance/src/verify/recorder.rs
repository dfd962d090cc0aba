//! Records what threads do to a map, as a history.
//!
//! # The clock
//!
//! A stamp is the time since a common start, in nanoseconds, by [`Instant`]: the monotonic clock, on Linux
//! `CLOCK_MONOTONIC`. The kernel lets user space compute it from the time stamp counter only if it found the counters of
//! all processors in step, and else uses a clock that they share; it reads the counter behind a barrier. So it is ordered
//! across threads: of two readings, one of which happened before the other, the later is not smaller. Two that are equal
//! say nothing, and count as overlapping.
//!
//! A processor may still hold a store back, or begin a load early. A full fence between each stamp and the call keeps
//! both inside the stamps, so that a call is never taken to be shorter than it was: if it seems to come after another, it
//! does. What lies between the stamps beside the call makes it seem longer, which can hide a violation but not invent one.
//!
//! # What threads share
//!
//! The map alone. Each has its random numbers, its unique values, and a buffer with room for all its calls; the clock is
//! only read. No shared counter hands out stamps or values, which would put the calls in line.

use std::sync::atomic::{Ordering, fence};
use std::thread;
use std::time::Instant;
use std::{hint, mem};

use mapbench_api::{MapHandle, Operation};

use super::meet::{Ended, quietly};
use super::plan::{FIRST_VALUE, Pace, Plan, first_value};
use super::random::Random;
use crate::history::{Action, Call, Change, Exchange};

/// Stamps, ordered across threads; see the [module](self).
#[derive(Clone, Copy)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    #[inline]
    pub(super) fn now(self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}

/// What a thread did in a round.
pub(super) struct Recorded {
    /// When it began.
    pub(super) began: u64,
    /// Its calls that returned.
    pub(super) calls: Vec<Call>,
    /// Where it published: after so many calls, and when `quiesce` had returned.
    pub(super) published: Vec<(usize, u64)>,
    /// Why and when the strategy ended it.
    pub(super) ended: Option<(Ended, u64)>,
}

/// One thread's pen.
pub(super) struct Recorder<'a> {
    clock: Clock,
    /// The last stamp.
    last: u64,
    thread: u64,
    threads: u64,
    /// Values written so far.
    written: u64,
    plan: &'a Plan,
    random: Random,
    /// What the thread last knew of each key.
    known: Vec<u64>,
    calls: Vec<Call>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(clock: Clock, plan: &'a Plan, (thread, threads): (usize, usize), random: Random) -> Self {
        Self {
            clock,
            last: clock.now(),
            thread: thread as u64,
            threads: threads as u64,
            written: 0,
            plan,
            random,
            known: (0..plan.keys).map(first_value).collect(),
            calls: Vec::with_capacity(plan.operations),
        }
    }

    /// Does the thread's part of the plan, or what of it can be done before the deadline.
    pub(super) fn run<M: MapHandle<u64, u64>>(mut self, handle: &mut M, deadline: u64) -> Recorded {
        let began = self.stamp();
        let mut published = Vec::with_capacity(1 + self.plan.operations / self.plan.batch);
        let ended = quietly(|| {
            for turn in 1..=self.plan.operations {
                self.pause();
                let operation = self.random.pick(&self.plan.mix);
                let key = self.random.below(self.plan.keys);
                self.call(handle, operation, key);
                let late = self.last >= deadline;
                if late || turn == self.plan.operations || turn.is_multiple_of(self.plan.batch) {
                    handle.quiesce();
                    fence(Ordering::SeqCst);
                    published.push((self.calls.len(), self.stamp()));
                }
                if late {
                    break;
                }
            }
        });
        let ended = ended.err().map(|ended| (ended, self.clock.now()));
        Recorded { began, calls: self.calls, published, ended }
    }

    /// Reads every key once.
    pub(super) fn read_all<M: MapHandle<u64, u64>>(mut self, handle: &mut M) -> Vec<Call> {
        for key in 0..self.plan.keys {
            self.call(handle, Operation::Read, key);
        }
        self.calls
    }

    fn call<M: MapHandle<u64, u64>>(&mut self, handle: &mut M, operation: Operation, key: u64) {
        let pace = self.plan.pace;
        let mut turns = self.random.below(pace.spin_inside);
        let mut yields = self.random.once_in(pace.yields_inside);
        // There are many reads, and they keep writers waiting: one in 64 will do.
        let seldom = yields && self.random.once_in(64);
        // A closure that runs again and again, because others are faster, is not to be kept from its end.
        let mut inside = || {
            (0..mem::take(&mut turns)).for_each(|_| hint::spin_loop());
            if mem::take(&mut yields) {
                thread::yield_now();
            }
        };
        let known = self.known[key as usize];
        // Now and then one that is wrong, so that it is seen to be compared.
        let expected = if self.random.once_in(4) { first_value(key) } else { known };
        let value = self.fresh();
        let mut change = None;
        let invocation = self.stamp();
        fence(Ordering::SeqCst);
        let action = match operation {
            Operation::Insert => Action::Insert { value, absent: handle.insert(key, value) },
            Operation::InsertNew => Action::InsertNew { value, inserted: handle.insert_new(key, value) },
            Operation::Remove => Action::Remove { present: handle.remove(&key) },
            Operation::Update => {
                let present = handle.update(&key, |saw| {
                    let wrote = self.fresh();
                    change = Some(Change { saw: *saw, wrote });
                    inside();
                    wrote
                });
                Action::Update { change: last_run(operation, present, change) }
            }
            Operation::Upsert => {
                let inserted = handle.upsert(key, value, |saw| {
                    let wrote = self.fresh();
                    change = Some(Change { saw: *saw, wrote });
                    inside();
                    wrote
                });
                Action::Upsert { default: value, change: last_run(operation, !inserted, change) }
            }
            Operation::CompareExchange => {
                let outcome = handle.compare_exchange(&key, &expected, value).into();
                Action::CompareExchange { expected, new: value, outcome }
            }
            Operation::Read | Operation::ForEach | Operation::Len => {
                let value = handle.read(&key, |value| {
                    if seldom {
                        thread::yield_now();
                    }
                    *value
                });
                Action::Read { value }
            }
        };
        fence(Ordering::SeqCst);
        let response = self.stamp();
        self.known[key as usize] = left_behind(&action).unwrap_or(known);
        self.calls.push(Call { thread: self.thread as u32, invocation, response, key, action });
    }

    /// Later than this thread's last stamp, whatever the clock's resolution is.
    #[inline]
    fn stamp(&mut self) -> u64 {
        loop {
            let now = self.clock.now();
            if now > self.last {
                self.last = now;
                return now;
            }
        }
    }

    /// A value that nobody else writes, nor this thread again.
    #[inline]
    fn fresh(&mut self) -> u64 {
        self.written += 1;
        FIRST_VALUE + self.written * self.threads + self.thread
    }

    #[inline]
    fn pause(&mut self) {
        let Pace { spin, yields, .. } = self.plan.pace;
        if self.random.once_in(yields) {
            thread::yield_now();
        }
        (0..self.random.below(spin)).for_each(|_| hint::spin_loop());
    }
}

/// What the last run of a closure did, if the result says that it counts.
fn last_run(operation: Operation, counts: bool, change: Option<Change>) -> Option<Change> {
    assert!(!counts || change.is_some(), "{operation} says that the key was present, but never ran its closure");
    change.filter(|_| counts)
}

/// What the thread that made the call knows to have been there after it.
fn left_behind(action: &Action) -> Option<u64> {
    match *action {
        Action::Read { value } => value,
        Action::Insert { value, .. } | Action::InsertNew { value, inserted: true } => Some(value),
        Action::InsertNew { .. } | Action::Remove { .. } => None,
        Action::Update { change } => change.map(|change| change.wrote),
        Action::Upsert { default, change } => Some(change.map_or(default, |change| change.wrote)),
        Action::CompareExchange { new, outcome: Exchange::Exchanged, .. } => Some(new),
        Action::CompareExchange { outcome: Exchange::Found(found), .. } => Some(found),
        Action::CompareExchange { .. } => None,
    }
}

/// How far the threads of a history met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Overlap {
    /// Calls looked at.
    pub(super) calls: u64,
    /// Of these, the ones that overlapped a call of another thread.
    pub(super) any: u64,
    /// And the ones that overlapped one on the same key.
    pub(super) same_key: u64,
}

impl Overlap {
    /// Looks at the calls of a history, each thread's in their order.
    pub(super) fn of(calls: &[Call]) -> Self {
        let mut order: Vec<usize> = (0..calls.len()).collect();
        order.sort_unstable_by_key(|call| calls[*call].invocation);
        let mut met = vec![(false, false); calls.len()];
        // Each thread's last call so far: of those that began before, only these can last.
        let mut open: Vec<(u32, usize)> = Vec::new();
        for this in order {
            let call = &calls[this];
            for &(thread, other) in &open {
                if thread != call.thread && calls[other].response >= call.invocation {
                    let same = calls[other].key == call.key;
                    for end in [this, other] {
                        met[end] = (true, met[end].1 || same);
                    }
                }
            }
            match open.iter_mut().find(|(thread, _)| *thread == call.thread) {
                Some((_, last)) => *last = this,
                None => open.push((call.thread, this)),
            }
        }
        let count = |which: fn(&(bool, bool)) -> bool| met.iter().filter(|met| which(met)).count() as u64;
        Self { calls: calls.len() as u64, any: count(|met| met.0), same_key: count(|met| met.1) }
    }

    pub(super) const fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.any += other.any;
        self.same_key += other.same_key;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use mapbench_api::Operation;

    use super::*;
    use crate::history::History;
    use crate::linearizability::{Budget, Verdict, check};
    use crate::verify::plan::Plan;

    fn call(thread: u32, invocation: u64, response: u64, key: u64) -> Call {
        Call { thread, invocation, response, key, action: Action::Remove { present: false } }
    }

    #[test]
    fn overlap_is_that_of_other_threads() {
        let calls = [call(0, 1, 4, 7), call(0, 5, 9, 8), call(1, 4, 5, 8), call(1, 10, 12, 7), call(2, 13, 14, 7)];
        assert_eq!(Overlap::of(&calls), Overlap { calls: 5, any: 3, same_key: 2 });
    }

    /// All operations, on the std map: what is recorded is what was done.
    #[test]
    fn a_thread_records_what_it_does() {
        let all = Operation::ALL[..7].to_vec();
        let initial = vec![(0, first_value(0)), (2, first_value(2))];
        let pace = Pace { spin: 3, yields: 50, spin_inside: 3, yields_inside: 50 };
        let plan = Plan { keys: 4, initial, capacity: 0, operations: 500, mix: all, batch: 7, pace };
        let mut map: HashMap<u64, u64> = plan.initial.iter().copied().collect();
        let recorder = || Recorder::new(Clock::start(), &plan, (1, 3), Random::new(5, 0));
        let recorded = recorder().run(&mut map, u64::MAX);
        assert_eq!(recorded.ended, None);
        assert_eq!(recorded.calls.len(), 500);
        assert_eq!(recorded.published.len(), 500_usize.div_ceil(7));
        assert!(recorded.published.iter().all(|(calls, at)| recorded.calls[calls - 1].response < *at));
        let report = check(&History::new(plan.initial.iter().copied(), recorded.calls).unwrap(), Budget::default());
        assert_eq!(report.verdict(), Verdict::Linearizable, "{:?}", report.violation);
        assert_eq!(report.searched, 0, "values are unique");
        let last: HashMap<u64, u64> = recorder()
            .read_all(&mut map)
            .into_iter()
            .filter_map(|call| match call.action {
                Action::Read { value } => Some((call.key, value?)),
                _ => None,
            })
            .collect();
        assert_eq!(last, map);
    }

    #[test]
    fn a_closure_counts_if_the_result_says_so() {
        let change = Some(Change { saw: 1, wrote: 2 });
        assert_eq!(last_run(Operation::Update, true, change), change);
        assert_eq!(last_run(Operation::Update, false, change), None, "it ran, but then the key was gone");
        assert_eq!(last_run(Operation::Update, false, None), None);
        let ended = quietly(|| last_run(Operation::Update, true, None)).unwrap_err();
        assert!(matches!(ended, Ended::Panicked(message) if message.contains("never ran its closure")));
    }

    #[test]
    fn a_deadline_ends_a_thread_after_it_has_published() {
        let pace = Pace { spin: 1, yields: 0, spin_inside: 1, yields_inside: 0 };
        let mix = vec![Operation::Insert];
        let plan = Plan { keys: 1, initial: Vec::new(), capacity: 0, operations: 500, mix, batch: 100, pace };
        let recorder = Recorder::new(Clock::start(), &plan, (0, 1), Random::new(5, 0));
        let recorded = recorder.run(&mut HashMap::new(), 0);
        assert_eq!((recorded.calls.len(), recorded.published.len()), (1, 1));
    }
}
