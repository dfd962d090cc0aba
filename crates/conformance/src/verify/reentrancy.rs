//! The map is used inside a closure that it called: does that come back?
//!
//! No strategy declares that it does (`for_each`'s closure must not use the map), so that a deadlock is an answer and no
//! violation; a wrong value is one. Each case runs on a thread of its own, which is left behind if it hangs. Writes go to
//! all the other keys, because a map of many locks deadlocks only on some of them.

use std::fmt::Write;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use foldhash::fast::FixedState;
use mapbench_api::{ConcurrentMap, Consistency, MapHandle, Operation, Strategy};

use super::meet::{Ended, quietly};
use super::shift::{self, has};
use super::{Outcome, Setting, Verdict};

const KEYS: u64 = 256;

/// The least time to come back in; a machine may be busy.
const PATIENCE: Duration = Duration::from_millis(250);

/// What is used inside of what.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Case {
    inner: Operation,
    outer: Operation,
}

const CASES: [Case; 5] = [
    Case { inner: Operation::Read, outer: Operation::ForEach },
    Case { inner: Operation::Insert, outer: Operation::ForEach },
    Case { inner: Operation::Read, outer: Operation::Read },
    Case { inner: Operation::Insert, outer: Operation::Read },
    Case { inner: Operation::Read, outer: Operation::Update },
];

/// What became of a case.
#[derive(Clone, PartialEq, Eq)]
enum Answer {
    Returns,
    Hangs,
    Detects,
    Panics(String),
    Wrong(String),
}

pub(super) fn check<S: Strategy>(setting: &Setting) -> Outcome {
    if S::INFO.thread_limit.is_some_and(|limit| limit.threads < 2) {
        return shift::not_applicable("a second handle is refused");
    }
    let cases: Vec<_> = CASES.into_iter().filter(|case| has::<S>(case.inner) && has::<S>(case.outer)).collect();
    let answers = ask::<S>(&cases, PATIENCE.max(Duration::from_millis(setting.millis)));
    let verdict = if answers.iter().any(|answer| matches!(answer, Answer::Wrong(_))) {
        Verdict::Violated
    } else if answers.contains(&Answer::Detects) {
        Verdict::Detected
    } else {
        Verdict::Verified
    };
    let maps = cases.len() as u64;
    shift::outcome(verdict, maps, maps, told(&cases, &answers))
}

/// The answers of all cases, within one time for all.
fn ask<S: Strategy>(cases: &[Case], patience: Duration) -> Vec<Answer> {
    let (sender, receiver) = mpsc::channel();
    for (nth, case) in cases.iter().copied().enumerate() {
        let sender = sender.clone();
        thread::spawn(move || {
            let answer = match quietly(move || attempt::<S>(case)) {
                Ok(answer) => answer,
                Err(Ended::Detected(_)) => Answer::Detects,
                Err(Ended::Panicked(message)) => Answer::Panics(message),
            };
            // Nobody may be waiting any more.
            let _ = sender.send((nth, answer));
        });
    }
    let until = Instant::now() + patience;
    let mut answers = vec![Answer::Hangs; cases.len()];
    for _ in cases {
        let Ok((nth, answer)) = receiver.recv_timeout(until.saturating_duration_since(Instant::now())) else { break };
        answers[nth] = answer;
    }
    answers
}

fn attempt<S: Strategy>(case: Case) -> Answer {
    let map = S::build(2 * KEYS as usize, FixedState::with_seed(0), (0..KEYS).map(|key| (key, key)));
    let (mut outside, mut inside) = (map.handle(), map.handle());
    let mut wrong = None;
    let mut calls = 0;
    let mut inner = |of: u64| {
        calls += 1;
        // Once is enough, and a table that is iterated need not be written over and over.
        if calls == 1 {
            wrong = use_inside::<S, _>(&mut inside, case.inner, of);
        }
    };
    match case.outer {
        Operation::ForEach => outside.for_each(|key, _| inner(*key)),
        Operation::Read => {
            outside.read(&0, |_| inner(0));
        }
        _ => {
            outside.update(&0, |value| {
                inner(0);
                *value
            });
        }
    }
    match (wrong, calls) {
        (Some(wrong), _) => Answer::Wrong(wrong),
        (None, 0) => Answer::Wrong("the closure was not called".to_owned()),
        (None, _) => Answer::Returns,
    }
}

/// Says what is wrong, if something is.
fn use_inside<S: Strategy, M: MapHandle<u64, u64>>(handle: &mut M, operation: Operation, of: u64) -> Option<String> {
    for key in (0..KEYS).filter(|key| *key != of) {
        if operation == Operation::Insert && handle.insert(key, key + KEYS) {
            return Some(format!("an insert of key {key} says that it was absent"));
        }
        handle.quiesce();
        let expected = if operation == Operation::Insert { key + KEYS } else { key };
        let found = handle.read(&key, |value| *value);
        if found != Some(expected) && S::INFO.consistency == Consistency::Linearizable {
            return Some(format!("a read of key {key} finds {found:?}, not {expected}"));
        }
    }
    None
}

/// `read inside for_each, read: returns; insert inside for_each: deadlocks`
fn told(cases: &[Case], answers: &[Answer]) -> String {
    let mut told = String::new();
    for (nth, (case, answer)) in cases.iter().zip(answers).enumerate() {
        let what = match answer {
            Answer::Returns => "returns",
            Answer::Hangs => "deadlocks",
            Answer::Detects => "is detected",
            Answer::Panics(message) => &format!("panics: {message}"),
            Answer::Wrong(wrong) => &format!("is wrong: {wrong}"),
        };
        let comma = if nth == 0 { "" } else { "; " };
        write!(told, "{comma}{} inside {} {what}", case.inner, case.outer).expect("a string takes everything");
    }
    told
}

#[cfg(test)]
mod tests {
    use super::super::broken::{Broken, fault};
    use super::*;

    const SETTING: Setting = Setting { seed: 1, threads: 2, millis: 50 };

    #[test]
    fn a_deadlock_is_an_answer() {
        let outcome = check::<Broken<{ fault::NONE }>>(&SETTING);
        assert_eq!(outcome.verdict, Verdict::Verified);
        assert_eq!(outcome.detail.matches("deadlocks").count(), CASES.len(), "{}", outcome.detail);
        assert!(outcome.detail.starts_with("read inside for_each deadlocks; "), "{}", outcome.detail);
    }

    #[test]
    fn what_returns_is_told_from_what_does_not() {
        let outcome = check::<Broken<{ fault::NONE_REENTRANT }>>(&SETTING);
        assert_eq!(outcome.verdict, Verdict::Verified);
        assert_eq!(outcome.detail.matches("returns").count(), 4, "{}", outcome.detail);
        assert!(outcome.detail.ends_with("read inside update deadlocks"), "{}", outcome.detail);
    }

    #[test]
    fn a_key_that_is_not_found_while_it_is_locked_is_a_violation() {
        let outcome = check::<Broken<{ fault::READS_MISS_WHAT_IS_LOCKED }>>(&SETTING);
        assert_eq!(outcome.verdict, Verdict::Violated);
        assert!(outcome.detail.contains("read inside for_each is wrong: a read of key"), "{}", outcome.detail);
    }

    #[test]
    fn a_detected_overlap_is_the_strategys_right() {
        let outcome = check::<Broken<{ fault::OVERLAPS_ARE_DETECTED }>>(&SETTING);
        assert_eq!(outcome.verdict, Verdict::Detected);
        assert!(outcome.detail.contains("insert inside for_each is detected"), "{}", outcome.detail);
    }
}
