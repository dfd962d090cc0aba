//! The worker process: one strategy, one cell, one fork. Speaks [`protocol`](crate::protocol) and measures nothing but
//! its own slices.

mod access;
mod batch;
mod check;
mod coordinator;
mod count;
mod growth;
mod instances;
mod keys;
mod open_loop;
mod pauses;
mod planted;
mod steps;
mod thread;
mod timed;
mod values;

use std::io::{self, BufRead, Write};
use std::path::Path;

use mapbench_results::Status;
use mapbench_workload::Stream;

use crate::protocol::{Event, Open, Request};
use crate::trace::{self, ReplayError};

pub(crate) use access::{Access, Subject, Typed};
pub(crate) use batch::Tally;
pub(crate) use check::Checked;
pub(crate) use count::Built;
pub(crate) use instances::{build, compiled, is_plain, key_value_bytes};
pub(crate) use keys::{Keys, Ready, Strings, is_text};
pub(crate) use planted::Plant;
pub(crate) use timed::Timer;

/// Serves slices of a cell.
pub(crate) fn serve(
    build: &dyn Fn() -> Box<dyn Subject>,
    open: &Open,
    requests: &mut Requests,
) -> Result<(), WorkerError> {
    let streams = match streams(open) {
        Ok(streams) => streams,
        Err(error) => return say(&Event::Failed { status: Status::ProtocolError, message: error.to_string() }),
    };
    if open.load.operations.is_some() {
        return growth::serve(build, open, &streams, requests);
    }
    let planted: Vec<_> =
        streams.iter().map(|stream| open.planted.map(|planted| Plant::new(planted, stream.ops()))).collect();
    let (map, built) = Built::by(build);
    let crew = coordinator::Crew::new(open.threads);
    let counting = std::thread::scope(|scope| {
        for ((index, stream), planted) in streams.iter().enumerate().zip(planted) {
            let seat = thread::Seat {
                crew: &crew,
                index,
                processor: open.processors.get(index).copied(),
                population: u64::from(open.load.population),
                rate_ops_s: open.load.role(open.threads, index as u32).rate_ops_s,
            };
            let map = &*map;
            scope.spawn(move || thread::work(map, &seat, stream, planted));
        }
        coordinator::coordinate(&crew, digests(&streams), requests, built)
    })?;
    if let Some(counting) = counting {
        return say(&Event::Counted(Box::new(counting.dropping(|| drop(map)))));
    }
    drop(map);
    say(&Event::Closed)
}

/// The operations of each thread.
///
/// # Errors
/// When they are in a trace that cannot be replayed.
pub(crate) fn streams(open: &Open) -> Result<Vec<Stream>, ReplayError> {
    if let Some(file) = &open.load.trace {
        return trace::streams(Path::new(file), &open.load, open.threads);
    }
    let seeds = open.stream_seeds.iter().zip(0..);
    Ok(seeds.map(|(seed, thread)| Stream::of(&open.load, open.threads, thread, *seed)).collect())
}

/// The streams' digests, in hexadecimal.
pub(crate) fn digests(streams: &[Stream]) -> Vec<String> {
    streams.iter().map(|stream| format!("{:016x}", stream.digest())).collect()
}

/// The requests of the orchestrator, in order.
pub(crate) struct Requests {
    lines: io::Lines<io::StdinLock<'static>>,
}

impl Requests {
    /// What arrives on standard input.
    pub(crate) fn from_stdin() -> Self {
        Self { lines: io::stdin().lock().lines() }
    }

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
