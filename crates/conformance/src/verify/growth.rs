//! An empty map without room, which grows while its entries are read, changed and removed.
//!
//! Every thread inserts keys of its own, in order, and says how far it has come; whoever looks for a key that is said to be
//! there must find it, and one that is said to be gone must not come back. Increments by other threads, under way while
//! the table is moved, may not be lost. Readers of a published map are told of keys after the publish only; those of an
//! eventual map may look again, and how often they had to is said.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use foldhash::fast::FixedState;
use mapbench_api::{Consistency, MapHandle, Operation, Strategy};

use super::random::Random;
use super::shift::{self, Shift, Stopped, has, together};
use super::{Outcome, Setting, Verdict};

/// Keys a thread inserts into one map at most.
const LIMIT: u64 = 1 << 14;

/// How many insertions later a key is removed.
const LATER: u64 = 8;

/// Insertions between two calls of `quiesce`.
const BATCH: u64 = 32;

/// How long an eventual map may hide a key.
const PATIENCE: Duration = Duration::from_secs(1);

/// Bits of a value that count increments; the key is above them.
const COUNT_BITS: u32 = 24;

#[derive(Default)]
struct Done {
    inserted: u64,
    removed: u64,
    reads: u64,
    increments: u64,
    /// Reads that an eventual map let look again.
    again: u64,
}

impl Done {
    const fn operations(&self) -> u64 {
        self.inserted + self.removed + self.reads + self.increments
    }

    fn and(self, more: &Done) -> Done {
        Done {
            inserted: self.inserted + more.inserted,
            removed: self.removed + more.removed,
            reads: self.reads + more.reads,
            increments: self.increments + more.increments,
            again: self.again + more.again,
        }
    }
}

pub(super) fn check<S: Strategy>(setting: &Setting) -> Outcome {
    if let Some(reason) = S::INFO.lacks(Operation::Insert) {
        return shift::not_applicable(reason);
    }
    let (mut done, mut maps, mut largest) = (Done::default(), 0, 0);
    for (round, time) in shift::rounds(setting) {
        maps += 1;
        match Round::new::<S>(setting).run::<S>(setting.seed ^ round, time) {
            Ok(more) => {
                largest = largest.max(more.inserted - more.removed);
                done = done.and(&more);
            }
            Err(stopped) => return stopped.outcome(done.operations(), maps),
        }
    }
    let again = match done.again {
        0 => String::new(),
        again => format!("; {again} reads had to look again"),
    };
    let detail = format!(
        "{maps} maps from 0 to up to {largest} entries; {} keys looked for, {} increments meanwhile{again}",
        done.reads, done.increments
    );
    shift::outcome(Verdict::Verified, done.operations(), maps, detail)
}

/// Whether the key that a thread inserts as its `nth` is removed again; such keys are not incremented.
const fn passes(nth: u64) -> bool {
    nth % 4 == 3
}

/// How far a thread has come, in a line of the cache to itself.
#[repr(align(128))]
#[derive(Default)]
struct Progress(AtomicU64);

struct Round {
    progress: Vec<Progress>,
}

impl Round {
    fn new<S: Strategy>(setting: &Setting) -> Self {
        Self { progress: (0..shift::size::<S>(setting)).map(|_| Progress::default()).collect() }
    }

    fn threads(&self) -> u64 {
        self.progress.len() as u64
    }

    const fn key(&self, thread: u64, nth: u64) -> u64 {
        nth * self.progress.len() as u64 + thread
    }

    fn run<S: Strategy>(&self, seed: u64, time: Duration) -> Result<Done, Stopped> {
        let map = S::build(0, FixedState::with_seed(seed), std::iter::empty());
        let parts = together(&map, self.progress.len(), time, |handle, thread, shift| {
            Worker::new(self, thread as u64, seed).work::<S, _>(handle, shift)
        })?;
        let done = parts.iter().fold(Done::default(), Done::and);
        together(&map, 1, Duration::ZERO, |handle, _, _| self.at_rest::<S, _>(handle, &done))?;
        Ok(done)
    }

    /// Everything, when nobody writes.
    fn at_rest<S: Strategy, M: MapHandle<u64, u64>>(&self, handle: &mut M, done: &Done) -> Result<(), String> {
        let mut increments = 0;
        for (thread, progress) in self.progress.iter().enumerate() {
            let inserted = progress.0.load(Ordering::Acquire);
            for nth in 0..inserted {
                let key = self.key(thread as u64, nth);
                let gone = passes(nth) && nth + LATER < inserted && has::<S>(Operation::Remove);
                let found = handle.read(&key, |value| *value);
                judge(key, found, gone)?;
                increments += found.map_or(0, |value| value & ((1 << COUNT_BITS) - 1));
            }
        }
        if increments != done.increments {
            return Err(format!("{increments} increments are in the map, of {} that were made", done.increments));
        }
        let entries = done.inserted - done.removed;
        if has::<S>(Operation::ForEach) {
            let mut shown = 0;
            handle.for_each(|_, _| shown += 1);
            if shown != entries {
                return Err(format!("iteration shows {shown} entries; {entries} are there"));
            }
        }
        if has::<S>(Operation::Len) && handle.len() as u64 != entries {
            return Err(format!("len says {}; {entries} entries are there", handle.len()));
        }
        Ok(())
    }
}

fn judge(key: u64, found: Option<u64>, gone: bool) -> Result<(), String> {
    match found {
        Some(value) if value >> COUNT_BITS != key => {
            Err(format!("key {key} shows a value of key {}", value >> COUNT_BITS))
        }
        Some(_) if gone => Err(format!("key {key} was removed and came back")),
        None if !gone => Err(format!("key {key} was inserted and is lost")),
        _ => Ok(()),
    }
}

struct Worker<'r> {
    round: &'r Round,
    thread: u64,
    random: Random,
    done: Done,
}

impl<'r> Worker<'r> {
    fn new(round: &'r Round, thread: u64, seed: u64) -> Self {
        Self { round, thread, random: Random::new(seed, thread), done: Done::default() }
    }

    fn work<S: Strategy, M: MapHandle<u64, u64>>(mut self, handle: &mut M, shift: &Shift) -> Result<Done, String> {
        let progress = &self.round.progress[self.thread as usize].0;
        let published = S::INFO.consistency == Consistency::Published;
        while self.done.inserted < LIMIT {
            self.grow::<S, _>(handle)?;
            let batch_ends = self.done.inserted.is_multiple_of(BATCH);
            if batch_ends {
                handle.quiesce();
            }
            if batch_ends || !published {
                progress.store(self.done.inserted, Ordering::Release);
            }
            self.look::<S, _>(handle)?;
            if batch_ends && !shift.goes_on() {
                break;
            }
        }
        Ok(self.done)
    }

    /// Inserts a key, and removes an earlier one if it is its turn.
    fn grow<S: Strategy, M: MapHandle<u64, u64>>(&mut self, handle: &mut M) -> Result<(), String> {
        let nth = self.done.inserted;
        let key = self.round.key(self.thread, nth);
        let inserted = match nth % 2 {
            0 if has::<S>(Operation::InsertNew) => handle.insert_new(key, key << COUNT_BITS),
            _ => handle.insert(key, key << COUNT_BITS),
        };
        if !inserted {
            return Err(format!("key {key} was there before it was inserted"));
        }
        self.done.inserted += 1;
        if nth >= LATER && passes(nth - LATER) && has::<S>(Operation::Remove) {
            let key = self.round.key(self.thread, nth - LATER);
            if !handle.remove(&key) {
                return Err(format!("key {key} was inserted and is lost: it could not be removed"));
            }
            self.done.removed += 1;
        }
        Ok(())
    }

    /// Looks for a key that a thread, perhaps this one, says it has inserted, and counts in it.
    fn look<S: Strategy, M: MapHandle<u64, u64>>(&mut self, handle: &mut M) -> Result<(), String> {
        let thread = self.random.below(self.round.threads());
        let inserted = self.round.progress[thread as usize].0.load(Ordering::Acquire);
        if inserted == 0 {
            return Ok(());
        }
        // Half of the time one of the newest, which the table has hardly taken in.
        let back =
            if self.random.once_in(2) { self.random.below(inserted.min(64)) } else { self.random.below(inserted) };
        let nth = inserted - 1 - back;
        let key = self.round.key(thread, nth);
        // Between its insertion and its removal nothing is known of a key that passes.
        let gone = passes(nth) && back >= LATER && has::<S>(Operation::Remove);
        if passes(nth) && !gone {
            return Ok(());
        }
        self.read::<S, _>(handle, key, gone)?;
        if !gone && has::<S>(Operation::Update) && self.random.once_in(4) {
            if !handle.update(&key, |value| value + 1) {
                return Err(format!("key {key} was inserted and is lost: it could not be updated"));
            }
            self.done.increments += 1;
        }
        Ok(())
    }

    fn read<S: Strategy, M: MapHandle<u64, u64>>(
        &mut self,
        handle: &mut M,
        key: u64,
        gone: bool,
    ) -> Result<(), String> {
        self.done.reads += 1;
        let first = judge(key, handle.read(&key, |value| *value), gone);
        if first.is_ok() || S::INFO.consistency != Consistency::Eventual {
            return first;
        }
        self.done.again += 1;
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if judge(key, handle.read(&key, |value| *value), gone).is_ok() {
                return Ok(());
            }
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::super::broken::{Broken, fault, find, found};
    use super::*;

    const SETTING: Setting = Setting { seed: 1, threads: 3, millis: 100 };

    #[test]
    fn nothing_is_found_in_a_sound_map() {
        for threads in [1, 3] {
            let outcome = check::<Broken<{ fault::NONE }>>(&Setting { threads, ..SETTING });
            assert_eq!(outcome.verdict, Verdict::Verified, "{}", outcome.detail);
            assert!(outcome.operations > 100);
        }
        let outcome = check::<Broken<{ fault::NONE_PUBLISHED }>>(&SETTING);
        assert_eq!(outcome.verdict, Verdict::Verified, "{}", outcome.detail);
    }

    #[test]
    fn what_is_there_is_told_from_what_is_not() {
        for (found, gone) in [(Some(7 << COUNT_BITS | 3), false), (None, true)] {
            assert_eq!(judge(7, found, gone), Ok(()));
        }
        for (found, gone) in [(None, false), (Some(7 << COUNT_BITS), true), (Some(8 << COUNT_BITS), false)] {
            assert!(judge(7, found, gone).is_err());
        }
    }

    found! {
        a_key_that_growth_drops: GROWTH_DROPS_A_KEY says "is lost" | "increments are in the map";
        a_removed_key_that_comes_back: REMOVED_COMES_BACK says "came back" | "entries are there";
        an_increment_that_is_lost: UPDATE_IS_LOST says "increments are in the map";
        a_publish_that_is_forgotten: PUBLISH_IS_FORGOTTEN says "is lost" | "came back";
    }
}
