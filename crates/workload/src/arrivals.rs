//! When operations are due in an open loop: a schedule that is made before the clock starts and waits for nobody.

use serde::{Deserialize, Serialize};

use crate::rng::SplitMix64;

/// Gaps of a Poisson schedule, which it runs through in a loop. A power of two.
const GAPS: usize = 1 << 16;

/// Parts of a nanosecond that a schedule counts in: at 20 million operations a second the rate is right to 1 in 50 000.
const PARTS: f64 = 1024.0;

/// How arrivals are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// Independent of each other, as from many users: exponential gaps.
    #[default]
    Poisson,
    /// Evenly, as from a clock.
    Constant,
}

impl Arrivals {
    /// As files write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Arrivals::Poisson => "poisson",
            Arrivals::Constant => "constant",
        }
    }
}

/// The times at which one thread's operations are due, in nanoseconds from the start of the schedule.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// In parts of a nanosecond, as is `next`.
    gaps: Box<[u64]>,
    cursor: usize,
    next: u64,
}

impl Schedule {
    /// A schedule of `rate_ops_s` arrivals a second; the same for the same seed.
    ///
    /// Poisson gaps are scaled so that a whole loop of them has exactly the mean that the rate asks for. The first arrival
    /// of a constant schedule is at a random place within the first gap, or the threads of a worker would all arrive at
    /// once.
    ///
    /// # Panics
    /// When the rate is not positive and finite.
    #[must_use]
    pub fn new(arrivals: Arrivals, rate_ops_s: f64, seed: u64) -> Self {
        assert!(rate_ops_s > 0.0 && rate_ops_s.is_finite(), "a rate of {rate_ops_s} operations a second is no rate");
        let mut rng = SplitMix64::new(seed);
        let mean = PARTS * 1e9 / rate_ops_s;
        match arrivals {
            Arrivals::Constant => {
                let first = mean * uniform(&mut rng);
                Self { gaps: Box::new([mean.round() as u64]), cursor: 0, next: first as u64 }
            }
            Arrivals::Poisson => {
                let draws: Vec<f64> = (0..GAPS).map(|_| -uniform(&mut rng).ln()).collect();
                let scale = mean * GAPS as f64 / draws.iter().sum::<f64>();
                let gaps: Box<[u64]> = draws.iter().map(|draw| (draw * scale).round() as u64).collect();
                Self { next: gaps[0], gaps, cursor: 1 }
            }
        }
    }
}

impl Iterator for Schedule {
    type Item = u64;

    /// The next arrival; the schedule has no end.
    #[inline]
    fn next(&mut self) -> Option<u64> {
        let due = self.next;
        self.next += self.gaps[self.cursor];
        self.cursor = (self.cursor + 1) & (self.gaps.len() - 1);
        Some(due / PARTS as u64)
    }
}

/// From above 0 to 1.
fn uniform(rng: &mut SplitMix64) -> f64 {
    ((rng.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::{Arrivals, GAPS, Schedule};

    #[test]
    fn constant_arrivals_come_a_gap_apart() {
        let due: Vec<u64> = Schedule::new(Arrivals::Constant, 4e6, 1).take(1_000_001).collect();
        assert!(due[0] < 250);
        assert_eq!(due[1_000_000] - due[0], 250_000_000);
        assert!(due.windows(2).all(|pair| pair[1] - pair[0] == 250));
        assert_ne!(due[0], Schedule::new(Arrivals::Constant, 4e6, 2).next().unwrap());
    }

    #[test]
    fn poisson_arrivals_keep_the_rate_exactly_and_their_gaps_are_exponential() {
        let due: Vec<u64> = Schedule::new(Arrivals::Poisson, 1e6, 7).take(2 * GAPS + 1).collect();
        let loop_ns = (due[2 * GAPS] - due[GAPS]) as f64;
        assert!((loop_ns / (GAPS as f64 * 1_000.0) - 1.0).abs() < 1e-5, "{loop_ns}");
        let gaps: Vec<f64> = due.windows(2).take(GAPS).map(|pair| (pair[1] - pair[0]) as f64).collect();
        let above = |ns: f64| gaps.iter().filter(|gap| **gap > ns).count() as f64 / gaps.len() as f64;
        // Five standard deviations of a share of 65 536 draws are below 0.01.
        for (ns, share) in [(500.0, (-0.5_f64).exp()), (1_000.0, (-1.0_f64).exp()), (3_000.0, (-3.0_f64).exp())] {
            assert!((above(ns) - share).abs() < 0.01, "{} above {ns}", above(ns));
        }
        assert!(Schedule::new(Arrivals::Poisson, 1e6, 7).take(100).eq(due[..100].iter().copied()));
    }

    #[test]
    #[should_panic(expected = "is no rate")]
    fn no_rate_is_refused() {
        let _ = Schedule::new(Arrivals::Constant, 0.0, 1);
    }
}
