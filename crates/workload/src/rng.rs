/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014, figure 16).
///
/// Chosen because it is a dozen lines in any language, passes BigCrush, and any seed is a good seed.
#[derive(Clone, Debug)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    /// A generator whose sequence is a function of `seed` alone.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    #[inline]
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Shuffles a slice (Fisher-Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            // The bias of the multiplication is below 2^-32 for any slice that fits in memory here.
            let chosen = (u128::from(self.next_u64()) * (last as u128 + 1)) >> 64;
            items.swap(last, usize::try_from(chosen).expect("below the slice's length"));
        }
    }
}

/// A seed for a part of the run, from the run's seed and the numbers that name the part.
#[must_use]
pub fn derive_seed(seed: u64, parts: &[u64]) -> u64 {
    parts.iter().fold(SplitMix64::new(seed).next_u64(), |state, part| SplitMix64::new(state ^ part).next_u64())
}

#[cfg(test)]
mod tests {
    use super::{SplitMix64, derive_seed};

    #[test]
    fn first_outputs_are_the_published_ones() {
        // The reference outputs for seed 1234567, as Rosetta Code's "Pseudo-random numbers/Splitmix64" lists them.
        let mut rng = SplitMix64::new(1_234_567);
        let first: Vec<u64> = (0..5).map(|_| rng.next_u64()).collect();
        assert_eq!(
            first,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
                4_593_380_528_125_082_431,
                16_408_922_859_458_223_821
            ]
        );
    }

    #[test]
    fn parts_and_their_order_change_a_derived_seed() {
        let seeds = [derive_seed(1, &[]), derive_seed(1, &[0]), derive_seed(1, &[0, 1]), derive_seed(1, &[1, 0])];
        for (i, a) in seeds.iter().enumerate() {
            assert!(seeds[i + 1..].iter().all(|b| a != b));
        }
    }

    #[test]
    fn a_shuffle_keeps_the_items() {
        let mut items: Vec<u32> = (0..100).collect();
        SplitMix64::new(7).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
