//! The limits no concurrent map can beat: an immutable map and an unsynchronised one.

mod frozen;
mod unsync;

pub use frozen::{Frozen, FrozenMap};
pub use unsync::{HashbrownUnsync, UnsyncHandle, UnsyncMap};
