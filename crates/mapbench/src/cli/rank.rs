use mapbench_report::{Input, ranking};

use super::{Directories, Failure, Filter};

#[derive(clap::Args)]
#[command(after_help = "Example: mapbench rank bench-results/20260101T120000Z-host --read-pct 90 --threads 2")]
pub(super) struct Arguments {
    #[command(flatten)]
    runs: Directories,
    #[command(flatten)]
    filter: Filter,
    /// As Markdown
    #[arg(long)]
    markdown: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    arguments.runs.show(&arguments.filter, arguments.markdown, |run| ranking(&Input::of(run)))
}
