use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use mapbench_report::Input;
use mapbench_results::{PROVENANCE, RUN_FILES, Run};

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
    /// One file for all runs, new or an earlier page; else a page goes to report.html in each run's directory, and Markdown to
    /// the terminal
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

/// What a page begins with, in any case.
const BEGINNING: &[u8] = b"<!doctype html";

impl Format {
    /// Refuses what a slip of the hand would have written over: a run's data, a workload, whatever is no output of this
    /// command.
    fn may_be_written(self, file: &Path) -> Result<(), Failure> {
        let refuse =
            |problem: &str| Err(Failure::usage(format!("{}: {problem}; name another file with -o", file.display())));
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if RUN_FILES.contains(&name) && file.with_file_name(PROVENANCE).exists() {
            return refuse("this is a file of a run, which only `mapbench run` writes");
        }
        // Nothing is lost of what is no file, as a terminal, or is empty.
        if !std::fs::metadata(file).is_ok_and(|found| found.is_file() && found.len() > 0) {
            return Ok(());
        }
        match self {
            Self::Html if !begins_as_a_page(file) => refuse("there is a file already, and it is no earlier page"),
            Self::Md if file.extension().is_none_or(|extension| extension != "md") => {
                refuse("there is a file already, and it is no Markdown by its name")
            }
            _ => Ok(()),
        }
    }
}

fn begins_as_a_page(file: &Path) -> bool {
    let mut beginning = [0; BEGINNING.len()];
    let read = File::open(file).and_then(|mut file| file.read_exact(&mut beginning));
    read.is_ok() && beginning.eq_ignore_ascii_case(BEGINNING)
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let dirs = &arguments.runs.dirs;
    if let Some(file) = &arguments.output {
        arguments.format.may_be_written(file)?;
    }
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
