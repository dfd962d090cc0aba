//! Slices of a number of operations: each on a new map, from the first operation of the streams to the last.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mapbench_results::Status;
use mapbench_workload::{Cursor, OpKind, Stream};

use super::access::{Access, Subject};
use super::batch::Tally;
use super::coordinator::{Failure, end};
use super::steps::steps;
use super::thread::{LARGEST_BATCH, failure_of};
use super::{Requests, WorkerError, digests, say};
use crate::protocol::{Effects, Event, Measured, Open, PROTOCOL_VERSION, Request, Slice, Tallied};
use crate::system;

/// A map that is not done by then, or in [`SLOWEST`] an operation if that is longer, is given up: what copies itself with
/// every write would take hours.
const LONGEST: Duration = Duration::from_secs(3);
const SLOWEST: Duration = Duration::from_micros(10);

/// Serves the requests that follow `open`, until the orchestrator closes.
pub(crate) fn serve(
    build: &dyn Fn() -> Box<dyn Subject>,
    open: &Open,
    streams: &[Stream],
    requests: &mut Requests,
) -> Result<(), WorkerError> {
    say(&Event::Ready { protocol: PROTOCOL_VERSION, streams: digests(streams) })?;
    loop {
        match requests.next()? {
            // There is nothing to warm up: a map that grows is always new.
            Some(Request::Slice { slice_ns, .. }) => match slice(build, open, streams, slice_ns) {
                Ok(slice) => say(&Event::Slice(slice))?,
                Err(failure) => end(failure),
            },
            Some(Request::Grow) => match steps(build, open, streams) {
                Ok(steps) => say(&Event::Grown { steps })?,
                Err(failure) => end(failure),
            },
            Some(Request::Close) | None => return say(&Event::Closed),
            Some(_) => return Err(WorkerError::Order),
        }
    }
}

/// Whole maps, at least one, until the slice's time is over.
fn slice(
    build: &dyn Fn() -> Box<dyn Subject>,
    open: &Open,
    streams: &[Stream],
    slice_ns: u64,
) -> Result<Slice, Failure> {
    let (mut sum, mut maps, mut drop_ns) = (once(build(), open, streams)?, 1, 0);
    loop {
        drop_ns += sum.drop_ns.unwrap_or_default();
        if sum.threads[0].elapsed_ns >= slice_ns {
            return Ok(Slice { drop_ns: Some(drop_ns / maps), ..sum });
        }
        let more = once(build(), open, streams)?;
        for (sum, more) in sum.threads.iter_mut().zip(&more.threads) {
            sum.ops += more.ops;
            sum.elapsed_ns += more.elapsed_ns;
        }
        sum.effects += more.effects;
        if let (Some(sum), Some(more)) = (&mut sum.tallied, more.tallied) {
            *sum += more;
        }
        sum.rss_bytes = sum.rss_bytes.max(more.rss_bytes);
        sum.drop_ns = more.drop_ns;
        maps += 1;
    }
}

/// What a thread did to a map, and when.
struct Done {
    began: Instant,
    ended: Instant,
    tally: Tally,
}

/// One map, from its first operation to its last. The time of every thread is that from the first one's start to the last
/// one's end: a map has grown when all of it is there.
fn once(map: Box<dyn Subject>, open: &Open, streams: &[Stream]) -> Result<Slice, Failure> {
    let (start, late, longest) = (Barrier::new(streams.len()), AtomicBool::new(false), longest(open));
    let work = |access: &mut dyn Access, stream: &Stream| grow(access, stream, &start, &late, longest);
    let done: Vec<Done> = together(&*map, open, streams, work, || {});
    let began = done.iter().map(|done| done.began).min().expect("there is a thread");
    let ended = done.iter().map(|done| done.ended).max().expect("there is a thread");
    if late.into_inner() {
        return Err(too_late(done.iter().map(|done| done.tally.ops).sum(), streams, longest));
    }
    let elapsed_ns = (ended - began).as_nanos() as u64;
    let (mut effects, mut tallied) = (Effects::default(), Tallied::default());
    for (done, stream) in done.iter().zip(streams) {
        effects += done.tally.effects();
        // A stream that is run once from end to end.
        let kinds = stream.ops().iter().fold([0; OpKind::ALL.len()], |mut kinds, op| {
            kinds[op.kind() as usize] += 1;
            kinds
        });
        tallied += Tallied { kinds, iterated: done.tally.iterated };
    }
    check(&*map, open, &effects)?;
    let rss_bytes = system::resident_bytes("self").unwrap_or(0);
    let dropping = Instant::now();
    drop(map);
    Ok(Slice {
        threads: done.iter().map(|done| Measured { ops: done.tally.ops, elapsed_ns }).collect(),
        batch_ops: LARGEST_BATCH as u64,
        effects,
        tallied: Some(tallied),
        drop_ns: Some(dropping.elapsed().as_nanos() as u64),
        rss_bytes,
    })
}

/// Each stream on a thread of its own, and something here meanwhile. A panic of the map ends the process.
pub(super) fn together<T: Send>(
    map: &dyn Subject,
    open: &Open,
    streams: &[Stream],
    work: impl Fn(&mut dyn Access, &Stream) -> T + Sync,
    meanwhile: impl FnOnce(),
) -> Vec<T> {
    let thread = |(index, stream): (usize, &Stream)| {
        if let Some(processor) = open.processors.get(index) {
            system::pin_this_thread(*processor);
        }
        let mut done = None;
        let attended = catch_unwind(AssertUnwindSafe(|| {
            map.attend(stream.ops(), &mut |access| done = Some(work(access, stream)));
        }));
        match attended {
            Ok(()) => done.expect("a map lends its access"),
            // The other threads may hang in a map that is broken.
            Err(payload) => end(failure_of(&*payload)),
        }
    };
    let thread = &thread;
    std::thread::scope(|scope| {
        let threads: Vec<_> = streams.iter().enumerate().map(|place| scope.spawn(move || thread(place))).collect();
        meanwhile();
        threads.into_iter().map(|thread| thread.join().expect("its panics were caught")).collect()
    })
}

/// How long a map may take.
pub(super) fn longest(open: &Open) -> Duration {
    LONGEST.max(SLOWEST * open.load.operations.unwrap_or(0))
}

/// What becomes of one that takes longer.
pub(super) fn too_late(ops: u64, streams: &[Stream], longest: Duration) -> Failure {
    let all: usize = streams.iter().map(|stream| stream.ops().len()).sum();
    let message = format!("{ops} of {all} operations were done in {} s", longest.as_secs());
    Failure { status: Status::TimedOut, message }
}

/// Checks that the map holds what the operations must have left in it.
pub(super) fn check(map: &dyn Subject, open: &Open, effects: &Effects) -> Result<(), Failure> {
    let expected = u64::from(open.load.population) + effects.inserted - effects.removed;
    let mut checked = Ok(());
    map.attend(&[], &mut |access| checked = access.conserve(expected));
    checked.map_err(|message| Failure { status: Status::WrongAnswer, message })
}

fn grow(access: &mut dyn Access, stream: &Stream, start: &Barrier, late: &AtomicBool, longest: Duration) -> Done {
    let (mut cursor, mut tally) = (Cursor::new(stream), Tally::default());
    start.wait();
    let began = Instant::now();
    while tally.ops < stream.ops().len() as u64 && !late.load(Ordering::Relaxed) {
        access.run(cursor.next(LARGEST_BATCH), &mut tally);
        access.quiesce();
        if began.elapsed() > longest {
            late.store(true, Ordering::Relaxed);
        }
    }
    Done { began, ended: Instant::now(), tally }
}
