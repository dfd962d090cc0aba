//! A slow-down of known size: operations done beside the stream and not counted.

use mapbench_workload::{OpKind, PackedOp};

use super::access::Access;
use super::batch::Tally;
use crate::protocol::{Extra, Planted};

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
    pub(crate) fn follow(&mut self, access: &mut dyn Access, done: &[PackedOp], tally: &mut Tally) {
        let counted = done.iter().filter(|op| concerns(self.planted.extra, op.kind())).count() as u64;
        self.due += counted * u64::from(self.planted.ppm);
        let mut owed = (self.due / 1_000_000) as usize;
        self.due %= 1_000_000;
        let ops_before = tally.ops;
        while owed > 0 {
            let end = (self.cursor + owed).min(self.ops.len());
            let ops = &self.ops[self.cursor..end];
            match self.planted.extra {
                Extra::Any | Extra::Kind(_) => access.run(ops, tally),
                Extra::LongRead => access.run_long_reads(ops, tally),
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

#[cfg(test)]
mod tests {
    use mapbench_adapter_lock::StdMutex;
    use mapbench_api::Strategy;
    use mapbench_workload::{Load, Mix, Percent, Stream};

    use crate::hasher;
    use crate::worker::{Checked, Subject, Typed};

    use super::*;

    fn extra_reads(extra: Extra, ppm: u32, batch: usize) -> (u64, Tally) {
        let mix =
            Mix::new(Percent::whole(90), &[(OpKind::Insert, Percent::whole(50)), (OpKind::Remove, Percent::whole(50))])
                .unwrap();
        let load = Load { operations: Some(10_000), ..Load::uniform(mix, 32, 64) };
        let stream = Stream::of(&load, 1, 0, 1);
        let ops = stream.ops();
        let mut plant = Plant::new(Planted { ppm, extra }, ops);
        let map = StdMutex::build(64, hasher::seeded(0), std::iter::empty());
        let map = Typed::words(map, Checked::of(&StdMutex::INFO));
        let mut tally = Tally::default();
        map.attend(ops, &mut |access| ops.chunks(batch).for_each(|done| plant.follow(access, done, &mut tally)));
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
