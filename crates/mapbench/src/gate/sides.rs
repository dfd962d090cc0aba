//! What the two sides are, and the cells that both have.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mapbench_report::LIMITS;
use mapbench_results::{GateSide, Group, Status, checksum};
use mapbench_workload::Workload;

use super::budget::Budget;
use super::judge::Limits;
use super::rounds::GatedCell;
use crate::failure::Failure;
use crate::plan::Choice;
use crate::protocol::{Event, PROTOCOL_VERSION, Request};
use crate::sweep::worker_process::WorkerProcess;

/// An executable that can be measured.
#[derive(Clone)]
pub(crate) struct Executable {
    pub(crate) path: PathBuf,
    pub(crate) label: String,
    version: String,
    strategies: Vec<String>,
    sha256: String,
}

impl Executable {
    /// Asks an executable what it can measure.
    pub(crate) fn describe(path: &Path, label: &str, patience: Duration) -> Result<Self, Failure> {
        let refuse = |problem: &str| Failure::usage(format!("{label} {}: {problem}", path.display()));
        // A name without a slash would be looked for in PATH when it is started, and here when it is read.
        let path = &std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let sha256 = checksum::of_file(path).map_err(|error| refuse(&format!("cannot be read: {error}")))?;
        let told = WorkerProcess::start(path, u64::MAX, 0).and_then(|mut worker| {
            worker.tell(&Request::Describe);
            worker.answer(patience)
        });
        let remedy = "give a `mapbench` executable of a revision with this protocol";
        match told {
            Ok(Event::Described { protocol: PROTOCOL_VERSION, version, strategies, .. }) => {
                Ok(Self { path: path.to_owned(), label: label.to_owned(), version, strategies, sha256 })
            }
            Ok(Event::Described { protocol, .. }) => Err(refuse(&format!(
                "it speaks protocol {protocol} and this gate protocol {PROTOCOL_VERSION}; {remedy}"
            ))),
            Ok(other) => Err(refuse(&format!("it answered `describe` with {other:?}; {remedy}"))),
            Err(lost) if lost.status == Status::TimedOut => {
                Err(refuse(&format!("it is no mapbench worker: {}; {remedy}", lost.message)))
            }
            Err(lost) => Err(refuse(&format!("it is no mapbench worker: {}; {remedy}", lost.message))),
        }
    }

    pub(crate) fn side(&self, strategy: Option<&str>) -> GateSide {
        GateSide {
            executable_sha256: self.sha256.clone(),
            version: self.version.clone(),
            strategy: strategy.map(str::to_owned),
            label: strategy.unwrap_or(&self.label).to_owned(),
        }
    }

    /// Whether both are the same, byte for byte.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.sha256 == other.sha256
    }

    fn has(&self, strategy: &str) -> bool {
        self.strategies.iter().any(|name| name == strategy)
    }
}

/// The cells of a gate, before anything is measured.
#[derive(Default)]
pub(crate) struct Cells {
    pub(crate) gated: Vec<GatedCell>,
    pub(crate) only_in_base: Vec<String>,
    pub(crate) only_in_candidate: Vec<String>,
}

/// Which strategies are compared.
#[derive(Clone, Debug)]
pub(crate) enum Pairing {
    /// Each with itself, of those chosen; of all contenders if none is.
    Same(Vec<String>),
    /// One with another.
    Two { base: String, candidate: String },
}

impl Cells {
    /// Pairs what both sides have, for all groups.
    pub(crate) fn of(
        base: &Executable,
        candidate: &Executable,
        pairing: &Pairing,
        groups: &[Group],
    ) -> Result<Self, Failure> {
        let mut cells = Self::default();
        let pairs: Vec<[String; 2]> = match pairing {
            Pairing::Two { base: one, candidate: other } => {
                base.must_have(one)?;
                candidate.must_have(other)?;
                vec![[one.clone(), other.clone()]]
            }
            Pairing::Same(chosen) => {
                for name in chosen {
                    if !base.has(name) {
                        candidate.must_have(name)?;
                    }
                }
                let wanted = |name: &&String| match chosen.is_empty() {
                    true => !LIMITS.contains(&name.as_str()),
                    false => chosen.contains(name),
                };
                let more = candidate.strategies.iter().filter(|name| !base.has(name));
                let names = base.strategies.iter().chain(more).filter(wanted);
                names.map(|name| [name.clone(), name.clone()]).collect()
            }
        };
        for group in groups {
            for pair in &pairs {
                let name = cell_name(group, pair);
                match (base.has(&pair[0]), candidate.has(&pair[1])) {
                    (true, true) => cells.gated.push(GatedCell {
                        name,
                        group: group.clone(),
                        strategies: pair.clone(),
                        limits: Limits { floor: 0.0, budget: 0.0 },
                    }),
                    (true, false) => cells.only_in_base.push(name),
                    (false, _) => cells.only_in_candidate.push(name),
                }
            }
        }
        Ok(cells)
    }

    /// Gives each cell what the budget allows it, and drops those that it skips.
    pub(crate) fn apply(&mut self, budget: &Budget) -> Result<(), Failure> {
        let names: Vec<String> =
            self.gated.iter().map(|cell| cell.name.clone()).chain(self.only_in_base.iter().cloned()).collect();
        budget.check(names.iter().map(String::as_str)).map_err(Failure::usage)?;
        self.gated.retain(|cell| !budget.effective(&cell.name).skip);
        self.only_in_base.retain(|name| !budget.effective(name).skip);
        for cell in &mut self.gated {
            let effective = budget.effective(&cell.name);
            cell.limits = Limits::of(effective.floor_pct, effective.budget_pct);
        }
        Ok(())
    }
}

impl Executable {
    fn must_have(&self, strategy: &str) -> Result<(), Failure> {
        if self.has(strategy) {
            return Ok(());
        }
        let names = self.strategies.iter().map(String::as_str);
        let unknown = crate::registry::UnknownName::new("strategy", strategy, names);
        Err(Failure::usage(format!("{}: {unknown}", self.label)))
    }
}

fn cell_name(group: &Group, [base, candidate]: &[String; 2]) -> String {
    let strategy = if base == candidate { candidate.clone() } else { format!("{candidate}-vs-{base}") };
    format!("{}/read-{}/threads-{}/{strategy}", group.workload, group.read_pct, group.threads)
}

/// The groups that a choice names, with their workloads.
pub(crate) fn groups(choice: &Choice, cores: u32) -> Result<(Vec<Group>, HashMap<String, Workload>), Failure> {
    let (groups, _, workloads) = crate::plan::groups(choice, cores)?;
    Ok((groups, workloads))
}
