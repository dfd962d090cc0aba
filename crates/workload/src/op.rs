//! An operation: its kind and its key's index in 32 bits, the kind in the upper 3, the index in the lower 29.

use serde::{Deserialize, Serialize};

const INDEX_BITS: u32 = 29;

/// The largest key range that a packed operation can address.
pub const MAX_KEY_RANGE: u32 = 1 << INDEX_BITS;

/// The kinds of operation that a stream can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum OpKind {
    /// Look a key up.
    Read,
    /// Insert or replace.
    Insert,
    /// Insert only if absent.
    InsertNew,
    /// Remove.
    Remove,
    /// Replace a present value by a function of it.
    Update,
    /// Update, or insert if absent.
    Upsert,
    /// Replace a value that was just read, if it is still the same.
    CompareExchange,
    /// Look at every entry of the map; the index means nothing.
    Iterate,
}

impl OpKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [OpKind; 8] = [
        OpKind::Read,
        OpKind::Insert,
        OpKind::InsertNew,
        OpKind::Remove,
        OpKind::Update,
        OpKind::Upsert,
        OpKind::CompareExchange,
        OpKind::Iterate,
    ];

    /// The name in workload files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            OpKind::Read => "read",
            OpKind::Insert => "insert",
            OpKind::InsertNew => "insert_new",
            OpKind::Remove => "remove",
            OpKind::Update => "update",
            OpKind::Upsert => "upsert",
            OpKind::CompareExchange => "compare_exchange",
            OpKind::Iterate => "iterate",
        }
    }
}

/// An operation in 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackedOp(u32);

impl PackedOp {
    /// Packs a kind and a key index below [`MAX_KEY_RANGE`].
    #[must_use]
    pub const fn new(kind: OpKind, index: u32) -> Self {
        debug_assert!(index < MAX_KEY_RANGE);
        Self((kind as u32) << INDEX_BITS | index)
    }

    /// The kind.
    #[inline]
    #[must_use]
    pub const fn kind(self) -> OpKind {
        match self.0 >> INDEX_BITS {
            0 => OpKind::Read,
            1 => OpKind::Insert,
            2 => OpKind::InsertNew,
            3 => OpKind::Remove,
            4 => OpKind::Update,
            5 => OpKind::Upsert,
            6 => OpKind::CompareExchange,
            _ => OpKind::Iterate,
        }
    }

    /// The key index.
    #[inline]
    #[must_use]
    pub const fn index(self) -> u32 {
        self.0 & (MAX_KEY_RANGE - 1)
    }

    /// The same kind on another key.
    #[inline]
    #[must_use]
    pub const fn at(self, index: u32) -> Self {
        debug_assert!(index < MAX_KEY_RANGE);
        Self(self.0 & !(MAX_KEY_RANGE - 1) | index)
    }

    /// The 32 bits.
    #[inline]
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_KEY_RANGE, OpKind, PackedOp};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn packing_loses_nothing(kind in 0..OpKind::ALL.len(), index in 0..MAX_KEY_RANGE) {
            let op = PackedOp::new(OpKind::ALL[kind], index);
            prop_assert_eq!((op.kind(), op.index()), (OpKind::ALL[kind], index));
        }
    }
}
