//! The keys that there are, and how they divide among purposes and threads.

use serde::{Deserialize, Serialize};

use crate::percent::Percent;

/// The keys that operations draw from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Space {
    /// One range of so many keys for all operations. At the start every n-th key is present; what inserts and removes make
    /// of it decides how often reads hit.
    Range(u32),
    /// Three sets, so that a read's chance to hit is fixed, whatever the threads and whatever the writes have done: keys
    /// that stay present, keys that are inserted and removed and never read, and keys that are never present. Reads draw
    /// from the first with the probability `hit_pct`, else from the last.
    Sets {
        /// The share of reads that find their key.
        hit_pct: Percent,
    },
    /// A table of keys a thread, as bustle has it.
    Tables,
}

impl Space {
    /// The number of keys in the smallest part that threads divide among themselves.
    pub(crate) fn smallest_part(self, population: u32) -> u32 {
        match self {
            Space::Range(range) => range,
            Space::Sets { .. } => population / 2,
            Space::Tables => u32::MAX,
        }
    }
}

/// Key indices that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) len: u32,
}

/// The present, the changing and the absent keys for a population: with removes, half of the population changes, over twice
/// as many keys.
pub(crate) fn sets(population: u32, removes: bool) -> [Span; 3] {
    let half = if removes { population / 2 } else { 0 };
    let present = Span { start: 0, len: population - half };
    let changing = Span { start: present.len, len: 2 * half };
    [present, changing, Span { start: present.len + changing.len, len: population }]
}

/// A thread's part of a range.
pub(crate) fn block(range: u32, threads: u32, thread: u32) -> Span {
    let edge = |thread: u32| (u64::from(range) * u64::from(thread) / u64::from(threads)) as u32;
    Span { start: edge(thread), len: edge(thread + 1) - edge(thread) }
}

/// A thread's share of a number of things: they differ by one at most.
pub(crate) fn share(all: u32, threads: u32, thread: u32) -> u32 {
    block(all, threads, thread).len
}

#[cfg(test)]
mod tests {
    use super::{block, sets};

    #[test]
    fn blocks_are_adjacent_and_whole() {
        for (range, threads) in [(10, 3), (3, 3), (1 << 29, 7), (100, 1)] {
            let blocks: Vec<_> = (0..threads).map(|thread| block(range, threads, thread)).collect();
            assert!(blocks.windows(2).all(|pair| pair[0].start + pair[0].len == pair[1].start));
            assert_eq!(blocks.iter().map(|block| block.len).sum::<u32>(), range);
        }
    }

    #[test]
    fn sets_are_adjacent() {
        for (population, removes) in [(7, true), (7, false), (1, true), (1_000, true)] {
            let [present, changing, absent] = sets(population, removes);
            assert_eq!((present.len, changing.start), (changing.start, present.len));
            assert_eq!(absent.start, changing.start + changing.len);
            assert_eq!(present.len + changing.len / 2, population);
            assert_eq!(absent.len, population);
        }
    }
}
