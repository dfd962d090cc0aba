//! Westfall and Young's step-down maximum over cells, for any way to rearrange a round. Statistics are standardised.

use crate::rng::SplitMix64;

/// What each round adds to a cell's statistic in each way to arrange the round, the first being the way it was; `None`
/// for a round without the cell, and in place of all for a cell that is not tested.
pub(super) type Cell<const WAYS: usize> = Option<Vec<Option<[f64; WAYS]>>>;

/// Statistics this close are equal: another order of adding must not decide a tie, and a tie counts against a verdict.
const SAME: f64 = 1e-9;

/// The statistic of each cell as it was; `None` for a cell without rounds.
pub(super) fn statistics<const WAYS: usize>(cells: &[Cell<WAYS>]) -> Vec<Option<f64>> {
    let tested = Tested::new(cells);
    tested.per_cell(cells.len(), |place| tested.statistics[place])
}

/// The share of arrangements of whole rounds, all or as many as asked for, in which the largest statistic of the cells
/// that are no more significant reaches the cell's.
pub(super) fn adjusted<const WAYS: usize>(cells: &[Cell<WAYS>], arrangements: u32, seed: u64) -> Vec<Option<f64>> {
    let tested = Tested::new(cells);
    let mut draws = Arrangements::<WAYS>::new(tested.rounds.len(), arrangements, seed);
    let mut reached = vec![0_u32; tested.cells.len()];
    let mut sums = vec![0.0; tested.cells.len()];
    for place in 0..draws.count {
        tested.add(draws.next(place), &mut sums);
        let mut largest = f64::NEG_INFINITY;
        for ((sum, observed), reached) in sums.iter().zip(&tested.statistics).zip(&mut reached) {
            largest = largest.max(*sum);
            *reached += u32::from(largest >= observed - SAME);
        }
    }
    let mut least = 0;
    for reached in reached.iter_mut().rev() {
        least = least.max(*reached);
        *reached = least;
    }
    tested.per_cell(cells.len(), |place| f64::from(reached[place]) / f64::from(draws.count))
}

/// What the largest statistic of all cells must reach for its p to be at most `level`; `None` when there are too few
/// arrangements for any such p.
pub(super) fn critical<const WAYS: usize>(
    cells: &[Cell<WAYS>],
    level: f64,
    arrangements: u32,
    seed: u64,
) -> Option<f64> {
    let tested = Tested::new(cells);
    let mut draws = Arrangements::<WAYS>::new(tested.rounds.len(), arrangements, seed);
    let mut sums = vec![0.0; tested.cells.len()];
    let mut largest: Vec<f64> = (0..draws.count)
        .map(|place| {
            tested.add(draws.next(place), &mut sums);
            sums.iter().copied().fold(f64::NEG_INFINITY, f64::max)
        })
        .collect();
    largest.sort_unstable_by(|a, b| b.total_cmp(a));
    let allowed = (level * f64::from(draws.count)) as usize;
    largest.get(allowed.checked_sub(1)?).copied().filter(|critical| critical.is_finite())
}

/// The cells that can be tested, the least significant first.
struct Tested<const WAYS: usize> {
    cells: Vec<usize>,
    statistics: Vec<f64>,
    /// What each round adds to the statistics, way by way; in an order that does not depend on the caller's, as random
    /// arrangements go by place.
    rounds: Vec<[Vec<f64>; WAYS]>,
}

impl<const WAYS: usize> Tested<WAYS> {
    fn new(all: &[Cell<WAYS>]) -> Self {
        let visited = all.iter().enumerate().filter_map(|(cell, shares)| Some((cell, shares.as_ref()?)));
        let visited = visited.filter(|(_, shares)| shares.iter().any(Option::is_some));
        let cells: Vec<(usize, Vec<Option<[f64; WAYS]>>)> =
            visited.map(|(cell, shares)| (cell, standardised(shares))).collect();
        let count = cells.iter().map(|(_, shares)| shares.len()).max().unwrap_or(0);
        let share = |round: usize, cell: usize| cells[cell].1.get(round).copied().flatten();
        let mut rounds: Vec<usize> =
            (0..count).filter(|round| (0..cells.len()).any(|cell| share(*round, cell).is_some())).collect();
        rounds.sort_by_cached_key(|round| {
            let shares = (0..cells.len()).filter_map(|cell| share(*round, cell));
            let mut key: Vec<Ordered> = shares.map(|shares| Ordered(shares[0])).collect();
            key.sort_unstable();
            key
        });
        let statistic =
            |cell: usize| rounds.iter().filter_map(|round| share(*round, cell)).map(|shares| shares[0]).sum();
        let mut order: Vec<(usize, f64)> = (0..cells.len()).map(|cell| (cell, statistic(cell))).collect();
        order.sort_by(|a, b| a.1.total_cmp(&b.1));
        let way = |round: usize, way: usize| -> Vec<f64> {
            order.iter().map(|(cell, _)| share(round, *cell).map_or(0.0, |shares| shares[way])).collect()
        };
        Self {
            cells: order.iter().map(|(cell, _)| cells[*cell].0).collect(),
            statistics: order.iter().map(|(_, statistic)| *statistic).collect(),
            rounds: rounds.iter().map(|round| std::array::from_fn(|choice| way(*round, choice))).collect(),
        }
    }

    fn add(&self, arrangement: &[usize], sums: &mut [f64]) {
        sums.fill(0.0);
        for (round, way) in self.rounds.iter().zip(arrangement) {
            for (sum, share) in sums.iter_mut().zip(&round[*way]) {
                *sum += share;
            }
        }
    }

    /// In the caller's order of cells.
    fn per_cell(&self, cells: usize, value: impl Fn(usize) -> f64) -> Vec<Option<f64>> {
        let mut values = vec![None; cells];
        for (place, cell) in self.cells.iter().enumerate() {
            values[*cell] = Some(value(place));
        }
        values
    }
}

/// Shares whose sum has the mean zero and the variance one over all arrangements. Cells then compete for the maximum as
/// equals: without this one that has become much faster, and so is much slower when rearranged, would hide the others.
/// Mean and variance are the same whichever arrangement is called the observed one.
fn standardised<const WAYS: usize>(cell: &[Option<[f64; WAYS]>]) -> Vec<Option<[f64; WAYS]>> {
    let centred = cell.iter().map(|shares| {
        shares.map(|shares| {
            let mean = shares.iter().sum::<f64>() / WAYS as f64;
            shares.map(|share| share - mean)
        })
    });
    let centred: Vec<Option<[f64; WAYS]>> = centred.collect();
    let variance = centred.iter().flatten().flatten().map(|share| share * share).sum::<f64>() / WAYS as f64;
    // What is equal but for rounding is equal.
    let unit = if variance.sqrt() > SAME { variance.sqrt() } else { 1.0 };
    centred.iter().map(|shares| shares.map(|shares| shares.map(|share| share / unit))).collect()
}

/// A number that sorts; none is NaN.
#[derive(Clone, Copy, PartialEq)]
struct Ordered(f64);

impl Eq for Ordered {}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Which way each round is arranged. The first arrangement is as it was.
struct Arrangements<const WAYS: usize> {
    count: u32,
    random: Option<SplitMix64>,
    ways: Vec<usize>,
}

impl<const WAYS: usize> Arrangements<WAYS> {
    fn new(rounds: usize, arrangements: u32, seed: u64) -> Self {
        let wanted = arrangements.saturating_add(1);
        let power = |rounds: u32| (WAYS as u32).checked_pow(rounds);
        let all = u32::try_from(rounds).ok().and_then(power).filter(|all| *all <= wanted);
        let random = all.is_none().then(|| SplitMix64::new(seed));
        Self { count: all.unwrap_or(wanted), random, ways: vec![0; rounds] }
    }

    /// To be asked for all places in order.
    fn next(&mut self, place: u32) -> &[usize] {
        let mut digits = place as usize;
        for way in &mut self.ways {
            *way = match &mut self.random {
                Some(random) if place > 0 => random.below(WAYS),
                _ => digits % WAYS,
            };
            digits /= WAYS;
        }
        &self.ways
    }
}
