/// The 97.5 % quantiles of Student's t with 1 to 30 degrees of freedom, as every table has them.
const TABLE: [f64; 30] = [
    12.706_2, 4.302_7, 3.182_4, 2.776_4, 2.570_6, 2.446_9, 2.364_6, 2.306_0, 2.262_2, 2.228_1, 2.201_0, 2.178_8,
    2.160_4, 2.144_8, 2.131_4, 2.119_9, 2.109_8, 2.100_9, 2.093_0, 2.086_0, 2.079_6, 2.073_9, 2.068_7, 2.063_9,
    2.059_5, 2.055_5, 2.051_8, 2.048_4, 2.045_2, 2.042_3,
];

/// The 97.5 % quantile of the normal distribution.
const NORMAL: f64 = 1.959_964;

/// The 95 % interval of a mean, two-sided (Student, The Probable Error of a Mean, Biometrika 6, 1908).
///
/// `None` for fewer than two values: one value says nothing about its spread.
pub(crate) fn mean_interval(values: &[f64]) -> Option<(f64, f64)> {
    if values.len() < 2 {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let reach = t(values.len() - 1) * (variance / n).sqrt();
    Some((mean - reach, mean + reach))
}

/// The 97.5 % quantile: from the table, and beyond it by the expansion of Abramowitz & Stegun, 26.7.5.
pub(crate) fn t(degrees: usize) -> f64 {
    let (z, n) = (NORMAL, degrees as f64);
    TABLE.get(degrees - 1).copied().unwrap_or_else(|| {
        z + (z.powi(3) + z) / (4.0 * n) + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * n * n)
    })
}

#[cfg(test)]
mod tests {
    use super::{mean_interval, t};

    #[test]
    fn quantiles_are_the_published_ones() {
        // R: qt(.975, c(1, 2, 4, 10, 30, 40, 60, 120, 1000)).
        let published = [
            (1, 12.706),
            (2, 4.303),
            (4, 2.776),
            (10, 2.228),
            (30, 2.042),
            (40, 2.021),
            (60, 2.000),
            (120, 1.980),
            (1_000, 1.962),
        ];
        for (degrees, quantile) in published {
            assert!((t(degrees) - quantile).abs() < 1e-3, "{degrees}: {}", t(degrees));
        }
        assert!((1..200).all(|degrees| t(degrees) > t(degrees + 1)));
    }

    #[test]
    fn the_closed_forms_agree() {
        // One degree of freedom is Cauchy's distribution; for two, t = (2p - 1) / sqrt(2 p (1 - p)).
        let cauchy = (std::f64::consts::PI * 0.475).tan();
        let two = 0.95 / (2.0_f64 * 0.975 * 0.025).sqrt();
        assert!((t(1) - cauchy).abs() < 1e-4 && (t(2) - two).abs() < 1e-4, "{cauchy} {two}");
    }

    #[test]
    fn students_own_example() {
        // The extra sleep of his ten patients by hyoscyamine and hyoscine, 1908; R: t.test(extra ~ group, paired).
        let gains = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4];
        let (low, high) = mean_interval(&gains).unwrap();
        assert!((low - 0.700_114).abs() < 1e-4 && (high - 2.459_886).abs() < 1e-4, "{low} {high}");
        assert_eq!(mean_interval(&[1.0]), None);
    }
}
