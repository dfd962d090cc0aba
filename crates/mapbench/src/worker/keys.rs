//! From an operation's index to a key of the workload's type.

use std::borrow::Borrow;
use std::sync::Arc;

use mapbench_api::Key;
use mapbench_workload::{KeyType, Load, PackedOp, key_of};

use crate::protocol::Open;

/// The keys of a cell.
pub(crate) trait Keys: Send + Sync + 'static {
    /// What the map holds.
    type Owned: Key;
    /// What an operation is given.
    type Lent<'a>: Borrow<Self::Owned>
    where
        Self: 'a;

    /// Whether they are [laid out](Laid) for every thread: looking them up costs more than reading them in order.
    const LAID: bool;

    /// The keys of a cell, of what was kept ready for it.
    fn of(ready: &Ready) -> Self;

    /// The key of an index that operations draw from.
    fn key(&self, index: u32) -> Self::Lent<'_>;

    /// A key of an index, as an operation is given it.
    fn lend(owned: &Self::Owned, index: u32) -> Self::Lent<'_>;

    /// The [`key_of`] of its index.
    fn spread(lent: &Self::Lent<'_>) -> u64;

    /// The key of any index, also of one that is not kept ready.
    fn make(&self, index: u32) -> Self::Owned;

    /// The [`key_of`] of the index whose key this is; of a key that has none, some number.
    fn owner(key: &Self::Owned) -> u64;
}

/// The keys of a thread's operations in their order, so that each is at hand when its turn comes: a program that asks a map
/// for a string has just read it somewhere.
pub(crate) struct Laid<'a, S: Keys> {
    /// All keys, also those of other operations.
    pub(crate) all: &'a S,
    ops: &'a [PackedOp],
    owned: Box<[S::Owned]>,
}

impl<'a, S: Keys> Laid<'a, S> {
    /// The most operations whose keys are laid out.
    const MOST: usize = 1 << 18;

    /// The keys of operations of which parts will be done.
    pub(crate) fn new(all: &'a S, ops: &'a [PackedOp]) -> Self {
        let laid = if S::LAID && ops.len() <= Self::MOST { ops } else { &[] };
        Self { all, ops: laid, owned: laid.iter().map(|op| all.key(op.index()).borrow().clone()).collect() }
    }

    /// The keys of a part; of other operations too, but those are looked up.
    pub(crate) fn of(&self, part: &[PackedOp]) -> Part<'_, S> {
        // By where it lies in memory: whoever runs a part need not know which it is.
        let place =
            (part.as_ptr() as usize).checked_sub(self.ops.as_ptr() as usize).map(|by| by / size_of::<PackedOp>());
        let owned = place.and_then(|place| self.owned.get(place..place + part.len()));
        Part { all: self.all, owned: owned.unwrap_or_default() }
    }
}

/// The keys of operations that are done together.
pub(crate) struct Part<'a, S: Keys> {
    all: &'a S,
    owned: &'a [S::Owned],
}

impl<S: Keys> Part<'_, S> {
    /// The key of the operation at a place, with this index.
    #[inline]
    pub(crate) fn key(&self, place: usize, index: u32) -> S::Lent<'_> {
        if S::LAID
            && let Some(owned) = self.owned.get(place)
        {
            return S::lend(owned, index);
        }
        self.all.key(index)
    }
}

/// Keys that are made before anything is timed, once a worker: strings, or none where keys are made on the spot.
#[derive(Clone)]
pub(crate) struct Ready {
    kind: KeyType,
    texts: Arc<[Box<str>]>,
}

impl Ready {
    /// The most that are kept ready.
    pub(crate) const MOST: u64 = 1 << 22;

    /// All keys of a cell that takes strings, at most [`MOST`](Self::MOST).
    pub(crate) fn of(open: &Open) -> Self {
        Self::new(&open.load, open.threads)
    }

    /// As [`of`](Self::of) a cell with this load.
    pub(crate) fn new(load: &Load, threads: u32) -> Self {
        let kind = load.key;
        let range = if is_text(kind) { load.key_range(threads).min(Self::MOST) as u32 } else { 0 };
        Self { kind, texts: (0..range).map(|index| text(kind, index)).collect() }
    }
}

/// Whether keys of a kind are strings.
pub(crate) const fn is_text(kind: KeyType) -> bool {
    matches!(kind, KeyType::ShortString | KeyType::LongString | KeyType::PathString)
}

/// Ends with the index in decimal. Long strings differ from the first byte on, the others in the last ones alone.
fn text(kind: KeyType, index: u32) -> Box<str> {
    let text = match kind {
        KeyType::LongString => {
            let spread = key_of(index);
            let words: String = (0..5).map(|turn| format!("{:016x}", spread.rotate_left(13 * turn))).collect();
            format!("{words}#{index:015}")
        }
        KeyType::PathString => format!("/srv/media/library/2026/november/originals/photographs/{index:09}"),
        KeyType::ShortString | KeyType::U64 | KeyType::PairU128 => format!("user:{index:08}"),
    };
    text.into_boxed_str()
}

/// Bytes of a key: what lies in the map and what it points to.
pub(crate) fn bytes(kind: KeyType) -> usize {
    match kind {
        KeyType::U64 => size_of::<u64>(),
        KeyType::PairU128 => size_of::<(u128, u128)>(),
        // All of a kind are as long.
        KeyType::ShortString | KeyType::LongString | KeyType::PathString => size_of::<Box<str>>() + text(kind, 0).len(),
    }
}

/// 64-bit integers, made on the spot.
pub(crate) struct Integers;

impl Keys for Integers {
    type Owned = u64;
    type Lent<'a> = u64;
    const LAID: bool = false;

    fn of(_: &Ready) -> Self {
        Self
    }

    #[inline]
    fn key(&self, index: u32) -> u64 {
        key_of(index)
    }

    #[inline]
    fn lend(owned: &u64, _: u32) -> u64 {
        *owned
    }

    #[inline]
    fn spread(lent: &u64) -> u64 {
        *lent
    }

    fn make(&self, index: u32) -> u64 {
        key_of(index)
    }

    fn owner(key: &u64) -> u64 {
        *key
    }
}

/// Pairs of 128-bit integers, made on the spot: a multiplication costs less than a table that is not in the cache.
pub(crate) struct Pairs;

impl Keys for Pairs {
    type Owned = (u128, u128);
    type Lent<'a> = (u128, u128);
    const LAID: bool = false;

    fn of(_: &Ready) -> Self {
        Self
    }

    #[inline]
    fn key(&self, index: u32) -> (u128, u128) {
        let key = key_of(index);
        ((u128::from(key) << 64) | u128::from(!key), u128::from(key))
    }

    #[inline]
    fn lend(owned: &(u128, u128), _: u32) -> (u128, u128) {
        *owned
    }

    #[inline]
    fn spread(lent: &(u128, u128)) -> u64 {
        lent.1 as u64
    }

    fn make(&self, index: u32) -> (u128, u128) {
        self.key(index)
    }

    fn owner(key: &(u128, u128)) -> u64 {
        key.1 as u64
    }
}

/// Strings, kept ready: what makes them is not what is measured. A map that stores one gets a copy of its own.
pub(crate) struct Strings(Ready);

/// A string of the table, and the [`key_of`] of its index.
pub(crate) struct Text<'a> {
    #[expect(clippy::borrowed_box, reason = "a map is asked with a reference to what it holds")]
    text: &'a Box<str>,
    spread: u64,
}

impl Borrow<Box<str>> for Text<'_> {
    #[inline]
    fn borrow(&self) -> &Box<str> {
        self.text
    }
}

impl Keys for Strings {
    type Owned = Box<str>;
    type Lent<'a> = Text<'a>;
    const LAID: bool = true;

    fn of(ready: &Ready) -> Self {
        Self(ready.clone())
    }

    #[inline]
    fn key(&self, index: u32) -> Text<'_> {
        Self::lend(&self.0.texts[index as usize], index)
    }

    #[inline]
    fn lend(text: &Box<str>, index: u32) -> Text<'_> {
        Text { text, spread: key_of(index) }
    }

    #[inline]
    fn spread(lent: &Text) -> u64 {
        lent.spread
    }

    fn make(&self, index: u32) -> Box<str> {
        text(self.0.kind, index)
    }

    fn owner(key: &Box<str>) -> u64 {
        let digits = key.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        digits.parse().map_or(0, key_of)
    }
}

#[cfg(test)]
impl Strings {
    /// The first strings of each kind.
    pub(crate) fn of_every_kind() -> impl Iterator<Item = Self> {
        let kinds = KeyType::ALL.iter().copied().filter(|kind| is_text(*kind));
        kinds.map(|kind| Self(Ready { kind, texts: (0..10_000).map(|index| text(kind, index)).collect() }))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use mapbench_workload::OpKind;

    use super::*;

    #[test]
    fn strings_differ_are_as_long_as_promised_and_know_their_index() {
        for strings in Strings::of_every_kind() {
            let Ready { kind, texts } = &strings.0;
            assert!(texts.iter().all(|text| size_of::<Box<str>>() + text.len() == bytes(*kind)), "{kind}");
            let lengths = match kind {
                KeyType::ShortString => 10..=20,
                KeyType::LongString => 96..=96,
                _ => 60..=80,
            };
            let different: HashSet<&str> = texts.iter().map(|text| &**text).collect();
            assert_eq!(different.len(), texts.len());
            assert!(different.iter().all(|text| lengths.contains(&text.len())), "{kind}: {}", texts[0]);
            let owners = (0..texts.len() as u32).map(|index| (index, Strings::owner(strings.key(index).text)));
            assert_eq!(owners.clone().find(|(index, owner)| *owner != key_of(*index)), None, "{kind}");
            // Beyond what is kept ready.
            assert_eq!(Strings::owner(&strings.make(30_000)), key_of(30_000));
        }
        assert_eq!((Pairs::owner(&Pairs.key(7)), Integers::owner(&Integers.key(7))), (key_of(7), key_of(7)));
    }

    #[test]
    fn keys_are_laid_out_for_every_part_of_the_operations_and_looked_up_for_others() {
        let ops: Vec<PackedOp> = (0..100).map(|turn| PackedOp::new(OpKind::Read, turn * 37 % 100)).collect();
        for strings in Strings::of_every_kind() {
            let laid = Laid::new(&strings, &ops);
            let parts = [&ops[..], &ops[..1], &ops[99..], &ops[20..70], &ops[50..50]];
            for part in parts {
                assert_eq!(laid.of(part).owned.len(), part.len());
                assert_is_the_table(&laid, part);
            }
            // As many, but other ones; before those in memory, and after them.
            let moved = [[PackedOp::new(OpKind::Read, 7); 50], [PackedOp::new(OpKind::Update, 8); 50]];
            for other in moved.iter().map(Vec::from) {
                assert_eq!(laid.of(&other).owned.len(), 0);
                assert_is_the_table(&laid, &other);
            }
            let many = vec![PackedOp::new(OpKind::Read, 7); Laid::<Strings>::MOST + 1];
            let none = Laid::new(&strings, &many);
            assert!(none.owned.is_empty());
            assert_is_the_table(&none, &many[..10]);
        }
        assert!(Laid::new(&Integers, &ops).owned.is_empty());
    }

    fn assert_is_the_table(laid: &Laid<Strings>, ops: &[PackedOp]) {
        let part = laid.of(ops);
        for (place, op) in ops.iter().enumerate() {
            let lent = part.key(place, op.index());
            assert_eq!((lent.text, lent.spread), (&laid.all.0.texts[op.index() as usize], key_of(op.index())));
        }
    }

    /// Bytes that neighbours have in common at their beginning, on average.
    fn alike(strings: &Strings) -> usize {
        let common = strings.0.texts.windows(2).map(|pair| {
            let bytes = pair[0].bytes().zip(pair[1].bytes());
            bytes.take_while(|(one, other)| one == other).count()
        });
        common.sum::<usize>() / strings.0.texts.len()
    }

    #[test]
    fn long_strings_differ_early_and_paths_late() {
        for strings in Strings::of_every_kind() {
            match strings.0.kind {
                KeyType::LongString => assert!(alike(&strings) < 2),
                KeyType::PathString => assert!(alike(&strings) > 55, "{}", alike(&strings)),
                _ => {}
            }
        }
    }
}
