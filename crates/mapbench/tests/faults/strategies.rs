//! A map behind one lock, but for one fault.

use std::collections::HashMap;
use std::io::Write;
use std::process;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Barrier, LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use mapbench::Entry;
use mapbench_api::{ConcurrentMap, HashBuilder, Key, MapHandle, Operation, Strategy, StrategyInfo, Value};
use rustix::process::{Signal, getpid, kill_process};

use crate::subject::{self, lacks};

/// The variable of the environment with which all these strategies are sound.
pub(crate) const SOUND: &str = "MAPBENCH_SOUND";

static SOUND_NOW: LazyLock<bool> = LazyLock::new(|| std::env::var_os(SOUND).is_some());

/// The write that the fault strikes.
const WHEN: u64 = 100;

const PANICS: usize = 0;
const ABORTS: usize = 1;
const SEGFAULTS: usize = 2;
const LOOPS: usize = 3;
const DEADLOCKS: usize = 4;
const HOARDS: usize = 5;
const LIES: usize = 6;
const GARBLES: usize = 7;
const PRINTS: usize = 8;
const EXITS: usize = 9;
const IGNORES_TERM: usize = 10;
const LEAVES_THREADS: usize = 11;

const NAMES: [&str; 12] = [
    "panics",
    "aborts",
    "segfaults",
    "loops",
    "deadlocks",
    "hoards",
    "lies",
    "garbles",
    "prints",
    "exits",
    "ignores-term",
    "leaves-threads",
];

/// All of them, each under its name.
pub(crate) fn entries() -> [Entry; 12] {
    [
        Entry::of::<Faulty<PANICS>>(),
        Entry::of::<Faulty<ABORTS>>(),
        Entry::of::<Faulty<SEGFAULTS>>(),
        Entry::of::<Faulty<LOOPS>>(),
        Entry::of::<Faulty<DEADLOCKS>>(),
        Entry::of::<Faulty<HOARDS>>(),
        Entry::of::<Faulty<LIES>>(),
        Entry::of::<Faulty<GARBLES>>(),
        Entry::of::<Faulty<PRINTS>>(),
        Entry::of::<Faulty<EXITS>>(),
        Entry::of::<Faulty<IGNORES_TERM>>(),
        Entry::of::<Faulty<LEAVES_THREADS>>(),
    ]
}

/// The names, as `--strategy` takes them.
pub(crate) fn names() -> String {
    NAMES.join(",")
}

struct Faulty<const FAULT: usize>;

impl<const FAULT: usize> Strategy for Faulty<FAULT> {
    const INFO: StrategyInfo = StrategyInfo {
        name: NAMES[FAULT],
        unsupported: &[
            lacks(Operation::InsertNew),
            lacks(Operation::Upsert),
            lacks(Operation::CompareExchange),
            lacks(Operation::ForEach),
        ],
        ..subject::INFO
    };

    type Map<K: Key, V: Value, S: HashBuilder> = FaultyMap<K, V, S, FAULT>;

    fn build<K: Key, V: Value, S: HashBuilder>(
        capacity: usize,
        hasher: S,
        entries: impl Iterator<Item = (K, V)>,
    ) -> Self::Map<K, V, S> {
        let mut table = HashMap::with_capacity_and_hasher(capacity, hasher);
        table.extend(entries);
        FaultyMap {
            table: Mutex::new(table),
            writes: AtomicU64::new(0),
            turns: AtomicUsize::new(0),
            forks: [Mutex::new(()), Mutex::new(())],
            both: Barrier::new(2),
        }
    }
}

struct FaultyMap<K, V, S, const FAULT: usize> {
    table: Mutex<HashMap<K, V, S>>,
    writes: AtomicU64,
    /// Two threads that take two locks, each in another order.
    turns: AtomicUsize,
    forks: [Mutex<()>; 2],
    both: Barrier,
}

impl<K, V, S, const FAULT: usize> FaultyMap<K, V, S, FAULT> {
    /// Before a write. False: the write is to be claimed and not done.
    fn strike(&self) -> bool {
        let write = self.writes.fetch_add(1, Ordering::Relaxed);
        if *SOUND_NOW || write < WHEN {
            return true;
        }
        match FAULT {
            PANICS => panic!("at write {WHEN}"),
            ABORTS => process::abort(),
            SEGFAULTS => end_by(Signal::SEGV),
            LOOPS => loop {
                std::hint::spin_loop();
            },
            DEADLOCKS => self.deadlock(),
            HOARDS => hoard(),
            LIES => return false,
            GARBLES => say(r#"{"event":"slice","threads":"many"}"#),
            PRINTS => say("hello"),
            EXITS => process::exit(0),
            IGNORES_TERM => ignore_term(),
            LEAVES_THREADS if write == WHEN => leave_threads(),
            _ => {}
        }
        true
    }

    fn deadlock(&self) {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed) % 2;
        let _own = self.forks[turn].lock();
        self.both.wait();
        let _other = self.forks[1 - turn].lock();
        unreachable!("the other thread holds it for ever");
    }
}

/// The handler of std gives a signal that is no stack overflow back to the system, which then ends the process.
fn end_by(signal: Signal) -> ! {
    loop {
        let _ = kill_process(getpid(), signal);
    }
}

fn hoard() -> ! {
    let mut hoard = Vec::new();
    loop {
        hoard.push(std::hint::black_box(vec![1_u8; 4 << 20]));
        // Without end, but so that a slow look at it does not cost the machine its memory.
        thread::sleep(Duration::from_millis(2));
    }
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).expect("standard output is open");
}

fn ignore_term() -> ! {
    // A second thread finds the handler set, which is as well.
    let _ = ctrlc::set_handler(|| {});
    loop {
        thread::park();
    }
}

fn leave_threads() {
    for _ in 0..3 {
        thread::spawn(|| {
            loop {
                thread::park();
            }
        });
    }
}

impl<K: Key, V: Value, S: HashBuilder, const FAULT: usize> ConcurrentMap<K, V> for FaultyMap<K, V, S, FAULT> {
    type Handle<'m> = FaultyHandle<'m, K, V, S, FAULT>;

    fn handle(&self) -> Self::Handle<'_> {
        FaultyHandle(self)
    }
}

struct FaultyHandle<'m, K, V, S, const FAULT: usize>(&'m FaultyMap<K, V, S, FAULT>);

impl<K: Key, V: Value, S: HashBuilder, const FAULT: usize> FaultyHandle<'_, K, V, S, FAULT> {
    fn table<R>(&self, f: impl FnOnce(&mut HashMap<K, V, S>) -> R) -> R {
        f(&mut self.0.table.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<K: Key, V: Value, S: HashBuilder, const FAULT: usize> MapHandle<K, V> for FaultyHandle<'_, K, V, S, FAULT> {
    fn read<R>(&mut self, key: &K, f: impl FnOnce(&V) -> R) -> Option<R> {
        self.table(|table| table.get(key).map(f))
    }

    fn insert(&mut self, key: K, value: V) -> bool {
        if !self.0.strike() {
            return true;
        }
        self.table(|table| table.insert(key, value).is_none())
    }

    fn remove(&mut self, key: &K) -> bool {
        self.table(|table| table.remove(key).is_some())
    }

    fn update(&mut self, key: &K, mut f: impl FnMut(&V) -> V) -> bool {
        if !self.0.strike() {
            return true;
        }
        self.table(|table| table.get_mut(key).map(|value| *value = f(value)).is_some())
    }

    fn len(&mut self) -> usize {
        self.table(|table| HashMap::len(table))
    }
}
