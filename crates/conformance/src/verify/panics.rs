//! A closure that panics inside an operation: what is left of the entry, and of the map?
//!
//! First alone: the closure of one operation panics, and then every entry must be as it was and every operation work, from
//! the same thread and from another. Then under load: threads count, some of their closures panic, and no increment that
//! returned may be lost and none that panicked be made. It runs on threads that are left behind if a lock was.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;
use std::time::Duration;

use foldhash::fast::FixedState;
use mapbench_api::{ConcurrentMap, Consistency, MapHandle, Operation, Strategy};

use super::meet::quietly;
use super::random::Random;
use super::shift::{self, Shift, Stopped, has, together, within};
use super::{Outcome, Setting, Verdict};

const KEYS: u64 = 64;

/// The operations that take a closure.
const CLOSURES: [Operation; 4] = [Operation::Read, Operation::Update, Operation::Upsert, Operation::ForEach];

/// After which nobody comes back who has not by then.
const PATIENCE: Duration = Duration::from_secs(1);

/// The payload of a panic that is on purpose. It is raised past the panic hook, so that nothing is printed.
struct OnPurpose;

const fn value(key: u64, count: u64) -> u64 {
    key << 32 | count
}

pub(super) fn check<S: Strategy>(setting: &Setting) -> Outcome {
    let mut maps = 0;
    let closures = CLOSURES.into_iter().filter(|operation| has::<S>(*operation));
    let names: Vec<_> = closures.clone().map(Operation::name).collect();
    for operation in closures {
        maps += 1;
        if let Err(stopped) = bounded(PATIENCE, move || alone::<S>(operation)) {
            return after(operation.name(), stopped.alone(), maps);
        }
    }
    let names = names.join(", ");
    let left = format!("a panic in {names} leaves every entry as it was and the map in use");
    if !has::<S>(Operation::Update) {
        return shift::outcome(Verdict::Verified, maps, maps, left);
    }
    let (threads, seed, time) = (shift::size::<S>(setting), setting.seed, Duration::from_millis(setting.millis));
    match bounded(time + PATIENCE, move || load::<S>(threads, seed, time)) {
        Ok((updates, panics)) => {
            let detail = format!("{left}; of {updates} increments {panics} panicked and no other was lost");
            shift::outcome(Verdict::Verified, maps + updates, maps + 1, detail)
        }
        Err(Stopped::Detected(message)) => {
            shift::outcome(Verdict::Detected, maps, maps + 1, format!("{left}; under load {message}"))
        }
        Err(stopped) => after("update under load", stopped, maps + 1),
    }
}

fn after(operation: &str, stopped: Stopped, maps: u64) -> Outcome {
    let mut outcome = stopped.outcome(maps, maps);
    outcome.detail = format!("after a panic in {operation}: {}", outcome.detail);
    outcome
}

fn bounded<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T, Stopped> + Send + 'static,
) -> Result<T, Stopped> {
    match within(limit, work) {
        Some(Ok(done)) => done,
        Some(Err(ended)) => Err(ended.into()),
        None => Err(Stopped::Violation("a lock is not given back: the next operations hang".to_owned())),
    }
}

/// The panic of one operation, and all that must work after it.
fn alone<S: Strategy>(operation: Operation) -> Result<(), Stopped> {
    let map = S::build(KEYS as usize, FixedState::with_seed(0), (0..KEYS).map(|key| (key, value(key, 0))));
    let mut handle = map.handle();
    let payload = catch_unwind(AssertUnwindSafe(|| panic_inside(&mut handle, operation)));
    match payload {
        Err(payload) if payload.is::<OnPurpose>() => {}
        Err(payload) => resume_unwind(payload),
        Ok(()) => return Err(Stopped::Violation("the panic did not come out of the operation".to_owned())),
    }
    let mut count = 0;
    usable::<S, _>(&mut handle, &mut count).map_err(Stopped::Violation)?;
    drop(handle);
    // A lock that belongs to the thread may be free for it alone.
    let other = || quietly(|| usable::<S, _>(&mut map.handle(), &mut count));
    let used = thread::scope(|scope| scope.spawn(other).join().expect("panics are caught"));
    used?.map_err(Stopped::Violation)
}

fn panic_inside<M: MapHandle<u64, u64>>(handle: &mut M, operation: Operation) {
    let on_purpose = || -> Box<dyn Any + Send> { Box::new(OnPurpose) };
    match operation {
        Operation::Read => {
            handle.read(&1, |_| resume_unwind(on_purpose()));
        }
        Operation::Update => {
            handle.update(&1, |_| resume_unwind(on_purpose()));
        }
        Operation::Upsert => {
            handle.upsert(1, 0, |_| resume_unwind(on_purpose()));
        }
        _ => handle.for_each(|_, _| resume_unwind(on_purpose())),
    }
}

/// Every entry is as it was, and every operation does what it should; `count` is what each entry counts.
fn usable<S: Strategy, M: MapHandle<u64, u64>>(handle: &mut M, count: &mut u64) -> Result<(), String> {
    same(handle, *count)?;
    let able = |operation: Operation| has::<S>(operation);
    for key in 0..KEYS {
        let works = (!able(Operation::Update) || handle.update(&key, |value| value + 1))
            && (!able(Operation::Upsert) || !handle.upsert(key, 0, |value| value + 1))
            && (!able(Operation::InsertNew) || !handle.insert_new(key, 0))
            && (!able(Operation::Remove) || !able(Operation::Insert) || {
                handle.remove(&key) && handle.insert(key, value(key, *count + 2))
            });
        if !works {
            return Err(format!("a write says that key {key} is missing"));
        }
    }
    *count += if able(Operation::Insert) { 2 } else { 0 };
    handle.quiesce();
    same(handle, *count)?;
    let mut shown = 0;
    if able(Operation::ForEach) {
        handle.for_each(|_, _| shown += 1);
    }
    let len = if able(Operation::Len) { handle.len() as u64 } else { KEYS };
    match (able(Operation::ForEach), shown, len) {
        (_, _, len) if len != KEYS => Err(format!("len says {len}, of {KEYS} entries")),
        (true, shown, _) if shown != KEYS => Err(format!("iteration shows {shown} of {KEYS} entries")),
        _ => Ok(()),
    }
}

fn same<M: MapHandle<u64, u64>>(handle: &mut M, count: u64) -> Result<(), String> {
    let wrong = (0..KEYS).map(|key| (key, handle.read(&key, |value| *value)));
    match wrong.into_iter().find(|(key, found)| *found != Some(value(*key, count))) {
        Some((key, None)) => Err(format!("key {key} is lost")),
        Some((key, Some(found))) => Err(format!("key {key} shows {found}, not {}", value(key, count))),
        None => Ok(()),
    }
}

/// Counts on few keys, while one closure in sixteen panics; returns how many tried and how many panicked.
fn load<S: Strategy>(threads: usize, seed: u64, time: Duration) -> Result<(u64, u64), Stopped> {
    let map = S::build(KEYS as usize, FixedState::with_seed(seed), (0..KEYS).map(|key| (key, value(key, 0))));
    let parts = together(&map, threads, time, |handle, thread, shift| {
        count::<S, _>(handle, shift, Random::new(seed, thread as u64))
    })?;
    let (updates, panics) = parts.into_iter().fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
    let mut handle = map.handle();
    let mut counted = 0;
    for key in 0..KEYS {
        let Some(found) = handle.read(&key, |value| *value).filter(|found| found >> 32 == key) else {
            return Err(Stopped::Violation(format!("key {key} is lost")));
        };
        counted += found & u64::from(u32::MAX);
    }
    if counted == updates - panics {
        return Ok((updates, panics));
    }
    let made = updates - panics;
    Err(Stopped::Violation(format!(
        "{counted} increments are in the map, of {made} that returned and {panics} that panicked"
    )))
}

fn count<S: Strategy, M: MapHandle<u64, u64>>(
    handle: &mut M,
    shift: &Shift,
    mut random: Random,
) -> Result<(u64, u64), String> {
    let (mut updates, mut panics) = (0, 0);
    while shift.goes_on() {
        for _ in 0..16 {
            let (key, panic) = (random.below(8), random.once_in(16));
            // A handle is used again after its operation panicked, as a thread that catches would.
            let updated = catch_unwind(AssertUnwindSafe(|| {
                handle.update(&key, |value| if panic { resume_unwind(Box::new(OnPurpose)) } else { value + 1 })
            }));
            updates += 1;
            match updated {
                Ok(true) if !panic => {}
                Ok(_) => return Err(format!("an update says that key {key} is missing")),
                Err(payload) if payload.is::<OnPurpose>() => panics += 1,
                Err(payload) => resume_unwind(payload),
            }
            let read = handle.read(&key, |value| value >> 32);
            if read != Some(key) && S::INFO.consistency != Consistency::Eventual {
                return Err(format!("key {key} is lost"));
            }
        }
        handle.quiesce();
    }
    Ok((updates, panics))
}

#[cfg(test)]
mod tests {
    use super::super::broken::{Broken, fault, find, found};
    use super::*;

    const SETTING: Setting = Setting { seed: 1, threads: 3, millis: 50 };

    #[test]
    fn nothing_is_found_in_a_sound_map() {
        for threads in [1, 3] {
            let outcome = check::<Broken<{ fault::NONE }>>(&Setting { threads, ..SETTING });
            assert_eq!(outcome.verdict, Verdict::Verified, "{}", outcome.detail);
            assert!(outcome.detail.contains("read, update, upsert, for_each"), "{}", outcome.detail);
        }
    }

    #[test]
    fn a_detected_overlap_is_the_strategys_right() {
        let outcome = |_| check::<Broken<{ fault::OVERLAPS_ARE_DETECTED }>>(&SETTING);
        let detected = (0..20).map(outcome).find(|outcome| outcome.verdict == Verdict::Detected).expect("threads meet");
        assert!(detected.detail.contains("leaves every entry as it was"), "{}", detected.detail);
    }

    found! {
        an_entry_that_is_lost: PANIC_LOSES_THE_ENTRY says "in update: key 1 is lost";
        a_lock_that_is_kept: PANIC_KEEPS_THE_LOCK says "in update: a lock is not given back";
        a_lock_that_is_poisoned: PANIC_POISONS says "in read: panicked: ";
        an_increment_that_is_lost: UPDATE_IS_LOST says "under load: ";
    }
}
