//! Small cases in every order that the memory model allows; run by `scripts/loom.sh`.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind, set_hook};
use std::sync::{Arc, Once};

use foldhash::fast::FixedState;
use loom::thread;
use mapbench_api::{ConcurrentMap, Detected, MapHandle, Strategy};

use crate::Checked;

const READ_AND_WRITE: &str = "fatal error: concurrent map read and map write";
const ITERATION_AND_WRITE: &str = "fatal error: concurrent map iteration and map write";
const WRITES: &str = "fatal error: concurrent map writes";

type Map = crate::CheckedMap<u64, u64, FixedState>;

/// Runs a model with the map {1: 1}; what is detected is not printed, every order would.
fn model(case: impl Fn(&Arc<Map>) + Send + Sync + 'static) {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        set_hook(Box::new(|info| {
            if !info.payload().is::<Detected>() {
                eprintln!("{info}");
            }
        }));
    });
    loom::model(move || case(&Arc::new(Checked::build(1, FixedState::with_seed(0), [(1, 1)].into_iter()))));
}

/// The result of an operation, or the message by which it was ended.
type Ended<R> = Result<R, &'static str>;

fn attempt<R>(map: &Map, operation: impl FnOnce(&mut crate::CheckedHandle<'_, u64, u64, FixedState>) -> R) -> Ended<R> {
    match catch_unwind(AssertUnwindSafe(|| operation(&mut map.handle()))) {
        Ok(result) => Ok(result),
        Err(payload) => match payload.downcast::<Detected>() {
            Ok(detected) => Err(detected.message),
            Err(other) => resume_unwind(other),
        },
    }
}

fn spawn<R: 'static>(map: &Arc<Map>, operation: impl FnOnce(&Map) -> R + 'static) -> thread::JoinHandle<R> {
    let map = Arc::clone(map);
    thread::spawn(move || operation(&map))
}

fn write(map: &Map, key: u64) -> Ended<bool> {
    attempt(map, |handle| handle.insert(key, 10 * key))
}

fn read(map: &Map, key: u64) -> Ended<Option<u64>> {
    attempt(map, |handle| handle.read(&key, |value| *value))
}

fn iterate(map: &Map) -> Ended<BTreeMap<u64, u64>> {
    attempt(map, |handle| {
        let mut entries = BTreeMap::new();
        handle.for_each(|key, value| assert!(entries.insert(*key, *value).is_none()));
        entries
    })
}

/// Nothing is locked, and the map holds what the writes that were not ended have put there.
fn settled(map: &Map, writes: &[(u64, Ended<bool>)]) {
    let mut expected = BTreeMap::from([(1, 1)]);
    for (key, ended) in writes {
        match ended {
            Ok(was_absent) => assert_eq!(expected.insert(*key, 10 * key).is_none(), *was_absent),
            Err(_) => continue,
        }
    }
    assert_eq!(iterate(map), Ok(expected));
    assert_eq!(write(map, 9), Ok(true));
}

#[test]
fn two_writers() {
    model(|map| {
        let other = spawn(map, |map| write(map, 2));
        let mine = write(map, 3);
        let other = other.join().unwrap();
        assert!([mine, other].iter().all(|ended| ended.is_ok() || *ended == Err(WRITES)));
        assert!(mine.is_ok() || other.is_ok(), "whoever came first goes on");
        settled(map, &[(2, other), (3, mine)]);
    });
}

#[test]
fn a_reader_and_a_writer() {
    model(|map| {
        let writer = spawn(map, |map| write(map, 1));
        let reader = read(map, 1);
        let writer = writer.join().unwrap();
        match (reader, writer) {
            (Ok(Some(1)), Ok(false)) | (Ok(Some(10)), Ok(false)) => {}
            (Err(READ_AND_WRITE), Ok(false)) | (Ok(Some(1)), Err(READ_AND_WRITE)) => {}
            other => panic!("{other:?}"),
        }
        settled(map, &[(1, writer)]);
    });
}

#[test]
fn an_iteration_and_a_writer() {
    model(|map| {
        let writer = spawn(map, |map| write(map, 2));
        let iteration = iterate(map);
        let writer = writer.join().unwrap();
        match (&iteration, writer) {
            (Ok(entries), Ok(true)) => assert!([1, 2].contains(&entries.len())),
            (Err(ITERATION_AND_WRITE), Ok(true)) => {}
            (Ok(entries), Err(ITERATION_AND_WRITE)) => assert_eq!(entries.len(), 1),
            other => panic!("{other:?}"),
        }
        settled(map, &[(2, writer)]);
    });
}

#[test]
fn an_iteration_that_is_over_is_not_blamed_for_a_reader() {
    model(|map| {
        assert!(iterate(map).is_ok());
        let writer = spawn(map, |map| write(map, 2));
        let reader = read(map, 1);
        let writer = writer.join().unwrap();
        assert!(reader == Ok(Some(1)) || reader == Err(READ_AND_WRITE), "{reader:?}");
        assert!(writer == Ok(true) || writer == Err(READ_AND_WRITE), "{writer:?}");
        settled(map, &[(2, writer)]);
    });
}

#[test]
fn readers_and_iterations_never_stop_each_other() {
    model(|map| {
        let reader = spawn(map, |map| read(map, 1));
        let iteration = spawn(map, iterate);
        assert_eq!(read(map, 2), Ok(None));
        assert_eq!(reader.join().unwrap(), Ok(Some(1)));
        assert_eq!(iteration.join().unwrap(), Ok(BTreeMap::from([(1, 1)])));
    });
}

#[test]
fn a_reader_an_iteration_and_a_writer() {
    model(|map| {
        let reader = spawn(map, |map| read(map, 1));
        let iteration = spawn(map, iterate);
        let writer = write(map, 2);
        let (reader, iteration) = (reader.join().unwrap(), iteration.join().unwrap());
        assert!(reader == Ok(Some(1)) || reader == Err(READ_AND_WRITE), "{reader:?}");
        assert!(iteration.as_ref().map_or_else(|message| *message == ITERATION_AND_WRITE, |_| true), "{iteration:?}");
        assert!([Ok(true), Err(READ_AND_WRITE), Err(ITERATION_AND_WRITE)].contains(&writer), "{writer:?}");
        settled(map, &[(2, writer)]);
    });
}

#[test]
fn a_closure_that_panics_gives_back_what_it_took() {
    model(|map| {
        let writer = spawn(map, |map| {
            attempt(map, |handle| {
                let update = || handle.update(&1, |_| resume_unwind(Box::new("on purpose")));
                catch_unwind(AssertUnwindSafe(update)).map_err(|payload| payload.is::<Detected>())
            })
        });
        let mine = write(map, 2);
        let writer = writer.join().unwrap();
        assert!(writer == Ok(Err(false)) || writer == Ok(Err(true)), "{writer:?}");
        settled(map, &[(2, mine)]);
    });
}
