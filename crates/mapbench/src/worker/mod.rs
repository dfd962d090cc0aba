//! The worker process: one strategy, one cell, one fork. Speaks [`protocol`](crate::protocol) and measures nothing but
//! its own slices.

mod batch;
mod check;
mod coordinator;
mod thread;

use std::io::{self, BufRead, Write};

use mapbench_api::Strategy;
use mapbench_results::Status;
use mapbench_workload::{key_of, prefilled, stream, value_of};
use rustix::process::{Signal, set_parent_process_death_signal};

use crate::hasher;
use crate::protocol::{Event, Open, PROTOCOL_VERSION, Request};
use crate::registry::Registry;

pub(crate) use batch::{Tally, run_batch};

/// Serves requests until the orchestrator closes or goes away.
pub(crate) fn run(registry: &Registry) -> Result<(), WorkerError> {
    // An orchestrator that is killed must not leave workers behind; the end of standard input alone would not reach a
    // worker whose map hangs.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(io::Error::from)?;
    // A panic is reported as an event, by the thread that catches it; the default text would only repeat it.
    std::panic::set_hook(Box::new(|_| {}));
    let mut requests = Requests { lines: io::stdin().lock().lines() };
    let Some(first) = requests.next()? else { return Ok(()) };
    let Request::Open(open) = first else { return Err(WorkerError::Order) };
    if open.protocol != PROTOCOL_VERSION {
        let message = format!("the worker speaks protocol {PROTOCOL_VERSION}, the orchestrator {}", open.protocol);
        return say(&Event::Failed { status: Status::ProtocolError, message });
    }
    match registry.find(&open.strategy) {
        Ok(entry) => (entry.serve)(&open, &mut requests),
        Err(error) => say(&Event::Failed { status: Status::ProtocolError, message: error.to_string() }),
    }
}

/// Builds the map of `S` and serves slices on it. All that is compiled anew for every strategy hangs on this function.
pub(crate) fn serve<S: Strategy>(open: &Open, requests: &mut Requests) -> Result<(), WorkerError> {
    let entries = prefilled(open.population, open.key_range).map(|index| {
        let key = key_of(index);
        (key, value_of(key, 0))
    });
    let map = S::build(open.population as usize, hasher::seeded(open.hash_seed), entries);
    let streams: Vec<_> = open
        .stream_seeds
        .iter()
        .map(|seed| stream::uniform(*seed, open.mix, open.key_range, stream::STREAM_OPS))
        .collect();
    let crew = coordinator::Crew::new(open.threads);
    std::thread::scope(|scope| {
        for (index, stream) in streams.iter().enumerate() {
            let processor = open.processors.get(index).copied();
            let seat = thread::Seat { crew: &crew, index, processor, population: u64::from(open.population) };
            let map = &map;
            scope.spawn(move || thread::work(map, &seat, &S::INFO, stream));
        }
        let digests = streams.iter().map(|stream| format!("{:016x}", stream::digest(stream))).collect();
        coordinator::coordinate(&crew, digests, requests)
    })?;
    drop(map);
    say(&Event::Closed)
}

/// The requests of the orchestrator, in order.
pub(crate) struct Requests {
    lines: io::Lines<io::StdinLock<'static>>,
}

impl Requests {
    /// The next request; `None` when the orchestrator closed the pipe.
    pub(crate) fn next(&mut self) -> Result<Option<Request>, WorkerError> {
        let Some(line) = self.lines.next() else { return Ok(None) };
        Ok(Some(serde_json::from_str(&line?)?))
    }
}

/// Says an event.
pub(crate) fn say(event: &Event) -> Result<(), WorkerError> {
    let mut line = serde_json::to_string(event)?;
    line.push('\n');
    let mut out = io::stdout().lock();
    out.write_all(line.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Why a worker ends without having said so.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkerError {
    /// The pipe broke.
    #[error("the worker lost its orchestrator: {0}")]
    Pipe(#[from] io::Error),
    /// A request is not of the protocol.
    #[error("the worker was sent a line that is not a request: {0} (workers are started by `mapbench run`)")]
    Request(#[from] serde_json::Error),
    /// A request came out of order.
    #[error("the worker was sent a request out of order: `open` comes first, and once")]
    Order,
}
