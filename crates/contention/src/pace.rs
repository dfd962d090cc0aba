//! How long accesses take where cores have clocks: what a core holds is at hand, what another has must come, and a line comes
//! to one core after the other.

use crate::directory::{Access, MAX_CORES, Outcome};

/// How long things take, in picoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// An access to a line that the core holds, or that it never held: the misses of a core alone are in here.
    pub access_ps: u64,
    /// Bringing a line from another core, or taking it from others.
    pub transfer_ps: u64,
    /// A call of the system that does not sleep: to yield, or to wake another. Above 0, so that who yields lets time go by.
    pub call_ps: u64,
    /// From the call that wakes a sleeper until it runs.
    pub wake_ps: u64,
    /// How far the core that runs may be ahead of the one that is furthest behind, so that turns are not shorter than a few
    /// accesses. Accesses that are no further apart may happen in the wrong order; none is lost, and each transfer begins
    /// where the one before it ended.
    pub slack_ps: u64,
}

/// What is known of a line beside the directory.
#[derive(Clone, Copy)]
struct Line {
    /// When it was last written, or had last come to a core: it leaves no earlier.
    free_ps: u64,
    /// Who ever held it.
    had: [u64; MAX_CORES / 64],
}

/// When each line of a directory may leave its core. Never allocates after it was made.
pub(crate) struct Timeline {
    pace: Pace,
    lines: Box<[Line]>,
    /// The entry of the line that was fetched to be read by the last access, and its core.
    fetched: Option<(usize, usize)>,
    spent: Spent,
}

/// What cores spent their time on, in picoseconds, summed over them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Accesses to what is at hand.
    pub accesses_ps: u64,
    /// Lines that came from another core, and waiting for their turn.
    pub transfers_ps: u64,
}

impl Timeline {
    /// For a directory of so many entries.
    pub(crate) fn new(pace: Pace, entries: usize) -> Self {
        let zeroed = Box::<[Line]>::new_zeroed_slice(entries);
        // SAFETY: a line consists of integers, for which zero is a value.
        Self { pace, lines: unsafe { zeroed.assume_init() }, fetched: None, spent: Spent::default() }
    }

    /// When an access ends that began at `now` and for which the directory had to do this. A write right after the read that
    /// fetched the line finds it at hand: protocols give such lines away as for writing (migratory sharing: Stenström,
    /// Brorsson & Sandberg, ISCA 1993).
    pub(crate) fn access(&mut self, entry: usize, core: usize, access: Access, outcome: Outcome, now: u64) -> u64 {
        let upgrades = self.fetched.take() == Some((entry, core));
        let line = &mut self.lines[entry];
        let (place, bit) = (core / 64, 1 << (core % 64));
        let lost = line.had[place] & bit != 0;
        line.had[place] |= bit;
        let waits = !upgrades && (outcome.is_transfer() || outcome == Outcome::Shared && lost);
        let begin = if waits { now.max(line.free_ps) + self.pace.transfer_ps } else { now };
        let end = begin + self.pace.access_ps;
        self.spent.transfers_ps += begin - now;
        self.spent.accesses_ps += self.pace.access_ps;
        // Many may copy at once what none is writing.
        if outcome.is_transfer() || access == Access::Write {
            line.free_ps = end;
        }
        if waits && access == Access::Read {
            self.fetched = Some((entry, core));
        }
        end
    }

    /// What the accesses so far took, or those since [`forget`](Self::forget).
    pub(crate) const fn spent(&self) -> Spent {
        self.spent
    }

    /// Forgets what they took; when lines leave stays.
    pub(crate) fn forget(&mut self) {
        self.spent = Spent::default();
    }

    /// How long an access takes that has nothing to wait for.
    pub(crate) const fn access_ps(&self) -> u64 {
        self.pace.access_ps
    }

    /// Whether the last access was a read that had to fetch its line.
    pub(crate) const fn has_fetched(&self) -> bool {
        self.fetched.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { access_ps: 2, transfer_ps: 50, call_ps: 1, wake_ps: 1, slack_ps: 0 };
    const READ: Outcome = Outcome::ReadModified { false_sharing: false };
    const TAKEN: Outcome = Outcome::Invalidated { moved: true, false_sharing: false };

    #[test]
    fn a_line_goes_to_one_core_after_the_other() {
        let mut line = Timeline::new(PACE, 1);
        assert_eq!(line.access(0, 0, Access::Write, Outcome::Cold, 0), 2);
        assert_eq!(line.access(0, 0, Access::Write, Outcome::Held, 100), 102);
        // It is behind in time, and cannot have the line before it was written.
        assert_eq!(line.access(0, 1, Access::Write, TAKEN, 90), 154);
        assert_eq!(line.access(0, 2, Access::Write, TAKEN, 110), 206);
        assert_eq!(line.access(0, 3, Access::Write, TAKEN, 1_000), 1_052);
        assert_eq!(line.spent(), Spent { accesses_ps: 5 * 2, transfers_ps: (152 - 90) + (204 - 110) + 50 });
        line.forget();
        line.access(0, 3, Access::Read, Outcome::Held, 2_000);
        assert_eq!(line.spent(), Spent { accesses_ps: 2, transfers_ps: 0 });
    }

    #[test]
    fn copies_are_fetched_at_once_by_those_who_had_one() {
        let mut line = Timeline::new(PACE, 1);
        // What a core never had is in the time of an access.
        for core in 1..=3 {
            assert_eq!(line.access(0, core, Access::Read, Outcome::Shared, 0), 2);
        }
        assert_eq!(line.access(0, 0, Access::Write, TAKEN, 0), 52);
        assert_eq!(line.access(0, 1, Access::Read, READ, 52), 104);
        for core in [2, 3] {
            assert_eq!(line.access(0, core, Access::Read, Outcome::Shared, 60), 156);
        }
    }

    #[test]
    fn what_is_read_to_be_written_comes_once() {
        let mut line = Timeline::new(PACE, 2);
        assert_eq!(line.access(0, 1, Access::Read, READ, 0), 52);
        assert!(line.has_fetched());
        assert_eq!(line.access(0, 1, Access::Write, TAKEN, 52), 54);
        assert!(!line.has_fetched());
        assert_eq!(line.access(0, 2, Access::Read, READ, 54), 106);
        line.access(1, 2, Access::Read, Outcome::Held, 106);
        assert_eq!(line.access(0, 2, Access::Write, TAKEN, 108), 160);
    }
}
