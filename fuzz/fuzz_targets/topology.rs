//! Any text as a topology, of which a forecast then asks what it may.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mapbench_forecast::Topology;

fuzz_target!(|text: &str| {
    match Topology::parse(text) {
        Ok(machine) => {
            for threads in [1, 2, machine.cores(), machine.cores() + 1, u32::MAX] {
                assert!(machine.transfer_ns(threads).mid.is_finite(), "{threads} threads");
                assert!(machine.crowding(threads) >= 1.0, "{threads} threads");
            }
        }
        Err(error) => assert_eq!(error.to_string().lines().count(), 1),
    }
});
