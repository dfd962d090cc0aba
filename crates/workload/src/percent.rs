//! A share in per cent.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A share in hundredths of a per cent, from 0 to 100 %.
///
/// It is written as people write it: `90`, `99.9`, `0.05`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Percent(u16);

/// A number that is no [`Percent`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no share in per cent: it lies in 0..=100 and has at most two decimals, as 90 or 99.95")]
pub struct NotPercent(String);

impl Percent {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The whole.
    pub const ALL: Self = Self(10_000);

    /// So many per cent.
    ///
    /// # Panics
    /// When there are more than 100.
    #[must_use]
    pub const fn whole(percent: u8) -> Self {
        assert!(percent <= 100, "a share is at most 100 %");
        Self(percent as u16 * 100)
    }

    /// So many hundredths of a per cent; `None` above 10 000.
    #[must_use]
    pub const fn from_hundredths(hundredths: u16) -> Option<Self> {
        if hundredths <= 10_000 { Some(Self(hundredths)) } else { None }
    }

    /// The share in hundredths of a per cent, from 0 to 10 000.
    #[must_use]
    pub const fn hundredths(self) -> u16 {
        self.0
    }

    /// The share as a fraction of 1.
    #[must_use]
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }

    fn from_number(number: f64) -> Result<Self, NotPercent> {
        let hundredths = (number * 100.0).round();
        // What a decimal of two places misses by when it is multiplied by 100.
        let exact = (number * 100.0 - hundredths).abs() < 1e-6;
        if exact && (0.0..=10_000.0).contains(&hundredths) {
            return Ok(Self(hundredths as u16));
        }
        Err(NotPercent(number.to_string()))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, hundredths) = (self.0 / 100, self.0 % 100);
        let text = match (hundredths, hundredths % 10) {
            (0, _) => whole.to_string(),
            (_, 0) => format!("{whole}.{}", hundredths / 10),
            _ => format!("{whole}.{hundredths:02}"),
        };
        f.pad(&text)
    }
}

impl FromStr for Percent {
    type Err = NotPercent;

    fn from_str(text: &str) -> Result<Self, NotPercent> {
        let number = text.parse().map_err(|_| NotPercent(format!("`{text}`")))?;
        Self::from_number(number)
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(100) {
            serializer.serialize_u16(self.0 / 100)
        } else {
            serializer.serialize_f64(f64::from(self.0) / 100.0)
        }
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Percent;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a share in per cent")
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Percent, E> {
                self.visit_f64(number as f64)
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Percent, E> {
                self.visit_f64(number as f64)
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Percent, E> {
                Percent::from_number(number).map_err(E::custom)
            }
        }
        // Not `deserialize_any`: a field of CSV must be a number, and 90 is as good a one as 90.5.
        deserializer.deserialize_f64(Number)
    }
}

#[cfg(test)]
mod tests {
    use super::Percent;
    use proptest::prelude::*;

    #[test]
    fn shares_are_written_as_people_write_them() {
        let shown = [0, 9_000, 9_990, 9_995, 5, 10_000].map(|n| Percent::from_hundredths(n).unwrap().to_string());
        assert_eq!(shown, ["0", "90", "99.9", "99.95", "0.05", "100"]);
        assert_eq!(format!("{:>5}|", Percent::whole(7)), "    7|");
    }

    #[test]
    fn what_is_no_share_is_refused() {
        for text in ["101", "-1", "99.999", "100.01", "NaN", "inf", "much", ""] {
            let error = text.parse::<Percent>().unwrap_err().to_string();
            assert!(error.contains("is no share in per cent"), "{text}: {error}");
        }
        assert_eq!(Percent::from_hundredths(10_001), None);
    }

    proptest! {
        #[test]
        fn text_loses_nothing(hundredths in 0..=10_000_u16) {
            let share = Percent::from_hundredths(hundredths).unwrap();
            prop_assert_eq!(share.to_string().parse(), Ok(share));
            let json = serde_json::to_string(&share).unwrap();
            prop_assert_eq!(&json, &share.to_string());
            prop_assert_eq!(serde_json::from_str::<Percent>(&json).unwrap(), share);
        }
    }
}
