//! The deterministic companion of the clock: instructions of one operation on one thread, the same on a busy machine and on
//! an idle one.

use std::hint::black_box;
use std::path::Path;

use mapbench_results::Instructions;
use mapbench_workload::{Cursor, Stream};

use crate::callgrind::{self, NotCounted, per_operation};
use crate::protocol::Open;
use crate::worker::{Access, Plant, Subject, Tally};

/// The subcommand that [`execute`]s: its one argument is the number of operations, its standard input the cell as the
/// protocol's `open` request has it.
pub(crate) const SUBCOMMAND: &str = "count-operations";

/// Operations between two calls of `quiesce`.
const BATCH: usize = 1_024;

/// Operations of the shorter run: what only the first operations do, such as a thread's registration, is in both.
const SHORT: u64 = 256;

/// Batches that the longer run has more than the shorter: most where an operation is cheap, one where it clones the map.
const MOST_BATCHES: u64 = 64;

/// Instructions that the longer run may take: some ten seconds under valgrind.
const AFFORDABLE: f64 = 4e8;

/// A cell of an executable.
#[derive(Clone, Copy)]
pub(crate) struct Counted<'a> {
    pub(crate) executable: &'a Path,
    /// On one thread.
    pub(crate) open: &'a Open,
}

impl Counted<'_> {
    fn instructions(&self, operations: u64) -> Result<u64, NotCounted> {
        let open = serde_json::to_string(self.open).expect("a cell is plain data");
        callgrind::instructions(self.executable, &[SUBCOMMAND, &operations.to_string()], &open)
    }
}

/// Counts both sides of a cell over the same operations.
///
/// # Errors
/// When valgrind is not installed, or a side fails under it. Neither says anything against the candidate: a verdict is due
/// to time alone.
pub(crate) fn count(base: Counted, candidate: Counted) -> Result<Instructions, NotCounted> {
    let short = base.instructions(SHORT)?;
    let one = base.instructions(long(1))?;
    let batches = affordable(per_operation([SHORT, long(1)], [short, one]));
    let more = if batches == 1 { one } else { base.instructions(long(batches))? };
    let lengths = [SHORT, long(batches)];
    let counted = [candidate.instructions(SHORT)?, candidate.instructions(long(batches))?];
    Ok(Instructions { base: per_operation(lengths, [short, more]), candidate: per_operation(lengths, counted) })
}

fn long(batches: u64) -> u64 {
    SHORT + batches * BATCH as u64
}

/// A power of two, so that a small change of the base does not change what it is counted over.
fn affordable(per_operation: f64) -> u64 {
    let afforded = (AFFORDABLE / (per_operation.max(1.0) * BATCH as f64)) as u64;
    1 << afforded.clamp(1, MOST_BATCHES).ilog2()
}

/// What is counted: so many operations of the first thread's stream. Returns how many it did.
pub(crate) fn execute(map: &dyn Subject, open: &Open, operations: u64) -> u64 {
    let stream = Stream::of(&open.load, 1, 0, open.stream_seeds[0]);
    let mut done = 0;
    map.attend(stream.ops(), &mut |access| done = execute_on(access, open, &stream, operations));
    done
}

fn execute_on(access: &mut dyn Access, open: &Open, stream: &Stream, operations: u64) -> u64 {
    let mut plant = open.planted.map(|planted| Plant::new(planted, stream.ops()));
    let mut cursor = Cursor::new(stream);
    let mut tally = Tally::default();
    while tally.ops < operations {
        let batch = cursor.next(BATCH.min((operations - tally.ops) as usize));
        access.run(batch, &mut tally);
        if let Some(plant) = &mut plant {
            plant.follow(access, batch, &mut tally);
        }
        access.quiesce();
    }
    black_box(tally.sum);
    tally.ops
}

#[cfg(test)]
mod tests {
    use super::{BATCH, MOST_BATCHES, affordable, execute};
    use crate::protocol::{Extra, Open, PROTOCOL_VERSION, Planted};
    use crate::worker::{Ready, build};
    use mapbench_adapter_lock::StdMutex;
    use mapbench_workload::{Load, Mix, OpKind, Percent};

    fn open(planted: Option<Planted>) -> Open {
        Open {
            protocol: PROTOCOL_VERSION,
            strategy: "std-mutex".to_owned(),
            threads: 1,
            load: Load::uniform(
                Mix::new(
                    Percent::whole(90),
                    &[(OpKind::Insert, Percent::whole(50)), (OpKind::Remove, Percent::whole(50))],
                )
                .unwrap(),
                8,
                16,
            ),
            stream_seeds: vec![1],
            hash_seed: 1,
            processors: Vec::new(),
            planted,
        }
    }

    #[test]
    fn exactly_so_many_operations_are_done() {
        for operations in [0, 1, BATCH as u64, 1_500, 200_000] {
            let cell = open(None);
            assert_eq!(execute(&*build::<StdMutex>(&cell, &Ready::of(&cell)), &cell, operations), operations);
            let planted = Planted { extra: Extra::Any, ppm: 50_000 };
            let cell = open(Some(planted));
            assert_eq!(execute(&*build::<StdMutex>(&cell, &Ready::of(&cell)), &cell, operations), operations);
        }
    }

    #[test]
    fn dear_operations_are_counted_over_fewer_batches() {
        let batches = [0.0, 100.0, 2_000.0, 27_000.0, 1e6, 1e9].map(affordable);
        assert_eq!(batches, [MOST_BATCHES, MOST_BATCHES, MOST_BATCHES, 8, 1, 1]);
        assert_eq!(affordable(26_000.0), affordable(26_100.0));
    }
}
