//! Small cases in every order; run by `scripts/loom.sh`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use foldhash::fast::FixedState;
use loom::thread;
use mapbench_api::{ConcurrentMap, MapHandle, SingleWriterHandle, Strategy};

use crate::{EpochCow, EpochHandle, EpochMap};

/// A value that leaves word when it is dropped: its place in memory may be in use again by then.
#[derive(Debug)]
struct Canary {
    content: u64,
    /// Beside the value, and never freed before the model ends.
    dropped: &'static AtomicUsize,
}

impl Canary {
    fn new(content: u64) -> Self {
        Self { content, dropped: Box::leak(Box::new(AtomicUsize::new(0))) }
    }

    fn content(&self) -> u64 {
        assert_eq!(self.dropped.load(Ordering::Relaxed), 0, "read after it was freed");
        self.content
    }
}

impl Clone for Canary {
    fn clone(&self) -> Self {
        Self::new(self.content())
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        assert_eq!(self.dropped.fetch_add(1, Ordering::Relaxed), 0, "freed twice");
    }
}

impl PartialEq for Canary {
    fn eq(&self, other: &Self) -> bool {
        self.content() == other.content()
    }
}

impl Eq for Canary {}

impl std::hash::Hash for Canary {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.content().hash(state);
    }
}

type Map = EpochMap<u64, Canary, FixedState>;
type Handle<'m> = SingleWriterHandle<EpochHandle<'m, u64, Canary, FixedState>>;

/// The map {1: 10}.
fn map() -> Arc<Map> {
    Arc::new(EpochCow::build(1, FixedState::with_seed(0), std::iter::once((1, Canary::new(10)))))
}

fn model(case: impl Fn(&Arc<Map>) + Send + Sync + 'static) {
    loom::model(move || case(&map()));
}

fn spawn<R: 'static>(map: &Arc<Map>, operation: impl FnOnce(&mut Handle<'_>) -> R + 'static) -> thread::JoinHandle<R> {
    let map = Arc::clone(map);
    thread::spawn(move || operation(&mut map.handle()))
}

fn read(map: &Map, key: u64) -> Option<u64> {
    map.handle().read(&key, Canary::content)
}

#[test]
fn a_reader_sees_the_old_snapshot_or_the_new_and_never_a_freed_one() {
    model(|map| {
        let writer = spawn(map, |handle| assert!(!handle.insert(1, Canary::new(20))));
        let seen = map.handle().read(&1, |value| {
            let first = value.content();
            thread::yield_now();
            assert_eq!(value.content(), first);
            first
        });
        assert!(seen == Some(10) || seen == Some(20), "{seen:?}");
        writer.join().unwrap();
        assert_eq!(read(map, 1), Some(20));
    });
}

/// Three writes are so many that the first snapshots are freed before the model ends. One preemption is what it takes to
/// let a writer do that while a reader is reading.
#[test]
fn a_snapshot_is_kept_for_its_reader_while_later_writes_free_others() {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(1);
    builder.max_branches = 10_000;
    builder.check(|| {
        let map = map();
        let writer = spawn(&map, |handle| (2..5).for_each(|n| assert!(!handle.insert(1, Canary::new(10 * n)))));
        let seen = map.handle().read(&1, |value| {
            let first = value.content();
            thread::yield_now();
            assert_eq!(value.content(), first);
            first
        });
        assert!(seen.is_some_and(|seen| [10, 20, 30, 40].contains(&seen)), "{seen:?}");
        writer.join().unwrap();
    });
}

#[test]
fn no_update_is_lost() {
    model(|map| {
        let other = spawn(map, |handle| assert!(handle.update(&1, |value| Canary::new(value.content() + 1))));
        assert!(map.handle().update(&1, |value| Canary::new(value.content() + 1)));
        other.join().unwrap();
        assert_eq!(read(map, 1), Some(12));
    });
}

#[test]
fn one_of_two_insertions_wins() {
    model(|map| {
        let other = spawn(map, |handle| handle.insert_new(2, Canary::new(20)));
        let mine = map.handle().insert_new(2, Canary::new(30));
        let other = other.join().unwrap();
        assert!(mine != other);
        assert_eq!(read(map, 2), Some(if mine { 30 } else { 20 }));
    });
}

#[test]
fn an_iteration_shows_one_state() {
    model(|map| {
        let writer = spawn(map, |handle| {
            handle.insert(2, Canary::new(20));
            handle.remove(&1);
        });
        let mut seen = Vec::new();
        map.handle().for_each(|key, value| seen.push((*key, value.content())));
        seen.sort_unstable();
        assert!([&[(1, 10)][..], &[(1, 10), (2, 20)], &[(2, 20)]].contains(&&seen[..]), "{seen:?}");
        writer.join().unwrap();
    });
}
