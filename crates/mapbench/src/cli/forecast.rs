use std::collections::HashMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use indicatif::{ProgressBar, ProgressStyle};
use mapbench_forecast::{Range, Topology, times};
use mapbench_report::{forecast_html, forecast_text};
use mapbench_results::{ForecastRun, Percent, Run, time};
use mapbench_workload::Workload;

use super::Failure;
use crate::forecast::protocol::Turns;
use crate::forecast::{self, Cell, Cells, Outcome};
use crate::plan::{self, Choice};
use crate::registry::{Entry, Registry};
use crate::run::{PAGE, results_dir};
use crate::{interrupt, output, provenance, system, worker};

/// Transfers where none was measured, in nanoseconds: from one core to a near one, and between far ones.
const UNMEASURED: Range = Range { low: 20.0, mid: 50.0, high: 100.0 };

/// Memory that a simulator may hold, in bytes.
const MEMORY_BYTES: u64 = 4 << 30;

const MORE: &str = "\
Counts what the clock of a small machine cannot show: the cache lines that cores take from each other, on as many virtual
cores as asked for, the same every time. What is counted goes into contention.csv and hot-spots.csv. Then every core gets a
clock, and the throughput that comes of it goes into forecast.csv and report.html, in a fresh directory
bench-results/forecast-<UTC>.

Building the simulator takes a nightly compiler: `rustup toolchain install nightly --profile minimal`.

Examples: mapbench forecast --strategy dashmap,papaya --read-pct 90 --cores 1,8,64
          mapbench forecast --topology server.toml
          mapbench forecast --validate
          mapbench forecast --against bench-results/20260101T120000Z-host --threads 2";

#[derive(clap::Args)]
#[command(after_help = MORE)]
pub(super) struct Arguments {
    /// Strategies, separated by commas; all by default
    #[arg(long = "strategy", value_delimiter = ',', value_name = "NAME")]
    strategies: Vec<String>,
    /// Workloads: shipped ones by name, own ones as a TOML file
    #[arg(long = "workload", value_delimiter = ',', value_name = "NAME|FILE.toml")]
    workloads: Vec<String>,
    /// Shares of reads in per cent, separated by commas; the workload's by default
    #[arg(long, value_delimiter = ',', value_name = "PER CENT")]
    read_pct: Vec<Percent>,
    /// Virtual cores, separated by commas, each of 1 to 256
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4, 8, 16, 32, 64], value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    cores: Vec<u32>,
    /// The machine to forecast for, as TOML: within_ns, across_ns, threads_per_core, smt_yield, wake_ns, call_ns, complexes; by
    /// default one like this, with as many cores as asked for and the transfer time that is measured here
    #[arg(long, value_name = "FILE.toml")]
    topology: Option<PathBuf>,
    /// Let turns end at any access of memory, after so many on average, so that operations overlap; else they end with every
    /// operation
    #[arg(long, value_name = "ACCESSES", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    overlap: Option<u32>,
    /// Operations to count in each cell
    #[arg(long, default_value_t = 8_192, value_name = "N", value_parser = super::whole(1..=100_000_000))]
    operations: u64,
    /// Seed of the operation streams, the hashers and the turns
    #[arg(long, default_value_t = 1, value_parser = super::whole(0..=u64::MAX))]
    seed: u64,
    /// Compare forecasts with the figures that others published of larger machines, and measure nothing
    #[arg(long, conflicts_with_all = ["against", "strategies", "workloads", "read_pct", "topology", "out"])]
    validate: bool,
    /// Compare forecasts with what the run in DIR measured, from its own single-thread times
    #[arg(long, value_name = "DIR", conflicts_with_all = ["strategies", "workloads", "read_pct", "topology", "out"])]
    against: Option<PathBuf>,
    /// The threads of the run to compare with
    #[arg(long, default_value_t = 2, value_name = "N", requires = "against")]
    threads: u32,
    /// mapbench's workspace, from which the simulator is built; where this program was built, by default
    #[arg(long, value_name = "DIR")]
    sources: Option<PathBuf>,
    /// Build the simulator, say where it is, and count nothing: `mapbench gate` takes two of them
    #[arg(long, conflicts_with_all = ["validate", "against", "strategies", "workloads", "read_pct", "topology", "out"])]
    build_only: bool,
    /// The directory of the results; a fresh one under bench-results by default
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn run(registry: &Registry, arguments: &Arguments) -> Result<(), Failure> {
    let topology = arguments.topology.as_ref().map(read_topology).transpose()?;
    let mut order = order(registry, arguments)?;
    // Whatever is wrong with it is said before minutes of building.
    let against = arguments.against.as_ref().map(|dir| read_run(dir, registry)).transpose()?;
    let simulator = forecast::build(arguments.sources.as_deref()).map_err(Failure::usage)?;
    if arguments.build_only {
        return output::line(simulator.executable.display());
    }
    interrupt::heed();
    let turns = arguments.overlap.map_or(Turns::Operations, Turns::Accesses);
    let cells = Cells {
        simulator: &simulator,
        turns,
        seed: arguments.seed,
        operations: arguments.operations,
        memory_bytes: MEMORY_BYTES,
    };
    let count = |wanted: &[Cell]| counted(&cells, wanted);
    if arguments.validate {
        output::print(forecast::against_published(count))?;
        return stopped();
    }
    if let Some((run, workloads)) = &against {
        output::print(forecast::against_run(run, workloads, arguments.threads, count).map_err(Failure::usage)?)?;
        return stopped();
    }
    // What needs a quiet machine comes before what needs all of it.
    let most = arguments.cores.iter().copied().max().unwrap_or(1);
    let machine = topology.or_else(|| forecast::topology(most)).unwrap_or_else(|| {
        output::aside(format_args!(
            "one core alone: transfers are taken to last {} ns; --topology FILE says better",
            UNMEASURED.mid
        ));
        Topology::flat(most, UNMEASURED)
    });
    let singles = order.singles(registry, arguments.seed)?;
    for cell in &mut order.cells {
        if let Some(single) = singles.iter().find(|single| single.is_of(cell)) {
            cell.times = Some(times(single.time_ns.mid, cell.cores, &machine));
        }
    }
    let mut outcomes = count(&order.cells);
    if interrupt::came() {
        // Those that were under way may have failed by it.
        outcomes.retain(|outcome| outcome.counted.is_ok());
        if outcomes.is_empty() {
            return stopped();
        }
    }
    let expected = outcomes.iter().filter_map(|outcome| {
        let single = singles.iter().find(|single| single.is_of(&outcome.cell))?;
        forecast::expect(outcome, single.time_ns, &machine)
    });
    let found = ForecastRun {
        contention: outcomes.iter().flat_map(|outcome| outcome.rows(turns)).collect(),
        hot_spots: forecast::hot_spots(&simulator.executable, &outcomes)?,
        expected: expected.collect(),
    };
    let dir = arguments
        .out
        .clone()
        .unwrap_or_else(|| results_dir().join(format!("forecast-{}", time::compact(SystemTime::now()))));
    found.write(&dir)?;
    let mut warnings: Vec<String> = outcomes.iter().filter_map(Outcome::trouble).collect();
    if interrupt::came() {
        warnings.insert(0, format!("interrupted: {} of {} cells were counted", outcomes.len(), order.cells.len()));
    }
    let page = dir.join(PAGE);
    std::fs::write(&page, forecast_html(&found, &provenance::host(0), &warnings))
        .map_err(|error| Failure::usage(format!("cannot write {}: {error}", page.display())))?;
    output::line(output::shown(&forecast_text(&found)))?;
    warnings.iter().try_for_each(|warning| output::line(format_args!("warning: {warning}")))?;
    output::line(page.display())?;
    if interrupt::came() { Err(Failure::abandoned(&dir)) } else { Ok(()) }
}

fn stopped() -> Result<(), Failure> {
    if interrupt::came() { Err(Failure::stopped()) } else { Ok(()) }
}

/// A run to compare with, and its workloads.
fn read_run(dir: &Path, registry: &Registry) -> Result<(Run, HashMap<String, Workload>), Failure> {
    let run = Run::read(dir)?;
    let workloads = plan::workloads_of(&run.provenance.plan, registry)?;
    Ok((run, workloads))
}

fn read_topology(file: &PathBuf) -> Result<Topology, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("cannot read the topology {}: {error}", file.display())))?;
    Topology::parse(&text).map_err(|error| Failure::usage(format!("{}: {error}", file.display())))
}

/// The cells of a forecast, in order.
struct Order {
    cells: Vec<Cell>,
}

fn order(registry: &Registry, arguments: &Arguments) -> Result<Order, Failure> {
    let choice = Choice {
        strategies: arguments.strategies.clone(),
        workloads: arguments.workloads.clone(),
        read_pct: arguments.read_pct.clone(),
        threads: arguments.cores.clone(),
        ..Choice::default()
    };
    let (groups, _, workloads) = plan::groups(&choice, system::processors().len() as u32)?;
    let strategies = plan::strategies(&choice, registry)?;
    let mut cells = Vec::new();
    for group in groups {
        let workload = &workloads[&group.workload];
        let load = workload.load(group.read_pct);
        if !worker::is_plain(&load) {
            let problem = format!(
                "`{}` is not of u64 keys, values of 8 bytes and foldhash: the simulator has no other types",
                workload.name
            );
            return Err(Failure::usage(problem));
        }
        for strategy in &strategies {
            let entry = registry.find(strategy)?;
            // Another program's accesses are out of sight.
            if entry.foreign.is_some() || entry.refuses(&load, group.threads).is_some() {
                continue;
            }
            cells.push(Cell {
                strategy: strategy.clone(),
                workload: group.workload.clone(),
                read_pct: group.read_pct,
                load: load.clone(),
                cores: group.threads,
                times: None,
            });
        }
    }
    if cells.is_empty() {
        return Err(Failure::usage("none of these strategies can do any of this: `mapbench list` says what each can"));
    }
    Ok(Order { cells })
}

/// A strategy's time of an operation on one thread, for cells that differ in the cores alone.
struct Single {
    cell: Cell,
    time_ns: Range,
}

impl Single {
    fn is_of(&self, cell: &Cell) -> bool {
        (&self.cell.strategy, &self.cell.workload, self.cell.read_pct)
            == (&cell.strategy, &cell.workload, cell.read_pct)
    }
}

impl Order {
    fn singles(&self, registry: &Registry, seed: u64) -> Result<Vec<Single>, Failure> {
        let mut singles: Vec<Single> = Vec::new();
        let mut mixes: Vec<&Cell> = Vec::new();
        for cell in &self.cells {
            if !mixes.iter().any(|mix| (&mix.workload, mix.read_pct) == (&cell.workload, cell.read_pct)) {
                mixes.push(cell);
            }
        }
        for mix in mixes {
            let mut names: Vec<&str> = Vec::new();
            let of_mix = |cell: &&Cell| (&cell.workload, cell.read_pct) == (&mix.workload, mix.read_pct);
            for cell in self.cells.iter().filter(of_mix) {
                if !names.contains(&cell.strategy.as_str()) {
                    names.push(&cell.strategy);
                }
            }
            let entries: Vec<&Entry> = names.iter().map(|name| registry.find(name)).collect::<Result<_, _>>()?;
            for (name, time_ns) in names.iter().zip(forecast::single_threads(&entries, mix, seed)) {
                singles.push(Single { cell: Cell { strategy: (*name).to_owned(), ..mix.clone() }, time_ns });
            }
        }
        Ok(singles)
    }
}

/// Counts cells, showing how far it is.
fn counted(cells: &Cells, wanted: &[Cell]) -> Vec<Outcome> {
    let terminal = std::io::stderr().is_terminal();
    let bar = if terminal {
        let style = ProgressStyle::with_template("{bar:30} {pos} of {len} cells counted  {eta} left")
            .expect("the template is well-formed");
        ProgressBar::new(wanted.len() as u64).with_style(style)
    } else {
        ProgressBar::hidden()
    };
    let began = Instant::now();
    let outcomes = cells.count(wanted, |done| {
        bar.set_position(done as u64);
        if !terminal && (done % 100 == 0 || done == wanted.len()) {
            let seconds = began.elapsed().as_secs_f64();
            output::aside(format_args!("[{seconds:>4.0} s] {done} of {} cells counted", wanted.len()));
        }
    });
    bar.finish_and_clear();
    outcomes
}
