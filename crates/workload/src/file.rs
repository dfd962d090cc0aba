//! A workload file as it is written: every field, some of them lists.

use std::fmt::{self, Display};

use serde::de::value::{BoolDeserializer, F64Deserializer, I64Deserializer, StrDeserializer, U64Deserializer};
use serde::de::{DeserializeOwned, Deserializer, Error, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::distribution::Distribution;
use crate::op::OpKind;
use crate::percent::Percent;
use crate::types::{Allocator, HasherName, KeyType, ValueType};

/// All fields that a file may have; unknown ones are refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) question: String,
    pub(crate) source: String,
    #[serde(default)]
    pub(crate) note: Option<String>,
    /// The population at the start is not the one that the mix leads to, and is meant so.
    #[serde(default)]
    pub(crate) drifts: bool,
    pub(crate) population: Axis<u32>,
    #[serde(default)]
    pub(crate) capacity: Axis<u32>,
    #[serde(default)]
    pub(crate) key_range: Axis<u32>,
    #[serde(default)]
    pub(crate) hit_pct: Axis<Percent>,
    #[serde(default)]
    pub(crate) operations: Axis<u32>,
    #[serde(default)]
    pub(crate) trace: Option<String>,
    #[serde(default)]
    pub(crate) distribution: Axis<Distribution>,
    #[serde(default)]
    pub(crate) key: Axis<KeyType>,
    #[serde(default)]
    pub(crate) value: Axis<ValueType>,
    #[serde(default)]
    pub(crate) hasher: Axis<HasherName>,
    #[serde(default)]
    pub(crate) allocator: Axis<Allocator>,
    #[serde(default)]
    pub(crate) threads: Vec<ThreadCount>,
    #[serde(default)]
    pub(crate) read_pct: Option<Vec<Percent>>,
    #[serde(default)]
    pub(crate) writes: Option<Shares>,
    #[serde(default)]
    pub(crate) mix: Option<Shares>,
    #[serde(default)]
    pub(crate) role: Vec<RoleTable>,
}

/// A `[[role]]` table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleTable {
    pub(crate) name: String,
    pub(crate) threads: RoleThreads,
    pub(crate) mix: Shares,
    #[serde(default)]
    pub(crate) distribution: Option<Distribution>,
    #[serde(default)]
    pub(crate) rate_ops_s: Option<u32>,
}

/// The threads of a role: a number, or `"rest"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RoleThreads {
    Number(u32),
    Rest,
}

/// A number of threads: `4`, `"cores"`, `"8*cores"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadCount {
    /// So many.
    Number(u32),
    /// So many on every core.
    PerCore(u32),
}

impl ThreadCount {
    /// The number of threads on a machine with so many cores.
    #[must_use]
    pub const fn on(self, cores: u32) -> u32 {
        match self {
            ThreadCount::Number(threads) => threads,
            ThreadCount::PerCore(each) => each.saturating_mul(cores),
        }
    }
}

/// Shares of operations in per cent, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Shares {
    read: Percent,
    insert: Percent,
    insert_new: Percent,
    remove: Percent,
    update: Percent,
    upsert: Percent,
    compare_exchange: Percent,
    iterate: Percent,
}

impl Shares {
    pub(crate) fn by_kind(&self) -> [(OpKind, Percent); 8] {
        [
            (OpKind::Read, self.read),
            (OpKind::Insert, self.insert),
            (OpKind::InsertNew, self.insert_new),
            (OpKind::Remove, self.remove),
            (OpKind::Update, self.update),
            (OpKind::Upsert, self.upsert),
            (OpKind::CompareExchange, self.compare_exchange),
            (OpKind::Iterate, self.iterate),
        ]
    }

    pub(crate) const fn has_reads(&self) -> bool {
        self.read.hundredths() > 0
    }
}

/// A field that may be a list: one value, several to sweep over, or none when it was left out.
#[derive(Clone, Debug)]
pub(crate) struct Axis<T>(Vec<T>);

impl<T> Default for Axis<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy + Display> Axis<T> {
    /// The number of points: a field that was left out has one.
    pub(crate) fn points(&self) -> usize {
        self.0.len().max(1)
    }

    /// The value at a point.
    pub(crate) fn at(&self, point: usize) -> Option<T> {
        self.0.get(point).copied()
    }

    /// The value at a point as text; `None` when the field is not swept.
    pub(crate) fn label(&self, point: usize) -> Option<String> {
        (self.0.len() > 1).then(|| self.0[point].to_string())
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Axis<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany<T>(std::marker::PhantomData<T>);
        impl<'de, T: DeserializeOwned> Visitor<'de> for OneOrMany<T> {
            type Value = Vec<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or a list of values")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Vec<T>, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = all.next_element()? {
                    values.push(value);
                }
                if values.is_empty() { Err(A::Error::custom("the list is empty")) } else { Ok(values) }
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Vec<T>, E> {
                T::deserialize(StrDeserializer::new(text)).map(|value| vec![value])
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Vec<T>, E> {
                T::deserialize(I64Deserializer::new(number)).map(|value| vec![value])
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Vec<T>, E> {
                T::deserialize(U64Deserializer::new(number)).map(|value| vec![value])
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Vec<T>, E> {
                T::deserialize(F64Deserializer::new(number)).map(|value| vec![value])
            }
            fn visit_bool<E: Error>(self, truth: bool) -> Result<Vec<T>, E> {
                T::deserialize(BoolDeserializer::new(truth)).map(|value| vec![value])
            }
        }
        deserializer.deserialize_any(OneOrMany(std::marker::PhantomData)).map(Self)
    }
}

/// A number or a word.
fn number_or_word<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &'static str,
    number: fn(u32) -> T,
    word: fn(&str) -> Option<T>,
) -> Result<T, D::Error> {
    struct Either<T>(&'static str, fn(u32) -> T, fn(&str) -> Option<T>);
    impl<T> Visitor<'_> for Either<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
        fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
            let wrong = || E::invalid_value(serde::de::Unexpected::Signed(value), &self.0);
            let value = u32::try_from(value).ok().filter(|value| (1..=1024).contains(value)).ok_or_else(wrong)?;
            Ok((self.1)(value))
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            (self.2)(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self.0))
        }
    }
    deserializer.deserialize_any(Either(expected, number, word))
}

impl<'de> Deserialize<'de> for RoleThreads {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rest = |text: &str| (text == "rest").then_some(RoleThreads::Rest);
        number_or_word(deserializer, "a number from 1 to 1024 or \"rest\"", RoleThreads::Number, rest)
    }
}

impl<'de> Deserialize<'de> for ThreadCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let cores = |text: &str| match text.strip_suffix("cores")? {
            "" => Some(ThreadCount::PerCore(1)),
            each => {
                let each = each.trim_end().strip_suffix('*')?.trim_end().parse().ok()?;
                (1..=1024).contains(&each).then_some(ThreadCount::PerCore(each))
            }
        };
        let expected = "a number from 1 to 1024, \"cores\", or a multiple as \"8*cores\"";
        number_or_word(deserializer, expected, ThreadCount::Number, cores)
    }
}
