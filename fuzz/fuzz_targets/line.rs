//! Any text as a line of the protocol, from either side.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mapbench::fuzzing::line;

fuzz_target!(|text: &str| {
    if let Err(error) = line(text) {
        assert_eq!(error.lines().count(), 1);
    }
});
