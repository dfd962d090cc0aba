//! The command line of mapbench over the built-in strategies.

mod allocator;

use std::process::ExitCode;

fn main() -> ExitCode {
    allocator::declare();
    mapbench::main(&[])
}
