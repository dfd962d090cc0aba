//! The worker process, from its first request to the strategy that it asks for.

use mapbench_results::Status;
use rustix::process::{Signal, set_parent_process_death_signal};

use crate::counting;
use crate::protocol::{Event, PROTOCOL_VERSION, Request};
use crate::registry::Registry;
use crate::worker::{self, Ready, Requests, WorkerError, say};

/// Serves requests until the orchestrator closes or goes away.
pub(crate) fn run(registry: &Registry) -> Result<(), WorkerError> {
    // An orchestrator that is killed must not leave workers behind; the end of standard input alone would not reach a
    // worker whose map hangs.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(std::io::Error::from)?;
    // A panic is reported as an event, by the thread that catches it; the default text would only repeat it.
    std::panic::set_hook(Box::new(|_| {}));
    let mut requests = Requests::from_stdin();
    let open = match requests.next()? {
        None => return Ok(()),
        Some(Request::Describe) => return say(&description(registry)),
        Some(Request::Open(open)) => open,
        Some(Request::Slice { .. } | Request::Time { .. } | Request::Count { .. } | Request::Grow | Request::Close) => {
            return Err(WorkerError::Order);
        }
    };
    if open.protocol != PROTOCOL_VERSION {
        let message = format!("the worker speaks protocol {PROTOCOL_VERSION}, the orchestrator {}", open.protocol);
        return say(&Event::Failed { status: Status::ProtocolError, message });
    }
    match registry.find(&open.strategy) {
        Ok(entry) => match entry.refuses(&open.load, open.threads) {
            Some(message) => say(&Event::Failed { status: Status::NotApplicable, message }),
            None => {
                let ready = Ready::of(&open);
                worker::serve(&|| (entry.build)(&open, &ready), &open, &mut requests)
            }
        },
        Err(error) => say(&Event::Failed { status: Status::ProtocolError, message: error.to_string() }),
    }
}

fn description(registry: &Registry) -> Event {
    let names = registry.entries().iter().map(|entry| entry.info.name.to_owned());
    Event::Described {
        protocol: PROTOCOL_VERSION,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        strategies: names.collect(),
        counts: counting::counts(),
    }
}
