//! The deterministic companion of the clock for cells of several threads: cache lines that cores take from each other, the
//! same on a busy machine and on an idle one. A shared write that is added to every read shows here, whatever the clock of a
//! small machine says.

use std::collections::HashMap;
use std::path::PathBuf;

use mapbench_results::{GateCell, GateVerdict, Transfers};
use mapbench_workload::Workload;

use super::budget::Effective;
use super::rounds::GatedCell;
use crate::forecast::protocol::Turns;
use crate::forecast::{Cell, Cells, Outcome, Simulator};

/// Virtual cores: enough that a line which all of them write moves nearly every time, few enough for a second a cell.
const CORES: u32 = 8;

/// Operations to count.
const OPERATIONS: u64 = 8_192;

/// Memory that a simulator may hold, in bytes.
const MEMORY_BYTES: u64 = 4 << 30;

/// Both sides, built with a call at every access of memory.
#[derive(Clone, Debug)]
pub(crate) struct Simulators {
    pub(crate) base: PathBuf,
    pub(crate) candidate: PathBuf,
}

impl Simulators {
    /// Counts both sides of each cell, in order. Cells that differ in the number of threads alone are counted once.
    ///
    /// # Errors
    /// Of a cell: what a side was not counted for, which says nothing against the candidate.
    pub(super) fn count(
        &self,
        gated: &[&GatedCell],
        workloads: &HashMap<String, Workload>,
        seed: u64,
    ) -> Vec<Result<[f64; 2], String>> {
        let side = |executable: &PathBuf, side: usize| {
            let cells: Vec<Cell> = gated.iter().map(|cell| cell_of(cell, side, workloads)).collect();
            let mut unlike: Vec<Cell> = Vec::new();
            for cell in &cells {
                if !unlike.contains(cell) {
                    unlike.push(cell.clone());
                }
            }
            // As of the executables: one without a slash would be looked for in PATH.
            let executable = std::path::absolute(executable).unwrap_or_else(|_| executable.clone());
            let simulator = Simulator { executable };
            let counting = Cells {
                simulator: &simulator,
                turns: Turns::Operations,
                seed,
                operations: OPERATIONS,
                memory_bytes: MEMORY_BYTES,
            };
            let outcomes = counting.count(&unlike, |_| {});
            let of = |cell: &Cell| outcomes.iter().find(|outcome| outcome.cell == *cell).map(transfers);
            // An interrupt leaves out the rest.
            cells.iter().map_while(of).collect::<Vec<_>>()
        };
        let (base, candidate) = (side(&self.base, 0), side(&self.candidate, 1));
        let lost = |side: &str, why: String| format!("transfers of the {side} were not counted, {why}");
        let pairs = base.into_iter().zip(candidate).map(|(base, candidate)| {
            Ok([base.map_err(|why| lost("base", why))?, candidate.map_err(|why| lost("candidate", why))?])
        });
        pairs.collect()
    }
}

fn cell_of(gated: &GatedCell, side: usize, workloads: &HashMap<String, Workload>) -> Cell {
    let group = &gated.group;
    Cell {
        strategy: gated.strategies[side].clone(),
        workload: group.workload.clone(),
        read_pct: group.read_pct,
        load: workloads[&group.workload].load(group.read_pct),
        cores: CORES,
        times: None,
    }
}

/// Transfers an operation, or why none were counted.
fn transfers(outcome: &Outcome) -> Result<f64, String> {
    match (&outcome.counted, outcome.all()) {
        (Err(why), _) => Err(format!("{}: {}", why.status, why.message)),
        (_, None) => Err("there was nothing to count".to_owned()),
        (_, Some(all)) => Ok(all.transfers()),
    }
}

/// Puts what was counted into a cell, which fails when the candidate takes more than it may. True: it does.
pub(super) fn judge(cell: &mut GateCell, [base, candidate]: [f64; 2], allowed: &Effective) -> bool {
    let most = base * (1.0 + allowed.budget_pct / 100.0) + allowed.transfers;
    let counted = Transfers { cores: CORES, base, candidate, most };
    cell.transfers = Some(counted);
    if counted.exceeded() {
        let contended = format!(
            "{candidate:.3} transfers an operation on {CORES} virtual cores, where the base has {base:.3} and {most:.3} are allowed"
        );
        cell.reason = match cell.verdict {
            GateVerdict::Fail => format!("{contended}; {}", cell.reason),
            _ => contended,
        };
        cell.verdict = GateVerdict::Fail;
    }
    counted.exceeded()
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::gate::Budget;
    use mapbench_results::{GateCell, GateVerdict};

    fn cell(verdict: GateVerdict) -> GateCell {
        GateCell {
            cell: "w/read-90/threads-2/s".to_owned(),
            verdict,
            change: None,
            low: None,
            high: None,
            p: None,
            confirmed_p: None,
            rounds: 8,
            floor_pct: 1.0,
            budget_pct: 5.0,
            reason: "by the clock".to_owned(),
            control: None,
            instructions: None,
            transfers: None,
        }
    }

    #[test]
    fn a_shared_write_in_every_read_fails_whatever_the_clock_said() {
        let allowed = Budget::default().effective("w/read-90/threads-2/s");
        for verdict in [GateVerdict::Pass, GateVerdict::Inconclusive] {
            let mut within = cell(verdict);
            assert!(!judge(&mut within, [1.0, 1.149], &allowed));
            assert_eq!((within.verdict, &*within.reason), (verdict, "by the clock"));
            let mut contended = cell(verdict);
            assert!(judge(&mut contended, [0.02, 1.02], &allowed));
            assert_eq!(contended.verdict, GateVerdict::Fail);
            let expected =
                "1.020 transfers an operation on 8 virtual cores, where the base has 0.020 and 0.121 are allowed";
            assert_eq!(contended.reason, expected);
        }
        let mut slow = cell(GateVerdict::Fail);
        assert!(judge(&mut slow, [1.0, 1.151], &allowed));
        assert!(slow.reason.ends_with("are allowed; by the clock"), "{}", slow.reason);
    }
}
