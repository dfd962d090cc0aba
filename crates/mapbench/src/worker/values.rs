//! The values of a workload, and how each shows whose it is.

use std::hint::black_box;
use std::sync::Arc;

use mapbench_api::Value;
use mapbench_workload::{ValueType, value_fits, value_of};

/// What a map stores for a key.
pub(crate) trait Payload: Value {
    /// A value that belongs to `owner`, a [`key_of`](mapbench_workload::key_of); `tag` tells one write from the next.
    fn of(owner: u64, tag: u32) -> Self;

    /// What a reader makes of it: a number that all of the value that lies in the map goes into.
    fn fold(&self) -> u64;

    /// The value after this one, still the owner's.
    fn next(&self, owner: u64) -> Self;

    /// Whether it was made for `owner`, and is of one piece.
    fn fits(&self, owner: u64) -> bool;
}

impl Payload for u64 {
    #[inline]
    fn of(owner: u64, tag: u32) -> Self {
        value_of(owner, tag)
    }

    #[inline]
    fn fold(&self) -> u64 {
        *self
    }

    #[inline]
    fn next(&self, owner: u64) -> Self {
        value_of(owner, (*self as u32).wrapping_add(1))
    }

    fn fits(&self, owner: u64) -> bool {
        value_fits(owner, *self)
    }
}

/// So many 64-bit words, all alike, inline.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Block<const WORDS: usize>([u64; WORDS]);

impl<const WORDS: usize> Payload for Block<WORDS> {
    #[inline]
    fn of(owner: u64, tag: u32) -> Self {
        Self([value_of(owner, tag); WORDS])
    }

    #[inline]
    fn fold(&self) -> u64 {
        self.0.iter().fold(0, |sum, word| sum.wrapping_add(*word))
    }

    #[inline]
    fn next(&self, owner: u64) -> Self {
        Self([self.0[0].next(owner); WORDS])
    }

    fn fits(&self, owner: u64) -> bool {
        self.0.iter().all(|word| *word == self.0[0]) && value_fits(owner, self.0[0])
    }
}

/// Words behind an `Arc<[u8]>`, all alike.
const SHARED_WORDS: usize = 8;

/// A read takes a share of the bytes, as a program does that goes on using them, and looks at the first and the last.
impl Payload for Arc<[u8]> {
    #[inline]
    fn of(owner: u64, tag: u32) -> Self {
        let words = [value_of(owner, tag).to_le_bytes(); SHARED_WORDS];
        words.as_flattened().into()
    }

    #[inline]
    fn fold(&self) -> u64 {
        let shared = black_box(Arc::clone(self));
        first(&shared).wrapping_add(u64::from(shared.last().copied().unwrap_or(0)))
    }

    #[inline]
    fn next(&self, owner: u64) -> Self {
        Self::of(owner, (first(self) as u32).wrapping_add(1))
    }

    fn fits(&self, owner: u64) -> bool {
        let (words, rest) = self.as_chunks::<8>();
        words.len() == SHARED_WORDS
            && rest.is_empty()
            && words.iter().all(|word| *word == words[0])
            && value_fits(owner, first(self))
    }
}

/// Bytes of a value: what lies in the map and what it points to.
pub(crate) const fn bytes(value: ValueType) -> usize {
    match value {
        ValueType::B8 => size_of::<u64>(),
        ValueType::B64 => size_of::<Block<8>>(),
        ValueType::B1024 => size_of::<Block<128>>(),
        ValueType::ArcBytes => size_of::<Arc<[u8]>>() + 8 * SHARED_WORDS,
    }
}

fn first(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |word| u64::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    use mapbench_workload::key_of;

    use super::*;

    fn belongs<V: Payload>(size: usize) {
        let (one, other) = (key_of(1), key_of(2));
        let value = V::of(one, 5);
        assert!(value.fits(one) && !value.fits(other), "{value:?}");
        assert!(value.next(one).fits(one) && value.next(one) != value);
        assert_eq!(value.next(one), V::of(one, 6));
        assert_ne!(value.fold(), value.next(one).fold());
        assert_eq!(size_of::<V>(), size);
    }

    #[test]
    fn values_belong_to_their_owner_and_are_as_large_as_they_say() {
        belongs::<u64>(8);
        belongs::<Block<8>>(64);
        belongs::<Block<128>>(1024);
        belongs::<Arc<[u8]>>(16);
        assert_eq!(<Arc<[u8]> as Payload>::of(1, 1).len(), 64);
        assert_eq!([8, 64, 1024, 16 + 64], ValueType::ALL.iter().map(|value| bytes(*value)).collect::<Vec<_>>()[..]);
    }

    #[test]
    fn a_value_of_two_pieces_is_seen() {
        let (mut torn, other) = (Block::<8>::of(key_of(1), 1), Block::<8>::of(key_of(1), 2));
        torn.0[5] = other.0[5];
        assert!(!torn.fits(key_of(1)));
        let short: Arc<[u8]> = <Arc<[u8]> as Payload>::of(key_of(1), 1)[8..].into();
        assert!(!short.fits(key_of(1)));
    }
}
