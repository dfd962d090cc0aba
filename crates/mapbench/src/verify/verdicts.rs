//! What was found, for people and for machines.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use mapbench_conformance::verify as checks;
use mapbench_report::{Standing, counted};
use mapbench_results::{Build, Host, Run, Semantics, Verdict, time};
use serde::Serialize;

use crate::failure::Failure;
use crate::run::{self, PAGE, write_page};
use crate::{output, provenance};

/// The file that holds the [`Document`], beside the rows.
const DOCUMENT: &str = "verify.json";

/// What one check found of one strategy.
#[derive(Serialize)]
pub(crate) struct Found {
    #[serde(flatten)]
    pub(crate) row: Semantics,
    /// The smallest violation, drawn.
    pub(crate) picture: Option<String>,
    /// The command that makes the check again.
    pub(crate) again: String,
}

/// What all checks found.
pub(crate) struct Verdicts {
    pub(crate) started: SystemTime,
    /// Nothing interrupted it.
    pub(crate) complete: bool,
    pub(crate) found: Vec<Found>,
}

/// The whole of it, for machines.
#[derive(Serialize)]
struct Document<'a> {
    mapbench_version: &'static str,
    started: String,
    complete: bool,
    command: Vec<String>,
    verdict: Verdict,
    host: Host,
    build: Build,
    checks: &'a [Found],
}

impl Verdicts {
    pub(crate) fn rows(&self) -> Vec<Semantics> {
        self.found.iter().map(|found| found.row.clone()).collect()
    }

    fn any(&self, verdict: Verdict) -> impl Iterator<Item = &Found> {
        self.found.iter().filter(move |found| found.row.verdict == verdict)
    }

    /// What all together say: the worst of them.
    fn verdict(&self) -> Verdict {
        let rows = self.rows();
        let standings = Standing::all(&rows);
        let order = [Verdict::Violated, Verdict::Undecided, Verdict::Detected, Verdict::Verified];
        let worst = order.into_iter().find(|verdict| standings.iter().any(|standing| standing.verdict() == *verdict));
        worst.unwrap_or(Verdict::NotApplicable)
    }

    /// For machines.
    pub(crate) fn json(&self) -> String {
        let document = Document {
            mapbench_version: env!("CARGO_PKG_VERSION"),
            started: time::rfc3339(self.started),
            complete: self.complete,
            command: run::command(),
            verdict: self.verdict(),
            host: provenance::host(0),
            build: provenance::build(),
            checks: &self.found,
        };
        serde_json::to_string_pretty(&document).expect("a document is plain data") + "\n"
    }

    /// For a terminal: the table, then what is wrong, drawn.
    pub(crate) fn text(&self, long: bool) -> String {
        let mut text = output::shown(&mapbench_report::semantics(&self.rows(), long));
        for verdict in [Verdict::Undecided, Verdict::Violated] {
            for Found { row, picture, again } in self.any(verdict) {
                let declared =
                    if row.declared.is_empty() { String::new() } else { format!(" (declares {})", row.declared) };
                text += &format!("\n{}{declared}, {}: {}\n", row.strategy, row.check, row.verdict.name());
                for line in row.detail.lines().chain(picture.iter().flat_map(|picture| picture.lines())) {
                    text += format!("    {line}").trim_end();
                    text.push('\n');
                }
                text += &format!("    again, seed {}: {again}\n", row.seed);
            }
        }
        text
    }

    /// One line, and the exit code.
    pub(crate) fn conclude(&self) -> Result<(), Failure> {
        let number = |verdict| counted(self.any(verdict).count(), "check");
        let (checks, strategies) = (self.found.len(), Standing::all(&self.rows()).len());
        let violated = self.any(Verdict::Violated).next().is_some();
        let undecided = self.any(Verdict::Undecided).next().is_some();
        if violated {
            output::aside(format_args!(
                "mapbench: violated: {} of {checks} over {strategies} strategies",
                number(Verdict::Violated)
            ));
        }
        if !self.complete {
            output::aside(format_args!("mapbench: interrupted after {}", counted(checks, "check")));
        }
        if undecided {
            output::aside(format_args!(
                "mapbench: undecided: {} of {checks}; a longer --seconds may decide",
                number(Verdict::Undecided)
            ));
        }
        match (violated, self.complete, undecided) {
            (true, _, _) => Err(Failure::no()),
            (_, false, _) => Err(Failure::stopped()),
            (_, _, true) => Err(Failure::inconclusive()),
            (false, true, false) => Ok(()),
        }
    }

    /// Writes the rows and the document into a directory.
    pub(crate) fn write(&self, dir: &Path) -> Result<Vec<PathBuf>, Failure> {
        let rows = Semantics::write(dir, &self.rows())?;
        let document = dir.join(DOCUMENT);
        std::fs::write(&document, self.json())
            .map_err(|error| Failure::usage(format!("cannot write {}: {error}", document.display())))?;
        Ok(vec![rows, document])
    }

    /// Puts the rows into a run, and writes its page again.
    pub(crate) fn put(&self, dir: &Path) -> Result<Vec<PathBuf>, Failure> {
        let rows = Semantics::put(dir, &self.rows())?;
        let page = dir.join(PAGE);
        write_page(&[Run::read(dir)?], &page)?;
        Ok(vec![rows, page])
    }
}

/// A directory under `bench-results` that is named after this second and this machine.
pub(crate) fn fresh_dir() -> PathBuf {
    let host = run::file_name(&provenance::host(0).name);
    run::results_dir().join(format!("verify-{}-{host}", time::compact(SystemTime::now())))
}

/// A verdict as results write it.
pub(super) fn recorded(verdict: checks::Verdict) -> Verdict {
    match verdict {
        checks::Verdict::Verified => Verdict::Verified,
        checks::Verdict::Violated => Verdict::Violated,
        checks::Verdict::Undecided => Verdict::Undecided,
        checks::Verdict::NotApplicable => Verdict::NotApplicable,
        checks::Verdict::Detected => Verdict::Detected,
    }
}
