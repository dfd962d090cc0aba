use super::normal;

/// The smallest effect that is detected with the probability `power`, from planted effects: (effect, detections, trials).
///
/// Detections that fall as the effect grows are chance, and are pooled with their neighbours until none does (Ayer et
/// al., An Empirical Distribution Function for Sampling with Incomplete Information, Annals of Mathematical Statistics
/// 26, 1955); between effects the share is interpolated linearly. The order of points does not matter. When the smallest
/// effect reaches the power already, the answer is that effect.
///
/// `None` when no effect reaches it, when an effect is not finite, without trials, or with more detections than trials.
#[must_use]
pub fn detectable(points: &[(f64, u32, u32)], power: f64) -> Option<f64> {
    if !points.iter().all(|(effect, detections, trials)| effect.is_finite() && detections <= trials && *trials > 0) {
        return None;
    }
    let shares = monotone(points);
    let place = shares.iter().position(|(_, share)| *share >= power)?;
    let (effect, share) = shares[place];
    let Some((below, less)) = place.checked_sub(1).map(|place| shares[place]) else { return Some(effect) };
    Some(below + (effect - below) * (power - less) / (share - less))
}

/// A run of neighbouring effects of one share.
struct Pool {
    effects: Vec<f64>,
    detections: u64,
    trials: u64,
}

impl Pool {
    fn share(&self) -> f64 {
        self.detections as f64 / self.trials as f64
    }
}

/// The share of detections of each effect, in the order of effects, pooled until it never falls.
fn monotone(points: &[(f64, u32, u32)]) -> Vec<(f64, f64)> {
    let mut points = points.to_vec();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut pools: Vec<Pool> = Vec::new();
    for (effect, detections, trials) in points {
        let mut pool = Pool { effects: vec![effect], detections: detections.into(), trials: trials.into() };
        while let Some(mut before) =
            pools.pop_if(|before| before.share() >= pool.share() || before.effects.ends_with(&[effect]))
        {
            before.effects.append(&mut pool.effects);
            pool = Pool {
                effects: before.effects,
                detections: before.detections + pool.detections,
                trials: before.trials + pool.trials,
            };
        }
        pools.push(pool);
    }
    let shares = pools.iter().flat_map(|pool| pool.effects.iter().map(|effect| (*effect, pool.share())));
    shares.collect()
}

/// How many rounds a verdict would need: so many that an effect is detected with the probability `power` by a one-sided
/// test at `level`, when contrasts have the standard deviation `sd`. `effect` is the distance from what is tested: the
/// budget less the floor, say. Give the level that is left to one cell, the family's over the number of cells, to be on
/// the safe side.
///
/// By the normal distribution with Student's correction for an estimated deviation (Guenther, Sample Size Formulas for
/// Normal Theory T Tests, The American Statistician 35, 1981); never fewer than sign-flips need to reach the level at
/// all, 2^n >= 1 / level, nor than the `rounds` there have been.
///
/// `None` when `sd` or `effect` is not positive and finite, when level or power is not between 0 and 1, when the power
/// is not above the level, or when the rounds are beyond counting.
#[must_use]
pub fn required_rounds(sd: f64, rounds: u32, level: f64, power: f64, effect: f64) -> Option<u32> {
    let positive = |value: f64| value > 0.0 && value.is_finite();
    if !(positive(sd) && positive(effect) && 0.0 < level && level < power && power < 1.0) {
        return None;
    }
    let critical = -normal::quantile(level);
    let normal = ((critical + normal::quantile(power)) * sd / effect).powi(2);
    let wanted = (normal + critical * critical / 2.0).max(-level.log2()).ceil();
    (wanted <= f64::from(u32::MAX)).then(|| rounds.max(wanted as u32))
}

#[cfg(test)]
mod tests {
    use super::{detectable, required_rounds};
    use proptest::prelude::*;

    #[test]
    fn known_answers() {
        let rising = [(0.0, 0, 100), (0.01, 50, 100), (0.02, 100, 100)];
        assert!((detectable(&rising, 0.9).unwrap() - 0.018).abs() < 1e-12);
        assert_eq!(detectable(&rising, 0.5), Some(0.01));
        // 80 and 60 of 100 are pooled to 70 %, at both effects.
        let falling = [(0.03, 100, 100), (0.02, 60, 100), (0.01, 80, 100), (0.005, 10, 100)];
        assert!((detectable(&falling, 0.75).unwrap() - (0.02 + 0.01 * 5.0 / 30.0)).abs() < 1e-12);
        assert!((detectable(&falling, 0.70).unwrap() - 0.01).abs() < 1e-12);
        assert_eq!(detectable(&[(0.02, 89, 100)], 0.9), None);
        assert_eq!(detectable(&[(0.02, 95, 100), (0.05, 100, 100)], 0.9), Some(0.02));
        // The same effect twice is one effect.
        assert_eq!(detectable(&[(0.01, 0, 10), (0.02, 10, 10), (0.02, 8, 10)], 0.9), Some(0.02));
    }

    #[test]
    fn rounds_of_the_textbook() {
        // Power 0.8 at a one-sided 5 % for an effect of half a deviation: 26.1 by R's power.t.test(type =
        // "one.sample", alternative = "one.sided", delta = .5, power = .8).
        assert_eq!(required_rounds(0.02, 0, 0.05, 0.8, 0.01), Some(27));
        assert_eq!(required_rounds(0.02, 50, 0.05, 0.8, 0.01), Some(50));
        // However large the effect, eight signs are needed for a p of 1 / 256.
        assert_eq!(required_rounds(0.001, 0, 1.0 / 256.0, 0.9, 1.0), Some(8));
    }

    #[test]
    fn what_means_nothing_is_none() {
        for bad in [f64::NAN, f64::INFINITY] {
            assert_eq!(detectable(&[(bad, 1, 2)], 0.5), None);
            assert_eq!(required_rounds(bad, 8, 0.05, 0.8, 0.01), None);
            assert_eq!(required_rounds(0.01, 8, 0.05, 0.8, bad), None);
        }
        assert_eq!(
            (detectable(&[], 0.5), detectable(&[(0.1, 1, 0)], 0.5), detectable(&[(0.1, 2, 1)], 0.5)),
            (None, None, None)
        );
        for (sd, level, power, effect) in [
            (0.0, 0.05, 0.8, 0.01),
            (0.01, 0.0, 0.8, 0.01),
            (0.01, 0.8, 0.05, 0.01),
            (0.01, 0.05, 1.0, 0.01),
            (0.01, 0.05, 0.8, 0.0),
        ] {
            assert_eq!(required_rounds(sd, 8, level, power, effect), None);
        }
        assert_eq!(required_rounds(1e6, 8, 0.05, 0.8, 1e-6), None);
    }

    proptest! {
        #[test]
        fn more_power_wants_more(
            detections in prop::collection::vec(0..=20_u32, 1..8), low in 0.05..0.5_f64, more in 0.0..0.49_f64, sd in 0.001..0.1,
        ) {
            let points: Vec<(f64, u32, u32)> = detections.iter().enumerate().map(|(place, hits)| (place as f64, *hits, 20)).collect();
            let mut reversed = points.clone();
            reversed.reverse();
            prop_assert_eq!(detectable(&points, low), detectable(&reversed, low));
            if let Some(higher) = detectable(&points, low + more) {
                prop_assert!(detectable(&points, low).unwrap() <= higher);
            }
            let rounds = |power, effect| required_rounds(sd, 8, 0.01, power, effect).unwrap();
            prop_assert!(rounds(low, 0.02) <= rounds(low + more, 0.02) && rounds(low, 0.02) <= rounds(low, 0.01));
        }
    }
}
