//! What threads do in a round.

use mapbench_api::{Consistency, Operation, Strategy};

use super::random::Random;

/// What the threads of a round do.
pub(super) struct Plan {
    /// Keys that operations draw from: from 0 on.
    pub(super) keys: u64,
    /// What the map holds before.
    pub(super) initial: Vec<(u64, u64)>,
    /// Entries that the map is built for.
    pub(super) capacity: usize,
    /// Operations of each thread.
    pub(super) operations: usize,
    /// One of these is drawn for each operation.
    pub(super) mix: Vec<Operation>,
    /// Operations between two calls of `quiesce`.
    pub(super) batch: usize,
    /// What provokes the threads to meet.
    pub(super) pace: Pace,
}

/// Pauses, so that threads meet in ways in which they would not by themselves. They are more than the processors: one that
/// lets others go first, at a place where the map is not as it was or will be, has them all look at it.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    /// Turns to spin before an operation: fewer than these.
    pub(super) spin: u64,
    /// A thread lets others go first before one in so many operations; 0: never.
    pub(super) yields: u64,
    /// Turns to spin inside a closure that makes a new value: fewer than these.
    pub(super) spin_inside: u64,
    /// A thread lets others go first inside the closure of one in so many operations; 0: never.
    pub(super) yields_inside: u64,
}

/// A pace, and the operations of a thread at most: one that costs a change of threads each time is kept to few.
type Style = (Pace, u64);

/// As fast as can be, which gives each fault the most occasions; with longer windows for those who are at work at the same
/// time; with a change of threads now and then; and inside of every closure.
const STYLES: [Style; 5] = [
    (Pace { spin: 1, yields: 0, spin_inside: 1, yields_inside: 0 }, 800),
    (Pace { spin: 1, yields: 64, spin_inside: 50, yields_inside: 256 }, 800),
    (Pace { spin: 50, yields: 64, spin_inside: 200, yields_inside: 64 }, 500),
    (Pace { spin: 20, yields: 16, spin_inside: 1, yields_inside: 8 }, 100),
    (Pace { spin: 1, yields: 16, spin_inside: 1, yields_inside: 1 }, 50),
];

/// The values that a map holds at first are below, those that threads write are not.
pub(super) const FIRST_VALUE: u64 = 100;

/// What a key holds at first, if it is present.
pub(super) const fn first_value(key: u64) -> u64 {
    1 + key % (FIRST_VALUE - 1)
}

/// Operations that a history can hold and that write.
const WRITES: [Operation; 6] = [
    Operation::Insert,
    Operation::InsertNew,
    Operation::Remove,
    Operation::Update,
    Operation::Upsert,
    Operation::CompareExchange,
];

/// Writes that quarrel: each of these shows what no other mix shows as often.
const QUARRELS: [&[Operation]; 7] = [
    &[Operation::Insert],
    &[Operation::Update],
    &[Operation::Insert, Operation::Remove],
    &[Operation::InsertNew, Operation::Remove],
    &[Operation::Update, Operation::Remove, Operation::InsertNew],
    &[Operation::Upsert, Operation::Remove],
    &[Operation::CompareExchange, Operation::Insert],
];

/// Calls on one key that may be open at once before the checker gives up: of a published map, the writes of a batch are.
const OPEN: usize = 60;

impl Plan {
    /// Any plan: which operations there are, how they are mixed, on how many keys and at what pace differs from round to
    /// round, since each violation needs a mix of its own.
    pub(super) fn draw<S: Strategy>(random: &mut Random, threads: usize) -> Self {
        let keys = random.pick(&[1, 1, 1, 2, 4, 16]);
        let filled = random.pick(&[0, 50, 100]);
        let (pace, most) = random.pick(&STYLES);
        // At the beginning of a round all threads are there: the shorter the rounds, the more they meet.
        let most = if random.below(2) == 0 { most.min(50) } else { most };
        let operations = 8 + random.below(most);
        let batch = if S::INFO.consistency == Consistency::Published { (OPEN / threads).clamp(1, 16) } else { 64 };
        let initial: Vec<_> =
            (0..keys).filter(|_| random.below(100) < filled).map(|key| (key, first_value(key))).collect();
        Self {
            keys,
            capacity: random.pick(&[0, initial.len(), 64]),
            initial,
            operations: operations as usize,
            mix: mix::<S>(random),
            batch: 1 + random.below(batch as u64) as usize,
            pace,
        }
    }

    /// The same with reads alone.
    pub(super) fn reading(self) -> Self {
        Self { mix: vec![Operation::Read], ..self }
    }
}

/// Reads, and of the writes that the strategy has the ones of a quarrel or any, each with a weight.
fn mix<S: Strategy>(random: &mut Random) -> Vec<Operation> {
    let mut writes = if random.below(4) == 0 { WRITES.to_vec() } else { random.pick(&QUARRELS).to_vec() };
    writes.retain(|operation| S::INFO.lacks(*operation).is_none());
    let mut mix = vec![Operation::Read; 1 + random.below(2) as usize];
    for operation in writes {
        mix.extend((0..1 + random.below(2)).map(|_| operation));
    }
    mix
}
