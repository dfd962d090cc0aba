//! When a simulation begins to count, and when it ends: by what was counted alone, so that it is the same every time.

use mapbench_contention::Counts;

/// Operations between two looks at the counts.
const GLANCE: u64 = 8;

/// Lines after which a chunk of operations ends however few they are: an operation may copy the whole map.
const MOST_LINES: u64 = 2_000_000;

/// Chunks of the warm-up, at most.
const MOST_CHUNKS: u32 = 12;

/// Transfers an operation are steady when they differ from those of the chunk before by less than this share of them ...
const SHARE: f64 = 0.05;

/// ... or by less than this.
const LITTLE: f64 = 0.01;

/// What begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// What was counted so far is to be forgotten.
    Count,
    /// The simulation is over.
    Over,
}

/// Follows the counts.
pub(super) struct Conductor {
    /// Operations to count.
    wanted: u64,
    /// Operations of a chunk of the warm-up.
    chunk: u64,
    looks: u64,
    /// The counts at the chunk's begin.
    begin: Counts,
    rate: Option<f64>,
    chunks: u32,
    steady: bool,
    counting: bool,
    over: bool,
}

impl Conductor {
    /// Counts `wanted` operations, after a warm-up in chunks of `chunk`, in which each of the cores has its turns.
    pub(super) fn new(wanted: u64, chunk: u64, cores: usize) -> Self {
        Self {
            wanted,
            chunk: chunk.max(16 * cores as u64),
            looks: 0,
            begin: Counts::default(),
            rate: None,
            chunks: 0,
            steady: false,
            counting: false,
            over: false,
        }
    }

    /// An operation has ended. `totals` is asked for now and then.
    pub(super) fn look(&mut self, totals: impl FnOnce() -> Counts) -> Option<Phase> {
        self.looks += 1;
        if self.over || !self.looks.is_multiple_of(GLANCE) {
            return None;
        }
        let totals = totals();
        let operations = totals.operations - self.begin.operations;
        let much = totals.lines - self.begin.lines >= MOST_LINES;
        if self.counting {
            self.over = operations >= self.wanted || much && totals.lines >= 2 * MOST_LINES;
            return self.over.then_some(Phase::Over);
        }
        if operations < self.chunk && !much {
            return None;
        }
        let rate = (totals.transfers() - self.begin.transfers()) as f64 / operations as f64;
        self.steady = self.rate.is_some_and(|before| (rate - before).abs() <= LITTLE.max(SHARE * before));
        self.rate = Some(rate);
        self.begin = totals;
        self.chunks += 1;
        if self.steady || self.chunks == MOST_CHUNKS {
            self.counting = true;
            self.begin = Counts::default();
            return Some(Phase::Count);
        }
        None
    }

    /// Whether transfers were steady when counting began.
    pub(super) const fn steady(&self) -> bool {
        self.steady
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a conductor over operations of so many transfers each; the operation at which it began to count, and the last.
    fn conduct(wanted: u64, transfers: impl Fn(u64) -> u64, lines: u64) -> (Conductor, u64, u64) {
        let mut conductor = Conductor::new(wanted, 2_048, 4);
        let (mut counts, mut began) = (Counts::default(), 0);
        for operation in 1.. {
            counts.operations += 1;
            counts.invalidating_writes += transfers(operation);
            counts.lines += lines;
            match conductor.look(|| counts) {
                Some(Phase::Count) => {
                    began = operation;
                    counts = Counts::default();
                }
                Some(Phase::Over) => return (conductor, began, operation),
                None => {}
            }
        }
        unreachable!("it ends")
    }

    #[test]
    fn a_steady_rate_is_counted_after_two_chunks() {
        let (conductor, began, last) = conduct(1_000, |_| 1, 1);
        assert_eq!((conductor.steady(), began, last - began), (true, 4_096, 1_000));
    }

    #[test]
    fn a_falling_rate_is_waited_for() {
        let (conductor, began, _) = conduct(1_000, |operation| 100 - (operation / 100).min(100), 1);
        assert!(conductor.steady() && began > 10_000, "{began}");
        let (conductor, began, _) = conduct(1_000, |operation| operation * operation, 1);
        assert_eq!((conductor.steady(), began), (false, 2_048 * u64::from(MOST_CHUNKS)));
    }

    #[test]
    fn operations_that_touch_everything_are_few() {
        let (_, _, last) = conduct(8_192, |_| 1, 100_000);
        assert!(last <= 12 * GLANCE, "{last}");
    }
}
