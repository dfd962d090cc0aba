//! The time of an operation on a single thread, in this process: nobody to wait for.

use std::time::{Duration, Instant};

use mapbench_forecast::Range;
use mapbench_workload::{Cursor, Stream};

use super::cells::Cell;
use super::protocol::BATCH;
use crate::protocol::{Open, PROTOCOL_VERSION};
use crate::registry::Entry;
use crate::worker::{Access, Tally};

/// Slices of a measurement; before them one is run and not looked at.
const SLICES: usize = 7;

/// The length of a slice, at least: it ends with a batch.
const SLICE: Duration = Duration::from_millis(4);

/// Nanoseconds an operation of each entry on a cell's mix: the least, the median and the most of its slices. All take turns,
/// slice by slice, so that a slow moment of the machine falls on all of them.
pub(crate) fn single_threads(entries: &[&Entry], cell: &Cell, seed: u64) -> Vec<Range> {
    let open = Open {
        protocol: PROTOCOL_VERSION,
        strategy: String::new(),
        threads: 1,
        load: cell.load.clone(),
        stream_seeds: vec![seed],
        hash_seed: seed,
        processors: Vec::new(),
        planted: None,
    };
    let stream = Stream::of(&cell.load, 1, 0, seed);
    let maps: Vec<_> = entries.iter().map(|entry| entry.map(&open)).collect();
    let mut slices = vec![Vec::with_capacity(SLICES); maps.len()];
    for round in 0..=SLICES {
        for (map, slices) in maps.iter().zip(&mut slices) {
            map.attend(stream.ops(), &mut |access| {
                let mut batches = Cursor::new(&stream);
                let mut tally = Tally::default();
                // A slice of its own warms the caches that the others have used since.
                run_for(SLICE / 4, access, &mut batches, &mut tally);
                let before = tally.ops;
                let elapsed = run_for(SLICE, access, &mut batches, &mut tally);
                if round > 0 {
                    slices.push(elapsed.as_nanos() as f64 / (tally.ops - before) as f64);
                }
            });
        }
    }
    slices.iter().map(|slices| range(slices)).collect()
}

/// Runs batches, the first of them small, until the time is over; returns how long that was.
fn run_for(time: Duration, access: &mut dyn Access, batches: &mut Cursor, tally: &mut Tally) -> Duration {
    let began = Instant::now();
    loop {
        let batch = batches.next(BATCH);
        // A copy-on-write map takes a millisecond an operation.
        for part in batch.chunks(BATCH / 16) {
            access.run(part, tally);
            if began.elapsed() > 4 * time {
                break;
            }
        }
        access.quiesce();
        if began.elapsed() >= time {
            break;
        }
    }
    began.elapsed()
}

fn range(slices: &[f64]) -> Range {
    let ends = slices.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), ns| (low.min(*ns), high.max(*ns)));
    let mid = mapbench_stats::median(slices).expect("there are slices, of positive times");
    Range { low: ends.0, mid, high: ends.1 }
}
