use serde::{Deserialize, Serialize};

use crate::op::OpKind;

/// Shares of the operation kinds, in hundredths of a per cent; they add up to 10 000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mix([u16; OpKind::ALL.len()]);

/// Why shares make no mix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MixError {
    /// The shares of the writes do not add up.
    #[error("the shares under [writes] add up to {0}, not to 100")]
    Sum(u32),
    /// More reads than operations.
    #[error("a read share of {0} % is above 100 %")]
    Reads(u8),
}

impl Mix {
    /// `read_pct` per cent reads; the rest divided by `writes`, whose shares (in per cent of the rest) add up to 100.
    ///
    /// # Errors
    /// When `read_pct` is above 100 or the shares do not add up to 100.
    pub fn new(read_pct: u8, writes: &[(OpKind, u8)]) -> Result<Self, MixError> {
        let sum = writes.iter().map(|(_, share)| u32::from(*share)).sum();
        if sum != 100 {
            return Err(MixError::Sum(sum));
        }
        let rest = 100_u16.checked_sub(u16::from(read_pct)).ok_or(MixError::Reads(read_pct))?;
        let mut shares = [0; OpKind::ALL.len()];
        shares[OpKind::Read as usize] = u16::from(read_pct) * 100;
        for (kind, share) in writes {
            shares[*kind as usize] += rest * u16::from(*share);
        }
        Ok(Self(shares))
    }

    /// The share of a kind, in hundredths of a per cent.
    #[must_use]
    pub const fn share(&self, kind: OpKind) -> u16 {
        self.0[kind as usize]
    }

    /// The kinds that occur.
    pub fn kinds(&self) -> impl Iterator<Item = OpKind> {
        OpKind::ALL.into_iter().filter(|kind| self.share(*kind) > 0)
    }

    /// The kind of a number drawn evenly from 0 to 9 999.
    #[must_use]
    pub fn kind_at(&self, mut draw: u16) -> OpKind {
        for kind in OpKind::ALL {
            match draw.checked_sub(self.share(kind)) {
                Some(left) => draw = left,
                None => return kind,
            }
        }
        unreachable!("the shares add up to 10 000 and the draw is below that")
    }
}

#[cfg(test)]
mod tests {
    use super::{Mix, MixError};
    use crate::op::OpKind;

    const HALVES: [(OpKind, u8); 2] = [(OpKind::Insert, 50), (OpKind::Remove, 50)];

    #[test]
    fn the_rest_is_divided_among_the_writes() {
        let mix = Mix::new(99, &HALVES).unwrap();
        assert_eq!([OpKind::Read, OpKind::Insert, OpKind::Remove].map(|kind| mix.share(kind)), [9_900, 50, 50]);
        assert_eq!(mix.kinds().collect::<Vec<_>>(), [OpKind::Read, OpKind::Insert, OpKind::Remove]);
        assert_eq!(Mix::new(100, &HALVES).unwrap().kinds().collect::<Vec<_>>(), [OpKind::Read]);
    }

    #[test]
    fn every_draw_has_its_kind() {
        let mix = Mix::new(90, &HALVES).unwrap();
        for kind in OpKind::ALL {
            let drawn = (0..10_000).filter(|draw| mix.kind_at(*draw) == kind).count();
            assert_eq!(drawn, usize::from(mix.share(kind)));
        }
    }

    #[test]
    fn wrong_shares_are_refused() {
        assert_eq!(Mix::new(101, &HALVES), Err(MixError::Reads(101)));
        assert_eq!(Mix::new(50, &HALVES[..1]), Err(MixError::Sum(50)));
        assert_eq!(Mix::new(50, &[]), Err(MixError::Sum(0)));
    }
}
