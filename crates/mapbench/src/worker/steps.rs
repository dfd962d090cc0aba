//! How a map grows: when it has doubled, the longest insert until then, and what it holds. Every operation is timed.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mapbench_workload::{OpKind, Stream};

use super::access::{Access, Subject};
use super::batch::Tally;
use super::coordinator::Failure;
use super::count::Built;
use super::growth::{check, longest, together, too_late};
use super::thread::LARGEST_BATCH;
use crate::clock::{Clock, SystemClock};
use crate::counting;
use crate::protocol::{Effects, Open, Step};

/// Operations between two looks at what the map holds.
const CHUNK: usize = 64;

/// A map that begins with fewer entries is looked at when it has twice as many as this.
const FIRST: u64 = 512;

/// What a thread did in a row.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    /// When it ended, since the origin of all threads' clocks.
    at_ns: u64,
    /// Entries added less entries removed.
    entries: i64,
    /// Of its inserts.
    longest_ns: u64,
    live_bytes: u64,
}

/// One thread's part.
struct Part {
    began_ns: u64,
    chunks: Vec<Chunk>,
    tally: Tally,
}

/// Lets a map grow, from its first operation to its last.
pub(super) fn steps(
    build: &dyn Fn() -> Box<dyn Subject>,
    open: &Open,
    streams: &[Stream],
) -> Result<Vec<Step>, Failure> {
    let (map, built) = Built::by(build);
    let (ready, go) = (Barrier::new(streams.len() + 1), Barrier::new(streams.len() + 1));
    let (late, longest, origin) = (AtomicBool::new(false), longest(open), Instant::now());
    let mut idle_bytes = 0;
    let work = |access: &mut dyn Access, stream: &Stream| {
        // All room now: nothing of this is to be taken for the map's.
        let chunks = Vec::with_capacity(stream.ops().len() / CHUNK + 1);
        ready.wait();
        go.wait();
        grow(access, stream, chunks, origin, &late, longest)
    };
    let parts = together(&*map, open, streams, work, || {
        ready.wait();
        idle_bytes = counting::live_bytes();
        go.wait();
    });
    if late.into_inner() {
        return Err(too_late(parts.iter().map(|part| part.tally.ops).sum(), streams, longest));
    }
    let mut effects = Effects::default();
    parts.iter().for_each(|part| effects += part.tally.effects());
    check(&*map, open, &effects)?;
    let began_ns = parts.iter().map(|part| part.began_ns).min().unwrap_or(0);
    let mut chunks: Vec<Chunk> = parts.into_iter().flat_map(|part| part.chunks).collect();
    chunks.sort_by_key(|chunk| chunk.at_ns);
    for chunk in &mut chunks {
        chunk.at_ns -= began_ns;
        chunk.live_bytes = (built.filled_bytes() + chunk.live_bytes).saturating_sub(idle_bytes);
    }
    Ok(doublings(u64::from(open.load.population), built.filled_bytes(), &chunks))
}

fn grow(
    access: &mut dyn Access,
    stream: &Stream,
    mut chunks: Vec<Chunk>,
    origin: Instant,
    late: &AtomicBool,
    longest: Duration,
) -> Part {
    let (mut clock, mut tally) = (SystemClock::since(origin, false), Tally::default());
    let began_ns = clock.now_ns();
    let mut last_ns = began_ns;
    for batch in stream.ops().chunks(LARGEST_BATCH) {
        for ops in batch.chunks(CHUNK) {
            let before = tally;
            let mut longest_ns = 0;
            for op in ops {
                access.run(std::slice::from_ref(op), &mut tally);
                let ended_ns = clock.now_ns();
                if matches!(op.kind(), OpKind::Insert | OpKind::InsertNew | OpKind::Upsert) {
                    longest_ns = longest_ns.max(ended_ns - last_ns);
                }
                last_ns = ended_ns;
            }
            let [added, removed] = [tally.inserted - before.inserted, tally.removed - before.removed];
            let entries = added as i64 - removed as i64;
            chunks.push(Chunk { at_ns: last_ns, entries, longest_ns, live_bytes: counting::live_bytes() });
        }
        access.quiesce();
        last_ns = clock.now_ns();
        if last_ns - began_ns > longest.as_nanos() as u64 {
            late.store(true, Ordering::Relaxed);
        }
        if late.load(Ordering::Relaxed) {
            break;
        }
    }
    Part { began_ns, chunks, tally }
}

/// The map before its first operation, each of its doublings, and all that is there at the end.
fn doublings(population: u64, filled_bytes: u64, chunks: &[Chunk]) -> Vec<Step> {
    let mut steps = vec![Step { entries: population, at_ns: 0, longest_ns: 0, held_bytes: filled_bytes }];
    let (mut entries, mut longest_ns, mut next) = (population as i64, 0, 2 * population.max(FIRST));
    for chunk in chunks {
        entries += chunk.entries;
        longest_ns = longest_ns.max(chunk.longest_ns);
        // Seldom more than one: a chunk is small.
        while entries >= next as i64 {
            steps.push(Step { entries: next, at_ns: chunk.at_ns, longest_ns, held_bytes: chunk.live_bytes });
            (longest_ns, next) = (0, 2 * next);
        }
    }
    if let Some(last) = chunks.last() {
        let entries = entries.max(0) as u64;
        if steps.last().is_none_or(|step| step.at_ns < last.at_ns) {
            steps.push(Step { entries, at_ns: last.at_ns, longest_ns, held_bytes: last.live_bytes });
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::{Chunk, doublings};
    use crate::protocol::Step;

    #[test]
    fn every_doubling_has_its_time_its_longest_insert_and_its_bytes() {
        let chunk = |at_ns, entries, longest_ns| Chunk { at_ns, entries, longest_ns, live_bytes: 10 * at_ns };
        let chunks = [
            chunk(10, 1_000, 5),
            chunk(20, 30, 90),
            chunk(30, -6, 7),
            chunk(40, 1_030, 3),
            chunk(50, 500, 4),
            chunk(60, 100, 2),
        ];
        let step = |entries, at_ns, longest_ns, held_bytes| Step { entries, at_ns, longest_ns, held_bytes };
        let expected = [step(0, 0, 0, 77), step(1_024, 20, 90, 200), step(2_048, 40, 7, 400), step(2_654, 60, 4, 600)];
        assert_eq!(doublings(0, 77, &chunks), expected);
    }

    #[test]
    fn a_map_that_begins_with_entries_doubles_those_and_one_that_does_not_double_has_its_end() {
        let chunk = Chunk { at_ns: 9, entries: 200, longest_ns: 3, live_bytes: 5 };
        let entries =
            |population| doublings(population, 0, &[chunk]).iter().map(|step| step.entries).collect::<Vec<_>>();
        assert_eq!(entries(10_000), [10_000, 10_200]);
        assert_eq!(doublings(600, 0, &[Chunk { entries: 600, ..chunk }]).last().unwrap().entries, 1_200);
        assert_eq!(doublings(5, 0, &[]).len(), 1);
    }
}
