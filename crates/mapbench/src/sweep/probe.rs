//! The machine itself, measured for about a millisecond a round: what can make every map slow at once.

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use mapbench_workload::SplitMix64;

use crate::system;

/// Cache-line round trips that are timed.
const TRIPS: u32 = 1_000;

/// Dependent multiplications that are timed.
const MULTIPLICATIONS: u32 = 100_000;

/// Steps of the memory walk; each waits for the one before.
const STEPS: usize = 2_000;

/// The walk's memory: more than a second-level cache.
const WALK_BYTES: usize = 8 << 20;

/// What one probing found.
pub(crate) struct Probed {
    pub(crate) round_trip_ns: Option<u64>,
    pub(crate) arithmetic_ns: u64,
    pub(crate) memory_walk_ns: u64,
    pub(crate) steal_ns: u64,
}

/// The probes and what they keep between rounds.
pub(crate) struct Probe {
    pair: Option<(u32, u32)>,
    next: Vec<u32>,
    steal_ns: u64,
}

impl Probe {
    /// Probes between the first two of the processors.
    pub(crate) fn new(processors: &[u32]) -> Self {
        let pair = match processors {
            [first, second, ..] => Some((*first, *second)),
            _ => None,
        };
        Self { pair, next: one_cycle(WALK_BYTES / size_of::<u32>() / LINE), steal_ns: system::steal_ns() }
    }

    /// Measures once.
    pub(crate) fn measure(&mut self) -> Probed {
        let arithmetic_ns = arithmetic();
        let memory_walk_ns = self.walk();
        let round_trip_ns = self.pair.map(round_trip);
        let steal = system::steal_ns();
        let steal_ns = steal.saturating_sub(self.steal_ns);
        self.steal_ns = steal;
        Probed { round_trip_ns, arithmetic_ns, memory_walk_ns, steal_ns }
    }

    fn walk(&self) -> u64 {
        let began = Instant::now();
        let mut at = 0;
        for _ in 0..STEPS {
            at = self.next[at as usize * LINE];
        }
        black_box(at);
        began.elapsed().as_nanos() as u64
    }
}

/// Indices a cache line apart.
const LINE: usize = 64 / size_of::<u32>();

/// A memory whose lines form one random cycle (Sattolo's algorithm).
fn one_cycle(lines: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..lines as u32).collect();
    SplitMix64::new(0).shuffle(&mut order);
    let mut next = vec![0; lines * LINE];
    for pair in 0..lines {
        next[order[pair] as usize * LINE] = order[(pair + 1) % lines];
    }
    next
}

fn arithmetic() -> u64 {
    let began = Instant::now();
    let mut x = black_box(3_u64);
    for _ in 0..MULTIPLICATIONS {
        x = black_box(x.wrapping_mul(0x5851_F42D_4C95_7F2D) ^ 1);
    }
    black_box(x);
    began.elapsed().as_nanos() as u64
}

/// A line that goes from one processor to the other and back: the mean of many trips, in nanoseconds.
pub(crate) fn round_trip((first, second): (u32, u32)) -> u64 {
    let line = AtomicU32::new(0);
    let pass = |processor, mine: u32| {
        system::pin_this_thread(processor);
        let began = Instant::now();
        for trip in 0..TRIPS {
            while line.load(Ordering::Acquire) != 2 * trip + mine {
                std::hint::spin_loop();
            }
            line.store(2 * trip + mine + 1, Ordering::Release);
        }
        began.elapsed().as_nanos() as u64
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| pass(second, 1));
        let first = scope.spawn(|| pass(first, 0)).join().expect("the probe does not panic");
        let second = other.join().expect("the probe does not panic");
        // The thread that began later waited for nobody.
        first.min(second) / u64::from(TRIPS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_visits_every_line() {
        let next = one_cycle(1_000);
        let (mut at, mut steps) = (0, 0);
        loop {
            at = next[at as usize * LINE];
            steps += 1;
            if at == 0 {
                break;
            }
        }
        assert_eq!(steps, 1_000);
    }

    #[test]
    fn every_probe_measures_something() {
        let processors = system::processors();
        let probed = Probe::new(&processors).measure();
        assert!(probed.arithmetic_ns > 0 && probed.memory_walk_ns > 0);
        assert_eq!(probed.round_trip_ns.is_some(), processors.len() > 1);
    }
}
