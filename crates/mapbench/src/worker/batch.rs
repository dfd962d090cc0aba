//! The timed loop. Decoding, the call and folding its result into a sum: nothing else belongs here.

use std::borrow::Borrow;

use mapbench_api::MapHandle;
use mapbench_workload::{OpKind, PackedOp};

use super::keys::{Keys, Part};
use super::values::Payload;
use crate::protocol::Effects;

/// What a thread's operations did, and the sum that keeps the compiler from leaving them out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) ops: u64,
    pub(crate) reads: u64,
    pub(crate) hits: u64,
    pub(crate) inserted: u64,
    pub(crate) removed: u64,
    /// Entries that iterations saw.
    pub(crate) iterated: u64,
    pub(crate) sum: u64,
}

impl Tally {
    pub(crate) fn effects(&self) -> Effects {
        Effects { hits: self.hits, misses: self.reads - self.hits, inserted: self.inserted, removed: self.removed }
    }
}

/// Runs the operations in order. Never inlined, so that each strategy has one such loop, whatever surrounds it.
#[inline(never)]
pub(crate) fn run_batch<S: Keys, V: Payload, H: MapHandle<S::Owned, V>>(
    handle: &mut H,
    keys: &Part<S>,
    ops: &[PackedOp],
    tally: &mut Tally,
) {
    // Counted in registers: the map's calls cannot reach these, as they could the tally.
    let mut local = *tally;
    for (place, op) in ops.iter().enumerate() {
        let lent = keys.key(place, op.index());
        let key: &S::Owned = lent.borrow();
        // Tells one write of a key from the next.
        let tag = local.sum as u32;
        match op.kind() {
            OpKind::Read => {
                // No branch on the result: at a hit rate of one half it would be mispredicted every other time.
                let found = handle.read(key, V::fold);
                local.reads += 1;
                local.hits += u64::from(found.is_some());
                local.sum = local.sum.wrapping_add(found.unwrap_or(1));
            }
            OpKind::Insert => local.inserted += u64::from(handle.insert(key.clone(), V::of(S::spread(&lent), tag))),
            OpKind::InsertNew => {
                local.inserted += u64::from(handle.insert_new(key.clone(), V::of(S::spread(&lent), tag)));
            }
            OpKind::Remove => local.removed += u64::from(handle.remove(key)),
            OpKind::Update => {
                let present = handle.update(key, |value| value.next(S::spread(&lent)));
                local.sum = local.sum.wrapping_add(u64::from(present));
            }
            OpKind::Upsert => {
                let inserted =
                    handle.upsert(key.clone(), V::of(S::spread(&lent), tag), |value| value.next(S::spread(&lent)));
                local.inserted += u64::from(inserted);
            }
            OpKind::CompareExchange => {
                if let Some(value) = handle.read(key, V::clone) {
                    let exchanged = handle.compare_exchange(key, &value, value.next(S::spread(&lent))).is_ok();
                    local.sum = local.sum.wrapping_add(u64::from(exchanged));
                }
            }
            OpKind::Iterate => {
                let (entries, sum) = iterate(handle);
                local.iterated += entries;
                local.sum = local.sum.wrapping_add(sum);
            }
        }
    }
    local.ops += ops.len() as u64;
    *tally = local;
}

/// Looks at every entry: how many there are, and the sum of their values. Not inlined, lest the loop of the other kinds pay
/// for it.
#[inline(never)]
fn iterate<K, V: Payload, H: MapHandle<K, V>>(handle: &mut H) -> (u64, u64) {
    let (mut entries, mut sum) = (0_u64, 0_u64);
    handle.for_each(|_, value| {
        entries += 1;
        sum = sum.wrapping_add(value.fold());
    });
    (entries, sum)
}

/// Runs reads that each stay inside the map for about a microsecond.
#[inline(never)]
pub(crate) fn run_long_reads<S: Keys, V: Payload, H: MapHandle<S::Owned, V>>(
    handle: &mut H,
    keys: &Part<S>,
    ops: &[PackedOp],
    tally: &mut Tally,
) {
    /// Multiplications, each waiting for the last.
    const LONG: u64 = 1_000;
    for (place, op) in ops.iter().enumerate() {
        let found = handle.read(keys.key(place, op.index()).borrow(), |value| {
            (0..LONG).fold(value.fold(), |sum, _| std::hint::black_box(sum.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
        });
        tally.reads += 1;
        tally.hits += u64::from(found.is_some());
        tally.sum = tally.sum.wrapping_add(found.unwrap_or(1));
    }
    tally.ops += ops.len() as u64;
}
