//! The instrumented program that `mapbench forecast` builds and starts. Built in the usual way it runs, and counts nothing.

use std::process::ExitCode;

#[global_allocator]
static HEAP: mapbench_contention::Heap = mapbench_contention::Heap;

fn main() -> ExitCode {
    mapbench::simulator::main()
}
