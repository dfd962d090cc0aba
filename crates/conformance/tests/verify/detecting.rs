//! Maps that notice an overlap instead of allowing it.

use std::collections::HashMap;
use std::panic::panic_any;
use std::sync::{PoisonError, RwLock, TryLockError, TryLockResult};

use mapbench_api::{
    Consistency, Detected, HashBuilder, Iteration, Key, Locked, LockedMap, Progress, Reclamation, Strategy,
    StrategyInfo, Value,
};

/// A map that lets nobody in while somebody writes; if `READERS`, nor beside a reader, which it must not.
pub(crate) struct Detecting<const READERS: bool>;

impl<const READERS: bool> Strategy for Detecting<READERS> {
    const INFO: StrategyInfo = StrategyInfo {
        name: "detecting",
        upstream: "std",
        version: "",
        summary: "",
        consistency: Consistency::Linearizable,
        iteration: Iteration::BlocksWriters,
        read_progress: Progress::LockFree,
        reclamation: Reclamation::Immediate,
        configuration: "",
        notes: "",
        unsupported: &[],
        thread_limit: None,
    };

    type Map<K: Key, V: Value, S: HashBuilder> = LockedMap<DetectingMap<K, V, S, READERS>>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> LockedMap<DetectingMap<K, V, S, READERS>> {
        let mut table = HashMap::with_capacity_and_hasher(capacity, hasher);
        table.extend(entries);
        LockedMap(DetectingMap(RwLock::new(table)))
    }
}

/// The map of [`Detecting`].
pub(crate) struct DetectingMap<K, V, S, const READERS: bool>(RwLock<HashMap<K, V, S>>);

impl<K: Key, V: Value, S: HashBuilder, const READERS: bool> Locked<K, V> for DetectingMap<K, V, S, READERS> {
    type Hasher = S;

    fn places(&self) -> usize {
        1
    }

    fn place(&self, _: &K) -> usize {
        0
    }

    fn shared<R>(&self, _: usize, f: impl FnOnce(&HashMap<K, V, S>) -> R) -> R {
        if READERS { f(&*alone(self.0.try_write())) } else { f(&*alone(self.0.try_read())) }
    }

    fn exclusive<R>(&self, _: usize, f: impl FnOnce(&mut HashMap<K, V, S>) -> R) -> R {
        f(&mut *alone(self.0.try_write()))
    }
}

fn alone<G>(tried: TryLockResult<G>) -> G {
    match tried {
        Ok(guard) => guard,
        Err(TryLockError::Poisoned(guard)) => PoisonError::into_inner(guard),
        Err(TryLockError::WouldBlock) => {
            panic_any(Detected { message: "fatal error: concurrent map read and map write" })
        }
    }
}
