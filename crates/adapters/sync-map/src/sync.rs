//! All that the algorithm shares between threads is made of these; a model checker would put its own in their place.

pub(crate) use std::sync::Arc;

pub(crate) use arc_swap::{ArcSwap, ArcSwapOption, Guard};
pub(crate) use parking_lot::Mutex;
