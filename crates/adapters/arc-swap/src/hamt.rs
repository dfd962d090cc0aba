use imbl::GenericHashMap;
use imbl::shared_ptr::DefaultSharedPtr;
use mapbench_api::{Consistency, HashBuilder, Iteration, Key, Progress, Reclamation, Strategy, StrategyInfo, Value};

use crate::snapshot::{Snapshots, Table};

/// `arc-swap-hamt`: every write copies a path of a persistent trie.
pub struct ArcSwapHamt;

impl Strategy for ArcSwapHamt {
    const INFO: StrategyInfo = StrategyInfo {
        name: "arc-swap-hamt",
        upstream: "imbl",
        version: env!("HAMT_VERSION"),
        summary: "ArcSwap over imbl's persistent hash trie; every write copies O(log n) of it",
        consistency: Consistency::Linearizable,
        iteration: Iteration::Snapshot,
        read_progress: Progress::LockFree,
        reclamation: Reclamation::ReferenceCounted,
        configuration: concat!("writers take turns on a parking_lot Mutex; arc-swap ", env!("UPSTREAM_VERSION")),
        notes: "Reads walk a trie instead of a table; of a hash it uses 32 bits. A write clones the nodes on its path, with \
                the up to 32 keys and values of its leaf; one that would change nothing clones nothing. Capacity cannot \
                be reserved. Readers take arc-swap's guard for each operation and give it back at once. The old nodes are \
                freed by whoever lets go of them last: a writer, after its turn, or a reader, inside a read. A panic \
                inside an operation's closure leaves the map as it was. Readers and iterations may read and write the map \
                again, and update may read it.",
        unsupported: &[],
        thread_limit: None,
    };

    type Map<K: Key, V: Value, S: HashBuilder> = Snapshots<HashMap<K, V, S>>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        _: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> Self::Map<K, V, S> {
        let mut table = HashMap::with_hasher(hasher);
        table.extend(entries);
        Snapshots::new(table)
    }
}

type HashMap<K, V, S> = GenericHashMap<K, V, S, DefaultSharedPtr>;

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
    mapbench_conformance::test_strategy!(crate::ArcSwapHamt);
}
