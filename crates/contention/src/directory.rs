//! Which virtual core holds which cache line, and who wrote it last: a MESI directory over private caches without end.
//!
//! The protocol is Papamarcos & Patel's (ISCA 1984). Caches never evict, so every miss but the first is another core's
//! doing: what is counted is contention and nothing else.

/// Bytes of a cache line.
pub const LINE_BYTES: usize = 64;

/// Virtual cores that a directory can tell apart.
pub const MAX_CORES: usize = 256;

/// Bytes of a word, the grain at which false sharing is told from true.
const WORD_BYTES: usize = 8;

/// Lines of a page.
const PAGE_LINES: usize = 64;

/// Cores are numbered from 1 inside a line, so that a line of zeros is an empty entry and fresh pages need not be written.
const NOBODY: u16 = 0;

/// What an access does to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Reads.
    Read,
    /// Writes, or reads and writes at once; a compare-exchange that fails asks for the line as one that succeeds.
    Write,
}

/// What an access had to do for its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing: the core held the line.
    Held,
    /// The line was in no cache.
    Cold,
    /// A read of a line that others hold unmodified.
    Shared,
    /// A read of a line that another core has modified.
    ReadModified {
        /// No word that is read was written by another core.
        false_sharing: bool,
    },
    /// A write to a line that others hold.
    Invalidated {
        /// The line was last written by another core.
        moved: bool,
        /// No word that is written was written by another core before, and another word was.
        false_sharing: bool,
    },
}

impl Outcome {
    /// Whether the line had to come from another core or be taken from others.
    pub(crate) const fn is_transfer(self) -> bool {
        matches!(self, Outcome::ReadModified { .. } | Outcome::Invalidated { .. })
    }
}

/// A line's entry: as large as a line itself.
#[derive(Clone, Copy, Default)]
#[repr(C, align(64))]
struct Line {
    /// The line's number plus one; 0 is an empty entry.
    tag: u64,
    holders: [u64; MAX_CORES / 64],
    /// Who wrote each word last.
    writers: [u16; LINE_BYTES / WORD_BYTES],
    /// Who wrote the line last.
    owner: u16,
    /// Whether the owner's copy is newer than memory.
    modified: bool,
    /// The operation that touched it last.
    toucher: u32,
}

/// The lines that were touched. Never allocates after it was made.
pub(crate) struct Directory {
    lines: Box<[Line]>,
    used: usize,
}

/// An access to one line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Touch {
    /// The virtual core, below [`MAX_CORES`].
    pub core: usize,
    /// The number of the line: the address divided by [`LINE_BYTES`].
    pub line: u64,
    /// The words accessed, a bit each.
    pub words: u8,
    /// What is done.
    pub access: Access,
    /// The number of the core's operation, unlike all others'.
    pub operation: u32,
}

/// What an access to a line did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Touched {
    /// Where the line is entered: the same place every time.
    pub entry: usize,
    /// What it had to do.
    pub outcome: Outcome,
    /// The operation touches the line for the first time.
    pub first: bool,
}

impl Directory {
    /// A directory for at most `lines` lines, rounded up to a power of two, of which seven eighths may be used.
    #[must_use]
    pub(crate) fn new(lines: usize) -> Self {
        let zeroed = Box::<[Line]>::new_zeroed_slice(lines.next_power_of_two().max(PAGE_LINES));
        // SAFETY: a line consists of integers and a bool, for all of which zero is a value.
        Self { lines: unsafe { zeroed.assume_init() }, used: 0 }
    }

    /// Entries: [`Touched::entry`] is below.
    pub(crate) fn entries(&self) -> usize {
        self.lines.len()
    }

    /// Does an access. `None` when the directory is full. Where operations overlap, one that comes back to a line after
    /// another touched it counts it again.
    pub(crate) fn touch(&mut self, touch: Touch) -> Option<Touched> {
        let Touch { core, words, access, operation, .. } = touch;
        let entry = self.find(touch.line)?;
        let line = &mut self.lines[entry];
        let first = line.toucher != operation;
        line.toucher = operation;
        let (place, bit) = (core / 64, 1 << (core % 64));
        let held = line.holders[place] & bit != 0;
        let holders: u32 = line.holders.iter().map(|holders| holders.count_ones()).sum();
        let outcome = match (access, held, holders) {
            (Access::Read, true, _) | (Access::Write, true, 1) => Outcome::Held,
            (_, _, 0) => Outcome::Cold,
            (Access::Read, ..) if line.modified => Outcome::ReadModified { false_sharing: !line.others(core, words) },
            (Access::Read, ..) => Outcome::Shared,
            (Access::Write, ..) => Outcome::Invalidated {
                moved: line.owner != NOBODY && line.owner != name(core),
                false_sharing: !line.others(core, words) && line.others(core, !words),
            },
        };
        match access {
            Access::Read => {
                line.modified &= held;
                line.holders[place] |= bit;
            }
            Access::Write => {
                line.holders = [0; MAX_CORES / 64];
                line.holders[place] = bit;
                line.owner = name(core);
                line.modified = true;
                for (word, writer) in line.writers.iter_mut().enumerate() {
                    if words >> word & 1 == 1 {
                        *writer = name(core);
                    }
                }
            }
        }
        Some(Touched { entry, outcome, first })
    }

    /// The entry of a line. The lines of a page are neighbours here, so that the directory's own pages are few; pages are
    /// scattered, or long runs of them would run into each other.
    fn find(&mut self, number: u64) -> Option<usize> {
        let pages = self.lines.len() / PAGE_LINES;
        let mut page =
            (number / PAGE_LINES as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32) as usize % pages;
        // Steps of 1, 2, 3 ... visit every page of a power of two.
        for step in 1..=pages {
            let at = page * PAGE_LINES + number as usize % PAGE_LINES;
            let tag = self.lines[at].tag;
            if tag == number + 1 {
                return Some(at);
            }
            if tag == 0 {
                if self.used >= self.lines.len() / 8 * 7 {
                    return None;
                }
                self.used += 1;
                self.lines[at].tag = number + 1;
                return Some(at);
            }
            page = (page + step) % pages;
        }
        None
    }
}

impl Line {
    /// Whether another core wrote one of the words last.
    fn others(&self, core: usize, words: u8) -> bool {
        let wrote = |word: usize, writer: u16| words >> word & 1 == 1 && writer != NOBODY && writer != name(core);
        self.writers.iter().enumerate().any(|(word, writer)| wrote(word, *writer))
    }
}

/// A core's name inside a line.
const fn name(core: usize) -> u16 {
    core as u16 + 1
}

/// The lines of `bytes` bytes from `address` on, each with the words of it that are meant.
pub(crate) fn lines(address: usize, bytes: usize) -> impl Iterator<Item = (u64, u8)> {
    let last = address + bytes.max(1) - 1;
    (address / LINE_BYTES..=last / LINE_BYTES).map(move |line| {
        let begin = address.max(line * LINE_BYTES) % LINE_BYTES / WORD_BYTES;
        let end = last.min(line * LINE_BYTES + LINE_BYTES - 1) % LINE_BYTES / WORD_BYTES;
        (line as u64, (0xFF_u8 << begin) & (0xFF >> (7 - end)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory and accesses of single words of line 7.
    struct Fixture(Directory, u32);

    impl Fixture {
        fn new() -> Self {
            Self(Directory::new(64), 0)
        }

        fn touch(&mut self, core: usize, word: usize, access: Access) -> Outcome {
            self.1 += 1;
            self.0.touch(Touch { core, line: 7, words: 1 << word, access, operation: self.1 }).unwrap().outcome
        }
    }

    #[test]
    fn a_line_changes_hands_as_the_protocol_says() {
        let mut lines = Fixture::new();
        assert_eq!(lines.touch(0, 0, Access::Read), Outcome::Cold);
        assert_eq!(lines.touch(0, 0, Access::Read), Outcome::Held);
        // Exclusive: the write needs no message.
        assert_eq!(lines.touch(0, 0, Access::Write), Outcome::Held);
        assert_eq!(lines.touch(255, 0, Access::Read), Outcome::ReadModified { false_sharing: false });
        assert_eq!(lines.touch(1, 0, Access::Read), Outcome::Shared);
        // It was the owner, so the line does not move; the others must let go all the same.
        assert_eq!(lines.touch(0, 0, Access::Write), Outcome::Invalidated { moved: false, false_sharing: false });
        assert_eq!(lines.touch(1, 0, Access::Write), Outcome::Invalidated { moved: true, false_sharing: false });
        assert_eq!(lines.touch(1, 0, Access::Read), Outcome::Held);
        assert_eq!(lines.touch(0, 0, Access::Read), Outcome::ReadModified { false_sharing: false });
        assert_eq!(lines.touch(0, 0, Access::Read), Outcome::Held);
    }

    #[test]
    fn words_of_different_cores_on_a_line_are_false_sharing() {
        let mut lines = Fixture::new();
        lines.touch(0, 0, Access::Write);
        assert_eq!(lines.touch(1, 1, Access::Write), Outcome::Invalidated { moved: true, false_sharing: true });
        assert_eq!(lines.touch(0, 0, Access::Write), Outcome::Invalidated { moved: true, false_sharing: true });
        assert_eq!(lines.touch(1, 1, Access::Read), Outcome::ReadModified { false_sharing: true });
        assert_eq!(lines.touch(2, 1, Access::Read), Outcome::Shared);
        assert_eq!(lines.touch(2, 1, Access::Write), Outcome::Invalidated { moved: true, false_sharing: false });
    }

    #[test]
    fn an_operation_touches_a_line_for_the_first_time_once() {
        let mut directory = Directory::new(64);
        let mut first = |operation, line| {
            let touch = Touch { core: 3, line, words: 1, access: Access::Read, operation };
            directory.touch(touch).unwrap().first
        };
        assert_eq!([first(1, 7), first(1, 7), first(1, 8), first(2, 7)], [true, false, true, true]);
    }

    #[test]
    fn an_access_is_cut_into_lines_and_words() {
        let cut = |address, bytes| lines(address, bytes).collect::<Vec<_>>();
        assert_eq!(cut(0, 8), [(0, 1)]);
        assert_eq!(cut(60, 4), [(0, 0x80)]);
        assert_eq!(cut(60, 8), [(0, 0x80), (1, 1)]);
        assert_eq!(cut(72, 16), [(1, 0b110)]);
        assert_eq!(cut(56, 80), [(0, 0x80), (1, 0xFF), (2, 1)]);
    }

    #[test]
    fn a_full_directory_says_so() {
        let mut directory = Directory::new(256);
        let mut touch =
            |line| directory.touch(Touch { core: 0, line, words: 1, access: Access::Read, operation: 1 }).is_some();
        assert!((0..224).all(&mut touch));
        assert!(!touch(224) && touch(0) && touch(223));
    }

    /// Lines at the same place of many pages share few entries; each is found again.
    #[test]
    fn pages_do_not_crowd_each_other_out() {
        let mut directory = Directory::new(1 << 12);
        for round in 0..2 {
            for page in 0..60 {
                let touch = Touch { core: 0, line: page << 26, words: 1, access: Access::Read, operation: 1 };
                let expected = if round == 0 { Outcome::Cold } else { Outcome::Held };
                assert_eq!(directory.touch(touch).unwrap().outcome, expected, "page {page}");
            }
        }
    }
}
