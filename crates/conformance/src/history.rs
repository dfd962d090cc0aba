//! What threads did to a map from `u64` to `u64`, call by call: what a recorder writes and the checker judges.
//!
//! # The file
//!
//! JSON lines, UTF-8, an object a line; any program can write it. The first line says what it is and what the map held
//! before the first call (keys that are not listed were absent):
//!
//! ```json
//! {"format":"mapbench-history","version":1,"initial":[[7,70],[8,80]]}
//! ```
//!
//! Then a line for each call. All fields are required; `null` stands for an absent key:
//!
//! ```json
//! {"thread":0,"invocation":10,"response":14,"key":7,"operation":"read","value":70}
//! {"thread":0,"invocation":15,"response":16,"key":7,"operation":"insert","value":71,"absent":false}
//! {"thread":1,"invocation":11,"response":19,"key":9,"operation":"insert_new","value":90,"inserted":true}
//! {"thread":1,"invocation":21,"response":24,"key":9,"operation":"remove","present":true}
//! {"thread":2,"invocation":12,"response":17,"key":8,"operation":"update","change":{"saw":80,"wrote":81}}
//! {"thread":2,"invocation":20,"response":23,"key":8,"operation":"upsert","default":82,"change":{"saw":81,"wrote":83}}
//! {"thread":3,"invocation":25,"response":29,"key":8,"operation":"compare_exchange","expected":83,"new":84,"outcome":"exchanged"}
//! {"thread":3,"invocation":30,"response":31,"key":8,"operation":"compare_exchange","expected":83,"new":85,"outcome":{"found":84}}
//! {"thread":3,"invocation":32,"response":33,"key":9,"operation":"compare_exchange","expected":83,"new":86,"outcome":"absent"}
//! ```
//!
//! The last line says how many calls there were, so that a file that was cut off is noticed:
//!
//! ```json
//! {"operations":9}
//! ```
//!
//! # Stamps
//!
//! `invocation` is taken before the call begins and `response` after it has returned, both from one clock that is ordered
//! across threads: if one thread's stamp is smaller than another's, it was taken earlier or at the same time. The stamps
//! of a thread increase strictly, and its calls stand in the file in that order; threads may be interleaved in any way.
//! Where a response equals an invocation of another thread, the two calls count as overlapping. A call that never returned
//! cannot be told: let every thread end its last call before the recording ends.
//!
//! # Closures
//!
//! The closure of `update` and `upsert` may run more than once. Let each run write a value that no other call and no other
//! run writes, and note what it saw and wrote; the last run is the one that counts ([`Change`]).
//!
//! Written values should be unique throughout the history and differ from the initial ones: the checker is near-linear
//! then. It judges other histories too, by a search that may have to give up.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io::{self, BufRead, Write};

use serde::{Deserialize, Deserializer, Serialize};

const FORMAT: &str = "mapbench-history";
const VERSION: u32 = 1;

/// The response of a call that has not returned at the end of a sub-history; see [`Violation`](crate::linearizability::Violation).
pub const STILL_RUNNING: u64 = u64::MAX;

/// One call of a map's operation: who, when, on what, and what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The thread that called.
    pub thread: u32,
    /// When the call began.
    pub invocation: u64,
    /// When it had returned.
    pub response: u64,
    /// The key it was about.
    pub key: u64,
    /// What was asked and what was answered.
    #[serde(flatten)]
    pub action: Action,
}

/// An operation with its arguments and its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub enum Action {
    /// [`read`](mapbench_api::MapHandle::read)
    Read {
        /// The value read; `None`: the key was absent.
        #[serde(deserialize_with = "required")]
        value: Option<u64>,
    },
    /// [`insert`](mapbench_api::MapHandle::insert)
    Insert {
        /// The value written.
        value: u64,
        /// The result: the key was absent.
        absent: bool,
    },
    /// [`insert_new`](mapbench_api::MapHandle::insert_new)
    InsertNew {
        /// The value written if the key was absent.
        value: u64,
        /// The result: it was written.
        inserted: bool,
    },
    /// [`remove`](mapbench_api::MapHandle::remove)
    Remove {
        /// The result: the key was present.
        present: bool,
    },
    /// [`update`](mapbench_api::MapHandle::update)
    Update {
        /// What the last run of the closure did; `None`: the result was that the key was absent.
        #[serde(deserialize_with = "required")]
        change: Option<Change>,
    },
    /// [`upsert`](mapbench_api::MapHandle::upsert)
    Upsert {
        /// The value written if the key was absent.
        default: u64,
        /// What the last run of the closure did; `None`: the result was that the default was inserted.
        #[serde(deserialize_with = "required")]
        change: Option<Change>,
    },
    /// [`compare_exchange`](mapbench_api::MapHandle::compare_exchange)
    CompareExchange {
        /// The value that the key had to have.
        expected: u64,
        /// The value written if it had.
        new: u64,
        /// The result.
        outcome: Exchange,
    },
}

/// What the last run of a closure saw and wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The value given to the closure.
    pub saw: u64,
    /// The value it returned.
    pub wrote: u64,
}

/// The result of a `compare_exchange`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exchange {
    /// The new value was stored.
    Exchanged,
    /// Nothing was stored: another value was found.
    Found(u64),
    /// Nothing was stored: the key was absent.
    Absent,
}

impl From<Result<(), Option<u64>>> for Exchange {
    fn from(result: Result<(), Option<u64>>) -> Self {
        match result {
            Ok(()) => Exchange::Exchanged,
            Err(Some(found)) => Exchange::Found(found),
            Err(None) => Exchange::Absent,
        }
    }
}

/// A missing field is a mistake, not an absent key.
fn required<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Read { value: Some(value) } => write!(f, "read: {value}"),
            Action::Read { value: None } => write!(f, "read: absent"),
            Action::Insert { value, absent: true } => write!(f, "insert {value}: was absent"),
            Action::Insert { value, absent: false } => write!(f, "insert {value}: was present"),
            Action::InsertNew { value, inserted: true } => write!(f, "insert_new {value}: inserted"),
            Action::InsertNew { value, inserted: false } => write!(f, "insert_new {value}: was present"),
            Action::Remove { present: true } => write!(f, "remove: was present"),
            Action::Remove { present: false } => write!(f, "remove: was absent"),
            Action::Update { change: Some(change) } => write!(f, "update: saw {}, wrote {}", change.saw, change.wrote),
            Action::Update { change: None } => write!(f, "update: was absent"),
            Action::Upsert { change: Some(change), .. } => {
                write!(f, "upsert: saw {}, wrote {}", change.saw, change.wrote)
            }
            Action::Upsert { default, change: None } => write!(f, "upsert {default}: inserted"),
            Action::CompareExchange { expected, new, outcome } => {
                write!(f, "compare_exchange {expected} by {new}: ")?;
                match outcome {
                    Exchange::Exchanged => write!(f, "exchanged"),
                    Exchange::Found(found) => write!(f, "found {found}"),
                    Exchange::Absent => write!(f, "was absent"),
                }
            }
        }
    }
}

/// Why a history is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// A line of a file is wrong.
    #[error("line {line}: {reason}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A call of a history in memory is wrong.
    #[error("call {index}: {reason}")]
    Call {
        /// Its place among the calls, from 0.
        index: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The system refused to read.
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
}

/// Calls that can have happened, and what the map held before them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    initial: BTreeMap<u64, u64>,
    calls: Vec<Call>,
}

impl History {
    /// A history of calls in memory: thread after thread or interleaved, but each thread's in their order.
    ///
    /// # Errors
    /// When the calls cannot have happened: stamps of a thread that do not increase strictly.
    pub fn new(initial: impl IntoIterator<Item = (u64, u64)>, calls: Vec<Call>) -> Result<Self, Refused> {
        let mut order = Order::default();
        for (index, call) in calls.iter().enumerate() {
            order.admit(call).map_err(|reason| Refused::Call { index, reason })?;
        }
        Ok(Self { initial: initial.into_iter().collect(), calls })
    }

    /// What the map held before the first call.
    #[must_use]
    pub fn initial(&self) -> &BTreeMap<u64, u64> {
        &self.initial
    }

    /// The calls, each thread's in their order.
    #[must_use]
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// Reads a [file](self).
    ///
    /// # Errors
    /// When it is cut off, out of order, or cannot have happened, with the line and the reason.
    pub fn read(input: impl BufRead) -> Result<Self, Refused> {
        let at = |line: usize| move |reason: String| Refused::Line { line, reason };
        let mut lines = input.lines().zip(1..);
        let Some((header, _)) = lines.next() else {
            return Err(at(1)("the file is empty".to_owned()));
        };
        let initial = Header::read(&header.map_err(unreadable(1))?).map_err(at(1))?;
        let mut order = Order::default();
        let mut calls = Vec::new();
        let mut end = None;
        let mut last = 1;
        for (text, line) in lines {
            let text = text.map_err(unreadable(line))?;
            last = line;
            if end.is_some() {
                return Err(at(line)("something follows the line that ends the history".to_owned()));
            }
            match serde_json::from_str::<Call>(&text) {
                Ok(call) => {
                    order.admit(&call).map_err(at(line))?;
                    calls.push(call);
                }
                Err(error) => match serde_json::from_str::<End>(&text) {
                    Ok(End { operations }) => end = Some(operations),
                    Err(_) => return Err(at(line)(explain(&error))),
                },
            }
        }
        match end {
            None => Err(at(last)("the history is cut off: no line {\"operations\":N} ends it".to_owned())),
            Some(operations) if operations != calls.len() => {
                let reason = format!("the history should have {operations} calls, but has {}", calls.len());
                Err(at(last)(reason))
            }
            Some(_) => Ok(Self { initial, calls }),
        }
    }

    /// Writes a [file](self).
    ///
    /// # Errors
    /// When the system refuses to write.
    pub fn write(&self, mut output: impl Write) -> io::Result<()> {
        let initial = self.initial.iter().map(|(key, value)| (*key, *value)).collect();
        line(&mut output, &Header { format: FORMAT.to_owned(), version: VERSION, initial })?;
        for call in &self.calls {
            line(&mut output, call)?;
        }
        line(&mut output, &End { operations: self.calls.len() })?;
        output.flush()
    }
}

fn line(output: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *output, value)?;
    output.write_all(b"\n")
}

/// Bytes that are not text are the line's fault, not the system's.
fn unreadable(line: usize) -> impl Fn(io::Error) -> Refused {
    move |error| match error.kind() {
        io::ErrorKind::InvalidData => Refused::Line { line, reason: "not UTF-8".to_owned() },
        _ => Refused::Read(error),
    }
}

/// What is wrong with a line that serde_json refused; it believes every line to be the first.
fn explain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or(&text);
    format!("not a call: {reason} (column {})", error.column())
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    version: u32,
    initial: Vec<(u64, u64)>,
}

impl Header {
    fn read(text: &str) -> Result<BTreeMap<u64, u64>, String> {
        let header: Header = serde_json::from_str(text).map_err(|error| format!("not a history: {error}"))?;
        if header.format != FORMAT {
            return Err(format!("not a history: the format is `{}`, not `{FORMAT}`", header.format));
        }
        if header.version != VERSION {
            return Err(format!("the history has version {}, this mapbench reads version {VERSION}", header.version));
        }
        let mut initial = BTreeMap::new();
        for (key, value) in header.initial {
            if initial.insert(key, value).is_some() {
                return Err(format!("key {key} has two initial values"));
            }
        }
        Ok(initial)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    operations: usize,
}

/// The last call of each thread so far.
#[derive(Default)]
struct Order(HashMap<u32, (u64, u64)>);

impl Order {
    fn admit(&mut self, call: &Call) -> Result<(), String> {
        let Call { thread, invocation, response, .. } = *call;
        if response <= invocation {
            return Err(format!("the response ({response}) is not after the invocation ({invocation})"));
        }
        if response == STILL_RUNNING {
            return Err("a call that never returned cannot be judged".to_owned());
        }
        match self.0.insert(thread, (invocation, response)) {
            Some((before, _)) if invocation <= before => Err(format!(
                "out of order: thread {thread} begins a call at {invocation}, but its call before began at {before}"
            )),
            Some((before, until)) if invocation <= until => Err(format!(
                "thread {thread} begins a call at {invocation}, but its call before lasts from {before} to {until}"
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of the module's documentation.
    fn documented() -> String {
        let source = include_str!("history.rs");
        source.lines().filter_map(|line| line.strip_prefix("//! {")).map(|line| format!("{{{line}\n")).collect()
    }

    fn refused(text: &str) -> String {
        History::read(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn the_documented_file_is_read_and_written() {
        let history = History::read(documented().as_bytes()).unwrap();
        assert_eq!(history.calls().len(), 9);
        assert_eq!(history.initial()[&7], 70);
        let mut written = Vec::new();
        history.write(&mut written).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), documented());
    }

    #[test]
    fn a_file_cut_off_anywhere_is_refused() {
        let text = documented();
        // Without its last byte, the newline, it is still whole.
        for length in 0..text.len() - 1 {
            assert!(History::read(&text.as_bytes()[..length]).is_err(), "{}", &text[..length]);
        }
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            refused(&lines[..4].join("\n")),
            "line 4: the history is cut off: no line {\"operations\":N} ends it"
        );
        let fewer = [&lines[..4], &lines[5..]].concat().join("\n");
        assert_eq!(refused(&fewer), "line 10: the history should have 9 calls, but has 8");
        assert_eq!(
            refused(&format!("{text}{}", lines[1])),
            "line 12: something follows the line that ends the history"
        );
    }

    #[test]
    fn what_cannot_have_happened_is_refused() {
        let history = |calls: &[(u32, u64, u64)]| {
            let mut text = "{\"format\":\"mapbench-history\",\"version\":1,\"initial\":[]}\n".to_owned();
            for (thread, invocation, response) in calls {
                text += &format!(
                    "{{\"thread\":{thread},\"invocation\":{invocation},\"response\":{response},\"key\":1,\"operation\":\
                     \"remove\",\"present\":false}}\n"
                );
            }
            refused(&text)
        };
        assert_eq!(history(&[(0, 5, 6), (1, 9, 8)]), "line 3: the response (8) is not after the invocation (9)");
        assert_eq!(
            history(&[(0, 5, 9), (1, 6, 7), (0, 8, 12)]),
            "line 4: thread 0 begins a call at 8, but its call before lasts from 5 to 9"
        );
        assert_eq!(
            history(&[(0, 5, 9), (0, 3, 4)]),
            "line 3: out of order: thread 0 begins a call at 3, but its call before began at 5"
        );
    }

    #[test]
    fn what_is_not_a_history_is_refused() {
        assert_eq!(refused(""), "line 1: the file is empty");
        assert!(refused("{\"format\":\"other\",\"version\":1,\"initial\":[]}").contains("the format is `other`"));
        let header = "{\"format\":\"mapbench-history\",\"version\":2,\"initial\":[]}";
        assert_eq!(refused(header), "line 1: the history has version 2, this mapbench reads version 1");
        let header = "{\"format\":\"mapbench-history\",\"version\":1,\"initial\":[[1,2],[1,3]]}\n";
        assert_eq!(refused(header), "line 1: key 1 has two initial values");
        let bytes = [documented().as_bytes(), b"\xff\n"].concat();
        assert_eq!(History::read(&bytes[..]).unwrap_err().to_string(), "line 12: not UTF-8");
        // A read that does not say what it read.
        let text = documented().replace(",\"value\":70", "");
        assert_eq!(refused(&text), "line 2: not a call: missing field `value` (column 69)");
    }
}
