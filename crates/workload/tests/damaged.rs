//! A definition that was damaged is read, or refused with a place in it.

use mapbench_damage::damaged;
use mapbench_workload::Workload;
use proptest::prelude::*;

const SHIPPED: &str = include_str!("../../mapbench/workloads/ratio-sweep.toml");

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_damaged_definition_is_read_or_refused(bytes in damaged(SHIPPED)) {
        let text = String::from_utf8_lossy(&bytes);
        match Workload::parse(&text) {
            Ok(all) => {
                prop_assert!(!all.is_empty());
                let loads = all.iter().flat_map(|one| one.read_pct().into_iter().map(|share| one.load(share)));
                prop_assert!(loads.into_iter().all(|load| !load.roles.is_empty() && load.key_range(1) > 0));
            }
            Err(error) => {
                prop_assert_eq!(error.to_string().lines().count(), 1, "{}", error);
                if let Some((line, column)) = error.place {
                    prop_assert!((1..=text.matches('\n').count() + 1).contains(&line) && column >= 1, "{}", error);
                }
            }
        }
    }
}
