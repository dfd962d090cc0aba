//! A smoke test with threads: what must hold at the end whatever the order was.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Barrier;
use std::thread;

use foldhash::fast::FixedState;
use mapbench_api::{ConcurrentMap, Consistency, Detected, MapHandle, Operation, Strategy};

const THREADS: usize = 4;

/// Few enough that threads meet on keys.
const KEYS: u64 = 16;

const TURNS: u64 = 400;

/// Runs threads over few keys, and checks that no increment is lost, that one thread wins every insertion, that entries
/// are conserved, and that every value belongs to its key. A thread that the strategy ends with [`Detected`] is its right;
/// nothing is then asked of the rest.
///
/// # Panics
/// When something is lost.
pub fn threads<S: Strategy>() {
    readers::<S>();
    for operation in [Operation::Update, Operation::Upsert, Operation::CompareExchange] {
        if has::<S>(operation) {
            increments::<S>(operation);
        }
    }
    if has::<S>(Operation::InsertNew) {
        insertions::<S>();
    }
    if has::<S>(Operation::Insert) && has::<S>(Operation::Remove) {
        conservation::<S>();
    }
}

fn has<S: Strategy>(operation: Operation) -> bool {
    S::INFO.lacks(operation).is_none()
}

/// The key in the upper half, a count in the lower.
const fn value(key: u64, count: u64) -> u64 {
    key << 32 | count
}

fn readers<S: Strategy>() {
    let map = prefilled::<S>(KEYS);
    let done = together::<S, _>(&map, |handle, _| {
        for turn in 0..TURNS {
            let key = turn % (2 * KEYS);
            assert_eq!(handle.read(&key, |value| *value), (key < KEYS).then_some(value(key, 0)));
        }
        0
    });
    assert!(done.is_some(), "{}: readers alone were detected", S::INFO.name);
}

/// Upsert begins with an empty map: whoever inserts, inserts the first increment.
fn increments<S: Strategy>(operation: Operation) {
    let present = if operation == Operation::Upsert { 0 } else { KEYS };
    let map = prefilled::<S>(present);
    let done = together::<S, _>(&map, |handle, _| {
        let mut inserted = 0;
        for turn in 0..TURNS {
            let key = turn % KEYS;
            match operation {
                Operation::Update => assert!(handle.update(&key, |old| old + 1), "a present key was not updated"),
                Operation::Upsert => inserted += i64::from(handle.upsert(key, value(key, 1), |old| old + 1)),
                _ => exchange::<S, _>(handle, key),
            }
            pause(handle, turn);
        }
        inserted
    });
    let Some(results) = done else { return };
    let name = S::INFO.name;
    assert_eq!(results.iter().sum::<i64>(), (KEYS - present) as i64, "{name}: insertions by {operation}");
    let mut handle = map.handle();
    for key in 0..KEYS {
        let expected = value(key, results.len() as u64 * TURNS / KEYS);
        assert_eq!(handle.read(&key, |value| *value), Some(expected), "{name}: {operation} lost an increment");
    }
}

/// Adds one by compare and exchange.
fn exchange<S: Strategy, M: MapHandle<u64, u64>>(handle: &mut M, key: u64) {
    let read = handle.read(&key, |value| *value);
    // Only an eventual map may hide a key while another thread replaces it; the exchange then says what is there.
    assert!(read.is_some() || S::INFO.consistency == Consistency::Eventual, "a present key was not read");
    let mut expected = read.unwrap_or(value(key, 0));
    // Others succeed at most so often in between; an exchange that fails on would never end.
    for _ in 0..=THREADS as u64 * TURNS {
        match handle.compare_exchange(&key, &expected, expected + 1) {
            Ok(()) => return,
            Err(found) => expected = found.expect("the key is never removed"),
        }
    }
    panic!("compare_exchange fails although nobody else writes");
}

/// All threads insert the same keys with values of their own: the one that is told so must be the one that is read.
fn insertions<S: Strategy>() {
    let map = prefilled::<S>(0);
    let done = together::<S, _>(&map, |handle, thread| {
        let mut won = 0;
        for key in 0..TURNS {
            won += i64::from(handle.insert_new(key, value(key, thread as u64)));
            pause(handle, key);
        }
        won
    });
    let Some(results) = done else { return };
    let mut read = vec![0; results.len()];
    let mut handle = map.handle();
    for key in 0..TURNS {
        let found = handle.read(&key, |value| *value).expect("every key was inserted");
        assert_eq!(found >> 32, key, "a value under a wrong key");
        read[(found & u64::from(u32::MAX)) as usize] += 1;
    }
    assert_eq!(read, results, "{}: the insertions of each thread", S::INFO.name);
}

fn conservation<S: Strategy>() {
    let map = prefilled::<S>(KEYS);
    let done = together::<S, _>(&map, |handle, thread| {
        let mut balance = 0_i64;
        for turn in 0..TURNS {
            let key = (turn * 7 + thread as u64 * 3) % KEYS;
            if (turn + thread as u64).is_multiple_of(2) {
                balance -= i64::from(handle.remove(&key));
            } else {
                balance += i64::from(handle.insert(key, value(key, turn)));
            }
            let other = (turn * 5) % KEYS;
            if let Some(read) = handle.read(&other, |value| *value) {
                assert_eq!(read >> 32, other, "a value under a wrong key");
            }
            pause(handle, turn);
        }
        balance
    });
    let Some(results) = done else { return };
    let name = S::INFO.name;
    let expected = KEYS as i64 + results.iter().sum::<i64>();
    let mut handle = map.handle();
    let present = (0..KEYS).filter(|key| handle.read(key, |_| ()).is_some()).count();
    assert_eq!(present as i64, expected, "{name}: prefill + inserted - removed");
    if has::<S>(Operation::ForEach) {
        let mut entries = 0;
        handle.for_each(|key, value| {
            assert_eq!(value >> 32, *key, "a value under a wrong key");
            entries += 1;
        });
        assert_eq!(entries, expected, "{name}: for_each");
    }
    if has::<S>(Operation::Len) {
        assert_eq!(handle.len() as i64, expected, "{name}: len");
    }
}

/// Ends a batch now and then, at the thread's own time.
fn pause<M: MapHandle<u64, u64>>(handle: &mut M, turn: u64) {
    if turn.is_multiple_of(32) {
        handle.quiesce();
    }
}

fn prefilled<S: Strategy>(keys: u64) -> S::Map<u64, u64, FixedState> {
    S::build(4, FixedState::with_seed(3), (0..keys).map(|key| (key, value(key, 0))))
}

/// Runs the work on all threads at once, and leaves the map quiescent; `None` if the strategy detected an overlap.
fn together<S: Strategy, F>(map: &S::Map<u64, u64, FixedState>, work: F) -> Option<Vec<i64>>
where
    F: Fn(&mut <S::Map<u64, u64, FixedState> as ConcurrentMap<u64, u64>>::Handle<'_>, usize) -> i64 + Sync,
{
    let threads = S::INFO.thread_limit.map_or(THREADS, |limit| limit.threads.min(THREADS));
    let barrier = Barrier::new(threads);
    let run = |thread| {
        // A handle that is refused must not leave the others waiting.
        let handle = catch_unwind(AssertUnwindSafe(|| map.handle()));
        barrier.wait();
        let mut handle = handle?;
        catch_unwind(AssertUnwindSafe(|| {
            let result = work(&mut handle, thread);
            handle.quiesce();
            result
        }))
    };
    let outcomes: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || run(thread))).collect();
        running.into_iter().map(|thread| thread.join().and_then(|outcome| outcome)).collect()
    });
    let (done, ended): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    let detected = !ended.is_empty();
    for payload in ended.into_iter().filter_map(Result::err) {
        if !payload.is::<Detected>() {
            resume_unwind(payload);
        }
    }
    (!detected).then(|| done.into_iter().flatten().collect())
}
