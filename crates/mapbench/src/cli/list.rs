use std::fmt::Write;

use mapbench_report::Standing;
use mapbench_results::Semantics;
use mapbench_workload::Workload;

use crate::failure::Failure;
use crate::output;
use crate::registry::{Registry, left_out};
use crate::run::results_dir;
use crate::shipped::SHIPPED;
use crate::verify;

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
    /// The workloads as a Markdown table; with --workloads
    #[arg(long, requires = "workloads", conflicts_with = "strategies")]
    markdown: bool,
}

pub(super) fn run(registry: &Registry, arguments: &Arguments) -> Result<(), Failure> {
    if arguments.markdown {
        return output::print(workloads_table());
    }
    let mut text = String::new();
    if !arguments.workloads {
        let (verified, unreadable) = verify::newest(&results_dir(), registry);
        unreadable.iter().for_each(|problem| output::aside(format_args!("mapbench: left out: {problem}")));
        strategies(&mut text, registry, &verified, arguments.long).expect("a string takes all text");
    }
    if !arguments.strategies {
        workloads(&mut text).expect("a string takes all text");
    }
    output::print(text)
}

fn strategies(text: &mut String, registry: &Registry, verified: &[Semantics], long: bool) -> std::fmt::Result {
    for entry in registry.entries() {
        let info = &entry.info;
        writeln!(text, "{}  ({} {})", info.name, info.upstream, entry.version())?;
        writeln!(text, "    {}", info.summary)?;
        writeln!(
            text,
            "    {}; reads {}; iteration {}; reclamation {}",
            info.consistency, info.read_progress, info.iteration, info.reclamation
        )?;
        if let Some(standing) = Standing::of(info.name, verified) {
            let day = standing.finished().split('T').next().unwrap_or_default();
            writeln!(text, "    checks: {} ({day}; {})", standing.checks(), standing.extent())?;
            if let Some(staleness) = standing.staleness() {
                writeln!(text, "    staleness: {staleness}")?;
            }
        }
        for lack in entry.declared().unsupported {
            writeln!(text, "    n/a: {lack}")?;
        }
        if long {
            writeln!(text, "    configuration: {}", entry.configuration())?;
            writeln!(text, "    notes: {}", info.notes)?;
        }
    }
    let absent = left_out();
    if !absent.is_empty() {
        writeln!(text, "not in this build: the strategies of the features {}", absent.join(", "))?;
    }
    Ok(())
}

fn workloads(text: &mut String) -> std::fmt::Result {
    for (_, definition) in SHIPPED {
        for workload in Workload::parse(definition).expect("shipped workloads are sound") {
            writeln!(text, "workload {}", workload.name)?;
            writeln!(text, "    {}", workload.question)?;
            writeln!(text, "    {}", workload.in_words())?;
            writeln!(text, "    source: {}", workload.source)?;
            if let Some(note) = &workload.note {
                writeln!(text, "    note: {note}")?;
            }
        }
    }
    Ok(())
}

/// The shipped workloads as a table, for README.
fn workloads_table() -> String {
    let mut text = String::from("| workload | question | what it does | source |\n| --- | --- | --- | --- |\n");
    for (name, definition) in SHIPPED {
        let workloads = Workload::parse(definition).expect("shipped workloads are sound");
        let first = &workloads[0];
        let note = first.note.as_ref().map(|note| format!(" {note}")).unwrap_or_default();
        let row = [
            format!("[{name}](crates/mapbench/workloads/{name}.toml)"),
            first.question.clone(),
            format!("{}.{note}", first.in_words()),
            first.source.clone(),
        ];
        writeln!(text, "| {} |", row.map(|cell| cell.replace('|', "\\|")).join(" | "))
            .expect("a string takes all text");
    }
    text
}
