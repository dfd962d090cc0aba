use crate::Interval;

/// The interval of a proportion from its successes in independent trials, which holds it with at least the stated
/// confidence whatever it is (Clopper & Pearson, The Use of Confidence or Fiducial Limits Illustrated in the Case of the
/// Binomial, Biometrika 26, 1934). Each end fails with at most half of what is left: the upper end alone is a bound at
/// (1 + `confidence`) / 2.
///
/// `None` without trials, with more successes than trials, or when the confidence is not between 0 and 1.
#[must_use]
pub fn clopper_pearson(successes: u32, trials: u32, confidence: f64) -> Option<Interval> {
    if trials == 0 || successes > trials || !(0.0 < confidence && confidence < 1.0) {
        return None;
    }
    let tail = (1.0 - confidence) / 2.0;
    let low = if successes == 0 { 0.0 } else { proportion(successes, trials, tail) };
    let failures = trials - successes;
    let high = if failures == 0 { 1.0 } else { 1.0 - proportion(failures, trials, tail) };
    Some(Interval { low, estimate: f64::from(successes) / f64::from(trials), high })
}

/// The proportion at which `successes` or more, at least one, have the probability `tail`.
fn proportion(successes: u32, trials: u32, tail: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    // Each halving is one binary digit, and a number has 53.
    for _ in 0..60 {
        let middle: f64 = f64::midpoint(low, high);
        if at_least(successes, trials, middle) < tail {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// The probability of `successes` or more. On logarithms: a coefficient overflows from about a thousand trials on.
fn at_least(successes: u32, trials: u32, proportion: f64) -> f64 {
    let (yes, no) = (proportion.ln(), (-proportion).ln_1p());
    let mut ways = 0.0;
    let mut probability = 0.0;
    for count in 0..=trials {
        if count >= successes {
            probability += (ways + f64::from(count) * yes + f64::from(trials - count) * no).exp();
        }
        ways += (f64::from(trials - count) / f64::from(count + 1)).ln();
    }
    probability
}

#[cfg(test)]
mod tests {
    use super::{at_least, clopper_pearson};
    use proptest::prelude::*;

    #[test]
    fn known_answers() {
        // R: binom.test(682, 925), Mendel's peas (Conover, Practical Nonparametric Statistics, 1971, page 97), and
        // binom.test(c(10, 100)); without successes the upper end is 1 - 0.025^(1/200).
        let published = [
            (682, 925, 0.95, 0.707_668_3, 0.765_406_6),
            (10, 100, 0.95, 0.049_004_7, 0.176_222_6),
            (0, 200, 0.95, 0.0, 0.018_275_3),
            (200, 200, 0.95, 0.981_724_7, 1.0),
            (0, 299, 0.90, 0.0, 0.009_969_2),
        ];
        for (successes, trials, confidence, low, high) in published {
            let found = clopper_pearson(successes, trials, confidence).unwrap();
            assert!((found.low - low).abs() < 1e-6 && (found.high - high).abs() < 1e-6, "{found:?}");
        }
    }

    #[test]
    fn what_means_nothing_is_none() {
        for (successes, trials, confidence) in [(0, 0, 0.95), (2, 1, 0.95), (1, 2, 0.0), (1, 2, 1.0), (1, 2, f64::NAN)]
        {
            assert_eq!(clopper_pearson(successes, trials, confidence), None);
        }
    }

    proptest! {
        #[test]
        fn the_ends_leave_half_of_what_is_left(trials in 1..400_u32, share in 0.0..=1.0, confidence in 0.5..0.999) {
            let successes = (f64::from(trials) * share) as u32;
            let found = clopper_pearson(successes, trials, confidence).unwrap();
            let tail = (1.0 - confidence) / 2.0;
            prop_assert!(found.low <= found.estimate && found.estimate <= found.high);
            prop_assert!(successes == 0 || (at_least(successes, trials, found.low) - tail).abs() < 1e-6);
            prop_assert!(successes == trials || (1.0 - at_least(successes + 1, trials, found.high) - tail).abs() < 1e-6);
        }
    }
}
