use super::visit::{Visit, VisitedCell, candidate_shares};
use super::{max_t, visit_statistics};
use crate::rng::SplitMix64;

/// The statistic that some cell must reach for the smallest p of all to be at most `level`, by the arrangements of
/// [`visit_adjusted_p`](super::visit_adjusted_p).
///
/// `None` when no cell can be tested, or when there are too few arrangements for any p of that level.
#[must_use]
pub fn visit_critical(cells: &[VisitedCell], level: f64, arrangements: u32, seed: u64) -> Option<f64> {
    max_t::critical(&cells.iter().map(candidate_shares).collect::<Vec<_>>(), level, arrangements, seed)
}

/// The probability that a cell reaches `critical` when its candidate is slower by `effect`, a logarithm, and `rounds`
/// rounds are measured, estimated from rounds in which both sides were alike: so many are drawn from them with
/// replacement, `resamples` times, the effect is added to the candidate, and the statistic is computed anew.
///
/// Adding to the logarithm is what a planted slow-down does exactly: (1 + x) n operations in the time of n.
///
/// `None` when the cell has no rounds, or without resamples.
#[must_use]
pub fn visit_power(
    cell: &VisitedCell,
    effect: f64,
    rounds: usize,
    critical: f64,
    resamples: u32,
    seed: u64,
) -> Option<f64> {
    let measured: Vec<Visit> = cell.visits.iter().flatten().copied().collect();
    if measured.is_empty() || resamples == 0 {
        return None;
    }
    let mut rng = SplitMix64::new(seed);
    let mut drawn = Vec::with_capacity(rounds);
    let mut reached = 0_u32;
    for _ in 0..resamples {
        drawn.clear();
        drawn.extend((0..rounds).map(|_| {
            let mut visit = measured[rng.below(measured.len())];
            // Which of the three was called the candidate was a coin.
            visit.means.rotate_left(rng.below(3));
            visit.means[2] += effect;
            Some(visit)
        }));
        let statistic = visit_statistics(&[VisitedCell { visits: &drawn, floor: cell.floor }])[0];
        reached += u32::from(statistic.is_some_and(|statistic| statistic >= critical));
    }
    Some(f64::from(reached) / f64::from(resamples))
}

/// The least effect, a logarithm, that is detected with probability `power`, by bisection of [`visit_power`]: every stage
/// of `stages`, a number of rounds and a critical statistic each, must be reached, independently.
///
/// `None` where not even a slow-down to one and a half times is, or where [`visit_power`] has `None`.
#[must_use]
pub fn visit_detectable(
    cell: &VisitedCell,
    stages: &[(usize, f64)],
    power: f64,
    resamples: u32,
    seed: u64,
) -> Option<f64> {
    let reached = |effect: f64| -> Option<bool> {
        let mut product = 1.0;
        for (rounds, critical) in stages {
            product *= visit_power(cell, effect, *rounds, *critical, resamples, seed)?;
        }
        Some(product >= power)
    };
    let (mut low, mut high) = (0.0, 1.5_f64.ln());
    if !reached(high)? {
        return None;
    }
    while high - low > 1e-5 {
        let middle = f64::midpoint(low, high);
        if reached(middle)? {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::{visit_critical, visit_detectable, visit_power};
    use crate::gate::{Visit, VisitedCell, visit_adjusted_p, visit_statistics};
    use crate::rng::SplitMix64;

    /// Visits whose slices have normal logarithms with a deviation of 1 %: a sum of twelve even numbers.
    fn visits(seed: u64, rounds: usize) -> Vec<Option<Visit>> {
        let mut rng = SplitMix64::new(seed);
        let mut normal = || (0..12).map(|_| rng.below(1 << 20) as f64 / f64::from(1 << 20)).sum::<f64>() - 6.0;
        let mut arm = || [(); 2].map(|()| (0.01 * normal()).exp());
        (0..rounds).map(|_| Visit::new(arm(), arm(), arm())).collect()
    }

    #[test]
    fn the_critical_statistic_is_where_p_crosses_the_level() {
        let data: Vec<_> = (0..6).map(|cell| visits(cell, 10)).collect();
        let cells: Vec<VisitedCell> = data.iter().map(|visits| VisitedCell { visits, floor: 0.0 }).collect();
        let p = visit_adjusted_p(&cells, 999, 4).into_iter().flatten().fold(1.0, f64::min);
        let largest = visit_statistics(&cells).into_iter().flatten().fold(f64::NEG_INFINITY, f64::max);
        assert!(visit_critical(&cells, p - 0.0005, 999, 4).is_none_or(|critical| largest < critical));
        assert!(largest >= visit_critical(&cells, p + 0.0005, 999, 4).unwrap() - 1e-9);
        assert_eq!((visit_critical(&cells, 1e-6, 999, 4), visit_critical(&[], 0.5, 999, 4)), (None, None));
    }

    #[test]
    fn power_rises_from_the_level_to_one() {
        let visits = visits(1, 400);
        let cell = VisitedCell { visits: &visits, floor: 0.0 };
        let power = |effect| visit_power(&cell, effect, 20, 1.645, 1_000, 7).unwrap();
        // Without an effect, the one-sided 5 % of a normal statistic, more or less.
        assert!((0.02..0.09).contains(&power(0.0)), "{}", power(0.0));
        assert!(power(0.004) < power(0.008) && power(0.2) > 0.999);
        let none = VisitedCell { visits: &[None], floor: 0.0 };
        assert_eq!((visit_power(&none, 0.0, 5, 1.0, 9, 1), visit_power(&cell, 0.0, 5, 1.0, 0, 1)), (None, None));
    }

    #[test]
    fn the_detectable_effect_is_about_the_textbooks() {
        // A contrast's deviation is sqrt(3/4) of 1 %: in 50 rounds (1.645 + 1.282) 0.866 / sqrt(50) = 0.3585 %. Weights and
        // clipping cost something where noise is normal and steady.
        let visits = visits(2, 2_000);
        let cell = VisitedCell { visits: &visits, floor: 0.0 };
        let found = visit_detectable(&cell, &[(50, 1.645)], 0.9, 300, 3).unwrap();
        assert!((0.95..1.25).contains(&(found / 0.003_585)), "{found}");
        // Of two stages each must be passed with the root of 0.9: (1.645 + 1.632) / (1.645 + 1.282) = 1.12.
        assert!(visit_detectable(&cell, &[(50, 1.645); 2], 0.9, 300, 3).unwrap() > 1.05 * found);
        assert_eq!(visit_detectable(&cell, &[(20, 1e9)], 0.9, 100, 3), None);
    }
}
