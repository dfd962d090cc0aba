//! The hashers that maps get: one for all strategies of a cell, or each crate's own. Their functions depend on the seed alone,
//! so that all strategies of a round hash alike.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hasher};

use ahash::RandomState;
use foldhash::fast::FixedState;
use mapbench_api::HashFunction;
use mapbench_workload::HasherName;
use rustc_hash::{FxBuildHasher, FxHasher};

/// foldhash alone, for what is measured most: nothing is decided while it hashes.
pub(crate) fn seeded(seed: u64) -> FixedState {
    FixedState::with_seed(seed)
}

/// Any of the hashers, chosen when the map is built. Which one it is is decided anew with every hash: a branch that is always
/// foretold, and the same for all strategies.
#[derive(Clone)]
pub(crate) enum AnyHasher {
    Foldhash(FixedState),
    Ahash(RandomState),
    /// With the keys 0: it takes no others, and they would not change its speed.
    SipHash(BuildHasherDefault<DefaultHasher>),
    Fx(FxBuildHasher),
}

impl AnyHasher {
    /// The hasher of a name; `own` is the crate's own.
    pub(crate) fn new(name: HasherName, own: HashFunction, seed: u64) -> Self {
        let function = match name {
            HasherName::Foldhash => HashFunction::Foldhash,
            HasherName::Ahash => HashFunction::Ahash,
            HasherName::SipHash => HashFunction::SipHash,
            HasherName::Fx => HashFunction::Fx,
            HasherName::Default => own,
        };
        match function {
            HashFunction::Foldhash => AnyHasher::Foldhash(seeded(seed)),
            HashFunction::Ahash => AnyHasher::Ahash(RandomState::with_seeds(seed, !seed, seed.rotate_left(32), 1)),
            HashFunction::SipHash => AnyHasher::SipHash(BuildHasherDefault::new()),
            HashFunction::Fx => AnyHasher::Fx(FxBuildHasher),
        }
    }
}

impl BuildHasher for AnyHasher {
    type Hasher = AnyState;

    #[inline]
    fn build_hasher(&self) -> AnyState {
        match self {
            AnyHasher::Foldhash(builder) => AnyState::Foldhash(builder.build_hasher()),
            AnyHasher::Ahash(builder) => AnyState::Ahash(builder.build_hasher()),
            AnyHasher::SipHash(builder) => AnyState::SipHash(builder.build_hasher()),
            AnyHasher::Fx(builder) => AnyState::Fx(builder.build_hasher()),
        }
    }
}

/// The state of any of the hashers.
pub(crate) enum AnyState {
    Foldhash(foldhash::fast::FoldHasher<'static>),
    Ahash(ahash::AHasher),
    SipHash(DefaultHasher),
    Fx(FxHasher),
}

/// Every method is handed on: hashers treat integers otherwise than their bytes.
macro_rules! handed_on {
    ($($method:ident: $type:ty),+) => {
        impl Hasher for AnyState {
            #[inline]
            fn finish(&self) -> u64 {
                match self {
                    AnyState::Foldhash(state) => state.finish(),
                    AnyState::Ahash(state) => state.finish(),
                    AnyState::SipHash(state) => state.finish(),
                    AnyState::Fx(state) => state.finish(),
                }
            }

            $(#[inline]
            fn $method(&mut self, value: $type) {
                match self {
                    AnyState::Foldhash(state) => state.$method(value),
                    AnyState::Ahash(state) => state.$method(value),
                    AnyState::SipHash(state) => state.$method(value),
                    AnyState::Fx(state) => state.$method(value),
                }
            })+
        }
    };
}
handed_on!(write: &[u8], write_u8: u8, write_u16: u16, write_u32: u32, write_u64: u64, write_u128: u128, write_usize: usize);

#[cfg(test)]
mod tests {
    use std::any::type_name;
    use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
    use std::marker::PhantomData;

    use mapbench_api::{HashFunction, Strategy};
    use mapbench_workload::HasherName;

    use super::{AnyHasher, seeded};

    fn hashes(key: &(impl Hash + ?Sized)) {
        let hash = |name| AnyHasher::new(name, HashFunction::Ahash, 7).hash_one(key);
        let expected = [
            (HasherName::Foldhash, seeded(7).hash_one(key)),
            (HasherName::Fx, rustc_hash::FxBuildHasher.hash_one(key)),
            (HasherName::SipHash, BuildHasherDefault::<DefaultHasher>::new().hash_one(key)),
            (HasherName::Ahash, ahash::RandomState::with_seeds(7, !7, 7 << 32, 1).hash_one(key)),
        ];
        for (name, expected) in expected {
            assert_eq!(hash(name), expected, "{name}");
        }
        assert_eq!(hash(HasherName::Default), hash(HasherName::Ahash));
    }

    #[test]
    fn each_hashes_as_the_crate_it_is_named_after() {
        hashes("key");
        hashes(&7_u64);
        hashes(&(7_u128, 8_u128));
    }

    /// The name of the hasher that a map has where none is named.
    macro_rules! unnamed {
        ($($path:ident)::+) => {{
            fn name<S: BuildHasher>(_: PhantomData<$($path)::+<u8, u8, S>>) -> &'static str {
                type_name::<S::Hasher>()
            }
            name(PhantomData::<$($path)::+<u8, u8>>)
        }};
    }

    #[test]
    fn own_hashers_are_those_that_the_crates_choose() {
        fn said<S: Strategy>(hasher: &str) {
            let expected = match S::OWN_HASHER {
                HashFunction::SipHash => "std::hash::random::DefaultHasher",
                // ahash's, in a type of flurry's own.
                HashFunction::Ahash => "flurry::DefaultHasher",
                HashFunction::Foldhash => "FoldHasher",
                HashFunction::Fx => "FxHasher",
            };
            assert!(hasher.ends_with(expected), "{} hashes with {hasher}", S::INFO.name);
        }
        said::<mapbench_adapter_lock::StdMutex>(unnamed!(std::collections::HashMap));
        said::<mapbench_adapter_dashmap::Dashmap>(unnamed!(dashmap::DashMap));
        said::<mapbench_adapter_dashmap::Dashmap7>(unnamed!(dashmap_7::DashMap));
        said::<mapbench_adapter_flurry::Flurry>(unnamed!(flurry::HashMap));
        said::<mapbench_adapter_flurry::FlurryPinned>(unnamed!(flurry::HashMap));
        said::<mapbench_adapter_papaya::Papaya>(unnamed!(papaya::HashMap));
        said::<mapbench_adapter_scc::SccHashMap>(unnamed!(scc::HashMap));
        said::<mapbench_adapter_scc::SccHashIndex>(unnamed!(scc::HashIndex));
        fn evmap<S: BuildHasher>(_: PhantomData<evmap::handles::ReadHandle<u8, u8, (), S>>) -> &'static str {
            type_name::<S::Hasher>()
        }
        said::<mapbench_adapter_evmap::Evmap>(evmap(PhantomData::<evmap::handles::ReadHandle<u8, u8>>));
    }
}
