//! A program whose map is recorded: a table of web sessions, used by four threads.
//!
//! `cargo run -p mapbench-record --features record --example sessions -- sessions.trace`, and then
//! `cargo run --release -p mapbench -- run --trace sessions.trace`.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::RwLock;

use mapbench_record::{Recorded, Recorder};
use mapbench_workload::{OpKind, SplitMix64};

const THREADS: u64 = 4;
const REQUESTS: u32 = 50_000;
const USERS: u64 = 5_000;

type Sessions = Recorded<RwLock<HashMap<String, [u8; 64]>>>;

fn main() -> std::io::Result<()> {
    let path = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("sessions.trace"), PathBuf::from);
    let sessions: Sessions = Recorded::recording_to(RwLock::default(), Recorder::create(&path)?);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let sessions = &sessions;
            scope.spawn(move || serve(sessions, thread));
        }
    });
    let (map, summary) = sessions.finish()?;
    let open = map.into_inner().map_or(0, |map| map.len());
    if let Some(summary) = summary {
        println!("{}: {} operations, {} dropped", path.display(), summary.recorded, summary.dropped);
    }
    println!("{open} sessions are open");
    Ok(())
}

/// Most requests look a session up; one that finds none logs in, and a few log out.
fn serve(sessions: &Sessions, seed: u64) {
    let mut random = SplitMix64::new(seed);
    for _ in 0..REQUESTS {
        // The smaller of two numbers: some users come more often than others.
        let user = format!("user:{}", (random.next_u64() % USERS).min(random.next_u64() % USERS));
        let known = sessions.run(OpKind::Read, &user, 0, |map| map.read().is_ok_and(|map| map.contains_key(&user)));
        if !known {
            sessions.run(OpKind::InsertNew, &user, 64, |map| {
                map.write().is_ok_and(|mut map| map.insert(user.clone(), [0; 64]).is_none())
            });
        } else if random.next_u64().is_multiple_of(20) {
            sessions.run(OpKind::Remove, &user, 0, |map| map.write().is_ok_and(|mut map| map.remove(&user).is_some()));
        }
    }
}
