//! The hasher that every map gets.

use foldhash::fast::FixedState;

/// The name in `provenance.json`.
pub(crate) const NAME: &str = "foldhash";

/// A hasher whose function depends on the seed alone, so that all strategies of a round hash alike.
pub(crate) fn seeded(seed: u64) -> FixedState {
    FixedState::with_seed(seed)
}
