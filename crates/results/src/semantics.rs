//! What `mapbench verify` found, beside the speeds of a run or in a folder of its own.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::read::{Torn, read_provenance, read_rows};
use crate::row::Row;
use crate::write::{encode, header, lock, replace, unlock, write_provenance};
use crate::{Error, Provenance, Run, SEMANTICS, checksum};

const VERIFY_AGAIN: &str = "`mapbench verify` writes such a file anew";

/// A row of `semantics.csv`: what one check found of one strategy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Semantics {
    /// The strategy's name.
    pub strategy: String,
    /// The upstream's version.
    pub version: String,
    /// The check's name.
    pub check: String,
    /// What the strategy declares about it; empty when it declares nothing.
    pub declared: String,
    /// What was found.
    pub verdict: Verdict,
    /// Histories judged, by the check of histories; maps put through the check, by any other.
    pub histories: u64,
    /// Operations done and checked.
    pub operations: u64,
    /// How long the check took, in milliseconds.
    pub elapsed_ms: u64,
    /// Threads that the check was given.
    pub threads: u32,
    /// The seed that repeats the question.
    pub seed: u64,
    /// When the check ended, UTC, RFC 3339.
    pub finished: String,
    /// How far the threads met, what was measured, or what went wrong.
    pub detail: String,
}

/// What a strategy is, by a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing was found that it does not declare.
    Verified,
    /// It does not do what it declares.
    Violated,
    /// Nothing was found, but not everything could be judged.
    Undecided,
    /// It lacks the operations, or declares nothing that the check is about.
    #[serde(rename = "n/a")]
    NotApplicable,
    /// It detected the misuse and ended a thread, as it declares.
    Detected,
}

impl Verdict {
    /// As files and tables write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Verified => "verified",
            Verdict::Violated => "violated",
            Verdict::Undecided => "undecided",
            Verdict::NotApplicable => "n/a",
            Verdict::Detected => "detected",
        }
    }
}

impl Row for Semantics {
    const FILE: &'static str = SEMANTICS;
    const TORN: &'static str = VERIFY_AGAIN;

    fn subject(&self) -> String {
        format!("strategy {:?}, check {:?}", self.strategy, self.check)
    }

    fn problem(&self) -> Option<String> {
        let named = [("strategy", &self.strategy), ("check", &self.check), ("finished", &self.finished)];
        named.iter().find(|(_, text)| text.is_empty()).map(|(column, _)| format!("`{column}` is empty"))
    }
}

impl Semantics {
    fn key(&self) -> (String, String) {
        (self.strategy.clone(), self.check.clone())
    }

    /// Reads `semantics.csv` in a directory.
    ///
    /// # Errors
    /// When there is none, or anything is not as the schema says.
    pub fn read(dir: &Path) -> Result<Vec<Self>, Error> {
        let file = dir.join(SEMANTICS);
        let mut lines = HashMap::new();
        read_rows(&file, Torn::Refused, VERIFY_AGAIN, |row: &Self, line| match lines.insert(row.key(), line) {
            None => Ok(()),
            Some(first) => Err(format!("the row of line {first} again")),
        })
    }

    /// Writes `semantics.csv` into a directory, which is made if need be, and returns its path.
    ///
    /// # Errors
    /// When a row contradicts itself or the system refuses.
    pub fn write(dir: &Path, rows: &[Self]) -> Result<PathBuf, Error> {
        fs::create_dir_all(dir).map_err(Error::create(dir))?;
        let file = dir.join(SEMANTICS);
        let mut text = header::<Self>();
        for row in rows {
            text.extend(encode(&file, row)?);
        }
        replace(&file, &text)?;
        Ok(file)
    }

    /// Puts rows into a finished run, beside those that it has of other strategies and checks, and their checksum into its
    /// provenance. Returns the file's path.
    ///
    /// # Errors
    /// When the directory holds no run or an unfinished one, another process writes to it, a row is of a strategy or
    /// version that the run did not measure, or the system refuses.
    pub fn put(run: &Path, rows: &[Self]) -> Result<PathBuf, Error> {
        // Before the lock, which would leave its file in a directory that holds something else.
        Run::finished_provenance(run)?;
        let _lock = lock(run)?;
        let done = Self::put_alone(run, rows);
        unlock(run);
        done
    }

    fn put_alone(run: &Path, rows: &[Self]) -> Result<PathBuf, Error> {
        let mut provenance = Run::finished_provenance(run)?;
        rows.iter().try_for_each(|row| measured(run, &provenance, row))?;
        // Rows that are not as they were written are not carried on.
        let mut all = if unchanged(run, &provenance) { Self::read(run)? } else { Vec::new() };
        all.retain(|old| !rows.iter().any(|new| new.key() == old.key()));
        all.extend_from_slice(rows);
        all.sort_by_key(|row| provenance.strategies.iter().position(|strategy| strategy.name == row.strategy));
        let file = Self::write(run, &all)?;
        let sum = checksum::of_file(&file).map_err(Error::read(&file))?;
        provenance.checksums.insert(SEMANTICS.to_owned(), sum);
        write_provenance(run, &provenance)?;
        Ok(file)
    }

    /// The rows of a finished run; none when it was not verified.
    pub(crate) fn of_run(dir: &Path, provenance: &Provenance) -> Result<Vec<Self>, Error> {
        if !dir.join(SEMANTICS).exists() && !provenance.checksums.contains_key(SEMANTICS) {
            return Ok(Vec::new());
        }
        if !unchanged(dir, provenance) {
            let problem =
                "its SHA-256 is not the one in provenance.json: restore it, or `mapbench verify --into` this run";
            return Err(Error::file(&dir.join(SEMANTICS), problem));
        }
        let rows = Self::read(dir)?;
        rows.iter().try_for_each(|row| measured(dir, provenance, row))?;
        Ok(rows)
    }
}

impl Run {
    /// Reads a run's provenance alone, to see what can be verified beside its speeds.
    ///
    /// # Errors
    /// When the directory holds no run or an unfinished one.
    pub fn finished_provenance(dir: &Path) -> Result<Provenance, Error> {
        let provenance = read_provenance(dir)?;
        if provenance.finished.is_some() { Ok(provenance) } else { Err(Error::Unfinished(dir.to_owned())) }
    }
}

fn unchanged(dir: &Path, provenance: &Provenance) -> bool {
    let found = checksum::of_file(&dir.join(SEMANTICS)).ok();
    found.is_some() && found.as_ref() == provenance.checksums.get(SEMANTICS)
}

/// A verdict may stand only beside the speeds of what it is about.
fn measured(dir: &Path, provenance: &Provenance, row: &Semantics) -> Result<(), Error> {
    let name = &row.strategy;
    let problem = match provenance.strategies.iter().find(|strategy| strategy.name == *name) {
        None => format!("the run has no strategy {name:?}"),
        Some(known) if known.version != row.version => format!(
            "the run measured {name} with version {} of {}, but version {} was verified",
            known.version, known.upstream, row.version
        ),
        Some(_) => return Ok(()),
    };
    Err(Error::file(&dir.join(SEMANTICS), problem))
}
