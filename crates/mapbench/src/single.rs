//! One operation on one thread, for criterion's per-operation benches.

use std::hint::black_box;
use std::time::{Duration, Instant};

use mapbench_api::{ConcurrentMap, MapHandle, Operation, Strategy};
use mapbench_workload::{SplitMix64, key_of, prefilled, value_of};

use crate::hasher;

/// Entries in the map.
const POPULATION: u32 = 65_536;

/// Operations between two calls of `quiesce`, which is timed with them.
const BATCH: u64 = 1_024;

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timed {
    /// `read` of a key that is present.
    ReadHit,
    /// `read` of a key that is absent.
    ReadMiss,
    /// `insert` over a present key.
    Replace,
    /// `insert` of an absent key and its `remove`, as one iteration.
    InsertRemove,
    /// `update` of a present key.
    Update,
    /// `for_each` over the whole map, as one iteration.
    Iterate,
}

impl Timed {
    /// All, in the order in which they are shown.
    pub const ALL: [Timed; 6] =
        [Timed::ReadHit, Timed::ReadMiss, Timed::Replace, Timed::InsertRemove, Timed::Update, Timed::Iterate];

    /// The name of criterion's group.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Timed::ReadHit => "read-hit",
            Timed::ReadMiss => "read-miss",
            Timed::Replace => "replace",
            Timed::InsertRemove => "insert-remove",
            Timed::Update => "update",
            Timed::Iterate => "iterate",
        }
    }

    /// The operations that a strategy must have.
    #[must_use]
    pub const fn needs(self) -> &'static [Operation] {
        match self {
            Timed::ReadHit | Timed::ReadMiss => &[Operation::Read],
            Timed::Replace => &[Operation::Insert],
            Timed::InsertRemove => &[Operation::Insert, Operation::Remove],
            Timed::Update => &[Operation::Update],
            Timed::Iterate => &[Operation::ForEach],
        }
    }

    /// Elements that one iteration works on, for criterion's throughput.
    #[must_use]
    pub const fn elements(self) -> u64 {
        match self {
            Timed::InsertRemove => 2,
            Timed::Iterate => POPULATION as u64,
            _ => 1,
        }
    }
}

/// Times `iterations` of `operation` on a fresh map of `S`.
pub(crate) fn time<S: Strategy>(operation: Timed, iterations: u64) -> Duration {
    let key_range = 2 * POPULATION;
    let mut present: Vec<u64> = prefilled(POPULATION, key_range).map(key_of).collect();
    let mut absent: Vec<u64> = (0..key_range).filter(|index| index % 2 == 0).map(key_of).collect();
    // In a random order, lest the hardware prefetch what no program would ask for in order.
    SplitMix64::new(1).shuffle(&mut present);
    SplitMix64::new(2).shuffle(&mut absent);
    let entries = present.iter().map(|key| (*key, value_of(*key, 0)));
    let map = S::build(POPULATION as usize, hasher::seeded(0), entries);
    let mut handle = map.handle();
    match operation {
        Timed::ReadHit => repeat(&mut handle, &present, iterations, |handle, key| {
            black_box(handle.read(&key, |value| *value));
        }),
        Timed::ReadMiss => repeat(&mut handle, &absent, iterations, |handle, key| {
            black_box(handle.read(&key, |value| *value));
        }),
        Timed::Replace => repeat(&mut handle, &present, iterations, |handle, key| {
            black_box(handle.insert(key, value_of(key, 1)));
        }),
        Timed::InsertRemove => repeat(&mut handle, &absent, iterations, |handle, key| {
            black_box(handle.insert(key, value_of(key, 1)));
            black_box(handle.remove(&key));
        }),
        Timed::Update => repeat(&mut handle, &present, iterations, |handle, key| {
            black_box(handle.update(&key, |value| value.wrapping_add(1)));
        }),
        Timed::Iterate => repeat(&mut handle, &present, iterations, |handle, _| {
            let mut sum = 0_u64;
            handle.for_each(|_, value| sum = sum.wrapping_add(*value));
            black_box(sum);
        }),
    }
}

fn repeat<H: MapHandle<u64, u64>>(
    handle: &mut H,
    keys: &[u64],
    iterations: u64,
    mut operation: impl FnMut(&mut H, u64),
) -> Duration {
    let mut keys = keys.iter().cycle();
    let mut left = iterations;
    let began = Instant::now();
    while left > 0 {
        let batch = left.min(BATCH);
        for key in keys.by_ref().take(batch as usize) {
            operation(handle, *key);
        }
        handle.quiesce();
        left -= batch;
    }
    began.elapsed()
}
