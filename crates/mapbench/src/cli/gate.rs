use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use indicatif::{ProgressBar, ProgressStyle};
use mapbench_report::{counted, gate_junit, gate_markdown, gate_terminal};
use mapbench_results::{GateResult, GateVerdict, Percent, time};
use mapbench_stats::gate::LOOKS;

use super::Filter;
use crate::failure::Failure;
use crate::gate::against::Against;
use crate::gate::self_test::{self, Plan};
use crate::gate::{self, Budget, Executable, Order, Pairing, Shape, Simulators, Watcher};
use crate::interrupt;
use crate::output;
use crate::plan::Choice;
use crate::registry::Registry;
use crate::system;

/// What is for judging, not for --self-test. Named beside `requires` too, which clap does not ask for where what is required
/// conflicts with what is given.
const JUDGING: [&str; 7] = ["base", "vs", "show_budget", "markdown", "json", "against", "base_simulator"];

/// What --against leaves no choice of, and what does without it; likewise.
const OWN_CHOICE: [&str; 10] = [
    "base",
    "candidate",
    "vs",
    "workload_parts",
    "read_pct",
    "threads",
    "self_test",
    "show_budget",
    "minutes",
    "slice_ms",
];

/// Shares of reads, unless others are chosen: the mixes in which maps differ.
const READ_PCT: [Percent; 3] = [Percent::whole(99), Percent::whole(90), Percent::whole(50)];

#[derive(clap::Args)]
#[command(after_help = "Examples: mapbench gate --base target/base/mapbench --candidate target/release/mapbench
          mapbench gate --strategy dashmap --vs dashmap-7 --read-pct 90
          mapbench gate --strategy dashmap --vs papaya --base-simulator SIM --candidate-simulator SIM
A budget. Any key but `match` may be left out; of the tables that match a cell, the last to say something counts:
          alpha = 0.002
          minutes = 10
          floor_pct = 1
          budget_pct = 5
          transfers = 0.1
          [[cell]]
          match = \"ratio-sweep/read-90/*/dashmap\"
          floor_pct = 2
          budget_pct = 10
          transfers = 0.5
          allow_missing = true  # the candidate may lack it
          skip = false          # true: it is not gated
Exit codes: 0 pass, 1 fail, 2 bad usage or input, 3 inconclusive, 130 interrupted.")]
pub(super) struct Arguments {
    /// The executable to compare with; this one by default
    #[arg(long, value_name = "EXE")]
    base: Option<PathBuf>,
    /// The executable to judge; this one by default
    #[arg(long, value_name = "EXE")]
    candidate: Option<PathBuf>,
    /// Judge this program against an earlier run in DIR instead: it measures the same again and compares ratios to a control
    /// strategy
    #[arg(long, value_name = "DIR", conflicts_with_all = OWN_CHOICE)]
    against: Option<PathBuf>,
    /// The strategy to which --against takes ratios: one that did not change
    #[arg(long, value_name = "NAME", default_value = "std-mutex", requires = "against", conflicts_with_all = OWN_CHOICE)]
    control: String,
    /// Do not count instructions of one-thread cells, which takes valgrind half a minute a cell
    #[arg(long)]
    no_instructions: bool,
    /// The base's simulator, from `mapbench forecast --build-only`: what cells of several threads take from each other's caches is
    /// counted too, the same every time, and fails where it rises by more than the budget's `transfers`
    #[arg(long, value_name = "EXE", requires = "candidate_simulator", conflicts_with_all = ["against", "self_test"])]
    base_simulator: Option<PathBuf>,
    /// The candidate's simulator
    #[arg(long, value_name = "EXE", requires = "base_simulator")]
    candidate_simulator: Option<PathBuf>,
    /// Judge this strategy against the one of --strategy, instead of each against itself
    #[arg(long, value_name = "NAME")]
    vs: Option<String>,
    #[command(flatten)]
    filter: Filter,
    /// What is allowed, as TOML: alpha, minutes, floor_pct, budget_pct, transfers, and [[cell]] tables
    #[arg(long, value_name = "FILE")]
    budget: Option<PathBuf>,
    /// Print what the budget allows each cell, and measure nothing
    #[arg(long)]
    show_budget: bool,
    /// How long to measure; else what the budget says
    #[arg(long)]
    minutes: Option<f64>,
    /// Seed of the streams, the hashers, the coins and the test
    #[arg(long, default_value_t = 1, value_parser = super::whole(0..=u64::MAX))]
    seed: u64,
    /// The time of a slice, in milliseconds
    #[arg(long, default_value_t = 10, value_parser = super::whole(1..=10_000))]
    slice_ms: u64,
    /// Where to put slices.csv, gate.json, gate.md and junit.xml; a fresh directory under bench-results by default
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print Markdown instead of the table
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Print JSON instead of the table
    #[arg(long)]
    json: bool,
    /// Measure the gate itself: false alarms of one executable against itself, and the slow-downs that it sees. With another
    /// link of the same code as --candidate, false alarms due to layout
    #[arg(long, conflicts_with_all = JUDGING)]
    self_test: bool,
    /// Suites of the self-test in which nothing is planted
    #[arg(long, default_value_t = 20, requires = "self_test", conflicts_with_all = JUDGING)]
    suites: u32,
    /// Slow-downs that the self-test plants, in per cent, separated by commas; a suite of the budget's minutes for each, in
    /// three ways. Without a value nothing is planted
    #[arg(long, num_args = 0.., value_delimiter = ',', default_values_t = [0.5, 1.0, 2.0, 3.0, 5.0, 10.0], requires = "self_test", conflicts_with_all = JUDGING)]
    plant: Vec<f64>,
    /// Have a busy process come and go beside the self-test
    #[arg(long, requires = "self_test", conflicts_with_all = JUDGING)]
    neighbour: bool,
    /// Have other gates judge the same cells for the same time: criterion's comparison with a baseline, and thresholds of
    /// 5, 10 and 200 % on the ratio of medians
    #[arg(long, requires = "self_test", conflicts_with_all = JUDGING)]
    rivals: bool,
    /// Memory that a worker may hold, in MiB
    #[arg(long, default_value_t = 2048, value_name = "MIB", value_parser = super::whole(16..=1 << 24))]
    memory_mib: u64,
    /// Seconds that a worker may take to answer, beyond the slice itself
    #[arg(long, default_value_t = 30, value_name = "SECONDS", value_parser = super::whole(1..=86_400))]
    patience: u64,
}

pub(super) fn run(registry: &Registry, arguments: Arguments) -> Result<(), Failure> {
    if arguments.self_test {
        return self_test(arguments);
    }
    let show_budget = arguments.show_budget;
    let form = if arguments.json {
        Form::Json
    } else if arguments.markdown {
        Form::Markdown
    } else {
        Form::Table
    };
    if let Some(dir) = arguments.against {
        let against = Against {
            dir,
            control: arguments.control,
            strategies: arguments.filter.strategies,
            budget: budget(arguments.budget.as_deref())?,
            seed: arguments.seed,
            memory_bytes: arguments.memory_mib << 20,
            patience: Duration::from_secs(arguments.patience),
            out: arguments.out.unwrap_or_else(fresh_dir),
        };
        return show(&against.run(registry)?, &against.out, form);
    }
    let order = order(arguments)?;
    if show_budget {
        output::line(&order.budget)?;
        for name in order.allowed()? {
            output::line(format_args!("{name}: {}", order.budget.effective(&name)))?;
        }
        return Ok(());
    }
    interrupt::heed();
    let mut progress = Progress::new(order.budget.minutes);
    let result = order.run(&mut progress);
    progress.bar.finish_and_clear();
    show(&result?, &order.dir, form)
}

/// How to print a verdict.
#[derive(Clone, Copy)]
enum Form {
    Table,
    Markdown,
    Json,
}

/// Prints a verdict, writes its files into `dir`, and ends as it says.
fn show(result: &GateResult, dir: &Path, form: Form) -> Result<(), Failure> {
    let json = result.to_json().map_err(Failure::usage)?;
    let markdown = gate_markdown(result);
    gate::write(dir, "gate.json", &json)?;
    gate::write(dir, "gate.md", &markdown)?;
    gate::write(dir, "junit.xml", &gate_junit(result))?;
    match form {
        Form::Json => output::print(json)?,
        Form::Markdown => output::print(markdown)?,
        Form::Table => output::line(format_args!("{}{}", gate_terminal(result), dir.display()))?,
    }
    match result.verdict {
        GateVerdict::Pass => Ok(()),
        // Advice does not end a build.
        GateVerdict::Fail if result.advisory => Err(Failure::inconclusive()),
        GateVerdict::Fail => Err(Failure::no()),
        GateVerdict::Inconclusive => Err(Failure::inconclusive()),
    }
}

fn self_test(arguments: Arguments) -> Result<(), Failure> {
    if let Some(wrong) = arguments.plant.iter().find(|pct| !(0.0 < **pct && **pct <= 100.0)) {
        return Err(Failure::usage(format!("--plant {wrong} is not above 0 and at most 100")));
    }
    let plan = Plan {
        suites: arguments.suites,
        planted_pct: arguments.plant.clone(),
        neighbour: arguments.neighbour,
        rivals: arguments.rivals,
    };
    let order = order(arguments)?;
    interrupt::heed();
    let mut progress = Progress::new(order.budget.minutes);
    let found = self_test::run(&order, &plan, &mut progress);
    progress.bar.finish_and_clear();
    found?.lines().iter().try_for_each(output::line)?;
    output::line(order.dir.display())
}

fn order(arguments: Arguments) -> Result<Order, Failure> {
    let workloads = arguments.filter.workloads();
    let Filter { strategies, read_pct, threads, .. } = arguments.filter;
    let processors = system::processors();
    let cores = processors.len() as u32;
    let mut budget = budget(arguments.budget.as_deref())?;
    if let Some(minutes) = arguments.minutes {
        if !gate::is_time(minutes) {
            return Err(Failure::usage(format!("--minutes: {minutes} {}", gate::MINUTES_WANTED)));
        }
        budget.minutes = minutes;
    }
    let pairing = match (arguments.vs, &strategies[..]) {
        (None, _) => {
            let compares = !arguments.self_test && !arguments.show_budget;
            if compares && arguments.base.is_none() && arguments.candidate.is_none() {
                return Err(Failure::usage(
                    "there is nothing to compare: give --base EXE or --candidate EXE, or two strategies: --strategy A --vs B",
                ));
            }
            Pairing::Same(strategies)
        }
        (Some(candidate), [base]) => Pairing::Two { base: base.clone(), candidate },
        (Some(_), _) => return Err(Failure::usage("--vs takes one --strategy to compare with")),
    };
    let choice = Choice {
        workloads,
        read_pct,
        usual_read_pct: READ_PCT.to_vec(),
        threads: if threads.is_empty() { vec![cores] } else { threads },
        ..Choice::default()
    };
    let (groups, workloads) = gate::groups(&choice, cores)?;
    if let Some(group) = groups.iter().find(|group| workloads[&group.workload].load(group.read_pct).trace.is_some()) {
        let problem = format!("`{}` is a trace: only `mapbench run` replays one", group.workload);
        return Err(Failure::usage(problem));
    }
    let patience = Duration::from_secs(arguments.patience);
    let executable = |path: Option<PathBuf>, label: &str| {
        let path = match path {
            Some(path) => path,
            None => {
                std::env::current_exe().map_err(|error| Failure::usage(format!("cannot find this program: {error}")))?
            }
        };
        Executable::describe(&path, label, patience)
    };
    Ok(Order {
        base: executable(arguments.base, "base")?,
        candidate: executable(arguments.candidate, "candidate")?,
        pairing,
        groups,
        workloads,
        budget,
        shape: Shape {
            warm_ns: arguments.slice_ms * 1_000_000 / 4,
            slice_ns: arguments.slice_ms * 1_000_000,
            memory_bytes: arguments.memory_mib << 20,
            patience,
            processors,
        },
        seed: arguments.seed,
        planted: None,
        looks: LOOKS.to_vec(),
        thorough: false,
        simulators: simulators(arguments.base_simulator, arguments.candidate_simulator)?,
        instructions: !arguments.no_instructions && !arguments.self_test,
        dir: arguments.out.unwrap_or_else(fresh_dir),
    })
}

fn simulators(base: Option<PathBuf>, candidate: Option<PathBuf>) -> Result<Option<Simulators>, Failure> {
    let Some((base, candidate)) = base.zip(candidate) else { return Ok(None) };
    for (side, file) in [("base", &base), ("candidate", &candidate)] {
        if !file.is_file() {
            return Err(Failure::usage(format!(
                "the {side}'s simulator {} is no file: `mapbench forecast --build-only` builds one and says where it is",
                file.display()
            )));
        }
    }
    Ok(Some(Simulators { base, candidate }))
}

fn budget(file: Option<&Path>) -> Result<Budget, Failure> {
    file.map_or_else(|| Ok(Budget::default()), |file| Budget::read(file).map_err(Failure::usage))
}

fn fresh_dir() -> PathBuf {
    crate::run::results_dir().join(format!("gate-{}", time::compact(SystemTime::now())))
}

/// A bar over the time on a terminal, and a line every so often elsewhere.
struct Progress {
    bar: ProgressBar,
    seconds: f64,
    terminal: bool,
}

impl Progress {
    fn new(minutes: f64) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = if terminal {
            let style = ProgressStyle::with_template("{bar:30} {percent:>3} % of the time  {msg}")
                .expect("the template is well-formed");
            ProgressBar::new((minutes * 60.0) as u64).with_style(style)
        } else {
            ProgressBar::hidden()
        };
        Self { bar, seconds: minutes * 60.0, terminal }
    }
}

impl Watcher for Progress {
    fn round(&mut self, stage: &str, round: u32, cells: usize, elapsed: Duration) {
        let line = format!("{stage}, round {round}: {}", counted(cells, "cell"));
        self.bar.set_position(elapsed.as_secs().min(self.seconds as u64));
        if !self.terminal && round.is_multiple_of(4) {
            output::aside(format_args!("[{:>4.0} s] {line}", elapsed.as_secs_f64()));
        }
        self.bar.set_message(line);
    }
}
