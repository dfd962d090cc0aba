use mapbench_report::{Input, compare};

use super::{Directories, Failure, Filter};

#[derive(clap::Args)]
#[command(
    after_help = "Example: mapbench cmp bench-results/20260101T120000Z-host --strategy dashmap,papaya --read-pct 90",
    mut_arg("strategies", |strategies| strategies.required(true))
)]
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
    let strategies = &arguments.filter.strategies;
    let [first, others @ ..] = strategies.as_slice() else { return Err(too_few()) };
    if others.is_empty() {
        return Err(too_few());
    }
    if others.contains(first) {
        return Err(Failure::usage(format!("`{first}` cannot be compared with itself")));
    }
    arguments.runs.show(&arguments.filter, arguments.markdown, |run| compare(&Input::of(run), strategies))
}

fn too_few() -> Failure {
    Failure::usage("cmp takes two or more strategies, the first to compare the others with: --strategy A,B")
}
