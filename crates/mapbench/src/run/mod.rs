//! A run: a plan measured into a directory, summarised, and shown.

mod progress;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use mapbench_report::Input;
use mapbench_results::{Provenance, Run, RunWriter, SCHEMA_VERSION, Status, time};

use crate::failure::Failure;
use crate::plan::{self, Choice, Profile};
use crate::registry::{Entry, Registry};
use crate::sweep::{Done, End, Sweep};
use crate::{interrupt, provenance, system};

/// The page's file in a run directory.
pub(crate) const PAGE: &str = "report.html";

/// What a run needs to know.
pub(crate) struct Order {
    pub(crate) profile: Profile,
    pub(crate) choice: Choice,
    pub(crate) seed: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) patience: Duration,
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
    let host = provenance::host(0);
    let (plan, workloads) =
        plan::plan(order.profile, &order.choice, order.seed, order.memory_bytes, registry, host.cores)?;
    let now = SystemTime::now();
    let dir =
        order.out.unwrap_or_else(|| results_dir().join(format!("{}-{}", time::compact(now), file_name(&host.name))));
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
        checksums: std::collections::BTreeMap::new(),
    };
    let writer = RunWriter::create(&dir, &provenance)?;
    measure(registry, &workloads, dir, provenance, writer, &Done::default(), order.patience)
}

/// Goes on with a run that was interrupted.
pub(crate) fn resume(registry: &Registry, dir: &Path, patience: Duration) -> Result<Finished, Failure> {
    let (writer, run) = RunWriter::resume(dir)?;
    for repair in writer.repairs() {
        eprintln!("{repair}");
    }
    let done = Done { samples: &run.samples, machine: &run.machine };
    let workloads = plan::workloads_of(&run.provenance.plan, registry)?;
    same_strategies(registry, &run.provenance)?;
    measure(registry, &workloads, dir.to_owned(), run.provenance, writer, &done, patience)
}

fn measure(
    registry: &Registry,
    workloads: &std::collections::HashMap<String, mapbench_workload::Workload>,
    dir: PathBuf,
    mut provenance: Provenance,
    mut writer: RunWriter,
    done: &Done,
    patience: Duration,
) -> Result<Finished, Failure> {
    interrupt::heed();
    let executable =
        std::env::current_exe().map_err(|error| Failure::usage(format!("cannot find this program: {error}")))?;
    let sweep = Sweep { plan: &provenance.plan, workloads, registry, executable: &executable, patience };
    let steal_before = system::steal_ns();
    let mut progress = progress::Progress::new(&provenance.plan, registry, workloads, done.samples);
    let end = sweep.run(done, &mut writer, &mut progress);
    progress.finish();
    if end? == End::Interrupted {
        return Err(Failure::interrupted(&dir));
    }
    provenance.host.steal_ns += system::steal_ns() - steal_before;
    provenance.finished = Some(time::rfc3339(SystemTime::now()));
    let rows = Run::read(&dir)?;
    let cells = mapbench_report::summarise(&provenance.plan, provenance.host.cores, &rows.samples);
    writer.finish(&cells, provenance)?;
    drop(writer);
    let run = Run::read(&dir)?;
    write_page(std::slice::from_ref(&run), &dir.join(PAGE))?;
    Ok(Finished { dir, run })
}

/// Writes the page of one run or of several.
pub(crate) fn write_page(runs: &[Run], path: &Path) -> Result<(), Failure> {
    let inputs: Vec<Input> = runs.iter().map(Input::of).collect();
    std::fs::write(path, mapbench_report::html_of(&inputs))
        .map_err(|error| Failure::usage(format!("cannot write {}: {error}", path.display())))
}

impl Finished {
    /// The ranking, what went wrong, and where everything is.
    pub(crate) fn show(&self) {
        println!("{}", mapbench_report::ranking(&Input::of(&self.run)).terminal());
        let failed = self.run.cells.iter().filter(|cell| {
            !matches!(cell.status, Status::Ok | Status::NotApplicable | Status::Detected)
                || !cell.message.is_empty() && cell.status == Status::Ok
        });
        for cell in failed {
            println!(
                "warning: {} at {} % reads on {} threads: {}",
                cell.strategy, cell.read_pct, cell.threads, cell.message
            );
        }
        for file in ["cells.csv", "samples.csv", PAGE] {
            println!("{}", self.dir.join(file).display());
        }
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
    fn a_host_name_makes_a_file_name() {
        assert_eq!(super::file_name("a/../b host"), "a----b-host");
    }
}
