use std::fmt::Write;

use super::Failure;
use crate::plan::SHIPPED;
use crate::registry::Registry;
use mapbench_workload::Workload;

#[derive(clap::Args)]
#[command(after_help = "Example: mapbench list --long")]
pub(super) struct Arguments {
    /// Strategies alone
    #[arg(long, conflicts_with = "workloads")]
    strategies: bool,
    /// Workloads alone
    #[arg(long)]
    workloads: bool,
    /// Configuration and notes too
    #[arg(long)]
    long: bool,
}

pub(super) fn run(registry: &Registry, arguments: &Arguments) -> Result<(), Failure> {
    let mut text = String::new();
    if !arguments.workloads {
        strategies(&mut text, registry, arguments.long).expect("a string takes all text");
    }
    if !arguments.strategies {
        workloads(&mut text).expect("a string takes all text");
    }
    print!("{text}");
    Ok(())
}

fn strategies(text: &mut String, registry: &Registry, long: bool) -> std::fmt::Result {
    for entry in registry.entries() {
        let info = &entry.info;
        writeln!(text, "{}  ({} {})", info.name, info.upstream, info.version)?;
        writeln!(text, "    {}", info.summary)?;
        writeln!(
            text,
            "    {}; reads {}; iteration {}; reclamation {}",
            info.consistency, info.read_progress, info.iteration, info.reclamation
        )?;
        for lack in entry.declared().unsupported {
            writeln!(text, "    n/a: {lack}")?;
        }
        if long {
            writeln!(text, "    configuration: {}", info.configuration)?;
            writeln!(text, "    notes: {}", info.notes)?;
        }
    }
    Ok(())
}

fn workloads(text: &mut String) -> std::fmt::Result {
    for (name, definition) in SHIPPED {
        let workload = Workload::parse(definition).expect("shipped workloads are sound");
        writeln!(text, "workload {name}")?;
        writeln!(text, "    {}", workload.question)?;
        writeln!(text, "    {} entries, keys from a range of {}", workload.population, workload.key_range)?;
    }
    Ok(())
}
