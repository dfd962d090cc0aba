use std::path::PathBuf;

use mapbench_report::{Input, costs};
use mapbench_results::{Group, PROVENANCE, Run, Status};
use mapbench_workload::{HasherName, Percent, Stream, key_of};

use super::Failure;
use crate::output;
use crate::plan::{self, Choice, Profile};
use crate::registry::Registry;
use crate::shipped::SHIPPED;
use crate::sweep::{placement, stream_seeds};
use crate::system;

#[derive(clap::Args)]
#[command(after_help = "Example: mapbench show ratio-sweep/read-90/threads-2/dashmap")]
pub(super) struct Arguments {
    /// The cell, as `cargo bench -p mapbench -- --list` names it: WORKLOAD/read-N/threads-N/STRATEGY
    #[arg(value_name = "CELL")]
    cell: String,
    /// Seed of the run: that of --run, or else 1, by default
    #[arg(long, value_parser = super::whole(0..=u64::MAX))]
    seed: Option<u64>,
    /// The hasher of the map, in place of the workload's own, as the run had it: that of --run by default
    #[arg(long, value_name = "NAME", value_parser = super::run::hasher)]
    hasher: Option<HasherName>,
    /// The run that the cell is of, which knows its own workloads; what it measured of the cell beside throughput is shown too
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// The fork whose stream is shown
    #[arg(long, default_value_t = 0)]
    fork: u32,
}

pub(super) fn run(registry: &Registry, arguments: &Arguments) -> Result<(), Failure> {
    let wanted = parse(&arguments.cell).ok_or_else(|| {
        let cell = &arguments.cell;
        Failure::usage(format!("`{cell}` is no cell: say it as ratio-sweep/read-90/threads-2/dashmap"))
    })?;
    let processors = system::processors();
    let run = arguments.run.as_deref().map(Run::read).transpose()?;
    let plan = run.as_ref().map(|run| &run.provenance.plan);
    let seed = arguments.seed.or(plan.map(|plan| plan.seed)).unwrap_or(1);
    let hasher = arguments.hasher.or(plan.and_then(plan::hasher_of));
    let definitions = plan.map(|plan| plan.workloads.clone()).unwrap_or_default();
    let choice = Choice {
        strategies: vec![wanted.strategy.to_owned()],
        workloads: vec![wanted.workload.to_owned()],
        read_pct: vec![wanted.read_pct],
        threads: vec![wanted.threads],
        hasher,
        definitions,
        ..Choice::default()
    };
    let (plan, workloads) = plan::plan(Profile::Standard, &choice, seed, 1 << 30, registry, processors.len() as u32)?;
    let [group] = plan.groups.as_slice() else { return Err(several(wanted.workload, &plan.groups)) };
    let workload = &workloads[&group.workload];
    let load = workload.load(wanted.read_pct);
    output::line(format_args!("{}: {}", arguments.cell.trim_start_matches("sweep/"), workload.question))?;
    output::line(workload.in_words())?;
    if let Some(reason) = registry.find(wanted.strategy)?.refuses(&load, wanted.threads) {
        output::line(format_args!("n/a: {reason}"))?;
    }
    if let Some(trace) = &load.trace {
        output::line(format_args!("its operations are those of {trace}"))?;
        return Ok(());
    }
    let places = placement(&processors, wanted.threads);
    for (seed, thread) in stream_seeds(seed, arguments.fork, wanted.threads).into_iter().zip(0..) {
        let stream = Stream::of(&load, wanted.threads, thread, seed);
        let role = load.role(wanted.threads, thread);
        let place =
            places.get(thread as usize).map_or_else(|| "unpinned".to_owned(), |cpu| format!("on processor {cpu}"));
        output::line(format_args!(
            "thread {thread} {place}, {}: {}; stream {:016x}, {} operations, begins with",
            role.name,
            role.mix,
            stream.digest(),
            stream.ops().len()
        ))?;
        for op in stream.ops().iter().take(8) {
            output::line(format_args!("    {} {:#018x} (index {})", op.kind().name(), key_of(op.index()), op.index()))?;
        }
    }
    let (whence, again) = again(&wanted, &workload.name, run.as_ref());
    let hasher = hasher.map_or_else(String::new, |hasher| format!(" --hasher {hasher}"));
    output::line(format_args!(
        "to run it alone{whence}: mapbench run --strategy {} --workload {again} --read-pct {} --threads {} --seed {seed}{hasher}",
        wanted.strategy, wanted.read_pct, wanted.threads
    ))?;
    if let Some(run) = run {
        measured(run, group, wanted.strategy)?;
    }
    Ok(())
}

/// How `mapbench run` is given a workload, and what there is to do before, if anything.
fn again(wanted: &Wanted<'_>, workload: &str, run: Option<&Run>) -> (String, String) {
    if plan::file_named(wanted.workload).is_some() {
        return (String::new(), wanted.workload.to_owned());
    }
    let (name, values) = workload.split_at(workload.find('@').unwrap_or(workload.len()));
    match run {
        Some(run)
            if run
                .provenance
                .plan
                .workloads
                .get(name)
                .is_some_and(|text| !SHIPPED.iter().any(|(_, shipped)| shipped == text)) =>
        {
            (
                format!(", with plan.workloads.{name} of {} as {name}.toml", run.dir.join(PROVENANCE).display()),
                format!("{name}.toml{values}"),
            )
        }
        _ => (String::new(), workload.to_owned()),
    }
}

/// A cell is of one workload.
fn several(name: &str, groups: &[Group]) -> Failure {
    let named = |group: &Group| match (plan::file_named(name), group.workload.split_once('@')) {
        (Some((file, _)), Some((_, values))) => format!("{file}@{values}"),
        _ => group.workload.clone(),
    };
    let names: Vec<String> = groups.iter().map(named).collect();
    Failure::usage(format!("`{name}` stands for several workloads: say which of {}", names.join(", ")))
}

/// What a run measured of the cell beside its throughput: over all forks, then fork by fork.
fn measured(mut run: Run, group: &Group, strategy: &str) -> Result<(), Failure> {
    run.provenance.plan.strategies.retain(|name| name == strategy);
    run.samples.retain(|row| row.strategy == strategy && row.is_of(group));
    run.latency.retain(|row| row.strategy == strategy && row.is_of(group));
    run.memory.retain(|row| row.strategy == strategy && row.is_of(group));
    run.growth.retain(|row| row.strategy == strategy && row.is_of(group));
    run.profiles.retain(|row| row.strategy == strategy && row.is_of(group));
    grown(&run)?;
    for graph in &run.profiles {
        match graph.status {
            Status::Ok => output::line(format_args!("flame graph: {}", run.dir.join(graph.file()).display()))?,
            status => output::line(format_args!("no flame graph: {status}: {}", graph.message))?,
        }
    }
    if run.latency.is_empty() && run.memory.is_empty() && run.growth.is_empty() {
        output::line(format_args!("{} holds neither latency nor memory of this cell", run.dir.display()))?;
        return Ok(());
    }
    output::line(format_args!("\n{}", costs(&Input::of(&run), group).terminal()))?;
    for row in &run.latency {
        let load = row.load_pct.map_or_else(String::new, |load| format!(" at {load} %"));
        let rate = row.rate_ops_s.map_or_else(String::new, |rate| format!(", {rate} operations/s"));
        let saturated = if row.saturated { ", saturated" } else { "" };
        output::line(format_args!(
            "{} {}{load}, fork {}{rate}{saturated}: 50 % within {} ns, 99 % {}, 99.9 % {}, longest {} {}",
            row.kind.name(),
            row.operation,
            row.fork,
            shown(row.p50_ns),
            shown(row.p99_ns),
            shown(row.p99_9_ns),
            shown(row.max_ns),
            row.message
        ))?;
    }
    for row in &run.memory {
        let bytes = row.bytes_per_entry().map_or_else(String::new, |bytes| format!("; {bytes:.1} bytes an entry"));
        output::line(format_args!(
            "memory {}, fork {}: {} operations made {} allocations of {} bytes{bytes} {}",
            row.operation,
            row.fork,
            shown(row.operations),
            shown(row.allocations),
            shown(row.allocated_bytes),
            row.message
        ))?;
    }
    Ok(())
}

/// A number, or a dash.
fn shown(number: Option<u64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

/// How the map grew, what iterations saw, and how long the drop took.
fn grown(run: &Run) -> Result<(), Failure> {
    for row in &run.growth {
        let (entries, held) = (shown(row.entries), shown(row.held_bytes));
        let (took, longest) = (shown(row.took_ns), shown(row.longest_ns));
        output::line(format_args!(
            "growth to {entries} entries, fork {}: {took} ns, longest insert {longest} ns, {held} bytes held {}",
            row.fork, row.message
        ))?;
    }
    for row in &run.samples {
        if let (Some(entries @ 1..), Some(iterations), Some(ops)) = (row.iterated_entries, row.iterate_ops, row.ops) {
            let (others, elapsed) = (ops - iterations, shown(row.elapsed_ns));
            output::line(format_args!(
                "iteration, fork {}, round {}: {entries} entries seen and {others} other operations in {elapsed} ns",
                row.fork, row.round
            ))?;
        }
        if let Some(drop_ns) = row.drop_ns {
            output::line(format_args!("drop, fork {}, round {}: {drop_ns} ns", row.fork, row.round))?;
        }
    }
    Ok(())
}

struct Wanted<'a> {
    workload: &'a str,
    read_pct: Percent,
    threads: u32,
    strategy: &'a str,
}

fn parse(cell: &str) -> Option<Wanted<'_>> {
    let (rest, strategy) = cell.strip_prefix("sweep/").unwrap_or(cell).rsplit_once('/')?;
    let (rest, threads) = rest.rsplit_once('/')?;
    let (workload, read_pct) = rest.rsplit_once('/')?;
    Some(Wanted {
        workload,
        read_pct: read_pct.strip_prefix("read-")?.parse().ok()?,
        threads: threads.strip_prefix("threads-")?.parse().ok()?,
        strategy,
    })
}
