//! The rules for any history.

use super::problem::Problem;
use super::search::{Config, Open, Rules};

/// Every call that fits may take effect; one that only looks does so at once.
pub(super) struct Plain<'a>(pub(super) &'a Problem);

impl Rules for Plain<'_> {
    fn begins(&mut self, _: usize) {}

    fn settle(&self, open: &Open, config: &mut Config) {
        look(self.0, open, config);
    }

    fn moves(&self, open: &Open, config: &Config, _: usize, moves: &mut Vec<Config>) {
        for (slot, call) in open.waiting(config) {
            let effect = self.0.effects[call];
            if effect.fits(config.state) {
                let mut next = config.applied(slot, effect);
                self.settle(open, &mut next);
                moves.push(next);
            }
        }
    }
}

/// Lets all calls that only look, and fit, take effect: they change nothing for the others.
pub(super) fn look(problem: &Problem, open: &Open, config: &mut Config) {
    for (slot, call) in open.waiting(config) {
        let effect = problem.effects[call];
        if effect.looks() && effect.fits(config.state) {
            config.apply(slot, effect);
        }
    }
}
