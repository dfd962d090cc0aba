use std::path::PathBuf;

use mapbench_results::Run;

use super::{Directories, Failure};
use crate::run::{PAGE, write_page};

#[derive(clap::Args)]
#[command(after_help = "Example: mapbench report bench-results/20260101T120000Z-host -o page.html")]
pub(super) struct Arguments {
    #[command(flatten)]
    runs: Directories,
    /// The page's file, for one run; report.html in the run's directory by default
    #[arg(short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.output.is_some() && arguments.runs.dirs.len() > 1 {
        return Err(Failure::usage("-o names one file: give one run with it".to_owned()));
    }
    for dir in &arguments.runs.dirs {
        let run = Run::read(dir)?;
        let path = arguments.output.clone().unwrap_or_else(|| dir.join(PAGE));
        write_page(&run, &path)?;
        println!("{}", path.display());
    }
    Ok(())
}
