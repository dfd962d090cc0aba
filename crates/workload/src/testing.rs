//! A test of goodness of fit, for the tests.

/// Panics when counts do not follow their weights: chi-square above the 99.99th percentile (Wilson and Hilferty, The
/// distribution of chi-square, 1931). Cells of fewer than five expected are put together with the next.
pub(crate) fn chi_square(seen: &[u64], weights: &[f64]) {
    let (draws, weight): (u64, f64) = (seen.iter().sum(), weights.iter().sum());
    let (mut statistic, mut cells) = (0.0, 0_u32);
    let (mut observed, mut expected) = (0.0, 0.0);
    for (seen, share) in seen.iter().zip(weights) {
        observed += *seen as f64;
        expected += draws as f64 * share / weight;
        if expected >= 5.0 {
            statistic += (observed - expected) * (observed - expected) / expected;
            cells += 1;
            (observed, expected) = (0.0, 0.0);
        }
    }
    let freedom = f64::from(cells.max(2) - 1);
    let spread = 2.0 / (9.0 * freedom);
    let limit = freedom * (1.0 - spread + 3.719 * spread.sqrt()).powi(3);
    assert!(statistic <= limit, "chi-square {statistic:.1} of {cells} cells is above {limit:.1}");
    assert!(observed <= 5.0 + 10.0 * expected, "the last {observed} draws lie where {expected:.2} are expected");
}

#[test]
fn what_does_not_fit_is_seen() {
    chi_square(&[500, 510, 490], &[1.0, 1.0, 1.0]);
    let wrong = std::panic::catch_unwind(|| chi_square(&[500, 600, 400], &[1.0, 1.0, 1.0]));
    assert!(wrong.is_err());
}
