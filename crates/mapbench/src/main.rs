//! The command line of mapbench over the built-in strategies.

use std::process::ExitCode;

fn main() -> ExitCode {
    mapbench::main(&[])
}
