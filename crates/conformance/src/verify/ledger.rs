//! What is known of each key from outside the map, while one thread at a time writes it.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bits of a value that hold its version; the key is above them.
const VERSION_BITS: u32 = 40;

/// The writes of each key, numbered: an odd version is a value, an even one means that the key is absent, so that version
/// 0 is a key that never was. A key has one writer; anybody may ask.
///
/// The map's own order is not disturbed: one plain store before a write and one after.
pub(super) struct Ledger(Vec<Line>);

/// A line of the cache to itself, lest writers of different keys meet here instead of in the map.
#[repr(align(128))]
struct Line {
    begun: AtomicU64,
    returned: AtomicU64,
}

impl Ledger {
    /// A ledger of `keys` keys, the first `present` of which are in the map with version 1.
    pub(super) fn new(keys: u64, present: u64) -> Self {
        let line = |key| {
            let version = u64::from(key < present);
            Line { begun: AtomicU64::new(version), returned: AtomicU64::new(version) }
        };
        Self((0..keys).map(line).collect())
    }

    pub(super) fn keys(&self) -> u64 {
        self.0.len() as u64
    }

    fn line(&self, key: u64) -> &Line {
        &self.0[key as usize]
    }

    /// The key's version for its writer.
    pub(super) fn current(&self, key: u64) -> u64 {
        self.line(key).begun.load(Ordering::Relaxed)
    }

    /// Says that `write` makes the version before it begins, and after it has returned that it has.
    #[inline]
    pub(super) fn write<R>(&self, key: u64, version: u64, write: impl FnOnce() -> R) -> R {
        let line = self.line(key);
        line.begun.store(version, Ordering::Release);
        let result = write();
        line.returned.store(version, Ordering::Release);
        result
    }

    /// The oldest version that a reader who begins now may see in a linearizable map.
    #[inline]
    pub(super) fn floor(&self, key: u64) -> u64 {
        self.line(key).returned.load(Ordering::Acquire)
    }

    /// The newest version that a reader who has ended by now may have seen.
    #[inline]
    pub(super) fn ceiling(&self, key: u64) -> u64 {
        self.line(key).begun.load(Ordering::Acquire)
    }

    /// What is wrong with what a reader saw of a key, if versions from `floor` to `ceiling` were possible meanwhile;
    /// `stays`: the key is never removed.
    pub(super) fn judge(key: u64, seen: Option<u64>, floor: u64, ceiling: u64, stays: bool) -> Result<(), String> {
        match seen.map(|value| (value >> VERSION_BITS, version(value))) {
            Some((other, _)) if other != key => Err(format!("key {key} shows a value of key {other}")),
            Some((_, version)) if version > ceiling || version % 2 == 0 => {
                Err(format!("key {key} shows version {version}, which was never written"))
            }
            Some((_, version)) if version < floor => Err(match floor % 2 {
                0 => format!("key {key} shows version {version} after its removal had returned"),
                _ => format!("key {key} shows version {version} after the write of version {floor} had returned"),
            }),
            None if stays => Err(format!("key {key} is missing; it was there all the time")),
            None if floor == ceiling && floor % 2 == 1 => {
                Err(format!("key {key} is missing; it was there all the time, with version {floor}"))
            }
            _ => Ok(()),
        }
    }
}

/// The value of a version.
pub(super) const fn value(key: u64, version: u64) -> u64 {
    key << VERSION_BITS | version
}

/// The version of a value.
pub(super) const fn version(value: u64) -> u64 {
    value & ((1 << VERSION_BITS) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_possible_is_told_from_what_was_not() {
        let judge = |seen: Option<u64>, floor, ceiling| {
            Ledger::judge(7, seen.map(|version| value(7, version)), floor, ceiling, false)
        };
        for (seen, floor, ceiling) in [(Some(3), 3, 3), (Some(3), 2, 3), (Some(5), 2, 6), (None, 4, 4), (None, 3, 4)] {
            assert_eq!(judge(seen, floor, ceiling), Ok(()));
        }
        for (seen, floor, ceiling, wrong) in [
            (Some(3), 4, 4, "after its removal"),
            (Some(3), 5, 6, "after the write of version 5"),
            (Some(5), 3, 4, "never written"),
            (Some(2), 1, 4, "never written"),
            (None, 3, 3, "missing"),
        ] {
            assert!(judge(seen, floor, ceiling).unwrap_err().contains(wrong), "{wrong}");
        }
        assert!(Ledger::judge(7, None, 3, 5, true).unwrap_err().contains("missing"));
        assert!(Ledger::judge(7, Some(value(8, 1)), 1, 1, true).unwrap_err().contains("of key 8"));
    }

    #[test]
    fn a_write_is_possible_before_it_returns_and_certain_after() {
        let ledger = Ledger::new(2, 1);
        assert_eq!((ledger.keys(), ledger.floor(0), ledger.floor(1)), (2, 1, 0));
        ledger.write(1, 1, || assert_eq!((ledger.floor(1), ledger.ceiling(1)), (0, 1)));
        assert_eq!((ledger.floor(1), ledger.ceiling(1), ledger.current(1)), (1, 1, 1));
    }
}
