//! The command line. One file a subcommand; what goes wrong becomes one line and an exit code here.

mod claim_worker;
mod claims;
mod cmp;
mod completions;
mod count_operations;
mod diff;
mod filter;
mod forecast;
mod gate;
mod list;
mod rank;
mod report;
mod run;
#[cfg(feature = "service")]
mod serve;
mod show;
mod verify;

use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use mapbench_report::Text;
use mapbench_results::Run;

use crate::bench;
use crate::failure::{Failure, conclude};
use crate::output;
use crate::registry::{Entry, Registry};

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
    /// Serve a map over HTTP
    #[cfg(feature = "service")]
    Serve(serve::Arguments),
    /// Count contention on virtual cores, and forecast throughput on more cores than there are
    Forecast(forecast::Arguments),
    /// Print a cell's parameters, the first operations of its stream, and a command to run it alone
    Show(show::Arguments),
    /// Check that strategies are what they declare, or judge a recorded history
    Verify(verify::Arguments),
    /// Print what a shell needs to complete this command line
    Completions(completions::Arguments),
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
///
/// The whole of a bench target too: a map's own repository needs no more than
///
/// ```no_run
/// # mod adapter { pub use mapbench_adapter_lock::StdMutex as MyMap; }
/// use mapbench::Entry;
///
/// fn main() -> std::process::ExitCode {
///     mapbench::main(&[Entry::of::<adapter::MyMap>().from_checkout(env!("CARGO_MANIFEST_DIR"))])
/// }
/// ```
///
/// with `harness = false`. Then `cargo bench` measures the sweep, with the flags of [`bench`](crate::bench), and
/// `cargo bench -- run --strategy my-map,dashmap` is `mapbench run`.
#[must_use]
pub fn main(more: &[Entry]) -> ExitCode {
    let mut words: Vec<OsString> = std::env::args_os().collect();
    // Cargo's last word to every bench target.
    let from_cargo = words.len() > 1 && words.last().is_some_and(|word| word == "--bench");
    if from_cargo {
        words.pop();
        if !is_subcommand(words.get(1)) {
            let arguments = bench::Arguments::parse_from(words);
            return bench::sweep(more, &arguments).conclude();
        }
    }
    let registry = Registry::with(more);
    let cli = Cli::from_arg_matches(&command().get_matches_from(words)).unwrap_or_else(|error| error.exit());
    let outcome = match cli.command {
        Subcommands::List(arguments) => list::run(&registry, &arguments),
        Subcommands::Run(arguments) => run::run(&registry, arguments),
        Subcommands::Report(arguments) => report::run(&arguments),
        Subcommands::Rank(arguments) => rank::run(&arguments),
        Subcommands::Cmp(arguments) => cmp::run(&arguments),
        Subcommands::Diff(arguments) => diff::run(&arguments),
        Subcommands::Gate(arguments) => gate::run(&registry, arguments),
        Subcommands::Claims(arguments) => claims::run(&registry, arguments),
        Subcommands::ClaimWorker(arguments) => claim_worker::run(&registry, &arguments),
        #[cfg(feature = "service")]
        Subcommands::Serve(arguments) => serve::run(&registry, arguments),
        Subcommands::Forecast(arguments) => forecast::run(&registry, &arguments),
        Subcommands::Show(arguments) => show::run(&registry, &arguments),
        Subcommands::Verify(arguments) => verify::run(&registry, &arguments),
        Subcommands::Completions(arguments) => completions::run(&arguments),
        Subcommands::VerifyWorker(arguments) => verify::serve(&registry, &arguments),
        Subcommands::CountOperations(arguments) => count_operations::run(&registry, &arguments),
        Subcommands::Worker => crate::serve::run(&registry).map_err(|error| Failure::usage(error.to_string())),
    };
    conclude(outcome)
}

/// The command line. A negative number is a value, so that its option says what it takes instead.
fn command() -> clap::Command {
    Cli::command().mut_subcommands(|subcommand| {
        subcommand.mut_args(|arg| {
            let takes_value = arg.get_long().is_some() && arg.get_action().takes_values();
            if takes_value { arg.allow_negative_numbers(true) } else { arg }
        })
    })
}

/// Reads whole numbers of a range; whatever else there is, is refused with the range.
fn whole(range: RangeInclusive<u64>) -> impl Fn(&str) -> Result<u64, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| format!("{text} is no whole number in {}..={}", range.start(), range.end()))
    }
}

/// Whether a first word is for the command line, not a filter or a flag of `cargo bench`.
fn is_subcommand(word: Option<&OsString>) -> bool {
    let Some(word) = word.and_then(|word| word.to_str()) else { return false };
    ["help", "--help", "-h", "--version", "-V"].contains(&word) || Cli::command().find_subcommand(word).is_some()
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
                output::line(format_args!("{}{}:\n", if place == 0 { "" } else { "\n" }, dir.display()))?;
            }
            output::print(in_format(&text(&run), markdown))?;
        }
        Ok(())
    }
}

fn in_format(text: &Text, markdown: bool) -> String {
    if markdown { text.markdown() } else { text.terminal() }
}

#[cfg(test)]
mod tests {
    use super::{Cli, is_subcommand};
    use clap::CommandFactory;
    use std::ffi::OsString;

    #[test]
    fn the_command_line_is_sound() {
        super::command().debug_assert();
    }

    #[test]
    fn every_help_shows_an_example() {
        for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(after.contains(&format!("mapbench {}", command.get_name())), "{}: {after}", command.get_name());
        }
    }

    #[test]
    fn a_bench_target_tells_a_subcommand_from_a_filter() {
        let told = |word: &str| is_subcommand(Some(&OsString::from(word)));
        for word in ["run", "verify-worker", "worker", "help", "--help", "-V"] {
            assert!(told(word), "{word}");
        }
        for word in ["dashmap", "--quick", "read-90", ""] {
            assert!(!told(word), "{word}");
        }
        assert!(!is_subcommand(None));
    }
}
