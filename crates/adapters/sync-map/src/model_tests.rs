//! Small cases in every order: where keys change between the two maps while others write them. Run by `scripts/loom.sh`.

use std::sync::Arc;

use foldhash::fast::FixedState;
use loom::thread;

use crate::entry::Offer;

type Map = crate::map::Map<u64, u64, FixedState>;

/// Runs a model with a map that `prepare` has brought into the state of interest; it holds {0: 1}, promoted, before.
fn model(prepare: fn(&Map), case: impl Fn(&Arc<Map>) + Send + Sync + 'static) {
    loom::model(move || {
        let map = Arc::new(Map::filled(0, FixedState::with_seed(0), [(0, 1)].into_iter()));
        prepare(&map);
        case(&map);
    });
}

fn promoted(_: &Map) {}

/// Key 0 is deleted, and still in the read-only map: the next new key expunges it.
fn deleted(map: &Map) {
    assert!(map.load_and_delete(&0));
}

/// Key 0 is expunged: the dirty map {7: 70} was made without it.
fn expunged(map: &Map) {
    deleted(map);
    assert!(map.swap(7, 70));
}

/// Key 7 is in the dirty map only; one more miss promotes it.
fn amended(map: &Map) {
    assert!(map.swap(7, 70));
    assert_eq!(get(map, 9), None);
}

fn spawn<R: 'static>(map: &Arc<Map>, operation: impl FnOnce(&Map) -> R + 'static) -> thread::JoinHandle<R> {
    let map = Arc::clone(map);
    thread::spawn(move || operation(&map))
}

fn get(map: &Map, key: u64) -> Option<u64> {
    map.load(&key, |value| *value)
}

/// True: stored.
fn load_or_store(map: &Map, key: u64, value: u64) -> bool {
    map.load_or_store(key, &mut Offer::new(value)).is_ok()
}

/// The entries before and after a promotion, which must not differ: what is in one map only would.
fn entries(map: &Map) -> Vec<(u64, u64)> {
    let looked_up = (0..10).filter_map(|key| get(map, key).map(|value| (key, value))).collect::<Vec<_>>();
    let mut iterated = Vec::new();
    map.range(|key, value| iterated.push((*key, *value)));
    iterated.sort_unstable();
    assert_eq!(looked_up, iterated);
    iterated
}

#[test]
fn a_store_into_an_entry_that_is_being_expunged_stays() {
    model(deleted, |map| {
        let expunging = spawn(map, |map| assert!(map.swap(7, 70)));
        assert!(map.swap(0, 2));
        expunging.join().unwrap();
        assert_eq!(entries(map), [(0, 2), (7, 70)]);
    });
}

#[test]
fn a_store_into_an_expunged_entry_that_is_being_left_behind_stays() {
    model(expunged, |map| {
        let promoting = spawn(map, |map| map.range(|_, _| {}));
        assert!(map.swap(0, 2));
        promoting.join().unwrap();
        assert_eq!(entries(map), [(0, 2), (7, 70)]);
    });
}

#[test]
fn one_of_two_stores_into_an_expunged_entry_finds_it_absent() {
    model(expunged, |map| {
        let other = spawn(map, |map| load_or_store(map, 0, 3));
        let mine = load_or_store(map, 0, 2);
        let other = other.join().unwrap();
        assert!(mine != other);
        assert_eq!(entries(map), [(0, if mine { 2 } else { 3 }), (7, 70)]);
    });
}

#[test]
fn one_of_two_stores_of_a_new_key_finds_it_absent() {
    model(promoted, |map| {
        let other = spawn(map, |map| load_or_store(map, 7, 3));
        let mine = map.swap(7, 2);
        let other = other.join().unwrap();
        assert!(mine != other);
        assert_eq!(entries(map), [(0, 1), (7, 2)]);
    });
}

#[test]
fn a_key_is_found_while_it_is_promoted() {
    model(amended, |map| {
        let promoting = spawn(map, |map| get(map, 7));
        assert_eq!(get(map, 7), Some(70));
        assert_eq!(promoting.join().unwrap(), Some(70));
        assert_eq!(entries(map), [(0, 1), (7, 70)]);
    });
}

#[test]
fn a_key_that_is_deleted_while_it_is_promoted_is_deleted_once() {
    model(amended, |map| {
        let deleting = spawn(map, |map| map.load_and_delete(&7));
        let promoting = spawn(map, |map| map.range(|_, _| {}));
        let mine = map.load_and_delete(&7);
        let other = deleting.join().unwrap();
        promoting.join().unwrap();
        assert!(mine != other);
        assert_eq!(entries(map), [(0, 1)]);
    });
}

#[test]
fn no_update_is_lost_while_its_entry_is_copied() {
    model(promoted, |map| {
        let copying = spawn(map, |map| assert!(map.swap(7, 70)));
        let updating = spawn(map, |map| assert!(map.update(&0, |value| value + 1)));
        assert!(map.update(&0, |value| value + 1));
        copying.join().unwrap();
        updating.join().unwrap();
        assert_eq!(entries(map), [(0, 3), (7, 70)]);
    });
}

#[test]
fn no_update_is_lost_while_its_entry_is_promoted() {
    model(amended, |map| {
        let promoting = spawn(map, |map| map.range(|_, _| {}));
        let updating = spawn(map, |map| assert!(map.update(&7, |value| value + 1)));
        assert!(map.update(&7, |value| value + 1));
        promoting.join().unwrap();
        updating.join().unwrap();
        assert_eq!(entries(map), [(0, 1), (7, 72)]);
    });
}

#[test]
fn an_exchange_a_deletion_and_a_store_take_turns() {
    model(promoted, |map| {
        let exchanging = spawn(map, |map| map.compare_and_swap(&0, &1, 2));
        let deleting = spawn(map, |map| map.load_and_delete(&0));
        let was_absent = map.swap(0, 3);
        let (exchanged, deleted) = (exchanging.join().unwrap(), deleting.join().unwrap());
        assert!(deleted, "the key was there all the time, but for the deletion");
        assert!([Ok(()), Err(None), Err(Some(3))].contains(&exchanged), "{exchanged:?}");
        assert_eq!(entries(map), if was_absent { vec![(0, 3)] } else { vec![] });
    });
}

#[test]
fn an_iteration_shows_what_is_there_throughout() {
    model(amended, |map| {
        let storing = spawn(map, |map| {
            map.swap(7, 71);
            map.swap(8, 80);
        });
        let mut seen = Vec::new();
        map.range(|key, value| seen.push((*key, *value)));
        seen.sort_unstable();
        seen.retain(|entry| *entry != (8, 80));
        assert!(seen == [(0, 1), (7, 70)] || seen == [(0, 1), (7, 71)], "{seen:?}");
        storing.join().unwrap();
        assert_eq!(entries(map), [(0, 1), (7, 71), (8, 80)]);
    });
}
