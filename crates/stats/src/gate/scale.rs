use crate::median;

/// The 75 % quantile of the normal distribution: the median distance of a normal number from its mean, in standard
/// deviations.
const MEDIAN_DISTANCE: f64 = 0.674_489_750_196_081_7;

/// The contrast of one cell in one round: the mean logarithm of the candidate's times per operation less that of the
/// base's. Slices in the order ABBA or BAAB cancel a linear drift of the machine.
///
/// `None` when a side has no slice, or when a time is not positive and finite.
#[must_use]
pub fn contrast(base: &[f64], candidate: &[f64]) -> Option<f64> {
    Some(mean_log(candidate)? - mean_log(base)?)
}

fn mean_log(times: &[f64]) -> Option<f64> {
    if times.is_empty() || !times.iter().all(|time| *time > 0.0 && time.is_finite()) {
        return None;
    }
    Some(times.iter().map(|time| time.ln()).sum::<f64>() / times.len() as f64)
}

/// A robust standard deviation of the contrasts of one cell, from differences within one side only, so that it is blind
/// to the effect: `within` are the differences of the logarithms of the two slices of one side, two a round (x1 - x4 and
/// x2 - x3 of the round's four).
///
/// Let a slice's logarithm have the standard deviation s. The contrast (x2 + x3 - x1 - x4) / 2 then has the variance
/// 4 s^2 / 4 = s^2, and a difference of two slices 2 s^2. A normal number lies 0.6745 of its standard deviation from its
/// mean, in the median, so the median of the distances is 0.6745 sqrt(2) s, and the factor to s is 1.0484. Where forks
/// differ more than slices the contrasts spread further than this says: sign-flips do not mind, they never take it for
/// the truth.
///
/// `None` without differences, when one is not finite, or when more than half are zero: such a clock says nothing.
#[must_use]
pub fn scale(within: &[f64]) -> Option<f64> {
    let distances: Vec<f64> = within.iter().map(|difference| difference.abs()).collect();
    median(&distances).map(|middle| middle / (MEDIAN_DISTANCE * 2.0_f64.sqrt())).filter(|scale| *scale > 0.0)
}

#[cfg(test)]
mod tests {
    use super::{contrast, scale};
    use crate::rng::SplitMix64;
    use proptest::prelude::*;

    fn normal(rng: &mut SplitMix64) -> f64 {
        // A sum of twelve even numbers: as normal as a median can tell.
        (0..12).map(|_| rng.below(1 << 30) as f64 / f64::from(1 << 30)).sum::<f64>() - 6.0
    }

    #[test]
    fn known_answers() {
        // A candidate that takes a tenth more, on a machine that slows down by 3 % from slice to slice.
        let drift = |slice: i32| 1.03_f64.powi(slice);
        let found = contrast(&[drift(0), drift(3)], &[1.1 * drift(1), 1.1 * drift(2)]).unwrap();
        assert!((found - 1.1_f64.ln()).abs() < 1e-12, "{found}");
        assert!((scale(&[0.01, -0.03, 0.02]).unwrap() - 0.02 * 1.048_4).abs() < 1e-6);
    }

    #[test]
    fn the_scale_is_the_deviation_of_normal_contrasts_and_blind_to_the_effect() {
        let mut rng = SplitMix64::new(3);
        let (mut within, mut squares) = (Vec::new(), 0.0);
        for _ in 0..20_000 {
            let [x1, x4] = [(); 2].map(|()| 0.02 * normal(&mut rng));
            let [x2, x3] = [(); 2].map(|()| 0.7 + 0.02 * normal(&mut rng));
            within.extend([x1 - x4, x2 - x3]);
            squares += ((x2 + x3 - x1 - x4) / 2.0 - 0.7).powi(2);
        }
        let (scale, deviation) = (scale(&within).unwrap(), (squares / 20_000.0_f64).sqrt());
        assert!((scale / deviation - 1.0).abs() < 0.03, "{scale} {deviation}");
    }

    #[test]
    fn what_means_nothing_is_none() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(contrast(&[1.0, bad], &[1.0]), None);
            assert_eq!(contrast(&[1.0], &[bad]), None);
        }
        assert_eq!((contrast(&[], &[1.0]), contrast(&[1.0], &[])), (None, None));
        assert_eq!((scale(&[]), scale(&[0.1, f64::NAN]), scale(&[0.0, 0.0, 0.1])), (None, None, None));
    }

    proptest! {
        #[test]
        fn units_cancel_and_sides_oppose(times in prop::array::uniform4(0.1..10.0), unit in 1e-3..1e3) {
            let [a, b, c, d] = times;
            let plain = contrast(&[a, d], &[b, c]).unwrap();
            prop_assert!((plain - contrast(&[unit * a, unit * d], &[unit * b, unit * c]).unwrap()).abs() < 1e-9);
            prop_assert!((plain + contrast(&[b, c], &[a, d]).unwrap()).abs() < 1e-9);
        }
    }
}
