//! An HTTP service whose handler reads a map that threads share and sometimes writes it, and an open-loop load.
//!
//! The map itself is a [`Store`] that each thread of the service gets: this crate knows no strategy.

mod counts;
mod handler;
mod load;
mod response;
mod server;

pub use counts::Counts;
pub use load::{Load, Loaded, Pace, load};
pub use server::{Attend, Limits, serve};

/// One thread's access to the map behind the service.
pub trait Store {
    /// The value of the entry at `index`; `None` if there is none.
    fn get(&mut self, index: u32) -> Option<u32>;

    /// Sets the value of the entry at `index`; false if there can be none there.
    fn put(&mut self, index: u32, value: u32) -> bool;
}
