//! Whatever a map, an interrupt or a disk does: the right status in the right row, the rest measured, nothing left behind.

mod endings;
mod interrupts;
mod processes;
mod strategies;
#[path = "../subject/mod.rs"]
mod subject;
mod writing;

use std::process::ExitCode;

use subject::Test;

const TESTS: [Test; 8] = [
    ("a_sweep_goes_on_after_every_fault", endings::a_sweep_goes_on_after_every_fault),
    ("verify_goes_on_after_every_fault", endings::verify_goes_on_after_every_fault),
    ("a_gate_goes_on_after_every_fault", endings::a_gate_goes_on_after_every_fault),
    ("claims_go_on_after_every_fault", endings::claims_go_on_after_every_fault),
    ("nobody_outlives_a_killed_orchestrator", interrupts::nobody_outlives_a_killed_orchestrator),
    ("a_second_run_in_a_directory_is_refused", interrupts::a_second_run_in_a_directory_is_refused),
    ("a_run_interrupted_again_and_again_is_whole", interrupts::a_run_interrupted_again_and_again_is_whole),
    ("a_full_disk_leaves_what_was_written", writing::a_full_disk_leaves_what_was_written),
];

fn main() -> ExitCode {
    writing::limit_if_told();
    subject::main(&strategies::entries(), &TESTS)
}
