//! Whose turn it is: a schedule that is a function of the seed and of what the threads do, and of nothing else. Pure;
//! `simulation` makes real threads follow it.

use crate::directory::MAX_CORES;
use crate::pace::Pace;

/// When a turn ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// After every operation. In each round every core does one operation, in a fresh random order; none is first right
    /// after it was last.
    Operations,
    /// At any instrumented access, after a random number of them: geometric, of this mean. Operations overlap.
    Accesses(u32),
    /// When the core is ahead in time of the one that is furthest behind, which is next. Every core has a clock, moved by
    /// what it does.
    Timed(Pace),
}

/// Accesses after which a turn ends whatever the schedule: a thread that spins until another does something must let it.
const LONGEST_TURN: u32 = 1 << 22;

/// Times in a row that all sleepers are woken for nothing, before it is called a dead lock.
const FUTILE: u32 = 64;

/// What a core does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Absent,
    Ready,
    /// Sleeps on the word at an address; `timed` if not for ever. `since` orders the sleepers.
    Asleep {
        word: usize,
        timed: bool,
        since: u64,
    },
}

/// Why a sleeper was woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waking {
    /// By another, or for no reason, as a futex may.
    Woken,
    /// Nobody else could go on, and it did not mean to sleep for ever.
    TimedOut,
}

/// Who comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// This core.
    Core(usize),
    /// Nobody is left.
    Over,
    /// All that are left sleep, and waking them does not help.
    DeadLock,
}

/// The turns of up to [`MAX_CORES`] virtual cores.
pub(crate) struct Turns {
    schedule: Schedule,
    states: [State; MAX_CORES],
    waking: [Waking; MAX_CORES],
    /// The order of this round, and who is next in it.
    round: [u16; MAX_CORES],
    length: usize,
    place: usize,
    random: u64,
    fuel: u32,
    slept: u64,
    futile: u32,
    /// What time it is for each core, in picoseconds; stands still where turns are not timed.
    clocks: [u64; MAX_CORES],
    /// The turn ends when the core that has it is beyond this.
    limit: u64,
    /// The turn lasts for one more access, whatever the time.
    stays: bool,
}

impl Turns {
    pub(crate) fn new(schedule: Schedule, seed: u64) -> Self {
        let mut turns = Self {
            schedule,
            states: [State::Absent; MAX_CORES],
            waking: [Waking::Woken; MAX_CORES],
            round: [0; MAX_CORES],
            length: 0,
            place: 0,
            random: seed,
            fuel: 0,
            slept: 0,
            futile: 0,
            clocks: [0; MAX_CORES],
            limit: u64::MAX,
            stays: false,
        };
        turns.refuel();
        turns
    }

    pub(crate) fn enter(&mut self, core: usize) {
        self.states[core] = State::Ready;
    }

    pub(crate) fn leave(&mut self, core: usize) {
        self.states[core] = State::Absent;
        self.futile = 0;
    }

    /// An access is about to be made; whether the turn ends before it.
    pub(crate) fn burn(&mut self, core: usize) -> bool {
        self.fuel -= 1;
        if self.fuel == 0 {
            self.idle(core, 0);
        }
        let stays = std::mem::take(&mut self.stays);
        self.fuel == 0 || !stays && self.clocks[core] > self.limit
    }

    /// An operation has ended; whether the turn ends with it.
    pub(crate) fn operation_ends(&mut self, core: usize) -> bool {
        self.futile = 0;
        self.schedule == Schedule::Operations || self.clocks[core] > self.limit
    }

    /// What time it is for a core, in picoseconds.
    pub(crate) const fn clock(&self, core: usize) -> u64 {
        self.clocks[core]
    }

    /// A core has done something until then.
    pub(crate) fn advance(&mut self, core: usize, clock: u64) {
        self.clocks[core] = clock;
    }

    /// Whether the core that has the turn keeps it for one more access.
    pub(crate) fn stay(&mut self, stays: bool) {
        self.stays = stays;
    }

    /// A core does nothing for a time, and at least for as long as it takes to say so.
    pub(crate) fn idle(&mut self, core: usize, time_ps: u64) {
        if let Schedule::Timed(pace) = self.schedule {
            self.clocks[core] += time_ps.max(pace.call_ps);
        }
    }

    pub(crate) fn sleep(&mut self, core: usize, word: usize, timed: bool) {
        self.slept += 1;
        self.states[core] = State::Asleep { word, timed, since: self.slept };
    }

    /// Why the core is awake again.
    pub(crate) const fn waking(&self, core: usize) -> Waking {
        self.waking[core]
    }

    /// `waker` wakes at most `most` of those who sleep on the word, those first who have slept longest; returns how many.
    pub(crate) fn wake(&mut self, waker: usize, word: usize, most: usize) -> usize {
        let mut woken = 0;
        while woken < most {
            let longest = (0..MAX_CORES)
                .filter_map(|core| match self.states[core] {
                    State::Asleep { word: on, since, .. } if on == word => Some((since, core)),
                    _ => None,
                })
                .min();
            let Some((_, core)) = longest else { break };
            self.rouse(core, Waking::Woken);
            if let Schedule::Timed(pace) = self.schedule {
                self.rise(core, waker, pace);
            }
            woken += 1;
        }
        woken
    }

    /// Locks spin before they sleep, for about as long as sleeping costs (Karlin, Manasse, McGeoch & Owicki, SODA 1990), in
    /// code that is not seen here: a sleep that was not longer is taken for spinning.
    fn rise(&mut self, core: usize, waker: usize, pace: Pace) {
        let now = self.clocks[waker].max(self.clocks[core]);
        if now - self.clocks[core] <= pace.wake_ps {
            self.clocks[core] = now;
        } else {
            self.clocks[core] = now + pace.wake_ps;
            self.clocks[waker] += pace.call_ps;
        }
        self.limit = self.limit.min(self.clocks[core] + pace.slack_ps);
    }

    fn rouse(&mut self, core: usize, waking: Waking) {
        self.states[core] = State::Ready;
        self.waking[core] = waking;
    }

    /// Who comes after `current`; another, if another can.
    pub(crate) fn next(&mut self, current: usize) -> Next {
        self.refuel();
        self.stays = false;
        if !self.states.contains(&State::Ready) {
            if self.states.iter().all(|state| *state == State::Absent) {
                return Next::Over;
            }
            self.futile += 1;
            if self.futile > FUTILE {
                return Next::DeadLock;
            }
            self.rouse_all();
        }
        match self.schedule {
            Schedule::Operations => self.next_of_round(current),
            Schedule::Accesses(_) => self.any_other(current),
            Schedule::Timed(pace) => self.furthest_behind(pace),
        }
    }

    fn furthest_behind(&mut self, pace: Pace) -> Next {
        let mut least = (u64::MAX, 0);
        let mut second = u64::MAX;
        for core in (0..MAX_CORES).filter(|core| self.states[*core] == State::Ready) {
            let clock = self.clocks[core];
            if clock < least.0 {
                (least, second) = ((clock, core), least.0);
            } else {
                second = second.min(clock);
            }
        }
        self.limit = second.saturating_add(pace.slack_ps);
        Next::Core(least.1)
    }

    /// Those who sleep for a time only; if there are none, all: a futex may wake for no reason.
    fn rouse_all(&mut self) {
        let timed = |state: &State| matches!(state, State::Asleep { timed: true, .. });
        let only_timed = self.states.iter().any(timed);
        for core in 0..MAX_CORES {
            if let State::Asleep { timed, .. } = self.states[core]
                && (timed || !only_timed)
            {
                self.rouse(core, if timed { Waking::TimedOut } else { Waking::Woken });
            }
        }
    }

    fn next_of_round(&mut self, current: usize) -> Next {
        loop {
            while self.place < self.length {
                let core = usize::from(self.round[self.place]);
                self.place += 1;
                if self.states[core] == State::Ready {
                    return Next::Core(core);
                }
            }
            self.shuffle(current);
        }
    }

    fn shuffle(&mut self, current: usize) {
        (self.length, self.place) = (0, 0);
        for core in 0..MAX_CORES {
            if self.states[core] == State::Ready {
                self.round[self.length] = core as u16;
                self.length += 1;
            }
        }
        for last in (1..self.length).rev() {
            let other = self.draw(last + 1);
            self.round.swap(last, other);
        }
        if self.length > 1 && usize::from(self.round[0]) == current {
            let other = 1 + self.draw(self.length - 1);
            self.round.swap(0, other);
        }
    }

    fn any_other(&mut self, current: usize) -> Next {
        let candidates = |turns: &Self| {
            let ready = |core: &usize| turns.states[*core] == State::Ready;
            let others = (0..MAX_CORES).filter(ready).filter(|core| *core != current).count();
            if others == 0 { None } else { Some(others) }
        };
        let Some(others) = candidates(self) else { return Next::Core(current) };
        let chosen = self.draw(others);
        let mut ready = (0..MAX_CORES).filter(|core| self.states[*core] == State::Ready && *core != current);
        Next::Core(ready.nth(chosen).expect("as many were counted"))
    }

    fn refuel(&mut self) {
        self.fuel = match self.schedule {
            Schedule::Operations | Schedule::Timed(_) => LONGEST_TURN,
            Schedule::Accesses(mean) => {
                let uniform = (self.bits() >> 11) as f64 / (1_u64 << 53) as f64;
                let length = -f64::from(mean) * (1.0 - uniform).ln();
                (length.ceil() as u32).clamp(1, LONGEST_TURN)
            }
        };
    }

    fn draw(&mut self, below: usize) -> usize {
        (((self.bits() >> 32) * below as u64) >> 32) as usize
    }

    /// SplitMix64 (Steele, Lea & Flood, OOPSLA 2014).
    fn bits(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(schedule: Schedule, cores: usize, seed: u64) -> Turns {
        let mut turns = Turns::new(schedule, seed);
        (0..cores).for_each(|core| turns.enter(core));
        turns
    }

    fn sequence(turns: &mut Turns, length: usize) -> Vec<usize> {
        let mut current = 0;
        let mut next = || match turns.next(current) {
            Next::Core(core) => {
                current = core;
                core
            }
            other => panic!("{other:?}"),
        };
        (0..length).map(|_| next()).collect()
    }

    #[test]
    fn every_core_has_one_turn_a_round_and_none_has_two_in_a_row() {
        let order = sequence(&mut turns(Schedule::Operations, 5, 1), 500);
        for round in order.chunks(5) {
            let mut sorted = round.to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3, 4]);
        }
        assert!(order.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(order, sequence(&mut turns(Schedule::Operations, 5, 1), 500));
        assert_ne!(order, sequence(&mut turns(Schedule::Operations, 5, 2), 500));
    }

    #[test]
    fn turns_between_accesses_have_the_mean_length_asked_for() {
        let mut turns = turns(Schedule::Accesses(10), 3, 1);
        let mut accesses = 0;
        for _ in 0..10_000 {
            accesses += 1;
            while !turns.burn(0) {
                accesses += 1;
            }
            turns.next(0);
        }
        // A ceiling of an exponential of mean 10 has mean 10.5; five standard errors are 0.5.
        assert!((100_000..110_000).contains(&accesses), "{accesses}");
    }

    #[test]
    fn sleepers_are_passed_over_and_woken_in_order() {
        let mut turns = turns(Schedule::Operations, 3, 1);
        turns.sleep(2, 64, false);
        turns.sleep(0, 64, false);
        assert_eq!(sequence(&mut turns, 4), [1, 1, 1, 1]);
        assert_eq!((turns.wake(1, 128, 9), turns.wake(1, 64, 1)), (0, 1));
        assert!(sequence(&mut turns, 20).iter().all(|core| [1, 2].contains(core)));
        assert_eq!(turns.wake(1, 64, 9), 1);
        assert!(sequence(&mut turns, 20).contains(&0));
    }

    const PACE: Pace = Pace { access_ps: 1, transfer_ps: 1, call_ps: 10, wake_ps: 1_000, slack_ps: 5 };

    #[test]
    fn who_is_furthest_behind_in_time_is_next() {
        let mut turns = turns(Schedule::Timed(PACE), 3, 1);
        assert_eq!(turns.next(2), Next::Core(0));
        turns.advance(0, 5);
        assert!(!turns.burn(0));
        turns.advance(0, 6);
        assert!(turns.burn(0) && turns.operation_ends(0));
        turns.stay(true);
        assert!(!turns.burn(0) && turns.burn(0));
        assert_eq!(turns.next(0), Next::Core(1));
        turns.idle(1, 0);
        assert_eq!((turns.clock(1), turns.next(1)), (10, Next::Core(2)));
    }

    #[test]
    fn waking_takes_time_unless_the_sleep_was_short() {
        let mut turns = turns(Schedule::Timed(PACE), 3, 1);
        turns.sleep(1, 64, false);
        turns.sleep(2, 64, false);
        turns.next(0);
        turns.advance(0, 1_000);
        assert_eq!(turns.wake(0, 64, 1), 1);
        assert_eq!((turns.clock(0), turns.clock(1)), (1_000, 1_000));
        turns.advance(0, 1_001);
        assert_eq!(turns.wake(0, 64, 1), 1);
        assert_eq!((turns.clock(0), turns.clock(2)), (1_011, 2_001));
        // The one who was woken is ready again, and not to be left behind.
        assert!(turns.operation_ends(0));
        assert_eq!(turns.next(0), Next::Core(1));
    }

    #[test]
    fn when_all_sleep_those_for_a_time_wake_first_and_a_dead_lock_is_found() {
        let mut turns = turns(Schedule::Accesses(4), 2, 1);
        turns.sleep(0, 64, true);
        turns.sleep(1, 64, false);
        assert_eq!(turns.next(1), Next::Core(0));
        assert_eq!(turns.waking(0), Waking::TimedOut);
        turns.leave(0);
        let mut wakings = 0;
        loop {
            match turns.next(1) {
                Next::Core(core) => {
                    assert_eq!((core, turns.waking(1)), (1, Waking::Woken));
                    turns.sleep(1, 64, false);
                    wakings += 1;
                }
                found => break assert_eq!(found, Next::DeadLock),
            }
        }
        assert_eq!(wakings, FUTILE);
        turns.leave(1);
        assert_eq!(turns.next(1), Next::Over);
    }
}
