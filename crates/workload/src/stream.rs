//! Operation streams: what a thread asks of the map, made before the clock starts.
//!
//! A stream is a function of the seed, the load, the number of threads and the thread's index, the same on every machine;
//! golden digests in the tests hold it fast. It draws from one [`SplitMix64`]. Every operation takes one number: its lower
//! 32 bits draw the kind, its upper 32 bits times the number of keys, shifted right by 32, are the index (Lemire, Fast
//! Random Integer Generation in an Interval, TOMACS 2019, without the rejection step: the bias is below the number of keys
//! over 2^32). A distribution that needs more takes the numbers that follow, as the modules `draw` and `ranked` say.

use crate::distribution::Distribution;
use crate::draw::Keys;
use crate::load::Load;
use crate::op::{OpKind, PackedOp};
use crate::ranked;
use crate::rng::SplitMix64;
use crate::space::{Span, share};

/// Operations of a thread's stream, which it runs in a loop: 256 KiB, read in order, so that it streams through the
/// caches and leaves them to the map. A power of two.
pub const STREAM_OPS: usize = 1 << 16;

/// A thread's operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    ops: Box<[PackedOp]>,
    turn: Option<Turn>,
}

/// By how many keys, of which, the operations move on when the stream begins again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Turn {
    start: u32,
    len: u32,
    step: u32,
}

impl Stream {
    /// The operations of a thread.
    ///
    /// # Panics
    /// When the load [refuses](Load::refuses) the number of threads, or there is no such thread.
    #[must_use]
    pub fn of(load: &Load, threads: u32, thread: u32, seed: u64) -> Self {
        let len = load.operations.map_or(STREAM_OPS, |all| share(all, threads, thread) as usize);
        let role = load.role(threads, thread);
        let mut rng = SplitMix64::new(seed);
        let draw = |rng: &mut SplitMix64| {
            let bits = rng.next_u64();
            (role.mix.kind_of(bits as u32), bits)
        };
        match Keys::new(load, threads, thread) {
            Keys::Drawn(keys) => {
                let op = |_| {
                    let (kind, bits) = draw(&mut rng);
                    let keys = keys.choose(kind, &mut rng);
                    PackedOp::new(kind, keys.map_or(0, |keys| keys.draw(bits, &mut rng)))
                };
                let ops = (0..len).map(op).collect();
                let turn = (load.operations.is_none() && role.distribution == Distribution::Sequential)
                    .then(|| Turn::of(keys.present().span(), len));
                Self { ops, turn }
            }
            Keys::Ranked(keys) => Self { ops: ranked::operations(&keys, len, &mut rng, |rng| draw(rng).0), turn: None },
            Keys::Ordered(mut keys) => {
                // Kinds first, so that inserts and removes of a stream in a loop can be made to take turns.
                let mut numbers = rng.clone();
                let mut kinds: Vec<OpKind> = (0..len).map(|_| draw(&mut rng).0).collect();
                let turn = load.operations.is_none().then(|| Turn::of(keys.part, balance(&mut kinds)));
                let op = |kind| PackedOp::new(kind, keys.draw(kind, numbers.next_u64(), &mut rng));
                Self { ops: kinds.into_iter().map(op).collect(), turn }
            }
        }
    }

    /// Operations that were made elsewhere, the same every time round.
    #[must_use]
    pub const fn once(ops: Box<[PackedOp]>) -> Self {
        Self { ops, turn: None }
    }

    /// The operations of the first time round.
    #[must_use]
    pub fn ops(&self) -> &[PackedOp] {
        &self.ops
    }

    /// A digest (64-bit FNV-1a over little-endian words: the operations, and what changes from one time round to the next),
    /// to tell whether two streams are the same.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let turn = self.turn.map(|turn| [turn.start, turn.len, turn.step]);
        let words = self.ops.iter().map(|op| op.bits()).chain(turn.into_iter().flatten());
        words
            .flat_map(u32::to_le_bytes)
            .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3))
    }

    /// How often each kind stands among the operations from the `from`-th to the one before the `to`-th, counted on over
    /// the loop.
    #[must_use]
    pub fn count(&self, from: u64, to: u64) -> [u64; OpKind::ALL.len()] {
        let len = self.ops.len() as u64;
        let before = |end: u64| {
            let mut counts = [0_u64; OpKind::ALL.len()];
            self.ops[..(end % len) as usize].iter().for_each(|op| counts[op.kind() as usize] += 1);
            counts
        };
        if len == 0 || to <= from {
            return [0; OpKind::ALL.len()];
        }
        let mut whole = [0_u64; OpKind::ALL.len()];
        let rounds = to / len - from / len;
        if rounds > 0 {
            self.ops.iter().for_each(|op| whole[op.kind() as usize] += rounds);
        }
        let (first, last) = (before(from), before(to));
        std::array::from_fn(|kind| whole[kind] + last[kind] - first[kind])
    }
}

impl Turn {
    fn of(part: Span, step: usize) -> Self {
        Self { start: part.start, len: part.len, step: (step % part.len as usize) as u32 }
    }
}

/// Makes inserts and removes take turns, the insert first, where either was drawn; a last one without its counterpart becomes
/// a read. Were they left as drawn, the map would shrink to nothing and grow by chance. Returns the number of inserts.
fn balance(kinds: &mut [OpKind]) -> usize {
    let changes = |kind: OpKind| adds_key(kind) || kind == OpKind::Remove;
    let added = kinds.iter().copied().find(|kind| adds_key(*kind)).unwrap_or(OpKind::Insert);
    let (mut inserts, mut open) = (0, None);
    for kind in kinds.iter_mut().filter(|kind| changes(**kind)) {
        match open.take() {
            Some(_) => *kind = OpKind::Remove,
            None => {
                if !adds_key(*kind) {
                    *kind = added;
                }
                inserts += 1;
                open = Some(kind);
            }
        }
    }
    if let Some(last) = open {
        *last = OpKind::Read;
        inserts -= 1;
    }
    inserts
}

fn adds_key(kind: OpKind) -> bool {
    matches!(kind, OpKind::Insert | OpKind::InsertNew)
}

/// Where a thread is in its stream.
#[derive(Debug)]
pub struct Cursor<'a> {
    stream: &'a Stream,
    at: usize,
    offset: u32,
    moved: Vec<PackedOp>,
}

impl<'a> Cursor<'a> {
    /// At the first operation.
    #[must_use]
    pub fn new(stream: &'a Stream) -> Self {
        Self { stream, at: 0, offset: 0, moved: Vec::new() }
    }

    /// The next `most` operations, or as many as are left until the stream begins again; at least one, unless `most` is 0 or
    /// the stream is empty.
    #[inline]
    pub fn next(&mut self, most: usize) -> &[PackedOp] {
        let end = (self.at + most).min(self.stream.ops.len());
        let ops = &self.stream.ops[self.at..end];
        let offset = self.offset;
        self.at = end;
        if end == self.stream.ops.len() {
            self.at = 0;
            if let Some(turn) = self.stream.turn {
                self.offset = (self.offset + turn.step) % turn.len;
            }
        }
        match self.stream.turn {
            None => ops,
            Some(turn) => {
                let past = turn.start + turn.len;
                self.moved.clear();
                self.moved.extend(ops.iter().map(|op| {
                    let index = op.index() + offset;
                    op.at(if index >= past { index - turn.len } else { index })
                }));
                &self.moved
            }
        }
    }
}
