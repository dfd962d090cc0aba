//! How many operations a second the linearizability checker judges, on one core.
//!
//! `cargo run --release -p mapbench-conformance --example checker_speed [OPERATIONS]`
//!
//! The histories are those of 8 threads on a map that is linearizable: threads draw keys at random, every call takes
//! effect at a random instant within it, and calls last so long that all 8 threads are in one nearly all the time.

use std::time::Instant;

use mapbench_conformance::history::{Action, Call, Change, History};
use mapbench_conformance::linearizability::{Budget, Verdict, check};

const THREADS: u32 = 8;

fn main() {
    let operations =
        std::env::args().nth(1).map_or(2_000_000, |number| number.parse().expect("a number of operations"));
    println!("{operations} operations of {THREADS} threads");
    for (name, kinds) in [
        ("read, insert", &[Kind::Read, Kind::Read, Kind::Insert][..]),
        ("read, insert, remove", &[Kind::Read, Kind::Read, Kind::Insert, Kind::Remove]),
        ("all, unique values", &[Kind::Read, Kind::Insert, Kind::Remove, Kind::Update]),
        ("all, counters", &[Kind::Read, Kind::Remove, Kind::Count]),
    ] {
        for keys in [64, 1] {
            let history = history(operations, keys, kinds);
            let began = Instant::now();
            let report = check(&history, Budget { time: std::time::Duration::from_secs(600), ..Budget::default() });
            let elapsed = began.elapsed();
            let rate = operations as f64 / elapsed.as_secs_f64() / 1e6;
            let verdict = match report.verdict() {
                Verdict::Linearizable => "linearizable",
                Verdict::Violated => "violated",
                Verdict::Undecided => "undecided",
            };
            println!("{name:<22} {keys:>3} keys  {rate:>6.2} million operations/s  {elapsed:>8.2?}  {verdict}");
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Read,
    Insert,
    Remove,
    Update,
    Count,
}

fn history(operations: usize, keys: u64, kinds: &[Kind]) -> History {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut map = vec![None; keys as usize];
    // When each thread's next call takes effect, and when its last one returned.
    let mut threads: Vec<(u64, u64)> = (0..THREADS).map(|_| (10 + random.below(1000), 0)).collect();
    let mut calls = Vec::with_capacity(operations);
    for fresh in 0..operations as u64 {
        let thread = (0..threads.len()).min_by_key(|thread| threads[*thread].0).expect("there are threads");
        let (effect, returned) = threads[thread];
        let key = random.below(keys);
        let state = &mut map[key as usize];
        let action = match kinds[random.below(kinds.len() as u64) as usize] {
            Kind::Read => Action::Read { value: *state },
            Kind::Insert => Action::Insert { value: fresh, absent: state.replace(fresh).is_none() },
            Kind::Remove => Action::Remove { present: state.take().is_some() },
            Kind::Update => {
                let change = state.map(|saw| Change { saw, wrote: fresh });
                *state = state.map(|_| fresh);
                Action::Update { change }
            }
            Kind::Count => {
                let change = state.map(|saw| Change { saw, wrote: saw + 1 });
                *state = Some(state.map_or(0, |saw| saw + 1));
                Action::Upsert { default: 0, change }
            }
        };
        let response = effect + 1 + random.below(1000);
        calls.push(Call { thread: thread as u32, invocation: returned + 1, response, key, action });
        threads[thread] = (response + 10 + random.below(1000), response);
    }
    History::new([], calls).expect("the calls can have happened")
}

/// Xorshift: good enough, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
