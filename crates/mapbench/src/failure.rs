//! Why a command did not do what was asked, or what it has to answer: a line, and the exit code.

use std::fmt::Display;
use std::path::Path;
use std::process::ExitCode;

use crate::output;
use crate::plan::PlanError;
use crate::registry::UnknownName;

/// What a command ends with that did not end well.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// Bad usage or input.
    pub(crate) fn usage(message: impl Display) -> Self {
        Self { message: format!("mapbench: {message}"), code: 2 }
    }

    /// The answer is "no". What there is to say was said.
    pub(crate) const fn no() -> Self {
        Self { message: String::new(), code: 1 }
    }

    /// There is no answer. What there is to say was said.
    pub(crate) const fn inconclusive() -> Self {
        Self { message: String::new(), code: 3 }
    }

    /// Interrupted; what was measured is in `dir`.
    pub(crate) fn interrupted(dir: &Path) -> Self {
        let dir = dir.display();
        let message =
            format!("mapbench: interrupted; what was measured is kept: `mapbench run --resume {dir}` goes on");
        Self { message, code: 130 }
    }

    /// Interrupted before anything was measured, or what there is to say was said.
    pub(crate) const fn stopped() -> Self {
        Self { message: String::new(), code: 130 }
    }

    /// Interrupted; what was measured is in `dir`, if anything is, but nothing goes on from there.
    pub(crate) fn abandoned(dir: &Path) -> Self {
        let holds_something = std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
        let message = if holds_something {
            format!("mapbench: interrupted; what was measured is kept in {}", dir.display())
        } else {
            "mapbench: interrupted; nothing was measured to its end, and nothing is kept".to_owned()
        };
        Self { message, code: 130 }
    }
}

/// Says what went wrong, if anything did.
pub(crate) fn conclude(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.message.is_empty() {
                output::aside(&failure.message);
            }
            ExitCode::from(failure.code)
        }
    }
}

impl From<mapbench_results::Error> for Failure {
    fn from(error: mapbench_results::Error) -> Self {
        Self::usage(error)
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        Self::usage(error)
    }
}

impl From<UnknownName> for Failure {
    fn from(error: UnknownName) -> Self {
        Self::usage(error)
    }
}
