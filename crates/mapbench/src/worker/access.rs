//! A map whose types are hidden behind one virtual call a batch: what surrounds the timed loop is compiled once, however
//! many strategies and types there are.

use std::borrow::Borrow;
use std::marker::PhantomData;
use std::time::Duration;

use mapbench_api::{ConcurrentMap, MapHandle};
use mapbench_workload::{PackedOp, key_of};

use super::batch::{Tally, run_batch, run_long_reads};
use super::check::{self, Checked};
use super::keys::{Integers, Keys, Laid};
use super::values::Payload;

/// A map that threads share.
pub(crate) trait Subject: Sync {
    /// Registers the calling thread, which will do the operations or parts of them, and lends `work` its access.
    fn attend(&self, ops: &[PackedOp], work: &mut dyn FnMut(&mut dyn Access));
}

/// One thread's access to the map. A call that is timed alone costs a virtual call beside the operation.
pub(crate) trait Access {
    /// Runs the operations in order.
    fn run(&mut self, ops: &[PackedOp], tally: &mut Tally);

    /// Inserts the key of an index, which may be beyond those that operations draw from.
    fn insert(&mut self, index: u32, tally: &mut Tally);

    /// Runs reads that each stay inside the map for about a microsecond.
    fn run_long_reads(&mut self, ops: &[PackedOp], tally: &mut Tally);

    /// What a strategy does between batches.
    fn quiesce(&mut self);

    /// Visits every entry, of a strategy that can iterate.
    fn iterate(&mut self);

    /// Stays inside a read while `on` is true: of the first key among those of the operations that the map holds.
    fn hold(&mut self, ops: &[PackedOp], on: &dyn Fn() -> bool);

    /// Checks that the map holds `expected` entries and that every value belongs to its key.
    ///
    /// # Errors
    /// What is wrong, in a sentence.
    fn conserve(&mut self, expected: u64) -> Result<(), String>;
}

/// A map of one type of keys and one of values.
pub(crate) struct Typed<S, V, M> {
    pub(crate) map: M,
    pub(crate) keys: S,
    /// What can be checked of it.
    pub(crate) checked: Checked,
    pub(crate) values: PhantomData<fn(V)>,
}

impl<M: ConcurrentMap<u64, u64>> Typed<Integers, u64, M> {
    /// A map of 64-bit keys and values.
    pub(crate) const fn words(map: M, checked: Checked) -> Self {
        Self { map, keys: Integers, checked, values: PhantomData }
    }
}

impl<S: Keys, V: Payload, M: ConcurrentMap<S::Owned, V>> Subject for Typed<S, V, M> {
    fn attend(&self, ops: &[PackedOp], work: &mut dyn FnMut(&mut dyn Access)) {
        let (keys, handle) = (Laid::new(&self.keys, ops), self.map.handle());
        work(&mut TypedAccess { handle, keys, checked: self.checked, values: PhantomData::<fn(V)> });
    }
}

struct TypedAccess<'a, S: Keys, V, H> {
    handle: H,
    keys: Laid<'a, S>,
    checked: Checked,
    values: PhantomData<fn(V)>,
}

impl<S: Keys, V: Payload, H: MapHandle<S::Owned, V>> Access for TypedAccess<'_, S, V, H> {
    fn run(&mut self, ops: &[PackedOp], tally: &mut Tally) {
        run_batch::<S, V, H>(&mut self.handle, &self.keys.of(ops), ops, tally);
    }

    fn insert(&mut self, index: u32, tally: &mut Tally) {
        let key = self.keys.all.make(index);
        tally.inserted += u64::from(self.handle.insert(key, V::of(key_of(index), 0)));
        tally.ops += 1;
    }

    fn run_long_reads(&mut self, ops: &[PackedOp], tally: &mut Tally) {
        run_long_reads::<S, V, H>(&mut self.handle, &self.keys.of(ops), ops, tally);
    }

    fn quiesce(&mut self) {
        self.handle.quiesce();
    }

    fn iterate(&mut self) {
        let mut sum = 0_u64;
        self.handle.for_each(|_, value| sum = sum.wrapping_add(value.fold()));
        std::hint::black_box(sum);
    }

    fn hold(&mut self, ops: &[PackedOp], on: &dyn Fn() -> bool) {
        let stay = |_: &V| {
            while on() {
                std::thread::sleep(Duration::from_micros(100));
            }
        };
        ops.iter().find_map(|op| self.handle.read(self.keys.all.key(op.index()).borrow(), stay));
    }

    fn conserve(&mut self, expected: u64) -> Result<(), String> {
        check::conservation::<S, V, H>(&mut self.handle, self.checked, expected)
    }
}
