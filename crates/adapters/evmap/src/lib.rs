//! evmap, publishing on every write or a batch at a time.

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
    iteration: Iteration::Snapshot,
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
                have left the old copy, so that a reader that sleeps inside a read delays all writers. One reader is \
                cloned for each thread. One value a key: update, not insert, which would append. A panic inside an \
                operation leaves the entry as it was.",
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
                what is measured. A publish waits until the readers have left the old copy. One value a key: update, not \
                insert, which would append. A panic inside an operation leaves the entry as it was.",
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
}
