//! This crate's map beside those that mapbench has: `cargo bench`.
mod adapter;

use std::process::ExitCode;

use mapbench::Entry;

fn main() -> ExitCode {
    mapbench::main(&[Entry::of::<adapter::Striped>().from_checkout(env!("CARGO_MANIFEST_DIR"))])
}
