//! Keys by rank, as Zipf's law has them, and operations with such keys, made several at a time.

use crate::distribution::Theta;
use crate::draw::Choice;
use crate::op::{OpKind, PackedOp};
use crate::rng::SplitMix64;
use crate::space::Span;
use crate::zipf::{LANES, Zipf};

/// A prime above every key range, so that multiplying by it modulo the range is a bijection.
const SCATTER: u64 = 2_654_435_761;

/// Keys of which each has a rank; the numbers after the operation's own are the sampler's.
pub(crate) struct Ranked {
    zipf: Zipf,
    span: Span,
    scattered: bool,
}

impl Ranked {
    /// In the order of their ranks, or scattered.
    pub(crate) fn new(theta: Theta, span: Span, scattered: bool) -> Self {
        Self { zipf: Zipf::new(span.len, theta.value()), span, scattered }
    }

    #[inline]
    fn key(&self, rank: u32) -> u32 {
        let scattered = || (u64::from(rank) * SCATTER % u64::from(self.span.len)) as u32;
        self.span.start + if self.scattered { scattered() } else { rank }
    }
}

/// The first `len` operations whose kinds are drawn by `kind`, and their keys after them.
///
/// Several are drawn as if each number had a rank. Few have none; then the operation takes the numbers that follow, and
/// those after it are drawn again.
pub(crate) fn operations(
    keys: &Choice<Ranked>,
    len: usize,
    rng: &mut SplitMix64,
    kind: impl Fn(&mut SplitMix64) -> OpKind,
) -> Box<[PackedOp]> {
    let mut ops = Vec::with_capacity(len + LANES);
    while ops.len() < len {
        let mut kinds = [OpKind::Read; LANES];
        let mut from = [None; LANES];
        let mut numbers = [0; LANES];
        let mut after = [const { SplitMix64::new(0) }; LANES];
        for lane in 0..LANES {
            kinds[lane] = kind(rng);
            from[lane] = keys.choose(kinds[lane], rng);
            if from[lane].is_some() {
                numbers[lane] = rng.next_u64();
            }
            after[lane] = rng.clone();
        }
        let zipfs = from.map(|one| &one.unwrap_or_else(|| keys.present()).zipf);
        let ranks = Zipf::ranks(zipfs, numbers);
        for lane in 0..LANES {
            let op = match (from[lane], ranks[lane]) {
                (None, _) => PackedOp::new(kinds[lane], 0),
                (Some(keys), Some(rank)) => PackedOp::new(kinds[lane], keys.key(rank)),
                (Some(keys), None) => {
                    *rng = after[lane].clone();
                    ops.push(PackedOp::new(kinds[lane], keys.key(keys.zipf.draw(rng))));
                    break;
                }
            };
            ops.push(op);
        }
    }
    ops.truncate(len);
    ops.into()
}

#[cfg(test)]
mod tests {
    use super::{OpKind, PackedOp, Ranked, Span, SplitMix64, operations};
    use crate::distribution::Theta;
    use crate::draw::Choice;
    use crate::mix::Mix;
    use crate::percent::Percent;
    use crate::testing::chi_square;

    fn ranked(theta: u16, start: u32, len: u32, scattered: bool) -> Ranked {
        Ranked::new(Theta::from_thousandths(theta).unwrap(), Span { start, len }, scattered)
    }

    #[test]
    fn keys_have_the_weights_of_their_ranks() {
        const KEYS: u32 = 200;
        for (theta, scattered) in [(0, false), (500, false), (990, false), (990, true), (1_000, true), (2_000, false)] {
            let keys = Choice::One(ranked(theta, 0, KEYS, scattered));
            let ops = operations(&keys, 200_000, &mut SplitMix64::new(11), |_| OpKind::Read);
            let mut counts = vec![0_u64; KEYS as usize];
            ops.iter().for_each(|op| counts[op.index() as usize] += 1);
            let mut weights = vec![0.0; KEYS as usize];
            for rank in 0..KEYS {
                let key = if scattered { u64::from(rank) * 2_654_435_761 % u64::from(KEYS) } else { u64::from(rank) };
                weights[key as usize] = f64::from(rank + 1).powf(-f64::from(theta) / 1_000.0);
            }
            chi_square(&counts, &weights);
        }
    }

    /// What [`operations`] does several at a time.
    fn one_by_one(keys: &Choice<Ranked>, len: usize, rng: &mut SplitMix64, mix: &Mix) -> Vec<PackedOp> {
        let op = |_| {
            let kind = mix.kind_of(rng.next_u64() as u32);
            let keys = keys.choose(kind, rng);
            PackedOp::new(kind, keys.map_or(0, |keys| keys.key(keys.zipf.draw(rng))))
        };
        (0..len).map(op).collect()
    }

    #[test]
    fn several_at_a_time_are_as_one_by_one() {
        let shares = [(OpKind::Read, 60), (OpKind::Insert, 15), (OpKind::Remove, 15), (OpKind::Iterate, 10)];
        let mix = Mix::fixed(&shares.map(|(kind, share)| (kind, Percent::whole(share)))).unwrap();
        // In few ranks, many numbers are rejected.
        for (theta, len) in [(0, 10), (500, 1_000), (990, 7), (1_000, 50_000), (1_200, 100), (5_000, 10), (10_000, 2)] {
            let one = Choice::One(ranked(theta, 3, len, true));
            let sets = Choice::Sets {
                present: ranked(theta, 0, len, false),
                changing: Some(ranked(theta, len, 2 * len, true)),
                absent: ranked(theta, 3 * len, 1, false),
                hit_pct: Percent::whole(75),
            };
            for keys in [one, sets] {
                let (mut several, mut single) = (SplitMix64::new(5), SplitMix64::new(5));
                let ops = operations(&keys, 10_003, &mut several, |rng| mix.kind_of(rng.next_u64() as u32));
                assert_eq!(*ops, one_by_one(&keys, 10_003, &mut single, &mix), "theta {theta}, {len} ranks");
            }
        }
    }
}
