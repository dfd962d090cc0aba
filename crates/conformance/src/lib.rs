//! Tests every strategy must pass before it may be measured.
//!
//! [`test_strategy!`] puts them into an adapter's own tests; mapbench's tests run the same functions over its whole registry, so
//! that nothing can be registered without them. They are the feature `suite`.
//!
//! What threads did can also be recorded as a [`history`] and checked for [`linearizability`]; [`verify`] asks whether a
//! strategy is what it declares.

mod hash;
pub mod history;
pub mod linearizability;
#[cfg(feature = "suite")]
mod model;
pub mod scenario;
#[cfg(feature = "suite")]
mod threads;
pub mod verify;

pub use hash::FewValues;
#[cfg(feature = "suite")]
pub use model::{Case, model};
#[cfg(feature = "suite")]
pub use threads::threads;

/// Puts a strategy through everything.
///
/// # Panics
/// When the strategy does not do what it declares.
#[cfg(feature = "suite")]
pub fn all<S: mapbench_api::Strategy>() {
    model::<S, (u64, u64)>();
    model::<S, (String, String)>();
    model::<S, ((u64, u64), Vec<u8>)>();
    threads::<S>();
}

/// Tests of a strategy, a function each: `test_strategy!(crate::MyStrategy);` in a module of its own.
#[cfg(feature = "suite")]
#[macro_export]
macro_rules! test_strategy {
    ($strategy:ty) => {
        #[test]
        fn model_of_words() {
            $crate::model::<$strategy, (u64, u64)>();
        }

        #[test]
        fn model_of_strings() {
            $crate::model::<$strategy, (String, String)>();
        }

        #[test]
        fn model_of_pairs_and_bytes() {
            $crate::model::<$strategy, ((u64, u64), Vec<u8>)>();
        }

        #[test]
        fn threads() {
            $crate::threads::<$strategy>();
        }
    };
}
