//! A self-test of the gate, summed up: the same figures in the terminal and in the page.

use mapbench_results::{GateVerdict, SelfTestRow};
use mapbench_stats::median;

/// All suites of one method, condition and plant.
#[derive(Clone, Debug, PartialEq)]
pub struct SelfTestSummary {
    /// Who judged.
    pub method: String,
    /// Beside what.
    pub condition: String,
    /// What was planted.
    pub planted: String,
    /// How much of it, in per cent.
    pub planted_pct: f64,
    /// The probability of a false alarm that was allowed; `None` of a rival.
    pub alpha: Option<f64>,
    /// How many suites there were.
    pub suites: u32,
    /// Of them, how many failed in any cell.
    pub suites_failed: u32,
    /// How many had a suspect and failed in no cell.
    pub suites_cleared: u32,
    /// Cells of all suites.
    pub cells: u32,
    /// Of them, how many failed.
    pub cells_failed: u32,
    /// The largest number of cells in one suite.
    pub cells_a_suite: u32,
    /// How long a suite took, in seconds; the median.
    pub suite_seconds: f64,
    /// How much slower the median cell seemed, in per cent.
    pub change_pct: Option<f64>,
}

/// Sums up the rows of a self-test, in the order in which kinds of suites first appear.
#[must_use]
pub fn summarise_self_test(rows: &[SelfTestRow]) -> Vec<SelfTestSummary> {
    let mut kinds: Vec<Vec<&SelfTestRow>> = Vec::new();
    for row in rows {
        match kinds.iter_mut().find(|kind| same_kind(kind[0], row)) {
            Some(kind) => kind.push(row),
            None => kinds.push(vec![row]),
        }
    }
    kinds.iter().map(|rows| sum_up(rows)).collect()
}

fn same_kind(a: &SelfTestRow, b: &SelfTestRow) -> bool {
    let kind = |row: &SelfTestRow| (row.planted_pct, row.alpha);
    (&a.method, &a.condition, &a.planted) == (&b.method, &b.condition, &b.planted) && kind(a) == kind(b)
}

fn sum_up(rows: &[&SelfTestRow]) -> SelfTestSummary {
    let failed = |row: &&&SelfTestRow| row.verdict == GateVerdict::Fail;
    let mut suites: Vec<u32> = rows.iter().map(|row| row.suite).collect();
    suites.sort_unstable();
    suites.dedup();
    let of = |suite: u32| rows.iter().filter(move |row| row.suite == suite);
    let failing = suites.iter().filter(|suite| of(**suite).any(|row| failed(&row)));
    let cleared = suites
        .iter()
        .filter(|suite| of(**suite).any(|row| row.confirmed_p.is_some()) && !of(**suite).any(|row| failed(&row)));
    let seconds: Vec<f64> = suites.iter().filter_map(|suite| of(*suite).next()).map(|row| row.suite_seconds).collect();
    let changes: Vec<f64> = rows.iter().filter_map(|row| row.change_pct).collect();
    let first = rows[0];
    SelfTestSummary {
        method: first.method.clone(),
        condition: first.condition.clone(),
        planted: first.planted.clone(),
        planted_pct: first.planted_pct,
        alpha: first.alpha,
        suites: suites.len() as u32,
        suites_failed: failing.count() as u32,
        suites_cleared: cleared.count() as u32,
        cells: rows.len() as u32,
        cells_failed: rows.iter().filter(failed).count() as u32,
        cells_a_suite: suites.iter().map(|suite| of(*suite).count() as u32).max().unwrap_or(0),
        suite_seconds: median(&seconds).unwrap_or(0.0),
        change_pct: median(&changes),
    }
}

#[cfg(test)]
mod tests {
    use super::summarise_self_test;
    use crate::testing::self_test_row;
    use mapbench_results::GateVerdict::{Fail, Inconclusive, Pass};
    use mapbench_results::SelfTestRow;

    #[test]
    fn suites_are_counted_once_however_many_cells_fail() {
        let mut cleared = self_test_row("mapbench", 1, Pass);
        cleared.confirmed_p = Some(0.7);
        let mut confirmed = self_test_row("mapbench", 0, Fail);
        confirmed.confirmed_p = Some(0.001);
        let rows = [
            confirmed,
            self_test_row("mapbench", 0, Fail),
            self_test_row("mapbench", 1, Pass),
            cleared,
            self_test_row("mapbench", 2, Inconclusive),
            self_test_row("criterion", 0, Fail),
            SelfTestRow { alpha: Some(0.01), ..self_test_row("mapbench", 0, Fail) },
        ];
        let all = summarise_self_test(&rows);
        assert_eq!(all.len(), 3);
        assert_eq!((all[2].alpha, all[2].suites, all[2].suites_failed), (Some(0.01), 1, 1));
        let ours = &all[0];
        assert_eq!((ours.suites, ours.suites_failed, ours.suites_cleared), (3, 1, 1));
        assert_eq!((ours.cells, ours.cells_failed, ours.cells_a_suite), (5, 2, 2));
        assert_eq!((all[1].method.as_str(), all[1].suites_failed, all[1].cells), ("criterion", 1, 1));
    }
}
