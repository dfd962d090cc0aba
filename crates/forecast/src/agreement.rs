//! How well forecasts agree with figures.

use mapbench_stats::median;

/// Agreement of pairs of a forecast and a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// Pairs.
    pub pairs: usize,
    /// Kendall's tau-b (Biometrika 33, 1945), from -1 to 1: of any two, is the one that is forecast to be faster faster?
    pub tau: f64,
    /// The median of the factors between forecast and figure, at least 1.
    pub median_factor: f64,
    /// The largest of them.
    pub worst_factor: f64,
}

/// Compares pairs of positive numbers: forecast, figure. `None` with fewer than two, or where all of one side are equal.
#[must_use]
pub fn agreement(pairs: &[(f64, f64)]) -> Option<Agreement> {
    let factors: Vec<f64> = pairs.iter().map(|(forecast, figure)| (forecast / figure).ln().abs().exp()).collect();
    Some(Agreement {
        pairs: pairs.len(),
        tau: tau(pairs)?,
        median_factor: median(&factors)?,
        worst_factor: factors.into_iter().fold(1.0, f64::max),
    })
}

fn tau(pairs: &[(f64, f64)]) -> Option<f64> {
    let (mut score, mut untied) = (0.0, [0.0, 0.0]);
    for (place, one) in pairs.iter().enumerate() {
        for other in &pairs[..place] {
            let sign = |a: f64, b: f64| if a == b { 0.0 } else { (a - b).signum() };
            let signs = [sign(one.0, other.0), sign(one.1, other.1)];
            score += signs[0] * signs[1];
            untied[0] += signs[0].abs();
            untied[1] += signs[1].abs();
        }
    }
    let all = (untied[0] * untied[1]).sqrt();
    (all > 0.0).then(|| score / all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        let of = |pairs: &[(f64, f64)]| agreement(pairs).unwrap();
        assert_eq!(of(&[(1.0, 10.0), (2.0, 20.0), (3.0, 30.0)]).tau, 1.0);
        assert_eq!(of(&[(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)]).tau, -1.0);
        // Four pairs, one of six comparisons the wrong way round.
        assert!((of(&[(1.0, 1.0), (2.0, 3.0), (3.0, 2.0), (4.0, 4.0)]).tau - 4.0 / 6.0).abs() < 1e-12);
        // A tie on one side: 2 / sqrt(2 * 3).
        assert!((of(&[(1.0, 1.0), (1.0, 2.0), (2.0, 3.0)]).tau - 2.0 / 6.0_f64.sqrt()).abs() < 1e-12);
        let factors = of(&[(1.0, 2.0), (3.0, 1.0), (5.0, 5.0)]);
        assert!((factors.median_factor - 2.0).abs() < 1e-12 && (factors.worst_factor - 3.0).abs() < 1e-12);
    }

    #[test]
    fn what_cannot_be_compared_is_not() {
        assert_eq!(agreement(&[(1.0, 1.0)]), None);
        assert_eq!(agreement(&[(1.0, 1.0), (1.0, 2.0)]), None);
    }
}
