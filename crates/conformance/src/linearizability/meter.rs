//! What a search may cost.

use std::time::{Duration, Instant};

use super::Undecided;

/// What checking a history may cost. A key whose search would cost more stays undecided.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Configurations looked at for one return of a call. They are remembered until the next, at about 50 bytes each.
    pub steps: u64,
    /// Time for the whole history.
    pub time: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self { steps: 1_000_000, time: Duration::from_secs(20) }
    }
}

/// Turns between two looks at the clock.
const TURNS: usize = 1024;

/// What is left of a budget.
pub(super) struct Meter {
    budget: Budget,
    began: Instant,
    steps: u64,
    turns: usize,
}

impl Meter {
    pub(super) fn new(budget: Budget) -> Self {
        // The first turn looks at the clock.
        Self { budget, began: Instant::now(), steps: 0, turns: TURNS - 1 }
    }

    /// Gives the next return its steps; the time goes on.
    pub(super) fn renew(&mut self) {
        self.steps = 0;
    }

    /// One configuration more.
    pub(super) fn step(&mut self) -> Result<(), Undecided> {
        self.steps += 1;
        if self.steps > self.budget.steps {
            return Err(Undecided::Steps(self.budget.steps));
        }
        self.tick(1)
    }

    /// Looks at the clock now and then; `turns` is the work done since the last time.
    pub(super) fn tick(&mut self, turns: usize) -> Result<(), Undecided> {
        self.turns += turns;
        if self.turns >= TURNS {
            self.turns = 0;
            if self.began.elapsed() >= self.budget.time {
                return Err(Undecided::Time(self.budget.time));
            }
        }
        Ok(())
    }
}
