//! evmap, publishing on every write or a batch at a time.
//!
//! evmap is sound only if the `Hash` and `Eq` of keys and values and the hasher always answer alike, for clones too. The
//! types that mapbench measures do; whoever builds these maps with types of their own must see to it.

mod map;

pub use map::{EvmapHandle, EvmapMap};

use mapbench_api::{Consistency, HashBuilder, Iteration, Key, Progress, Reclamation, Strategy, StrategyInfo, Value};

/// `evmap`: every write publishes.
pub struct Evmap;

/// `evmap-batched`: `quiesce` publishes.
pub struct EvmapBatched;

const INFO: StrategyInfo = StrategyInfo {
    name: "",
    upstream: "evmap",
    version: env!("UPSTREAM_VERSION"),
    summary: "",
    consistency: Consistency::Published,
    iteration: Iteration::BlocksWriters,
    read_progress: Progress::WaitFree,
    reclamation: Reclamation::Deferred,
    configuration: "",
    notes: "",
    unsupported: &[],
    thread_limit: None,
};

impl Strategy for Evmap {
    const INFO: StrategyInfo = StrategyInfo {
        name: "evmap",
        summary: "evmap, a publish on every write",
        consistency: Consistency::Linearizable,
        configuration: "writers take turns on a parking_lot Mutex and publish before they let go of it",
        notes: "Two copies of the map: twice the memory, and every write is done twice. A publish waits until the readers \
                have left the old copy, so that a reader that sleeps inside a read, or iterates, delays all writers but the \
                first. One reader is cloned for each thread. One value a key: update, not insert, which would append. \
                Both copies are filled before the clock starts. A panic inside an operation's closure leaves the entry as \
                it was. Reads within any closure return; a write within a read or an iteration waits for itself for ever.",
        ..INFO
    };

    type Map<K: Key, V: Value, S: HashBuilder> = EvmapMap<K, V, S, false>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> Self::Map<K, V, S> {
        EvmapMap::filled(capacity, hasher, entries)
    }
}

impl Strategy for EvmapBatched {
    const INFO: StrategyInfo = StrategyInfo {
        name: "evmap-batched",
        summary: "evmap, a publish a batch: readers see the state of the last one",
        configuration: "writers take turns on a parking_lot Mutex; a thread that has written publishes between batches \
                        (at most 1 024 operations)",
        notes: "Two copies of the map: twice the memory, and every write is done twice. Reads are stale by up to a batch. \
                evmap's writer cannot see what it has not published: so that writes stay atomic and know what they \
                replace, the adapter keeps the writes since the last publish in a table beside it; their cost is part of \
                what is measured. A publish waits until the readers have left the old copy, iterations too, and all \
                writers wait for it. One value a key: update, not insert, which would append. Both copies are filled \
                before the clock starts. A panic inside an operation's closure leaves the entry as it was. Reads within any \
                closure return; a publish within a read or an iteration waits for itself for ever.",
        ..INFO
    };

    type Map<K: Key, V: Value, S: HashBuilder> = EvmapMap<K, V, S, true>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> Self::Map<K, V, S> {
        EvmapMap::filled(capacity, hasher, entries)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use foldhash::fast::FixedState;
    use mapbench_api::{ConcurrentMap, MapHandle, Strategy};

    mod every_write {
        mapbench_conformance::test_strategy!(crate::Evmap);
    }
    mod batched {
        mapbench_conformance::test_strategy!(crate::EvmapBatched);
    }

    #[test]
    fn a_batch_is_seen_after_its_publish_and_not_before() {
        let map = crate::EvmapBatched::build(0, FixedState::with_seed(0), std::iter::once((1, 10)));
        let (mut writer, mut reader) = (map.handle(), map.handle());
        assert!(writer.insert(2, 20));
        assert!(!writer.insert(2, 21), "a writer knows of what is not yet published");
        assert_eq!(reader.read(&2, |value| *value), None);
        reader.quiesce();
        assert_eq!(reader.read(&2, |value| *value), None, "a thread that has not written publishes nothing");
        writer.quiesce();
        assert_eq!(reader.read(&2, |value| *value), Some(21));
    }

    static CLONES: AtomicUsize = AtomicUsize::new(0);

    #[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
    struct Counted(u64);

    impl Clone for Counted {
        fn clone(&self) -> Self {
            CLONES.fetch_add(1, Ordering::Relaxed);
            Self(self.0)
        }
    }

    #[test]
    fn a_write_clones_no_value_and_the_first_does_not_pay_for_the_second_copy() {
        let entries = (0..100).map(|n| (n, Counted(n)));
        let map = crate::Evmap::build(100, FixedState::with_seed(0), entries);
        let mut handle = map.handle();
        handle.insert(1, Counted(1));
        assert_eq!(CLONES.load(Ordering::Relaxed), 0);
        let map = crate::Evmap::build(100, FixedState::with_seed(0), (0..100).map(|n| (Counted(n), n)));
        let mut handle = map.handle();
        let before = CLONES.load(Ordering::Relaxed);
        handle.insert(Counted(1), 1);
        let clones = CLONES.load(Ordering::Relaxed) - before;
        assert!(clones < 10, "the first write clones {clones} keys");
    }
}
