//! Programs whose counts are known beforehand.

mod common;

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use common::*;
use mapbench_contention::{Counts, Heap, Machine, Schedule};

#[global_allocator]
static HEAP: Heap = Heap;

unsafe extern "C" {
    fn __tsan_write8(at: *mut u64);
    fn __tsan_memcpy(to: *mut u8, from: *const u8, bytes: usize) -> *mut u8;
    fn __tsan_atomic_thread_fence(order: i32);
}

const OPERATIONS: u64 = 100;

/// Operations of kind 0 on every core, the first of each forgotten.
fn repeated(cores: usize, operation: impl Fn(usize) + Sync) -> Counts {
    let report = run(cores, Schedule::Operations, 7, |core, seat| {
        seat.operation(1, || operation(core));
        for _ in 0..OPERATIONS {
            seat.operation(0, || operation(core));
        }
    });
    assert_eq!(report.counts[0].operations, cores as u64 * OPERATIONS);
    report.counts[0]
}

#[repr(align(64))]
#[derive(Default)]
struct Padded(AtomicU64);

#[repr(align(64))]
#[derive(Default)]
struct Together([AtomicU64; 8]);

#[test]
fn a_shared_counter_moves_at_every_increment() {
    for cores in [2, 3, 16, 64, 256] {
        let counter = Padded::default();
        let counts = repeated(cores, |_| add(&counter.0));
        assert_eq!(counts.owner_changes, counts.operations, "{cores} cores");
        assert_eq!((counts.invalidating_writes, counts.reads_modified), (counts.operations, 0));
        assert_eq!((counts.modifies, counts.lines, counts.false_sharing), (counts.operations, counts.operations, 0));
        assert_eq!(counter.0.load(Ordering::Relaxed), cores as u64 * (OPERATIONS + 1));
    }
    let counter = Padded::default();
    assert_eq!(repeated(1, |_| add(&counter.0)).transfers(), 0);
}

#[test]
fn a_padded_counter_for_each_core_never_moves() {
    let counters: Vec<Padded> = (0..16).map(|_| Padded::default()).collect();
    let counts = repeated(16, |core| add(&counters[core].0));
    assert_eq!((counts.transfers(), counts.owner_changes, counts.cold), (0, 0, 0));
}

#[test]
fn counters_on_one_line_are_false_sharing() {
    let counters = Together::default();
    let counts = repeated(8, |core| add(&counters.0[core]));
    assert_eq!((counts.owner_changes, counts.false_sharing), (counts.operations, counts.operations));
}

#[test]
fn a_striped_counter_is_in_between() {
    let stripes: Vec<Padded> = (0..4).map(|_| Padded::default()).collect();
    // Each core takes a stripe at random; the one before it there was another core, three times out of four or more.
    let report = run(4, Schedule::Operations, 7, |core, seat| {
        let mut random = core as u64 + 1;
        for _ in 0..1_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            seat.operation(0, || add(&stripes[(random >> 60) as usize % 4].0));
        }
    });
    let share = report.counts[0].owner_changes as f64 / report.counts[0].operations as f64;
    assert!((0.5..0.95).contains(&share), "{share}");
}

#[test]
fn reading_what_nobody_writes_is_free() {
    let words: Vec<u64> = (0..64).collect();
    let counts = repeated(16, |_| {
        // SAFETY: the hooks read nothing themselves.
        words.iter().for_each(|word| unsafe { __tsan_read8(word) });
    });
    assert_eq!((counts.transfers(), counts.reads_shared, counts.cold), (0, 0, 0));
    assert_eq!(counts.accesses, 64 * counts.operations);
}

#[test]
fn every_hook_counts_what_it_does() {
    let (mut source, mut target) = ([1_u8; 64], [0_u8; 64]);
    let (from, to) = (source.as_mut_ptr() as usize, target.as_mut_ptr() as usize);
    let report = run(1, Schedule::Operations, 1, |_, seat| {
        // SAFETY: both arrays have 64 bytes, and this is the only core.
        seat.operation(3, || unsafe {
            __tsan_memcpy(to as *mut u8, from as *const u8, 64);
            __tsan_write8(to as *mut u64);
            __tsan_atomic_thread_fence(RELAXED);
            drop(std::hint::black_box(Box::new(1)));
        });
    });
    let counts = report.counts[3];
    assert_eq!((counts.accesses, counts.fences, counts.allocator_calls), (3, 1, 2));
    assert_eq!(target, [1; 64]);
    assert_eq!(source, [1; 64]);
}

/// A place is told from the next by where the hook returns to.
#[test]
fn transfers_are_laid_to_the_place_and_the_line() {
    let [first, second] = [Padded::default(), Padded::default()];
    let report = run(2, Schedule::Operations, 7, |_, seat| {
        for _ in 0..OPERATIONS {
            seat.operation(0, || {
                add(&first.0);
                add(&second.0);
                add(&second.0);
            });
        }
    });
    let mut moved: Vec<u64> = report.sites.iter().map(mapbench_contention::Site::transfers).collect();
    moved.sort_unstable();
    // The third finds what the second brought; each line is cold once.
    assert_eq!(moved, [2 * OPERATIONS - 1, 2 * OPERATIONS - 1]);
    let line = |padded: &Padded| std::ptr::from_ref(padded) as u64 / 64;
    assert!(report.sites.iter().all(|site| [line(&first), line(&second)].contains(&site.line)));
    assert_eq!(report.lost, 0);
}

struct Spin(AtomicU32);

impl Spin {
    fn with<R>(&self, work: impl FnOnce() -> R) -> R {
        // SAFETY: there is such an integer.
        while unsafe { __tsan_atomic32_compare_exchange_val(self.0.as_ptr(), 0, 1, 2, 0) } != 0 {
            // SAFETY: as above.
            while unsafe { __tsan_atomic32_load(self.0.as_ptr(), RELAXED) } != 0 {}
        }
        let result = work();
        // SAFETY: as above.
        unsafe { __tsan_atomic32_store(self.0.as_ptr(), 0, 3) };
        result
    }
}

/// What overlaps must still exclude itself: a plain sum under a spin lock, with turns that end anywhere.
#[test]
fn turns_end_inside_operations_and_spinning_ends() {
    struct Plain(UnsafeCell<u64>);
    // SAFETY: touched under the lock alone.
    unsafe impl Sync for Plain {}
    let sum = Plain(UnsafeCell::new(0));
    let lock = Spin(AtomicU32::new(0));
    let sum = &sum;
    let report = run(8, Schedule::Accesses(3), 5, |_, seat| {
        for _ in 0..OPERATIONS {
            seat.operation(0, || {
                // SAFETY: under the lock.
                lock.with(|| unsafe {
                    __tsan_read8(sum.0.get());
                    let before = *sum.0.get();
                    __tsan_write8(sum.0.get());
                    *sum.0.get() = before + 1;
                });
            });
        }
    });
    // SAFETY: all cores have ended.
    assert_eq!(unsafe { *sum.0.get() }, 8 * OPERATIONS);
    let failed = report.counts[0].modifies - 8 * OPERATIONS;
    assert!(failed > 0, "no operation met another");
}

/// std's locks sleep on futexes: a sleeper's turn is over, and it comes back.
#[test]
fn sleepers_hand_over_their_turn() {
    let (turn, changed) = (Mutex::new(0_usize), Condvar::new());
    let report = run(4, Schedule::Operations, 5, |core, seat| {
        for round in 0..20 {
            seat.operation(0, || {
                let mut now = turn.lock().unwrap();
                while *now != round * 4 + core {
                    now = changed.wait(now).unwrap();
                }
                *now += 1;
                changed.notify_all();
            });
        }
    });
    assert_eq!(*turn.lock().unwrap(), 80);
    assert!(report.counts[0].sleeps > 0);
}

#[test]
fn a_sleep_for_a_time_ends_and_time_is_not_the_machines() {
    let never = (Mutex::new(()), Condvar::new());
    let began = std::time::Instant::now();
    run(2, Schedule::Operations, 5, |_, seat| {
        seat.operation(0, || {
            let outcome = never.1.wait_timeout(never.0.lock().unwrap(), Duration::from_secs(3_600)).unwrap();
            drop(outcome);
            std::thread::sleep(Duration::from_secs(3_600));
            std::thread::yield_now();
        });
    });
    assert!(began.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_core_that_panics_leaves_the_others_their_turns() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (report, outcomes) = Machine::new(3, Schedule::Operations, 1).run(|core, seat| {
        for round in 0..10 {
            seat.operation(0, || {
                if (core, round) == (1, 4) {
                    std::panic::resume_unwind(Box::new("on purpose"));
                }
            });
        }
    });
    assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(report.counts[0].operations, 24);
}

#[test]
fn the_program_is_told_of_the_virtual_machine() {
    run(48, Schedule::Operations, 1, |_, _| {
        assert_eq!(std::thread::available_parallelism().unwrap().get(), 48);
    });
}

/// Two cores take turns: what one does aside does not give it two operations in a row.
#[test]
fn what_is_done_aside_takes_no_turn() {
    let counter = Padded::default();
    let report = run(2, Schedule::Operations, 1, |_, seat| {
        for _ in 0..OPERATIONS {
            seat.aside(1, || drop(std::hint::black_box(Box::new(1))));
            seat.operation(0, || add(&counter.0));
        }
    });
    assert_eq!(report.counts[0].owner_changes, 2 * OPERATIONS - 1);
    assert_eq!((report.counts[1].operations, report.counts[1].allocator_calls), (2 * OPERATIONS, 4 * OPERATIONS));
}

#[test]
fn what_happens_after_the_end_is_not_counted() {
    let counter = Padded::default();
    let report = run(2, Schedule::Operations, 1, |_, seat| {
        seat.operation(0, || add(&counter.0));
        seat.forget();
        for _ in 0..10 {
            seat.operation(0, || add(&counter.0));
        }
        seat.close();
        seat.operation(0, || add(&counter.0));
    });
    assert!((10..=20).contains(&report.counts[0].operations), "{}", report.counts[0].operations);
    assert_eq!(report.counts[0].modifies, report.counts[0].operations);
}

#[test]
fn the_same_seed_gives_the_same_counts() {
    let counted = |schedule, seed| {
        let counters = Together::default();
        let lock = Spin(AtomicU32::new(0));
        let report = run(5, schedule, seed, |core, seat| {
            for round in 0..OPERATIONS as usize {
                seat.operation(round % 3, || lock.with(|| add(&counters.0[(core * round) % 8])));
            }
        });
        report.counts
    };
    for schedule in [Schedule::Operations, Schedule::Accesses(4)] {
        assert_eq!(counted(schedule, 1), counted(schedule, 1), "{schedule:?}");
        assert_ne!(counted(schedule, 1), counted(schedule, 2), "{schedule:?}");
    }
}
