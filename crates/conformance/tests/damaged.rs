//! A history that was damaged is judged, or refused with a line.

use std::time::Duration;

use mapbench_conformance::history::{History, Refused};
use mapbench_conformance::linearizability::{Budget, check};
use mapbench_damage::damaged;
use proptest::prelude::*;

const RECORDED: &str = include_str!("../../mapbench/histories/lost-update.jsonl");

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_damaged_history_is_judged_or_refused(bytes in damaged(RECORDED)) {
        match History::read(bytes.as_slice()) {
            Ok(history) => {
                // Whatever it says, the search ends.
                let _ = check(&history, Budget { steps: 10_000, time: Duration::from_secs(1) }).verdict();
            }
            Err(error) => {
                prop_assert_eq!(error.to_string().lines().count(), 1, "{}", error);
                let Refused::Line { line, .. } = error else { panic!("{error}") };
                prop_assert!((1..=bytes.iter().filter(|byte| **byte == b'\n').count() + 1).contains(&line), "{}", error);
            }
        }
    }
}
