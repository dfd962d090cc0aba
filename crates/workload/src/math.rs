//! Logarithm and exponential in plain IEEE arithmetic, so that they are the same on every machine: those of the system's
//! library differ in the last place, and a stream of operations must not.

use std::f64::consts::{LN_2, SQRT_2};

/// The natural logarithm of a positive, finite, normal number, within a few units in the last place.
///
/// With `x = m * 2^e` and `m` between the roots of 1/2 and 2, `ln m` is twice the inverse hyperbolic tangent of
/// `(m - 1) / (m + 1)`, of which eleven terms of the series are enough: the argument is below 0.172.
#[inline]
pub(crate) fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mantissa = f64::from_bits((bits & 0x000F_FFFF_FFFF_FFFF) | 0x3FF0_0000_0000_0000);
    let exponent = (bits >> 52) as f64 - 1023.0;
    let (m, e) = if mantissa > SQRT_2 { (mantissa * 0.5, exponent + 1.0) } else { (mantissa, exponent) };
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let mut sum = 1.0 / 21.0;
    for term in [19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        sum = sum * z + 1.0 / term;
    }
    2.0 * s * sum + e * LN_2
}

/// The exponential of a number between -700 and 700, within a few units in the last place.
///
/// With `x = k ln 2 + r` and `r` at most half of `ln 2`, fourteen terms of the series are enough.
#[inline]
pub(crate) fn exp(x: f64) -> f64 {
    /// `ln 2` in two parts: the first has so few bits that its products with small integers are exact.
    const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    /// Added and taken off again, it rounds to an integer.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let k = (x * (1.0 / LN_2) + ROUND) - ROUND;
    let r = (x - k * LN_2_HIGH) - k * LN_2_LOW;
    let mut sum = 1.0;
    for n in [13.0, 12.0, 11.0, 10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0] {
        sum = sum * (r * (1.0 / n)) + 1.0;
    }
    sum * f64::from_bits(((k as i64 + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::{exp, ln};

    /// Relative, but for the neighbourhood of zero.
    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-14 * b.abs().max(1.0)
    }

    #[test]
    fn both_agree_with_the_system_s_library() {
        for step in 1..20_000 {
            let x = f64::from(step) * 0.37;
            assert!(close(ln(x), x.ln()), "ln {x}: {} {}", ln(x), x.ln());
            assert!(close(ln(1.0 / x), -x.ln()), "ln 1/{x}");
            let y = f64::from(step) * 0.069 - 690.0;
            assert!((exp(y) / y.exp() - 1.0).abs() < 1e-13, "exp {y}: {} {}", exp(y), y.exp());
        }
        assert_eq!((ln(1.0), exp(0.0)), (0.0, 1.0));
    }
}
