//! Rounds to verdicts. Pure: no process, no clock.

use mapbench_report::counted;
use mapbench_results::GateVerdict;
use mapbench_stats::Interval;
use mapbench_stats::gate::{
    FLIPS, Visit, VisitedCell, control_adjusted_p, hodges_lehmann, required_rounds, visit_adjusted_p, visit_interval,
};

/// Confidence of the intervals that are shown, and of a `Pass`.
const CONFIDENCE: f64 = 0.95;

/// The base may be called different from itself, in any cell, with this probability.
const CONTROL_ALPHA: f64 = 0.001;

/// What a cell may do, as logarithms of ratios of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limits {
    /// Slower by less is no change.
    pub(crate) floor: f64,
    /// Slower by less is allowed.
    pub(crate) budget: f64,
}

impl Limits {
    /// From per cent.
    pub(crate) fn of(floor_pct: f64, budget_pct: f64) -> Self {
        Self { floor: (floor_pct / 100.0).ln_1p(), budget: (budget_pct / 100.0).ln_1p() }
    }
}

/// The rounds of a cell: one stage of them.
pub(crate) type Rounds = Vec<Option<Visit>>;

/// The adjusted p of "slower than its floor" of every cell.
pub(crate) fn slower(cells: &[&Rounds], limits: &[Limits], seed: u64) -> Vec<Option<f64>> {
    let cells: Vec<VisitedCell> =
        cells.iter().zip(limits).map(|(visits, limits)| VisitedCell { visits, floor: limits.floor }).collect();
    visit_adjusted_p(&cells, FLIPS, seed)
}

/// The cells, by their places, that a look suspects. One that has failed is not: a second confirmation could take the first
/// one back.
pub(crate) fn suspects(p: &[Option<f64>], level: f64, has_failed: impl Fn(usize) -> bool) -> Vec<usize> {
    (0..p.len()).filter(|cell| p[*cell].is_some_and(|p| p <= level) && !has_failed(*cell)).collect()
}

/// The cell, by its place, where the base differs from itself, with the p of it; `None` on a machine that is fit.
pub(crate) fn strays(cells: &[&Rounds], seed: u64) -> Option<(usize, f64)> {
    let cells: Vec<VisitedCell> = cells.iter().map(|visits| VisitedCell { visits, floor: 0.0 }).collect();
    let p = control_adjusted_p(&cells, FLIPS, seed).into_iter().enumerate();
    p.filter_map(|(cell, p)| Some((cell, p?))).filter(|(_, p)| *p <= CONTROL_ALPHA).min_by(|a, b| a.1.total_cmp(&b.1))
}

/// How much slower the candidate is, as a logarithm, with its interval.
pub(crate) fn change(rounds: &Rounds) -> Option<Interval> {
    visit_interval(rounds, CONFIDENCE)
}

/// The same for the base against itself, without one.
pub(crate) fn control(rounds: &Rounds) -> Option<f64> {
    hodges_lehmann(&rounds.iter().flatten().map(Visit::control).collect::<Vec<_>>())
}

/// Whether the interval is so short that more rounds would not change what is decided: a quarter of the way from the floor
/// to the budget on either side. It does not ask where the interval lies, so that stopping here favours no verdict.
pub(crate) fn is_precise(rounds: &Rounds, limits: Limits) -> bool {
    change(rounds).is_some_and(|change| (change.high - change.low) / 2.0 <= (limits.budget - limits.floor) / 4.0)
}

/// The verdict of a cell that no confirmed suspicion has failed, and why.
pub(crate) fn not_failed(rounds: &Rounds, limits: Limits) -> (GateVerdict, String) {
    let Some(change) = change(rounds) else {
        return (
            GateVerdict::Inconclusive,
            format!("{}: too few for an interval", counted(rounds.iter().flatten().count(), "round")),
        );
    };
    if change.high < limits.budget {
        let most = 100.0 * change.high.exp_m1();
        return (GateVerdict::Pass, format!("slower by at most {most:.1} %"));
    }
    let half = 100.0 * (change.high - change.low) / 2.0;
    let more = rounds_for(rounds, limits)
        .map_or_else(String::new, |rounds| format!("; about {rounds} rounds would show whether it keeps its budget"));
    (GateVerdict::Inconclusive, format!("known to within {half:.1} %{more}"))
}

/// How many rounds a verdict on the cell would need, with a probability of nine tenths: the interval must end below the
/// budget if the candidate is as slow as its floor. The spread is taken from the interval, which outliers do not stretch.
fn rounds_for(rounds: &Rounds, limits: Limits) -> Option<u32> {
    /// Half of a 95 % interval, in standard errors.
    const HALF: f64 = 1.96;
    let (change, count) = (change(rounds)?, rounds.iter().flatten().count());
    let sd = (change.high - change.low) / 2.0 / HALF * (count as f64).sqrt();
    required_rounds(sd, count as u32, (1.0 - CONFIDENCE) / 2.0, 0.9, limits.budget - limits.floor)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A visit whose arms have these mean logarithms, each slice within half a per cent.
    fn visit(means: [f64; 3]) -> Option<Visit> {
        let [base, control, candidate] = means.map(|mean| [(mean - 0.005).exp(), (mean + 0.005).exp()]);
        Visit::new(base, control, candidate)
    }

    /// Rounds whose bases differ by 1 % and back, the candidate slower than their mean by `slower`, more or less.
    fn rounds(slower: f64, count: usize) -> Rounds {
        let wobble = |i: usize| 0.01 * ((i * 7 % 11) as f64 / 10.0 - 0.5);
        (0..count).map(|i| visit([wobble(i), -wobble(i), slower + wobble(i * 3 + 1)])).collect()
    }

    #[test]
    fn a_slow_candidate_is_called_slower_and_an_equal_one_passes() {
        let limits = Limits::of(1.0, 5.0);
        let (slow, same) = (rounds(0.08, 20), rounds(0.0, 20));
        let p = slower(&[&slow, &same], &[limits; 2], 1);
        assert!(p[0].unwrap() < 0.001 && p[1].unwrap() > 0.5, "{p:?}");
        assert_eq!(not_failed(&same, limits).0, GateVerdict::Pass);
        let (verdict, reason) = not_failed(&slow, limits);
        assert_eq!(verdict, GateVerdict::Inconclusive);
        assert!(reason.starts_with("known to within 0."), "{reason}");
        assert!((change(&slow).unwrap().estimate - 0.08).abs() < 0.005);
        let at_the_budget = rounds(limits.budget, 20);
        assert!(change(&at_the_budget).unwrap().covers(limits.budget));
        assert_eq!(not_failed(&at_the_budget, limits).0, GateVerdict::Inconclusive);
    }

    #[test]
    fn a_suspect_is_at_the_level_and_has_not_failed() {
        let p = [Some(0.02), Some(0.01), None, Some(0.001), Some(0.0)];
        assert_eq!(suspects(&p, 0.01, |cell| cell == 3), [1, 4]);
    }

    #[test]
    fn a_change_up_to_the_floor_is_no_change() {
        let p = |floor| slower(&[&rounds(0.02, 20)], &[Limits::of(floor, 50.0)], 1)[0].unwrap();
        assert!(p(0.5) < 0.001 && p(4.0) > 0.5, "{} {}", p(0.5), p(4.0));
    }

    #[test]
    fn a_base_that_differs_from_itself_strays() {
        let steady: Rounds = (0..20).map(|i| visit([0.0, 0.001 * f64::from(i % 5 - 2), 0.0])).collect();
        let drifting: Rounds = (0..20).map(|i| visit([0.0, 0.05 + 0.001 * f64::from(i % 5), 0.0])).collect();
        assert_eq!(strays(&[&steady, &steady], 1), None);
        let (cell, p) = strays(&[&steady, &drifting], 1).unwrap();
        assert!(cell == 1 && p <= 0.005);
        let other_way: Rounds = (0..20).map(|i| visit([0.05 + 0.001 * f64::from(i % 5), 0.0, 0.0])).collect();
        assert_eq!(strays(&[&other_way], 1).unwrap().0, 0);
    }

    #[test]
    fn precision_does_not_ask_where_the_interval_lies() {
        for slower in [-0.3, 0.0, 0.3] {
            assert!(is_precise(&rounds(slower, 20), Limits::of(1.0, 5.0)));
            assert!(!is_precise(&rounds(slower, 20), Limits::of(1.0, 1.2)));
        }
    }

    #[test]
    fn too_few_rounds_are_no_verdict() {
        for (few, said) in [(1, "1 round: too few for an interval"), (3, "3 rounds: too few for an interval")] {
            assert_eq!(
                not_failed(&rounds(0.0, few), Limits::of(1.0, 5.0)),
                (GateVerdict::Inconclusive, said.to_owned())
            );
        }
    }
}
