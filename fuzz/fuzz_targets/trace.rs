//! Any bytes as a recorded trace.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mapbench_record::records;

fuzz_target!(|bytes: &[u8]| {
    let error = match records(bytes) {
        Ok(records) => records.filter_map(Result::err).next(),
        Err(error) => Some(error),
    };
    if let Some(error) = error {
        assert_eq!(error.to_string().lines().count(), 1);
    }
});
