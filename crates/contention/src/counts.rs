//! What is counted, for each kind of operation and for each place in the program.

use std::ops::AddAssign;

use crate::directory::Outcome;

/// Events of one kind of operation. All are sums over the operations counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Operations.
    pub operations: u64,
    /// Accesses of memory, of whatever size.
    pub accesses: u64,
    /// Lines touched, each once an operation.
    pub lines: u64,
    /// Reads of a line that another core had modified.
    pub reads_modified: u64,
    /// Writes to a line that other cores held.
    pub invalidating_writes: u64,
    /// Invalidating writes to a line that another core had written last: the line changes its owner.
    pub owner_changes: u64,
    /// Reads of a line that only others held, unmodified.
    pub reads_shared: u64,
    /// First accesses to a line by any core.
    pub cold: u64,
    /// Reads and writes among the above that waited for another core's line without sharing a word with it.
    pub false_sharing: u64,
    /// Atomic read-modify-writes.
    pub modifies: u64,
    /// Fences.
    pub fences: u64,
    /// Calls of the allocator, to allocate or to free.
    pub allocator_calls: u64,
    /// Times that a thread went to sleep.
    pub sleeps: u64,
}

impl Counts {
    /// Lines that had to come from another core, or be taken from others: reads of modified lines and invalidating writes.
    #[must_use]
    pub const fn transfers(&self) -> u64 {
        self.reads_modified + self.invalidating_writes
    }

    pub(crate) fn note(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Held => {}
            Outcome::Cold => self.cold += 1,
            Outcome::Shared => self.reads_shared += 1,
            Outcome::ReadModified { false_sharing } => {
                self.reads_modified += 1;
                self.false_sharing += u64::from(false_sharing);
            }
            Outcome::Invalidated { moved, false_sharing } => {
                self.invalidating_writes += 1;
                self.owner_changes += u64::from(moved);
                self.false_sharing += u64::from(false_sharing);
            }
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.operations += other.operations;
        self.accesses += other.accesses;
        self.lines += other.lines;
        self.reads_modified += other.reads_modified;
        self.invalidating_writes += other.invalidating_writes;
        self.owner_changes += other.owner_changes;
        self.reads_shared += other.reads_shared;
        self.cold += other.cold;
        self.false_sharing += other.false_sharing;
        self.modifies += other.modifies;
        self.fences += other.fences;
        self.allocator_calls += other.allocator_calls;
        self.sleeps += other.sleeps;
    }
}

/// Transfers of one line, made by one instruction on behalf of one kind of operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// The line: its address divided by [`LINE_BYTES`](crate::LINE_BYTES).
    pub line: u64,
    /// The address that the hook returns to: the instruction after the access.
    pub return_address: u64,
    /// The kind of operation.
    pub kind: u8,
    /// Reads of the line after another core had modified it.
    pub reads_modified: u64,
    /// Writes to the line while others held it.
    pub invalidating_writes: u64,
    /// Of both, those that shared no word with the other core.
    pub false_sharing: u64,
}

impl Site {
    /// Reads and writes that had to wait for another core's line.
    #[must_use]
    pub const fn transfers(&self) -> u64 {
        self.reads_modified + self.invalidating_writes
    }
}

/// Places of the table where a site may be found.
const PROBES: usize = 16;

/// A table of sites. Never allocates after it was made.
pub(crate) struct Sites {
    sites: Box<[Site]>,
    /// Transfers of sites that found no room.
    pub(crate) lost: u64,
}

impl Sites {
    /// Room for about `sites` sites.
    pub(crate) fn new(sites: usize) -> Self {
        Self { sites: vec![Site::default(); sites.next_power_of_two()].into_boxed_slice(), lost: 0 }
    }

    pub(crate) fn note(&mut self, line: u64, return_address: u64, kind: u8, outcome: Outcome) {
        let (read, false_sharing) = match outcome {
            Outcome::Held | Outcome::Cold | Outcome::Shared => return,
            Outcome::ReadModified { false_sharing } => (true, false_sharing),
            Outcome::Invalidated { false_sharing, .. } => (false, false_sharing),
        };
        let mask = self.sites.len() - 1;
        let key = line ^ return_address.rotate_left(20) ^ u64::from(kind).rotate_left(50);
        let mut at = (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize & mask;
        // Where a map is copied as a whole there are more lines than room, and looking further would take most of the time.
        for _ in 0..PROBES {
            let site = &mut self.sites[at];
            if site.transfers() == 0 {
                *site = Site { line, return_address, kind, ..Site::default() };
            }
            if (site.line, site.return_address, site.kind) == (line, return_address, kind) {
                site.reads_modified += u64::from(read);
                site.invalidating_writes += u64::from(!read);
                site.false_sharing += u64::from(false_sharing);
                return;
            }
            at = (at + 1) & mask;
        }
        self.lost += 1;
    }

    pub(crate) fn clear(&mut self) {
        self.sites.fill(Site::default());
        self.lost = 0;
    }

    pub(crate) fn all(&self) -> Vec<Site> {
        self.sites.iter().filter(|site| site.transfers() > 0).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_told_apart_by_line_place_and_kind() {
        let mut sites = Sites::new(64);
        let read = Outcome::ReadModified { false_sharing: true };
        let write = Outcome::Invalidated { moved: true, false_sharing: false };
        for (line, place, kind, outcome) in [
            (1, 10, 0, read),
            (1, 10, 0, write),
            (1, 10, 1, read),
            (2, 10, 0, read),
            (1, 11, 0, read),
            (1, 10, 0, Outcome::Held),
        ] {
            sites.note(line, place, kind, outcome);
        }
        let all = sites.all();
        assert_eq!((all.len(), all.iter().map(Site::transfers).sum::<u64>()), (4, 5));
        let both = all.iter().find(|site| site.transfers() == 2).unwrap();
        assert_eq!(
            (both.line, both.return_address, both.kind, both.reads_modified, both.false_sharing),
            (1, 10, 0, 1, 1)
        );
    }

    #[test]
    fn a_full_table_counts_what_it_loses() {
        let mut sites = Sites::new(16);
        (0..100).for_each(|line| sites.note(line, 1, 0, Outcome::ReadModified { false_sharing: false }));
        assert_eq!(sites.all().len() as u64 + sites.lost, 100);
        assert!(sites.lost > 0);
        sites.clear();
        assert_eq!((sites.all().len(), sites.lost), (0, 0));
    }
}
