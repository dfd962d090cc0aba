//! A run: a plan measured into a directory, summarised, and shown.

mod progress;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use mapbench_report::{Input, counted};
use mapbench_results::{
    CELLS, GROWTH, LATENCY, Latency, LatencyKind, MEMORY, PROFILES, Plan, Provenance, Run, RunWriter, SAMPLES,
    SCHEMA_VERSION, Status, time,
};
use mapbench_workload::Workload;

use crate::failure::Failure;
use crate::plan::{self, Beside, Choice, Profile};
use crate::registry::{Entry, Registry};
use crate::sweep::{Done, End, Sweep};
use crate::{clock, counting, interrupt, output, provenance, system};

/// The page's file in a run directory.
pub(crate) const PAGE: &str = "report.html";

/// What a run needs to know.
pub(crate) struct Order {
    pub(crate) profile: Profile,
    pub(crate) choice: Choice,
    pub(crate) seed: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) patience: Duration,
    /// What is measured beside throughput.
    pub(crate) beside: Beside,
    /// Where to put it; `None`: a fresh directory under `bench-results`.
    pub(crate) out: Option<PathBuf>,
}

/// A finished run.
pub(crate) struct Finished {
    pub(crate) dir: PathBuf,
    pub(crate) run: Run,
}

/// Measures an order into a new directory.
pub(crate) fn start(registry: &Registry, order: Order) -> Result<Finished, Failure> {
    let cores = provenance::host(0).cores;
    let (mut plan, workloads) =
        plan::plan(order.profile, &order.choice, order.seed, order.memory_bytes, registry, cores)?;
    order.beside.add_to(&mut plan, &workloads, order.profile);
    begin(registry, plan, &workloads, order.patience, order.out)
}

/// Measures a plan with its workloads into a new directory, or into a fresh one under `bench-results` if none is named.
pub(crate) fn begin(
    registry: &Registry,
    plan: Plan,
    workloads: &HashMap<String, Workload>,
    patience: Duration,
    out: Option<PathBuf>,
) -> Result<Finished, Failure> {
    let host = provenance::host(0);
    if plan.memory.is_some() {
        counting_program(&own_executable()?)?;
    }
    if let Some(workload) = workloads.values().max_by_key(|workload| (plan::worker_bytes(workload), &workload.name)) {
        let (needs, has) = (plan::worker_bytes(workload) >> 20, plan.memory_bytes >> 20);
        if needs > has {
            output::aside(format_args!(
                "warning: a worker with `{}` may need up to {needs} MiB and is killed above {has}: --memory-mib allows more",
                workload.name
            ));
        }
    }
    let now = SystemTime::now();
    let dir = out.unwrap_or_else(|| results_dir().join(format!("{}-{}", time::compact(now), file_name(&host.name))));
    let strategies = plan.strategies.iter().map(|name| registry.find(name).map(Entry::declared));
    let provenance = Provenance {
        schema_version: SCHEMA_VERSION,
        mapbench_version: env!("CARGO_PKG_VERSION").to_owned(),
        started: time::rfc3339(now),
        finished: None,
        command: command(),
        strategies: strategies.collect::<Result<_, _>>()?,
        plan,
        host,
        build: provenance::build(),
        checksums: BTreeMap::new(),
    };
    let writer = RunWriter::create(&dir, &provenance)?;
    measure(registry, workloads, dir, provenance, writer, &Done::default(), patience)
}

/// Goes on with a run that was interrupted.
pub(crate) fn resume(registry: &Registry, dir: &Path, patience: Duration) -> Result<Finished, Failure> {
    let (writer, run) = RunWriter::resume(dir)?;
    for repair in writer.repairs() {
        output::aside(repair);
    }
    let done = Done {
        samples: &run.samples,
        machine: &run.machine,
        latency: &run.latency,
        memory: &run.memory,
        reclamation: &run.reclamation,
        growth: &run.growth,
        profiles: &run.profiles,
    };
    // All was measured of a run that lost nothing but its summary.
    if run.provenance.finished.is_some() {
        return summarised(dir.to_owned(), run.provenance.clone(), writer, &run);
    }
    let workloads = plan::workloads_of(&run.provenance.plan, registry)?;
    same_strategies(registry, &run.provenance)?;
    same_allocator(&run.provenance)?;
    measure(registry, &workloads, dir.to_owned(), run.provenance, writer, &done, patience)
}

fn measure(
    registry: &Registry,
    workloads: &HashMap<String, Workload>,
    dir: PathBuf,
    mut provenance: Provenance,
    mut writer: RunWriter,
    done: &Done,
    patience: Duration,
) -> Result<Finished, Failure> {
    interrupt::heed();
    let executable = own_executable()?;
    let counting = provenance.plan.memory.as_ref().map(|_| counting_program(&executable)).transpose()?;
    let counting = counting.as_deref();
    let sweep = Sweep { plan: &provenance.plan, workloads, registry, executable: &executable, counting, patience };
    let steal_before = system::steal_ns();
    let clock = provenance.plan.latency.as_ref().map(|_| clock::Watch::begin());
    if let Some(warning) = clock.as_ref().and_then(clock::Watch::warning) {
        output::aside(format_args!("warning: {warning}"));
    }
    let mut progress = progress::Progress::new(&provenance.plan, registry, workloads, done.samples);
    let end = sweep.run(done, &mut writer, &mut progress);
    progress.finish();
    if end? == End::Interrupted {
        return Err(Failure::interrupted(&dir));
    }
    provenance.host.steal_ns += system::steal_ns() - steal_before;
    provenance.host.clock = clock.map(clock::Watch::end);
    provenance.finished = Some(time::rfc3339(SystemTime::now()));
    let rows = Run::read(&dir)?;
    summarised(dir, provenance, writer, &rows)
}

/// Finishes a run whose rows are all there.
fn summarised(dir: PathBuf, provenance: Provenance, mut writer: RunWriter, rows: &Run) -> Result<Finished, Failure> {
    let mut cells = mapbench_report::summarise(&provenance.plan, provenance.host.cores, &rows.samples);
    mapbench_report::complete(&mut cells, &rows.latency, &rows.memory);
    writer.finish(&cells, provenance)?;
    drop(writer);
    let run = Run::read(&dir)?;
    write_page(std::slice::from_ref(&run), &dir.join(PAGE))?;
    Ok(Finished { dir, run })
}

fn own_executable() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|error| Failure::usage(format!("cannot find this program: {error}")))
}

/// The program whose workers count allocations: `mapbench-counting` beside this one, or this one.
pub(crate) fn counting_program(executable: &Path) -> Result<PathBuf, Failure> {
    if counting::counts() {
        return Ok(executable.to_owned());
    }
    let beside = executable.with_file_name(format!("mapbench-counting{}", std::env::consts::EXE_SUFFIX));
    if beside.is_file() {
        return Ok(beside);
    }
    Err(Failure::usage(format!(
        "counting allocations wants {}, which is not there: `cargo build --release -p mapbench --bins` builds it",
        beside.display()
    )))
}

/// Writes the page of one run or of several, with links to the files of those in or below its directory.
pub(crate) fn write_page(runs: &[Run], path: &Path) -> Result<(), Failure> {
    let inputs: Vec<Input> = runs.iter().map(Input::of).collect();
    let files: Vec<Option<String>> = runs.iter().map(|run| way(path, &run.dir)).collect();
    std::fs::write(path, mapbench_report::html_linked(&inputs, &files))
        .map_err(|error| Failure::usage(format!("cannot write {}: {error}", path.display())))
}

/// The way from a page to a directory in or below its own, as a link has it. `None` if it is elsewhere, or if a name on the
/// way would not stand in a link as it is.
fn way(page: &Path, dir: &Path) -> Option<String> {
    let parent = page.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (parent, dir) = (parent.canonicalize().ok()?, dir.canonicalize().ok()?);
    let mut way = String::new();
    for part in dir.strip_prefix(parent).ok()?.components() {
        let part = part.as_os_str().to_str()?;
        if !part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            return None;
        }
        way = way + part + "/";
    }
    Some(way)
}

impl Finished {
    /// The ranking, what went wrong, and where everything is.
    pub(crate) fn show(&self) -> Result<(), Failure> {
        output::line(output::shown(&mapbench_report::ranking(&Input::of(&self.run))))?;
        let failed = self.run.cells.iter().filter(|cell| {
            !matches!(cell.status, Status::Ok | Status::NotApplicable | Status::Detected)
                || !cell.message.is_empty() && cell.status == Status::Ok
        });
        for cell in failed {
            output::line(format_args!(
                "warning: {} under {} at {} % reads on {}: {}",
                cell.strategy,
                cell.workload,
                cell.read_pct,
                counted(cell.threads, "thread"),
                cell.message
            ))?;
        }
        self.warn_of_rate()?;
        self.warn_of_profiles()?;
        let plan = &self.run.provenance.plan;
        let latency = plan.latency.as_ref().map(|_| LATENCY);
        let memory = plan.memory.as_ref().map(|_| MEMORY);
        let growth = plan.growth.as_ref().map(|_| GROWTH);
        let profiles = plan.profile_cpu.as_ref().map(|_| PROFILES);
        for file in [Some(CELLS), Some(SAMPLES), latency, memory, growth, profiles, Some(PAGE)].into_iter().flatten() {
            output::line(self.dir.join(file).display())?;
        }
        Ok(())
    }
}

impl Finished {
    /// Says where the rate that all maps were asked for was more than any of them could do.
    fn warn_of_rate(&self) -> Result<(), Failure> {
        let common = |row: &&Latency| row.kind == LatencyKind::ResponseTime && row.load_pct.is_none();
        for group in &self.run.provenance.plan.groups {
            let rows = self.run.latency.iter().filter(common);
            let mut rows = rows.filter(|row| row.group() == *group && row.status == Status::Ok).peekable();
            if rows.peek().is_some() && rows.all(|row| row.saturated) {
                output::line(format_args!(
                    "warning: no map could do the rate that all were asked for under {} at {} % reads on {}: choose a lower --rate",
                    group.workload,
                    group.read_pct,
                    counted(group.threads, "thread")
                ))?;
            }
        }
        Ok(())
    }
}

impl Finished {
    /// Says why there is no flame graph at all, once.
    fn warn_of_profiles(&self) -> Result<(), Failure> {
        let mut missing = self.run.profiles.iter().filter(|graph| graph.status == Status::NotApplicable);
        if let (Some(first), false) = (missing.next(), self.run.profiles.iter().any(|graph| graph.samples.is_some())) {
            output::line(format_args!("warning: there is no flame graph: {}", first.message))?;
        }
        Ok(())
    }
}

/// A run must not mix two versions of a map.
fn same_strategies(registry: &Registry, provenance: &Provenance) -> Result<(), Failure> {
    for before in &provenance.strategies {
        let now = registry.find(&before.name)?.declared();
        if now.version != before.version {
            return Err(Failure::usage(format!(
                "the run was begun with {} {}, this program has {}: start a new run",
                before.upstream, before.version, now.version
            )));
        }
    }
    Ok(())
}

/// Nor two allocators.
fn same_allocator(provenance: &Provenance) -> Result<(), Failure> {
    let (before, now) = (&provenance.build.allocator, provenance::allocator());
    if *before == now {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "the run was begun with the allocator {before}, this program has {now}: start a new run"
    )))
}

/// `bench-results` beside the lock file of the workspace that the command was given in; else in this directory.
pub(crate) fn results_dir() -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let workspace = here.ancestors().filter(|dir| dir.join("Cargo.lock").is_file()).last();
    workspace.map_or_else(|| PathBuf::from("bench-results"), |dir| dir.join("bench-results"))
}

/// A host name as a part of a directory's name.
pub(crate) fn file_name(host: &str) -> String {
    host.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' }).collect()
}

/// The command as it was given; the program by its name alone, since its path says where somebody lives.
pub(crate) fn command() -> Vec<String> {
    let mut words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    if let Some(program) = words.first_mut() {
        *program = Path::new(program).file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    }
    words
}

#[cfg(test)]
mod tests {
    #[test]
    fn files_in_or_below_the_directory_of_a_page_are_found_from_it_and_others_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let (run, odd) = (dir.path().join("runs/a"), dir.path().join("runs/a b"));
        [&run, &odd].iter().for_each(|dir| std::fs::create_dir_all(dir).unwrap());
        let way = |page: &str, run: &std::path::Path| super::way(&dir.path().join(page), run);
        assert_eq!(way("runs/a/report.html", &run).as_deref(), Some(""));
        assert_eq!(way("both.html", &run).as_deref(), Some("runs/a/"));
        assert_eq!(way("both.html", &odd), None);
        assert_eq!(way("runs/a/report.html", &odd), None);
    }

    #[test]
    fn a_host_name_makes_a_file_name() {
        assert_eq!(super::file_name("a/../b host"), "a----b-host");
    }
}
