use std::path::{Path, PathBuf};

use mapbench_report::Input;
use mapbench_results::Run;

use super::{Directories, Failure, Filter};
use crate::output;
use crate::run::{PAGE, write_page};

#[derive(clap::Args)]
#[command(
    after_help = "Examples: mapbench report bench-results/20260101T120000Z-host\n          mapbench report DIR_A DIR_B -o both.html"
)]
pub(super) struct Arguments {
    #[command(flatten)]
    runs: Directories,
    /// One file for all runs; else a page goes to report.html in each run's directory, and Markdown to the terminal
    #[arg(short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// A page to open, or tables to paste
    #[arg(long, value_enum, default_value = "html")]
    format: Format,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum Format {
    Html,
    Md,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let dirs = &arguments.runs.dirs;
    match arguments.format {
        Format::Html => pages(dirs, arguments.output.as_deref()),
        Format::Md => tables(dirs, arguments.output.as_deref()),
    }
}

fn pages(dirs: &[PathBuf], output: Option<&Path>) -> Result<(), Failure> {
    let runs: Vec<Run> = dirs.iter().map(|dir| Run::read(dir)).collect::<Result<_, _>>()?;
    let page = |runs: &[Run], file: &Path| {
        write_page(runs, file)?;
        output::line(file.display())
    };
    match output {
        Some(file) => page(&runs, file),
        None => runs.chunks(1).try_for_each(|run| page(run, &run[0].dir.join(PAGE))),
    }
}

fn tables(dirs: &[PathBuf], output: Option<&Path>) -> Result<(), Failure> {
    // Read as with any filter, which summarises unfinished runs too.
    let runs: Vec<Run> = dirs.iter().map(|dir| Filter::default().read(dir)).collect::<Result<_, _>>()?;
    let texts: Vec<String> = runs.iter().map(|run| mapbench_report::tables(&Input::of(run)).markdown()).collect();
    let text = texts.join("\n");
    match output {
        Some(file) => std::fs::write(file, text)
            .map_err(|error| Failure::usage(format!("cannot write {}: {error}", file.display())))?,
        None => output::print(text)?,
    }
    Ok(())
}
