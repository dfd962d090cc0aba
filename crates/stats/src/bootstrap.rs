use crate::quantile::{between, sorted_quantile};
use crate::rng::SplitMix64;

/// Resamples; a percentile interval wants a thousand (Efron & Tibshirani, An Introduction to the Bootstrap, 1993).
const REPLICATES: usize = 1_000;

/// The 95 % percentile interval of the median over forks of the fork's median, by a bootstrap of both levels: forks are
/// drawn with replacement, then values within each fork drawn (Davison & Hinkley, Bootstrap Methods and their
/// Application, 1997, section 3.8).
///
/// Each fork is in ascending order and not empty, and there is at least one.
pub(crate) fn percentile_interval(forks: &[Vec<f64>], seed: u64) -> (f64, f64) {
    let mut rng = SplitMix64::new(seed);
    let longest = forks.iter().map(Vec::len).max().unwrap_or(0);
    let mut counts = vec![0; longest];
    let mut medians = vec![0.0; forks.len()];
    let mut replicates: Vec<f64> = (0..REPLICATES)
        .map(|_| {
            for median in &mut medians {
                let fork = &forks[rng.below(forks.len())];
                *median = resampled_median(fork, &mut counts[..fork.len()], &mut rng);
            }
            medians.sort_unstable_by(f64::total_cmp);
            sorted_quantile(&medians, 0.5)
        })
        .collect();
    replicates.sort_unstable_by(f64::total_cmp);
    (sorted_quantile(&replicates, 0.025), sorted_quantile(&replicates, 0.975))
}

/// The median of as many values as there are, drawn with replacement. Counting the draws of each saves the sort.
fn resampled_median(sorted: &[f64], counts: &mut [usize], rng: &mut SplitMix64) -> f64 {
    counts.fill(0);
    for _ in 0..sorted.len() {
        counts[rng.below(sorted.len())] += 1;
    }
    between(drawn_at(sorted, counts, (sorted.len() - 1) / 2), drawn_at(sorted, counts, sorted.len() / 2), 0.5)
}

/// The order statistic at `place`, from 0, of the values drawn.
fn drawn_at(sorted: &[f64], counts: &[usize], mut place: usize) -> f64 {
    for (value, count) in sorted.iter().zip(counts) {
        match place.checked_sub(*count) {
            Some(left) => place = left,
            None => return *value,
        }
    }
    unreachable!("as many values are drawn as there are")
}

#[cfg(test)]
mod tests {
    use super::{drawn_at, percentile_interval};

    #[test]
    fn order_statistics_of_the_drawn() {
        let drawn: Vec<f64> = (0..4).map(|place| drawn_at(&[1.0, 2.0, 3.0, 4.0], &[0, 3, 0, 1], place)).collect();
        assert_eq!(drawn, [2.0, 2.0, 2.0, 4.0]);
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
