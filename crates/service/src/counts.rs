//! What a service has done so far, for those who ask `GET /counts`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// One request in so many is timed within the map: a look at the clock takes as long as a read.
const TIMED: u64 = 16;

/// What a service has done since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Requests for a value that were answered with one, or set one.
    pub requests: u64,
    /// How many of them were timed within the map.
    pub timed: u64,
    /// How long these took there, in nanoseconds.
    pub timed_ns: u64,
    /// Processor time of the whole process, in nanoseconds.
    pub processor_ns: u64,
}

impl Counts {
    /// The share of the processor time between two looks that was spent in the map; `None` if nothing was timed.
    #[must_use]
    pub fn share_in_map(&self, before: &Self) -> Option<f64> {
        let timed = self.timed.checked_sub(before.timed).filter(|timed| *timed > 0)?;
        let requests = self.requests.checked_sub(before.requests)?;
        let processor = self.processor_ns.checked_sub(before.processor_ns).filter(|ns| *ns > 0)?;
        let in_map = (self.timed_ns - before.timed_ns) as f64 / timed as f64 * requests as f64;
        Some(in_map / processor as f64)
    }
}

/// The counts of all threads.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    requests: AtomicU64,
    timed: AtomicU64,
    timed_ns: AtomicU64,
}

impl Tally {
    /// Does the work of a request in the map, and counts it. `turn` numbers the thread's requests.
    pub(crate) fn count<R>(&self, turn: u64, work: impl FnOnce() -> R) -> R {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if !turn.is_multiple_of(TIMED) {
            return work();
        }
        let began = Instant::now();
        let result = work();
        self.timed_ns.fetch_add(began.elapsed().as_nanos() as u64, Ordering::Relaxed);
        self.timed.fetch_add(1, Ordering::Relaxed);
        result
    }

    pub(crate) fn counts(&self) -> Counts {
        let processor = clock_gettime(ClockId::ProcessCPUTime);
        Counts {
            requests: self.requests.load(Ordering::Relaxed),
            timed: self.timed.load(Ordering::Relaxed),
            timed_ns: self.timed_ns.load(Ordering::Relaxed),
            processor_ns: processor.tv_sec as u64 * 1_000_000_000 + processor.tv_nsec as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Counts, Tally};

    #[test]
    fn the_share_is_of_what_was_timed() {
        let before = Counts { requests: 100, timed: 10, timed_ns: 1_000, processor_ns: 50_000 };
        // 200 requests more, 20 of them timed with 500 ns each, in 1 ms.
        let after = Counts { requests: 300, timed: 30, timed_ns: 11_000, processor_ns: 1_050_000 };
        assert!((after.share_in_map(&before).unwrap() - 0.1).abs() < 1e-12);
        assert_eq!(before.share_in_map(&before), None);
        assert_eq!(before.share_in_map(&after), None);
    }

    #[test]
    fn one_request_in_sixteen_is_timed() {
        let tally = Tally::default();
        (0..64).for_each(|turn| tally.count(turn, || ()));
        let counts = tally.counts();
        assert_eq!((counts.requests, counts.timed), (64, 4));
    }
}
