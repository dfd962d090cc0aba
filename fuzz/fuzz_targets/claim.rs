//! Any text as a claim.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use mapbench::Registry;
use mapbench::fuzzing::claim;

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| Registry::with(&[]));

fuzz_target!(|text: &str| {
    if let Err(error) = claim(text, &REGISTRY) {
        assert_eq!(error.lines().count(), 1);
    }
});
