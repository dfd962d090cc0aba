//! Reads traces, a record at a time: binary ones and CSV.

use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};

use std::io::{self, BufRead, ErrorKind, Read};
use std::num::{IntErrorKind, ParseIntError};
use std::str::FromStr;

use mapbench_workload::OpKind;

use crate::trace::{MAGIC, Record};

const HEADER: &str = "time,thread,operation,key,value_bytes";

/// Why a trace cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The system refused.
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    /// It is neither.
    #[error("it is no trace: it begins neither with {:?} nor with the line {HEADER}", str::from_utf8(&MAGIC).unwrap_or_default())]
    Foreign,
    /// A record is wrong.
    #[error("record {number}: {problem}")]
    Record {
        /// Which, from 1.
        number: u64,
        /// What is wrong.
        problem: String,
    },
}

/// A longer line is no record: what is read of a trace stays bounded.
const LONGEST_LINE: u64 = 64 << 10;

/// The records of a trace, one after the other; nothing is kept of those that were read. The trace is one of
/// `Recorder`, or CSV with the header `time,thread,operation,key,value_bytes`: nanoseconds, a number, a
/// kind by its name in workload files, any text without a comma, a number of bytes.
///
/// # Errors
/// When it is neither, or cannot be read; each item, when that record is wrong.
pub fn records<R: BufRead>(mut trace: R) -> Result<Records<R>, TraceError> {
    let mut start = Vec::new();
    trace.by_ref().take(MAGIC.len() as u64).read_to_end(&mut start)?;
    if start == MAGIC {
        return Ok(Records { trace, csv: false, number: 0, line: String::new() });
    }
    let mut rest = String::new();
    trace.by_ref().take(HEADER.len() as u64 + 2).read_line(&mut rest).map_err(|_| TraceError::Foreign)?;
    let header = [&*String::from_utf8_lossy(&start), rest.trim_end()].concat();
    if header != HEADER {
        return Err(TraceError::Foreign);
    }
    Ok(Records { trace, csv: true, number: 0, line: String::new() })
}

/// See [`records`].
#[derive(Debug)]
pub struct Records<R> {
    trace: R,
    csv: bool,
    number: u64,
    line: String,
}

impl<R: BufRead> Records<R> {
    fn binary(&mut self) -> Option<Result<Record, String>> {
        let mut bytes = [0; Record::BYTES];
        match self.trace.fill_buf() {
            Ok([]) => return None,
            Ok(_) => {}
            Err(error) => return Some(Err(error.to_string())),
        }
        Some(match self.trace.read_exact(&mut bytes) {
            Ok(()) => Record::from_bytes(&bytes),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                Err("it is torn: the trace ends within it".to_owned())
            }
            Err(error) => Err(error.to_string()),
        })
    }

    fn text(&mut self) -> Option<Result<Record, String>> {
        self.line.clear();
        match self.trace.by_ref().take(LONGEST_LINE).read_line(&mut self.line) {
            Ok(0) => None,
            Ok(read) if read as u64 == LONGEST_LINE => {
                Some(Err(format!("its line is longer than {LONGEST_LINE} bytes")))
            }
            Ok(_) => Some(of_line(self.line.trim_end())),
            Err(error) => Some(Err(error.to_string())),
        }
    }
}

impl<R: BufRead> Iterator for Records<R> {
    type Item = Result<Record, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.number += 1;
        let number = self.number;
        let record = if self.csv { self.text()? } else { self.binary()? };
        Some(record.map_err(|problem| TraceError::Record { number, problem }))
    }
}

fn number<T: FromStr<Err = ParseIntError> + Display + Copy>(name: &str, text: &str, most: T) -> Result<T, String> {
    text.parse().map_err(|error: ParseIntError| match error.kind() {
        IntErrorKind::PosOverflow => format!("the {name} {text} is too large: it is at most {most}"),
        _ => format!("the {name} {text:?} is no number"),
    })
}

fn of_line(line: &str) -> Result<Record, String> {
    let fields: Vec<&str> = line.split(',').collect();
    let [time, thread, operation, key, value_bytes] = fields[..] else {
        return Err(format!("{} fields, not the 5 of {HEADER}", fields.len()));
    };
    let kind = OpKind::ALL.into_iter().find(|kind| kind.name() == operation);
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    Ok(Record {
        time_ns: number("time", time, u64::MAX)?,
        thread: number("thread", thread, u16::MAX)?,
        kind: Some(kind.ok_or_else(|| {
            let known = OpKind::ALL.map(OpKind::name).join(", ");
            format!("there is no operation {operation:?}; there are {known}")
        })?),
        key: hasher.finish(),
        value_bytes: number("value_bytes", value_bytes, u32::MAX)?,
    })
}
