//! Zipf's distribution, exactly and without a table.

use std::array::from_fn;

use crate::math::{ROUND, exp, ln};
use crate::rng::SplitMix64;

/// How many ranks are made at once.
pub(crate) const LANES: usize = 8;

/// Draws ranks from 0 to `n - 1`, the rank `k` with a probability proportional to `(k + 1)^-theta`.
///
/// Rejection-inversion (Hörmann and Derflinger, Rejection-inversion to generate variates from monotone discrete
/// distributions, TOMACS 1996): exact for every `n` and `theta`, about one draw in one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zipf {
    n: f64,
    theta: f64,
    /// The integral of the hat at the left end of the first rank, and at the right end of the last.
    first: f64,
    last: f64,
    /// A draw this near above its rank is taken without a further look.
    near: f64,
}

impl Zipf {
    /// Over `n` ranks, at least one; `theta` from 0 (uniform) to 10.
    pub(crate) fn new(n: u32, theta: f64) -> Self {
        let mut zipf = Self { n: f64::from(n), theta, first: 0.0, last: 0.0, near: 0.0 };
        zipf.first = zipf.integral(1.5) - 1.0;
        zipf.last = zipf.integral(zipf.n + 0.5);
        zipf.near = 2.0 - zipf.inverse([zipf.integral(2.5) - zipf.hat(2.0)])[0];
        zipf
    }

    /// The rank of the first number that has one.
    pub(crate) fn draw(&self, rng: &mut SplitMix64) -> u32 {
        loop {
            if let [Some(rank)] = Self::ranks([self], [rng.next_u64()]) {
                return rank;
            }
        }
    }

    /// The rank of each number, or `None` of one that is rejected; all with the same `theta`. Several at once, since a rank
    /// alone is a long chain of steps that wait for one another.
    #[inline]
    pub(crate) fn ranks<const N: usize>(zipfs: [&Self; N], numbers: [u64; N]) -> [Option<u32>; N] {
        let us: [f64; N] = from_fn(|lane| zipfs[lane].area(numbers[lane]));
        let xs = zipfs[0].inverse(us);
        from_fn(|lane| zipfs[lane].rank(us[lane], xs[lane]))
    }

    /// A share of the area under the hat.
    #[inline]
    fn area(&self, number: u64) -> f64 {
        let fraction = (number >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0);
        self.last + fraction * (self.first - self.last)
    }

    /// The rank at `x`, where the integral is `u`.
    #[inline]
    fn rank(&self, u: f64, x: f64) -> Option<u32> {
        // The lowest bits are the nearest integer, which a conversion would take longer to find.
        let rounded = x.clamp(1.0, self.n) + ROUND;
        let k = rounded - ROUND;
        (k - x <= self.near || self.is_under(k, u)).then_some(rounded.to_bits() as u32 - 1)
    }

    /// Whether a number that is not near a rank has it all the same.
    #[cold]
    #[inline(never)]
    fn is_under(&self, k: f64, u: f64) -> bool {
        u >= self.integral(k + 0.5) - self.hat(k)
    }

    /// `x^-theta`.
    fn hat(&self, x: f64) -> f64 {
        exp([-self.theta * ln([x])[0]])[0]
    }

    /// The integral of the hat from 1 to `x`.
    fn integral(&self, x: f64) -> f64 {
        let [ln] = ln([x]);
        if self.theta == 1.0 {
            return ln;
        }
        let rest = 1.0 - self.theta;
        (exp([rest * ln])[0] - 1.0) / rest
    }

    /// Where the integral has the values `us`.
    #[inline]
    fn inverse<const N: usize>(&self, us: [f64; N]) -> [f64; N] {
        if self.theta == 1.0 {
            return exp(us);
        }
        let rest = 1.0 - self.theta;
        let power = 1.0 / rest;
        exp(ln(us.map(|u| 1.0 + u * rest)).map(|ln| ln * power))
    }
}

/// Ranks that are wanted one after the other, made several at once.
pub(crate) struct Ranks {
    zipf: Zipf,
    made: [u32; LANES],
    /// How many of those are left.
    left: usize,
}

impl Ranks {
    pub(crate) fn new(zipf: Zipf) -> Self {
        Self { zipf, made: [0; LANES], left: 0 }
    }

    /// The next rank. Takes numbers in advance: nothing else may take any from this generator.
    #[inline]
    pub(crate) fn next(&mut self, rng: &mut SplitMix64) -> u32 {
        while self.left == 0 {
            self.make(rng);
        }
        self.left -= 1;
        self.made[self.left]
    }

    /// The last is put first: ranks are taken from the end.
    fn make(&mut self, rng: &mut SplitMix64) {
        for rank in Zipf::ranks([&self.zipf; LANES], from_fn(|_| rng.next_u64())).into_iter().rev() {
            self.made[self.left] = rank.unwrap_or_default();
            self.left += usize::from(rank.is_some());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Zipf;
    use crate::rng::SplitMix64;
    use crate::testing::chi_square;

    #[test]
    fn ranks_follow_the_formula() {
        for (n, theta) in [(1, 0.99), (2, 1.0), (50, 0.0), (100, 0.5), (100, 0.99), (100, 1.0), (100, 1.2), (40, 3.0)] {
            let zipf = Zipf::new(n, theta);
            let mut rng = SplitMix64::new(u64::from(n));
            let mut seen = vec![0_u64; n as usize];
            for _ in 0..400_000 {
                seen[zipf.draw(&mut rng) as usize] += 1;
            }
            let weights: Vec<f64> = (1..=n).map(|k| f64::from(k).powf(-theta)).collect();
            chi_square(&seen, &weights);
        }
    }

    #[test]
    fn the_largest_range_is_drawn_from_in_full() {
        let n = 1 << 29;
        let zipf = Zipf::new(n, 0.5);
        let mut rng = SplitMix64::new(1);
        let ranks: Vec<u32> = (0..10_000).map(|_| zipf.draw(&mut rng)).collect();
        assert!(ranks.iter().all(|rank| *rank < n));
        // Half of the weight k^-1/2 lies in the first quarter of the ranks.
        let early = ranks.iter().filter(|rank| **rank < n / 4).count();
        assert!((4_750..5_250).contains(&early), "{early}: five standard deviations are 250");
    }
}
