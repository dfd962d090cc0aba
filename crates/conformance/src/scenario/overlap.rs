//! Threads that read, write and iterate at once, on a map that may notice.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use foldhash::fast::FixedState;
use mapbench_api::{MapHandle, Operation, Strategy};
use serde::{Deserialize, Serialize};

use super::{Finding, lacks};
use crate::verify::meet::{Ended, meet};

/// What a thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Reads the keys in turn.
    Read,
    /// Inserts over the keys in turn.
    Insert,
    /// Reads and inserts by turns.
    ReadAndInsert,
    /// Iterates over the whole map, each time as one operation.
    Iterate,
    /// Iterates over the whole map once.
    IterateOnce,
}

impl Part {
    const fn needs(self) -> &'static [Operation] {
        match self {
            Part::Read => &[Operation::Read],
            Part::Insert => &[Operation::Insert],
            Part::ReadAndInsert => &[Operation::Read, Operation::Insert],
            Part::Iterate | Part::IterateOnce => &[Operation::ForEach],
        }
    }
}

/// Threads that begin together, on a fresh map a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlap {
    /// What each thread does.
    pub parts: Vec<Part>,
    /// Entries in the map, at least one; they are the keys that are read and written.
    pub population: u32,
    /// Operations of each thread; `None`: until something is detected.
    pub operations: Option<u32>,
    /// How long a run may take, in milliseconds.
    pub millis: u64,
    /// Runs.
    pub runs: u32,
    /// Of the hasher.
    pub seed: u64,
}

/// What the threads of a run share.
#[derive(Default)]
struct Shared {
    over: AtomicBool,
    operations: AtomicU64,
    detected_after_ns: AtomicU64,
}

/// Tells the others when its thread is ended.
struct Watch<'a> {
    shared: &'a Shared,
    began: Instant,
    done: u64,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.shared.operations.fetch_add(self.done, Ordering::Relaxed);
        if std::thread::panicking() {
            let after_ns = self.began.elapsed().as_nanos() as u64;
            // The first to notice: the other may run into the same overlap.
            let _ = self.shared.detected_after_ns.compare_exchange(
                0,
                after_ns.max(1),
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            self.shared.over.store(true, Ordering::Relaxed);
        }
    }
}

impl Overlap {
    pub(super) fn run<S: Strategy>(&self) -> Finding {
        let needed: Vec<Operation> = self.parts.iter().flat_map(|part| part.needs()).copied().collect();
        if let Some(reason) = lacks::<S>(&needed, self.parts.len()) {
            return Finding::NotApplicable(reason);
        }
        let (mut detected, mut operations) = (0, 0);
        let (mut after_ns, mut said) = (Vec::new(), String::new());
        for run in 0..self.runs {
            let shared = Shared::default();
            let found = self.once::<S>(u64::from(run), &shared);
            operations += shared.operations.into_inner();
            match found {
                None => {}
                Some(Ended::Detected(message)) => {
                    detected += 1;
                    after_ns.push(shared.detected_after_ns.into_inner());
                    if said.is_empty() {
                        message.clone_into(&mut said);
                    }
                }
                Some(Ended::Panicked(message)) => return Finding::Ended(message),
            }
        }
        Finding::Overlap { runs: self.runs, detected, operations, after_ns, message: said }
    }

    /// How the first thread ended that did not reach its end.
    fn once<S: Strategy>(&self, run: u64, shared: &Shared) -> Option<Ended> {
        let entries = (0..u64::from(self.population)).map(|key| (key, key));
        let hasher = FixedState::with_seed(self.seed.wrapping_add(run));
        let map: S::Map<u64, u64, FixedState> = S::build(self.population as usize, hasher, entries);
        let met = meet(&[map], self.parts.len(), |handle, place| {
            let mut watch = Watch { shared, began: Instant::now(), done: 0 };
            self.work(self.parts[place.thread], handle, &mut watch);
        });
        met.into_iter().flatten().find_map(Result::err)
    }

    fn work(&self, part: Part, handle: &mut impl MapHandle<u64, u64>, watch: &mut Watch) {
        let limit = if part == Part::IterateOnce { 1 } else { self.operations.map_or(u64::MAX, u64::from) };
        let longest = Duration::from_millis(self.millis);
        let keys = u64::from(self.population);
        while watch.done < limit {
            // Looking at the clock takes longer than a read.
            if watch.done.is_multiple_of(256) && watch.began.elapsed() >= longest {
                break;
            }
            if watch.shared.over.load(Ordering::Relaxed) {
                break;
            }
            let key = watch.done % keys;
            match part {
                Part::Read => _ = std::hint::black_box(handle.read(&key, |value| *value)),
                Part::ReadAndInsert if watch.done.is_multiple_of(2) => {
                    std::hint::black_box(handle.read(&key, |value| *value));
                }
                Part::Insert | Part::ReadAndInsert => _ = handle.insert(key, watch.done),
                Part::Iterate | Part::IterateOnce => {
                    let mut sum = 0_u64;
                    handle.for_each(|_, value| sum = sum.wrapping_add(*value));
                    std::hint::black_box(sum);
                }
            }
            watch.done += 1;
        }
        handle.quiesce();
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Finding, Scenario, run};
    use super::{Overlap, Part};
    use crate::verify::broken::{Broken, fault};

    fn overlap(parts: &[Part], operations: Option<u32>) -> Scenario {
        Scenario::Overlap(Overlap { parts: parts.to_vec(), population: 8, operations, millis: 5_000, runs: 3, seed: 1 })
    }

    type Detecting = Broken<{ fault::OVERLAPS_ARE_DETECTED }>;

    #[test]
    fn threads_that_go_on_until_they_overlap_do() {
        for other in [Part::Read, Part::Iterate] {
            let found = run::<Detecting>(&overlap(&[other, Part::Insert], None));
            let Finding::Overlap { runs: 3, detected: 3, after_ns, message, .. } = found else { panic!("{found:?}") };
            assert!(after_ns.len() == 3 && after_ns.iter().all(|ns| *ns > 0), "{after_ns:?}");
            assert!(message.contains("concurrent"), "{message}");
        }
    }

    #[test]
    fn nothing_is_detected_where_nothing_overlaps() {
        for parts in [&[Part::ReadAndInsert][..], &[Part::Read, Part::Iterate], &[Part::IterateOnce]] {
            let found = run::<Detecting>(&overlap(parts, Some(1_000)));
            let Finding::Overlap { detected: 0, operations, .. } = found else { panic!("{found:?}") };
            assert!(operations >= 3, "{operations}");
        }
    }

    #[test]
    fn every_operation_is_done_where_nobody_minds() {
        let found = run::<Broken<{ fault::NONE }>>(&overlap(&[Part::Read, Part::Insert], Some(1_000)));
        let Finding::Overlap { operations: 6_000, detected: 0, .. } = found else { panic!("{found:?}") };
    }
}
