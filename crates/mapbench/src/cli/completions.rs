use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::Cli;
use crate::failure::Failure;
use crate::output;

#[derive(clap::Args)]
#[command(after_help = "Example: mapbench completions bash > ~/.local/share/bash-completion/completions/mapbench")]
pub(super) struct Arguments {
    /// The shell that they are for
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut script = Vec::new();
    generate(arguments.shell, &mut Cli::command(), "mapbench", &mut script);
    output::print(String::from_utf8_lossy(&script))
}
