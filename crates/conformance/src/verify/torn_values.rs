//! Values of sixteen words, in the table itself and behind a pointer. Every word follows from the key and the writer's
//! count, so that a reader knows a value that is half of one and half of another, or of memory that was freed and used
//! again.

use std::hint::black_box;
use std::thread;
use std::time::Duration;

use foldhash::fast::FixedState;
use mapbench_api::{MapHandle, Operation, Strategy, Value};

use super::random::Random;
use super::shift::{self, Shift, Stopped, has, together};
use super::{Outcome, Setting, Verdict};

const WORDS: usize = 16;

/// Few enough that readers and writers meet on them.
const KEYS: u64 = 8;

const WRITES: [Operation; 4] = [Operation::Insert, Operation::Update, Operation::Upsert, Operation::CompareExchange];

#[derive(Default)]
struct Done {
    reads: u64,
    /// Reads that found another thread's value which was not there when this thread looked before.
    changes: u64,
    writes: u64,
}

/// A value that shows whether it is whole.
trait Words: Value {
    fn new(words: [u64; WORDS]) -> Self;
    fn words(&self) -> &[u64];
}

impl Words for [u64; WORDS] {
    fn new(words: [u64; WORDS]) -> Self {
        words
    }
    fn words(&self) -> &[u64] {
        self
    }
}

impl Words for Vec<u64> {
    fn new(words: [u64; WORDS]) -> Self {
        words.to_vec()
    }
    fn words(&self) -> &[u64] {
        self
    }
}

/// The value of a key that a thread writes as its `count`-th.
fn value<V: Words>(key: u64, thread: u64, count: u64) -> V {
    let serial = thread << 48 | count;
    V::new(std::array::from_fn(|nth| word(key, serial, nth)))
}

/// The first word is the serial number, the others depend on it and on their place.
const fn word(key: u64, serial: u64, nth: usize) -> u64 {
    if nth == 0 { serial } else { serial.wrapping_mul(nth as u64 | 1).rotate_left(nth as u32) ^ key }
}

/// The serial number of a whole value.
fn whole<V: Words>(key: u64, value: &V) -> Result<u64, String> {
    let words = black_box(value).words();
    let Some(&serial) = words.first() else { return Err(format!("a value of key {key} has no words")) };
    let torn = (0..WORDS).find(|nth| words.get(*nth) != Some(&word(key, serial, *nth)));
    match torn {
        _ if words.len() != WORDS => Err(format!("a value of key {key} has {} words, not {WORDS}", words.len())),
        Some(nth) => Err(format!("a value of key {key} is torn: word {nth} is not of the write that word 0 is of")),
        None => Ok(serial),
    }
}

pub(super) fn check<S: Strategy>(setting: &Setting) -> Outcome {
    if !WRITES.into_iter().any(has::<S>) {
        return shift::not_applicable("nothing is ever written");
    }
    let mut done = Done::default();
    let mut maps = 0;
    for (round, time) in shift::rounds(setting) {
        maps += 1;
        let threads = shift::size::<S>(setting);
        let seed = setting.seed ^ round;
        let part = match round % 2 {
            0 => run::<S, [u64; WORDS]>(threads, seed, time),
            _ => run::<S, Vec<u64>>(threads, seed, time),
        };
        match part {
            Ok(part) => {
                done.reads += part.reads;
                done.changes += part.changes;
                done.writes += part.writes;
            }
            Err(stopped) => return stopped.outcome(done.reads + done.writes, maps),
        }
    }
    let Done { reads, changes, writes } = done;
    let detail = format!(
        "{reads} reads of {} bytes beside {writes} writes; {changes} found what another thread had written since",
        WORDS * 8
    );
    shift::outcome(Verdict::Verified, reads + writes, maps, detail)
}

fn run<S: Strategy, V: Words>(threads: usize, seed: u64, time: Duration) -> Result<Done, Stopped> {
    let entries = (0..KEYS).map(|key| (key, value::<V>(key, 0, 0)));
    let map = S::build(KEYS as usize, FixedState::with_seed(seed), entries);
    let parts = together(&map, threads, time, |handle, thread, shift| {
        Worker::new(thread as u64 + 1, seed).work::<S, V, _>(handle, shift)
    })?;
    Ok(parts.into_iter().fold(Done::default(), |sum, part| Done {
        reads: sum.reads + part.reads,
        changes: sum.changes + part.changes,
        writes: sum.writes + part.writes,
    }))
}

struct Worker {
    thread: u64,
    random: Random,
    done: Done,
    /// The last serial number seen of each key.
    seen: [u64; KEYS as usize],
    writes: Vec<Operation>,
}

impl Worker {
    fn new(thread: u64, seed: u64) -> Self {
        Self {
            thread,
            random: Random::new(seed, thread),
            done: Done::default(),
            seen: [0; KEYS as usize],
            writes: Vec::new(),
        }
    }

    fn work<S: Strategy, V: Words, M: MapHandle<u64, V>>(
        mut self,
        handle: &mut M,
        shift: &Shift,
    ) -> Result<Done, String> {
        self.writes.extend(WRITES.into_iter().chain([Operation::Remove]).filter(|write| has::<S>(*write)));
        while shift.goes_on() {
            for turn in 0..16 {
                let key = self.random.below(KEYS);
                if turn % 4 == 0 {
                    self.write(handle, key)?;
                } else {
                    self.read(handle, key)?;
                }
            }
            if has::<S>(Operation::ForEach) {
                let mut wrong = None;
                handle.for_each(|key, value| wrong = wrong.take().or(whole(*key, value).err()));
                wrong.map_or(Ok(()), Err)?;
                self.done.reads += KEYS;
            }
            handle.quiesce();
        }
        Ok(self.done)
    }

    fn read<V: Words, M: MapHandle<u64, V>>(&mut self, handle: &mut M, key: u64) -> Result<(), String> {
        let linger = self.random.once_in(32);
        let seen = handle.read(&key, |value| {
            let first = whole(key, value)?;
            // Others get the chance to change or free what this thread is looking at.
            if linger {
                thread::yield_now();
            }
            match whole(key, value)? {
                second if second == first => Ok(first),
                _ => Err(format!("a value of key {key} changed while it was read")),
            }
        });
        self.done.reads += 1;
        if let Some(serial) = seen.transpose()? {
            let before = std::mem::replace(&mut self.seen[key as usize], serial);
            self.done.changes += u64::from(before != serial && serial >> 48 != self.thread);
        }
        Ok(())
    }

    fn write<V: Words, M: MapHandle<u64, V>>(&mut self, handle: &mut M, key: u64) -> Result<(), String> {
        self.done.writes += 1;
        let (thread, count) = (self.thread, self.done.writes);
        let new = || value::<V>(key, thread, count);
        let mut wrong = None;
        let replace = |old: &V| {
            wrong = whole(key, old).err();
            new()
        };
        match self.random.pick(&self.writes) {
            Operation::Insert => {
                handle.insert(key, new());
            }
            Operation::Update => {
                handle.update(&key, replace);
            }
            Operation::Upsert => {
                handle.upsert(key, new(), replace);
            }
            Operation::CompareExchange => {
                let expected = handle.read(&key, V::clone).unwrap_or_else(new);
                if let Err(Some(found)) = handle.compare_exchange(&key, &expected, new()) {
                    wrong = whole(key, &found).err();
                }
            }
            _ => {
                handle.remove(&key);
            }
        }
        wrong.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::super::broken::{Broken, fault, find};
    use super::*;

    const SETTING: Setting = Setting { seed: 1, threads: 3, millis: 60 };

    #[test]
    fn nothing_is_found_in_a_sound_map() {
        for threads in [1, 3] {
            let outcome = check::<Broken<{ fault::NONE }>>(&Setting { threads, ..SETTING });
            assert_eq!(outcome.verdict, Verdict::Verified, "{}", outcome.detail);
        }
    }

    #[test]
    fn a_torn_value_is_found() {
        let outcome = find(check::<Broken<{ fault::TORN }>>, &SETTING);
        assert_eq!(outcome.verdict, Verdict::Violated);
        assert!(outcome.detail.contains("is torn"), "{}", outcome.detail);
        let torn = |seed| run::<Broken<{ fault::TORN }>, Vec<u64>>(3, seed, Duration::from_millis(50));
        assert!((0..20).any(|seed| matches!(torn(seed), Err(Stopped::Violation(_)))), "behind a pointer");
    }

    #[test]
    fn a_detected_overlap_is_the_strategys_right() {
        let outcome = |_| check::<Broken<{ fault::OVERLAPS_ARE_DETECTED }>>(&SETTING);
        assert!((0..20).map(outcome).any(|outcome| outcome.verdict == Verdict::Detected));
    }

    #[test]
    fn every_word_shows_a_tear_and_a_wrong_key() {
        let (old, new) = (value::<[u64; WORDS]>(3, 1, 7), value::<[u64; WORDS]>(3, 2, 7));
        assert_eq!(whole(3, &new), Ok(2 << 48 | 7));
        assert!(whole(4, &new).is_err());
        for nth in 0..WORDS {
            let mut torn = new;
            torn[nth] = old[nth];
            assert!(whole(3, &torn).is_err(), "word {nth}");
        }
        assert!(whole(3, &new[..8].to_vec()).is_err());
    }
}
