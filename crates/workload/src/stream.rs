//! Operation streams: what a thread asks of the map, made before the clock starts.
//!
//! A stream is a function of the seed, the mix and the key range, the same on every machine; a golden digest in the tests
//! holds it fast.

use crate::mix::Mix;
use crate::op::{MAX_KEY_RANGE, PackedOp};
use crate::rng::SplitMix64;

/// Operations of a thread's stream, which it runs in a loop: 256 KiB, read in order, so that it streams through the
/// caches and leaves them to the map. A power of two.
pub const STREAM_OPS: usize = 1 << 16;

/// A stream of `len` operations: kinds drawn by `mix`, key indices uniformly from `0..key_range`.
///
/// One 64-bit number an operation: its upper half times the key range is the index, its lower half draws the kind
/// (Lemire, Fast Random Integer Generation in an Interval, TOMACS 2019, without the rejection step: the bias is
/// below `key_range` / 2^32).
///
/// # Panics
/// When `key_range` is 0 or above [`MAX_KEY_RANGE`].
#[must_use]
pub fn uniform(seed: u64, mix: Mix, key_range: u32, len: usize) -> Box<[PackedOp]> {
    assert!((1..=MAX_KEY_RANGE).contains(&key_range), "a key range of {key_range} is not in 1..={MAX_KEY_RANGE}");
    let mut rng = SplitMix64::new(seed);
    let scaled = |half: u64, range: u64| (half * range) >> 32;
    (0..len)
        .map(|_| {
            let bits = rng.next_u64();
            let index = scaled(bits >> 32, u64::from(key_range));
            PackedOp::new(mix.kind_of(bits as u32), index as u32)
        })
        .collect()
}

/// A digest of a stream (64-bit FNV-1a over its little-endian words), to tell whether two are the same.
#[must_use]
pub fn digest(stream: &[PackedOp]) -> u64 {
    stream
        .iter()
        .flat_map(|op| op.bits().to_le_bytes())
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3))
}

#[cfg(test)]
mod tests {
    use super::{digest, uniform};
    use crate::mix::Mix;
    use crate::op::OpKind;
    use crate::percent::Percent;

    fn mix(read_pct: u8) -> Mix {
        let half = Percent::whole(50);
        Mix::new(Percent::whole(read_pct), &[(OpKind::Insert, half), (OpKind::Remove, half)]).unwrap()
    }

    // The digests come from a second implementation, in Python, written from the documentation of this module.
    #[test]
    fn streams_are_the_same_everywhere() {
        let golden = [
            (1, 90, 2_702_621_756_623_242_931_u64),
            (2, 90, 9_440_614_547_840_562_148),
            (1, 0, 17_945_657_070_446_529_203),
        ];
        let made =
            golden.map(|(seed, read_pct, _)| (seed, read_pct, digest(&uniform(seed, mix(read_pct), 131_072, 65_536))));
        assert_eq!(made, golden);
    }

    #[test]
    fn kinds_and_keys_follow_their_shares() {
        let stream = uniform(3, mix(90), 64, 1 << 20);
        let share = |kind| stream.iter().filter(|op| op.kind() == kind).count() as f64 / stream.len() as f64;
        // Five standard deviations of a binomial share at this length: 0.15 points at 90 %, 0.11 at 5 %.
        assert!((share(OpKind::Read) - 0.90).abs() < 0.0015);
        assert!((share(OpKind::Insert) - 0.05).abs() < 0.0011);
        let mut seen = [0_u32; 64];
        stream.iter().for_each(|op| seen[op.index() as usize] += 1);
        let expected = stream.len() as f64 / 64.0;
        let chi_square: f64 = seen.iter().map(|n| (f64::from(*n) - expected).powi(2) / expected).sum();
        // The 99.99th percentile of chi-square with 63 degrees of freedom.
        assert!(chi_square < 112.0, "chi-square {chi_square}");
    }
}
