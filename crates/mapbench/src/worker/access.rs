//! A map whose types are hidden behind one virtual call a batch: what surrounds the timed loop is compiled once, however
//! many strategies and types there are.

use std::time::Duration;

use mapbench_api::{ConcurrentMap, MapHandle};
use mapbench_workload::{PackedOp, key_of};

use super::batch::{Tally, run_batch, run_long_reads};
use super::check::{self, Checked};

/// A map that threads share.
pub(crate) trait Subject: Sync {
    /// Registers the calling thread and lends `work` its access.
    fn attend(&self, work: &mut dyn FnMut(&mut dyn Access));
}

/// One thread's access to the map. A call that is timed alone costs a virtual call beside the operation.
pub(crate) trait Access {
    /// Runs the operations in order.
    fn run(&mut self, ops: &[PackedOp], tally: &mut Tally);

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

/// A map of 64-bit keys and values.
pub(crate) struct Words<M> {
    pub(crate) map: M,
    /// What can be checked of it.
    pub(crate) checked: Checked,
}

impl<M: ConcurrentMap<u64, u64>> Subject for Words<M> {
    fn attend(&self, work: &mut dyn FnMut(&mut dyn Access)) {
        work(&mut WordsAccess { handle: self.map.handle(), checked: self.checked });
    }
}

struct WordsAccess<H> {
    handle: H,
    checked: Checked,
}

impl<H: MapHandle<u64, u64>> Access for WordsAccess<H> {
    fn run(&mut self, ops: &[PackedOp], tally: &mut Tally) {
        run_batch(&mut self.handle, ops, tally);
    }

    fn run_long_reads(&mut self, ops: &[PackedOp], tally: &mut Tally) {
        run_long_reads(&mut self.handle, ops, tally);
    }

    fn quiesce(&mut self) {
        self.handle.quiesce();
    }

    fn iterate(&mut self) {
        let mut sum = 0_u64;
        self.handle.for_each(|_, value| sum = sum.wrapping_add(*value));
        std::hint::black_box(sum);
    }

    fn hold(&mut self, ops: &[PackedOp], on: &dyn Fn() -> bool) {
        let stay = |_: &u64| {
            while on() {
                std::thread::sleep(Duration::from_micros(100));
            }
        };
        ops.iter().find_map(|op| self.handle.read(&key_of(op.index()), stay));
    }

    fn conserve(&mut self, expected: u64) -> Result<(), String> {
        check::conservation(&mut self.handle, self.checked, expected)
    }
}
