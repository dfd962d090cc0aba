//! Keys and values that are counted: each must be dropped once, and not before the last look at it.
//!
//! A counted object is a number and nothing that could be freed, and the counts are beside it, in a table: an object that
//! is dropped twice is seen to be, and nothing worse happens. After the map and its handles are gone, a strategy that
//! declares deferred reclamation is given a time to finish, and another map of it is kept at work meanwhile, because some
//! collectors free only while somebody is active.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use foldhash::fast::FixedState;
use mapbench_api::{ConcurrentMap, MapHandle, Operation, Reclamation, Strategy};

use super::random::Random;
use super::shift::{self, Shift, Stopped, has, together};
use super::{Outcome, Setting, Verdict};

/// Few enough that copy-on-write maps do many writes.
const KEYS: u64 = 64;

/// Operations between two calls of `quiesce`.
const BATCH: u64 = 32;

/// How long deferred reclamation may take after the map is gone.
const PATIENCE: Duration = Duration::from_millis(500);

const CHUNK: usize = 1 << 16;
const CHUNKS: usize = 128;

/// How often each object was dropped, by its number.
struct Tally {
    born: AtomicU64,
    dropped: AtomicU64,
    twice: AtomicU64,
    /// Objects that were looked at after they were dropped.
    late: AtomicU64,
    drops: [OnceLock<Box<[AtomicU8]>>; CHUNKS],
}

impl Tally {
    /// Kept for ever: an object may be dropped at any time.
    fn new() -> &'static Self {
        Box::leak(Box::new(Self {
            born: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            twice: AtomicU64::new(0),
            late: AtomicU64::new(0),
            drops: [const { OnceLock::new() }; CHUNKS],
        }))
    }

    fn drops(&self, number: u64) -> Option<&AtomicU8> {
        let chunk = self.drops.get(number as usize / CHUNK)?;
        chunk.get_or_init(|| (0..CHUNK).map(|_| AtomicU8::new(0)).collect()).get(number as usize % CHUNK)
    }

    fn birth(&self) -> u64 {
        self.born.fetch_add(1, Relaxed)
    }

    fn death(&self, number: u64) {
        self.dropped.fetch_add(1, Relaxed);
        // Objects beyond the table are counted together only.
        if self.drops(number).is_some_and(|drops| drops.fetch_add(1, Relaxed) > 0) {
            self.twice.fetch_add(1, Relaxed);
        }
    }

    /// Time to stop: the table is all but used up.
    fn is_full(&self) -> bool {
        self.born.load(Relaxed) as usize > CHUNK * (CHUNKS - 8)
    }

    fn pending(&self) -> u64 {
        self.born.load(Relaxed).saturating_sub(self.dropped.load(Relaxed))
    }

    /// What no strategy may do.
    fn judge(&self) -> Result<(), String> {
        match (self.twice.load(Relaxed), self.late.load(Relaxed)) {
            (0, 0) => Ok(()),
            (0, late) => Err(format!("{late} reads saw an object that had been dropped")),
            (twice, _) => Err(format!("{twice} of {} objects were dropped twice", self.born.load(Relaxed))),
        }
    }
}

/// A key or a value.
#[derive(Debug)]
struct Counted {
    content: u64,
    number: u64,
    tally: &'static Tally,
}

impl std::fmt::Debug for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tally")
    }
}

impl Counted {
    fn new(content: u64, tally: &'static Tally) -> Self {
        Self { content, number: tally.birth(), tally }
    }

    fn look(&self) {
        if self.tally.drops(self.number).is_some_and(|drops| drops.load(Relaxed) > 0) {
            self.tally.late.fetch_add(1, Relaxed);
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.tally.death(self.number);
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self::new(self.content, self.tally)
    }
}

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        self.content == other.content
    }
}

impl Eq for Counted {}

impl Hash for Counted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.content.hash(state);
    }
}

impl PartialOrd for Counted {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Counted {
    fn cmp(&self, other: &Self) -> Ordering {
        self.content.cmp(&other.content)
    }
}

pub(super) fn check<S: Strategy>(setting: &Setting) -> Outcome {
    let tally = Tally::new();
    let (mut operations, mut maps, mut most, mut longest) = (0, 0, 0, Duration::ZERO);
    for (round, time) in shift::rounds(setting) {
        if tally.is_full() {
            break;
        }
        maps += 1;
        let threads = shift::size::<S>(setting);
        match run::<S>(tally, threads, round, setting.seed ^ round, time) {
            Ok(part) => operations += part,
            Err(stopped) => return stopped.outcome(operations, maps),
        }
        most = most.max(tally.pending());
        match settle::<S>(tally) {
            Ok(took) => longest = longest.max(took),
            Err(wrong) => return shift::outcome(Verdict::Violated, operations, maps, wrong),
        }
        if tally.pending() > 0 {
            break;
        }
    }
    let (born, pending) = (tally.born.load(Relaxed), tally.pending());
    let (verdict, detail) = match (S::INFO.reclamation, most, pending) {
        (_, 0, 0) => (Verdict::Verified, format!("{born} objects, all dropped once when the map was gone")),
        (Reclamation::Deferred, most, 0) => (
            Verdict::Verified,
            format!("{born} objects, all dropped once; up to {most} outlived the map, by {longest:.1?} at most"),
        ),
        (Reclamation::Deferred, ..) => (
            Verdict::Undecided,
            format!("{pending} of {born} objects were not dropped {PATIENCE:?} after the map was gone; none twice"),
        ),
        (reclamation, most, _) => (
            Verdict::Violated,
            format!("{most} of {born} objects were not dropped when the map was gone; reclamation is {reclamation}"),
        ),
    };
    shift::outcome(verdict, operations, maps, detail)
}

/// A map, its life and its end.
fn run<S: Strategy>(
    tally: &'static Tally,
    threads: usize,
    round: u64,
    seed: u64,
    time: Duration,
) -> Result<u64, Stopped> {
    // Every other map grows from nothing; of the first entries each key comes twice.
    let (capacity, first) = if round.is_multiple_of(2) { (KEYS as usize, 2 * KEYS) } else { (0, 0) };
    let entries = (0..first).map(|n| (Counted::new(n % KEYS, tally), Counted::new(n, tally)));
    let map = S::build(capacity, FixedState::with_seed(seed), entries);
    // A map that grows goes on growing for its whole life.
    let keys = if first == 0 { 64 * KEYS } else { KEYS };
    let parts = together(&map, threads, time, |handle, thread, shift| {
        churn::<S, _>(handle, shift, tally, keys, Random::new(seed, thread as u64))
    })?;
    drop(map);
    tally.judge().map_err(Stopped::Violation)?;
    Ok(parts.into_iter().sum())
}

fn churn<S: Strategy, M: MapHandle<Counted, Counted>>(
    handle: &mut M,
    shift: &Shift,
    tally: &'static Tally,
    keys: u64,
    mut random: Random,
) -> Result<u64, String> {
    let able: Vec<_> = Operation::ALL.into_iter().filter(|operation| has::<S>(*operation)).collect();
    let new = |content| Counted::new(content, tally);
    let mut done = 0;
    while shift.goes_on() && !tally.is_full() {
        for _ in 0..BATCH {
            let (key, content) = (new(random.below(keys)), random.next());
            let replace = |old: &Counted| {
                old.look();
                new(old.content.wrapping_add(1))
            };
            match random.pick(&able) {
                Operation::Read => {
                    handle.read(&key, Counted::look);
                }
                Operation::Insert => {
                    handle.insert(key, new(content));
                }
                Operation::InsertNew => {
                    handle.insert_new(key, new(content));
                }
                Operation::Remove => {
                    handle.remove(&key);
                }
                Operation::Update => {
                    handle.update(&key, replace);
                }
                Operation::Upsert => {
                    handle.upsert(key, new(content), replace);
                }
                Operation::CompareExchange => {
                    let expected = handle.read(&key, Counted::clone).unwrap_or_else(|| new(content));
                    if let Err(Some(found)) = handle.compare_exchange(&key, &expected, new(content)) {
                        found.look();
                    }
                }
                // A whole table: seldom.
                Operation::ForEach if random.once_in(16) => handle.for_each(|key, value| {
                    key.look();
                    value.look();
                }),
                Operation::ForEach | Operation::Len => continue,
            }
            done += 1;
        }
        handle.quiesce();
    }
    Ok(done)
}

/// Waits until nothing is pending or the patience is at its end; returns how long.
fn settle<S: Strategy>(tally: &Tally) -> Result<Duration, String> {
    let start = Instant::now();
    if S::INFO.reclamation == Reclamation::Deferred && tally.pending() > 0 {
        let other = S::build(4, FixedState::with_seed(0), (0..4_u64).map(|key| (key, key)));
        let mut handle = other.handle();
        while tally.pending() > 0 && start.elapsed() < PATIENCE {
            for key in (0..4).cycle().take(256) {
                handle.read(&key, |value| *value);
                if has::<S>(Operation::Insert) {
                    handle.insert(key, key);
                }
            }
            handle.quiesce();
        }
    }
    tally.judge()?;
    Ok(start.elapsed())
}

#[cfg(test)]
mod tests {
    use super::super::broken::{Broken, fault, find, found};
    use super::*;

    const SETTING: Setting = Setting { seed: 1, threads: 3, millis: 60 };

    #[test]
    fn nothing_is_found_in_a_sound_map() {
        for threads in [1, 3] {
            let outcome = check::<Broken<{ fault::NONE }>>(&Setting { threads, ..SETTING });
            assert_eq!(outcome.verdict, Verdict::Verified, "{}", outcome.detail);
            assert!(outcome.operations > 100);
        }
    }

    found! {
        a_leak: REMOVED_LEAKS says "were not dropped";
        a_second_drop: REMOVED_IS_DROPPED_TWICE says "dropped twice";
    }

    #[test]
    fn a_look_at_what_was_dropped_is_found() {
        let tally = Tally::new();
        let object = Counted::new(1, tally);
        object.look();
        assert_eq!(tally.judge(), Ok(()));
        tally.death(object.number);
        object.look();
        assert!(tally.judge().unwrap_err().contains("had been dropped"));
        drop(object);
        assert!(tally.judge().unwrap_err().contains("dropped twice"));
    }
}
