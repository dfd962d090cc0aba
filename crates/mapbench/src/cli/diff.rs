use std::path::PathBuf;

use mapbench_report::{Cells, Input};

use super::{Failure, Filter, in_format};
use crate::output;

#[derive(clap::Args)]
#[command(
    after_help = "Example: mapbench diff bench-results/20260101T120000Z-host bench-results/20260201T120000Z-host --changed"
)]
pub(super) struct Arguments {
    /// The run to compare with
    #[arg(value_name = "DIR_A")]
    a: PathBuf,
    /// The run to compare
    #[arg(value_name = "DIR_B")]
    b: PathBuf,
    #[command(flatten)]
    filter: Filter,
    /// Only cells whose ratio's interval does not cover 1
    #[arg(long)]
    changed: bool,
    /// As Markdown
    #[arg(long)]
    markdown: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (a, b) = (arguments.filter.read(&arguments.a)?, arguments.filter.read(&arguments.b)?);
    let which = if arguments.changed { Cells::Changed } else { Cells::All };
    let text = mapbench_report::diff(&Input::of(&a), &Input::of(&b), which);
    output::print(in_format(&text, arguments.markdown))
}
