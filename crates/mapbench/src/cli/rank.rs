use mapbench_report::Input;
use mapbench_results::Run;

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
    for dir in &arguments.runs.dirs {
        let run = keep(Run::read(dir)?, &arguments.filter)
            .map_err(|problem| Failure::usage(format!("{}: {problem}", dir.display())))?;
        let input = Input::of(&run);
        let text = if arguments.markdown {
            mapbench_report::rank_markdown(&input)
        } else {
            mapbench_report::rank_text(&input)
        };
        println!("{text}");
    }
    Ok(())
}

/// What the filter leaves of a run, compared anew: the best of a group is the best of what is left.
fn keep(mut run: Run, filter: &Filter) -> Result<Run, String> {
    let plan = &mut run.provenance.plan;
    for name in &filter.strategies {
        if !plan.strategies.contains(name) {
            return Err(format!("the run has no strategy `{name}`; it has {}", plan.strategies.join(", ")));
        }
    }
    plan.strategies.retain(|name| filter.strategies.is_empty() || filter.strategies.contains(name));
    plan.groups.retain(|group| {
        (filter.workloads.is_empty() || filter.workloads.contains(&group.workload))
            && (filter.read_pct.is_empty() || filter.read_pct.contains(&group.read_pct))
            && (filter.threads.is_empty() || filter.threads.contains(&group.threads))
    });
    if plan.groups.is_empty() {
        return Err("no cell of the run is left by these filters".to_owned());
    }
    let plan = plan.clone();
    run.provenance.strategies.retain(|strategy| plan.strategies.contains(&strategy.name));
    run.samples.retain(|sample| plan.strategies.contains(&sample.strategy) && plan.groups.contains(&sample.group()));
    run.cells = mapbench_report::summarise(&plan, run.provenance.host.cores, &run.samples);
    Ok(run)
}
