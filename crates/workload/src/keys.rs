//! Keys and values: how a key index becomes a key, and how a value shows whose it is.

/// Odd, so that the product is a bijection; its bits spread the indices over the whole word.
const SPREAD: u64 = 0xD134_2543_DE82_EF95;

/// The key of an index. One multiplication, since it stands in the timed loop.
#[inline]
#[must_use]
pub const fn key_of(index: u32) -> u64 {
    (index as u64 + 1).wrapping_mul(SPREAD)
}

/// A value that belongs to `key`: the key's upper half, and 32 bits that tell writes apart.
#[inline]
#[must_use]
pub const fn value_of(key: u64, tag: u32) -> u64 {
    (key & 0xFFFF_FFFF_0000_0000) | tag as u64
}

/// Whether a value was made for `key`.
#[inline]
#[must_use]
pub const fn value_fits(key: u64, value: u64) -> bool {
    (key ^ value) >> 32 == 0
}

/// The indices that are in the map at the start: `population` of `key_range`, evenly spread.
///
/// # Panics
/// When `population` exceeds `key_range`.
pub fn prefilled(population: u32, key_range: u32) -> impl Iterator<Item = u32> {
    assert!(population <= key_range, "a population of {population} does not fit a key range of {key_range}");
    let (population, key_range) = (u64::from(population), u64::from(key_range));
    (0..key_range)
        .filter(move |index| (index + 1) * population / key_range > index * population / key_range)
        .map(|index| u32::try_from(index).expect("below a key range of 32 bits"))
}

#[cfg(test)]
mod tests {
    use super::{key_of, prefilled, value_fits, value_of};
    use std::collections::HashSet;

    #[test]
    fn keys_differ_and_their_upper_halves_too() {
        let keys: HashSet<u64> = (0..131_072).map(key_of).collect();
        let halves: HashSet<u64> = keys.iter().map(|key| key >> 32).collect();
        assert_eq!(keys.len(), 131_072);
        assert!(halves.len() > 131_000, "{} different upper halves", halves.len());
    }

    #[test]
    fn a_value_fits_its_key_alone() {
        assert!(value_fits(key_of(3), value_of(key_of(3), u32::MAX)));
        assert!(!value_fits(key_of(4), value_of(key_of(3), 0)));
    }

    #[test]
    fn the_prefill_is_exact_and_spread() {
        for (population, range) in [(0, 10), (1, 10), (5, 10), (10, 10), (7, 1_000), (65_536, 131_072)] {
            let indices: Vec<u32> = prefilled(population, range).collect();
            assert_eq!(indices.len(), population as usize);
            assert!(indices.windows(2).all(|pair| pair[0] < pair[1]) && indices.iter().all(|index| *index < range));
        }
        assert_eq!(prefilled(5, 10).collect::<Vec<_>>(), [1, 3, 5, 7, 9]);
    }
}
