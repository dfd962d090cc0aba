//! Threads that meet on one fresh map after the other.

use std::any::Any;
use std::cell::Cell;
use std::hint;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use mapbench_api::{ConcurrentMap, Detected};

/// Where a thread is at work.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) round: usize,
    pub(crate) thread: usize,
}

/// Why a strategy ended a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It noticed a misuse, and says so.
    Detected(&'static str),
    /// It panicked.
    Panicked(String),
}

impl Ended {
    fn of(payload: &(dyn Any + Send)) -> Self {
        if let Some(detected) = payload.downcast_ref::<Detected>() {
            return Ended::Detected(detected.message);
        }
        let text =
            payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref::<&str>().copied());
        Ended::Panicked(text.unwrap_or("a payload that is no text").to_owned())
    }
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs what may panic, without the message on stderr: a panic here is an answer.
pub(crate) fn quietly<R>(f: impl FnOnce() -> R) -> Result<R, Ended> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                before(panic);
            }
        }));
    });
    let outer = QUIET.replace(true);
    let result = catch_unwind(AssertUnwindSafe(f)).map_err(|payload| Ended::of(&*payload));
    QUIET.set(outer);
    result
}

/// Runs `work` on all threads at once for each of the maps, one map after the other, each thread with a handle that it had
/// before any of them began. By map, and then by thread: what came of it.
pub(crate) fn meet<M, K, V, R, F>(maps: &[M], threads: usize, work: F) -> Vec<Vec<Result<R, Ended>>>
where
    M: ConcurrentMap<K, V>,
    R: Send,
    F: Fn(&mut M::Handle<'_>, Place) -> R + Sync,
{
    let (gate, work) = (&Gate { threads, arrived: AtomicUsize::new(0) }, &work);
    let run = move |thread: usize| -> Vec<Result<R, Ended>> {
        let one = |(round, map): (usize, &M)| {
            // A handle that is refused must not leave the others waiting.
            let handle = quietly(|| map.handle());
            gate.wait(round);
            let mut handle = handle?;
            quietly(move || work(&mut handle, Place { round, thread }))
        };
        maps.iter().enumerate().map(one).collect()
    };
    let by_thread: Vec<Vec<_>> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || run(thread))).collect();
        running.into_iter().map(|thread| thread.join().expect("all panics are caught")).collect()
    });
    let mut rounds: Vec<Vec<_>> = maps.iter().map(|_| Vec::with_capacity(threads)).collect();
    for results in by_thread {
        for (round, result) in rounds.iter_mut().zip(results) {
            round.push(result);
        }
    }
    rounds
}

/// A barrier that nobody sleeps at: threads that were woken one by one would not meet in a short round.
struct Gate {
    threads: usize,
    arrived: AtomicUsize,
}

impl Gate {
    /// Each thread passes once a round, in the order of the rounds.
    fn wait(&self, round: usize) {
        self.arrived.fetch_add(1, Ordering::AcqRel);
        let all = (round + 1) * self.threads;
        let mut turns = 0_u32;
        while self.arrived.load(Ordering::Acquire) < all {
            turns += 1;
            if turns.is_multiple_of(64) { thread::yield_now() } else { hint::spin_loop() }
        }
    }
}
