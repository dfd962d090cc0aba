//! Trials that threads put fresh maps through, and that are judged by what is left.

use std::time::{Duration, Instant};
use std::{hint, thread};

use mapbench_api::{ConcurrentMap, HashBuilder, MapHandle, Strategy};

use super::meet::{Ended, meet, quietly};
use super::random::Random;
use super::shift::size;
use super::{Outcome, Setting, Verdict};

/// What threads do to a map, and what must be true then. An error is a violation, in one line.
pub(super) trait Trial: Sync + Sized {
    /// What a thread has done.
    type Done: Send;

    /// A trial of this strategy.
    fn draw<S: Strategy>(random: &mut Random) -> Self;

    /// What the map holds at first.
    fn entries(&self) -> impl Iterator<Item = (u64, u64)>;

    /// A thread's part.
    fn work<M: MapHandle<u64, u64>>(&self, handle: &mut M, worker: &mut Worker) -> Result<Self::Done, String>;

    /// The map when all have done their part.
    fn judge<M: MapHandle<u64, u64>>(&self, handle: &mut M, done: &[Self::Done]) -> Result<(), String>;
}

/// A thread in a trial.
pub(super) struct Worker {
    pub(super) random: Random,
    /// Operations done.
    pub(super) operations: u64,
    deadline: Instant,
}

impl Worker {
    /// One operation more; false now and then when the time is over.
    #[inline]
    pub(super) fn goes_on(&mut self) -> bool {
        self.operations += 1;
        !self.operations.is_multiple_of(64) || Instant::now() < self.deadline
    }

    /// Lets the threads meet in other ways than they would by themselves.
    #[inline]
    pub(super) fn pause(&mut self) {
        match self.random.below(128) {
            0 => thread::yield_now(),
            turns @ 1..32 => (0..turns).for_each(|_| hint::spin_loop()),
            _ => {}
        }
    }
}

/// Maps that threads go through without coming back.
const MAPS: usize = 8;

/// Puts maps through trials until a violation is found or the time is over.
pub(super) fn run<T: Trial, S: Strategy, H: HashBuilder>(setting: &Setting, hasher: &H) -> Outcome {
    let threads = size::<S>(setting);
    let deadline = Instant::now() + Duration::from_millis(setting.millis);
    let mut random = Random::new(setting.seed, 1);
    let (mut operations, mut maps) = (0, 0);
    let (verdict, detail) = loop {
        let trials: Vec<T> = (0..MAPS).map(|_| T::draw::<S>(&mut random)).collect();
        match batch::<T, S, H>(&trials, threads, hasher, random.next(), deadline) {
            Ok(done) => operations += done,
            Err(Ended::Detected(message)) => break (Verdict::Detected, message.to_owned()),
            Err(Ended::Panicked(violation)) => break (Verdict::Violated, violation),
        }
        maps += MAPS as u64;
        if Instant::now() >= deadline {
            let met =
                if threads == 1 { "one thread".to_owned() } else { format!("{threads} threads on the same keys") };
            break (Verdict::Verified, met);
        }
    };
    Outcome { verdict, operations, histories: maps, detail, picture: None }
}

/// The operations done, or the worst that came of it.
fn batch<T: Trial, S: Strategy, H: HashBuilder>(
    trials: &[T],
    threads: usize,
    hasher: &H,
    seed: u64,
    deadline: Instant,
) -> Result<u64, Ended> {
    let maps: Vec<_> = trials.iter().map(|trial| S::build(0, hasher.clone(), trial.entries())).collect();
    let met = meet(&maps, threads, |handle, place| {
        let random = Random::new(seed ^ place.round as u64, place.thread as u64);
        let mut worker = Worker { random, operations: 0, deadline };
        let done = trials[place.round].work(handle, &mut worker);
        handle.quiesce();
        (done, worker.operations)
    });
    let mut operations = 0;
    let mut detected = None;
    for (round, results) in met.into_iter().enumerate() {
        let mut done = Vec::with_capacity(threads);
        for result in results {
            match result {
                Ok((result, worked)) => {
                    operations += worked;
                    done.push(result.map_err(Ended::Panicked)?);
                }
                Err(Ended::Detected(message)) => detected = Some(Ended::Detected(message)),
                Err(panicked) => return Err(panicked),
            }
        }
        // A thread that was ended has not done its part.
        if done.len() == threads {
            let judged = quietly(|| trials[round].judge(&mut maps[round].handle(), &done))?;
            judged.map_err(Ended::Panicked)?;
        }
    }
    detected.map_or(Ok(operations), Err)
}

#[cfg(test)]
mod tests {
    use foldhash::fast::FixedState;

    use super::*;
    use crate::verify::broken::{Broken, fault};

    /// Finds nothing while it works, and `FOUND` in what is left.
    struct Afterwards<const FOUND: bool>;

    impl<const FOUND: bool> Trial for Afterwards<FOUND> {
        type Done = u64;

        fn draw<S: Strategy>(_: &mut Random) -> Self {
            Self
        }

        fn entries(&self) -> impl Iterator<Item = (u64, u64)> {
            std::iter::once((7, 0))
        }

        fn work<M: MapHandle<u64, u64>>(&self, handle: &mut M, worker: &mut Worker) -> Result<u64, String> {
            worker.goes_on();
            Ok(u64::from(handle.update(&7, |value| value + 1)))
        }

        fn judge<M: MapHandle<u64, u64>>(&self, handle: &mut M, done: &[u64]) -> Result<(), String> {
            assert_eq!((done, handle.read(&7, |value| *value)), (&[1, 1, 1][..], Some(3)));
            if FOUND { Err("what is left".to_owned()) } else { Ok(()) }
        }
    }

    #[test]
    fn what_is_left_is_judged() {
        let setting = Setting { seed: 1, threads: 3, millis: 1 };
        let hasher = FixedState::with_seed(0);
        let sound = run::<Afterwards<false>, Broken<{ fault::NONE }>, _>(&setting, &hasher);
        assert_eq!(sound.verdict, Verdict::Verified, "{sound:?}");
        assert_eq!(sound.operations, 3 * sound.histories);
        let found = run::<Afterwards<true>, Broken<{ fault::NONE }>, _>(&setting, &hasher);
        assert_eq!((found.verdict, found.detail.as_str()), (Verdict::Violated, "what is left"));
    }
}
