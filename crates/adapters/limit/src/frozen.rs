use std::collections::HashMap;
use std::sync::Arc;

use mapbench_api::{
    ConcurrentMap, Consistency, HashBuilder, Iteration, Key, MapHandle, Operation, Progress, Reclamation, Strategy,
    StrategyInfo, Unsupported, Value,
};

/// `frozen`: an immutable map.
pub struct Frozen;

const fn no(operation: Operation) -> Unsupported {
    Unsupported { operation, reason: "the map is immutable" }
}

impl Strategy for Frozen {
    const INFO: StrategyInfo = StrategyInfo {
        name: "frozen",
        upstream: "std",
        version: env!("RUSTC_VERSION"),
        summary: "Arc over an immutable std HashMap: the limit of reading",
        consistency: Consistency::Linearizable,
        iteration: Iteration::Snapshot,
        read_progress: Progress::WaitFree,
        reclamation: Reclamation::Never,
        configuration: "default",
        notes: "A limit, not a contender: it takes no writes.",
        unsupported: &[
            no(Operation::Insert),
            no(Operation::InsertNew),
            no(Operation::Remove),
            no(Operation::Update),
            no(Operation::Upsert),
            no(Operation::CompareExchange),
        ],
        thread_limit: None,
    };

    type Map<K: Key, V: Value, S: HashBuilder> = FrozenMap<K, V, S>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> FrozenMap<K, V, S> {
        let mut table = HashMap::with_capacity_and_hasher(capacity, hasher);
        table.extend(entries);
        FrozenMap(Arc::new(table))
    }
}

/// The map of [`Frozen`]; a thread's handle is a share of it.
#[derive(Clone)]
pub struct FrozenMap<K, V, S>(Arc<HashMap<K, V, S>>);

impl<K: Key, V: Value, S: HashBuilder> ConcurrentMap<K, V> for FrozenMap<K, V, S> {
    type Handle<'m> = FrozenMap<K, V, S>;

    fn handle(&self) -> FrozenMap<K, V, S> {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Key, V: Value, S: HashBuilder> MapHandle<K, V> for FrozenMap<K, V, S> {
    #[inline]
    fn read<R>(&mut self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R> {
        self.0.get(key).map(f)
    }

    #[inline]
    fn for_each(&mut self, mut f: impl FnMut(&K, &V)) {
        self.0.iter().for_each(|(key, value)| f(key, value));
    }

    #[inline]
    fn len(&mut self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    mapbench_conformance::test_strategy!(crate::Frozen);
}
