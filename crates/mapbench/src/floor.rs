//! What the timed loop itself costs: reported beside every result, never subtracted from one.

use std::hint::black_box;
use std::time::{Duration, Instant};

use mapbench_api::ConcurrentMap;
use mapbench_workload::{Load, Stream};

use crate::worker::{Checked, Subject, Tally, Timer, Typed};

/// Operations between two looks at the phase, as for a fast map.
const BATCH: usize = 1 << 10;

/// Runs at least `operations` of a load on one thread, through the loop that the sweep times.
///
/// Returns the operations run and the time they took.
pub fn time_loop<M: ConcurrentMap<u64, u64>>(map: M, load: &Load, operations: u64) -> (u64, Duration) {
    let (ops, elapsed, _) = timed(map, load, operations, false);
    (ops, elapsed)
}

/// As [`time_loop`], with some of the operations timed one by one, as the sweep's service times are. Also returns of how
/// many operations one was.
pub fn time_sampled_loop<M: ConcurrentMap<u64, u64>>(map: M, load: &Load, operations: u64) -> (u64, Duration, u32) {
    timed(map, load, operations, true)
}

fn timed<M: ConcurrentMap<u64, u64>>(map: M, load: &Load, operations: u64, sampled: bool) -> (u64, Duration, u32) {
    let stream = Stream::of(load, 1, 0, 1);
    let ops = stream.ops();
    let map = Typed::words(map, Checked { len: false, for_each: false });
    let (mut tally, mut elapsed) = (Tally::default(), Duration::ZERO);
    let mut timer = sampled.then(|| Timer::new(Instant::now(), None));
    map.attend(&mut |access| {
        // The warm-up, from which the timer learns.
        let began = Instant::now();
        access.run(ops, &mut tally);
        if let Some(timer) = &mut timer {
            timer.learn(ops.len(), began.elapsed());
        }
        tally = Tally::default();
        let began = Instant::now();
        while tally.ops < operations {
            for batch in ops.chunks(BATCH) {
                match &mut timer {
                    None => access.run(batch, &mut tally),
                    Some(timer) => timer.run(access, batch, &mut tally),
                }
                access.quiesce();
            }
        }
        elapsed = began.elapsed();
    });
    black_box(tally);
    (tally.ops, elapsed, timer.map_or(0, |timer| timer.every()))
}
