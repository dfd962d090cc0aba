//! Programs that call the hooks themselves, as the compiler would have them do.

use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

use mapbench_contention::{Machine, Report, Schedule, Seat};

unsafe extern "C" {
    pub(crate) fn __tsan_atomic64_fetch_add(at: *mut u64, value: u64, order: i32) -> u64;
    pub(crate) fn __tsan_atomic32_compare_exchange_val(
        at: *mut u32,
        old: u32,
        new: u32,
        success: i32,
        failure: i32,
    ) -> u32;
    pub(crate) fn __tsan_atomic32_load(at: *mut u32, order: i32) -> u32;
    pub(crate) fn __tsan_atomic32_store(at: *mut u32, value: u32, order: i32);
    pub(crate) fn __tsan_read8(at: *const u64);
}

pub(crate) const RELAXED: i32 = 0;

/// There is one machine at a time.
pub(crate) static ALONE: Mutex<()> = Mutex::new(());

pub(crate) fn run(cores: usize, schedule: Schedule, seed: u64, work: impl Fn(usize, &mut Seat) + Sync) -> Report {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (report, outcomes) = Machine::new(cores, schedule, seed).run(work);
    for outcome in outcomes {
        outcome.expect("no core panics");
    }
    report
}

pub(crate) fn add(counter: &AtomicU64) {
    // SAFETY: there is such an integer.
    unsafe { __tsan_atomic64_fetch_add(counter.as_ptr(), 1, RELAXED) };
}
