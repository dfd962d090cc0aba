use super::{CLIP, max_t, normal};
use crate::{Interval, median};

/// The median of a visit's noise as a multiple of the deviation of its slices: the root of a third of 2.3660, the median
/// of chi-square with three degrees of freedom.
const MEDIAN_NOISE: f64 = 0.888_057;

/// The deviation of a contrast as a multiple of that of a slice: the root of 1/2, the variance of the candidate's mean of
/// two, and 1/4, that of the bases' mean of four.
const CONTRAST: f64 = 0.866_025_403_784_438_6;

/// One visit to a cell: two slices each of the base, of the base again and of the candidate. Where all three are alike,
/// any of them might have been the candidate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Visit {
    /// The mean logarithm of the time per operation of base, control and candidate.
    pub(super) means: [f64; 3],
    /// The deviation of a slice's logarithm from that of the same arm's other slice.
    noise: f64,
}

impl Visit {
    /// From the times per operation of each arm's slices. Slices in the order ABCCBA, with a coin for who is A, B and C,
    /// cancel a steady drift of the machine.
    ///
    /// `None` when a time is not positive and finite.
    #[must_use]
    pub fn new(base: [f64; 2], control: [f64; 2], candidate: [f64; 2]) -> Option<Self> {
        let logs = [base, control, candidate].map(|arm| arm.map(f64::ln));
        if !logs.iter().flatten().all(|log| log.is_finite()) {
            return None;
        }
        let squares: f64 = logs.iter().map(|[first, second]| (first - second).powi(2)).sum();
        // A difference has twice the variance of a slice.
        Some(Self { means: logs.map(|[first, second]| f64::midpoint(first, second)), noise: (squares / 6.0).sqrt() })
    }

    /// How much slower the candidate is than the mean of the two bases, as a logarithm.
    #[must_use]
    pub fn contrast(&self) -> f64 {
        contrast(self.means, 0)
    }

    /// How much slower the base is the second time, as a logarithm.
    #[must_use]
    pub fn control(&self) -> f64 {
        self.means[1] - self.means[0]
    }
}

/// The contrast where another of the three plays the candidate; in the first of three ways, the candidate does.
fn contrast(means: [f64; 3], way: usize) -> f64 {
    let seat = |turn: usize| means[(way + turn) % 3];
    seat(2) - f64::midpoint(seat(0), seat(1))
}

/// A cell of a gate.
#[derive(Clone, Copy, Debug)]
pub struct VisitedCell<'a> {
    /// A visit a round, in the same order of rounds for all cells; `None` where one failed.
    pub visits: &'a [Option<Visit>],
    /// The contrast up to which the cell is not slower: ln(1.01) for a floor of 1 %.
    pub floor: f64,
}

/// The statistic of each cell: the weighted sum over rounds of the contrast above the floor, in scales and clipped to
/// [`CLIP`] of them. It is standardised: its mean is zero and its variance one over all arrangements, in every cell.
///
/// Scale and weights come from the noise of visits, the differences between two slices of one arm, so they are the same
/// whoever plays the candidate, and know nothing of the effect. A visit weighs 1 / (1 + q) where q is its noise over the
/// cell's, squared: a machine that was restless during the visit is seen within the visit, and left out in so far.
///
/// `None` for a cell without visits, with a floor that is not finite, or where two slices of an arm hardly ever differ.
#[must_use]
pub fn visit_statistics(cells: &[VisitedCell]) -> Vec<Option<f64>> {
    max_t::statistics(&cells.iter().map(candidate_shares).collect::<Vec<_>>())
}

/// The p of "slower than its floor" of each cell, adjusted so that the probability of any p at most alpha among the cells
/// that are not slower is at most alpha, whatever the dependence between cells and whichever others are slower.
///
/// Were the candidate as slow as the floor, its time less the floor would be one of three alike, and any of them could
/// have been called the candidate. So a round is rearranged: another of the three plays the candidate, in all cells of the
/// round at once, which keeps their dependence. The rest is as for [`adjusted_p`](super::adjusted_p), with the 3^n
/// arrangements of n rounds in place of 2^n flips. Nothing is asked of the distribution; a flip of the contrast's sign
/// would ask that it be symmetrical, which the difference to a mean of two need not be.
///
/// Deterministic in the seed; the order of cells and of rounds and the unit of time do not matter. `None` where
/// [`visit_statistics`] has `None`.
#[must_use]
pub fn visit_adjusted_p(cells: &[VisitedCell], arrangements: u32, seed: u64) -> Vec<Option<f64>> {
    max_t::adjusted(&cells.iter().map(candidate_shares).collect::<Vec<_>>(), arrangements, seed)
}

/// The p of "the base differs from itself", in either direction, of each cell, adjusted likewise; floors do not matter. The
/// two are swapped in whole rounds.
///
/// Coins decide who of the two is built and measured first, so this is small by chance alone, however restless the
/// machine: a small one says that the coins, or what is run as the base, are not what they should be.
#[must_use]
pub fn control_adjusted_p(cells: &[VisitedCell], arrangements: u32, seed: u64) -> Vec<Option<f64>> {
    let forth: Vec<max_t::Cell<2>> = cells.iter().map(control_shares).collect();
    let back = forth.iter().map(|cell| {
        let turn = |[share, flipped]: [f64; 2]| [flipped, share];
        cell.as_ref().map(|cell| cell.iter().map(|shares| shares.map(turn)).collect())
    });
    let both: Vec<max_t::Cell<2>> = forth.iter().cloned().chain(back).collect();
    let p = max_t::adjusted(&both, arrangements, seed);
    let (forth, back) = p.split_at(cells.len());
    forth.iter().zip(back).map(|(forth, back)| Some(forth.as_ref()?.min(*back.as_ref()?))).collect()
}

/// How much slower the candidate is, as a logarithm, with its two-sided interval at `level`: the changes with which for a
/// floor the weighted sum of [`visit_statistics`] is neither too high nor too low; the estimate is where it is zero.
/// The same weights and clipping make it a quarter shorter than the signed-rank interval on a restless machine.
///
/// The sum is compared with the root of what its terms' squares add up to, at the normal quantile, which errs to
/// the safe side for symmetrical terms (Efron, Student's t-Test under Symmetry Conditions, JASA 64, 1969).
///
/// `None` when there are too few visits to reach the level (fewer than 4 for 95 %, more where some hardly weigh), where
/// [`visit_statistics`] has `None`, or when the level is not between 0 and 1.
#[must_use]
pub fn visit_interval(visits: &[Option<Visit>], level: f64) -> Option<Interval> {
    let noise = typical_noise(visits)?;
    let visits: Vec<(f64, f64)> =
        visits.iter().flatten().map(|visit| (visit.contrast(), weight(visit, noise))).collect();
    let reach = CLIP * CONTRAST * noise;
    let least = visits.iter().fold(f64::INFINITY, |least, (contrast, _)| least.min(*contrast)) - reach;
    let most = visits.iter().fold(f64::NEG_INFINITY, |most, (contrast, _)| most.max(*contrast)) + reach;
    // Falls as the change grows.
    let excess = |change: f64, quantile: f64| {
        let terms = visits.iter().map(|(contrast, weight)| weight * clipped((contrast - change) / (CONTRAST * noise)));
        let (sum, squares) = terms.fold((0.0, 0.0), |(sum, squares), term| (sum + term, squares + term * term));
        sum - quantile * f64::sqrt(squares)
    };
    let root = |quantile: f64| {
        let (mut low, mut high) = (least, most);
        // Each halving is one binary digit, and a number has 53.
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if excess(middle, quantile) > 0.0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        f64::midpoint(low, high)
    };
    if !(0.0 < level && level < 1.0) {
        return None;
    }
    let quantile = -normal::quantile((1.0 - level) / 2.0);
    // Where every term is clipped the statistic is as far from zero as it can be.
    let reached = excess(least, quantile) > 0.0 && excess(most, -quantile) < 0.0;
    let (low, estimate, high) = (root(quantile), root(0.0), root(-quantile));
    reached.then(|| Interval { low: low.min(estimate), estimate, high: high.max(estimate) })
}

pub(super) fn candidate_shares(cell: &VisitedCell) -> max_t::Cell<3> {
    let floor = Some(cell.floor).filter(|floor| floor.is_finite())?;
    shares(cell.visits, CONTRAST, |visit| {
        let [base, control, candidate] = visit.means;
        std::array::from_fn(|way| contrast([base, control, candidate - floor], way))
    })
}

fn control_shares(cell: &VisitedCell) -> max_t::Cell<2> {
    // The variance of the difference of two means of two slices.
    shares(cell.visits, 1.0, |visit| [visit.control(), -visit.control()])
}

/// What each visit adds to a statistic in each way to arrange it. A contrast's deviation is `scale` times that of a slice.
fn shares<const WAYS: usize>(
    visits: &[Option<Visit>],
    scale: f64,
    contrasts: impl Fn(&Visit) -> [f64; WAYS],
) -> max_t::Cell<WAYS> {
    let noise = typical_noise(visits)?;
    let share = |visit: &Visit| {
        let weight = weight(visit, noise);
        contrasts(visit).map(|contrast| weight * clipped(contrast / (scale * noise)))
    };
    Some(visits.iter().map(|visit| visit.as_ref().map(share)).collect())
}

/// The deviation of a slice, in most visits.
fn typical_noise(visits: &[Option<Visit>]) -> Option<f64> {
    let noises: Vec<f64> = visits.iter().flatten().map(|visit| visit.noise).collect();
    median(&noises).filter(|noise| *noise > 0.0).map(|noise| noise / MEDIAN_NOISE)
}

fn weight(visit: &Visit, noise: f64) -> f64 {
    1.0 / (1.0 + (visit.noise / noise).powi(2))
}

fn clipped(scales: f64) -> f64 {
    scales.clamp(-CLIP, CLIP)
}

#[cfg(test)]
mod tests {
    use super::{CONTRAST, MEDIAN_NOISE, Visit, VisitedCell, control_adjusted_p, typical_noise, visit_adjusted_p};
    use super::{visit_interval, visit_statistics};
    use crate::gate::{hodges_lehmann, signed_rank_interval};
    use crate::rng::SplitMix64;
    use proptest::prelude::*;

    type Visits = Vec<Option<Visit>>;

    /// A sum of twelve even numbers: normal but for the furthest tails.
    fn normal(rng: &mut SplitMix64) -> f64 {
        (0..12).map(|_| rng.below(1 << 30) as f64 / f64::from(1 << 30)).sum::<f64>() - 6.0
    }

    /// A visit to a cell that is slower by `effect`; every fifth falls into an episode that is ten times as noisy.
    fn visit(effect: f64, rng: &mut SplitMix64) -> Visit {
        let spread = if rng.below(5) == 0 { 0.1 } else { 0.01 };
        let mut arm = |effect: f64| [(); 2].map(|()| (effect + spread * normal(rng)).exp());
        let (base, control) = (arm(0.0), arm(0.0));
        Visit::new(base, control, arm(effect)).unwrap()
    }

    fn visits(count: usize, effect: f64, rng: &mut SplitMix64) -> Visits {
        (0..count).map(|_| Some(visit(effect, rng))).collect()
    }

    fn cells(all: &[Visits], floor: f64) -> Vec<VisitedCell<'_>> {
        all.iter().map(|visits| VisitedCell { visits, floor }).collect()
    }

    #[test]
    fn known_answers() {
        // A steady drift of 1 % a slice cancels in the order ABCCBA.
        let at = |slice: i32| 1.01_f64.powi(slice);
        let seen = Visit::new([at(0), at(5)], [at(1), at(4)], [2.0 * at(2), 2.0 * at(3)]).unwrap();
        assert!((seen.contrast() - 2.0_f64.ln()).abs() < 1e-12 && seen.control().abs() < 1e-12);
        let drift = 1.01_f64.ln() * ((25.0 + 9.0 + 1.0) / 6.0_f64).sqrt();
        assert!((seen.noise - drift).abs() < 1e-12);
        // Visits alike weigh alike, and each of these is clipped: 2, or else -2 twice, of the deviation 4 / 3 sqrt(2).
        let slow = [Some(seen); 9].to_vec();
        assert!(
            (visit_statistics(&cells(std::slice::from_ref(&slow), 0.0))[0].unwrap() - 3.0 * 2.0_f64.sqrt()).abs()
                < 1e-9
        );
        // The candidate's seat is one of three.
        let p = visit_adjusted_p(&cells(&[slow[..4].to_vec()], 0.0), 100, 1)[0].unwrap();
        assert!((p - 1.0 / 81.0).abs() < 1e-12, "{p}");
        assert_eq!(control_adjusted_p(&cells(&[slow], 0.0), 999, 1), [Some(1.0)]);
    }

    #[test]
    fn the_scales_are_those_of_normal_slices() {
        let mut rng = SplitMix64::new(9);
        let mut slice = || (0.01 * normal(&mut rng)).exp();
        let calm: Visits =
            (0..4_000).map(|_| Visit::new([slice(), slice()], [slice(), slice()], [slice(), slice()])).collect();
        let noise = typical_noise(&calm).unwrap();
        let squares = calm.iter().flatten().map(|visit| visit.contrast().powi(2)).sum::<f64>() / 4_000.0;
        assert!((noise / 0.01 - 1.0).abs() < 0.03, "{noise}, {MEDIAN_NOISE}");
        assert!((squares.sqrt() / (CONTRAST * 0.01) - 1.0).abs() < 0.04, "{squares}");
    }

    #[test]
    fn what_means_nothing_is_none() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Visit::new([1.0, bad], [1.0; 2], [1.0; 2]), None);
            assert_eq!(Visit::new([1.0; 2], [bad, 1.0], [1.0; 2]), None);
            assert_eq!(Visit::new([1.0; 2], [1.0; 2], [bad; 2]), None);
        }
        let mut rng = SplitMix64::new(1);
        let still = vec![Visit::new([1.0; 2], [1.0; 2], [2.0; 2]); 8];
        let all = [visits(8, 0.0, &mut rng), vec![None; 8], Vec::new(), still.clone()];
        let p = visit_adjusted_p(&cells(&all, 0.0), 99, 1);
        assert!(p[0].is_some() && visit_statistics(&cells(&all, 0.0))[0].is_some());
        assert_eq!((&p[1..], &visit_statistics(&cells(&all, 0.0))[1..]), (&[None; 3][..], &[None; 3][..]));
        assert_eq!(visit_adjusted_p(&cells(&all, f64::NAN), 99, 1), [None; 4]);
        assert_eq!((visit_interval(&still, 0.95), visit_interval(&all[0][..3], 0.95)), (None, None));
        for level in [0.0, 1.0, f64::NAN] {
            assert_eq!(visit_interval(&all[0], level), None);
        }
    }

    #[test]
    fn a_slow_cell_is_found_and_drags_none_along() {
        let mut rng = SplitMix64::new(2);
        let mut all: Vec<Visits> = (0..10).map(|_| visits(20, 0.0, &mut rng)).collect();
        all[7] = visits(20, 0.015, &mut rng);
        // A cell that is much faster does not hide the slow one.
        all[3] = visits(20, -0.5, &mut rng);
        let p = visit_adjusted_p(&cells(&all, 0.0), 999, 1);
        for (cell, p) in p.iter().enumerate() {
            assert_eq!(cell == 7, p.unwrap() <= 0.01, "{cell}: {p:?}");
        }
        assert!(visit_adjusted_p(&cells(&all, 0.05), 999, 1)[7].unwrap() > 0.9);
    }

    #[test]
    fn a_base_that_is_not_itself_is_found_in_either_direction() {
        let mut rng = SplitMix64::new(4);
        for effect in [0.97, 1.03] {
            let mut stray = || {
                let Visit { means: [base, control, candidate], noise } = visit(0.0, &mut rng);
                Some(Visit { means: [base, control + f64::ln(effect), candidate], noise })
            };
            let strange: Visits = (0..20).map(|_| stray()).collect();
            let p = control_adjusted_p(&cells(&[visits(20, 0.0, &mut rng), strange, Vec::new()], 0.0), 999, 1);
            assert!(p[0].unwrap() > 0.02 && p[1].unwrap() <= 0.005 && p[2].is_none(), "{p:?}");
        }
    }

    #[test]
    fn the_interval_holds_the_truth_and_is_shorter() {
        const TRIALS: u32 = 600;
        let mut rng = SplitMix64::new(6);
        let (mut held, mut below, mut lengths) = (0, 0, [0.0; 2]);
        for _ in 0..TRIALS {
            let seen = visits(12, 0.02, &mut rng);
            let contrasts: Vec<f64> = seen.iter().flatten().map(Visit::contrast).collect();
            let (found, other) = (visit_interval(&seen, 0.9).unwrap(), signed_rank_interval(&contrasts, 0.9).unwrap());
            held += u32::from(found.covers(0.02));
            below += u32::from(found.high < 0.02);
            lengths = [lengths[0] + found.high - found.low, lengths[1] + other.high - other.low];
            assert!((found.estimate - hodges_lehmann(&contrasts).unwrap()).abs() < 0.05);
        }
        let (held, below) = (f64::from(held) / f64::from(TRIALS), f64::from(below) / f64::from(TRIALS));
        assert!((0.9 - 0.05..=0.98).contains(&held) && below < 0.05 + 0.04, "{held} {below}");
        assert!(lengths[0] < 0.9 * lengths[1], "{lengths:?}");
    }

    /// The visits after another of the three was called the candidate, round by round; the digits of `arrangement` say who.
    fn rearranged(all: &[Visits], arrangement: usize, floor: f64) -> Vec<Visits> {
        let turn = |(round, visit): (usize, &Option<Visit>)| {
            let way = arrangement / 3_usize.pow(round as u32) % 3;
            visit.map(|Visit { means, noise }| {
                let mut means: [f64; 3] = std::array::from_fn(|seat| means[(way + seat) % 3]);
                means[2] += floor;
                Visit { means, noise }
            })
        };
        all.iter().map(|visits| visits.iter().enumerate().map(turn).collect()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        #[test]
        fn the_size_is_exact_when_any_might_be_the_candidate(
            seed: u64, count in 1..=3_usize, rounds in 1..=5_usize, floor in -0.02..0.02,
        ) {
            let mut rng = SplitMix64::new(seed);
            let mut all: Vec<Visits> = (0..count).map(|_| visits(rounds, 0.0, &mut rng)).collect();
            if count > 1 {
                all[0][0] = None;
            }
            let ways = 3_usize.pow(rounds as u32);
            let ps: Vec<f64> = (0..ways)
                .map(|arrangement| {
                    let p = visit_adjusted_p(&cells(&rearranged(&all, arrangement, floor), floor), 242, 1);
                    p.into_iter().flatten().fold(1.0, f64::min)
                })
                .collect();
            for alpha in (1..=100).map(|per_cent| f64::from(per_cent) / 100.0) {
                let alarms = ps.iter().filter(|p| **p <= alpha).count();
                prop_assert!(alarms as f64 <= alpha * ways as f64 + 1e-9, "{} of {} at {}", alarms, ways, alpha);
            }
        }

        #[test]
        fn order_and_units_do_not_matter(seed: u64, count in 1..5_usize, rounds in 5..12_usize, unit in 0.001..1000.0) {
            let mut rng = SplitMix64::new(seed);
            let all: Vec<Visits> = (0..count).map(|_| visits(rounds, 0.01, &mut rng)).collect();
            let moved: Vec<Visits> = all
                .iter()
                .rev()
                .map(|visits| {
                    let other = |visit: &Option<Visit>| {
                        visit.map(|Visit { means, noise }| Visit { means: means.map(|mean| mean + f64::ln(unit)), noise })
                    };
                    visits.iter().rev().map(other).collect()
                })
                .collect();
            let (p, mut other) = (visit_adjusted_p(&cells(&all, 0.005), 299, seed), visit_adjusted_p(&cells(&moved, 0.005), 299, seed));
            other.reverse();
            prop_assert_eq!(p, other);
            let (plain, other) = (visit_interval(&all[0], 0.9).unwrap(), visit_interval(moved.last().unwrap(), 0.9).unwrap());
            prop_assert!((plain.low - other.low).abs() + (plain.estimate - other.estimate).abs() + (plain.high - other.high).abs() < 1e-8);
        }
    }
}
