//! The cells of a forecast, counted by simulators side by side, one a processor.

use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mapbench_forecast::Times;
use mapbench_results::{ALL_KINDS, Contention, Status};
use mapbench_workload::{Load, Percent, SplitMix64};

use super::build::Simulator;
use super::protocol::{Counted, Simulate, Simulated, Turns};
use crate::protocol::{Open, PROTOCOL_VERSION};
use crate::sweep::worker_process::{Lost, WorkerProcess};
use crate::{interrupt, system};

/// No cell takes longer, or its map hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A cell to be counted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cell {
    pub(crate) strategy: String,
    pub(crate) workload: String,
    pub(crate) read_pct: Percent,
    pub(crate) load: Load,
    pub(crate) cores: u32,
    /// What to forecast for; `None`, where counts are enough.
    pub(crate) times: Option<Times>,
}

/// A cell, and what was counted or why nothing was.
pub(crate) struct Outcome {
    pub(crate) cell: Cell,
    pub(crate) counted: Result<Counted, Lost>,
}

/// How cells are counted.
pub(crate) struct Cells<'a> {
    pub(crate) simulator: &'a Simulator,
    pub(crate) turns: Turns,
    pub(crate) seed: u64,
    pub(crate) operations: u64,
    pub(crate) memory_bytes: u64,
}

impl Cells<'_> {
    /// Counts all cells. `done` is told how many are.
    pub(crate) fn count(&self, cells: &[Cell], done: impl Fn(usize) + Sync) -> Vec<Outcome> {
        let (next, finished) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let outcomes: Vec<Mutex<Option<Outcome>>> = cells.iter().map(|_| Mutex::new(None)).collect();
        std::thread::scope(|scope| {
            for processor in system::processors() {
                let (next, finished, outcomes, done) = (&next, &finished, &outcomes, &done);
                scope.spawn(move || {
                    while let place = next.fetch_add(1, Ordering::Relaxed)
                        && let Some(cell) = cells.get(place)
                        && !interrupt::came()
                    {
                        let counted = self.one(cell, processor);
                        *outcomes[place].lock().expect("nothing panics here") =
                            Some(Outcome { cell: cell.clone(), counted });
                        done(finished.fetch_add(1, Ordering::Relaxed) + 1);
                    }
                });
            }
        });
        let outcomes = outcomes.into_iter().filter_map(|outcome| outcome.into_inner().expect("nothing panics here"));
        outcomes.collect()
    }

    fn one(&self, cell: &Cell, processor: u32) -> Result<Counted, Lost> {
        let mut seeds = SplitMix64::new(self.seed);
        let hash_seed = seeds.next_u64();
        let open = Open {
            protocol: PROTOCOL_VERSION,
            strategy: cell.strategy.clone(),
            threads: cell.cores,
            load: cell.load.clone(),
            stream_seeds: (0..cell.cores).map(|_| seeds.next_u64()).collect(),
            hash_seed,
            processors: vec![processor],
            planted: None,
        };
        let order = Simulate { open, turns: self.turns, seed: self.seed, operations: self.operations };
        let mut process = WorkerProcess::spawn(Command::new(&self.simulator.executable), self.memory_bytes)?;
        process.tell(&order);
        // Apart, so that what is counted does not depend on it: where the order lies in memory decides where the map does.
        process.tell(&cell.times);
        match process.hear(PATIENCE)? {
            Simulated::Counted(counted) => Ok(counted),
            Simulated::Failed { status, message } => Err(Lost { status, message }),
        }
    }
}

impl Outcome {
    /// The rows of `contention.csv`.
    pub(crate) fn rows(&self, turns: Turns) -> Vec<Contention> {
        let Ok(counted) = &self.counted else { return Vec::new() };
        let row = |kind: &Contention| Contention {
            strategy: self.cell.strategy.clone(),
            workload: self.cell.workload.clone(),
            read_pct: self.cell.read_pct,
            cores: self.cell.cores,
            schedule: turns.name().to_owned(),
            ..kind.clone()
        };
        counted.kinds.iter().map(row).collect()
    }

    /// What was counted of all operations together.
    pub(crate) fn all(&self) -> Option<&Contention> {
        self.counted.as_ref().ok()?.kinds.iter().find(|kind| kind.kind == ALL_KINDS)
    }

    /// Why nothing was counted, if that needs saying: what a strategy cannot do at all is in the list of strategies.
    pub(crate) fn trouble(&self) -> Option<String> {
        let lost = self.counted.as_ref().err().filter(|lost| lost.status != Status::NotApplicable)?;
        let Cell { strategy, read_pct, cores, .. } = &self.cell;
        Some(format!("{strategy} at {read_pct} % reads on {cores} cores: {}: {}", lost.status, lost.message))
    }
}
