//! How long a write stays unseen, and what a thread may rely on.
//!
//! - In a linearizable map, a read that begins after a write has returned shows that write or a later one: staleness is
//!   zero by definition, and exactly that is checked.
//! - In a published map this holds of what was published before the read began. How long the other writes stay unseen is
//!   measured: from a write's return to the return of the first read that shows it or a later one, by a reader that does
//!   nothing but look, in microseconds and in publishes begun meanwhile. The time between two looks counts as unseen.
//! - In both, a thread reads its own writes (published: after `quiesce`), and never reads an older version of a key than
//!   it has read before.
//! - An eventual map is only measured; but when nobody writes any more it shows every last write.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use foldhash::fast::FixedState;
use mapbench_api::{Consistency, MapHandle, Operation, Strategy};

use super::ledger::{Ledger, value, version};
use super::random::Random;
use super::shift::{self, Shift, Stopped, has, together};
use super::{Outcome, Setting, THREADS, Verdict};

const KEYS: u64 = 16;

// Each writer has a key of its own.
const _: () = assert!(THREADS.end().div_ceil(2) as u64 <= KEYS);

/// Writes between two calls of `quiesce`: as many as the engine lets pass where staleness is measured, and few where it is
/// only checked that what is published is seen.
const BATCHES: [u64; 2] = [1024, 16];

/// Writes of a key whose time is remembered: more than stay unseen unless the reader sleeps.
const REMEMBERED: u64 = 1 << 13;

pub(super) fn check<S: Strategy>(setting: &Setting) -> Outcome {
    if let Some(reason) = S::INFO.lacks(Operation::Insert) {
        return shift::not_applicable(reason);
    }
    let (mut done, mut maps) = (Done::default(), 0);
    for (round, time) in shift::rounds(setting) {
        maps += 1;
        match Round::new::<S>(setting, BATCHES[round as usize % 2]).run::<S>(setting.seed ^ round, time) {
            Ok(more) => done.add(more),
            Err(stopped) => return stopped.outcome(done.reads + done.writes, maps),
        }
    }
    let detail = done.told(S::INFO.consistency);
    shift::outcome(Verdict::Verified, done.reads + done.writes, maps, detail)
}

#[derive(Default)]
struct Done {
    reads: u64,
    writes: u64,
    /// Reads of an eventual map that found a present key missing, or an older version than before.
    missing: u64,
    back: u64,
    /// How long writes stayed unseen: nanoseconds and publishes.
    unseen: Vec<(u64, u64)>,
}

impl Done {
    fn add(&mut self, more: Done) {
        self.reads += more.reads;
        self.writes += more.writes;
        self.missing += more.missing;
        self.back += more.back;
        self.unseen.extend(more.unseen);
    }

    fn told(&mut self, consistency: Consistency) -> String {
        let Done { reads, writes, missing, back, .. } = *self;
        let (times, publishes): (Vec<u64>, Vec<u64>) = std::mem::take(&mut self.unseen).into_iter().unzip();
        match (consistency, quantiles(times), quantiles(publishes)) {
            (Consistency::Linearizable, ..) => {
                format!("0: {reads} reads saw all of {writes} writes that had returned before them")
            }
            (_, Some(times), Some(publishes)) => {
                let [p50, p99, max] = times.map(|time| time as f64 / 1e3);
                let time = format!("a write stays unseen for p50 {p50:.1}, p99 {p99:.1}, max {max:.1} us");
                match consistency {
                    Consistency::Published => {
                        let [p50, p99, max] = publishes;
                        format!(
                            "{time}; p50 {p50}, p99 {p99}, max {max} publishes, one every {} writes of a thread; \
                             {reads} reads, {writes} writes",
                            BATCHES[0]
                        )
                    }
                    _ => format!(
                        "{time}; of {reads} reads {missing} missed a key that was there and {back} went back; {writes} writes"
                    ),
                }
            }
            _ => format!("no read met a write that was unseen before; {reads} reads, {writes} writes"),
        }
    }
}

/// Median, 99th percentile and maximum.
fn quantiles(mut samples: Vec<u64>) -> Option<[u64; 3]> {
    samples.sort_unstable();
    let at = |share: usize| samples.get((samples.len() * share).div_ceil(100).saturating_sub(1)).copied();
    Some([at(50)?, at(99)?, *samples.last()?])
}

/// One map, its threads and its history.
struct Round {
    batch: u64,
    start: Instant,
    ledger: Ledger,
    threads: usize,
    /// The last threads write; a thread that is alone does both.
    writers: usize,
    published: Vec<Published>,
    /// How many publishes have begun.
    publishes: AtomicU64,
    /// The last writes of each key, if their staleness is measured.
    returned: Vec<Returned>,
}

/// A write that has returned.
#[derive(Default)]
struct Returned {
    version: AtomicU64,
    nanos: AtomicU64,
    /// How many publishes had begun.
    publishes: AtomicU64,
}

/// The last version of a key that was published.
#[repr(align(128))]
struct Published(AtomicU64);

impl Round {
    fn new<S: Strategy>(setting: &Setting, batch: u64) -> Self {
        let threads = shift::size::<S>(setting);
        let measured = S::INFO.consistency != Consistency::Linearizable && batch == BATCHES[0];
        let remembered = if measured { KEYS * REMEMBERED } else { 0 };
        Self {
            batch,
            start: Instant::now(),
            ledger: Ledger::new(KEYS, KEYS),
            threads,
            writers: threads.div_ceil(2),
            published: (0..KEYS).map(|_| Published(AtomicU64::new(1))).collect(),
            publishes: AtomicU64::new(0),
            returned: (0..remembered).map(|_| Returned::default()).collect(),
        }
    }

    fn run<S: Strategy>(&self, seed: u64, time: Duration) -> Result<Done, Stopped> {
        let entries = (0..KEYS).map(|key| (key, value(key, 1)));
        let map = S::build(KEYS as usize, FixedState::with_seed(seed), entries);
        let parts = together(&map, self.threads, time, |handle, thread, shift| {
            let random = Random::new(seed, thread as u64);
            match (thread + self.writers).checked_sub(self.threads) {
                Some(nth) => self.write::<S, _>(handle, shift, nth as u64, random),
                None => Reader::new(self).work::<S, _>(handle, shift),
            }
        })?;
        // Once more, when nobody writes: no strategy may keep a write to itself for ever.
        together(&map, 1, Duration::ZERO, |handle, _, _| {
            (0..KEYS).try_for_each(|key| {
                let last = self.ledger.ceiling(key);
                let found = handle.read(&key, |value| *value);
                Ledger::judge(key, found, last, last, false)
            })
        })?;
        let mut done = Done::default();
        parts.into_iter().for_each(|part| done.add(part));
        Ok(done)
    }

    /// Writes the keys of one writer, and reads each back.
    fn write<S: Strategy, M: MapHandle<u64, u64>>(
        &self,
        handle: &mut M,
        shift: &Shift,
        nth: u64,
        mut random: Random,
    ) -> Result<Done, String> {
        let writers = self.writers as u64;
        let keys = (KEYS - nth).div_ceil(writers);
        let mut done = Done::default();
        while shift.goes_on() {
            for turn in 1..=self.batch {
                let key = random.below(keys) * writers + nth;
                self.write_once::<S, _>(handle, key, &mut random)?;
                done.writes += 1;
                if S::INFO.consistency == Consistency::Linearizable {
                    self.read_back(handle, key)?;
                    done.reads += 1;
                }
                // A copy-on-write map is slow.
                if turn % 32 == 0 && !shift.goes_on() {
                    break;
                }
            }
            self.publishes.fetch_add(1, Ordering::Relaxed);
            handle.quiesce();
            for key in (nth..KEYS).step_by(self.writers) {
                self.published[key as usize].0.store(self.ledger.current(key), Ordering::Release);
                if S::INFO.consistency != Consistency::Eventual {
                    self.read_back(handle, key)?;
                    done.reads += 1;
                }
            }
            thread::yield_now();
        }
        Ok(done)
    }

    fn write_once<S: Strategy, M: MapHandle<u64, u64>>(
        &self,
        handle: &mut M,
        key: u64,
        random: &mut Random,
    ) -> Result<(), String> {
        let current = self.ledger.current(key);
        let there = current % 2 == 1;
        // Most writes replace, so that there is something to see; in an eventual map all do, since a key that is away
        // cannot be told from one that is hidden.
        let removes = S::INFO.consistency != Consistency::Eventual && has::<S>(Operation::Remove);
        let next = if there && !(removes && random.once_in(8)) { current + 2 } else { current + 1 };
        let right = self.ledger.write(key, next, || match (there, next % 2) {
            (true, 1) if has::<S>(Operation::Update) && random.once_in(2) => handle.update(&key, |_| value(key, next)),
            (_, 1) => handle.insert(key, value(key, next)) != there,
            _ => handle.remove(&key),
        });
        if let Some(returned) = self.returned(key, next) {
            returned.nanos.store(self.start.elapsed().as_nanos() as u64, Ordering::Relaxed);
            returned.publishes.store(self.publishes.load(Ordering::Relaxed), Ordering::Relaxed);
            returned.version.store(next, Ordering::Release);
        }
        let found = if there { "missing" } else { "present" };
        if right { Ok(()) } else { Err(format!("its only writer found key {key} {found}")) }
    }

    fn returned(&self, key: u64, version: u64) -> Option<&Returned> {
        self.returned.get((key * REMEMBERED + version % REMEMBERED) as usize)
    }

    fn read_back<M: MapHandle<u64, u64>>(&self, handle: &mut M, key: u64) -> Result<(), String> {
        let last = self.ledger.current(key);
        let found = handle.read(&key, |value| *value);
        Ledger::judge(key, found, last, last, false).map_err(|wrong| format!("read by its writer, {wrong}"))
    }
}

/// A thread that does nothing but look.
struct Reader<'r> {
    round: &'r Round,
    done: Done,
    /// The newest version seen of each key.
    seen: [u64; KEYS as usize],
}

impl<'r> Reader<'r> {
    fn new(round: &'r Round) -> Self {
        Self { round, done: Done::default(), seen: [1; KEYS as usize] }
    }

    fn work<S: Strategy, M: MapHandle<u64, u64>>(mut self, handle: &mut M, shift: &Shift) -> Result<Done, String> {
        while shift.goes_on() {
            for key in (0..KEYS).cycle().take(4 * KEYS as usize) {
                match S::INFO.consistency {
                    Consistency::Linearizable => self.certain(handle, key, self.round.ledger.floor(key))?,
                    Consistency::Published => {
                        let floor = self.round.published[key as usize].0.load(Ordering::Acquire);
                        self.certain(handle, key, floor)?;
                    }
                    Consistency::Eventual => self.eventual(handle, key)?,
                }
                self.done.reads += 1;
            }
            handle.quiesce();
        }
        Ok(self.done)
    }

    /// A read that must show the version `floor` or a later one, and what this thread has seen or later.
    fn certain<M: MapHandle<u64, u64>>(&mut self, handle: &mut M, key: u64, floor: u64) -> Result<(), String> {
        let seen = self.seen[key as usize];
        let found = handle.read(&key, |value| *value);
        let ceiling = self.round.ledger.ceiling(key);
        Ledger::judge(key, found, floor, ceiling, false)?;
        match found.map(version) {
            Some(version) if version < seen => {
                Err(format!("key {key} goes back: version {version} after version {seen}"))
            }
            Some(version) => {
                self.note(key, version);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// A read of a key that is there, which may be hidden, and may be old.
    fn eventual<M: MapHandle<u64, u64>>(&mut self, handle: &mut M, key: u64) -> Result<(), String> {
        let found = handle.read(&key, |value| *value);
        let ceiling = self.round.ledger.ceiling(key);
        Ledger::judge(key, found, 0, ceiling, false)?;
        match found.map(version) {
            None => self.done.missing += 1,
            Some(version) if version < self.seen[key as usize] => self.done.back += 1,
            Some(version) => self.note(key, version),
        }
        Ok(())
    }

    /// A version is seen, and with it all before it.
    fn note(&mut self, key: u64, version: u64) {
        let before = std::mem::replace(&mut self.seen[key as usize], version);
        if before == version || self.round.returned.is_empty() {
            return;
        }
        let now = self.round.start.elapsed().as_nanos() as u64;
        let publishes = self.round.publishes.load(Ordering::Relaxed);
        for unseen in (before + 1..=version).rev().take(REMEMBERED as usize / 2) {
            let Some(write) = self.round.returned(key, unseen) else { continue };
            if write.version.load(Ordering::Acquire) == unseen {
                let nanos = now.saturating_sub(write.nanos.load(Ordering::Relaxed));
                let publishes = publishes.saturating_sub(write.publishes.load(Ordering::Relaxed));
                self.done.unseen.push((nanos, publishes));
            } else if unseen == version {
                // Seen before it returned.
                self.done.unseen.push((0, 0));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use mapbench_api::ConcurrentMap;

    use super::super::broken::{Broken, fault, find, found};
    use super::*;

    const SETTING: Setting = Setting { seed: 1, threads: 3, millis: 100 };

    #[test]
    fn staleness_is_zero_in_a_sound_map() {
        for threads in [1, 3] {
            let outcome = check::<Broken<{ fault::NONE }>>(&Setting { threads, ..SETTING });
            assert_eq!(outcome.verdict, Verdict::Verified, "{}", outcome.detail);
            assert!(outcome.detail.starts_with("0: "), "{}", outcome.detail);
        }
    }

    #[test]
    fn staleness_is_measured_in_a_published_map() {
        let measured = |_| {
            let outcome = check::<Broken<{ fault::NONE_PUBLISHED }>>(&SETTING);
            assert_eq!(outcome.verdict, Verdict::Verified, "{}", outcome.detail);
            outcome.detail.starts_with("a write stays unseen for p50 ")
        };
        assert!((0..20).any(measured), "readers and writers never met");
        let alone = check::<Broken<{ fault::NONE_PUBLISHED }>>(&Setting { threads: 1, ..SETTING });
        assert!(alone.detail.starts_with("no read met a write"), "{}", alone.detail);
    }

    found! {
        a_read_that_is_stale: READS_ARE_STALE says "had returned" | "missing";
        a_publish_that_is_forgotten: PUBLISH_IS_FORGOTTEN says "had returned" | "missing";
        a_read_that_goes_back: READS_GO_BACK says "goes back" | "had returned" | "missing";
    }

    #[test]
    fn a_reader_wants_what_is_certain_and_never_less_than_before() {
        type Map = Broken<{ fault::NONE }>;
        let map = Map::build(1, FixedState::with_seed(0), [(3, value(3, 3))].into_iter());
        let (round, mut handle) = (Round::new::<Map>(&SETTING, 1), map.handle());
        for version in [3, 5] {
            round.ledger.write(3, version, || ());
        }
        let mut reader = Reader::new(&round);
        assert_eq!(reader.certain(&mut handle, 3, 1), Ok(()));
        assert!(reader.certain(&mut handle, 3, 5).unwrap_err().contains("after the write of version 5 had returned"));
        handle.insert(3, value(3, 1));
        assert!(reader.certain(&mut handle, 3, 1).unwrap_err().contains("goes back"));
        handle.insert(3, value(3, 7));
        assert!(reader.certain(&mut handle, 3, 1).unwrap_err().contains("never written"));
    }

    #[test]
    fn an_unseen_write_has_the_time_between_its_return_and_the_look() {
        type Map = Broken<{ fault::NONE_PUBLISHED }>;
        let round = Round::new::<Map>(&SETTING, BATCHES[0]);
        let write = |version: u64, nanos: u64| {
            let returned = round.returned(3, version).unwrap();
            returned.version.store(version, Ordering::Relaxed);
            returned.nanos.store(nanos, Ordering::Relaxed);
        };
        write(3, 10);
        write(4, u64::MAX);
        round.publishes.store(2, Ordering::Relaxed);
        let mut reader = Reader::new(&round);
        reader.note(3, 5);
        let unseen = std::mem::take(&mut reader.done.unseen);
        // Version 5 had not returned, 4 had just done so, 3 had for a while, and nothing was version 2.
        assert_eq!((unseen.len(), unseen[0], unseen[1]), (3, (0, 0), (0, 2)));
        assert!(unseen[2].0 > 0 && unseen[2].1 == 2);
        reader.note(3, 5);
        assert!(reader.done.unseen.is_empty(), "a version is seen once");
    }

    #[test]
    fn quantiles_of_known_samples() {
        assert_eq!(quantiles(vec![]), None);
        assert_eq!(quantiles(vec![7]), Some([7, 7, 7]));
        assert_eq!(quantiles((1..=200).rev().collect()), Some([100, 198, 200]));
    }
}
