//! The types of keys and values, the hashers and the allocators that a workload may ask for.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

macro_rules! named {
    ($(#[$meta:meta])* $type:ident: $what:literal { $($(#[$note:meta])* $variant:ident = $name:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $type { $($(#[$note])* $variant),+ }

        impl $type {
            /// All of them.
            pub const ALL: &'static [Self] = &[$($type::$variant),+];

            /// The name in workload files.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $($type::$variant => $name),+ }
            }

            /// The one of a name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == name)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = deserializer.deserialize_any(Name)?;
                Self::named(&name).ok_or_else(|| {
                    let known: Vec<&str> = Self::ALL.iter().map(|one| one.name()).collect();
                    D::Error::custom(format_args!("`{name}` is no {}; there are {}", $what, known.join(", ")))
                })
            }
        }
    };
}

named! {
    /// What keys are.
    KeyType: "type of keys" {
        /// A 64-bit integer.
        #[default]
        U64 = "u64",
        /// Two 128-bit integers.
        PairU128 = "u128-pair",
        /// A string of 10 to 20 bytes: `user:` and a decimal number.
        ShortString = "short-string",
        /// A string of 96 bytes that differ from the first on.
        LongString = "long-string",
        /// A string like a path: a long common beginning, and the difference at the end.
        PathString = "path-string",
    }
}

named! {
    /// What values are. Their first eight bytes tell whose they are.
    ValueType: "type of values" {
        /// A 64-bit integer.
        #[default]
        B8 = "8",
        /// 64 bytes, inline.
        B64 = "64",
        /// 1024 bytes, inline.
        B1024 = "1024",
        /// `Arc<[u8]>` of 64 bytes: a read raises the pointer's count, and never copies the bytes.
        ArcBytes = "arc-bytes",
    }
}

named! {
    /// The hasher of the map.
    HasherName: "hasher" {
        /// foldhash, fast variant, seeded.
        #[default]
        Foldhash = "foldhash",
        /// ahash, seeded.
        Ahash = "ahash",
        /// SipHash-1-3, the standard library's.
        SipHash = "siphash",
        /// FxHash, rustc's; it has no seed.
        Fx = "fxhash",
        /// What each crate itself takes when nothing is chosen: not the same for all.
        Default = "default",
    }
}

named! {
    /// The global allocator of the worker.
    Allocator: "allocator" {
        /// The system's.
        #[default]
        System = "system",
        /// mimalloc.
        Mimalloc = "mimalloc",
        /// jemalloc.
        Jemalloc = "jemalloc",
    }
}

/// A name; sizes may be written as numbers.
struct Name;

impl Visitor<'_> for Name {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<String, E> {
        Ok(name.to_owned())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }
}
