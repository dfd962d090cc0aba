use std::io;
use std::path::{Path, PathBuf};

use crate::SCHEMA_VERSION;

/// Why a run cannot be read or written. Each message is one line that names the file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory already holds a run.
    #[error("{} holds a run already: continue it with --resume, or choose another directory", .0.display())]
    Exists(PathBuf),
    /// Another process writes to the directory.
    #[error("{} is being written by another mapbench: wait until it ends, or choose another directory", .0.display())]
    Busy(PathBuf),
    /// The run is finished: nothing can be added.
    #[error("{} holds a finished run: nothing is left to measure; choose another directory for a new run", .0.display())]
    Finished(PathBuf),
    /// The run is not finished: nothing can stand beside its numbers.
    #[error("{} holds an unfinished run: finish it first with `mapbench run --resume`", .0.display())]
    Unfinished(PathBuf),
    /// The directory holds no run.
    #[error("{} holds no run: there is no provenance.json in it; give the directory that `mapbench run` named", .0.display())]
    NoRun(PathBuf),
    /// The run has another schema.
    #[error(
        "{} has schema version {found}; this mapbench reads versions 1 to {SCHEMA_VERSION} and continues version \
         {SCHEMA_VERSION}: use mapbench {program} for this run",
        file.display()
    )]
    Version {
        /// The provenance.
        file: PathBuf,
        /// The version in it.
        found: u64,
        /// The version of the program that wrote the run.
        program: String,
    },
    /// A place in a file is wrong.
    #[error("{}, line {line}: {problem}", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A file as a whole is wrong.
    #[error("{}: {problem}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The system refused to read.
    #[error("{}: cannot be read: {source}", file.display())]
    Read {
        /// The file or directory.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused to begin a run.
    #[error("{}: cannot be made: {source}; choose another directory", file.display())]
    Create {
        /// The file or directory.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused to write, as when the disk is full.
    #[error(
        "{}: cannot be written: {source}; nothing measured so far is lost: put that right and continue with --resume",
        file.display()
    )]
    Write {
        /// The file or directory.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn line(file: &Path, line: u64, problem: &str) -> Self {
        // Whatever a foreign file holds, the message stays one line.
        Self::Line { file: file.to_owned(), line, problem: problem.replace(['\n', '\r'], " ") }
    }

    pub(crate) fn file(file: &Path, problem: impl Into<String>) -> Self {
        Self::File { file: file.to_owned(), problem: problem.into() }
    }

    pub(crate) fn read(file: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Read { file: file.to_owned(), source }
    }

    pub(crate) fn create(file: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Create { file: file.to_owned(), source }
    }

    pub(crate) fn write(file: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Write { file: file.to_owned(), source }
    }
}
