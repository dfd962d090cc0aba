//! What the harness costs on a map that does nothing, beside what bustle costs on one, in one run.
//!
//! `cargo bench -p mapbench --bench harness`

use std::hint::black_box;
use std::time::{Duration, Instant};

use bustle::{Collection, CollectionHandle};
use foldhash::fast::FixedState;
use mapbench::floor::{time_loop, time_replay, time_sampling, time_strings_loop};
use mapbench_adapter_dashmap::Dashmap;
use mapbench_adapter_lock::StdRwLock;
use mapbench_adapter_papaya::Papaya;
use mapbench_api::{ConcurrentMap, MapHandle, Strategy};
use mapbench_stats::{median, ratio};
use mapbench_workload::{PackedOp, Percent, Stream, Workload, key_of, value_of};

/// A map that does nothing, but looks at the key, so that the loop must make it.
struct Nothing;

impl ConcurrentMap<u64, u64> for Nothing {
    type Handle<'m> = Nothing;
    fn handle(&self) -> Nothing {
        Nothing
    }
}

impl MapHandle<u64, u64> for Nothing {
    fn read<R>(&mut self, key: &u64, _: impl FnOnce(&u64) -> R) -> Option<R> {
        black_box(*key);
        None
    }
    fn insert(&mut self, key: u64, value: u64) -> bool {
        black_box((key, value));
        false
    }
    fn remove(&mut self, key: &u64) -> bool {
        black_box(*key);
        false
    }
}

impl ConcurrentMap<Box<str>, u64> for Nothing {
    type Handle<'m> = Nothing;
    fn handle(&self) -> Nothing {
        Nothing
    }
}

impl MapHandle<Box<str>, u64> for Nothing {
    fn read<R>(&mut self, key: &Box<str>, _: impl FnOnce(&u64) -> R) -> Option<R> {
        black_box(key.as_bytes().first().copied());
        None
    }
}

impl Collection for Nothing {
    type Handle = Nothing;
    fn with_capacity(_: usize) -> Self {
        Nothing
    }
    fn pin(&self) -> Nothing {
        Nothing
    }
}

impl CollectionHandle for Nothing {
    type Key = u64;
    fn get(&mut self, key: &u64) -> bool {
        black_box(*key);
        false
    }
    fn insert(&mut self, key: &u64) -> bool {
        black_box(*key);
        true
    }
    fn remove(&mut self, key: &u64) -> bool {
        black_box(*key);
        true
    }
    fn update(&mut self, key: &u64) -> bool {
        black_box(*key);
        false
    }
}

/// bustle's key table at this capacity takes 512 KiB: in the second-level cache, as our stream is.
const CAPACITY_LOG2: u8 = 15;

const OPERATIONS: u64 = 20_000_000;

fn ours(workload: &Workload, read_pct: u8) -> f64 {
    let (ops, elapsed) = time_loop(Nothing, &workload.load(Percent::whole(read_pct)), OPERATIONS);
    nanoseconds(elapsed, ops)
}

fn bustles(read_pct: u8) -> f64 {
    let writes = (100 - read_pct) / 2;
    let mix = bustle::Mix { read: read_pct, insert: writes, remove: writes, update: 0, upsert: 0 };
    let mut measured = bustle::Workload::new(1, mix);
    measured.initial_capacity_log2(CAPACITY_LOG2).prefill_fraction(0.0).seed([1; 32]);
    measured.operations(OPERATIONS as f64 / f64::from(1_u32 << CAPACITY_LOG2));
    let result = measured.run_silently::<Nothing>();
    nanoseconds(result.spent, result.total_ops)
}

fn nanoseconds(elapsed: Duration, ops: u64) -> f64 {
    elapsed.as_nanos() as f64 / ops as f64
}

/// The map of the workload, filled.
fn filled<S: Strategy>(workload: &Workload) -> impl ConcurrentMap<u64, u64> {
    let load = workload.load(Percent::whole(90));
    let keys = load.prefill(1).into_iter().map(key_of);
    S::build(load.population as usize, FixedState::with_seed(1), keys.map(|key| (key, value_of(key, 0))))
}

/// Turns on each of [`MAPS`], in which a loop is timed with and without timing its operations.
const TURNS: u32 = 12;

/// One after the other: where a map lies in memory matters more than what is asked here.
const MAPS: u32 = 5;

/// What timing some operations adds to a closed loop.
fn timing<M: ConcurrentMap<u64, u64>>(name: &str, workload: &Workload, map: impl Fn() -> M) {
    let load = workload.load(Percent::whole(90));
    let mut every = 0;
    let logs: Vec<Vec<f64>> = (0..MAPS)
        .map(|_| {
            let (ratios, one_of) = time_sampling(map(), &load, OPERATIONS / 4, TURNS);
            every = one_of;
            ratios.into_iter().map(f64::ln).collect()
        })
        .collect();
    let quotient = ratio(&logs, 1).expect("finite ratios");
    println!(
        "    {name}, 90 % reads, one operation of {every} timed: {:.3} times as long [{:.3}, {:.3}]",
        quotient.estimate, quotient.low, quotient.high
    );
}

/// A range of keys, of which half are there, and sets of keys of which a share of the reads finds its own.
const RANGE: &str = "key_range = 131072";
const SETS: &str = "hit_pct = 75";

/// The distributions of keys, as workload files name them.
const DISTRIBUTIONS: [&str; 10] = [
    "uniform",
    "zipf:0.99",
    "scrambled-zipf:0.99",
    "hot-set:10:90",
    "latest:0.99",
    "sequential",
    "partitioned",
    "single-key",
    "zipf:0.5",
    "scrambled-zipf:1.2",
];

/// A workload of reads and writes, with lines of its own.
fn workload_with(lines: &str) -> Workload {
    let text = format!(
        "name = \"speed\"\nquestion = \"How fast?\"\nsource = \"this bench\"\npopulation = 65536\nread_pct = [90, 100]\n{lines}\n[writes]\ninsert = 50\nremove = 50\n"
    );
    Workload::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}")).remove(0)
}

/// How fast streams are made, of 90 % reads and of each distribution; before anything is timed in a sweep.
fn generation() {
    println!("making a stream, 90 % reads, M operations a second, medians of 9 turns of 64 streams:");
    let ranges = DISTRIBUTIONS.map(|distribution| (distribution, RANGE));
    for (distribution, keys) in ranges.into_iter().chain([("zipf:0.99", SETS), ("scrambled-zipf:0.99", SETS)]) {
        let workload = workload_with(&format!("{keys}\ndistribution = \"{distribution}\""));
        let load = workload.load(Percent::whole(90));
        let turn = |turn: u64| {
            let began = Instant::now();
            let ops: usize = (0..64).map(|stream| Stream::of(&load, 1, 0, 64 * turn + stream).ops().len()).sum();
            1e3 * ops as f64 / began.elapsed().as_nanos() as f64
        };
        let speeds: Vec<f64> = (0..9).map(turn).collect();
        println!("    {distribution:20} {keys:18} {:.0}", median(&speeds).expect("nine figures"));
    }
}

/// What a trace costs to replay, and what strings cost as keys, on a map that does nothing; beside 64-bit keys in the same run.
fn replay_and_strings() {
    let load = workload_with(RANGE).load(Percent::whole(100));
    let strings = workload_with(&format!("{RANGE}\nkey = \"short-string\"")).load(Percent::whole(100));
    let stream = Stream::of(&load, 1, 0, 1);
    let trace: Vec<PackedOp> = stream.ops().iter().copied().cycle().take(OPERATIONS as usize).collect();
    let (mut plain, mut replayed, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    for _turn in 0..9 {
        let (ops, elapsed) = time_loop(Nothing, &load, OPERATIONS);
        plain.push(nanoseconds(elapsed, ops));
        let (ops, elapsed) = time_replay(Nothing, trace.clone());
        replayed.push(nanoseconds(elapsed, ops));
        let (ops, elapsed) = time_strings_loop(Nothing, &strings, OPERATIONS);
        texts.push(nanoseconds(elapsed, ops));
    }
    println!("ns per operation on a map that does nothing, one thread, 100 % reads, medians of 9 turns:");
    for (what, figures) in
        [("u64 keys", plain), ("a trace of 20 M operations, once", replayed), ("short strings", texts)]
    {
        println!("    {what:34} {:.2}", median(&figures).expect("nine figures"));
    }
}

fn main() {
    generation();
    replay_and_strings();
    let workloads =
        Workload::parse(include_str!("../workloads/ratio-sweep.toml")).expect("shipped workloads are sound");
    let workload = &workloads[0];
    // bustle's own check of the answers refuses a map that does nothing as soon as there are writes.
    let read_pct = 100;
    let (mut own, mut other, mut logs) = (Vec::new(), Vec::new(), Vec::new());
    for _fork in 0..5 {
        let mut rounds = Vec::new();
        for round in 0..4_u32 {
            let (a, b) = if round.is_multiple_of(2) {
                let a = ours(workload, read_pct);
                (a, bustles(read_pct))
            } else {
                let b = bustles(read_pct);
                (ours(workload, read_pct), b)
            };
            own.push(a);
            other.push(b);
            rounds.push((a / b).ln());
        }
        logs.push(rounds);
    }
    let quotient = ratio(&logs, 1).expect("twenty finite ratios");
    println!("ns per operation on a map that does nothing, one thread, 100 % reads, medians of {} turns:", own.len());
    println!("    mapbench {:.2}", median(&own).expect("twenty figures"));
    println!("    bustle   {:.2}", median(&other).expect("twenty figures"));
    println!("    ratio    {:.2} [{:.2}, {:.2}]", quotient.estimate, quotient.low, quotient.high);
    let mixed: Vec<f64> = (0..5).map(|_| ours(workload, 50)).collect();
    println!("    mapbench at 50 % reads, 25 % inserts, 25 % removes {:.2}", median(&mixed).expect("five figures"));
    println!("what timing operations adds to a closed loop, one thread, {MAPS} maps of {TURNS} turns:");
    timing("a map that does nothing", workload, || Nothing);
    timing("std-rwlock", workload, || filled::<StdRwLock>(workload));
    timing("dashmap", workload, || filled::<Dashmap>(workload));
    timing("papaya", workload, || filled::<Papaya>(workload));
}
