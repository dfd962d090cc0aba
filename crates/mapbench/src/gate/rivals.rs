//! The other gates, on the same cells for the same time: all of the base is measured, then all of the candidate.

use std::time::{Duration, Instant};

use mapbench_results::GateVerdict;
use mapbench_stats::gate::{criterion_regressed, ratio_regressed};
use mapbench_stats::median;
use mapbench_workload::derive_seed;

use super::rounds::{Bench, Stop};
use super::visit::Arm;
use crate::interrupt;

/// The gates on a ratio, by the names that results have for them, and what they allow.
const RATIOS: [(&str, f64); 3] = [("ratio_5", 0.05), ("ratio_10", 0.1), ("ratio_200", 2.0)];

/// What a rival says of a cell.
pub(crate) struct Said {
    pub(crate) method: &'static str,
    /// The cell, by its place.
    pub(crate) cell: usize,
    /// Slices of the side that has fewer.
    pub(crate) slices: u32,
    pub(crate) verdict: GateVerdict,
    /// How much larger the candidate's median is, as a logarithm.
    pub(crate) change: Option<f64>,
}

/// Measures one side after the other, all cells of each in turn, in so much time altogether, and has every rival judge.
pub(crate) fn judge(bench: &mut Bench, whole: Duration) -> Result<Vec<Said>, Stop> {
    let began = Instant::now();
    let turns = 2 * bench.cells.len() as u32;
    let mut times: [Vec<Option<Vec<f64>>>; 2] = Default::default();
    let cells = bench.cells.len();
    let visits = [Arm::Base, Arm::Candidate].into_iter().flat_map(|arm| (0..cells).map(move |cell| (arm, cell)));
    for ((arm, cell), turn) in visits.zip(1..) {
        if interrupt::came() {
            return Err(Stop::Interrupted);
        }
        let taken = bench.alone(arm, cell, began + whole * turn / turns).map_err(Stop::Failed)?;
        times[usize::from(arm == Arm::Candidate)].push(taken);
    }
    let [base, candidate] = times;
    let pairs = base.iter().zip(&candidate).enumerate();
    let pairs = pairs.filter_map(|(cell, (base, candidate))| Some((cell, base.as_ref()?, candidate.as_ref()?)));
    Ok(pairs.flat_map(|(cell, base, candidate)| verdicts(cell, base, candidate, bench.seed)).collect())
}

fn verdicts(cell: usize, base: &[f64], candidate: &[f64], seed: u64) -> Vec<Said> {
    let said = |method, regressed: Option<bool>| Said {
        method,
        cell,
        slices: base.len().min(candidate.len()) as u32,
        verdict: match regressed {
            Some(true) => GateVerdict::Fail,
            Some(false) => GateVerdict::Pass,
            None => GateVerdict::Inconclusive,
        },
        change: median(candidate).zip(median(base)).map(|(candidate, base)| (candidate / base).ln()),
    };
    let criterion = said("criterion", criterion_regressed(base, candidate, derive_seed(seed, &[cell as u64])));
    let ratios = RATIOS.into_iter().map(|(method, allowed)| said(method, ratio_regressed(base, candidate, allowed)));
    std::iter::once(criterion).chain(ratios).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rival_has_its_threshold() {
        let base: Vec<f64> = (0..20).map(|i| 100.0 + f64::from(i % 5)).collect();
        let slower = |factor: f64| {
            let candidate: Vec<f64> = base.iter().map(|time| time * factor).collect();
            let said = verdicts(3, &base, &candidate, 1);
            assert!(said.iter().all(|said| said.cell == 3 && said.slices == 20));
            let failed = said.iter().filter(|said| said.verdict == GateVerdict::Fail);
            failed.map(|said| said.method).collect::<Vec<_>>()
        };
        assert!(slower(1.0).is_empty());
        assert_eq!(slower(1.07), ["criterion", "ratio_5"]);
        assert_eq!(slower(1.5), ["criterion", "ratio_5", "ratio_10"]);
        assert_eq!(slower(3.1), ["criterion", "ratio_5", "ratio_10", "ratio_200"]);
    }
}
