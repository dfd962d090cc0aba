//! What the timed loop itself costs: reported beside every result, never subtracted from one.

use std::hint::black_box;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use mapbench_api::ConcurrentMap;
use mapbench_workload::{Load, PackedOp, Stream};

use crate::worker::{Checked, Keys, Ready, Strings, Subject, Tally, Timer, Typed};

/// Operations between two looks at the phase, as for a fast map.
const BATCH: usize = 1 << 10;

/// Operations before anything is timed.
const WARM: usize = 1 << 20;

/// Runs at least `operations` of a load on one thread, through the loop that the sweep times.
///
/// Returns the operations run and the time they took.
pub fn time_loop<M: ConcurrentMap<u64, u64>>(map: M, load: &Load, operations: u64) -> (u64, Duration) {
    let (ops, elapsed, _) = timed(&words(map), &Stream::of(load, 1, 0, 1), operations, false);
    (ops, elapsed)
}

/// As [`time_loop`], with some of the operations timed one by one, as the sweep's service times are. Also returns of how
/// many operations one was.
pub fn time_sampled_loop<M: ConcurrentMap<u64, u64>>(map: M, load: &Load, operations: u64) -> (u64, Duration, u32) {
    timed(&words(map), &Stream::of(load, 1, 0, 1), operations, true)
}

/// As [`time_loop`], of operations that are each done once, as those of a trace are.
pub fn time_replay<M: ConcurrentMap<u64, u64>>(map: M, ops: Vec<PackedOp>) -> (u64, Duration) {
    let stream = Stream::once(ops.into());
    let (ops, elapsed, _) = timed(&words(map), &stream, stream.ops().len() as u64, false);
    (ops, elapsed)
}

/// As [`time_loop`], of a load whose keys are strings.
///
/// # Panics
/// When they are integers.
pub fn time_strings_loop<M: ConcurrentMap<Box<str>, u64>>(map: M, load: &Load, operations: u64) -> (u64, Duration) {
    let map =
        Typed { map, keys: Strings::of(&Ready::new(load, 1)), checked: UNCHECKED, values: PhantomData::<fn(u64)> };
    let (ops, elapsed, _) = timed(&map, &Stream::of(load, 1, 0, 1), operations, false);
    (ops, elapsed)
}

const UNCHECKED: Checked = Checked { len: false, for_each: false };

fn words<M: ConcurrentMap<u64, u64>>(map: M) -> impl Subject {
    Typed::words(map, UNCHECKED)
}

fn timed(map: &dyn Subject, stream: &Stream, operations: u64, sampled: bool) -> (u64, Duration, u32) {
    let ops = stream.ops();
    let (mut tally, mut elapsed) = (Tally::default(), Duration::ZERO);
    let mut timer = sampled.then(|| Timer::new(Instant::now(), None));
    map.attend(ops, &mut |access| {
        // The warm-up, from which the timer learns.
        let began = Instant::now();
        let warm = &ops[..ops.len().min(WARM)];
        access.run(warm, &mut tally);
        if let Some(timer) = &mut timer {
            timer.learn(warm.len(), began.elapsed());
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
