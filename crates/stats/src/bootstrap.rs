use crate::quantile::{between, sorted_quantile};
use crate::rng::SplitMix64;

/// Resamples; a percentile interval wants a thousand (Efron & Tibshirani, An Introduction to the Bootstrap, 1993).
const REPLICATES: usize = 1_000;

/// Pairs of places less likely than this are left out: a fork of many values has very many of them.
const NEVER: f64 = 1e-12;

/// The 95 % percentile interval of the median over forks of the fork's median, by a bootstrap of both levels: forks are
/// drawn with replacement, then values within each fork drawn (Davison & Hinkley, Bootstrap Methods and their
/// Application, 1997, section 3.8).
///
/// A resample does not draw every value, which would take most of a report's time. The medians of resampled forks are
/// independent draws from one distribution, a mixture of the forks' own, and that has a closed form. Of the draws a
/// resample needs only the middle ones, which lie where the middle ones of as many uniform numbers do.
///
/// Each fork is in ascending order and not empty, and there is at least one.
pub(crate) fn percentile_interval(forks: &[Vec<f64>], seed: u64) -> (f64, f64) {
    let medians = Mixture::of_medians(forks);
    let mut rng = SplitMix64::new(seed);
    let mut replicates: Vec<f64> = (0..REPLICATES)
        .map(|_| {
            let (low, high) = middle_of_uniforms(forks.len(), &mut rng);
            between(medians.at(low), medians.at(high), 0.5)
        })
        .collect();
    replicates.sort_unstable_by(f64::total_cmp);
    (sorted_quantile(&replicates, 0.025), sorted_quantile(&replicates, 0.975))
}

/// What the median of a resampled fork can be, and how likely it is.
struct Mixture {
    /// In ascending order.
    values: Vec<f64>,
    /// The weight of each value and of all below it.
    cumulated: Vec<f64>,
}

impl Mixture {
    fn of_medians(forks: &[Vec<f64>]) -> Self {
        let mut weighted: Vec<(f64, f64)> = Vec::new();
        let mut middle = Vec::new();
        for (place, fork) in forks.iter().enumerate() {
            // Forks mostly are of one length.
            if place == 0 || forks[place - 1].len() != fork.len() {
                middle = middle_places(fork.len());
            }
            weighted.extend(middle.iter().map(|(low, high, weight)| (between(fork[*low], fork[*high], 0.5), *weight)));
        }
        weighted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut sum = 0.0;
        let cumulated = weighted.iter().map(|(_, weight)| {
            sum += weight;
            sum
        });
        Self { cumulated: cumulated.collect(), values: weighted.iter().map(|(value, _)| *value).collect() }
    }

    /// The value below or at which a share of the weight lies.
    fn at(&self, share: f64) -> f64 {
        let last = self.values.len() - 1;
        let weight = share * self.cumulated[last];
        self.values[self.cumulated.partition_point(|sum| *sum < weight).min(last)]
    }
}

/// Of `n` draws with replacement from `n` places in order: which places the two middle draws fall on, with the
/// probability of each pair. With an odd `n` there is one middle draw, and both places are its.
fn middle_places(n: usize) -> Vec<(usize, usize, f64)> {
    let half = n.div_ceil(2);
    // Ten standard deviations of the middle draw to either side.
    let reach = 5 * n.isqrt() + 1;
    let (first, end) = (half.saturating_sub(reach), (half + reach).min(n));
    let share = |place: usize| place as f64 / n as f64;
    let binomial = ln_binomial(n, half);
    let mut pairs = Vec::new();
    for low in first..end {
        let one = at_least(n, half, share(low + 1), binomial) - at_least(n, half, share(low), binomial);
        if n % 2 == 1 {
            pairs.push((low, low, one));
            continue;
        }
        // Half of the draws are at most `low`, and one of them is there; the other half likewise from `high` upwards.
        let power = |x: f64| (binomial / 2.0 + half as f64 * x.ln()).exp();
        let below = power(share(low + 1)) - power(share(low));
        let apart =
            (low + 1..end).map(|high| (low, high, below * (power(share(n - high)) - power(share(n - high - 1)))));
        pairs.push((low, low, one - below * power(share(n - low - 1))));
        pairs.extend(apart);
    }
    pairs.retain(|(_, _, weight)| *weight > NEVER);
    pairs
}

/// The probability that at least `k` of `n` draws succeed, each with probability `p`; `binomial` is ln(n over k).
fn at_least(n: usize, k: usize, p: f64, binomial: f64) -> f64 {
    if p <= 0.0 || p >= 1.0 {
        return p;
    }
    let mut term = (binomial + k as f64 * p.ln() + (n - k) as f64 * (1.0 - p).ln()).exp();
    let mut sum = term;
    for successes in k..n {
        term *= (n - successes) as f64 / (successes + 1) as f64 * p / (1.0 - p);
        sum += term;
    }
    sum
}

/// ln(n over k)
fn ln_binomial(n: usize, k: usize) -> f64 {
    (1..=k).map(|i| ((n - k + i) as f64 / i as f64).ln()).sum()
}

/// The two middle ones of `n` uniform numbers, the same one twice if `n` is odd. As many numbers lie below them as above,
/// so that they divide what is not between them as a symmetric beta-distributed number divides the unit.
fn middle_of_uniforms(n: usize, rng: &mut SplitMix64) -> (f64, f64) {
    let split = symmetric_beta(n.div_ceil(2), rng);
    if n % 2 == 1 {
        return (split, split);
    }
    let outside = unit(rng).powf(1.0 / n as f64);
    (outside * split, 1.0 - outside * (1.0 - split))
}

/// A beta-distributed number with two equal parameters (Ulrich, Computer Generation of Distributions on the m-Sphere,
/// Applied Statistics 33, 1984).
fn symmetric_beta(parameter: usize, rng: &mut SplitMix64) -> f64 {
    let radius = (1.0 - unit(rng).powf(2.0 / (2 * parameter - 1) as f64)).sqrt();
    (1.0 + radius * (std::f64::consts::TAU * unit(rng)).cos()) / 2.0
}

/// A number above 0 and up to 1, as fine as a thousand resamples need it.
fn unit(rng: &mut SplitMix64) -> f64 {
    const STEPS: usize = 1 << 31;
    (rng.below(STEPS) + 1) as f64 / STEPS as f64
}

#[cfg(test)]
mod tests {
    use super::{Mixture, at_least, ln_binomial, middle_of_uniforms, middle_places, percentile_interval};
    use crate::quantile::{median, sorted};
    use crate::rng::SplitMix64;

    /// All ways to draw `n` places from `n`, each as likely as any other: what the middle two are.
    fn enumerated(n: usize) -> Vec<(usize, usize, f64)> {
        let ways = n.pow(n as u32);
        let mut pairs = std::collections::BTreeMap::new();
        for way in 0..ways {
            let mut drawn: Vec<usize> = (0..n).map(|digit| way / n.pow(digit as u32) % n).collect();
            drawn.sort_unstable();
            *pairs.entry((drawn[(n - 1) / 2], drawn[n / 2])).or_insert(0) += 1;
        }
        pairs.into_iter().map(|((low, high), count)| (low, high, f64::from(count) / ways as f64)).collect()
    }

    #[test]
    fn middle_places_are_as_likely_as_counting_says() {
        for n in 1..=6 {
            let (mut found, counted) = (middle_places(n), enumerated(n));
            found.sort_by_key(|(low, high, _)| (*low, *high));
            assert_eq!(found.len(), counted.len(), "{n}: {found:?}, not {counted:?}");
            for (found, counted) in found.iter().zip(&counted) {
                assert_eq!((found.0, found.1), (counted.0, counted.1));
                assert!((found.2 - counted.2).abs() < 1e-12, "{n}: {found:?}, not {counted:?}");
            }
        }
    }

    #[test]
    fn what_is_left_out_of_many_places_is_nothing() {
        for n in [7, 20, 101, 1_000, 3_001] {
            let sum: f64 = middle_places(n).iter().map(|(_, _, weight)| weight).sum();
            assert!((sum - 1.0).abs() < 1e-8, "{n}: {sum}");
        }
    }

    #[test]
    fn binomial_tails_are_their_sums() {
        // Summed term by term, with binomial coefficients as integers.
        for (n, k, p, expected) in
            [(11, 6, 2.0 / 11.0, 0.007_207), (11, 6, 3.0 / 11.0, 0.051_247), (100, 50, 0.4, 0.027_099)]
        {
            let found = at_least(n, k, p, ln_binomial(n, k));
            assert!((found - expected).abs() < 1e-6, "{n} {k} {p}: {found}, not {expected}");
        }
    }

    #[test]
    fn the_middle_of_uniforms_is_where_order_statistics_are() {
        // The k-th of n has the mean k / (n + 1) and the variance k (n + 1 - k) / ((n + 1)^2 (n + 2)).
        let mut rng = SplitMix64::new(6);
        for (n, low, high) in
            [(1.0_f64, 1.0, 1.0), (2.0, 1.0, 2.0), (9.0, 5.0, 5.0), (10.0, 5.0, 6.0), (154.0, 77.0, 78.0)]
        {
            let drawn: Vec<(f64, f64)> = (0..20_000).map(|_| middle_of_uniforms(n as usize, &mut rng)).collect();
            for (k, drawn) in [
                (low, drawn.iter().map(|pair| pair.0).collect::<Vec<_>>()),
                (high, drawn.iter().map(|pair| pair.1).collect()),
            ] {
                let mean = drawn.iter().sum::<f64>() / 2e4;
                let variance = drawn.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 2e4;
                let expected: f64 = k * (n + 1.0 - k) / ((n + 1.0).powi(2) * (n + 2.0));
                assert!((mean - k / (n + 1.0)).abs() < 0.006, "{k} of {n}: {mean}");
                assert!((variance / expected - 1.0).abs() < 0.05, "{k} of {n}: {variance}, not {expected}");
            }
        }
    }

    #[test]
    fn shares_of_the_mixture_are_counted_from_below() {
        let mixture = Mixture::of_medians(&[vec![1.0, 3.0], vec![2.0]]);
        let found: Vec<f64> = [0.0, 0.124, 0.126, 0.87, 0.88, 1.0].into_iter().map(|share| mixture.at(share)).collect();
        assert_eq!(found, [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]);
    }

    /// The bootstrap as the books have it, value by value: its replicates.
    fn replicates(forks: &[Vec<f64>]) -> Vec<f64> {
        let mut rng = SplitMix64::new(9);
        let mut resampled = || {
            let fork = &forks[rng.below(forks.len())];
            median(&(0..fork.len()).map(|_| fork[rng.below(fork.len())]).collect::<Vec<f64>>()).unwrap()
        };
        (0..10_000).map(|_| median(&forks.iter().map(|_| resampled()).collect::<Vec<f64>>()).unwrap()).collect()
    }

    #[test]
    fn the_interval_is_the_one_that_drawing_every_value_gives() {
        for (forks, slices) in [(1, 8), (2, 3), (5, 1), (6, 4), (7, 2), (15, 3)] {
            let value = |fork: u32, slice: u32| f64::from((fork * 37 + slice * 61) % 101);
            let forks: Vec<Vec<f64>> = (0..forks)
                .map(|fork| sorted(&(0..slices).map(|slice| value(fork, slice)).collect::<Vec<_>>()).unwrap())
                .collect();
            let replicates = replicates(&forks);
            let share = |under: &dyn Fn(f64) -> bool| {
                replicates.iter().filter(|replicate| under(**replicate)).count() as f64 / replicates.len() as f64
            };
            for seed in 0..10 {
                let (low, high) = percentile_interval(&forks, seed);
                for (end, p) in [(low, 0.025), (high, 0.975)] {
                    // Between them lies the jump of a distribution that has few values.
                    let (below, at_most) = (share(&|x| x < end - 1e-9), share(&|x| x <= end + 1e-9));
                    let count = forks.len();
                    assert!(
                        below < p + 0.015 && at_most > p - 0.015,
                        "{count} forks of {slices}, end {p}: {below} to {at_most}"
                    );
                }
            }
        }
    }

    #[test]
    fn one_fork_gives_the_binomial_interval_of_a_median() {
        // Efron, Bootstrap Methods: Another Look at the Jackknife, 1979: of 11 values the median of a resample is at
        // most the k-th with the probability that 6 or more of 11 draws are; 0.0072 for k = 2, 0.0512 for k = 3.
        let fork: Vec<f64> = (1..=11).map(f64::from).collect();
        assert_eq!(percentile_interval(&[fork], 1), (3.0, 9.0));
    }

    #[test]
    fn forks_are_resampled_and_not_only_slices() {
        let forks: Vec<Vec<f64>> = (1..=3).map(|fork| vec![f64::from(fork); 100]).collect();
        assert_eq!(percentile_interval(&forks, 1), (1.0, 3.0));
    }
}
