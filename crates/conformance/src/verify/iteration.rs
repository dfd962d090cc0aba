//! Iteration and `len`, which are weaker than the other operations and have a specification of their own:
//!
//! - A key that is there throughout is shown, and shown once; one that is away throughout is not shown.
//! - What is shown was in the map between the iteration's begin and its end; of a published map: at some time before, and
//!   no older than what the same thread was shown before; of an eventual map: at some time before.
//! - A key is shown twice only by a weakly consistent iteration, and only if it was removed and inserted meanwhile.
//! - An iteration that shows one state shows, of each writer, all its writes up to one of them.
//! - `len` lies between the number of keys that are there throughout and those that are there at some time; of a map that
//!   is not linearizable: between the keys that are never removed and all that ever were. While nobody writes it is exact.
//!   A map that is moving to a larger table may count what is on its way twice or not at all: there, only `len` at rest is
//!   judged.

use std::thread;
use std::time::Duration;

use foldhash::fast::FixedState;
use mapbench_api::{Consistency, Iteration, MapHandle, Operation, Strategy};

use super::ledger::{Ledger, value, version};
use super::random::Random;
use super::shift::{self, Shift, Stopped, has, together};
use super::{Outcome, Setting, Verdict};

/// Keys that are never removed; each has one writer, which replaces their values in turn.
const STABLE: u64 = 192;

/// Writes between two calls of `quiesce`.
const BATCH: u64 = 64;

/// What is done with the keys that are not stable.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passing {
    /// They come and go, in a map with room for all.
    Churn,
    /// They come, one after the other, into a map with room for none.
    Growth,
}

impl Passing {
    const fn keys(self) -> u64 {
        match self {
            Passing::Churn => 64,
            Passing::Growth => 4096,
        }
    }
}

#[derive(Default)]
struct Done {
    iterations: u64,
    /// Iterations during which a write began or returned.
    overlapped: u64,
    writes: u64,
}

pub(super) fn check<S: Strategy>(setting: &Setting) -> Outcome {
    if let Some(reason) = S::INFO.lacks(Operation::ForEach) {
        return shift::not_applicable(reason);
    }
    let mut done = Done::default();
    let mut maps = 0;
    for (round, time) in shift::rounds(setting) {
        let passing = if round % 2 == 0 { Passing::Churn } else { Passing::Growth };
        maps += 1;
        match Round::new::<S>(passing, setting).run::<S>(setting.seed ^ round, time) {
            Ok(more) => {
                done.iterations += more.iterations;
                done.overlapped += more.overlapped;
                done.writes += more.writes;
            }
            Err(stopped) => return stopped.outcome(done.iterations + done.writes, maps),
        }
    }
    let Done { iterations, overlapped, writes } = done;
    let detail = format!("{iterations} iterations and {writes} writes; {overlapped} iterations overlapped a write");
    shift::outcome(Verdict::Verified, iterations + writes, maps, detail)
}

/// One map's keys, threads and history.
struct Round {
    ledger: Ledger,
    passing: Passing,
    threads: usize,
    /// The last threads write; a thread that is alone does both.
    writers: usize,
}

impl Round {
    fn new<S: Strategy>(passing: Passing, setting: &Setting) -> Self {
        let threads = shift::size::<S>(setting);
        let writers = if has::<S>(Operation::Insert) { threads.div_ceil(2) } else { 0 };
        Self { ledger: Ledger::new(STABLE + passing.keys(), STABLE), passing, threads, writers }
    }

    fn run<S: Strategy>(&self, seed: u64, time: Duration) -> Result<Done, Stopped> {
        let capacity = if self.passing == Passing::Growth { 0 } else { self.ledger.keys() as usize };
        let entries = (0..STABLE).map(|key| (key, value(key, 1)));
        let map = S::build(capacity, FixedState::with_seed(seed), entries);
        let parts = together(&map, self.threads, time, |handle, thread, shift| {
            let writer = (thread + self.writers).checked_sub(self.threads).map(|nth| Writer::new(self, nth, seed));
            self.work::<S, _>(handle, shift, writer)
        })?;
        // Once more, when nobody writes.
        together(&map, 1, Duration::ZERO, |handle, _, _| Iterator::at_rest(self).step::<S, _>(handle))?;
        Ok(parts.into_iter().fold(Done::default(), |sum, part| Done {
            iterations: sum.iterations + part.iterations,
            overlapped: sum.overlapped + part.overlapped,
            writes: sum.writes + part.writes,
        }))
    }

    fn work<S: Strategy, M: MapHandle<u64, u64>>(
        &self,
        handle: &mut M,
        shift: &Shift,
        mut writer: Option<Writer<'_>>,
    ) -> Result<Done, String> {
        let mut iterator = (writer.is_none() || self.threads == 1)
            .then(|| Iterator::new(self, S::INFO.consistency, self.passing == Passing::Churn));
        let mut done = Done::default();
        while shift.goes_on() {
            if let Some(writer) = &mut writer {
                for _ in 0..BATCH / 2 {
                    done.writes += writer.step::<S, _>(handle)?;
                    if !shift.goes_on() {
                        break;
                    }
                }
                handle.quiesce();
                // A lock that is unfair would never come to those who iterate.
                thread::yield_now();
            }
            if let Some(iterator) = &mut iterator {
                done.overlapped += u64::from(iterator.step::<S, _>(handle)?);
                done.iterations += 1;
                handle.quiesce();
            }
        }
        Ok(done)
    }
}

/// A thread that writes: its stable keys in turn, so that any state of the map shows how far it has come.
struct Writer<'r> {
    round: &'r Round,
    nth: u64,
    stable: u64,
    passing: u64,
    random: Random,
}

impl<'r> Writer<'r> {
    fn new(round: &'r Round, nth: usize, seed: u64) -> Self {
        let nth = nth as u64;
        Self { round, nth, stable: nth, passing: nth, random: Random::new(seed, nth) }
    }

    /// Two writes: to the next stable key and to a passing one.
    fn step<S: Strategy, M: MapHandle<u64, u64>>(&mut self, handle: &mut M) -> Result<u64, String> {
        let writers = self.round.writers as u64;
        self.replace::<S, _>(handle, self.stable)?;
        self.stable = if self.stable + writers < STABLE { self.stable + writers } else { self.nth };
        let passing = self.round.passing.keys();
        match self.round.passing {
            Passing::Churn => {
                let key = self.random.below(passing / writers) * writers + self.nth;
                self.toggle::<S, _>(handle, STABLE + key)?;
            }
            Passing::Growth if self.passing < passing => {
                self.toggle::<S, _>(handle, STABLE + self.passing)?;
                self.passing += writers;
            }
            Passing::Growth => return Ok(1),
        }
        Ok(2)
    }

    fn replace<S: Strategy, M: MapHandle<u64, u64>>(&self, handle: &mut M, key: u64) -> Result<(), String> {
        let ledger = &self.round.ledger;
        let next = ledger.current(key) + 2;
        let was_there = ledger.write(key, next, || match next % 4 {
            1 if has::<S>(Operation::Update) => handle.update(&key, |_| value(key, next)),
            _ => !handle.insert(key, value(key, next)),
        });
        if was_there {
            Ok(())
        } else {
            Err(format!("a write of key {key} found it missing; it was there all the time"))
        }
    }

    fn toggle<S: Strategy, M: MapHandle<u64, u64>>(&self, handle: &mut M, key: u64) -> Result<(), String> {
        let ledger = &self.round.ledger;
        let current = ledger.current(key);
        let right = match current % 2 {
            0 => ledger.write(key, current + 1, || handle.insert(key, value(key, current + 1))),
            _ if has::<S>(Operation::Remove) => ledger.write(key, current + 1, || handle.remove(&key)),
            _ => true,
        };
        let found = if current % 2 == 1 { "missing" } else { "present" };
        if right { Ok(()) } else { Err(format!("its only writer found key {key} {found}")) }
    }
}

/// A thread that iterates.
struct Iterator<'r> {
    round: &'r Round,
    consistency: Consistency,
    judges_len: bool,
    /// The oldest version of each key that may be shown.
    floors: Vec<u64>,
    ceilings: Vec<u64>,
    steps: u64,
    /// Sums of the ceilings, which tell whether somebody wrote.
    writes: [u64; 2],
    shown: Vec<(u64, u64)>,
    /// The version that was shown of each key; 0: none.
    seen: Vec<u64>,
}

impl<'r> Iterator<'r> {
    fn new(round: &'r Round, consistency: Consistency, judges_len: bool) -> Self {
        let none = || vec![0; round.ledger.keys() as usize];
        Self {
            round,
            consistency,
            judges_len,
            floors: none(),
            ceilings: none(),
            steps: 0,
            writes: [0; 2],
            shown: Vec::new(),
            seen: none(),
        }
    }

    /// Of a map that nobody writes.
    fn at_rest(round: &'r Round) -> Self {
        Self::new(round, Consistency::Linearizable, true)
    }

    /// An iteration and a `len`; true: somebody wrote during the iteration.
    fn step<S: Strategy, M: MapHandle<u64, u64>>(&mut self, handle: &mut M) -> Result<bool, String> {
        self.begin();
        self.shown.clear();
        self.steps += 1;
        let pause = if self.steps.is_multiple_of(4) { (self.steps * 7 % STABLE) as usize } else { usize::MAX };
        handle.for_each(|key, value| {
            // Others get the chance to write, even where threads outnumber cores.
            if self.shown.len() == pause {
                thread::yield_now();
            }
            self.shown.push((*key, *value));
        });
        self.end();
        self.seen.fill(0);
        for entry in 0..self.shown.len() {
            self.judge(self.shown[entry], S::INFO.iteration)?;
        }
        self.judge_missing()?;
        if S::INFO.iteration != Iteration::WeaklyConsistent {
            self.judge_state()?;
        }
        let overlapped = self.writes[0] != self.writes[1];
        if self.consistency == Consistency::Published {
            self.remember();
        }
        if self.judges_len && has::<S>(Operation::Len) {
            self.begin();
            let len = handle.len() as u64;
            self.end();
            self.judge_len(len)?;
        }
        Ok(overlapped)
    }

    fn begin(&mut self) {
        self.writes[0] = (0..self.round.ledger.keys()).map(|key| self.round.ledger.ceiling(key)).sum();
        if self.consistency == Consistency::Linearizable {
            self.floors.clear();
            self.floors.extend((0..self.round.ledger.keys()).map(|key| self.round.ledger.floor(key)));
        }
    }

    fn end(&mut self) {
        self.ceilings.clear();
        self.ceilings.extend((0..self.round.ledger.keys()).map(|key| self.round.ledger.ceiling(key)));
        self.writes[1] = self.ceilings.iter().sum();
    }

    fn judge(&mut self, (key, value): (u64, u64), iteration: Iteration) -> Result<(), String> {
        let (Some(&floor), Some(&ceiling)) = (self.floors.get(key as usize), self.ceilings.get(key as usize)) else {
            return Err(format!("iteration shows key {key}, which was never inserted"));
        };
        Ledger::judge(key, Some(value), floor, ceiling, key < STABLE).map_err(|wrong| format!("iteration: {wrong}"))?;
        let before = std::mem::replace(&mut self.seen[key as usize], version(value));
        // A value a reinsertion away from the first may be at another place of the table.
        let reinserted = iteration == Iteration::WeaklyConsistent && key >= STABLE && before != version(value);
        if before != 0 && !reinserted {
            return Err(format!("iteration shows key {key} twice: version {before}, then {}", version(value)));
        }
        Ok(())
    }

    fn judge_missing(&self) -> Result<(), String> {
        let missing = (0..self.round.ledger.keys()).filter(|key| self.seen[*key as usize] == 0);
        for key in missing {
            let (floor, ceiling) = (self.floors[key as usize], self.ceilings[key as usize]);
            Ledger::judge(key, None, floor, ceiling, key < STABLE).map_err(|wrong| format!("iteration: {wrong}"))?;
        }
        Ok(())
    }

    /// In any one state, a writer's stable keys are a write further up to some key than from there on.
    fn judge_state(&self) -> Result<(), String> {
        for writer in 0..self.round.writers {
            let mine = || (writer..STABLE as usize).step_by(self.round.writers);
            let ahead = mine().zip(mine().skip(1)).find(|(one, next)| self.seen[*one] < self.seen[*next]);
            let (first, last) = (writer, mine().next_back().unwrap_or(writer));
            let far = (self.seen[first] > self.seen[last] + 2).then_some((last, first));
            if let Some((one, other)) = ahead.or(far) {
                let (before, after) = (self.seen[one], self.seen[other]);
                return Err(format!(
                    "iteration shows no single state: key {one} with version {before} beside key {other} with version {after}"
                ));
            }
        }
        Ok(())
    }

    /// A published map never goes back.
    fn remember(&mut self) {
        self.floors[..STABLE as usize].copy_from_slice(&self.seen[..STABLE as usize]);
    }

    fn judge_len(&self, len: u64) -> Result<(), String> {
        let (least, most) = if self.consistency == Consistency::Linearizable {
            let spans = || self.floors.iter().zip(&self.ceilings);
            let always = spans().take(STABLE as usize).count()
                + spans().skip(STABLE as usize).filter(|(a, b)| a == b && *a % 2 == 1).count();
            let sometime = spans().filter(|(a, b)| a != b || *a % 2 == 1).count();
            (always as u64, sometime as u64)
        } else {
            (STABLE, self.ceilings.iter().filter(|version| **version > 0).count() as u64)
        };
        if (least..=most).contains(&len) {
            return Ok(());
        }
        Err(format!("len says {len}; at least {least} and at most {most} keys were there meanwhile"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::broken::{Broken, fault, find, found};
    use super::*;

    const SETTING: Setting = Setting { seed: 1, threads: 3, millis: 100 };

    #[test]
    fn nothing_is_found_in_a_sound_map() {
        let outcome = check::<Broken<{ fault::NONE }>>(&SETTING);
        assert_eq!(outcome.verdict, Verdict::Verified, "{}", outcome.detail);
        assert!(outcome.operations > 0);
        let outcome = check::<Broken<{ fault::NONE_PUBLISHED }>>(&Setting { threads: 2, ..SETTING });
        assert_eq!(outcome.verdict, Verdict::Verified, "{}", outcome.detail);
        let outcome = check::<Broken<{ fault::NONE }>>(&Setting { threads: 1, ..SETTING });
        assert_eq!(outcome.verdict, Verdict::Verified, "{}", outcome.detail);
    }

    found! {
        an_entry_that_is_skipped: ITERATION_SKIPS says "is missing";
        an_entry_that_is_repeated: ITERATION_REPEATS says "twice";
        an_entry_that_was_removed: ITERATION_SHOWS_REMOVED says "after its removal" | "twice";
        two_states: ITERATION_OF_TWO_STATES says "no single state" | "is missing" | "after the write";
        a_len_that_is_off: LEN_IS_OFF says "len says";
        a_published_map_that_goes_back: READS_GO_BACK says "after the write";
    }
}
