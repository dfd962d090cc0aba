//! From a violation to the smallest sub-history that shows it.
//!
//! A sub-history is only evidence if "the whole can be explained" implies "the sub-history can": what is left out must not
//! have been the explanation. These steps keep that, and each result is checked to fail by itself before it is believed:
//!
//! - *The end.* Calls that begin after a moment are left out, and calls open at that moment are taken to be running still
//!   ([`STILL_RUNNING`]): they may have taken effect or not.
//! - *A late look.* A call that saw a unique value, whose writer had returned long before, is kept, and all else that
//!   begins after some moment in between is left out: an explanation of the whole, cut off after that call and without
//!   them, explains the rest, because none of them can come before the writer, and those that come between the writer and
//!   the call only look.
//! - *The beginning.* Where a single configuration explains what has returned so far, the history goes on from it: with
//!   its state as the initial one, without the calls that have taken effect.
//! - *Calls that only look*, and values that are put in the place of another and are gone again together with all calls
//!   that saw them: the others cannot tell that they were there.

use std::collections::HashSet;

use super::clusters::cluster;
use super::decide;
use super::meter::{Budget, Meter};
use super::problem::{Event, Leave, Need, Problem, State};
use super::search::Outcome;
use crate::history::{Call, STILL_RUNNING};

/// Earlier moments tried as the beginning when values that are seen would come out of nowhere.
const BEGINNINGS: usize = 64;

/// Calls of one key that cannot be explained.
#[derive(Clone)]
pub(super) struct Failing {
    pub(super) initial: Option<u64>,
    pub(super) calls: Vec<Call>,
}

/// Each finds a smaller sub-history that fails, if it can.
pub(super) const STEPS: [fn(&Failing, &mut Meter) -> Option<Failing>; 4] = [end, late_look, beginning, unnoticed];

/// Shrinks until nothing more can be left out, or the budget is spent.
pub(super) fn shrink(mut failing: Failing, budget: Budget) -> Failing {
    let mut meter = Meter::new(budget);
    loop {
        let before = failing.calls.len();
        for step in STEPS {
            failing = step(&failing, &mut meter).unwrap_or(failing);
        }
        if failing.calls.len() == before {
            failing.calls.sort_unstable_by_key(|call| (call.invocation, call.thread));
            return failing;
        }
    }
}

impl Failing {
    fn fails(&self, meter: &mut Meter) -> bool {
        let problem = Problem::new(self.initial, &self.calls);
        matches!(decide(&problem, meter, |_, _, _| ()), Outcome::Fails(_))
    }

    fn problem(&self) -> Problem {
        Problem::new(self.initial, &self.calls)
    }

    fn with(&self, calls: Vec<Call>) -> Self {
        let problem = Problem::new(self.initial, &calls);
        let calls = calls.into_iter().zip(problem.idle).filter(|(_, idle)| !idle).map(|(call, _)| call).collect();
        Self { initial: self.initial, calls }
    }

    /// What has begun after so many events.
    pub(super) fn until(&self, problem: &Problem, events: usize) -> Vec<Call> {
        let mut calls: Vec<Option<Call>> = vec![None; self.calls.len()];
        for event in &problem.events[..events] {
            match *event {
                Event::Begins(call) => calls[call] = Some(Call { response: STILL_RUNNING, ..self.calls[call] }),
                Event::Returns(call) => calls[call] = Some(self.calls[call]),
            }
        }
        calls.into_iter().flatten().collect()
    }
}

/// The smallest number in the range that makes `trial` fail, with its result; the largest must.
fn smallest(
    range: std::ops::RangeInclusive<usize>,
    meter: &mut Meter,
    trial: impl Fn(usize) -> Failing,
) -> Option<Failing> {
    let (mut low, mut high) = range.into_inner();
    let mut found = None;
    while low < high {
        let middle = low + (high - low) / 2;
        let candidate = trial(middle);
        if candidate.fails(meter) {
            (found, high) = (Some(candidate), middle);
        } else {
            low = middle + 1;
        }
    }
    found
}

fn end(failing: &Failing, meter: &mut Meter) -> Option<Failing> {
    let problem = failing.problem();
    smallest(0..=problem.events.len(), meter, |events| failing.with(failing.until(&problem, events)))
}

fn late_look(failing: &Failing, meter: &mut Meter) -> Option<Failing> {
    let problem = failing.problem();
    let place = |wanted: Event| problem.events.iter().position(|event| *event == wanted);
    let Event::Returns(look) = *problem.events.last()? else { return None };
    let Need::Value(value) = problem.effects[look].need else { return None };
    let begins = place(Event::Begins(look))?;
    let written = if problem.initial == State::Present(value) {
        0
    } else {
        let writer = problem.effects.iter().position(|effect| effect.leave == Leave::Value(value))?;
        place(Event::Returns(writer))? + 1
    };
    if !problem.unique || begins < written {
        return None;
    }
    smallest(written..=begins + 1, meter, |events| {
        // The largest, which stands for the whole, is not tried.
        let mut calls = failing.until(&problem, events);
        calls.push(failing.calls[look]);
        failing.with(calls)
    })
}

/// A moment at which one configuration explains what has returned.
struct Beginning {
    /// The event after which it does.
    at: usize,
    /// What the key holds.
    state: Option<u64>,
    /// The open calls that have taken effect.
    done: Vec<usize>,
}

fn beginning(failing: &Failing, meter: &mut Meter) -> Option<Failing> {
    let problem = failing.problem();
    let mut beginnings = Vec::new();
    decide(&problem, meter, |at, frontier, open| {
        if let [config] = frontier {
            let value = if config.state == State::Absent { None } else { config.written };
            let state = value.map(|value| problem.values[value as usize]);
            beginnings.push(Beginning { at, state, done: open.done(config).collect() });
        }
    });
    let last_write = last_write(&problem);
    let candidates = beginnings.iter().rev().skip_while(|beginning| beginning.at >= last_write).take(BEGINNINGS);
    let mut candidates = candidates.map(|beginning| from(failing, &problem, beginning));
    candidates.find(|candidate| candidate.explains_itself(&problem, failing)).filter(|candidate| candidate.fails(meter))
}

/// The beginning of the last write that returned before the last call began: a state is easier to believe when the call
/// that led to it is shown.
fn last_write(problem: &Problem) -> usize {
    let mut begun = problem.events.iter().enumerate().rev();
    let last = begun.find(|(_, event)| matches!(event, Event::Begins(_))).map_or(0, |(at, _)| at);
    let returned = problem.events[..last].iter().rev().find_map(|event| match *event {
        Event::Returns(call) if !problem.effects[call].looks() => Some(Event::Begins(call)),
        _ => None,
    });
    returned.and_then(|wanted| problem.events.iter().position(|event| *event == wanted)).unwrap_or(last)
}

fn from(failing: &Failing, problem: &Problem, beginning: &Beginning) -> Failing {
    let mut kept: Vec<bool> = problem.idle.iter().map(|idle| !idle).collect();
    for event in &problem.events[..=beginning.at] {
        if let Event::Returns(call) = *event {
            kept[call] = false;
        }
    }
    beginning.done.iter().for_each(|call| kept[*call] = false);
    let calls = failing.calls.iter().zip(kept).filter(|(_, kept)| *kept).map(|(call, _)| *call).collect();
    Failing { initial: beginning.state, calls }
}

impl Failing {
    /// False if a value is seen that was written in the whole history, but not here.
    fn explains_itself(&self, whole: &Problem, failing: &Failing) -> bool {
        let written = |problem: &Problem, initial: Option<u64>| -> HashSet<u64> {
            problem.effects.iter().filter_map(|effect| problem.writes(*effect)).chain(initial).collect()
        };
        let here = self.problem();
        let (ours, all) = (written(&here, self.initial), written(whole, failing.initial));
        let mut seen = here.effects.iter().filter_map(|effect| here.needs(*effect));
        seen.all(|value| ours.contains(&value) || !all.contains(&value))
    }
}

/// Leaves out calls that the others cannot notice, many at once while that goes.
fn unnoticed(failing: &Failing, meter: &mut Meter) -> Option<Failing> {
    let groups = groups(&failing.problem());
    let mut gone = vec![false; failing.calls.len()];
    let mut best = None;
    let mut size = groups.len();
    while size > 0 {
        for chunk in groups.chunks(size) {
            let mut trial = gone.clone();
            chunk.iter().flatten().for_each(|call| trial[*call] = true);
            if trial != gone {
                let calls = failing.calls.iter().zip(&trial).filter(|(_, gone)| !**gone).map(|(call, _)| *call);
                let candidate = failing.with(calls.collect());
                if candidate.fails(meter) {
                    (best, gone) = (Some(candidate), trial);
                }
            }
        }
        size /= 2;
    }
    best
}

/// Calls that can be left out together: overwriting clusters, then single looks.
fn groups(problem: &Problem) -> Vec<Vec<usize>> {
    let mut groups = if problem.unique { overwriting(problem) } else { overwritten(problem) };
    groups.extend(problem.taking_part().filter(|(_, effect)| effect.looks()).map(|(call, _)| vec![call]));
    groups
}

fn overwriting(problem: &Problem) -> Vec<Vec<usize>> {
    let cluster = cluster(problem);
    let mut members = vec![Vec::new(); problem.values.len()];
    let mut overwrites = vec![false; problem.values.len()];
    for (call, effect) in problem.taking_part() {
        if let Some(value) = effect.value() {
            let cluster = cluster[value as usize] as usize;
            members[cluster].push(call);
            overwrites[cluster] |= effect.overwrites();
        }
    }
    let overwriting = members.into_iter().zip(overwrites).filter(|(_, overwrites)| *overwrites);
    overwriting.map(|(members, _)| members).collect()
}

/// Without unique values: single writes of values that nobody saw.
fn overwritten(problem: &Problem) -> Vec<Vec<usize>> {
    let seen: HashSet<u64> = problem.effects.iter().filter_map(|effect| problem.needs(*effect)).collect();
    let unseen = problem.taking_part().filter(|(_, effect)| {
        effect.overwrites() && problem.writes(*effect).is_some_and(|value| !seen.contains(&value))
    });
    unseen.map(|(call, _)| vec![call]).collect()
}
