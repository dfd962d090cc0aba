//! Programs whose times are known beforehand.

mod common;

use std::sync::atomic::{AtomicU32, AtomicU64};

use common::*;
use mapbench_contention::{Pace, Report, Schedule, Seat};

const OPERATIONS: u64 = 200;

const PACE: Pace = Pace { access_ps: 1_000, transfer_ps: 0, call_ps: 300_000, wake_ps: 5_000_000, slack_ps: 2_000 };

#[repr(align(64))]
#[derive(Clone, Default)]
struct Padded<T>(T);

/// Operations of every core: [`OPERATIONS`], after as many to warm up.
fn clocked(cores: usize, pace: Pace, operation: impl Fn(usize) + Sync) -> Report {
    run(cores, Schedule::Timed(pace), 1, |core, seat: &mut Seat| {
        for round in 0..2 * OPERATIONS {
            if (core, round) == (0, OPERATIONS) {
                seat.forget();
            }
            seat.operation(0, || operation(core));
        }
    })
}

/// Nanoseconds an operation, of all cores together.
fn each_ns(report: &Report) -> f64 {
    report.elapsed_ps as f64 / 1_000.0 / report.counts[0].operations as f64
}

fn close(found: f64, expected: f64, share: f64) -> bool {
    (found / expected - 1.0).abs() < share
}

fn work(words: &[u64], accesses: usize) {
    // SAFETY: the hook reads nothing itself.
    words.iter().cycle().take(accesses).for_each(|word| unsafe { __tsan_read8(word) });
}

/// One who finds it taken looks at it until it is not.
#[derive(Default)]
struct Spin(Padded<AtomicU32>);

impl Spin {
    fn with(&self, work: impl FnOnce()) {
        let word = self.0.0.as_ptr();
        // SAFETY: there is such an integer, here and below.
        while unsafe { __tsan_atomic32_compare_exchange_val(word, 0, 1, 2, 0) } != 0 {
            // SAFETY: as above.
            while unsafe { __tsan_atomic32_load(word, RELAXED) } != 0 {}
        }
        work();
        // SAFETY: as above.
        unsafe { __tsan_atomic32_store(word, 0, 3) };
    }
}

#[test]
fn cores_that_share_nothing_take_the_time_of_one() {
    for cores in [1, 2, 16, 64] {
        let words = vec![Padded([0; 8]); cores];
        let report = clocked(cores, PACE, |core| work(&words[core].0, 50));
        let expected = 50.0 / cores as f64;
        assert!(close(each_ns(&report), expected, 0.01), "{cores} cores: {} ns", each_ns(&report));
    }
}

#[test]
fn a_shared_counter_admits_an_increment_for_each_transfer() {
    let pace = Pace { transfer_ps: 50_000, ..PACE };
    for cores in [8, 64] {
        let counter = Padded::<AtomicU64>::default();
        let words = vec![Padded([0; 8]); cores];
        let report = clocked(cores, pace, |core| {
            add(&counter.0);
            work(&words[core].0, 20);
        });
        // A transfer and the access that it is for.
        assert!(close(each_ns(&report), 51.0, 0.02), "{cores} cores: {} ns", each_ns(&report));
        let accesses = report.spent.accesses_ps as f64 / 1_000.0 / report.counts[0].operations as f64;
        assert!(close(accesses, 21.0, 0.02), "{cores} cores: {accesses} accesses an operation");
        assert!(report.spent.transfers_ps > 50_000 * report.counts[0].operations);
    }
}

/// Readers of a lock that counts them: its word moves twice an operation, and they are inside together.
#[test]
fn readers_together_wait_for_the_word_alone() {
    let pace = Pace { transfer_ps: 50_000, ..PACE };
    let readers = Padded::<AtomicU64>::default();
    let words = vec![Padded([0; 8]); 16];
    let report = clocked(16, pace, |core| {
        add(&readers.0);
        work(&words[core].0, 40);
        add(&readers.0);
    });
    assert!(close(each_ns(&report), 102.0, 0.02), "{} ns", each_ns(&report));
}

#[test]
fn the_same_inputs_give_the_same_time() {
    let pace = Pace { transfer_ps: 50_000, ..PACE };
    let elapsed = || {
        let (lock, words) = (Spin::default(), Padded([0; 8]));
        let report = clocked(6, pace, |core| lock.with(|| work(&words.0, 10 + core)));
        (report.elapsed_ps, report.counts)
    };
    assert_eq!(elapsed(), elapsed());
}

#[test]
fn sleeping_takes_its_time() {
    let report = clocked(2, PACE, |_| std::thread::sleep(std::time::Duration::from_micros(3)));
    assert!(close(each_ns(&report), 1_500.0, 0.01), "{} ns", each_ns(&report));
}

/// A critical section of 40 accesses, one more to give the lock back, and a few until another has seen it.
#[test]
fn a_critical_section_admits_one_core_at_a_time() {
    for cores in [4, 16] {
        let (lock, words) = (Spin::default(), Padded([0; 8]));
        let report = clocked(cores, PACE, |_| {
            lock.with(|| work(&words.0, 40));
            work(&words.0, 60);
        });
        assert!((41.0..48.0).contains(&each_ns(&report)), "{cores} cores: {} ns", each_ns(&report));
    }
}
