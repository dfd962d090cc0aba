/// The median: [`quantile`] at one half.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The quantile at `p`, interpolated linearly between order statistics: type 7 of Hyndman & Fan, Sample Quantiles in
/// Statistical Packages, The American Statistician 50 (1996); the default of R and NumPy.
///
/// `None` without values, when one is not finite, or when `p` is not in 0..=1.
#[must_use]
pub fn quantile(values: &[f64], p: f64) -> Option<f64> {
    if !(0.0..=1.0).contains(&p) {
        return None;
    }
    Some(sorted_quantile(&sorted(values)?, p))
}

/// The values in ascending order; `None` without values or when one is not finite.
pub(crate) fn sorted(values: &[f64]) -> Option<Vec<f64>> {
    if values.is_empty() || !values.iter().all(|value| value.is_finite()) {
        return None;
    }
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    Some(values)
}

/// The quantile at `p` of values in ascending order, of which there is at least one.
pub(crate) fn sorted_quantile(sorted: &[f64], p: f64) -> f64 {
    let last = sorted.len() - 1;
    let place = last as f64 * p;
    let below = place.floor() as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    between(low, high, place - below as f64)
}

/// The value a share of the way from `low` to `high`. Halved first, so that the way itself cannot overflow.
pub(crate) fn between(low: f64, high: f64, share: f64) -> f64 {
    (low + 2.0 * share * (high / 2.0 - low / 2.0)).clamp(low, high)
}

#[cfg(test)]
mod tests {
    use super::{median, quantile};
    use proptest::prelude::*;

    #[test]
    fn known_answers() {
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0]), Some(2.5));
        assert_eq!(median(&[9.0, 1.0, 5.0]), Some(5.0));
        assert_eq!(median(&[-1.0, -9.0, 7.0, 3.0]), Some(1.0));
        // R: quantile(c(15, 20, 35, 40, 50), c(.05, .3, .4, .5, 1), type = 7) and quantile(1:10, .975).
        let values = [35.0, 20.0, 50.0, 15.0, 40.0];
        for (p, expected) in [(0.0, 15.0), (0.05, 16.0), (0.3, 23.0), (0.4, 29.0), (0.5, 35.0), (1.0, 50.0)] {
            let found = quantile(&values, p).unwrap();
            assert!((found - expected).abs() < 1e-12, "{p}: {found}, not {expected}");
        }
        let ten: Vec<f64> = (1..=10).map(f64::from).collect();
        assert!((quantile(&ten, 0.975).unwrap() - 9.775).abs() < 1e-12);
    }

    #[test]
    fn what_means_nothing_is_none() {
        assert_eq!(median(&[]), None);
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(median(&[1.0, bad, 2.0]), None);
            assert_eq!(quantile(&[1.0], bad), None);
        }
        assert_eq!(quantile(&[1.0], -0.1), None);
        assert_eq!(quantile(&[1.0], 1.1), None);
    }

    #[test]
    fn the_widest_range_does_not_overflow() {
        assert_eq!(median(&[f64::MIN, f64::MAX]), Some(0.0));
    }

    proptest! {
        #[test]
        fn order_does_not_matter_and_p_is_monotone(
            (values, shuffled) in prop::collection::vec(-1e12..1e12, 1..40_usize)
                .prop_flat_map(|values: Vec<f64>| (Just(values.clone()), Just(values).prop_shuffle())),
            p in 0.0..1.0_f64,
            step in 0.0..1.0_f64,
        ) {
            let at = |p| quantile(&values, p).unwrap();
            let further = (p + step).min(1.0);
            prop_assert_eq!(Some(at(p)), quantile(&shuffled, p));
            prop_assert!(at(0.0) <= at(p) && at(p) <= at(further) && at(further) <= at(1.0));
        }

        #[test]
        fn units_pass_through(values in prop::collection::vec(-1e12..1e12, 1..40_usize), p in 0.0..1.0_f64, unit in 1e-6..1e6_f64) {
            let scaled: Vec<f64> = values.iter().map(|value| value * unit).collect();
            let (plain, scaled) = (quantile(&values, p).unwrap() * unit, quantile(&scaled, p).unwrap());
            prop_assert!((plain - scaled).abs() <= 1e-3 * unit.max(1.0), "{} {}", plain, scaled);
        }
    }
}
