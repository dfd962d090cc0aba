//! Threads count on keys that they share: at the end every increment must be there.

use std::thread;

use foldhash::fast::FixedState;
use mapbench_api::{Consistency, HashBuilder, MapHandle, Operation, Strategy};

use super::random::Random;
use super::shift::{has, not_applicable};
use super::trial::{Trial, Worker, run};
use super::{Outcome, Setting};

/// Operations that can count.
const COUNTING: [Operation; 3] = [Operation::Update, Operation::Upsert, Operation::CompareExchange];

pub(super) fn check<S: Strategy>(setting: &Setting) -> Outcome {
    hunt::<S, _>(setting, &FixedState::with_seed(setting.seed))
}

/// Counts with this hasher.
pub(super) fn hunt<S: Strategy, H: HashBuilder>(setting: &Setting, hasher: &H) -> Outcome {
    if COUNTING.into_iter().any(has::<S>) {
        run::<Count, S, H>(setting, hasher)
    } else {
        let reason = COUNTING.into_iter().find_map(|operation| S::INFO.lacks(operation));
        not_applicable(&format!("no update, upsert or compare_exchange: {}", reason.unwrap_or("it lacks them")))
    }
}

/// Bits of a value that count; the key is above them.
const COUNT_BITS: u32 = 40;

struct Count {
    keys: u64,
    /// Increments of each thread.
    turns: u64,
    /// A thread lets others go first inside the closure of one in so many increments.
    yields: u64,
    /// One of these is drawn for each increment.
    by: Vec<Operation>,
    /// Present at first; else all counting is by upsert.
    present: bool,
    consistency: Consistency,
}

/// What a thread knows of a key.
#[derive(Clone, Copy, Default)]
struct Key {
    /// Increments made.
    made: u64,
    /// The highest count seen by an operation that writes.
    written: u64,
    /// The highest count read.
    read: u64,
}

impl Trial for Count {
    type Done = Vec<Key>;

    fn draw<S: Strategy>(random: &mut Random) -> Self {
        let has: Vec<_> = COUNTING.into_iter().filter(|operation| has::<S>(*operation)).collect();
        let present = random.below(2) == 0 || !has.contains(&Operation::Upsert);
        let by = match (present, random.below(2)) {
            (false, _) => vec![Operation::Upsert],
            (true, 0) => has,
            (true, _) => vec![random.pick(&has)],
        };
        let keys = random.pick(&[1, 1, 2, 4, 16]);
        let (turns, yields) = random.pick(&[(1500, 0), (1500, 128), (300, 16), (50, 1)]);
        Self { keys, turns, yields, by, present, consistency: S::INFO.consistency }
    }

    fn entries(&self) -> impl Iterator<Item = (u64, u64)> {
        (0..self.keys).filter(|_| self.present).map(|key| (key, value(key, 0)))
    }

    fn work<M: MapHandle<u64, u64>>(&self, handle: &mut M, worker: &mut Worker) -> Result<Vec<Key>, String> {
        let mut known = vec![Key::default(); self.keys as usize];
        for turn in 1..=self.turns {
            let key = worker.random.below(self.keys);
            let operation = worker.random.pick(&self.by);
            let yields = worker.random.once_in(self.yields);
            self.increment(handle, operation, key, &mut known[key as usize], yields)?;
            if turn.is_multiple_of(4) {
                let key = worker.random.below(self.keys);
                let read = handle.read(&key, |value| *value);
                self.look(key, read, &mut known[key as usize])?;
            }
            if turn.is_multiple_of(32) {
                handle.quiesce();
            }
            if !worker.goes_on() {
                break;
            }
            worker.pause();
        }
        Ok(known)
    }

    fn judge<M: MapHandle<u64, u64>>(&self, handle: &mut M, done: &[Vec<Key>]) -> Result<(), String> {
        for key in 0..self.keys {
            let made: u64 = done.iter().map(|known| known[key as usize].made).sum();
            let expected = (self.present || made > 0).then(|| value(key, made));
            let found = handle.read(&key, |value| *value);
            if found != expected {
                let by: Vec<_> = self.by.iter().map(|operation| operation.name()).collect();
                let count = found.map_or("is absent".to_owned(), |found| format!("says {}", count(key, found)));
                return Err(format!("key {key} was counted up {made} times by {}, but {count}", by.join(" and ")));
            }
        }
        Ok(())
    }
}

impl Count {
    fn increment<M: MapHandle<u64, u64>>(
        &self,
        handle: &mut M,
        operation: Operation,
        key: u64,
        known: &mut Key,
        mut yields: bool,
    ) -> Result<(), String> {
        let mut saw = None;
        let mut up = |old: &u64| {
            saw = Some(*old);
            if std::mem::take(&mut yields) {
                thread::yield_now();
            }
            old + 1
        };
        match operation {
            Operation::Update => {
                if !handle.update(&key, up) {
                    return Err(format!("update says that key {key} is absent, which is never removed"));
                }
            }
            Operation::Upsert => {
                if handle.upsert(key, value(key, 1), &mut up) {
                    if self.present || known.made > 0 {
                        return Err(format!("upsert inserted key {key}, which was present and is never removed"));
                    }
                    saw = None;
                }
            }
            _ => {
                let mut expected = value(key, known.written);
                while let Err(found) = handle.compare_exchange(&key, &expected, expected + 1) {
                    let found =
                        found.ok_or_else(|| format!("compare_exchange found no key {key}, which is never removed"))?;
                    if found <= expected {
                        let (found, expected) = (count(key, found), count(key, expected));
                        return Err(format!(
                            "compare_exchange expected {expected} of key {key}, and found {found} instead"
                        ));
                    }
                    expected = found;
                }
                saw = Some(expected);
            }
        }
        let before = saw.map_or(0, |saw| saw.wrapping_sub(value(key, 0)));
        if before < known.written {
            return Err(format!(
                "{operation} saw {before} on key {key} after its thread had counted {}",
                known.written
            ));
        }
        known.made += 1;
        known.written = before + 1;
        Ok(())
    }

    /// What a read may see: a linearizable map nothing older than what the thread has written, a published one nothing
    /// older than what it has read.
    fn look(&self, key: u64, read: Option<u64>, known: &mut Key) -> Result<(), String> {
        let floor = match self.consistency {
            Consistency::Linearizable => known.read.max(known.written),
            Consistency::Published => known.read,
            Consistency::Eventual => 0,
        };
        match read {
            Some(found) if found >> COUNT_BITS != key => {
                Err(format!("a read of key {key} gave key {}'s value", found >> COUNT_BITS))
            }
            Some(found) => {
                let found = count(key, found);
                if found < floor {
                    return Err(format!("a thread that knew of {floor} on key {key} read {found}"));
                }
                known.read = known.read.max(found);
                Ok(())
            }
            None if floor > 0 => Err(format!("a thread that knew of {floor} on key {key} read that it is absent")),
            None => Ok(()),
        }
    }
}

const fn value(key: u64, count: u64) -> u64 {
    key << COUNT_BITS | count
}

/// The count in a value of this key.
const fn count(key: u64, found: u64) -> u64 {
    found.wrapping_sub(value(key, 0))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn a_count_that_is_not_the_sum_is_found() {
        let by = vec![Operation::Update];
        let trial = |present| Count {
            keys: 2,
            turns: 1,
            yields: 0,
            by: by.clone(),
            present,
            consistency: Consistency::Linearizable,
        };
        let made = |made| Key { made, ..Key::default() };
        let done = [vec![made(2), made(0)], vec![made(3), made(0)]];
        let mut map = HashMap::from([(0, value(0, 5)), (1, value(1, 0))]);
        assert_eq!(trial(true).judge(&mut map, &done), Ok(()));
        assert!(trial(false).judge(&mut map, &done).unwrap_err().contains("key 1 was counted up 0 times"));
        map.insert(0, value(0, 4));
        let lost = "key 0 was counted up 5 times by update, but says 4";
        assert_eq!(trial(true).judge(&mut map, &done), Err(lost.to_owned()));
        map.remove(&0);
        assert!(trial(true).judge(&mut map, &done).unwrap_err().ends_with("but is absent"));
    }
}
