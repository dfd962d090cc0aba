//! Histories and counters again, under a hasher that gives most keys the same hash.

use foldhash::fast::FixedState;
use mapbench_api::Strategy;

use super::{Outcome, Setting, Verdict, counters, histories};
use crate::FewValues;

pub(super) fn check<S: Strategy>(setting: &Setting) -> Outcome {
    let hasher = FewValues(FixedState::with_seed(setting.seed));
    let half = Setting { millis: setting.millis / 2, ..*setting };
    let recorded = histories::hunt::<S, _>(&half, &hasher);
    if recorded.verdict != Verdict::Verified {
        return recorded;
    }
    let counted = counters::hunt::<S, _>(&half, &hasher);
    match counted.verdict {
        Verdict::NotApplicable => recorded,
        Verdict::Verified => Outcome {
            operations: recorded.operations + counted.operations,
            histories: recorded.histories + counted.histories,
            ..recorded
        },
        _ => counted,
    }
}
