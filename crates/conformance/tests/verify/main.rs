//! What the checks say of maps that are sound, and of maps that are not.

mod broken;
mod detecting;

use mapbench_conformance::verify::{Check, Outcome, Setting, THREADS, Verdict, run};

use broken::Fault;
use detecting::Detecting;

/// A check ends when it has found something; it has far more time than it needs, for a machine that does other things too.
const LONG: Setting = Setting { seed: 1, threads: 4, millis: 10_000 };

const SHORT: Setting = Setting { millis: 40, ..LONG };

#[track_caller]
fn found(fault: Fault, by: &[Check]) {
    for check in by {
        let outcome = broken::check(fault, 1, false, *check, &LONG);
        assert_eq!(outcome.verdict, Verdict::Violated, "{check}: {outcome:?}");
        assert!(!outcome.detail.is_empty() && !outcome.detail.contains('\n'), "{outcome:?}");
        if fault == Fault::Panics {
            assert!(outcome.detail.contains("the map gives up"), "{outcome:?}");
        } else if *check == Check::Histories {
            assert!(outcome.picture.expect("a history is drawn").contains("nothing explains this any more"));
        }
    }
}

macro_rules! found {
    ($($test:ident: $fault:ident by $($check:ident),+;)+) => {$(
        #[test]
        fn $test() {
            found(Fault::$fault, &[$(Check::$check),+]);
        }
    )+};
}

found! {
    update_that_is_lost: UpdateIsLost by Histories, Counters, Collisions;
    read_that_is_stale: ReadIsStale by Histories, Counters, OrderStatus, Staleness;
    keys_dropped_by_a_resize: ResizeDrops by Histories, Growth;
    removed_key_that_comes_back: RemovedComesBack by Histories;
    torn_value: ValueIsTorn by Histories, TornValues;
    insert_new_that_overwrites: InsertNewOverwrites by Histories;
    exchange_that_always_succeeds: ExchangeAlwaysSucceeds by Histories, Counters, OrderStatus;
    iteration_that_skips: IterationSkips by Iteration;
    lock_released_early: LockIsReleasedEarly by Histories, Counters, OrderStatus;
    publish_that_is_forgotten: PublishIsForgotten by Histories;
    map_that_panics: Panics by Histories, Counters, OrderStatus, Collisions;
    published_map_that_declares_to_be_linearizable: DeclaresTooMuch by Histories, Counters, OrderStatus, Staleness;
}

fn judged(strategy: &str, check: Check, outcome: &Outcome) {
    assert_eq!(outcome.verdict, Verdict::Verified, "{strategy}, {check}: {outcome:?}\n{:?}", outcome.picture);
    assert!(outcome.operations > 0 && outcome.histories > 0, "{strategy}, {check}: {outcome:?}");
}

#[test]
fn nothing_is_found_in_sound_maps() {
    for check in Check::ALL {
        for (strategy, published) in [("mutex", false), ("published", true)] {
            judged(strategy, check, &broken::check(Fault::None, 1, published, check, &SHORT));
        }
    }
}

#[test]
fn as_many_threads_as_may_be_find_nothing_in_sound_maps() {
    for check in Check::ALL {
        judged(
            "mutex",
            check,
            &broken::check(Fault::None, 1, false, check, &Setting { threads: *THREADS.end(), ..SHORT }),
        );
    }
}

#[test]
fn threads_meet() {
    let outcome = broken::check(Fault::None, 1, false, Check::Histories, &SHORT);
    let overlap: u32 = outcome.detail.split([':', '%']).nth(1).and_then(|share| share.trim().parse().ok()).unwrap();
    assert!(overlap > 0, "{}", outcome.detail);
}

/// The checks whose threads write while others are at work.
const RECORDED: [Check; 4] = [Check::Histories, Check::Counters, Check::OrderStatus, Check::Collisions];

#[test]
fn an_overlap_is_detected_and_how_long_it_took_is_told() {
    for check in RECORDED {
        // Whether threads overlap in so short a time is up to the machine, so there is more than one try.
        let mut outcomes = (1..=20).map(|seed| run::<Detecting<false>>(check, &Setting { seed, ..SHORT }));
        let outcome = outcomes.find(|outcome| outcome.verdict == Verdict::Detected);
        let outcome = outcome.unwrap_or_else(|| panic!("{check}: nothing was detected in 20 tries"));
        assert!(outcome.detail.starts_with("fatal error: concurrent map read and map write"), "{outcome:?}");
        if check == Check::Histories {
            assert!(outcome.detail.contains("µs at the median; never with one thread or readers alone"), "{outcome:?}");
        }
    }
}

#[test]
fn one_thread_is_never_detected() {
    for check in RECORDED {
        judged("detecting", check, &run::<Detecting<false>>(check, &Setting { threads: 1, ..SHORT }));
    }
}

#[test]
fn readers_that_are_detected_are_a_violation() {
    let outcome = run::<Detecting<true>>(Check::Histories, &SHORT);
    assert_eq!(outcome.verdict, Verdict::Violated, "{outcome:?}");
    assert!(outcome.detail.ends_with("detected with readers alone"), "{outcome:?}");
}
