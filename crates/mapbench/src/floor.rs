//! What the timed loop itself costs: reported beside every result, never subtracted from one.

use std::hint::black_box;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use mapbench_api::ConcurrentMap;
use mapbench_workload::{Load, PackedOp, Stream};

use crate::worker::{Access, Checked, Keys, Ready, Strings, Subject, Tally, Timer, Typed};

/// Operations between two looks at the phase, as for a fast map.
const BATCH: usize = 1 << 10;

/// Operations before anything is timed.
const WARM: u64 = 1 << 20;

/// Runs at least `operations` of a load on one thread, through the loop that the sweep times.
///
/// Returns the operations run and the time they took.
pub fn time_loop<M: ConcurrentMap<u64, u64>>(map: M, load: &Load, operations: u64) -> (u64, Duration) {
    timed(&words(map), &Stream::of(load, 1, 0, 1), operations)
}

/// How many times as long [`time_loop`] takes when some of the operations are timed one by one, as the sweep's service times
/// are: in turns on one map, of which every other begins with the plain loop. Also returns of how many operations one was.
pub fn time_sampling<M: ConcurrentMap<u64, u64>>(map: M, load: &Load, operations: u64, turns: u32) -> (Vec<f64>, u32) {
    let (map, stream) = (words(map), Stream::of(load, 1, 0, 1));
    let (mut ratios, mut every) = (Vec::new(), 0);
    map.attend(stream.ops(), &mut |access| {
        for turn in 0..turns {
            let mut ns = [0.0; 2];
            for sampled in if turn % 2 == 0 { [false, true] } else { [true, false] } {
                let mut timer = sampled.then(|| Timer::new(Instant::now(), None));
                let (ops, elapsed) = warmed(access, &stream, operations, timer.as_mut());
                ns[usize::from(sampled)] = elapsed.as_nanos() as f64 / ops as f64;
                every = timer.map_or(every, |timer| timer.every());
            }
            ratios.push(ns[1] / ns[0]);
        }
    });
    (ratios, every)
}

/// As [`time_loop`], of operations that are each done once, as those of a trace are.
pub fn time_replay<M: ConcurrentMap<u64, u64>>(map: M, ops: Vec<PackedOp>) -> (u64, Duration) {
    let stream = Stream::once(ops.into());
    timed(&words(map), &stream, stream.ops().len() as u64)
}

/// As [`time_loop`], of a load whose keys are strings.
///
/// # Panics
/// When they are integers.
pub fn time_strings_loop<M: ConcurrentMap<Box<str>, u64>>(map: M, load: &Load, operations: u64) -> (u64, Duration) {
    let map =
        Typed { map, keys: Strings::of(&Ready::new(load, 1)), checked: UNCHECKED, values: PhantomData::<fn(u64)> };
    timed(&map, &Stream::of(load, 1, 0, 1), operations)
}

const UNCHECKED: Checked = Checked { len: false, for_each: false };

fn words<M: ConcurrentMap<u64, u64>>(map: M) -> impl Subject {
    Typed::words(map, UNCHECKED)
}

fn timed(map: &dyn Subject, stream: &Stream, operations: u64) -> (u64, Duration) {
    let mut done = (0, Duration::ZERO);
    map.attend(stream.ops(), &mut |access| done = warmed(access, stream, operations, None));
    done
}

/// Runs at least so many operations, after a warm-up from which the timer learns.
fn warmed(access: &mut dyn Access, stream: &Stream, operations: u64, mut timer: Option<&mut Timer>) -> (u64, Duration) {
    let (ops, elapsed) = run(access, stream, WARM, None);
    if let Some(timer) = &mut timer {
        timer.learn(ops as usize, elapsed);
    }
    run(access, stream, operations, timer)
}

fn run(access: &mut dyn Access, stream: &Stream, operations: u64, mut timer: Option<&mut Timer>) -> (u64, Duration) {
    let (mut tally, began) = (Tally::default(), Instant::now());
    while tally.ops < operations {
        for batch in stream.ops().chunks(BATCH) {
            match &mut timer {
                None => access.run(batch, &mut tally),
                Some(timer) => timer.run(access, batch, &mut tally),
            }
            access.quiesce();
        }
    }
    black_box(tally);
    (tally.ops, began.elapsed())
}
