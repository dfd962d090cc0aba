//! The processes of a test: found by a mark in their environment, ended if they do not end.

use std::fs;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::subject::{SUBJECT, mapbench};

/// Far beyond what anything here takes: a test that meets it has found a hang.
const PATIENCE: Duration = Duration::from_secs(120);

/// What all processes of a test have in their environment.
pub(crate) struct Mark(String);

impl Mark {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Self(format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)))
    }

    /// mapbench with the faulty strategies; `line` is split at spaces.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = mapbench(&self.0);
        command.args(line.split(' ')).stdin(Stdio::null());
        command
    }

    /// Begins, and lets nobody hear what it says.
    pub(crate) fn begin(&self, line: &str) -> Child {
        self.command(line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Runs to the end, which must come, and expects that no process stays.
    pub(crate) fn output(&self, line: &str) -> Output {
        let child = self.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = thread::scope(|scope| {
            let id = child.id().to_string();
            let waiting = scope.spawn(|| child.wait_with_output().unwrap());
            if !within(PATIENCE, || waiting.is_finished()) {
                Command::new("kill").args(["-KILL", &id]).status().unwrap();
                panic!("{line}: it does not end");
            }
            waiting.join().unwrap()
        });
        self.expect_none();
        output
    }

    /// The processes that carry the mark, zombies too as far as their environment can still be read.
    pub(crate) fn alive(&self) -> Vec<u32> {
        let wanted = format!("{SUBJECT}={}", self.0);
        let ids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let marked = |id: &u32| {
            let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
        };
        ids.filter(marked).collect()
    }

    /// Expects that nothing carries the mark, soon.
    pub(crate) fn expect_none(&self) {
        assert!(within(PATIENCE, || self.alive().is_empty()), "{:?} stay", self.alive());
    }
}

/// Ends a process as `kill -9` does, and waits for it.
pub(crate) fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Whether it comes true within the time.
pub(crate) fn within(time: Duration, mut done: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while !done() {
        if began.elapsed() > time {
            return false;
        }
        thread::sleep(Duration::from_millis(2));
    }
    true
}

/// Expects that something happens.
pub(crate) fn expect(what: &str, done: impl FnMut() -> bool) {
    assert!(within(PATIENCE, done), "{what}: it does not happen");
}
