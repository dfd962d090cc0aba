/// The quantile of the standard normal distribution (Wichura, Algorithm AS 241, Applied Statistics 37, 1988; the version
/// with seven figures). NaN outside 0..1.
pub(crate) fn quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * polynomial(r, &[3.387_132_717_9, 50.434_271_938, 159.291_132_02, 59.109_374_720])
            / polynomial(r, &[1.0, 17.895_169_469, 78.757_757_664, 67.187_563_600]);
    }
    let r = (-p.min(1.0 - p).ln()).sqrt();
    let distance = if r <= 5.0 {
        let r = r - 1.6;
        polynomial(r, &[1.423_437_277_7, 2.756_815_390_0, 1.306_728_481_6, 0.170_238_211_03])
            / polynomial(r, &[1.0, 0.737_001_642_50, 0.120_211_329_75])
    } else {
        let r = r - 5.0;
        polynomial(r, &[6.657_905_115_0, 3.081_226_386_0, 0.428_682_943_37, 0.017_337_203_997])
            / polynomial(r, &[1.0, 0.241_978_942_25, 0.012_258_202_635])
    };
    distance.copysign(q)
}

/// The polynomial with these coefficients, from the constant on.
fn polynomial(x: f64, coefficients: &[f64]) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn quantiles_are_the_published_ones() {
        // Wichura's own three checks, then R: qnorm(c(.5, .9, .975, .99, .999, 1e-5, 1e-15)).
        let published = [
            (0.25, -0.674_489_750_2),
            (0.001, -3.090_232_306_2),
            (1e-20, -9.262_340_089_8),
            (0.5, 0.0),
            (0.9, 1.281_551_565_5),
            (0.975, 1.959_963_984_5),
            (0.99, 2.326_347_874_0),
            (0.999, 3.090_232_306_2),
            (1e-5, -4.264_890_793_9),
            (1e-15, -7.941_345_326_2),
        ];
        for (p, expected) in published {
            let found = quantile(p);
            assert!((found - expected).abs() <= 1e-6 * expected.abs(), "{p}: {found}, not {expected}");
        }
    }
}
