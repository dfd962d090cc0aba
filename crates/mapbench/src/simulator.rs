//! The simulator: one cell on virtual cores, in an instrumented program. `mapbench forecast` builds it, starts it and talks to
//! it.

mod clocked;
mod conductor;
mod summary;

use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mapbench_api::Detected;
use mapbench_contention::{Machine, Report, Schedule, Seat};
use mapbench_forecast::Times;
use mapbench_results::Status;
use mapbench_workload::{OpKind, Stream};
use serde::de::DeserializeOwned;

use crate::forecast::protocol::{BATCH, Counted, Simulate, Simulated, Turns};
use crate::registry::Registry;
use crate::system;
use crate::worker::{self, Subject, Tally};
use conductor::{Conductor, Phase};

/// The kind under which `quiesce` is counted: the one after those of operations.
const QUIESCE: usize = OpKind::ALL.len();

/// Operations of a chunk of the warm-up before anything is counted.
const CHUNK: u64 = 2_048;

/// Simulates the cell on standard input.
#[must_use]
pub fn main() -> ExitCode {
    mapbench_contention::fix_addresses();
    // What a map says when it panics is reported in the answer.
    std::panic::set_hook(Box::new(|_| {}));
    let order: Simulate = match heard() {
        Ok(order) => order,
        Err(error) => {
            eprintln!("standard input is not a cell as `mapbench forecast` sends it: {error}");
            return ExitCode::from(2);
        }
    };
    let answer = match simulate(&order) {
        Ok(counted) => Simulated::Counted(counted),
        Err((status, message)) => Simulated::Failed { status, message },
    };
    let line = serde_json::to_string(&answer).expect("an answer is plain data");
    match writeln!(io::stdout().lock(), "{line}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// A line of standard input.
fn heard<T: DeserializeOwned>() -> serde_json::Result<T> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(serde_json::Error::io)?;
    serde_json::from_str(&line)
}

fn simulate(order: &Simulate) -> Result<Counted, (Status, String)> {
    let open = &order.open;
    let registry = Registry::with(&[]);
    let entry = registry.find(&open.strategy).map_err(|error| (Status::ProtocolError, error.to_string()))?;
    if let Some(reason) = entry.refuses(&open.load, open.threads) {
        return Err((Status::NotApplicable, reason));
    }
    // All cores on one processor: a turn is then handed over by a switch of threads, not by waking another processor.
    if let Some(processor) = open.processors.first() {
        system::pin_this_thread(*processor);
    }
    let streams = worker::streams(open).map_err(|error| (Status::ProtocolError, error.to_string()))?;
    let schedule = match order.turns {
        Turns::Operations => Schedule::Operations,
        Turns::Accesses(mean) => Schedule::Accesses(mean),
    };
    let cores = open.threads as usize;
    let machine = Machine::new(cores, schedule, order.seed);
    let map = entry.map(open);
    let work = Work { map: &*map, streams: &streams, inserted: AtomicU64::new(0), removed: AtomicU64::new(0) };
    let (report, steady) = work.run(machine, Conductor::new(order.operations, CHUNK, cores))?;
    let mut counted = count(&report, steady);
    let times: Option<Times> = heard().map_err(|error| (Status::ProtocolError, error.to_string()))?;
    counted.clocked = times.map(|times| clocked::run(&work, cores, order.operations / 2, &times)).transpose()?;
    let expected = u64::from(open.load.population) + work.inserted.into_inner() - work.removed.into_inner();
    let mut checked = Ok(());
    map.attend(&[], &mut |access| checked = access.conserve(expected));
    checked.map_err(|message| (Status::WrongAnswer, message))?;
    Ok(counted)
}

fn count(report: &Report, steady: bool) -> Counted {
    let names: Vec<&str> = OpKind::ALL.into_iter().map(OpKind::name).chain(["quiesce"]).collect();
    summary::summarise(report, &names, QUIESCE, steady, mapbench_contention::load_address())
}

/// What a panic says.
fn failure(payload: &(dyn std::any::Any + Send)) -> (Status, String) {
    if let Some(detected) = payload.downcast_ref::<Detected>() {
        return (Status::Detected, detected.message.to_owned());
    }
    let text = payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref::<&str>().copied());
    (Status::Panicked, text.unwrap_or("a panic without a text").to_owned())
}

/// What is to be done, by as many cores as there are streams or fewer.
struct Work<'a> {
    map: &'a dyn Subject,
    streams: &'a [Stream],
    inserted: AtomicU64,
    removed: AtomicU64,
}

/// What the cores of a machine share.
struct Stage {
    conductor: Mutex<Conductor>,
    over: AtomicBool,
}

impl Work<'_> {
    /// Has it done; returns what was counted, and whether transfers were steady by then.
    fn run(&self, machine: Machine, conductor: Conductor) -> Result<(Report, bool), (Status, String)> {
        let stage = Stage { conductor: Mutex::new(conductor), over: AtomicBool::new(false) };
        let (report, outcomes) = machine.run(|core, seat| self.attend(&stage, core, seat));
        for outcome in outcomes {
            outcome.map_err(|payload| failure(&*payload))?;
        }
        let steady = stage.conductor.into_inner().is_ok_and(|conductor| conductor.steady());
        Ok((report, steady))
    }

    /// A core's part. Only the map's work is done inside operations, so only that is counted.
    fn attend(&self, stage: &Stage, core: usize, seat: &mut Seat) {
        self.map.attend(self.streams[core].ops(), &mut |access| {
            let mut tally = Tally::default();
            // The cores' batches end one after the other, not all at once.
            let mut done = core * 37 % BATCH;
            for op in self.streams[core].ops().iter().cycle() {
                if stage.over.load(Ordering::Relaxed) {
                    break;
                }
                if done == BATCH {
                    done = 0;
                    seat.aside(QUIESCE, || access.quiesce());
                }
                done += 1;
                seat.operation(op.kind() as usize, || access.run(std::slice::from_ref(op), &mut tally));
                stage.look(seat);
            }
            // Writes that wait to be published would be missing from the map.
            access.quiesce();
            self.inserted.fetch_add(tally.inserted, Ordering::Relaxed);
            self.removed.fetch_add(tally.removed, Ordering::Relaxed);
        });
    }
}

impl Stage {
    fn look(&self, seat: &mut Seat) {
        // A core that panicked did not do so here.
        let mut conductor = self.conductor.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match conductor.look(|| seat.totals()) {
            Some(Phase::Count) => seat.forget(),
            Some(Phase::Over) => {
                seat.close();
                self.over.store(true, Ordering::Relaxed);
            }
            None => {}
        }
    }
}
