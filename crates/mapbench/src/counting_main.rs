//! The command line of mapbench, with an allocator that counts: what `mapbench run --memory` starts as its workers.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mapbench::CountingAllocator = mapbench::CountingAllocator;

fn main() -> ExitCode {
    mapbench::main(&[])
}
