//! A smoke test with threads: what must hold at the end whatever the order was.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Barrier;
use std::thread;

use foldhash::fast::FixedState;
use mapbench_api::{ConcurrentMap, Detected, MapHandle, Operation, Strategy};

const THREADS: usize = 4;

/// Few enough that threads meet on keys.
const KEYS: u64 = 16;

const TURNS: u64 = 400;

/// Runs threads over few keys, and checks that no increment is lost, that entries are conserved, and that every value
/// belongs to its key. A thread that the strategy ends with [`Detected`] is its right; nothing is then asked of the rest.
///
/// # Panics
/// When something is lost.
pub fn threads<S: Strategy>() {
    for operation in [Operation::Update, Operation::Upsert, Operation::CompareExchange] {
        if S::INFO.lacks(operation).is_none() {
            increments::<S>(operation);
        }
    }
    if S::INFO.lacks(Operation::Insert).or(S::INFO.lacks(Operation::Remove)).is_none() {
        conservation::<S>();
    } else {
        readers::<S>();
    }
}

/// The key in the upper half, a count in the lower.
const fn value(key: u64, count: u64) -> u64 {
    key << 32 | count
}

fn increments<S: Strategy>(operation: Operation) {
    let map = prefilled::<S>();
    let done = together::<S, _>(&map, |handle, _| {
        for turn in 0..TURNS {
            let key = turn % KEYS;
            match operation {
                Operation::Update => assert!(handle.update(&key, |old| old + 1), "a present key was not updated"),
                Operation::Upsert => assert!(!handle.upsert(key, 0, |old| old + 1), "a present key was inserted"),
                _ => exchange(handle, key),
            }
            if turn % 32 == 0 {
                handle.quiesce();
            }
        }
        handle.quiesce();
        0
    });
    let Some(results) = done else { return };
    let mut handle = map.handle();
    handle.quiesce();
    for key in 0..KEYS {
        let expected = value(key, results.len() as u64 * TURNS / KEYS);
        assert_eq!(
            handle.read(&key, |value| *value),
            Some(expected),
            "{}: {operation} lost an increment",
            S::INFO.name
        );
    }
}

/// Adds one by compare and exchange.
fn exchange<M: MapHandle<u64, u64>>(handle: &mut M, key: u64) {
    let mut expected = handle.read(&key, |value| *value).expect("the key is never removed");
    while let Err(found) = handle.compare_exchange(&key, &expected, expected + 1) {
        expected = found.expect("the key is never removed");
    }
}

fn conservation<S: Strategy>() {
    let map = prefilled::<S>();
    let done = together::<S, _>(&map, |handle, thread| {
        let mut balance = 0_i64;
        for turn in 0..TURNS {
            let key = (turn * 7 + thread as u64 * 3) % KEYS;
            if (turn + thread as u64).is_multiple_of(2) {
                balance -= i64::from(handle.remove(&key));
            } else {
                balance += i64::from(handle.insert(key, value(key, turn)));
            }
            if let Some(read) = handle.read(&((turn * 5) % KEYS), |value| *value) {
                assert_eq!(read >> 32, (turn * 5) % KEYS, "a value under a wrong key");
            }
            if turn % 32 == 0 {
                handle.quiesce();
            }
        }
        handle.quiesce();
        balance
    });
    let Some(results) = done else { return };
    let expected = KEYS as i64 + results.iter().sum::<i64>();
    let mut handle = map.handle();
    handle.quiesce();
    let mut entries = 0;
    handle.for_each(|key, value| {
        assert_eq!(value >> 32, *key, "a value under a wrong key");
        entries += 1;
    });
    assert_eq!(entries, expected, "{}: prefill + inserted - removed", S::INFO.name);
    assert_eq!(handle.len() as i64, expected, "{}: len", S::INFO.name);
}

fn readers<S: Strategy>() {
    let map = prefilled::<S>();
    let done = together::<S, _>(&map, |handle, _| {
        for turn in 0..TURNS {
            let key = turn % (2 * KEYS);
            assert_eq!(handle.read(&key, |value| *value), (key < KEYS).then_some(value(key, 0)));
        }
        0
    });
    assert!(done.is_some(), "{}: readers alone were detected", S::INFO.name);
}

fn prefilled<S: Strategy>() -> S::Map<u64, u64, FixedState> {
    S::build(4, FixedState::with_seed(3), (0..KEYS).map(|key| (key, value(key, 0))))
}

/// Runs the work on all threads at once; `None` if the strategy detected an overlap.
fn together<S: Strategy, F>(map: &S::Map<u64, u64, FixedState>, work: F) -> Option<Vec<i64>>
where
    F: Fn(&mut <S::Map<u64, u64, FixedState> as ConcurrentMap<u64, u64>>::Handle<'_>, usize) -> i64 + Sync,
{
    let threads = S::INFO.thread_limit.map_or(THREADS, |limit| limit.threads.min(THREADS));
    let barrier = Barrier::new(threads);
    let run = |thread| {
        let mut handle = map.handle();
        barrier.wait();
        catch_unwind(AssertUnwindSafe(|| work(&mut handle, thread)))
    };
    let outcomes: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || run(thread))).collect();
        running.into_iter().map(|thread| thread.join().expect("the work's panics are caught")).collect()
    });
    let mut results = Some(Vec::new());
    for outcome in outcomes {
        match outcome {
            Ok(result) => {
                if let Some(results) = results.as_mut() {
                    results.push(result);
                }
            }
            Err(payload) if payload.is::<Detected>() => results = None,
            Err(payload) => resume_unwind(payload),
        }
    }
    results
}
