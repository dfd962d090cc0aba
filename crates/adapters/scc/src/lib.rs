//! scc `HashMap`, made for writing, and `HashIndex`, made for reading.

/// What there is to know of both, in a form that `concat!` takes.
macro_rules! common_notes {
    () => {
        "Its author recommends building with +avx2 and accelerating guards, neither of which is done here. Charts of scc \
         2.0.0 to 2.3.0 are of withdrawn versions whose reads used freed memory. It was seen in two modes, 3.5 times apart, \
         on four threads and two cores: look at the forks. A panic inside an operation releases the bucket; the entry keeps \
         the value it had."
    };
}

mod hash_index;
mod hash_map;

pub use hash_index::{SccHashIndex, SccHashIndexHandle, SccHashIndexMap};
pub use hash_map::{SccHashMap, SccHashMapHandle, SccHashMapMap};

#[cfg(test)]
mod tests {
    use std::hash::RandomState;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::thread;

    use mapbench_api::{ConcurrentMap, MapHandle, Strategy};

    const KEYS: u64 = 500;

    /// Iterates while the values are replaced and the map grows.
    fn iteration<S: Strategy>() {
        let map = S::build(1, RandomState::new(), (0..KEYS).map(|key| (key, 0_u64)));
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut handle = map.handle();
                for turn in 0.. {
                    if done.load(Relaxed) {
                        break;
                    }
                    handle.update(&(turn % KEYS), |value| value + 1);
                    if turn < 20 * KEYS {
                        handle.insert(KEYS + turn, 0);
                    }
                }
            });
            let mut handle = map.handle();
            for _ in 0..500 {
                let mut keys = Vec::new();
                handle.for_each(|key, _| keys.extend((*key < KEYS).then_some(*key)));
                keys.sort_unstable();
                if !keys.iter().copied().eq(0..KEYS) {
                    done.store(true, Relaxed);
                    panic!("{}: not every key once: {keys:?}", S::INFO.name);
                }
            }
            done.store(true, Relaxed);
        });
    }

    #[test]
    fn iteration_shows_every_key_once() {
        iteration::<crate::SccHashMap>();
        iteration::<crate::SccHashIndex>();
    }
}
