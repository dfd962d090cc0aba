//! Logarithm and exponential in plain IEEE arithmetic, so that they are the same on every machine: those of the system's
//! library differ in the last place, and a stream of operations must not.
//!
//! Of several numbers at once, a step of all before the next step of any: the steps of one wait for each other, and a
//! processor has room for more. Each number's result is the same as alone.

use std::array::from_fn;
use std::f64::consts::{LN_2, SQRT_2};

/// Added and taken off again, it rounds to an integer; before it is taken off, the lowest bits are that integer.
pub(crate) const ROUND: f64 = 6_755_399_441_055_744.0;

/// The natural logarithms of positive, finite, normal numbers, within a few units in the last place.
///
/// With `x = m * 2^e` and `m` between the roots of 1/2 and 2, `ln m` is twice the inverse hyperbolic tangent of
/// `(m - 1) / (m + 1)`, of which ten terms of the series are enough: the argument is below 0.172.
#[inline]
pub(crate) fn ln<const N: usize>(xs: [f64; N]) -> [f64; N] {
    const TWO_52: f64 = 4_503_599_627_370_496.0;
    /// `1 / (2n + 1)`
    const TERMS: [f64; 10] = {
        let mut terms = [1.0; 10];
        let mut n = 1;
        while n < terms.len() {
            terms[n] = 1.0 / (2 * n + 1) as f64;
            n += 1;
        }
        terms
    };
    let split = xs.map(|x| {
        let bits = x.to_bits();
        let mantissa = f64::from_bits((bits & 0x000F_FFFF_FFFF_FFFF) | 0x3FF0_0000_0000_0000);
        // An integer in the fraction of 2^52 is added to it; vector units have no conversion.
        let exponent = f64::from_bits((bits >> 52) | TWO_52.to_bits()) - (TWO_52 + 1023.0);
        let (m, e) = if mantissa > SQRT_2 { (mantissa * 0.5, exponent + 1.0) } else { (mantissa, exponent) };
        ((m - 1.0) / (m + 1.0), e)
    });
    let sums = series(TERMS, split.map(|(s, _)| s * s));
    from_fn(|lane| {
        let (s, e) = split[lane];
        2.0 * s * sums[lane] + e * LN_2
    })
}

/// The exponentials of numbers between -700 and 700, within a few units in the last place.
///
/// With `x = k ln 2 + r` and `r` at most half of `ln 2`, fourteen terms of the series are enough.
#[inline]
pub(crate) fn exp<const N: usize>(xs: [f64; N]) -> [f64; N] {
    /// `ln 2` in two parts: the first has so few bits that its products with small integers are exact.
    const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    /// `1 / n!`
    const TERMS: [f64; 14] = {
        let (mut terms, mut factorial) = ([1.0; 14], 1.0);
        let mut n = 1;
        while n < terms.len() {
            factorial *= n as f64;
            terms[n] = 1.0 / factorial;
            n += 1;
        }
        terms
    };
    let rounded = xs.map(|x| x * (1.0 / LN_2) + ROUND);
    let rests: [f64; N] = from_fn(|lane| {
        let k = rounded[lane] - ROUND;
        (xs[lane] - k * LN_2_HIGH) - k * LN_2_LOW
    });
    let sums = series(TERMS, rests);
    from_fn(|lane| sums[lane] * f64::from_bits((rounded[lane].to_bits() << 52).wrapping_add(1023 << 52)))
}

/// The sums of `terms[n] * x^n`, of an even number of terms. The even ones and the odd ones apart: half as many steps that
/// wait for each other.
#[inline]
fn series<const TERMS: usize, const N: usize>(terms: [f64; TERMS], xs: [f64; N]) -> [f64; N] {
    let squares = xs.map(|x| x * x);
    let (mut even, mut odd) = ([terms[TERMS - 2]; N], [terms[TERMS - 1]; N]);
    for pair in terms[..TERMS - 2].as_chunks::<2>().0.iter().rev() {
        even = from_fn(|lane| even[lane] * squares[lane] + pair[0]);
        odd = from_fn(|lane| odd[lane] * squares[lane] + pair[1]);
    }
    from_fn(|lane| even[lane] + odd[lane] * xs[lane])
}

#[cfg(test)]
mod tests {
    fn ln(x: f64) -> f64 {
        super::ln([x])[0]
    }

    fn exp(x: f64) -> f64 {
        super::exp([x])[0]
    }

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
