//! What an adapter costs: instructions an operation through mapbench's trait, and by calling the same crate directly.
//!
//! `cargo bench -p mapbench --bench adapter_cost [-- NAME]` runs itself under valgrind, which counts instructions and not
//! time: a busy machine does not disturb it. Two runs of different length give the figure; what start, fill and end
//! execute cancels. The loop around the operation is counted alone and taken off.

use std::collections::HashMap;
use std::env;
use std::fmt::Write;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, RwLock};

use arc_swap::ArcSwap;
use crossbeam_epoch::Atomic;
use foldhash::fast::FixedState;
use mapbench::callgrind;
use mapbench_adapter_arc_swap::ArcSwapCow;
use mapbench_adapter_dashmap::{Dashmap, Dashmap7};
use mapbench_adapter_epoch::EpochCow;
use mapbench_adapter_evmap::Evmap;
use mapbench_adapter_flurry::{Flurry, FlurryPinned};
use mapbench_adapter_lock::{StdMutex, StdRwLock};
use mapbench_adapter_papaya::{Papaya, PapayaPinned};
use mapbench_adapter_parking_lot::{ParkingLotMutex, ParkingLotRwLock};
use mapbench_adapter_scc::{SccHashIndex, SccHashMap};
use mapbench_api::{ConcurrentMap, MapHandle, Strategy};
use mapbench_workload::key_of;
use papaya::Guard;

/// Entries in a map; a power of two.
const POPULATION: u32 = 4_096;

/// Entries in a map that every write clones: few, lest the clone hide what the adapter adds.
const CLONED_POPULATION: u32 = 64;

/// Operations between two calls of `quiesce`.
const BATCH: u64 = 1_024;

/// Operations of the shorter and the longer run: whole turns through the keys and whole batches, and long enough that
/// reclamation, which comes in batches too, is counted as often as it is due.
const LENGTHS: [u64; 2] = [32_768, 131_072];

/// The ratio above which an adapter is no longer said to cost nothing.
const BOUND: f64 = 1.02;

#[derive(Clone, Copy)]
enum Operation {
    /// Of a present key.
    Read,
    /// Over a present key.
    Insert,
}

/// One execution of the loop.
struct Run {
    operation: Operation,
    operations: u64,
    population: u32,
}

impl Run {
    fn entries(&self) -> impl Iterator<Item = (u64, u64)> {
        (0..self.population).map(|index| (key_of(index), 0))
    }

    fn capacity(&self) -> usize {
        self.population as usize
    }

    fn table(&self) -> HashMap<u64, u64, FixedState> {
        let mut table = HashMap::with_capacity_and_hasher(self.capacity(), hasher());
        table.extend(self.entries());
        table
    }

    /// Repeats the operation that is wanted.
    ///
    /// Both ways give the same answers: a read the value, an insert whether the key was absent.
    fn repeat<S>(
        &self,
        state: S,
        read: impl Fn(&mut S, u64) -> Option<u64>,
        insert: impl Fn(&mut S, u64) -> bool,
        quiesce: impl Fn(&mut S),
    ) {
        match self.operation {
            Operation::Read => self.drive(state, read, quiesce),
            Operation::Insert => self.drive(state, insert, quiesce),
        }
    }

    /// The loop. Not inlined, so that it is compiled alike for both ways, whatever stands around its call.
    #[inline(never)]
    fn drive<S, R>(&self, mut state: S, operation: impl Fn(&mut S, u64) -> R, quiesce: impl Fn(&mut S)) {
        for n in 0..self.operations {
            if n.is_multiple_of(BATCH) {
                quiesce(&mut state);
            }
            let key = black_box(key_of(n as u32 & (self.population - 1)));
            black_box(operation(&mut state, key));
        }
    }
}

fn hasher() -> FixedState {
    FixedState::with_seed(7)
}

/// A strategy, and its crate used without it.
struct Subject {
    name: &'static str,
    through_the_trait: fn(&Run),
    directly: fn(&Run),
    population: u32,
    inserts: bool,
}

impl Subject {
    const fn new<S: Strategy>(directly: fn(&Run)) -> Self {
        let name = S::INFO.name;
        Self { name, through_the_trait: through_the_trait::<S>, directly, population: POPULATION, inserts: true }
    }
}

const SUBJECTS: [Subject; 15] = [
    Subject::new::<StdMutex>(std_mutex),
    Subject::new::<StdRwLock>(std_rwlock),
    Subject::new::<ParkingLotMutex>(parking_lot_mutex),
    Subject::new::<ParkingLotRwLock>(parking_lot_rwlock),
    Subject::new::<Dashmap>(dashmap_6),
    Subject::new::<Dashmap7>(dashmap_7),
    Subject::new::<Flurry>(flurry),
    Subject::new::<FlurryPinned>(flurry_pinned),
    Subject::new::<Papaya>(papaya),
    Subject::new::<PapayaPinned>(papaya_pinned),
    Subject::new::<SccHashMap>(scc_hashmap),
    Subject::new::<SccHashIndex>(scc_hashindex),
    Subject::new::<Evmap>(evmap),
    Subject { population: CLONED_POPULATION, ..Subject::new::<ArcSwapCow>(arc_swap_cow) },
    // A write through crossbeam-epoch has no form that its documentation advises: the adapter's is as good as another.
    Subject { inserts: false, ..Subject::new::<EpochCow>(epoch_cow) },
];

fn through_the_trait<S: Strategy>(run: &Run) {
    let map = S::build(run.capacity(), hasher(), run.entries());
    run.repeat(
        map.handle(),
        |handle, key| handle.read(&key, |value| *value),
        |handle, key| handle.insert(key, key),
        MapHandle::quiesce,
    );
}

fn std_mutex(run: &Run) {
    let map = Mutex::new(run.table());
    run.repeat(
        &map,
        |map, key| map.lock().unwrap().get(&key).copied(),
        |map, key| map.lock().unwrap().insert(key, key).is_none(),
        |_| (),
    );
}

fn std_rwlock(run: &Run) {
    let map = RwLock::new(run.table());
    run.repeat(
        &map,
        |map, key| map.read().unwrap().get(&key).copied(),
        |map, key| map.write().unwrap().insert(key, key).is_none(),
        |_| (),
    );
}

fn parking_lot_mutex(run: &Run) {
    let map = parking_lot::Mutex::new(run.table());
    run.repeat(
        &map,
        |map, key| map.lock().get(&key).copied(),
        |map, key| map.lock().insert(key, key).is_none(),
        |_| (),
    );
}

fn parking_lot_rwlock(run: &Run) {
    let map = parking_lot::RwLock::new(run.table());
    run.repeat(
        &map,
        |map, key| map.read().get(&key).copied(),
        |map, key| map.write().insert(key, key).is_none(),
        |_| (),
    );
}

/// As many as the adapters set.
const DASHMAP_SHARDS: usize = 64;

fn dashmap_6(run: &Run) {
    let map = dashmap::DashMap::with_capacity_and_hasher_and_shard_amount(run.capacity(), hasher(), DASHMAP_SHARDS);
    run.entries().for_each(|(key, value)| assert!(map.insert(key, value).is_none()));
    run.repeat(&map, |map, key| map.get(&key).map(|entry| *entry), |map, key| map.insert(key, key).is_none(), |_| ());
}

fn dashmap_7(run: &Run) {
    let map = dashmap_7::DashMap::with_capacity_and_hasher_and_shard_amount(run.capacity(), hasher(), DASHMAP_SHARDS);
    run.entries().for_each(|(key, value)| assert!(map.insert(key, value).is_none()));
    run.repeat(&map, |map, key| map.get(&key).map(|entry| *entry), |map, key| map.insert(key, key).is_none(), |_| ());
}

fn flurry_filled(run: &Run) -> flurry::HashMap<u64, u64, FixedState> {
    let map = flurry::HashMap::with_capacity_and_hasher(run.capacity(), hasher());
    run.entries().for_each(|(key, value)| assert!(map.pin().insert(key, value).is_none()));
    map
}

fn flurry(run: &Run) {
    let map = flurry_filled(run);
    run.repeat(&map, |map, key| map.pin().get(&key).copied(), |map, key| map.pin().insert(key, key).is_none(), |_| ());
}

fn flurry_pinned(run: &Run) {
    let map = flurry_filled(run);
    run.repeat(
        (&map, map.guard()),
        |(map, guard), key| map.get(&key, guard).copied(),
        |(map, guard), key| map.insert(key, key, guard).is_none(),
        |(_, guard)| guard.refresh(),
    );
}

fn papaya_filled(run: &Run) -> papaya::HashMap<u64, u64, FixedState> {
    let map = papaya::HashMap::with_capacity_and_hasher(run.capacity(), hasher());
    run.entries().for_each(|(key, value)| assert!(map.pin().insert(key, value).is_none()));
    map
}

fn papaya(run: &Run) {
    let map = papaya_filled(run);
    run.repeat(&map, |map, key| map.pin().get(&key).copied(), |map, key| map.pin().insert(key, key).is_none(), |_| ());
}

fn papaya_pinned(run: &Run) {
    let map = papaya_filled(run);
    run.repeat(
        (&map, map.guard()),
        |(map, guard), key| map.get(&key, guard).copied(),
        |(map, guard), key| map.insert(key, key, guard).is_none(),
        |(_, guard)| guard.refresh(),
    );
}

fn scc_hashmap(run: &Run) {
    let map = scc::HashMap::with_capacity_and_hasher(run.capacity(), hasher());
    run.entries().for_each(|(key, value)| assert!(map.insert_sync(key, value).is_ok()));
    run.repeat(
        &map,
        |map, key| map.read_sync(&key, |_, value| *value),
        |map, key| map.upsert_sync(key, key).is_none(),
        |_| (),
    );
}

fn scc_hashindex(run: &Run) {
    use scc::hash_index::Entry;

    let map = scc::HashIndex::with_capacity_and_hasher(run.capacity(), hasher());
    run.entries().for_each(|(key, value)| assert!(map.insert_sync(key, value).is_ok()));
    run.repeat(
        &map,
        |map, key| map.peek_with(&key, |_, value| *value),
        |map, key| match map.entry_sync(key) {
            Entry::Occupied(mut entry) => {
                entry.update(key);
                false
            }
            Entry::Vacant(entry) => {
                entry.insert_entry(key);
                true
            }
        },
        |_| (),
    );
}

#[allow(unsafe_code)]
fn evmap(run: &Run) {
    let options = evmap::Options::default().with_capacity(run.capacity());
    // SAFETY: evmap requires that hasher, keys and values answer alike for both of its copies: a `FixedState` is its seed,
    // and keys and values are integers.
    let (mut writer, _) = unsafe { options.with_hasher(hasher()).assert_stable() };
    for (key, value) in run.entries() {
        writer.update(key, value);
    }
    writer.publish().publish();
    let reader = evmap::handles::ReadHandle::clone(&writer);
    let writer = parking_lot::Mutex::new(writer);
    run.repeat(
        (&writer, reader),
        |(_, reader), key| reader.get_one(&key).map(|value| *value),
        |(writer, _), key| {
            let mut writer = writer.lock();
            let absent = !writer.contains_key(&key);
            writer.update(key, key).publish();
            absent
        },
        |_| (),
    );
}

fn arc_swap_cow(run: &Run) {
    let map = ArcSwap::from_pointee(run.table());
    let turn = parking_lot::Mutex::new(());
    run.repeat(
        (&map, &turn),
        |(map, _), key| map.load().get(&key).copied(),
        |(map, turn), key| {
            let _turn = turn.lock();
            let mut next = HashMap::clone(&map.load());
            let absent = next.insert(key, key).is_none();
            map.store(Arc::new(next));
            absent
        },
        |_| (),
    );
}

#[allow(unsafe_code)]
fn epoch_cow(run: &Run) {
    let map = Atomic::new(run.table());
    run.repeat(
        &map,
        |map, key| {
            let guard = crossbeam_epoch::pin();
            // SAFETY: the pointer is never null, and nothing replaces it before the loop has ended.
            unsafe { map.load(Ordering::Acquire, &guard).deref() }.get(&key).copied()
        },
        |_, _| unreachable!("only reads are compared"),
        |_| (),
    );
    // SAFETY: the loop has ended, so that this is the only pointer to the table.
    drop(unsafe { map.into_owned() });
}

/// The loop about nothing.
fn nothing(run: &Run) {
    run.repeat((), |(), key| Some(key), |(), key| key == 0, |()| ());
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["execute", name, way, operation, operations] => execute(name, way, operation, operations),
        _ => compare(arguments.iter().find(|argument| !argument.starts_with("--"))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("adapter_cost: {message}");
            ExitCode::from(2)
        }
    }
}

/// Counts both ways of every subject whose name contains `filter`, and prints them.
fn compare(filter: Option<&String>) -> Result<(), String> {
    let chosen = SUBJECTS.iter().filter(|subject| filter.is_none_or(|part| subject.name.contains(part.as_str())));
    println!("instructions an operation, one thread, the loop's own taken off; * above {BOUND}");
    println!("{:<20}{:^27}  {:^27}", "", "read", "insert over a present key");
    println!("{:<20}{COLUMNS}  {COLUMNS}", "strategy");
    let mut above = 0;
    for subject in chosen {
        let mut line = format!("{:<20}", subject.name);
        let operations = [Some("read"), subject.inserts.then_some("insert")];
        for operation in operations.into_iter().flatten() {
            let around = per_operation(subject.name, "loop", operation)?;
            let through_the_trait = per_operation(subject.name, "trait", operation)? - around;
            let direct = per_operation(subject.name, "direct", operation)? - around;
            let ratio = through_the_trait / direct;
            let mark = if ratio > BOUND { '*' } else { ' ' };
            above += usize::from(ratio > BOUND);
            write!(line, "{through_the_trait:>9.1}{direct:>9.1}{ratio:>8.3}{mark}  ").expect("a String takes all");
        }
        println!("{}", line.trim_end());
    }
    println!("{above} above {BOUND}");
    Ok(())
}

const COLUMNS: &str = "    trait   direct   ratio ";

/// The instructions of one operation.
fn per_operation(name: &str, way: &str, operation: &str) -> Result<f64, String> {
    let program = env::current_exe().map_err(|error| format!("cannot find its own executable: {error}"))?;
    let count = |operations: u64| {
        callgrind::instructions(&program, &["execute", name, way, operation, &operations.to_string()], "")
            .map_err(|error| error.to_string())
    };
    let [short, long] = LENGTHS;
    Ok(callgrind::per_operation(LENGTHS, [count(short)?, count(long)?]))
}

/// What valgrind counts.
fn execute(name: &str, way: &str, operation: &str, operations: &str) -> Result<(), String> {
    let subject = SUBJECTS.iter().find(|subject| subject.name == name).ok_or("no such strategy")?;
    let way = match way {
        "trait" => subject.through_the_trait,
        "direct" => subject.directly,
        "loop" => nothing,
        _ => return Err(format!("no way `{way}`")),
    };
    let operation = match operation {
        "read" => Operation::Read,
        "insert" => Operation::Insert,
        _ => return Err(format!("no operation `{operation}`")),
    };
    let operations = operations.parse().map_err(|error| format!("`{operations}` operations: {error}"))?;
    way(&Run { operation, operations, population: subject.population });
    Ok(())
}
