//! The rules for histories in which every written value is unique, after Gibbons & Korach, "Testing shared memories"
//! (1997): they leave next to nothing to search.
//!
//! A value's *cluster* is the call that wrote it, the calls that saw it, and, where one of these put another value in its
//! place atomically, the cluster of that value too. Since the value is written once, the calls of a cluster take effect
//! with no other write between them. That makes three kinds of choice unnecessary, each by exchanging two calls in an
//! explanation that chose otherwise:
//!
//! 1. While the key holds a value that somebody still has to see, nothing but its cluster can write. Once all have seen it
//!    which value it is makes no difference: the key is [`State::Unwatched`].
//! 2. A cluster that overwrites, all of whose calls have begun, may take effect on an unwatched key in one instant, and
//!    leaves it unwatched: it does so at once. (In the terms of the paper: a backward zone fits anywhere in itself.) An
//!    atomic replacement takes effect as soon as all others have seen the value it replaces.
//! 3. Removals differ only in how long they can wait, and so do whole clusters that insert into an absent key: the one
//!    whose time runs out first goes first.
//!
//! What remains when a return forces a call: whether the key, if it is absent, gets the first whole cluster or the one
//! that the call is about, and if it is unwatched, is removed or gets the cluster that the call is about. A
//! history without removals has one configuration throughout; removals add about as many as calls are open at once.

use super::plain::look;
use super::problem::{Effect, Leave, Need, Problem, State, Value};
use super::search::{Config, Open, Rules};

/// See the [module](self).
pub(super) struct Clusters<'a> {
    problem: &'a Problem,
    /// Of a value: calls that only look at it and have not begun.
    to_look: Vec<u32>,
    /// Of a value: the call that replaces it atomically. If two say so nothing explains both, whichever is noted.
    replacement: Vec<Option<usize>>,
    /// Of a value: the one that stands for its cluster.
    cluster: Vec<Value>,
    /// Of a cluster: calls that have not begun.
    to_begin: Vec<u32>,
    /// Of a cluster: the first return.
    deadline: Vec<u64>,
}

impl<'a> Clusters<'a> {
    pub(super) fn new(problem: &'a Problem) -> Self {
        let values = problem.values.len();
        let mut clusters = Self {
            problem,
            to_look: vec![0; values],
            replacement: vec![None; values],
            cluster: cluster(problem),
            to_begin: vec![0; values],
            deadline: vec![u64::MAX; values],
        };
        for (call, effect) in problem.taking_part() {
            if let Some(cluster) = clusters.of(effect) {
                clusters.to_begin[cluster] += 1;
                clusters.deadline[cluster] = clusters.deadline[cluster].min(problem.responses[call]);
            }
            if let Need::Value(value) = effect.need {
                if effect.looks() {
                    clusters.to_look[value as usize] += 1;
                } else {
                    clusters.replacement[value as usize] = Some(call);
                }
            }
        }
        clusters
    }

    /// The cluster that a call belongs to.
    fn of(&self, effect: Effect) -> Option<usize> {
        effect.value().map(|value| self.cluster[value as usize] as usize)
    }

    /// The cluster that a call begins if the key is as it `need`s.
    fn begun_by(&self, call: usize, need: Need) -> Option<usize> {
        let effect = self.problem.effects[call];
        if effect.need == need && matches!(effect.leave, Leave::Value(_)) { self.of(effect) } else { None }
    }

    /// What takes effect at once, apart from calls that only look.
    fn forced(&self, open: &Open, config: &Config) -> Option<(u64, usize)> {
        let mut waiting = open.waiting(config);
        match config.state {
            State::Absent => None,
            State::Present(value) => {
                let replacement = self.replacement[value as usize]?;
                waiting.find(|(_, call)| self.to_look[value as usize] == 0 && *call == replacement)
            }
            State::Unwatched => waiting.find(|(_, call)| {
                self.begun_by(*call, Need::Present).is_some_and(|cluster| self.to_begin[cluster] == 0)
            }),
        }
    }

    /// True if nobody will look at the value or replace it.
    fn forgotten(&self, state: State) -> bool {
        matches!(state, State::Present(value)
            if self.to_look[value as usize] == 0 && self.replacement[value as usize].is_none())
    }
}

impl Rules for Clusters<'_> {
    fn begins(&mut self, call: usize) {
        let effect = self.problem.effects[call];
        if let Some(cluster) = self.of(effect) {
            self.to_begin[cluster] -= 1;
        }
        if let (Need::Value(value), true) = (effect.need, effect.looks()) {
            self.to_look[value as usize] -= 1;
        }
    }

    fn settle(&self, open: &Open, config: &mut Config) {
        loop {
            look(self.problem, open, config);
            if self.forgotten(config.state) {
                config.state = State::Unwatched;
            }
            let Some((slot, call)) = self.forced(open, config) else { return };
            config.apply(slot, self.problem.effects[call]);
        }
    }

    fn moves(&self, open: &Open, config: &Config, target: usize, moves: &mut Vec<Config>) {
        let mut apply = |(slot, call): (u64, usize)| {
            let mut next = config.applied(slot, self.problem.effects[call]);
            self.settle(open, &mut next);
            moves.push(next);
        };
        let wanted = self.problem.effects[target];
        match config.state {
            State::Present(_) => {}
            State::Absent => {
                let inserts = open.waiting(config).filter_map(|(slot, call)| {
                    self.begun_by(call, Need::Absent).map(|cluster| (cluster, (slot, call)))
                });
                let (whole, partial): (Vec<_>, Vec<_>) = inserts.partition(|(cluster, _)| self.to_begin[*cluster] == 0);
                let first = whole.into_iter().min_by_key(|(cluster, _)| self.deadline[*cluster]);
                // Any value will do for a call that looks whether there is one.
                let any = wanted == Effect { need: Need::Present, leave: Leave::AsItWas };
                let about = partial.into_iter().filter(|(cluster, _)| any || self.of(wanted) == Some(*cluster));
                first.into_iter().chain(about).for_each(|(_, insert)| apply(insert));
            }
            State::Unwatched => {
                let removal = Effect { need: Need::Present, leave: Leave::Absent };
                let removals = open.waiting(config).filter(|(_, call)| self.problem.effects[*call] == removal);
                let first = removals.min_by_key(|(_, call)| self.problem.responses[*call]);
                let about = open.waiting(config).filter(|(_, call)| {
                    self.begun_by(*call, Need::Present).is_some_and(|cluster| self.of(wanted) == Some(cluster))
                });
                first.into_iter().chain(about).for_each(apply);
            }
        }
    }
}

/// For each value the one that stands for its cluster: values are joined where one replaces the other atomically.
pub(super) fn cluster(problem: &Problem) -> Vec<Value> {
    let mut parent: Vec<Value> = (0..).take(problem.values.len()).collect();
    let root = |parent: &mut Vec<Value>, mut value: Value| {
        while parent[value as usize] != value {
            parent[value as usize] = parent[parent[value as usize] as usize];
            value = parent[value as usize];
        }
        value
    };
    for effect in &problem.effects {
        if let (Need::Value(saw), Leave::Value(wrote)) = (effect.need, effect.leave) {
            let (saw, wrote) = (root(&mut parent, saw), root(&mut parent, wrote));
            parent[wrote as usize] = saw;
        }
    }
    (0..).take(parent.len()).map(|value| root(&mut parent, value)).collect()
}
