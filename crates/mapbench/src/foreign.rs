//! Workers that are not this program: a map in another language, or this program on another machine. `PROTOCOL.md` says
//! what they must speak.

use std::process::Command;
use std::str::FromStr;
use std::time::Duration;

use mapbench_api::{Consistency, Iteration, Progress, Reclamation, StrategyInfo};
use mapbench_results::Status;

use crate::failure::Failure;
use crate::protocol::{Event, PROTOCOL_VERSION, Request};
use crate::registry::Entry;
use crate::sweep::worker_process::{Lost, WorkerProcess};

/// What the names of foreign strategies begin with, in every row and on every page.
const PREFIX: &str = "foreign:";

/// The longest text that a worker may say of its version.
const LONGEST_VERSION: usize = 40;

/// `NAME=COMMAND`: the strategy to ask the worker for, and the words that start it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Foreign {
    name: String,
    words: Vec<String>,
}

impl FromStr for Foreign {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, command) = text.split_once('=').ok_or("give NAME=COMMAND, as in dict=\"python3 worker.py\"")?;
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            return Err(format!("the name {name:?} is not made of letters, digits and -_."));
        }
        match shlex::split(command) {
            Some(words) if !words.is_empty() => Ok(Self { name: name.to_owned(), words }),
            Some(_) => Err("the command is empty".to_owned()),
            None => Err("the command has a quote that nothing closes".to_owned()),
        }
    }
}

impl Foreign {
    /// The name in results.
    pub(crate) fn row_name(&self) -> String {
        format!("{PREFIX}{}", self.name)
    }

    /// Asks the worker what it is. The entry under which it joins a sweep lives as long as the program.
    ///
    /// # Errors
    /// When it cannot be started, does not speak the protocol, or has no such strategy.
    pub(crate) fn entry(&self, patience: Duration) -> Result<Entry, Failure> {
        let version = self.version(patience).map_err(|problem| {
            Failure::usage(format!(
                "--worker {}: {problem}; crates/mapbench/PROTOCOL.md says what a worker answers",
                self.name
            ))
        })?;
        let info = StrategyInfo {
            name: self.row_name().leak(),
            upstream: "foreign",
            version: version.leak(),
            summary: "a worker that is not this program",
            // Never shown: `Entry::declared` says that nothing is known of a foreign map.
            consistency: Consistency::Eventual,
            iteration: Iteration::WeaklyConsistent,
            read_progress: Progress::Blocking,
            reclamation: Reclamation::Deferred,
            configuration: self.words.join(" ").leak(),
            notes: "Its own process and clock; nothing that is timed was compiled here.",
            unsupported: &[],
            thread_limit: None,
        };
        let worker = Worker { strategy: self.name.clone().leak(), words: self.words.clone().leak() };
        Ok(Entry::foreign(info, worker))
    }

    fn version(&self, patience: Duration) -> Result<String, String> {
        let told = start(&self.words, u64::MAX).and_then(|mut worker| {
            worker.tell(&Request::Describe);
            worker.answer(patience)
        });
        match told {
            Ok(Event::Described { protocol: PROTOCOL_VERSION, version, strategies, .. }) => {
                if strategies.contains(&self.name) {
                    Ok(version.chars().filter(|c| !c.is_control()).take(LONGEST_VERSION).collect())
                } else {
                    Err(format!("it has no strategy `{}`, only {}", self.name, strategies.join(", ")))
                }
            }
            Ok(Event::Described { protocol, .. }) => {
                Err(format!("it speaks protocol {protocol}, this program {PROTOCOL_VERSION}"))
            }
            Ok(other) => Err(format!("it answered `describe` with {other:?}")),
            Err(Lost { message, .. }) => Err(message),
        }
    }
}

/// How the worker of a foreign strategy is started, and what it calls the strategy.
#[derive(Clone, Copy)]
pub(crate) struct Worker {
    pub(crate) strategy: &'static str,
    words: &'static [String],
}

impl Worker {
    /// Starts it.
    pub(crate) fn start(&self, memory_bytes: u64) -> Result<WorkerProcess, Lost> {
        start(self.words, memory_bytes)
    }
}

/// No shell takes part: the words are the program and its arguments as they are.
fn start(words: &[String], memory_bytes: u64) -> Result<WorkerProcess, Lost> {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    WorkerProcess::spawn(command, memory_bytes)
}

/// Whether a foreign worker runs the streams that it was asked for.
///
/// # Errors
/// Names the first thread whose stream is another.
pub(crate) fn same_streams(said: &[String], expected: &[String]) -> Result<(), Lost> {
    let other = (0..expected.len().max(said.len())).find(|thread| said.get(*thread) != expected.get(*thread));
    other.map_or(Ok(()), |thread| {
        let shown = |digests: &[String]| digests.get(thread).map_or_else(|| "none".to_owned(), |d| format!("{d:.16}"));
        let message = format!(
            "the stream of thread {thread} has the digest {}, and its seed makes {}: see PROTOCOL.md",
            shown(said),
            shown(expected)
        );
        Err(Lost { status: Status::ProtocolError, message })
    })
}

#[cfg(test)]
mod tests {
    use super::{Foreign, same_streams};

    #[test]
    fn a_worker_is_a_name_and_words() {
        let foreign: Foreign = "dict=python3 'my worker.py' --x=\"a b\" $HOME;ls".parse().unwrap();
        assert_eq!(foreign.row_name(), "foreign:dict");
        assert_eq!(foreign.words, ["python3", "my worker.py", "--x=a b", "$HOME;ls"]);
        for (text, expected) in [
            ("python3 worker.py", "give NAME=COMMAND"),
            ("a/b=x", "the name \"a/b\" is not made of letters"),
            ("a=", "the command is empty"),
            ("a='x", "a quote that nothing closes"),
        ] {
            assert!(text.parse::<Foreign>().unwrap_err().contains(expected), "{text}");
        }
    }

    #[test]
    fn another_stream_is_named() {
        let digests = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let same = |said: &[&str]| same_streams(&digests(said), &digests(&["aa", "bb"]));
        assert_eq!(same(&["aa", "bb"]), Ok(()));
        assert!(same(&["aa", "cc"]).unwrap_err().message.starts_with("the stream of thread 1 has the digest cc, and"));
        assert!(same(&["aa"]).unwrap_err().message.contains("thread 1 has the digest none"));
    }
}
