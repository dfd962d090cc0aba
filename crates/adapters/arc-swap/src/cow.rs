use std::collections::HashMap;

use mapbench_api::{Consistency, HashBuilder, Iteration, Key, Progress, Reclamation, Strategy, StrategyInfo, Value};

use crate::snapshot::{Snapshots, Table};

/// `arc-swap-cow`: every write clones the map.
pub struct ArcSwapCow;

impl Strategy for ArcSwapCow {
    const INFO: StrategyInfo = StrategyInfo {
        name: "arc-swap-cow",
        upstream: "arc-swap",
        version: env!("UPSTREAM_VERSION"),
        summary: "ArcSwap over an immutable std HashMap; every write clones it (Go's atomic.Value)",
        consistency: Consistency::Linearizable,
        iteration: Iteration::Snapshot,
        read_progress: Progress::LockFree,
        reclamation: Reclamation::ReferenceCounted,
        configuration: "writers take turns on a parking_lot Mutex",
        notes: "A write costs O(entries) in time and memory; a write that would change nothing clones nothing. Readers \
                take arc-swap's guard for each operation and give it back at once: a thread has eight cheap ones. \
                Reads are wait-free all but never (arc-swap names one in usize::MAX / 4). The old map is freed whole by \
                whoever lets go of it last: a writer, after its turn, or a reader, inside a read. A panic inside an \
                operation's closure leaves the map as it was. Readers and iterations may read and write the map again, and \
                update may read it.",
        unsupported: &[],
        thread_limit: None,
    };

    type Map<K: Key, V: Value, S: HashBuilder> = Snapshots<HashMap<K, V, S>>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> Self::Map<K, V, S> {
        let mut table = HashMap::with_capacity_and_hasher(capacity, hasher);
        table.extend(entries);
        Snapshots::new(table)
    }
}

impl<K: Key, V: Value, S: HashBuilder> Table<K, V> for HashMap<K, V, S> {
    #[inline]
    fn get(&self, key: &K) -> Option<&V> {
        HashMap::get(self, key)
    }

    fn put(&mut self, key: K, value: V) -> bool {
        self.insert(key, value).is_none()
    }

    fn remove(&mut self, key: &K) {
        HashMap::remove(self, key);
    }

    fn each(&self, mut f: impl FnMut(&K, &V)) {
        self.iter().for_each(|(key, value)| f(key, value));
    }

    fn count(&self) -> usize {
        HashMap::len(self)
    }
}

#[cfg(test)]
mod tests {
    mapbench_conformance::test_strategy!(crate::ArcSwapCow);
}
