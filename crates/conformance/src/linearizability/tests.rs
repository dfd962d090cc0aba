//! The checker on random histories: against trying all orders, and each method and step against what it claims.

use proptest::prelude::*;

use super::clusters::Clusters;
use super::plain::Plain;
use super::shrink::STEPS;
use super::*;
use crate::history::{Action, Change, Exchange, STILL_RUNNING};

const KEY: u64 = 7;

fn judge(initial: Option<u64>, calls: Vec<Call>) -> Report {
    check(&History::new(initial.map(|value| (KEY, value)), calls).unwrap(), Budget::default())
}

/// What a map that holds `state` returns for the call, and holds then.
fn apply(state: Option<u64>, action: &Action, fresh: u64) -> (Action, Option<u64>) {
    let change = state.map(|saw| Change { saw, wrote: fresh });
    match *action {
        Action::Read { .. } => (Action::Read { value: state }, state),
        Action::Insert { value, .. } => (Action::Insert { value, absent: state.is_none() }, Some(value)),
        Action::InsertNew { value, .. } => {
            (Action::InsertNew { value, inserted: state.is_none() }, state.or(Some(value)))
        }
        Action::Remove { .. } => (Action::Remove { present: state.is_some() }, None),
        Action::Update { .. } => (Action::Update { change }, state.map(|_| fresh)),
        Action::Upsert { default, .. } => (Action::Upsert { default, change }, Some(state.map_or(default, |_| fresh))),
        Action::CompareExchange { expected, new, .. } => {
            let (outcome, state) = match state {
                Some(held) if held == expected => (Exchange::Exchanged, Some(new)),
                Some(held) => (Exchange::Found(held), state),
                None => (Exchange::Absent, None),
            };
            (Action::CompareExchange { expected, new, outcome }, state)
        }
    }
}

/// Tries all orders. Calls that have not returned may be left out.
fn explainable(state: Option<u64>, calls: &[Call]) -> bool {
    let Some(deadline) = calls.iter().map(|call| call.response).min() else { return true };
    if deadline == STILL_RUNNING {
        return true;
    }
    (0..calls.len()).filter(|next| calls[*next].invocation <= deadline).any(|next| {
        let call = calls[next];
        // The value that a closure wrote is the history's word; all else is the map's.
        let wrote = match call.action {
            Action::Update { change: Some(change) } | Action::Upsert { change: Some(change), .. } => change.wrote,
            _ => 0,
        };
        let (action, state) = apply(state, &call.action, wrote);
        action == call.action && explainable(state, &[&calls[..next], &calls[next + 1..]].concat())
    })
}

/// An operation, how long after the one before it takes effect, and how long before and after that it is called.
type Step = (u8, u32, u8, u8, u8, u8);

fn steps(length: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((0..9_u8, 0..8_u32, 1..12_u8, 1..24_u8, 1..24_u8, any::<u8>()), length)
}

/// Runs the operations one after the other, and lets their calls overlap as far as the threads allow. With `fresh` every
/// written value is unique.
fn sequential(initial: Option<u64>, steps: &[Step], kinds: &[u8], fresh: bool) -> Vec<Call> {
    let mut state = initial;
    let mut instant = 100;
    let mut recent = initial.unwrap_or(0);
    let mut calls: Vec<Call> = Vec::new();
    for (turn, (kind, thread, pause, before, after, dice)) in (1..).zip(steps) {
        instant += u64::from(*pause) * 2;
        let value = if fresh { 1_000 + turn * 10 } else { u64::from(*dice) % 3 };
        let action = match kinds[usize::from(*kind) % kinds.len()] {
            0 => Action::Read { value: None },
            1 => Action::Insert { value, absent: true },
            2 => Action::InsertNew { value, inserted: true },
            3 => Action::Remove { present: true },
            4 => Action::Update { change: None },
            5 => Action::Upsert { default: value, change: None },
            _ => {
                let expected = if dice % 3 == 0 { recent } else { state.unwrap_or(recent) };
                Action::CompareExchange { expected, new: value, outcome: Exchange::Absent }
            }
        };
        let held = state;
        let (action, next) = apply(state, &action, value);
        recent = held.unwrap_or(recent);
        state = next;
        // A thread's calls do not overlap: where the one before ends is settled by this one.
        let mut invocation = instant.saturating_sub(u64::from(*before));
        if let Some(earlier) = calls.iter_mut().rev().find(|call| call.thread == *thread) {
            let effect = earlier.key;
            earlier.response = earlier.response.min(instant - 1).max(effect);
            invocation = invocation.max(earlier.response + 1).min(instant);
        }
        // The key holds the instant until all are placed.
        calls.push(Call {
            thread: *thread,
            invocation,
            response: instant + u64::from(*after),
            key: instant + 1,
            action,
        });
    }
    calls.iter_mut().for_each(|call| call.key = KEY);
    calls
}

/// Changes what one call saw or wrote, so that the history may be bad.
fn mutate(calls: &mut [Call], place: usize, dice: u64) {
    if calls.is_empty() {
        return;
    }
    let written: Vec<u64> = calls
        .iter()
        .filter_map(|call| match call.action {
            Action::Insert { value, .. } | Action::InsertNew { value, inserted: true } => Some(value),
            Action::Update { change: Some(change) } | Action::Upsert { change: Some(change), .. } => Some(change.wrote),
            Action::CompareExchange { new, outcome: Exchange::Exchanged, .. } => Some(new),
            _ => None,
        })
        .chain([5])
        .collect();
    let other = written[dice as usize % written.len()];
    let place = place % calls.len();
    let call = &mut calls[place];
    match &mut call.action {
        Action::Read { value } => *value = if dice.is_multiple_of(4) { None } else { Some(other) },
        Action::Insert { absent: flag, .. }
        | Action::InsertNew { inserted: flag, .. }
        | Action::Remove { present: flag } => *flag = !*flag,
        Action::Update { change: Some(change) } | Action::Upsert { change: Some(change), .. } => change.saw = other,
        Action::Update { change: change @ None } | Action::Upsert { change: change @ None, .. } => {
            *change = Some(Change { saw: other, wrote: 9_999 });
        }
        Action::CompareExchange { expected, outcome, .. } => match dice % 3 {
            0 => *outcome = Exchange::Absent,
            1 => *outcome = Exchange::Found(other),
            _ => (*expected, *outcome) = (other, Exchange::Exchanged),
        },
    }
}

/// Reads and inserts; with removals; everything.
fn kinds() -> impl Strategy<Value = &'static [u8]> {
    prop::sample::select(vec![&[0, 0, 1, 2][..], &[0, 1, 3, 2], &[1, 3], &[0, 1, 2, 3, 4, 5, 6, 6], &[0, 3, 4, 5]])
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(1_000))]

    #[test]
    fn what_a_sound_map_does_is_accepted(
        initial in prop::option::of(Just(5)), steps in steps(0..80), kinds in kinds(), fresh in any::<bool>()
    ) {
        let report = judge(initial, sequential(initial, &steps, kinds, fresh));
        prop_assert_eq!(report.verdict(), Verdict::Linearizable, "{}", report.violation.unwrap());
    }

    /// A step that leaves out what was the explanation would find a violation in a history that has none.
    #[test]
    fn no_step_of_shrinking_makes_a_violation(
        initial in prop::option::of(Just(5)), steps in steps(0..40), kinds in kinds(), fresh in prop::bool::weighted(0.8),
        events in 0..80_usize,
    ) {
        let calls = sequential(initial, &steps, kinds, fresh);
        let mut meter = Meter::new(Budget::default());
        // Also where some calls are running still.
        let whole = Failing { initial, calls };
        let problem = Problem::new(initial, &whole.calls);
        let part = Failing { initial, calls: whole.until(&problem, events.min(problem.events.len())) };
        for failing in [whole, part] {
            for step in STEPS {
                prop_assert!(step(&failing, &mut meter).is_none());
            }
        }
    }
}

proptest! {
    #![proptest_config(config(10_000))]

    #[test]
    fn the_verdict_is_that_of_trying_all_orders(
        initial in prop::option::of(Just(5)), steps in steps(1..8), kinds in kinds(), fresh in prop::bool::weighted(0.8),
        mutations in prop::collection::vec(any::<(usize, u64)>(), 1..3),
    ) {
        let mut calls = sequential(initial, &steps, kinds, fresh);
        for (place, dice) in mutations {
            mutate(&mut calls, place, dice);
        }
        let expected = if explainable(initial, &calls) { Verdict::Linearizable } else { Verdict::Violated };
        let report = judge(initial, calls.clone());
        prop_assert_eq!(report.verdict(), expected, "{:?} {:#?}", initial, calls);
        if let Some(violation) = report.violation {
            prop_assert!(!explainable(violation.initial, &violation.calls), "{}", violation);
        }
    }
}

proptest! {
    #![proptest_config(config(2_000))]

    /// In longer histories than all orders can be tried of, and with calls that are running still.
    #[test]
    fn the_near_linear_method_and_the_search_agree(
        initial in prop::option::of(Just(5)), steps in steps(8..50), kinds in kinds(), events in 8..100_usize,
        mutations in prop::collection::vec(any::<(usize, u64)>(), 0..3),
    ) {
        let mut calls = sequential(initial, &steps, kinds, true);
        for (place, dice) in mutations {
            mutate(&mut calls, place, dice);
        }
        let problem = Problem::new(initial, &calls);
        let calls = Failing { initial, calls }.until(&problem, events.min(problem.events.len()));
        let problem = Problem::new(initial, &calls);
        prop_assume!(problem.unique);
        let mut meter = Meter::new(Budget::default());
        let near_linear = search(&problem, Clusters::new(&problem), &mut meter, |_, _, _| ());
        let searched = search(&problem, Plain(&problem), &mut meter, |_, _, _| ());
        let linearizable = |outcome| match outcome {
            Outcome::Linearizable => Some(true),
            Outcome::Fails(_) => Some(false),
            Outcome::Undecided(_) => None,
        };
        prop_assert_eq!(linearizable(near_linear), linearizable(searched), "{:?} {:#?}", initial, calls);
    }
}

/// A violation among thousands of calls is shown by the few that matter.
#[test]
fn a_violation_in_a_long_history_is_small() {
    let steps: Vec<Step> = (0..4_000_u64)
        .map(|turn| {
            let dice = turn.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
            (dice[0] % 9, u32::from(dice[1] % 8), 1 + dice[2] % 8, 1 + dice[3] % 24, 1 + dice[4] % 24, dice[5])
        })
        .collect();
    for kinds in [&[0, 0, 1, 2][..], &[0, 1, 3, 2], &[0, 1, 2, 3, 4, 5, 6, 6]] {
        let calls = sequential(Some(5), &steps, kinds, true);
        assert_eq!(judge(Some(5), calls.clone()).verdict(), Verdict::Linearizable);
        for turn in 0..12 {
            let mut calls = calls.clone();
            mutate(&mut calls, 300 * turn + 250, turn as u64 * 77 + 1);
            let Some(violation) = judge(Some(5), calls).violation else { continue };
            assert!(violation.calls.len() <= 12, "{violation}");
            assert!(!explainable(violation.initial, &violation.calls), "{violation}");
        }
    }
}
