//! A scenario in a process of its own, from both sides.

use std::io::Write;
use std::process::Command;
use std::time::Duration;

use mapbench_conformance::scenario::{Finding, Scenario};

use super::Setting;
use crate::failure::Failure;
use crate::registry::Entry;
use crate::sweep::worker_process::WorkerProcess;
use crate::{interrupt, orphan};

/// The hidden subcommand that a worker is started with.
pub(crate) const SUBCOMMAND: &str = "claim-worker";

/// What came of a scenario; a worker that did not live to say so is a [`Finding::Ended`].
///
/// # Errors
/// When no worker can be started, which says nothing about a map, or there was an interrupt.
pub(super) fn ask(
    strategy: &str,
    scenario: &Scenario,
    longest: Duration,
    setting: &Setting,
) -> Result<Finding, Failure> {
    let unless_interrupted = || if interrupt::came() { Err(Failure::abandoned(&setting.dir)) } else { Ok(()) };
    unless_interrupted()?;
    let mut command = Command::new(&setting.executable);
    let scenario = serde_json::to_string(scenario).expect("a scenario is plain data");
    command.args([SUBCOMMAND, strategy, &scenario]);
    let started = WorkerProcess::spawn(command, setting.memory_bytes);
    let mut worker = started.map_err(|lost| Failure::usage(lost.message))?;
    let heard = worker.hear(longest + setting.patience);
    // A terminal interrupts the worker too, and what that did to it is nothing that its map did.
    unless_interrupted()?;
    Ok(heard.unwrap_or_else(|lost| Finding::Ended(format!("{}: {}", lost.status, lost.message))))
}

/// Puts a strategy through a scenario in this process and says what came of it.
///
/// # Errors
/// When nobody listens.
pub(crate) fn serve(entry: &Entry, scenario: &Scenario) -> Result<(), Failure> {
    let deaf = |error: std::io::Error| Failure::usage(format!("the worker lost its orchestrator: {error}"));
    orphan::end_with_parent().map_err(deaf)?;
    let mut line = serde_json::to_string(&(entry.scenario)(scenario)).expect("a finding is plain data");
    line.push('\n');
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).map_err(deaf)
}
