//! The search of Wing & Gong and Lowe, just in time: calls take effect when a return forces them to.
//!
//! Events are taken in the order of their stamps. A [`Config`] says which of the calls that are open have taken effect,
//! and what the key then holds; together with the place in the history that is the whole "bitset of linearised calls and
//! state" of the memoised search, because every call that has returned has taken effect and no call that has not begun
//! has. So the memory needed does not grow with the history. When a call returns, every configuration in which it has
//! not taken effect yet is replaced by those that calls taking effect now, the last of them this one, lead to. The history
//! cannot be explained when none is left.

use std::collections::HashSet;

use foldhash::fast::RandomState;

use super::Undecided;
use super::meter::Meter;
use super::problem::{Effect, Event, Leave, Problem, State, Value};

/// Calls open at once, at most: a bit each.
const SLOTS: usize = u64::BITS as usize;

/// One way to explain what has returned so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Config {
    /// The slots of the open calls that have taken effect.
    pub(super) done: u64,
    /// What the key holds.
    pub(super) state: State,
    /// The value written last, which [`State::Unwatched`] forgets.
    pub(super) written: Option<Value>,
}

impl Config {
    /// Lets the call of this slot take effect.
    pub(super) fn apply(&mut self, slot: u64, effect: Effect) {
        self.done |= slot;
        match effect.leave {
            Leave::AsItWas => {}
            Leave::Absent => self.state = State::Absent,
            Leave::Value(value) => {
                self.state = State::Present(value);
                self.written = Some(value);
            }
        }
    }

    pub(super) fn applied(mut self, slot: u64, effect: Effect) -> Self {
        self.apply(slot, effect);
        self
    }
}

/// The calls that have begun and not returned.
pub(super) struct Open {
    used: u64,
    calls: [usize; SLOTS],
}

impl Open {
    fn begin(&mut self, call: usize) -> bool {
        let slot = self.used.trailing_ones() as usize;
        if slot == SLOTS {
            return false;
        }
        self.used |= 1 << slot;
        self.calls[slot] = call;
        true
    }

    fn slot(&self, call: usize) -> u64 {
        self.slots(self.used).find(|(_, open)| *open == call).expect("a call that returns has begun").0
    }

    /// The open calls that have not taken effect.
    pub(super) fn waiting<'a>(&'a self, config: &Config) -> impl Iterator<Item = (u64, usize)> + use<'a> {
        self.slots(self.used & !config.done)
    }

    /// The open calls that have taken effect.
    pub(super) fn done<'a>(&'a self, config: &Config) -> impl Iterator<Item = usize> + use<'a> {
        self.slots(config.done).map(|(_, call)| call)
    }

    fn slots(&self, mut bits: u64) -> impl Iterator<Item = (u64, usize)> + '_ {
        std::iter::from_fn(move || {
            let slot = bits.trailing_zeros() as usize;
            let call = *self.calls.get(slot)?;
            bits &= bits - 1;
            Some((1 << slot, call))
        })
    }
}

/// Which calls may, and which must, take effect.
pub(super) trait Rules {
    /// A call begins.
    fn begins(&mut self, call: usize);

    /// Lets calls take effect that lose nothing by doing so at once.
    fn settle(&self, open: &Open, config: &mut Config);

    /// The settled configurations that one call more leads to, on the way to `target` taking effect.
    fn moves(&self, open: &Open, config: &Config, target: usize, moves: &mut Vec<Config>);
}

/// What came of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Linearizable,
    /// The event, a return, that cannot be explained.
    Fails(usize),
    Undecided(Undecided),
}

/// Searches; `watch` is shown the configurations after every event.
pub(super) fn search(
    problem: &Problem,
    mut rules: impl Rules,
    meter: &mut Meter,
    mut watch: impl FnMut(usize, &[Config], &Open),
) -> Outcome {
    let mut open = Open { used: 0, calls: [0; SLOTS] };
    let mut start = Config { done: 0, state: problem.initial, written: None };
    if let State::Present(value) = start.state {
        start.written = Some(value);
    }
    rules.settle(&open, &mut start);
    let mut frontier = vec![start];
    for (at, event) in problem.events.iter().enumerate() {
        let stepped = match *event {
            Event::Begins(call) => {
                rules.begins(call);
                if !open.begin(call) {
                    return Outcome::Undecided(Undecided::AtOnce);
                }
                for config in &mut frontier {
                    rules.settle(&open, config);
                }
                merge(&mut frontier);
                meter.tick(frontier.len())
            }
            Event::Returns(call) => {
                let slot = open.slot(call);
                let stepped = force(&mut frontier, &rules, &open, call, slot, meter);
                open.used &= !slot;
                stepped
            }
        };
        if let Err(reason) = stepped {
            return Outcome::Undecided(reason);
        }
        if frontier.is_empty() {
            return Outcome::Fails(at);
        }
        watch(at, &frontier, &open);
    }
    Outcome::Linearizable
}

/// Leaves the configurations in which `call` has taken effect, and frees its slot.
fn force(
    frontier: &mut Vec<Config>,
    rules: &impl Rules,
    open: &Open,
    call: usize,
    slot: u64,
    meter: &mut Meter,
) -> Result<(), Undecided> {
    if frontier.iter().any(|config| config.done & slot == 0) {
        let mut stack = std::mem::take(frontier);
        let mut seen = Seen::default();
        meter.renew();
        while let Some(config) = stack.pop() {
            if !seen.insert((config.done, config.state)) {
                continue;
            }
            meter.step()?;
            if config.done & slot == 0 {
                rules.moves(open, &config, call, &mut stack);
            } else {
                frontier.push(config);
            }
        }
    }
    for config in frontier.iter_mut() {
        config.done &= !slot;
    }
    meter.tick(frontier.len())
}

type Seen = HashSet<(u64, State), RandomState>;

/// Settling may have made configurations equal.
fn merge(frontier: &mut Vec<Config>) {
    if frontier.len() > 1 {
        let mut seen = Seen::default();
        frontier.retain(|config| seen.insert((config.done, config.state)));
    }
}
