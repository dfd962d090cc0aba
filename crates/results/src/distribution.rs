//! How long operations took, all of them: a histogram of constant relative error, and the percentiles it can vouch for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};

/// What is longer counts as this: an hour.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// Two digits: a value is told from another that is a hundredth larger.
const DIGITS: u8 = 2;

/// Samples that must lie above a percentile, or it would rest on a handful of accidents.
const ABOVE: u64 = 100;

/// A percentile, in thousandths of a per cent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percentile(u32);

impl Percentile {
    /// The percentiles that are written, ascending.
    pub const ALL: [Self; 6] = [Self(50_000), Self(90_000), Self(99_000), Self(99_900), Self(99_990), Self(99_999)];

    /// The 99th.
    pub const P99: Self = Self(99_000);
    /// The 99.9th.
    pub const P99_9: Self = Self(99_900);

    /// `50`, `99.9`
    #[must_use]
    pub fn name(self) -> String {
        format!("{}", f64::from(self.0) / 1_000.0)
    }

    /// Whether so many samples leave a hundred above the percentile.
    #[must_use]
    pub const fn holds(self, samples: u64) -> bool {
        samples as u128 * (100_000 - self.0 as u128) >= ABOVE as u128 * 100_000
    }

    fn quantile(self) -> f64 {
        f64::from(self.0) / 100_000.0
    }
}

/// Durations in nanoseconds. Values read from it are right to a hundredth: upper ends of the histogram's steps, so that a
/// percentile is never understated.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution(Histogram<u64>);

impl Default for Distribution {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST_NS, DIGITS).expect("the bounds are sound"))
    }
}

impl Distribution {
    /// Adds a duration in nanoseconds. What is longer than an hour counts as an hour.
    #[inline]
    pub fn record(&mut self, ns: u64) {
        self.0.saturating_record(ns);
    }

    /// Adds a duration `count` times.
    pub fn record_n(&mut self, ns: u64, count: u64) {
        self.0.saturating_record_n(ns, count);
    }

    /// Adds all of another.
    pub fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("all have the same bounds");
    }

    /// How many durations there are.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.0.len()
    }

    /// The longest; `None` without any.
    #[must_use]
    pub fn max_ns(&self) -> Option<u64> {
        (self.samples() > 0).then(|| self.0.max())
    }

    /// A percentile; `None` with fewer than 100 samples above it.
    #[must_use]
    pub fn percentile_ns(&self, percentile: Percentile) -> Option<u64> {
        percentile.holds(self.samples()).then(|| self.0.value_at_quantile(percentile.quantile()))
    }

    /// The steps of the distribution, ascending: a duration in nanoseconds, and how many samples are at most as long.
    #[must_use]
    pub fn steps(&self) -> Vec<(u64, u64)> {
        let mut below = 0;
        let step = |value: hdrhistogram::iterators::IterationValue<u64>| {
            below += value.count_at_value();
            (self.0.highest_equivalent(value.value_iterated_to()), below)
        };
        self.0.iter_recorded().map(step).collect()
    }

    /// The histogram in HdrHistogram's compressed V2 format, in base64: the last field of a line of its interval logs.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(&self.0, &mut bytes).expect("a vector takes all bytes");
        STANDARD.encode(bytes)
    }

    /// The histogram of such a text.
    ///
    /// # Errors
    /// What is wrong with it: not base64, not a histogram, or not one of these bounds.
    pub fn decode(text: &str) -> Result<Self, String> {
        let bytes = STANDARD.decode(text).map_err(|error| format!("not base64: {error}"))?;
        let histogram: Histogram<u64> = Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|error| format!("not a histogram in HdrHistogram's V2 format: {error}"))?;
        let mut distribution = Self::default();
        if histogram.sigfig() != DIGITS || histogram.high() != distribution.0.high() {
            return Err(format!("not a histogram of up to {LONGEST_NS} ns with {DIGITS} digits"));
        }
        distribution.0.add(&histogram).map_err(|error| error.to_string())?;
        Ok(distribution)
    }
}

#[cfg(test)]
mod tests {
    use super::{Distribution, Percentile};
    use proptest::prelude::*;

    #[test]
    fn a_percentile_needs_a_hundred_samples_above_it() {
        let mut distribution = Distribution::default();
        distribution.record_n(1_000, 9_999);
        assert_eq!(distribution.percentile_ns(Percentile(90_000)).map(|ns| ns / 10), Some(100));
        assert_eq!(distribution.percentile_ns(Percentile::P99), None);
        distribution.record(1_000);
        assert!(distribution.percentile_ns(Percentile::P99).is_some());
        assert_eq!(distribution.percentile_ns(Percentile(99_900)), None);
        assert!(Percentile(99_999).holds(10_000_000) && !Percentile(99_999).holds(9_999_999));
        assert_eq!(Distribution::default().max_ns(), None);
    }

    #[test]
    fn known_percentiles_come_back_within_a_hundredth() {
        let mut distribution = Distribution::default();
        (1..=100_000).for_each(|ns| distribution.record(ns));
        for (percentile, exact) in
            [(Percentile(50_000), 50_000.0), (Percentile(90_000), 90_000.0), (Percentile(99_900), 99_900.0)]
        {
            let found = distribution.percentile_ns(percentile).unwrap() as f64;
            assert!((0.0..0.01).contains(&(found / exact - 1.0)), "{found} for {exact}");
        }
        assert!((100_000..101_000).contains(&distribution.max_ns().unwrap()));
        let steps = distribution.steps();
        assert!(steps.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1));
        assert_eq!(steps.last().unwrap().1, 100_000);
    }

    #[test]
    fn what_is_no_histogram_is_refused() {
        assert!(Distribution::decode("&").unwrap_err().starts_with("not base64"));
        assert!(Distribution::decode("AAAA").unwrap_err().starts_with("not a histogram in HdrHistogram's"));
    }

    /// `HdrHistogram`'s interval logs begin every histogram of this kind so, whichever language wrote them.
    #[test]
    fn the_text_is_that_of_the_public_logs() {
        assert!(Distribution::default().encode().starts_with("HISTFAAAA"));
    }

    proptest! {
        #[test]
        fn encoding_loses_nothing(values in prop::collection::vec((1_u64..10_000_000_000_000, 1_u64..1_000_000), 0..50)) {
            let mut distribution = Distribution::default();
            values.iter().for_each(|(ns, count)| distribution.record_n(*ns, *count));
            let back = Distribution::decode(&distribution.encode()).unwrap();
            prop_assert_eq!(back.steps(), distribution.steps());
        }
    }
}
