//! A slow-down of known size: operations done beside the stream and not counted.

use mapbench_api::MapHandle;
use mapbench_workload::{OpKind, PackedOp, key_of};

use super::batch::{Tally, run_batch};
use crate::protocol::{Extra, Planted};

/// Multiplications, each waiting for the last, of a long read: about a microsecond.
const LONG: u64 = 1_000;

/// The planted operations of one thread.
pub(crate) struct Plant {
    planted: Planted,
    /// What it draws from, in a loop.
    ops: Box<[PackedOp]>,
    cursor: usize,
    /// Millionths of operations that are due.
    due: u64,
}

impl Plant {
    pub(crate) fn new(planted: Planted, stream: &[PackedOp]) -> Self {
        // From the middle of the stream on: what was just done would be found in the nearest cache.
        let turned = stream.iter().cycle().skip(stream.len() / 2).take(stream.len());
        let ops = turned.copied().filter(|op| concerns(planted.extra, op.kind())).collect();
        Self { planted, ops, cursor: 0, due: 0 }
    }

    /// Does what is due after these operations of the stream, and keeps it out of the count of operations. What it did to
    /// the map is counted: the map is checked against it.
    pub(crate) fn follow<H: MapHandle<u64, u64>>(&mut self, handle: &mut H, done: &[PackedOp], tally: &mut Tally) {
        let counted = done.iter().filter(|op| concerns(self.planted.extra, op.kind())).count() as u64;
        self.due += counted * u64::from(self.planted.ppm);
        let mut owed = (self.due / 1_000_000) as usize;
        self.due %= 1_000_000;
        let ops_before = tally.ops;
        while owed > 0 {
            let end = (self.cursor + owed).min(self.ops.len());
            let ops = &self.ops[self.cursor..end];
            match self.planted.extra {
                Extra::Any | Extra::Kind(_) => run_batch(handle, ops, tally),
                Extra::LongRead => read_long(handle, ops, tally),
            }
            owed -= ops.len();
            self.cursor = if end == self.ops.len() { 0 } else { end };
        }
        tally.ops = ops_before;
    }
}

fn concerns(extra: Extra, kind: OpKind) -> bool {
    match extra {
        Extra::Any => true,
        Extra::Kind(wanted) => kind == wanted,
        Extra::LongRead => kind == OpKind::Read,
    }
}

#[inline(never)]
fn read_long<H: MapHandle<u64, u64>>(handle: &mut H, ops: &[PackedOp], tally: &mut Tally) {
    for op in ops {
        let found = handle.read(&key_of(op.index()), |value| {
            (0..LONG).fold(*value, |sum, _| std::hint::black_box(sum.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
        });
        tally.reads += 1;
        tally.hits += u64::from(found.is_some());
        tally.sum = tally.sum.wrapping_add(found.unwrap_or(1));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use mapbench_workload::{Mix, stream};

    use super::*;

    fn extra_reads(extra: Extra, ppm: u32, batch: usize) -> (u64, Tally) {
        let mix = Mix::new(90, &[(OpKind::Insert, 50), (OpKind::Remove, 50)]).unwrap();
        let ops = stream::uniform(1, mix, 64, 10_000);
        let mut plant = Plant::new(Planted { ppm, extra }, &ops);
        let mut map: HashMap<u64, u64> = HashMap::new();
        let mut tally = Tally::default();
        ops.chunks(batch).for_each(|done| plant.follow(&mut map, done, &mut tally));
        (ops.iter().filter(|op| op.kind() == OpKind::Read).count() as u64, tally)
    }

    #[test]
    fn what_is_planted_is_done_to_the_operation_and_not_counted() {
        for batch in [1, 7, 1024] {
            let (_, all) = extra_reads(Extra::Any, 20_000, batch);
            assert_eq!(all.ops, 0);
            assert!((170..=190).contains(&all.reads), "nine tenths of 200: {}", all.reads);
            assert!(all.inserted > 0);
            let (reads, only) = extra_reads(Extra::Kind(OpKind::Read), 50_000, batch);
            assert_eq!((only.ops, only.reads, only.inserted), (0, reads * 50_000 / 1_000_000, 0));
            let (reads, long) = extra_reads(Extra::LongRead, 10_000, batch);
            assert_eq!((long.ops, long.reads), (0, reads / 100));
        }
    }

    #[test]
    fn a_plant_larger_than_its_stream_goes_round() {
        let (_, all) = extra_reads(Extra::Any, 3_000_000, 10_000);
        assert!((26_000..28_000).contains(&all.reads), "{}", all.reads);
    }
}
