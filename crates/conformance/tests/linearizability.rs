//! The checker against histories known good and known bad.

use mapbench_conformance::history::{Action, Call, Change, Exchange, History};
use mapbench_conformance::linearizability::{Budget, Report, Undecided, Verdict, Violation, check};

const KEY: u64 = 7;

fn read(value: impl Into<Option<u64>>) -> Action {
    Action::Read { value: value.into() }
}

fn insert(value: u64, absent: bool) -> Action {
    Action::Insert { value, absent }
}

fn insert_new(value: u64, inserted: bool) -> Action {
    Action::InsertNew { value, inserted }
}

fn remove(present: bool) -> Action {
    Action::Remove { present }
}

fn update(saw: u64, wrote: u64) -> Action {
    Action::Update { change: Some(Change { saw, wrote }) }
}

fn exchange(expected: u64, new: u64, outcome: Exchange) -> Action {
    Action::CompareExchange { expected, new, outcome }
}

/// Calls of one key: thread, invocation, response, what.
fn calls(calls: &[(u32, u64, u64, Action)]) -> Vec<Call> {
    let call = |&(thread, invocation, response, action)| Call { thread, invocation, response, key: KEY, action };
    calls.iter().map(call).collect()
}

fn judge(initial: Option<u64>, calls: Vec<Call>) -> Report {
    check(&History::new(initial.map(|value| (KEY, value)), calls).unwrap(), Budget::default())
}

#[track_caller]
fn good(initial: Option<u64>, history: &[(u32, u64, u64, Action)]) {
    let report = judge(initial, calls(history));
    assert_eq!(report.verdict(), Verdict::Linearizable, "{}", report.violation.unwrap());
}

/// A bad history and all its calls that matter.
#[track_caller]
fn bad(initial: Option<u64>, history: &[(u32, u64, u64, Action)]) -> Violation {
    let report = judge(initial, calls(history));
    assert_eq!(report.verdict(), Verdict::Violated);
    assert_eq!(report.violated, [KEY]);
    report.violation.unwrap()
}

#[test]
fn good_histories() {
    good(None, &[(0, 1, 2, read(None)), (0, 3, 4, insert(1, true)), (0, 5, 6, read(1)), (0, 7, 8, remove(true))]);
    // Either of two values while both are being written, but in one order.
    let writes = [(0, 1, 9, insert(1, false)), (1, 2, 8, insert(2, false))];
    good(Some(0), &[&writes[..], &[(2, 3, 4, read(2)), (2, 5, 6, read(1))]].concat());
    good(Some(0), &[&writes[..], &[(2, 3, 4, read(0)), (2, 5, 6, read(2))]].concat());
    // Two removals of one value need an insertion between them, whenever it returns.
    good(Some(0), &[(0, 1, 4, remove(true)), (1, 2, 5, remove(true)), (2, 3, 6, insert(1, true))]);
    good(Some(5), &[(0, 1, 4, update(5, 6)), (1, 2, 5, update(6, 7)), (2, 3, 6, read(5)), (3, 1, 7, read(7))]);
    good(Some(5), &[(0, 1, 4, exchange(6, 7, Exchange::Found(5))), (1, 2, 3, exchange(5, 6, Exchange::Exchanged))]);
    good(None, &[(0, 1, 2, exchange(1, 2, Exchange::Absent)), (0, 3, 4, Action::Update { change: None })]);
    good(None, &[(0, 1, 2, Action::Upsert { default: 3, change: None }), (0, 3, 4, insert_new(4, false))]);
    // Equal stamps of two threads overlap.
    good(None, &[(0, 1, 5, insert(1, true)), (1, 5, 6, read(None))]);
}

#[test]
fn a_stale_read() {
    let violation =
        bad(None, &[(0, 1, 2, insert(1, true)), (0, 3, 4, insert(2, false)), (1, 5, 6, read(1)), (1, 7, 8, read(2))]);
    assert_eq!(violation.calls.len(), 2, "{violation}");
    bad(Some(0), &[(0, 1, 9, insert(1, false)), (1, 2, 3, read(1)), (2, 4, 5, read(0))]);
    bad(None, &[(0, 1, 2, insert(1, true)), (1, 3, 4, read(None))]);
}

#[test]
fn a_lost_update() {
    bad(Some(1), &[(0, 1, 4, update(1, 2)), (1, 2, 5, update(1, 3))]);
    // However long ago it was, the first update is shown too.
    for first_listed in [true, false] {
        let mut history = vec![(0, 1, 2, update(1, 2)), (1, 900, 901, update(1, 3))];
        if !first_listed {
            history.swap(0, 1);
        }
        for turn in 1..100_u64 {
            let action = if turn.is_multiple_of(2) { insert(turn + 2, true) } else { remove(true) };
            history.push((2, 4 * turn, 4 * turn + 1, action));
        }
        let violation = bad(Some(1), &history);
        assert_eq!(violation.calls, calls(&[(0, 1, 2, update(1, 2)), (1, 900, 901, update(1, 3))]), "{violation}");
    }
    // By get, then insert: the insert of the second hides that of the first.
    let read_then_insert = [(0, 1, 4, update(1, 2)), (1, 2, 3, read(1)), (1, 5, 6, insert(3, false))];
    good(Some(1), &read_then_insert);
    bad(Some(1), &[(0, 1, 2, update(1, 2)), (1, 3, 4, update(1, 3)), (1, 5, 6, read(3))]);
}

#[test]
fn a_resurrected_key() {
    bad(Some(1), &[(0, 1, 2, remove(true)), (1, 3, 4, read(None)), (1, 5, 6, read(1))]);
    bad(Some(1), &[(0, 1, 2, remove(true)), (1, 3, 4, remove(true))]);
}

#[test]
fn a_dropped_key() {
    bad(None, &[(0, 1, 2, insert(1, true)), (1, 3, 4, remove(false))]);
    bad(None, &[(0, 1, 2, insert(1, true)), (1, 3, 4, insert(2, true))]);
}

#[test]
fn an_insert_new_that_overwrites() {
    bad(Some(1), &[(0, 1, 2, insert_new(2, false)), (0, 3, 4, read(2))]);
    bad(Some(1), &[(0, 1, 2, insert_new(2, true)), (0, 3, 4, read(2))]);
}

#[test]
fn a_value_never_written() {
    let violation = bad(Some(1), &[(0, 1, 2, read(99)), (0, 3, 4, insert(2, false))]);
    assert_eq!(violation.calls.len(), 1, "{violation}");
    assert!(violation.to_string().contains("99 was never written"), "{violation}");
}

#[test]
fn a_compare_exchange_that_always_succeeds() {
    bad(Some(1), &[(0, 1, 2, exchange(1, 2, Exchange::Exchanged)), (1, 3, 4, exchange(1, 3, Exchange::Exchanged))]);
    bad(Some(1), &[(0, 1, 2, exchange(5, 2, Exchange::Exchanged))]);
    // And one that fails though it found what it expected.
    bad(Some(1), &[(0, 1, 2, exchange(1, 2, Exchange::Found(1)))]);
}

#[test]
fn a_read_of_the_future() {
    let violation = bad(Some(1), &[(0, 1, 2, read(2)), (1, 3, 4, insert(2, false))]);
    assert_eq!(violation.calls.len(), 1, "{violation}");
    assert!(violation.to_string().contains("2 was written by thread 1 at [3, 4]"), "{violation}");
}

#[test]
fn keys_are_judged_one_by_one() {
    let call = |thread, stamp, key, action| Call { thread, invocation: stamp, response: stamp + 1, key, action };
    let calls = vec![
        call(0, 1, 1, insert(10, true)),
        call(0, 3, 2, insert(20, true)),
        call(1, 5, 2, read(10)),
        call(1, 7, 1, read(10)),
    ];
    let report = check(&History::new([], calls).unwrap(), Budget::default());
    assert_eq!((report.keys, report.calls, report.violated), (2, 4, vec![2]));
}

#[test]
fn the_picture() {
    let violation =
        bad(Some(40), &[(0, 10, 14, insert(41, false)), (3, 12, 17, insert(42, false)), (0, 20, 25, read(40))]);
    let expected = "\
key 7 is not linearizable: no order of these 2 calls explains what they returned.
Before them the key held 40. Another call on it is left out: this does not depend on it.

thread 0  ├1┤ ├2┤

1  thread 0  insert 41: was present  [10, 14]
2  thread 0  read: 40                [20, 25]  <- nothing explains this any more
";
    assert_eq!(violation.to_string(), expected);
}

#[test]
fn what_costs_too_much_is_undecided() {
    // Values that are not unique, all at once, and a read that nothing explains.
    let mut history: Vec<_> = (0..20).map(|thread| (thread, 1, 100, insert(u64::from(thread) % 10, false))).collect();
    history.push((20, 1, 100, read(77)));
    let history = History::new([(KEY, 0)], calls(&history)).unwrap();
    let few = Budget { steps: 1_000, ..Budget::default() };
    let report = check(&history, few);
    assert_eq!(report.verdict(), Verdict::Undecided);
    assert_eq!(report.undecided[&KEY], Undecided::Steps(1_000));
    let short = Budget { time: std::time::Duration::ZERO, ..Budget::default() };
    assert!(matches!(check(&history, short).undecided[&KEY], Undecided::Time(_)));

    let many: Vec<_> = (0..65).map(|thread| (thread, 1, 100, read(None))).collect();
    assert_eq!(judge(None, calls(&many)).undecided[&KEY], Undecided::AtOnce);
}
