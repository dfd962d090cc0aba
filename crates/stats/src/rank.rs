use crate::Interval;

/// The geometric mean of ratios (slowdowns) over cells, for the rank. Give every strategy the same cells: those they share.
///
/// Ratios are averaged by their geometric mean because it alone ranks alike whichever strategy is the reference (Fleming
/// & Wallace, How Not to Lie with Statistics, CACM 29, 1986). The interval is recovered from the cells' own: on
/// logarithms each end lies the root of the summed squares of the cells' reaches from the sum (Zou & Donner, Construction
/// of Confidence Limits about Effect Measures, Statistics in Medicine 27, 2008). That takes the cells' errors to be
/// independent, which cells of different groups are: other processes, another time.
///
/// `None` without cells, or when an end is not positive and finite or not in order.
#[must_use]
pub fn geometric_mean_ratio(cells: &[Interval]) -> Option<Interval> {
    let proper = |cell: &Interval| {
        0.0 < cell.low && cell.low <= cell.estimate && cell.estimate <= cell.high && cell.high.is_finite()
    };
    if cells.is_empty() || !cells.iter().all(proper) {
        return None;
    }
    let n = cells.len() as f64;
    let estimate = cells.iter().map(|cell| cell.estimate.ln()).sum::<f64>() / n;
    let reach = |end: fn(&Interval) -> f64| {
        cells.iter().map(|cell| (end(cell).ln() - cell.estimate.ln()).powi(2)).sum::<f64>().sqrt() / n
    };
    Some(Interval { low: estimate - reach(|cell| cell.low), estimate, high: estimate + reach(|cell| cell.high) }.exp())
}

#[cfg(test)]
mod tests {
    use super::geometric_mean_ratio;
    use crate::Interval;
    use proptest::prelude::*;

    const fn interval(low: f64, estimate: f64, high: f64) -> Interval {
        Interval { low, estimate, high }
    }

    fn close(a: Interval, b: Interval) -> bool {
        [(a.low, b.low), (a.estimate, b.estimate), (a.high, b.high)].iter().all(|(a, b)| (a / b - 1.0).abs() < 1e-9)
    }

    #[test]
    fn known_answers() {
        let one = interval(0.9, 1.5, 2.0);
        assert!(close(geometric_mean_ratio(&[one]).unwrap(), one));
        // Four cells alike: the error of the mean is half of each.
        let four = geometric_mean_ratio(&[interval(0.25, 1.0, 4.0); 4]).unwrap();
        assert!(close(four, interval(0.5, 1.0, 2.0)), "{four:?}");
        let mixed = geometric_mean_ratio(&[interval(2.0, 2.0, 2.0), interval(8.0, 8.0, 8.0)]).unwrap();
        assert!(close(mixed, interval(4.0, 4.0, 4.0)), "{mixed:?}");
    }

    #[test]
    fn what_means_nothing_is_none() {
        assert_eq!(geometric_mean_ratio(&[]), None);
        for bad in [
            interval(0.0, 1.0, 2.0),
            interval(-1.0, 1.0, 2.0),
            interval(2.0, 1.0, 3.0),
            interval(1.0, 3.0, 2.0),
            interval(1.0, f64::NAN, 2.0),
            interval(1.0, 2.0, f64::INFINITY),
        ] {
            assert_eq!(geometric_mean_ratio(&[interval(1.0, 1.0, 1.0), bad]), None, "{bad:?}");
        }
    }

    prop_compose! {
        fn any_interval()(estimate in 0.1..100.0, below in 0.1..1.0, above in 1.0..10.0) -> Interval {
            interval(estimate * below, estimate, estimate * above)
        }
    }

    proptest! {
        #[test]
        fn ordered_turnable_and_blind_to_order(cells in prop::collection::vec(any_interval(), 1..20)) {
            let mean = geometric_mean_ratio(&cells).unwrap();
            let mut other: Vec<Interval> = cells.iter().map(Interval::reciprocal).collect();
            other.reverse();
            prop_assert!(mean.low <= mean.estimate && mean.estimate <= mean.high);
            prop_assert!(close(mean, geometric_mean_ratio(&other).unwrap().reciprocal()));
        }

        #[test]
        fn a_slower_cell_raises_the_mean(cells in prop::collection::vec(any_interval(), 1..20), factor in 1.01..10.0) {
            let mut slower = cells.clone();
            let first = slower[0];
            slower[0] = interval(first.low * factor, first.estimate * factor, first.high * factor);
            prop_assert!(geometric_mean_ratio(&slower).unwrap().estimate > geometric_mean_ratio(&cells).unwrap().estimate);
        }
    }
}
