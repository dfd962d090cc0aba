//! The command line. One file a subcommand; what goes wrong becomes one line and an exit code here.

mod cmp;
mod diff;
mod filter;
mod list;
mod rank;
mod report;
mod run;
mod show;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mapbench_report::Text;
use mapbench_results::Run;

use crate::plan::PlanError;
use crate::registry::{Entry, Registry, UnknownName};
use crate::worker;

pub(crate) use filter::Filter;

/// Comparative benchmarks of concurrent maps.
#[derive(Parser)]
#[command(name = "mapbench", version, after_help = "Exit codes: 0 good, 2 bad usage or input, 130 interrupted.")]
struct Cli {
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Subcommand)]
enum Subcommands {
    /// Strategies, with versions and semantics, and workloads
    List(list::Arguments),
    /// Measure strategies side by side
    Run(run::Arguments),
    /// Write the page of a run again, one page of several runs, or tables
    Report(report::Arguments),
    /// Print the ranking of a run
    Rank(rank::Arguments),
    /// Compare strategies of a run with one of them, cell by cell
    Cmp(cmp::Arguments),
    /// Compare two runs, cell by cell
    Diff(diff::Arguments),
    /// Print a cell's parameters, the first operations of its stream, and a command to run it alone
    Show(show::Arguments),
    /// Serve slices to an orchestrator over standard input and output
    #[command(hide = true)]
    Worker,
}

/// Runs the command line over the built-in strategies and `more`.
#[must_use]
pub fn main(more: &[Entry]) -> ExitCode {
    let registry = Registry::with(more);
    let outcome = match Cli::parse().command {
        Subcommands::List(arguments) => list::run(&registry, &arguments),
        Subcommands::Run(arguments) => run::run(&registry, arguments),
        Subcommands::Report(arguments) => report::run(&arguments),
        Subcommands::Rank(arguments) => rank::run(&arguments),
        Subcommands::Cmp(arguments) => cmp::run(&arguments),
        Subcommands::Diff(arguments) => diff::run(&arguments),
        Subcommands::Show(arguments) => show::run(&registry, &arguments),
        Subcommands::Worker => worker::run(&registry).map_err(|error| Failure::usage(error.to_string())),
    };
    conclude(outcome)
}

/// Says what went wrong, if anything did.
pub(crate) fn conclude(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}

/// Why a command did not do what was asked: one line and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// Bad usage or input.
    pub(crate) fn usage(message: impl std::fmt::Display) -> Self {
        Self { message: format!("mapbench: {message}"), code: 2 }
    }

    /// Interrupted; what was measured is in `dir`.
    pub(crate) fn interrupted(dir: &Path) -> Self {
        let dir = dir.display();
        let message =
            format!("mapbench: interrupted; what was measured is kept: `mapbench run --resume {dir}` goes on");
        Self { message, code: 130 }
    }
}

impl From<mapbench_results::Error> for Failure {
    fn from(error: mapbench_results::Error) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<UnknownName> for Failure {
    fn from(error: UnknownName) -> Self {
        Self::usage(error.to_string())
    }
}

/// Run directories, as arguments.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Directories {
    /// Run directories
    #[arg(required = true, value_name = "DIR")]
    pub(crate) dirs: Vec<PathBuf>,
}

impl Directories {
    /// Prints a text about each run; where there are several, under the run's directory.
    fn show(&self, filter: &Filter, markdown: bool, text: impl Fn(&Run) -> Text) -> Result<(), Failure> {
        for (place, dir) in self.dirs.iter().enumerate() {
            let run = filter.read(dir)?;
            if self.dirs.len() > 1 {
                println!("{}{}:\n", if place == 0 { "" } else { "\n" }, dir.display());
            }
            print!("{}", in_format(&text(&run), markdown));
        }
        Ok(())
    }
}

fn in_format(text: &Text, markdown: bool) -> String {
    if markdown { text.markdown() } else { text.terminal() }
}
