//! A worker as the orchestrator sees it: a process that answers, or becomes a status.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mapbench_results::Status;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::protocol::{Event, Request, understand};
use crate::system;

/// How often a worker that is waited for is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What passes between two looks beyond this, passed while this program stood still: the machine slept or was moved, and the
/// worker with it.
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// How much of what a worker writes to standard error is kept.
const KEPT_STDERR: u64 = 1 << 16;

/// A line longer than this is no event.
const LONGEST_LINE: u64 = 1 << 20;

/// So many lines wait to be heard; then the worker that says them waits.
const UNHEARD_LINES: usize = 16;

/// What became of a worker that does not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) status: Status,
    pub(crate) message: String,
}

/// A running worker. Dropped, it is killed.
pub(crate) struct WorkerProcess {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    stderr: Option<JoinHandle<String>>,
    memory_bytes: u64,
}

impl WorkerProcess {
    /// Starts `executable worker`. So many bytes more in its environment move its stack.
    pub(crate) fn start(executable: &Path, memory_bytes: u64, padding: usize) -> Result<Self, Lost> {
        let mut command = Command::new(executable);
        command.arg("worker").env("MAPBENCH_PADDING", "x".repeat(padding));
        Self::spawn(command, memory_bytes)
    }

    /// Starts a command that says JSON lines.
    pub(crate) fn spawn(mut command: Command, memory_bytes: u64) -> Result<Self, Lost> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // An interrupt at the terminal is for the orchestrator, which ends its workers in order.
            .process_group(0)
            .spawn()
            .map_err(|error| Lost {
                status: Status::ProtocolError,
                message: format!("cannot start {}: {error}", Path::new(command.get_program()).display()),
            })?;
        let stdout = child.stdout.take().expect("standard output is piped");
        let stderr = child.stderr.take().expect("standard error is piped");
        let (send, lines) = sync_channel(UNHEARD_LINES);
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stdout);
            let mut line = Vec::new();
            while reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
                if send.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    break;
                }
                line.clear();
            }
        });
        let stderr = std::thread::spawn(move || {
            let mut text = Vec::new();
            let mut stderr = stderr;
            let _ = stderr.by_ref().take(KEPT_STDERR).read_to_end(&mut text);
            // The rest is read and dropped, or a worker that writes much would block for ever.
            let _ = std::io::copy(&mut stderr, &mut std::io::sink());
            String::from_utf8_lossy(&text).into_owned()
        });
        Ok(Self { stdin: child.stdin.take(), child, lines, stderr: Some(stderr), memory_bytes })
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a request without waiting for its answer.
    pub(crate) fn tell(&mut self, request: &impl Serialize) {
        let mut line = serde_json::to_string(request).expect("a request is plain data");
        line.push('\n');
        // A worker that has gone cannot be told; why it went shows when its answer is awaited.
        let _ = self.stdin.as_mut().map(|stdin| stdin.write_all(line.as_bytes()));
    }

    /// Waits for the answer to the last request.
    pub(crate) fn answer(&mut self, deadline: Duration) -> Result<Event, Lost> {
        match self.hear(deadline)? {
            Event::Failed { status, message } => {
                self.kill();
                // A row that is ok has numbers.
                if status == Status::Ok {
                    let message = format!("failed, and called that ok: {message}");
                    return Err(Lost { status: Status::ProtocolError, message });
                }
                Err(Lost { status, message })
            }
            event => Ok(event),
        }
    }

    /// Waits for the next line.
    pub(crate) fn hear<T: DeserializeOwned>(&mut self, deadline: Duration) -> Result<T, Lost> {
        let mut patience = Patience::new(deadline, Instant::now());
        loop {
            match self.lines.recv_timeout(LOOK) {
                Ok(line) => return self.understand(&line),
                Err(RecvTimeoutError::Disconnected) => return Err(self.obituary()),
                Err(RecvTimeoutError::Timeout) => {
                    let resident = system::resident_bytes(&self.child.id().to_string()).unwrap_or(0);
                    if resident > self.memory_bytes {
                        let message = format!(
                            "the worker held {} MiB, its budget is {} MiB (--memory-mib)",
                            resident >> 20,
                            self.memory_bytes >> 20
                        );
                        self.kill();
                        return Err(Lost { status: Status::OutOfMemory, message });
                    }
                    if patience.ends(Instant::now()) {
                        self.kill();
                        let message = format!("no answer within {} s; killed", deadline.as_secs());
                        return Err(Lost { status: Status::TimedOut, message });
                    }
                }
            }
        }
    }

    /// Ends the worker in order: it drops its map and exits, within `deadline`, or is killed.
    pub(crate) fn close(mut self, deadline: Duration) -> Result<(), Lost> {
        self.tell(&Request::Close);
        match self.answer(deadline)? {
            Event::Closed => {
                self.stdin = None;
                let began = Instant::now();
                while began.elapsed() < deadline {
                    if let Ok(Some(_)) = self.child.try_wait() {
                        return Ok(());
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
                self.kill();
                Err(Lost { status: Status::TimedOut, message: "did not exit after its last word; killed".to_owned() })
            }
            other => Err(Lost { status: Status::ProtocolError, message: format!("answered `close` with {other:?}") }),
        }
    }

    fn understand<T: DeserializeOwned>(&mut self, line: &str) -> Result<T, Lost> {
        match understand(line) {
            Ok(said) => Ok(said),
            // Half a line is what a worker leaves that dies while it speaks: how it died says more.
            Err(_) if !line.ends_with('\n') => Err(self.obituary()),
            Err(error) => {
                self.kill();
                let said: String = line.trim_end().chars().take(80).collect();
                Err(Lost {
                    status: Status::ProtocolError,
                    message: format!("said {said:?}, which is no event: {error}"),
                })
            }
        }
    }

    /// What became of a worker whose pipe ended.
    fn obituary(&mut self) -> Lost {
        self.stdin = None;
        let began = Instant::now();
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if began.elapsed() < Duration::from_secs(1) => std::thread::sleep(Duration::from_millis(1)),
                _ => {
                    self.kill();
                    let message = "closed its standard output and went on; killed".to_owned();
                    return Lost { status: Status::ProtocolError, message };
                }
            }
        };
        let stderr = self.stderr.take().and_then(|reader| reader.join().ok()).unwrap_or_default();
        describe_end(status, &stderr)
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.kill();
        }
    }
}

/// The time that a worker has left to answer, of which only what this program saw pass counts.
struct Patience {
    left: Duration,
    looked: Instant,
}

impl Patience {
    const fn new(left: Duration, now: Instant) -> Self {
        Self { left, looked: now }
    }

    /// Looks at the clock: whether nothing is left.
    fn ends(&mut self, now: Instant) -> bool {
        self.left = self.left.saturating_sub(now.saturating_duration_since(self.looked).min(LONGEST_LOOK));
        self.looked = now;
        self.left.is_zero()
    }
}

/// The status and message of a worker that ended without a last word.
fn describe_end(status: ExitStatus, stderr: &str) -> Lost {
    const SIGABRT: i32 = 6;
    let said = stderr.lines().rfind(|line| !line.trim().is_empty()).map(|line| format!(": {line}")).unwrap_or_default();
    if stderr.contains("memory allocation of") && status.signal() == Some(SIGABRT) {
        return Lost { status: Status::OutOfMemory, message: format!("an allocation failed{said}") };
    }
    match status.signal() {
        Some(SIGABRT) => Lost { status: Status::Aborted, message: format!("aborted{said}") },
        Some(signal) => Lost { status: Status::Signalled, message: format!("ended by signal {signal}{said}") },
        None => Lost {
            status: Status::ProtocolError,
            message: format!("exited with code {} without a word{said}", status.code().unwrap_or(0)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_machine_that_stood_still_costs_no_patience() {
        let began = Instant::now();
        let after = |millis| began + Duration::from_millis(millis);
        let mut patience = Patience::new(Duration::from_secs(2), began);
        assert!(!patience.ends(after(500)));
        // An hour of sleep, of which a second counts.
        assert!(!patience.ends(after(3_600_000)));
        assert!(!patience.ends(after(3_600_400)));
        assert!(patience.ends(after(3_600_500)));
        assert!(Patience::new(Duration::ZERO, began).ends(began));
    }

    /// A worker played by a shell script.
    fn script(dir: &tempfile::TempDir, body: &str) -> std::path::PathBuf {
        let path = dir.path().join("worker.sh");
        std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn lost(body: &str) -> Lost {
        let dir = tempfile::tempdir().unwrap();
        let mut worker = WorkerProcess::start(&script(&dir, body), 1 << 30, 0).unwrap();
        worker.tell(&Request::Slice { warm_ns: 0, slice_ns: 0 });
        worker.answer(Duration::from_millis(600)).unwrap_err()
    }

    #[test]
    fn every_end_has_its_status() {
        assert_eq!(lost("kill -SEGV $$").status, Status::Signalled);
        assert_eq!(lost("kill -ABRT $$").status, Status::Aborted);
        assert_eq!(lost("echo memory allocation of 8 bytes failed >&2; kill -ABRT $$").status, Status::OutOfMemory);
        assert_eq!(lost("exec sleep 60").status, Status::TimedOut);
        let silent = lost("echo oh dear >&2; exit 3");
        assert_eq!(silent.status, Status::ProtocolError);
        assert_eq!(silent.message, "exited with code 3 without a word: oh dear");
        let babble = lost("echo hello; exec sleep 60");
        assert_eq!(babble.status, Status::ProtocolError);
        assert!(babble.message.starts_with("said \"hello\", which is no event"), "{}", babble.message);
        let failed = lost(r#"echo '{"event":"failed","status":"detected","message":"fatal"}'"#);
        assert_eq!(failed, Lost { status: Status::Detected, message: "fatal".to_owned() });
        let fine = lost(r#"echo '{"event":"failed","status":"ok","message":"fine"}'"#);
        assert_eq!(fine.status, Status::ProtocolError);
        assert_eq!(fine.message, "failed, and called that ok: fine");
    }

    #[test]
    fn a_missing_executable_is_named() {
        let Err(lost) = WorkerProcess::start(Path::new("/nonexistent/worker"), 0, 0) else { panic!("it started") };
        assert!(lost.message.contains("/nonexistent/worker"), "{}", lost.message);
    }

    #[test]
    fn a_worker_over_its_budget_is_killed() {
        let dir = tempfile::tempdir().unwrap();
        let mut worker = WorkerProcess::start(&script(&dir, "exec sleep 60"), 1, 0).unwrap();
        assert_eq!(worker.answer(Duration::from_secs(5)).unwrap_err().status, Status::OutOfMemory);
    }
}
