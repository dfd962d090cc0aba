use serde::{Deserialize, Serialize};

use crate::op::OpKind;
use crate::percent::Percent;

/// The whole, in the unit of a [`Mix`].
const WHOLE: u32 = 100_000_000;

/// Shares of the operation kinds, in hundred-millionths (a product of two shares in hundredths of a per cent is then
/// exact); they add up to the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mix([u32; OpKind::ALL.len()]);

/// The shares do not add up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("add up to {}, not to 100", f64::from(*hundredths) / 100.0)]
pub struct MixError {
    hundredths: u32,
}

impl Mix {
    /// `read_pct` per cent reads; the rest divided by `writes`, whose shares (in per cent of the rest) add up to 100.
    ///
    /// # Errors
    /// When the shares do not add up to 100.
    pub fn new(read_pct: Percent, writes: &[(OpKind, Percent)]) -> Result<Self, MixError> {
        let mut shares = of(writes)?;
        let rest = u32::from(Percent::ALL.hundredths() - read_pct.hundredths());
        shares.iter_mut().for_each(|share| *share *= rest);
        shares[OpKind::Read as usize] += u32::from(read_pct.hundredths()) * 10_000;
        Ok(Self(shares))
    }

    /// Shares in per cent of all operations, which add up to 100.
    ///
    /// # Errors
    /// When they do not.
    pub fn fixed(shares: &[(OpKind, Percent)]) -> Result<Self, MixError> {
        Ok(Self(of(shares)?.map(|share| share * 10_000)))
    }

    /// The share of a kind, in per cent.
    #[must_use]
    pub fn percent(&self, kind: OpKind) -> f64 {
        f64::from(self.0[kind as usize]) / 1e6
    }

    /// The share of reads; to the nearest hundredth of a per cent.
    #[must_use]
    pub fn read_pct(&self) -> Percent {
        let hundredths = (self.0[OpKind::Read as usize] + 5_000) / 10_000;
        Percent::from_hundredths(hundredths as u16).expect("a share is at most the whole")
    }

    /// The kinds that occur.
    pub fn kinds(&self) -> impl Iterator<Item = OpKind> {
        OpKind::ALL.into_iter().filter(|kind| self.0[*kind as usize] > 0)
    }

    /// The kind of 32 random bits: the kinds in their order take the numbers from 0 up, each its share of them.
    #[inline]
    #[must_use]
    pub fn kind_of(&self, bits: u32) -> OpKind {
        let draw = ((u64::from(bits) * u64::from(WHOLE)) >> 32) as u32;
        // No branch on the draw: it would be mispredicted as often as there is a write.
        let (mut end, mut past) = (0, 0);
        for share in &self.0[..OpKind::ALL.len() - 1] {
            end += share;
            past += usize::from(draw >= end);
        }
        OpKind::ALL[past]
    }
}

/// The shares by kind, in hundredths of a per cent.
fn of(shares: &[(OpKind, Percent)]) -> Result<[u32; OpKind::ALL.len()], MixError> {
    let mut all = [0; OpKind::ALL.len()];
    for (kind, share) in shares {
        all[*kind as usize] += u32::from(share.hundredths());
    }
    let hundredths = all.iter().sum();
    if hundredths == u32::from(Percent::ALL.hundredths()) { Ok(all) } else { Err(MixError { hundredths }) }
}

#[cfg(test)]
mod tests {
    use super::Mix;
    use crate::op::OpKind;
    use crate::percent::Percent;

    const HALVES: [(OpKind, Percent); 2] = [(OpKind::Insert, Percent::whole(50)), (OpKind::Remove, Percent::whole(50))];

    #[test]
    fn the_rest_is_divided_among_the_writes() {
        let mix = Mix::new(Percent::whole(99), &HALVES).unwrap();
        assert_eq!([OpKind::Read, OpKind::Insert, OpKind::Remove].map(|kind| mix.percent(kind)), [99.0, 0.5, 0.5]);
        assert_eq!(mix.kinds().collect::<Vec<_>>(), [OpKind::Read, OpKind::Insert, OpKind::Remove]);
        assert_eq!(Mix::new(Percent::ALL, &HALVES).unwrap().kinds().collect::<Vec<_>>(), [OpKind::Read]);
        // 0.05 % of 50 %: finer than a hundredth of a per cent, and exact.
        let mix = Mix::new("99.95".parse().unwrap(), &HALVES).unwrap();
        assert_eq!((mix.percent(OpKind::Insert), mix.read_pct().to_string()), (0.025, "99.95".to_owned()));
    }

    #[test]
    fn every_kind_has_its_share_of_the_numbers() {
        let mix = Mix::new(Percent::whole(90), &HALVES).unwrap();
        let edge = |percent: u64| u32::try_from((percent << 32).div_ceil(100)).unwrap();
        assert_eq!([0, edge(90) - 1].map(|bits| mix.kind_of(bits)), [OpKind::Read; 2]);
        assert_eq!([edge(90), edge(95) - 1].map(|bits| mix.kind_of(bits)), [OpKind::Insert; 2]);
        assert_eq!([edge(95), u32::MAX].map(|bits| mix.kind_of(bits)), [OpKind::Remove; 2]);
    }

    #[test]
    fn wrong_shares_are_refused() {
        let error = |shares| Mix::fixed(shares).unwrap_err().to_string();
        assert_eq!(error(&HALVES[..1]), "add up to 50, not to 100");
        assert_eq!(error(&[]), "add up to 0, not to 100");
        assert!(Mix::new(Percent::whole(50), &HALVES[..1]).is_err());
    }
}
