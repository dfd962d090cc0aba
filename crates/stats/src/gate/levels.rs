/// A look at the contrasts so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// After how many rounds.
    pub rounds: u32,
    /// Its share of the screening's level.
    pub share: f64,
}

/// When the screening looks. Late looks get more: they decide the small changes, and an early one sees the large anyway.
pub const LOOKS: [Look; 7] = [
    Look { rounds: 8, share: 0.05 },
    Look { rounds: 12, share: 0.08 },
    Look { rounds: 18, share: 0.12 },
    Look { rounds: 27, share: 0.15 },
    Look { rounds: 40, share: 0.20 },
    Look { rounds: 60, share: 0.20 },
    Look { rounds: 90, share: 0.20 },
];

/// The level of each look, which together make `alpha`.
///
/// The probability that any of several events happens is at most the sum of theirs, whatever their dependence
/// (Bonferroni). So testing at these levels keeps the probability of a false alarm at any look at most `alpha`, though
/// looks share their rounds, and however a look may have steered what followed. Levels that use the dependence (Lan &
/// DeMets, Discrete Sequential Boundaries for Clinical Trials, Biometrika 70, 1983) need its distribution, which a
/// shared machine does not disclose.
///
/// Empty when a share is not positive and finite.
#[must_use]
pub fn spending(alpha: f64, shares: &[f64]) -> Vec<f64> {
    if !shares.iter().all(|share| *share > 0.0 && share.is_finite()) {
        return Vec::new();
    }
    let whole: f64 = shares.iter().sum();
    shares.iter().map(|share| alpha * share / whole).collect()
}

/// The family-wise levels of the two stages of a verdict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Levels {
    /// Over all looks and all cells: who is suspected.
    pub screening: f64,
    /// Over the suspects of a look, with rounds that no look has seen: who fails.
    pub confirmation: f64,
}

/// Shares `alpha` between screening and confirmation. A cell fails only when it is suspected and then confirmed.
///
/// The product of the two levels bounds the probability of any false verdict. A look suspects a cell that is not slower
/// with at most the probability its level says, and given all that was seen until then the fresh rounds confirm any such
/// cell with at most the second level. Added over the looks, whose levels sum to the first, that is at most the product;
/// a cell may even be suspected again at a later look.
#[must_use]
pub fn two_stage(alpha: f64) -> Levels {
    let screening = alpha.sqrt();
    Levels { screening, confirmation: alpha / screening }
}

#[cfg(test)]
mod tests {
    use super::{LOOKS, spending, two_stage};

    #[test]
    fn the_looks_spend_the_whole() {
        let levels = spending(0.01, &LOOKS.map(|look| look.share));
        let expected = [0.0005, 0.0008, 0.0012, 0.0015, 0.002, 0.002, 0.002];
        assert!(levels.iter().zip(expected).all(|(level, expected)| (level - expected).abs() < 1e-12), "{levels:?}");
        assert!(LOOKS.is_sorted_by(|a, b| a.rounds < b.rounds && a.share <= b.share));
    }

    #[test]
    fn shares_are_of_their_sum() {
        assert_eq!(spending(0.3, &[1.0, 2.0]).iter().map(|level| (level * 10.0).round()).sum::<f64>(), 3.0);
        assert!(spending(0.1, &[1.0, 0.0]).is_empty() && spending(0.1, &[f64::NAN]).is_empty());
    }

    #[test]
    fn the_stages_multiply_to_alpha() {
        for alpha in [0.001, 0.01, 0.05, 0.2] {
            let levels = two_stage(alpha);
            assert!((levels.screening * levels.confirmation - alpha).abs() < 1e-15);
            assert!(alpha < levels.confirmation && levels.screening < 1.0);
        }
    }
}
