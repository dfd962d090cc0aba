/// Jain's fairness index of the rates, (Σx)² / (n Σx²): 1 when all are equal, 1/n when one has everything (Jain, Chiu,
/// Hawe: A Quantitative Measure of Fairness, DEC Research Report TR-301, 1984).
///
/// A rate of 0 is a starved thread and counts. `None` without rates, when all are 0, or when one is negative or not
/// finite.
#[must_use]
pub fn jain(rates: &[f64]) -> Option<f64> {
    let largest = rates.iter().copied().fold(0.0, f64::max);
    if largest == 0.0 || !rates.iter().all(|rate| rate.is_finite() && *rate >= 0.0) {
        return None;
    }
    // Rates relative to the largest, so that no square overflows or vanishes.
    let (sum, squares) =
        rates.iter().map(|rate| rate / largest).fold((0.0, 0.0), |(sum, squares), x| (sum + x, squares + x * x));
    let n = rates.len() as f64;
    Some((sum * sum / (n * squares)).clamp(n.recip(), 1.0))
}

#[cfg(test)]
mod tests {
    use super::jain;
    use proptest::prelude::*;

    #[test]
    fn known_answers() {
        assert_eq!(jain(&[5.0]), Some(1.0));
        assert_eq!(jain(&[7.0; 8]), Some(1.0));
        assert_eq!(jain(&[3.0, 0.0, 0.0, 0.0]), Some(0.25));
        // By hand: 130² / (3 (50² + 30² + 50²)).
        assert!((jain(&[50.0, 30.0, 50.0]).unwrap() - 16_900.0 / 17_700.0).abs() < 1e-12);
        assert_eq!(jain(&[1e300, 1e300]), Some(1.0));
        assert_eq!(jain(&[1e-300, 1e-300]), Some(1.0));
    }

    #[test]
    fn what_means_nothing_is_none() {
        for bad in [&[] as &[f64], &[0.0, 0.0], &[1.0, -1.0], &[1.0, f64::NAN], &[1.0, f64::INFINITY], &[f64::NAN]] {
            assert_eq!(jain(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn within_bounds_whatever_the_order_and_the_unit(
            (rates, shuffled) in prop::collection::vec(1e-3..1e9, 1..20_usize)
                .prop_flat_map(|rates: Vec<f64>| (Just(rates.clone()), Just(rates).prop_shuffle())),
            unit in 1e-6..1e6,
        ) {
            let index = jain(&rates).unwrap();
            let other: Vec<f64> = shuffled.iter().map(|rate| rate * unit).collect();
            prop_assert!((1.0 / rates.len() as f64..=1.0).contains(&index));
            prop_assert!((index - jain(&other).unwrap()).abs() < 1e-9);
        }

        #[test]
        fn a_transfer_from_a_faster_thread_to_a_slower_is_fairer(slow in 1.0..10.0, lead in 1.0..10.0, share in 0.01..0.49) {
            let before = jain(&[slow, slow + lead, 3.0]).unwrap();
            let after = jain(&[slow + share * lead, slow + lead - share * lead, 3.0]).unwrap();
            prop_assert!(after > before);
        }
    }
}
