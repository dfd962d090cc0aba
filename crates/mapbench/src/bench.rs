//! What `cargo bench` runs, with the flags that criterion's users know.
//!
//! A bench target parses [`Arguments`], hands the process over to [`serve_worker`] if it was started as a worker, runs
//! [`sweep`], then whatever else it measures, and ends with [`Sweep::conclude`].

mod baseline;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use mapbench_results::Group;

use crate::failure::{Failure, conclude};
use crate::output;
use crate::plan::{Beside, Choice, Profile, default_threads};
use crate::registry::{Entry, Registry};
use crate::run::{self, Finished, Order};
use crate::shipped::SHIPPED;
use crate::{serve, system};
use mapbench_workload::Workload;

/// The flags of `cargo bench` that the sweep heeds; criterion reads the same command line for itself.
#[derive(clap::Parser, Clone, Debug)]
#[command(name = "cargo bench -p mapbench --", disable_version_flag = true)]
pub struct Arguments {
    /// Only cells and benches whose name contains this
    filter: Option<String>,
    /// Take the filter as a whole name
    #[arg(long)]
    exact: bool,
    /// A first look, in a few minutes
    #[arg(long)]
    quick: bool,
    /// Name everything that would be measured
    #[arg(long)]
    list: bool,
    /// Run everything once, to see that it runs
    #[arg(long)]
    test: bool,
    /// Keep the results under this name
    #[arg(long, value_name = "NAME", conflicts_with = "baseline")]
    save_baseline: Option<String>,
    /// Compare with the results kept under this name
    #[arg(long, value_name = "NAME")]
    baseline: Option<String>,
    /// Given by cargo itself
    #[arg(long, hide = true)]
    bench: bool,
    /// criterion's choice of colours; the sweep prints none
    #[arg(long, hide = true)]
    color: Option<String>,
    /// criterion's plots are not built in
    #[arg(long, short, hide = true)]
    noplot: bool,
}

/// If this process was started as a worker, serves its orchestrator and returns how it ended.
#[must_use]
pub fn serve_worker(more: &[Entry]) -> Option<ExitCode> {
    (std::env::args().nth(1).as_deref() == Some("worker"))
        .then(|| conclude(serve::run(&Registry::with(more)).map_err(|error| Failure::usage(error.to_string()))))
}

impl Arguments {
    /// Nothing is measured, only named or tried.
    #[must_use]
    pub fn is_dry(&self) -> bool {
        self.list || self.test
    }

    /// A first look is enough.
    #[must_use]
    pub fn is_quick(&self) -> bool {
        self.quick
    }

    fn wants(&self, name: &str) -> bool {
        match &self.filter {
            None => true,
            Some(filter) if self.exact => filter == name,
            Some(filter) => name.contains(filter.as_str()),
        }
    }
}

/// What the sweep came to.
pub struct Sweep {
    outcome: Result<Option<Finished>, Failure>,
    arguments: Arguments,
}

/// Runs the shipped sweep over the built-in strategies and `more`; with `--list`, names its cells.
#[must_use]
pub fn sweep(more: &[Entry], arguments: &Arguments) -> Sweep {
    let outcome = attempt(&Registry::with(more), arguments);
    Sweep { outcome, arguments: arguments.clone() }
}

impl Sweep {
    /// True if the sweep failed or was interrupted, so that nothing else should be measured.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.outcome.is_err()
    }

    /// Prints the ranking, the comparison with a baseline if one was asked for, and where everything is.
    #[must_use]
    pub fn conclude(self) -> ExitCode {
        conclude(self.outcome.and_then(|finished| {
            let Some(finished) = finished else { return Ok(()) };
            if self.arguments.test {
                output::line(format_args!("sweep: {} cells tried", finished.run.cells.len()))?;
                return std::fs::remove_dir_all(&finished.dir)
                    .map_err(|error| Failure::usage(format!("cannot remove {}: {error}", finished.dir.display())));
            }
            finished.show()?;
            if let Some(name) = &self.arguments.save_baseline {
                baseline::save(name, &finished.dir)?;
            }
            if let Some(name) = &self.arguments.baseline {
                baseline::compare(name, &finished.run)?;
            }
            Ok(())
        }))
    }
}

fn attempt(registry: &Registry, arguments: &Arguments) -> Result<Option<Finished>, Failure> {
    if let Some(name) = &arguments.baseline {
        baseline::find(name)?;
    }
    let cells: Vec<(Group, &str)> =
        all_cells(registry).into_iter().filter(|(group, strategy)| arguments.wants(&name(group, strategy))).collect();
    if arguments.list {
        for (group, strategy) in &cells {
            output::line(format_args!("{}: benchmark", name(group, strategy)))?;
        }
    }
    if cells.is_empty() || arguments.list {
        return Ok(None);
    }
    let order = Order {
        profile: match (arguments.test, arguments.quick) {
            (true, _) => Profile::Smoke,
            (false, true) => Profile::Quick,
            (false, false) => Profile::Standard,
        },
        choice: choice(&cells),
        seed: 1,
        memory_bytes: 2 << 30,
        patience: Duration::from_secs(30),
        beside: Beside::default(),
        out: arguments.test.then(scratch),
    };
    run::start(registry, order).map(Some)
}

/// What the cells have in common: a filter on their names leaves a product of groups and strategies, since a text that
/// spans both is the end of the one and the beginning of the other.
fn choice(cells: &[(Group, &str)]) -> Choice {
    let mut choice = Choice::default();
    for (group, strategy) in cells {
        keep(&mut choice.strategies, (*strategy).to_owned());
        keep(&mut choice.workloads, group.workload.clone());
        keep(&mut choice.read_pct, group.read_pct);
        keep(&mut choice.threads, group.threads);
    }
    choice
}

fn keep<T: PartialEq>(all: &mut Vec<T>, one: T) {
    if !all.contains(&one) {
        all.push(one);
    }
}

fn all_cells(registry: &Registry) -> Vec<(Group, &'static str)> {
    let workload = Workload::parse(SHIPPED[0].1).expect("shipped workloads are sound").remove(0);
    let threads = default_threads(system::processors().len() as u32);
    let mut cells = Vec::new();
    for read_pct in workload.read_pct() {
        for threads in &threads {
            let group = Group { workload: workload.name.clone(), read_pct, threads: *threads };
            cells.extend(registry.entries().iter().map(|entry| (group.clone(), entry.info.name)));
        }
    }
    cells
}

/// A cell's name in filters and lists.
fn name(group: &Group, strategy: &str) -> String {
    format!("sweep/{}/read-{}/threads-{}/{strategy}", group.workload, group.read_pct, group.threads)
}

fn scratch() -> PathBuf {
    std::env::temp_dir().join(format!("mapbench-test-{}", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn a_filter_leaves_a_product() {
        let registry = Registry::with(&[]);
        for filter in ["dashmap", "read-90", "threads-1/", "read-99/threads-2/papaya", "2/d", "sweep"] {
            let arguments = Arguments::parse_from(["bench", filter]);
            let cells: Vec<_> =
                all_cells(&registry).into_iter().filter(|(g, s)| arguments.wants(&name(g, s))).collect();
            let chosen = choice(&cells);
            let product = chosen.strategies.len() * chosen.read_pct.len() * chosen.threads.len();
            assert_eq!(product, cells.len(), "{filter}");
            assert!(product > 0, "{filter}");
        }
    }

    #[test]
    fn exact_means_the_whole_name() {
        let arguments = Arguments::parse_from(["bench", "--exact", "sweep/ratio-sweep/read-90/threads-1/dashmap"]);
        let wanted = |name: &str| arguments.wants(name);
        assert!(wanted("sweep/ratio-sweep/read-90/threads-1/dashmap"));
        assert!(!wanted("sweep/ratio-sweep/read-90/threads-1/dashmap-7"));
    }
}
