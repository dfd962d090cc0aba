//! The command line. One file a subcommand; what goes wrong becomes one line and an exit code here.

mod claim_worker;
mod claims;
mod cmp;
mod count_operations;
mod diff;
mod filter;
mod gate;
mod list;
mod rank;
mod report;
mod run;
mod show;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mapbench_report::Text;
use mapbench_results::Run;

use crate::failure::{Failure, conclude};
use crate::registry::{Entry, Registry};
use crate::serve;

pub(crate) use filter::Filter;

/// Comparative benchmarks of concurrent maps.
#[derive(Parser)]
#[command(
    name = "mapbench",
    version,
    after_help = "Exit codes: 0 good, 1 the answer is no, 2 bad usage or input, 3 inconclusive, 130 interrupted."
)]
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
    /// Judge a candidate against a base, with a stated error rate
    Gate(gate::Arguments),
    /// Test what others claim about maps
    Claims(claims::Arguments),
    /// Print a cell's parameters, the first operations of its stream, and a command to run it alone
    Show(show::Arguments),
    /// Check that strategies are what they declare, or judge a recorded history
    Verify(verify::Arguments),
    /// Make one check of one strategy for an orchestrator
    #[command(hide = true)]
    VerifyWorker(verify::WorkerArguments),
    /// Put a strategy through a scenario for an orchestrator
    #[command(hide = true, name = crate::claims::SUBCOMMAND)]
    ClaimWorker(claim_worker::Arguments),
    /// Serve slices to an orchestrator over standard input and output
    #[command(hide = true)]
    Worker,
    /// Do so many operations of the cell on standard input, for valgrind to count
    #[command(hide = true, name = crate::gate::instructions::SUBCOMMAND)]
    CountOperations(count_operations::Arguments),
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
        Subcommands::Gate(arguments) => gate::run(&registry, arguments),
        Subcommands::Claims(arguments) => claims::run(&registry, arguments),
        Subcommands::ClaimWorker(arguments) => claim_worker::run(&registry, &arguments),
        Subcommands::Show(arguments) => show::run(&registry, &arguments),
        Subcommands::Verify(arguments) => verify::run(&registry, &arguments),
        Subcommands::VerifyWorker(arguments) => verify::serve(&registry, &arguments),
        Subcommands::CountOperations(arguments) => count_operations::run(&registry, &arguments),
        Subcommands::Worker => serve::run(&registry).map_err(|error| Failure::usage(error.to_string())),
    };
    conclude(outcome)
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
