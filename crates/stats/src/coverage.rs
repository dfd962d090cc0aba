//! How often the intervals hold the truth: the table of [`crate::ratio`], and the test that it stays true.

use crate::bootstrap::percentile_interval;
use crate::quantile::{median, sorted};
use crate::rng::SplitMix64;
use crate::student::mean_interval;
use crate::{Interval, geometric_mean_ratio, ratio};

/// Release builds print the published table; debug builds only test, and are to end soon.
const TABLE: bool = cfg!(not(debug_assertions));
const TRIALS: u32 = if TABLE { 3_000 } else { 150 };
const ROUNDS: usize = 10;
/// The spread of a round's log ratio within its fork.
const WITHIN: f64 = 0.03;

struct Noise {
    name: &'static str,
    /// The spread between forks: layout and hash seeds differ from process to process.
    between: f64,
    /// In a thousand forks, and in a thousand rounds, those that are ten times as noisy: slow episodes of the machine.
    episodes: usize,
    /// What a round keeps of the noise of the round before.
    memory: f64,
}

const NOISES: [Noise; 4] = [
    Noise { name: "rounds only", between: 0.0, episodes: 0, memory: 0.0 },
    Noise { name: "forks and rounds", between: 0.02, episodes: 0, memory: 0.0 },
    Noise { name: "autocorrelated rounds", between: 0.02, episodes: 0, memory: 0.6 },
    Noise { name: "slow episodes", between: 0.02, episodes: 130, memory: 0.0 },
];

impl Noise {
    fn draw(&self, rng: &mut SplitMix64, spread: f64) -> f64 {
        let episode = rng.below(1_000) < self.episodes;
        spread * normal(rng) * if episode { 10.0 } else { 1.0 }
    }

    /// Log ratios of two strategies that are equally fast.
    fn fork(&self, rng: &mut SplitMix64) -> Vec<f64> {
        let offset = self.draw(rng, self.between);
        let mut kept = self.draw(rng, WITHIN);
        (0..ROUNDS)
            .map(|_| {
                kept = self.memory * kept + (1.0 - self.memory.powi(2)).sqrt() * self.draw(rng, WITHIN);
                offset + kept
            })
            .collect()
    }

    fn forks(&self, forks: u32, rng: &mut SplitMix64) -> Vec<Vec<f64>> {
        (0..forks).map(|_| self.fork(rng)).collect()
    }
}

/// A normal number (Box & Muller, A Note on the Generation of Random Normal Deviates, 1958).
fn normal(rng: &mut SplitMix64) -> f64 {
    let mut unit = || (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    (-2.0 * (1.0 - unit()).ln()).sqrt() * (std::f64::consts::TAU * unit()).cos()
}

/// Per cent of the trials whose interval held the truth.
#[derive(Default)]
struct Coverage {
    bootstrap: u32,
    student: u32,
    hull: u32,
    reaches: Vec<f64>,
}

impl Coverage {
    fn measure(noise: &Noise, forks: u32) -> Self {
        let mut rng = SplitMix64::new(u64::from(forks));
        let mut coverage = Self::default();
        for trial in 0..TRIALS {
            coverage.count(&noise.forks(forks, &mut rng), u64::from(trial));
        }
        coverage
    }

    fn count(&mut self, forks: &[Vec<f64>], seed: u64) {
        let hull = ratio(forks, seed).unwrap();
        self.hull += u32::from(hull.covers(1.0));
        self.reaches.push(hull.relative_reach());
        if TABLE {
            let sorted: Vec<Vec<f64>> = forks.iter().map(|fork| sorted(fork).unwrap()).collect();
            let medians: Vec<f64> = forks.iter().map(|fork| median(fork).unwrap()).collect();
            let holds = |(low, high): (f64, f64)| u32::from(low <= 0.0 && 0.0 <= high);
            self.bootstrap += holds(percentile_interval(&sorted, seed));
            self.student += holds(mean_interval(if forks.len() == 1 { &forks[0] } else { &medians }).unwrap());
        }
    }
}

fn per_cent(count: u32) -> f64 {
    100.0 * f64::from(count) / f64::from(TRIALS)
}

/// What a share of 95 % may fall to by chance, in per cent: four standard errors.
fn least() -> f64 {
    100.0 * (0.95 - 4.0 * (0.95 * 0.05 / f64::from(TRIALS)).sqrt())
}

#[test]
fn the_interval_of_a_ratio_covers_the_truth() {
    if TABLE {
        println!("| noise | forks | bootstrap alone | Student alone | the interval | reach |");
        println!("|---|---|---|---|---|---|");
    }
    for noise in &NOISES {
        for forks in [1, 2, 3, 5, 10] {
            let found = Coverage::measure(noise, forks);
            if TABLE {
                let shares =
                    [found.bootstrap, found.student, found.hull].map(|held| format!("{:.1} %", per_cent(held)));
                let reach = 100.0 * median(&found.reaches).unwrap();
                println!("| {} | {forks} | {} | {reach:.1} % |", noise.name, shares.join(" | "));
            }
            let held = per_cent(found.hull);
            assert!(forks == 1 || held >= least(), "{}, {forks} forks: {held} %", noise.name);
        }
    }
}

#[test]
fn the_interval_of_a_geometric_mean_covers_the_truth() {
    for noise in &NOISES {
        let mut rng = SplitMix64::new(8);
        let cells = |trial| -> Vec<Interval> {
            (0..4).map(|_| ratio(&noise.forks(3, &mut rng), u64::from(trial)).unwrap()).collect()
        };
        let held = (0..TRIALS / 3).map(cells).filter(|cells| geometric_mean_ratio(cells).unwrap().covers(1.0)).count();
        let held = 3.0 * per_cent(u32::try_from(held).unwrap());
        println!("geometric mean of 4 cells, 3 forks, {}: {held:.1} %", noise.name);
        assert!(held >= least(), "{}: {held} %", noise.name);
    }
}
