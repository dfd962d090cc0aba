//! A check in a process of its own, from both sides.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use mapbench_conformance::verify::{Check, Outcome, Setting, Verdict};
use mapbench_results::Status;

use crate::failure::Failure;
use crate::orphan;
use crate::registry::Entry;
use crate::sweep::worker_process::{Lost, WorkerProcess};

/// A check to be made by a worker.
pub(super) struct Ask<'a> {
    pub(super) executable: &'a Path,
    pub(super) strategy: &'a str,
    pub(super) check: Check,
    pub(super) setting: Setting,
    pub(super) memory_bytes: u64,
}

impl Ask<'_> {
    /// What came of it, even if the worker did not live to say so.
    ///
    /// # Errors
    /// When no worker can be started, which says nothing about a map.
    pub(super) fn outcome(&self, patience: Duration) -> Result<Outcome, Failure> {
        let heard = match self.hear(patience)? {
            // A stray signal must not pass for a crash of the map; a crash comes again.
            Err(Lost { status: Status::Signalled, .. }) => self.hear(patience)?,
            heard => heard,
        };
        Ok(heard.unwrap_or_else(|lost| ended(self.check, &lost)))
    }

    fn hear(&self, patience: Duration) -> Result<Result<Outcome, Lost>, Failure> {
        let Setting { seed, threads, millis } = self.setting;
        let mut command = Command::new(self.executable);
        command.args(["verify-worker", self.strategy, self.check.name()]);
        command.args([seed.to_string(), threads.to_string(), millis.to_string()]);
        let started = WorkerProcess::spawn(command, self.memory_bytes);
        let mut worker = started.map_err(|lost| Failure::usage(lost.message))?;
        Ok(worker.hear(Duration::from_millis(millis) + patience))
    }
}

/// What it says of a strategy that its worker ended without an answer.
fn ended(check: Check, lost: &Lost) -> Outcome {
    let Lost { status, message } = lost;
    let (verdict, detail) = match (status, check) {
        // Nobody promises the contrary: that it is so is the answer.
        (Status::TimedOut, Check::Panics | Check::Reentrancy) => (Verdict::Verified, format!("deadlocks: {message}")),
        (Status::TimedOut, _) => (Verdict::Violated, format!("hung: {message}")),
        (Status::OutOfMemory, _) => (Verdict::Undecided, message.clone()),
        _ => (Verdict::Violated, format!("ended without an answer: {message}")),
    };
    Outcome { verdict, operations: 0, histories: 0, detail, picture: None }
}

/// Makes a check in this process and says what came of it.
///
/// # Errors
/// When nobody listens.
pub(crate) fn serve(entry: &Entry, check: Check, setting: &Setting) -> Result<(), Failure> {
    let deaf = |error: std::io::Error| Failure::usage(format!("the worker lost its orchestrator: {error}"));
    // A map may hang, and an orchestrator may be killed: no worker is left behind.
    orphan::end_with_parent().map_err(deaf)?;
    // A line, since the last one is what the orchestrator shows of a worker that dies.
    std::panic::set_hook(Box::new(|panic| {
        let text = panic.payload_as_str().unwrap_or("a panic without a text");
        eprintln!("panicked: {}", text.replace('\n', " "));
    }));
    let outcome = (entry.verify)(check, setting);
    let mut line = serde_json::to_string(&outcome).expect("an outcome is plain data");
    line.push('\n');
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).map_err(deaf)
}

#[cfg(test)]
mod tests {
    use super::{Ask, ended};
    use crate::sweep::worker_process::Lost;
    use mapbench_conformance::verify::{Check, Setting, Verdict};
    use mapbench_results::Status;
    use std::path::Path;
    use std::time::Duration;

    #[test]
    fn a_worker_that_cannot_be_started_says_nothing_about_a_map() {
        let setting = Setting { seed: 1, threads: 1, millis: 1 };
        let executable = Path::new("/nonexistent/worker");
        let ask = Ask { executable, strategy: "a", check: Check::Counters, setting, memory_bytes: 1 << 30 };
        let failure = ask.outcome(Duration::from_secs(1)).unwrap_err();
        assert!(format!("{failure:?}").contains("cannot start /nonexistent/worker"), "{failure:?}");
    }

    #[test]
    fn the_end_of_a_worker_is_an_outcome() {
        for (check, status, verdict, detail) in [
            (Check::Counters, Status::TimedOut, Verdict::Violated, "hung: why"),
            (Check::Reentrancy, Status::TimedOut, Verdict::Verified, "deadlocks: why"),
            (Check::Panics, Status::TimedOut, Verdict::Verified, "deadlocks: why"),
            (Check::Panics, Status::Aborted, Verdict::Violated, "ended without an answer: why"),
            (Check::Growth, Status::Signalled, Verdict::Violated, "ended without an answer: why"),
            (Check::Growth, Status::OutOfMemory, Verdict::Undecided, "why"),
        ] {
            let outcome = ended(check, &Lost { status, message: "why".to_owned() });
            assert_eq!((outcome.verdict, &*outcome.detail), (verdict, detail));
        }
    }
}
