//! Small cases of the sharded map in every order; run by `scripts/loom.sh`.

use std::sync::Arc;

use foldhash::fast::FixedState;
use loom::thread;
use mapbench_api::{ConcurrentMap, LockedHandle, LockedMap, MapHandle, Strategy};

use crate::{ShardedRwLockOf, Shards};

type Map = LockedMap<Shards<u64, u64, FixedState, 2>>;
type Handle<'m> = LockedHandle<'m, Shards<u64, u64, FixedState, 2>>;

const HASHER: FixedState = FixedState::with_seed(0);

/// Two keys of different shards.
fn keys() -> [u64; 2] {
    [0, 1].map(|shard| (0..).find(|key| crate::place(&HASHER, key, 2) == shard).expect("a key for each shard"))
}

/// Runs a model with a map of both keys, each with the value 1.
fn model(case: impl Fn(&Arc<Map>, [u64; 2]) + Send + Sync + 'static) {
    let keys = keys();
    loom::model(move || {
        let entries = keys.into_iter().map(|key| (key, 1));
        case(&Arc::new(ShardedRwLockOf::<2>::build(2, HASHER, entries)), keys);
    });
}

fn spawn<R: 'static>(map: &Arc<Map>, operation: impl FnOnce(&mut Handle<'_>) -> R + 'static) -> thread::JoinHandle<R> {
    let map = Arc::clone(map);
    thread::spawn(move || operation(&mut map.handle()))
}

fn read(map: &Map, key: u64) -> Option<u64> {
    map.handle().read(&key, |value| *value)
}

fn entries(map: &Map) -> Vec<(u64, u64)> {
    let mut entries = Vec::new();
    map.handle().for_each(|key, value| entries.push((*key, *value)));
    entries
}

#[test]
fn no_update_is_lost() {
    model(|map, [key, _]| {
        let other = spawn(map, move |handle| assert!(handle.update(&key, |value| value + 1)));
        assert!(!map.handle().upsert(key, 9, |value| value + 1));
        other.join().unwrap();
        assert_eq!(read(map, key), Some(3));
    });
}

#[test]
fn one_of_two_insertions_wins() {
    model(|map, [key, _]| {
        assert!(map.handle().remove(&key));
        let other = spawn(map, move |handle| handle.insert_new(key, 20));
        let mine = map.handle().insert_new(key, 10);
        let other = other.join().unwrap();
        assert!(mine != other, "one of them");
        assert_eq!(read(map, key), Some(if mine { 10 } else { 20 }));
    });
}

#[test]
fn an_exchange_and_a_removal() {
    model(|map, [key, _]| {
        let exchange = spawn(map, move |handle| handle.compare_exchange(&key, &1, 2));
        assert!(map.handle().remove(&key), "the key was there all the time");
        let exchange = exchange.join().unwrap();
        assert!(exchange == Ok(()) || exchange == Err(None), "{exchange:?}");
        assert_eq!(read(map, key), None);
    });
}

#[test]
fn a_write_that_returned_is_seen_across_shards() {
    model(|map, [first, second]| {
        let writer = spawn(map, move |handle| {
            handle.insert(first, 2);
            handle.insert(second, 2);
        });
        let (later, earlier) = (read(map, second), read(map, first));
        assert!(later == Some(1) || earlier == Some(2), "the second write is seen, the first is not");
        writer.join().unwrap();
    });
}

#[test]
fn an_iteration_shows_what_is_there_throughout_once() {
    model(|map, [first, second]| {
        let writer = spawn(map, move |handle| {
            handle.update(&first, |value| value + 1);
            handle.remove(&second);
            handle.insert(second, 5);
        });
        let (seen, len) = (entries(map), map.handle().len());
        let shown = |key| seen.iter().filter(|entry| entry.0 == key).map(|entry| entry.1).collect::<Vec<_>>();
        assert!([[1], [2]].contains(&shown(first)[..].try_into().expect("once")));
        assert!([&[][..], &[1], &[5]].contains(&&shown(second)[..]));
        assert!([1, 2].contains(&len));
        writer.join().unwrap();
        assert_eq!(entries(map).len(), 2);
    });
}

#[test]
fn two_shards_never_wait_for_each_other() {
    model(|map, [first, second]| {
        let other = spawn(map, move |handle| {
            handle.update(&first, |value| value + 1);
            handle.update(&second, |value| value + 1);
        });
        map.handle().update(&second, |value| value + 1);
        map.handle().update(&first, |value| value + 1);
        other.join().unwrap();
        assert_eq!((read(map, first), read(map, second)), (Some(3), Some(3)));
    });
}
