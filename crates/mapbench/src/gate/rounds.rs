//! Rounds over cells: who is visited, what it took, and every slice on disk before the next.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use mapbench_results::{GateSlice, GateSliceWriter, Group, Status};
use mapbench_stats::gate::Visit as Seen;
use mapbench_workload::{SplitMix64, Workload, derive_seed};

use super::judge::{Limits, Rounds};
use super::visit::{Arm, Broken, Shape, Side, Taken, Visit};
use crate::failure::Failure;
use crate::interrupt;
use crate::protocol::Planted;

/// A cell that both sides have.
#[derive(Clone, Debug)]
pub(crate) struct GatedCell {
    pub(crate) name: String,
    pub(crate) group: Group,
    /// The strategy of the base, and of the candidate.
    pub(crate) strategies: [String; 2],
    pub(crate) limits: Limits,
}

/// Which rounds these are; part of every seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Screening,
    /// After the look of this number.
    Confirmation(u32),
    /// One side after the other, as other gates measure.
    Rivals,
}

impl Stage {
    fn number(self) -> u64 {
        match self {
            Stage::Screening => 0,
            Stage::Confirmation(look) => 1 + u64::from(look),
            Stage::Rivals => u64::MAX,
        }
    }

    fn name(self) -> String {
        match self {
            Stage::Screening => "screening".to_owned(),
            Stage::Confirmation(look) => format!("confirmation {}", look + 1),
            Stage::Rivals => "rivals".to_owned(),
        }
    }
}

/// What measures rounds.
pub(crate) struct Bench<'a> {
    pub(crate) cells: &'a [GatedCell],
    pub(crate) workloads: &'a HashMap<String, Workload>,
    pub(crate) base: &'a Path,
    pub(crate) candidate: &'a Path,
    /// What is planted into the candidate.
    pub(crate) planted: Option<Planted>,
    pub(crate) shape: Shape,
    pub(crate) seed: u64,
    pub(crate) writer: GateSliceWriter,
    /// The arms that broke, by cell: such a cell is not visited again.
    pub(crate) broken: Vec<Option<Broken>>,
    pub(crate) began: Instant,
}

/// Why rounds ended before their time.
pub(crate) enum Stop {
    Interrupted,
    Failed(Failure),
}

impl Bench<'_> {
    /// One round: a visit to each of these cells, in random order. Adds to `rounds`, which has a list for every cell of
    /// the bench, a result for each cell that was to be visited.
    pub(crate) fn round(
        &mut self,
        stage: Stage,
        round: u32,
        which: &[usize],
        rounds: &mut [Rounds],
    ) -> Result<(), Stop> {
        let seed = derive_seed(self.seed, &[stage.number(), u64::from(round)]);
        let mut order = which.to_vec();
        SplitMix64::new(seed).shuffle(&mut order);
        for cell in order {
            if interrupt::came() {
                return Err(Stop::Interrupted);
            }
            let seen = match self.broken[cell] {
                Some(_) => None,
                None => self.visit(stage, round, cell, derive_seed(seed, &[cell as u64])).map_err(Stop::Failed)?,
            };
            rounds[cell].push(seen);
        }
        Ok(())
    }

    /// A visit to a cell.
    pub(crate) fn to<'v>(&'v self, gated: &'v GatedCell, seed: u64) -> Visit<'v> {
        let [base, candidate] = &gated.strategies;
        Visit {
            group: &gated.group,
            workload: &self.workloads[&gated.group.workload],
            base: Side { executable: self.base, strategy: base, planted: None },
            candidate: Side { executable: self.candidate, strategy: candidate, planted: self.planted },
            shape: &self.shape,
            seed,
        }
    }

    fn visit(&mut self, stage: Stage, round: u32, cell: usize, seed: u64) -> Result<Option<Seen>, Failure> {
        let gated = &self.cells[cell];
        match self.to(gated, seed).make() {
            Ok(taken) => {
                for slice in &taken {
                    self.writer.append(&row(stage, round, gated, slice))?;
                }
                Ok(seen(&taken))
            }
            Err(broken) => {
                self.writer.append(&lost_row(stage, round, gated, &broken))?;
                self.broken[cell] = Some(broken);
                Ok(None)
            }
        }
    }

    /// One side of a cell by itself until a moment: its times per operation, `None` if it cannot be measured.
    pub(crate) fn alone(&mut self, arm: Arm, cell: usize, until: Instant) -> Result<Option<Vec<f64>>, Failure> {
        let gated = &self.cells[cell];
        match self.to(gated, derive_seed(self.seed, &[Stage::Rivals.number(), cell as u64])).alone(arm, until) {
            Ok(taken) => {
                for slice in &taken {
                    self.writer.append(&row(Stage::Rivals, 0, gated, slice))?;
                }
                Ok(Some(taken.iter().map(|slice| slice.time_per_op_ns).collect()))
            }
            Err(broken) => {
                self.writer.append(&lost_row(Stage::Rivals, 0, gated, &broken))?;
                Ok(None)
            }
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

fn row(stage: Stage, round: u32, cell: &GatedCell, slice: &Taken) -> GateSlice {
    GateSlice {
        stage: stage.name(),
        round,
        cell: cell.name.clone(),
        arm: slice.arm.name().to_owned(),
        position: slice.position,
        status: Status::Ok,
        time_per_op_fs: Some((slice.time_per_op_ns * 1e6).round() as u64),
        message: String::new(),
    }
}

fn lost_row(stage: Stage, round: u32, cell: &GatedCell, Broken { arm, lost }: &Broken) -> GateSlice {
    GateSlice {
        stage: stage.name(),
        round,
        cell: cell.name.clone(),
        arm: arm.name().to_owned(),
        position: 0,
        status: lost.status,
        time_per_op_fs: None,
        message: lost.message.clone(),
    }
}

/// The two slices of each arm; `None` where a clock stood still.
pub(crate) fn seen(taken: &[Taken]) -> Option<Seen> {
    let of = |arm: Arm| {
        let mut times = taken.iter().filter(|slice| slice.arm == arm).map(|slice| slice.time_per_op_ns);
        Some([times.next()?, times.next()?])
    };
    Seen::new(of(Arm::Base)?, of(Arm::Control)?, of(Arm::Candidate)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_drift_cancels() {
        // Base, candidate, control and back, each slice 1 % slower than the one before it; the candidate twice as slow.
        let order = [Arm::Base, Arm::Candidate, Arm::Control, Arm::Control, Arm::Candidate, Arm::Base];
        let taken: Vec<Taken> = order
            .into_iter()
            .zip(0..)
            .map(|(arm, position)| {
                let own = if arm == Arm::Candidate { 2.0 } else { 1.0 };
                Taken { arm, position, time_per_op_ns: own * 1.01_f64.powi(position as i32) }
            })
            .collect();
        let seen = seen(&taken).unwrap();
        assert!(seen.control().abs() < 1e-12);
        assert!((seen.contrast() - 2.0_f64.ln()).abs() < 1e-12);
    }
}
