//! What the timed loop itself costs: reported beside every result, never subtracted from one.

use std::hint::black_box;
use std::time::{Duration, Instant};

use mapbench_api::ConcurrentMap;
use mapbench_workload::{Mix, stream};

use crate::worker::{Checked, Subject, Tally, Words};

/// Operations between two looks at the phase, as for a fast map.
const BATCH: usize = 1 << 10;

/// Runs at least `operations` of a uniform stream on one thread, through the loop that the sweep times.
///
/// Returns the operations run and the time they took.
pub fn time_loop<M: ConcurrentMap<u64, u64>>(map: M, mix: Mix, key_range: u32, operations: u64) -> (u64, Duration) {
    let ops = stream::uniform(1, mix, key_range, stream::STREAM_OPS);
    let map = Words { map, checked: Checked { len: false, for_each: false } };
    let (mut tally, mut elapsed) = (Tally::default(), Duration::ZERO);
    map.attend(&mut |access| {
        let began = Instant::now();
        while tally.ops < operations {
            for batch in ops.chunks(BATCH) {
                access.run(batch, &mut tally);
                access.quiesce();
            }
        }
        elapsed = began.elapsed();
    });
    black_box(tally);
    (tally.ops, elapsed)
}
