//! The calls of one key, reduced to what the search needs to know.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use foldhash::fast::RandomState;

use crate::history::{Action, Call, Change, Exchange, STILL_RUNNING};

/// A value, numbered in the order of its first mention.
pub(super) type Value = u32;

/// What a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum State {
    Absent,
    Present(Value),
    /// Present with a value that nobody will look at: which one makes no difference.
    Unwatched,
}

/// What a call needs to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    Absent,
    Present,
    Value(Value),
    /// The result contradicts itself.
    Never,
}

/// What a call leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    AsItWas,
    Absent,
    Value(Value),
}

/// What a call that returned what it did must have found, and what it left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Effect {
    pub(super) need: Need,
    pub(super) leave: Leave,
}

impl Effect {
    /// True if the call only looks.
    pub(super) fn looks(self) -> bool {
        self.leave == Leave::AsItWas
    }

    /// The value that the call saw, or else the one it wrote.
    pub(super) fn value(self) -> Option<Value> {
        match (self.need, self.leave) {
            (Need::Value(value), _) | (_, Leave::Value(value)) => Some(value),
            _ => None,
        }
    }

    /// True if the call puts another value in the place of one, whichever that was.
    pub(super) fn overwrites(self) -> bool {
        self.need == Need::Present && matches!(self.leave, Leave::Value(_))
    }

    /// True if the call can take effect on a key in this state.
    pub(super) fn fits(self, state: State) -> bool {
        match self.need {
            Need::Absent => state == State::Absent,
            Need::Present => state != State::Absent,
            Need::Value(value) => state == State::Present(value),
            Need::Never => false,
        }
    }
}

/// Something that happens to a call: it begins, or it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Begins(usize),
    Returns(usize),
}

/// The calls of one key.
pub(super) struct Problem {
    /// What each call did, in the order given.
    pub(super) effects: Vec<Effect>,
    /// When each call returns.
    pub(super) responses: Vec<u64>,
    /// Calls that have not returned and that nobody can have noticed: they are left out.
    pub(super) idle: Vec<bool>,
    /// Beginnings and ends in the order of their stamps. Calls that have not returned have no end.
    pub(super) events: Vec<Event>,
    /// What the key held before.
    pub(super) initial: State,
    /// The values by their numbers.
    pub(super) values: Vec<u64>,
    /// True if no value is written twice, or is the initial one written again.
    pub(super) unique: bool,
}

impl Problem {
    pub(super) fn new(initial: Option<u64>, calls: &[Call]) -> Self {
        let mut numbers = Numbers::default();
        let initial = initial.map_or(State::Absent, |value| State::Present(numbers.number(value)));
        let effects: Vec<Effect> = calls.iter().map(|call| effect(&call.action, &mut numbers)).collect();
        let idle = idle(calls, &effects, numbers.values.len());
        Self {
            unique: unique(initial, &effects, numbers.values.len()),
            responses: calls.iter().map(|call| call.response).collect(),
            events: events(calls, &idle),
            values: numbers.values,
            idle,
            initial,
            effects,
        }
    }

    /// The value that a call must have seen.
    pub(super) fn needs(&self, effect: Effect) -> Option<u64> {
        if let Need::Value(value) = effect.need { Some(self.values[value as usize]) } else { None }
    }

    /// The value that a call wrote.
    pub(super) fn writes(&self, effect: Effect) -> Option<u64> {
        if let Leave::Value(value) = effect.leave { Some(self.values[value as usize]) } else { None }
    }

    /// The calls that are not idle.
    pub(super) fn taking_part(&self) -> impl Iterator<Item = (usize, Effect)> + '_ {
        self.effects.iter().copied().enumerate().filter(|(call, _)| !self.idle[*call])
    }
}

/// Beginnings before ends of the same stamp: such calls overlap.
fn events(calls: &[Call], idle: &[bool]) -> Vec<Event> {
    let mut stamped = Vec::with_capacity(2 * calls.len());
    for (index, call) in calls.iter().enumerate().filter(|(index, _)| !idle[*index]) {
        stamped.push((call.invocation, false, index));
        if call.response != STILL_RUNNING {
            stamped.push((call.response, true, index));
        }
    }
    stamped.sort_unstable();
    let event = |(_, returns, index)| if returns { Event::Returns(index) } else { Event::Begins(index) };
    stamped.into_iter().map(event).collect()
}

/// A call that has not returned may have taken effect or not. If it only looks, or puts a value that nobody sees in the
/// place of another, it helps no other call and can be taken not to have.
fn idle(calls: &[Call], effects: &[Effect], values: usize) -> Vec<bool> {
    let mut idle = vec![false; calls.len()];
    let running: Vec<usize> = (0..calls.len()).filter(|call| calls[*call].response == STILL_RUNNING).collect();
    if running.is_empty() {
        return idle;
    }
    let mut seen = vec![0_u32; values];
    let needed = |effect: Effect| if let Need::Value(value) = effect.need { Some(value as usize) } else { None };
    effects.iter().filter_map(|effect| needed(*effect)).for_each(|value| seen[value] += 1);
    // Leaving one out may leave another unseen.
    loop {
        let helps = |call: &usize| match effects[*call] {
            Effect { leave: Leave::AsItWas, .. } => false,
            Effect { need: Need::Present | Need::Value(_), leave: Leave::Value(value) } => seen[value as usize] > 0,
            _ => true,
        };
        let Some(call) = running.iter().copied().find(|call| !idle[*call] && !helps(call)) else { return idle };
        idle[call] = true;
        if let Some(value) = needed(effects[call]) {
            seen[value] -= 1;
        }
    }
}

fn unique(initial: State, effects: &[Effect], values: usize) -> bool {
    let mut written = vec![false; values];
    if let State::Present(value) = initial {
        written[value as usize] = true;
    }
    effects.iter().all(|effect| match effect.leave {
        Leave::Value(value) => !std::mem::replace(&mut written[value as usize], true),
        _ => true,
    })
}

#[derive(Default)]
struct Numbers {
    by_value: HashMap<u64, Value, RandomState>,
    values: Vec<u64>,
}

impl Numbers {
    fn number(&mut self, value: u64) -> Value {
        match self.by_value.entry(value) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let number = Value::try_from(self.values.len()).expect("a history that fits into memory");
                self.values.push(value);
                *entry.insert(number)
            }
        }
    }
}

fn effect(action: &Action, numbers: &mut Numbers) -> Effect {
    let mut looked = |value| Effect { need: Need::Value(numbers.number(value)), leave: Leave::AsItWas };
    match *action {
        Action::Read { value: Some(value) } => looked(value),
        Action::CompareExchange { expected, outcome: Exchange::Found(found), .. } if found != expected => looked(found),
        Action::CompareExchange { outcome: Exchange::Found(_), .. } => {
            Effect { need: Need::Never, leave: Leave::AsItWas }
        }
        Action::Read { value: None }
        | Action::Remove { present: false }
        | Action::Update { change: None }
        | Action::CompareExchange { outcome: Exchange::Absent, .. } => {
            Effect { need: Need::Absent, leave: Leave::AsItWas }
        }
        Action::InsertNew { inserted: false, .. } => Effect { need: Need::Present, leave: Leave::AsItWas },
        Action::Remove { present: true } => Effect { need: Need::Present, leave: Leave::Absent },
        Action::Insert { value, absent: false } => {
            Effect { need: Need::Present, leave: Leave::Value(numbers.number(value)) }
        }
        Action::Insert { value, absent: true }
        | Action::InsertNew { value, inserted: true }
        | Action::Upsert { default: value, change: None } => {
            Effect { need: Need::Absent, leave: Leave::Value(numbers.number(value)) }
        }
        Action::Update { change: Some(Change { saw, wrote }) }
        | Action::Upsert { change: Some(Change { saw, wrote }), .. }
        | Action::CompareExchange { expected: saw, new: wrote, outcome: Exchange::Exchanged } => {
            Effect { need: Need::Value(numbers.number(saw)), leave: Leave::Value(numbers.number(wrote)) }
        }
    }
}
