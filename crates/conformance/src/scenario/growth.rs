//! Threads that insert new keys into a map that was empty: what growing costs the insert that has to do it.

use std::time::Instant;

use foldhash::fast::FixedState;
use mapbench_api::{ConcurrentMap, MapHandle, Operation, Strategy};
use serde::{Deserialize, Serialize};

use super::{Finding, lacks};
use crate::verify::meet::{Ended, meet};

/// Inserts between two calls of `quiesce`.
const BATCH: u64 = 256;

/// A map that grows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Growth {
    /// Threads that insert, each keys of its own.
    pub threads: usize,
    /// Entries in the end, over all threads; at least as many as threads.
    pub entries: u32,
    /// Of the hasher.
    pub seed: u64,
}

impl Growth {
    pub(super) fn run<S: Strategy>(&self) -> Finding {
        if let Some(reason) = lacks::<S>(&[Operation::Insert, Operation::Read], self.threads) {
            return Finding::NotApplicable(reason);
        }
        let hasher = FixedState::with_seed(self.seed);
        let map: S::Map<u64, u64, FixedState> = S::build(0, hasher, std::iter::empty());
        let maps = [map];
        let each = u64::from(self.entries) / self.threads as u64;
        let met = meet(&maps, self.threads, |handle, place| {
            let mut took = Vec::with_capacity(each as usize);
            for number in 0..each {
                let key = number * self.threads as u64 + place.thread as u64;
                let began = Instant::now();
                handle.insert(key, key);
                took.push(began.elapsed().as_nanos() as u64);
                if number % BATCH == BATCH - 1 {
                    handle.quiesce();
                }
            }
            handle.quiesce();
            took
        });
        let mut took = Vec::new();
        for result in met.into_iter().flatten() {
            match result {
                Ok(times) => took.extend(times),
                Err(Ended::Detected(message)) => return Finding::NotApplicable(format!("detected: {message}")),
                Err(Ended::Panicked(message)) => return Finding::Ended(message),
            }
        }
        let mut handle = maps[0].handle();
        if let Some(lost) = (0..took.len() as u64).find(|key| handle.read(key, |value| *value) != Some(*key)) {
            return Finding::Ended(format!("key {lost} is not there after it was inserted"));
        }
        took.sort_unstable();
        let tail_ns = took.get(took.len() - took.len().div_ceil(1_000)).copied().unwrap_or_default();
        Finding::Growth { inserts: took.len() as u64, tail_ns, longest_ns: took.last().copied().unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Finding, Scenario, run};
    use super::Growth;
    use crate::verify::broken::{Broken, fault};

    const GROWTH: Scenario = Scenario::Growth(Growth { threads: 2, entries: 10_000, seed: 1 });

    #[test]
    fn every_insert_is_timed_and_every_entry_is_there() {
        let found = run::<Broken<{ fault::NONE }>>(&GROWTH);
        let Finding::Growth { inserts: 10_000, tail_ns, longest_ns } = found else { panic!("{found:?}") };
        assert!(0 < tail_ns && tail_ns <= longest_ns, "{tail_ns} {longest_ns}");
    }

    #[test]
    fn a_map_that_drops_entries_as_it_grows_has_no_time() {
        let found = run::<Broken<{ fault::GROWTH_DROPS_A_KEY }>>(&GROWTH);
        let Finding::Ended(message) = found else { panic!("{found:?}") };
        assert!(message.contains("is not there after it was inserted"), "{message}");
    }
}
