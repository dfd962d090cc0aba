//! Which keys operations draw: the names and parameters of the distributions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::percent::Percent;

/// How operations choose their keys. Written as a word with its parameters: `uniform`, `zipf:0.99`, `hot-set:20:80`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Distribution {
    /// Every key alike.
    #[default]
    Uniform,
    /// The key of index `k` with a probability proportional to `(k + 1)^-theta`: neighbours in index are alike popular.
    Zipf(Theta),
    /// The same, with the ranks scattered over the indices by a bijection, so that the popular keys are anywhere.
    ScrambledZipf(Theta),
    /// A share of the keys gets a share of the operations; within and without, every key alike.
    HotSet {
        /// The share of the keys that is hot: those of the lowest indices.
        keys: Percent,
        /// The share of the operations that goes to them.
        operations: Percent,
    },
    /// Inserts append, removes take the oldest, and all else draws by age: the newest key most, as zipf has it. Each
    /// thread has a part of the key range to itself, since another's newest key would be there or not by its pace.
    Latest(Theta),
    /// In order, round and round; each thread begins at its own place.
    Sequential,
    /// Inserts append, removes take the oldest, and all else draws every present key alike; a key comes again only after
    /// all others of the range. Each thread has a part of the key range to itself.
    Queue,
    /// Every key alike, of a part of the key range that the thread has to itself.
    Partitioned,
    /// One key.
    SingleKey,
    /// As the crate bustle has it: each thread has a table of keys to itself, whose length is a power of two that depends
    /// on the number of threads; inserts append, removes take the oldest, and all else strides over the whole table.
    Bustle,
}

impl Distribution {
    /// Whether inserts append and removes take the oldest.
    #[must_use]
    pub const fn is_ordered(self) -> bool {
        matches!(self, Distribution::Latest(_) | Distribution::Queue | Distribution::Bustle)
    }
}

/// The exponent of Zipf's law, in thousandths, from 0 (uniform) to 10; 0.99 is YCSB's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Theta(u16);

impl Theta {
    /// So many thousandths; `None` above 10 000.
    #[must_use]
    pub const fn from_thousandths(thousandths: u16) -> Option<Self> {
        if thousandths <= 10_000 { Some(Self(thousandths)) } else { None }
    }

    /// The exponent.
    #[must_use]
    pub fn value(self) -> f64 {
        f64::from(self.0) / 1_000.0
    }

    fn parse(text: &str) -> Option<Self> {
        let value: f64 = text.parse().ok()?;
        let thousandths = (value * 1_000.0).round();
        let exact = (value * 1_000.0 - thousandths).abs() < 1e-6;
        (exact && (0.0..=10_000.0).contains(&thousandths)).then_some(Self(thousandths as u16))
    }
}

impl fmt::Display for Theta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().fmt(f)
    }
}

/// A text that is no distribution.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no distribution; there are uniform, zipf:THETA, scrambled-zipf:THETA, hot-set:KEYS_PCT:OPERATIONS_PCT, \
     latest:THETA, sequential, queue, partitioned, single-key and bustle, with THETA from 0 to 10 in thousandths, as \
     zipf:0.99"
)]
pub struct NotDistribution(String);

impl FromStr for Distribution {
    type Err = NotDistribution;

    fn from_str(text: &str) -> Result<Self, NotDistribution> {
        let parts: Vec<&str> = text.split(':').collect();
        let parsed = match *parts {
            ["uniform"] => Some(Distribution::Uniform),
            ["zipf", theta] => Theta::parse(theta).map(Distribution::Zipf),
            ["scrambled-zipf", theta] => Theta::parse(theta).map(Distribution::ScrambledZipf),
            ["hot-set", keys, operations] => match (keys.parse(), operations.parse()) {
                (Ok(keys), Ok(operations)) => Some(Distribution::HotSet { keys, operations }),
                _ => None,
            },
            ["latest", theta] => Theta::parse(theta).map(Distribution::Latest),
            ["sequential"] => Some(Distribution::Sequential),
            ["queue"] => Some(Distribution::Queue),
            ["partitioned"] => Some(Distribution::Partitioned),
            ["single-key"] => Some(Distribution::SingleKey),
            ["bustle"] => Some(Distribution::Bustle),
            _ => None,
        };
        parsed.ok_or_else(|| NotDistribution(text.to_owned()))
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Distribution::Uniform => f.write_str("uniform"),
            Distribution::Zipf(theta) => write!(f, "zipf:{theta}"),
            Distribution::ScrambledZipf(theta) => write!(f, "scrambled-zipf:{theta}"),
            Distribution::HotSet { keys, operations } => write!(f, "hot-set:{keys}:{operations}"),
            Distribution::Latest(theta) => write!(f, "latest:{theta}"),
            Distribution::Sequential => f.write_str("sequential"),
            Distribution::Queue => f.write_str("queue"),
            Distribution::Partitioned => f.write_str("partitioned"),
            Distribution::SingleKey => f.write_str("single-key"),
            Distribution::Bustle => f.write_str("bustle"),
        }
    }
}

impl From<Distribution> for String {
    fn from(distribution: Distribution) -> Self {
        distribution.to_string()
    }
}

impl TryFrom<String> for Distribution {
    type Error = NotDistribution;

    fn try_from(text: String) -> Result<Self, NotDistribution> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::Distribution;

    #[test]
    fn names_lead_back_to_what_they_name() {
        for text in [
            "uniform",
            "zipf:0.99",
            "scrambled-zipf:1",
            "hot-set:20:80",
            "hot-set:0.1:99.9",
            "latest:0.99",
            "sequential",
            "queue",
            "partitioned",
            "single-key",
            "bustle",
        ] {
            assert_eq!(text.parse::<Distribution>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_distribution_is_refused() {
        for text in ["zipf", "zipf:-1", "zipf:11", "zipf:0.9999", "hot-set:20", "hot-set:101:5", "uniform:1", ""] {
            let error = text.parse::<Distribution>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{text}` is no distribution")), "{error}");
        }
    }
}
