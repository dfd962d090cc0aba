use std::io;

use rustix::process::{Signal, set_parent_process_death_signal};

use crate::failure::Failure;
use crate::gate::instructions;
use crate::protocol::{Open, PROTOCOL_VERSION};
use crate::registry::Registry;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Operations of the cell's stream
    operations: u64,
}

/// Does the operations, and nothing that need not be done: whoever counts takes the rest off.
pub(super) fn run(registry: &Registry, arguments: &Arguments) -> Result<(), Failure> {
    // A gate that is killed leaves nothing behind, even if the map hangs.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(Failure::usage)?;
    let open: Open = serde_json::from_reader(io::stdin().lock()).map_err(|error| {
        Failure::usage(format!("standard input is not a cell as `mapbench gate` sends it: {error}"))
    })?;
    if open.protocol != PROTOCOL_VERSION {
        let asked = open.protocol;
        return Err(Failure::usage(format!("this mapbench speaks protocol {PROTOCOL_VERSION}, the gate {asked}")));
    }
    if open.threads != 1 || open.stream_seeds.len() != 1 {
        let (threads, streams) = (open.threads, open.stream_seeds.len());
        let problem = format!("operations are counted on 1 thread, not on {threads} with {streams} streams");
        return Err(Failure::usage(problem));
    }
    let entry = registry.find(&open.strategy)?;
    if let Some(reason) = entry.refuses(&open.load, open.threads) {
        return Err(Failure::usage(format!("{} cannot do this: {reason}", open.strategy)));
    }
    instructions::execute(&*entry.map(&open), &open, arguments.operations);
    Ok(())
}
