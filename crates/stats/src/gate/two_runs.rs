use crate::Interval;
use crate::rng::SplitMix64;
use crate::student;

/// Statistics this close are equal: another order of adding must not decide a tie, and a tie counts against a verdict.
const SAME: f64 = 1e-9;

/// A cell that two runs have measured: a value a fork, a logarithm; `None` where a fork failed.
#[derive(Clone, Copy, Debug)]
pub struct TwoRuns<'a> {
    /// The forks of the earlier run, in the same order for all cells.
    pub before: &'a [Option<f64>],
    /// Those of the later run.
    pub after: &'a [Option<f64>],
    /// By how much the later values may be above the earlier ones.
    pub floor: f64,
}

/// The p of "the later run is above the earlier one by more than the floor" of each cell, adjusted so that the probability
/// of any p at most alpha among the cells where it is not is at most alpha, whatever the dependence between cells.
///
/// Were nothing different, each fork might have been of either run. So whole forks are dealt anew to the two runs, in all
/// cells at once, and the largest of Student's t over the cells is compared, step-down (Westfall & Young, Resampling-Based
/// Multiple Testing, 1993, algorithm 4.1). All ways to deal are taken when there are no more than `deals` + 1, else the
/// observed one and `deals` random ones (Phipson & Smyth, Permutation P-values Should Never Be Zero, 2010). That forks of
/// two runs could be exchanged is an assumption, not a design: the runs lie hours or months apart.
///
/// `None` for a cell with fewer than two forks in either run, or where no two forks differ.
#[must_use]
pub fn two_runs_adjusted_p(cells: &[TwoRuns], deals: u32, seed: u64) -> Vec<Option<f64>> {
    let before = cells.iter().map(|cell| cell.before.len()).max().unwrap_or(0);
    let after = cells.iter().map(|cell| cell.after.len()).max().unwrap_or(0);
    let pooled: Vec<Vec<Option<f64>>> = cells
        .iter()
        .map(|cell| {
            let fork = |values: &[Option<f64>], fork: usize, shift: f64| Some((*values.get(fork)?)? - shift);
            let old = (0..before).map(|number| fork(cell.before, number, 0.0));
            old.chain((0..after).map(|number| fork(cell.after, number, cell.floor))).collect()
        })
        .collect();
    let mut is_after: Vec<bool> = (0..before + after).map(|fork| fork >= before).collect();
    let observed: Vec<Option<f64>> = pooled.iter().map(|values| t(values, &is_after)).collect();
    let mut order: Vec<usize> = (0..cells.len()).filter(|cell| observed[*cell].is_some()).collect();
    order.sort_by(|a, b| observed[*a].partial_cmp(&observed[*b]).expect("statistics are numbers"));
    let mut reached = vec![0_u32; order.len()];
    let mut count = 0;
    let mut look = |is_after: &[bool]| {
        count += 1;
        let mut largest = f64::NEG_INFINITY;
        for (cell, reached) in order.iter().zip(&mut reached) {
            // A deal that leaves a run without a spread has no statistic: it counts against a verdict.
            largest = largest.max(t(&pooled[*cell], is_after).unwrap_or(f64::INFINITY));
            *reached += u32::from(largest >= observed[*cell].expect("it is tested") - SAME);
        }
    };
    if ways(before + after, after).is_some_and(|ways| ways <= u64::from(deals) + 1) {
        // In the order of binary numbers; the first of them is the observed deal.
        loop {
            look(&is_after);
            if !next_deal(&mut is_after) {
                break;
            }
        }
    } else {
        let mut rng = SplitMix64::new(seed);
        look(&is_after);
        for _ in 0..deals {
            for last in (1..is_after.len()).rev() {
                is_after.swap(last, rng.below(last + 1));
            }
            look(&is_after);
        }
    }
    let mut adjusted = vec![None; cells.len()];
    let mut least = 0;
    for (cell, reached) in order.iter().zip(&reached).rev() {
        least = least.max(*reached);
        adjusted[*cell] = Some(f64::from(least) / f64::from(count));
    }
    adjusted
}

/// How much the later run is above the earlier one, with the 95 % interval of Student's t for two samples (Welch, The
/// Generalization of Student's Problem, Biometrika 34, 1947).
///
/// `None` for fewer than two forks in either run.
#[must_use]
pub fn two_runs_change(cell: &TwoRuns) -> Option<Interval> {
    let [before, after] = [cell.before, cell.after].map(|forks| moments(forks.iter().flatten().copied()));
    let (before, after) = (before?, after?);
    let [a, b] = [before, after].map(|run| run.variance / run.count);
    let estimate = after.mean - before.mean;
    let freedom = (a + b).powi(2) / (a * a / (before.count - 1.0) + b * b / (after.count - 1.0));
    let reach = if a + b > 0.0 { student::t(freedom.floor().max(1.0) as usize) * (a + b).sqrt() } else { 0.0 };
    Some(Interval { low: estimate - reach, estimate, high: estimate + reach })
}

#[derive(Clone, Copy)]
struct Moments {
    count: f64,
    mean: f64,
    variance: f64,
}

fn moments(values: impl Iterator<Item = f64> + Clone) -> Option<Moments> {
    let count = values.clone().count();
    if count < 2 {
        return None;
    }
    let n = count as f64;
    let mean = values.clone().sum::<f64>() / n;
    Some(Moments { count: n, mean, variance: values.map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0) })
}

/// Student's t of two samples with one variance.
fn t(values: &[Option<f64>], is_after: &[bool]) -> Option<f64> {
    let of = |wanted: bool| {
        moments(values.iter().zip(is_after).filter(move |(_, after)| **after == wanted).filter_map(|(value, _)| *value))
    };
    let (before, after) = (of(false)?, of(true)?);
    let freedom = before.count + after.count - 2.0;
    let pooled = ((before.count - 1.0) * before.variance + (after.count - 1.0) * after.variance) / freedom;
    let error = (pooled * (1.0 / before.count + 1.0 / after.count)).sqrt();
    (error > 0.0).then(|| (after.mean - before.mean) / error)
}

/// The number of ways to choose `k` of `n`; `None` when it does not fit.
fn ways(n: usize, k: usize) -> Option<u64> {
    (0..k as u64).try_fold(1_u64, |ways, i| Some(ways.checked_mul(n as u64 - i)? / (i + 1)))
}

/// The next larger binary number with as many ones, the first fork being the highest digit; false after the largest.
fn next_deal(digits: &mut [bool]) -> bool {
    let Some(place) = digits.windows(2).rposition(|pair| !pair[0] && pair[1]) else { return false };
    digits[place] = true;
    digits[place + 1] = false;
    digits[place + 2..].sort_unstable();
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(values: &[f64]) -> Vec<Option<f64>> {
        values.iter().copied().map(Some).collect()
    }

    #[test]
    fn all_deals_are_dealt_once() {
        let mut digits = [false, false, false, true, true];
        let mut seen = vec![digits];
        while next_deal(&mut digits) {
            seen.push(digits);
        }
        assert_eq!((seen.len() as u64, digits), (ways(5, 2).unwrap(), [true, true, false, false, false]));
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 10);
    }

    #[test]
    fn known_answers() {
        let (before, after) = (some(&[1.0, 2.0, 3.0]), some(&[11.0, 12.0, 13.0]));
        let cell = TwoRuns { before: &before, after: &after, floor: 0.0 };
        // Of the 20 ways to deal six forks none separates the two better.
        assert_eq!(two_runs_adjusted_p(&[cell], 999, 1), [Some(0.05)]);
        // scipy.stats.ttest_ind([11, 12, 13], [1, 2, 3], equal_var=False).confidence_interval(): 10 -+ 2.2670.
        let change = two_runs_change(&cell).unwrap();
        assert!((change.estimate - 10.0).abs() < 1e-12 && (change.high - 12.2670).abs() < 1e-3, "{change:?}");
        // Above by less than the floor.
        assert_eq!(two_runs_adjusted_p(&[TwoRuns { floor: 20.0, ..cell }], 999, 1), [Some(1.0)]);
    }

    #[test]
    fn what_cannot_be_told_is_none() {
        let (one, still, two) = (some(&[1.0]), some(&[1.0, 1.0]), some(&[1.0, 2.0]));
        let cell = |before, after| TwoRuns { before, after, floor: 0.0 };
        let p = two_runs_adjusted_p(&[cell(&one, &two), cell(&still, &still), cell(&two, &two)], 99, 1);
        assert!(p[0].is_none() && p[1].is_none() && p[2].is_some(), "{p:?}");
        assert!(two_runs_change(&cell(&one, &two)).is_none());
        assert_eq!(two_runs_adjusted_p(&[], 99, 1), []);
    }

    #[test]
    fn the_size_is_exact_over_all_deals() {
        // Each way to deal eight forks taken as data in turn: no more than a share of alpha may be called above.
        let cells = [[0.3, -1.2, 0.8, 4.0, 0.1, -0.4, 1.1, 0.2], [1.0, 0.9, -7.0, 0.4, 0.2, 0.5, -0.3, 0.0]];
        let mut digits = [false, false, false, false, true, true, true, true];
        let mut smallest = Vec::new();
        loop {
            let halves: Vec<[Vec<Option<f64>>; 2]> = cells
                .iter()
                .map(|cell| {
                    [false, true].map(|after| {
                        cell.iter().zip(&digits).filter(|(_, digit)| **digit == after).map(|(x, _)| Some(*x)).collect()
                    })
                })
                .collect();
            let both: Vec<TwoRuns> =
                halves.iter().map(|[before, after]| TwoRuns { before, after, floor: 0.0 }).collect();
            smallest.push(two_runs_adjusted_p(&both, 999, 1).into_iter().flatten().fold(1.0, f64::min));
            if !next_deal(&mut digits) {
                break;
            }
        }
        for alpha in [0.02, 0.05, 0.1, 0.2, 0.5] {
            let called = smallest.iter().filter(|p| **p <= alpha + 1e-12).count();
            assert!(called as f64 <= alpha * smallest.len() as f64 + 1e-9, "{called} of {} at {alpha}", smallest.len());
        }
        assert!(smallest.iter().any(|p| *p <= 0.05));
    }

    #[test]
    fn random_deals_agree_with_all_of_them() {
        let before = some(&[0.0, 0.3, -0.2, 0.1, 0.2, -0.1, 0.0]);
        let after = some(&[0.2, 0.4, 0.1, 0.3, 0.0, 0.5, 0.2]);
        let cell = [TwoRuns { before: &before, after: &after, floor: 0.0 }];
        let (all, random) = (two_runs_adjusted_p(&cell, 9_999, 1)[0], two_runs_adjusted_p(&cell, 2_999, 1)[0]);
        assert!((all.unwrap() - random.unwrap()).abs() < 0.01, "{all:?} {random:?}");
    }
}
