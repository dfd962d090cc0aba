//! The overall rank: the geometric mean of slowdowns over the cells that all ranked strategies share.

use mapbench_results::{Cell, Group, Status};
use mapbench_stats::{Interval, geometric_mean_ratio};

use crate::objective::Objective;
use crate::rates::{ByCell, Rates};
use crate::{Input, LIMITS, format};

/// A ranked strategy.
pub(crate) struct Ranked<'a> {
    pub(crate) strategy: &'a str,
    /// How many times slower than the best of each cell, on the geometric mean.
    pub(crate) slowdown: Interval,
    /// How many times slower than the first of the rank, on the geometric mean; `None` where no round is shared.
    pub(crate) to_first: Option<Interval>,
    /// No difference to the first of the rank was shown; the first itself is tied if any other is.
    pub(crate) tied: bool,
    /// Cells in which it ties with the best.
    pub(crate) leads: usize,
}

impl Ranked<'_> {
    /// `1.07x [1.03, 1.12]`, and whether that is a tie.
    pub(crate) fn to_first(&self, place: usize) -> String {
        let mut text = match self.to_first {
            Some(interval) => format!("{}x {}", format::significant(interval.estimate), format::interval(&interval)),
            None if place == 0 => "first".to_owned(),
            None => "no shared round".to_owned(),
        };
        if self.tied {
            text.push_str(if place == 0 { ", tied" } else { " tied" });
        }
        text
    }
}

/// The rank, and who is left out of it.
pub(crate) struct Rank<'a> {
    pub(crate) ranked: Vec<Ranked<'a>>,
    /// Groups in which every ranked strategy was measured.
    pub(crate) cells: usize,
    /// Strategies that lack cells, with the reason.
    pub(crate) left_out: Vec<(&'a str, String)>,
}

/// Ranks the strategies that were measured in every group in which any contender was.
pub(crate) fn rank<'a>(input: &Input<'a>) -> Rank<'a> {
    let plan = &input.provenance.plan;
    let contends = |cell: &Cell| measured(cell) && !LIMITS.contains(&cell.strategy.as_str());
    let groups: Vec<&Group> = plan
        .groups
        .iter()
        .filter(|group| input.cells.iter().any(|cell| contends(cell) && cell.group() == **group))
        .collect();
    let (mut ranked, mut left_out) = (Vec::new(), Vec::new());
    for strategy in &plan.strategies {
        let own: Vec<&Cell> =
            input.cells.iter().filter(|cell| cell.strategy == *strategy && groups.contains(&&cell.group())).collect();
        let mut missing = own.iter().filter(|cell| !measured(cell));
        if LIMITS.contains(&strategy.as_str()) {
            left_out.push((strategy.as_str(), "a limit, not a contender".to_owned()));
        } else if let Some(first) = missing.next() {
            let lacks = missing.count() + 1;
            left_out.push((
                strategy,
                format!(
                    "lacks {lacks} of {}, the first: {}",
                    format::counted(groups.len(), "cell"),
                    format::reason(first)
                ),
            ));
        } else {
            let intervals: Vec<Interval> = own.iter().filter_map(|cell| interval(cell)).collect();
            if let Some(slowdown) = geometric_mean_ratio(&intervals) {
                let leads = own.iter().filter(|cell| cell.tied).count();
                ranked.push(Ranked { strategy, slowdown, to_first: None, tied: false, leads });
            }
        }
    }
    ranked.sort_by(|a, b| a.slowdown.estimate.total_cmp(&b.slowdown.estimate));
    compare(input, &groups, &mut ranked);
    Rank { ranked, cells: groups.len(), left_out }
}

/// Compares with the first, round by round: two slowdowns to a third say less about each other.
fn compare(input: &Input, groups: &[&Group], ranked: &mut [Ranked]) {
    let Some((first, others)) = ranked.split_first_mut() else { return };
    let by_cell = ByCell::of(input.samples);
    let rates = |strategy: &str| -> Vec<Rates> {
        groups.iter().map(|group| Rates::of(by_cell.rows(group, strategy), Objective::Throughput)).collect()
    };
    let reference = rates(first.strategy);
    for other in others {
        let own = rates(other.strategy);
        let slowdowns: Option<Vec<Interval>> =
            own.iter().zip(&reference).map(|(own, reference)| own.slowdown(reference)).collect();
        other.to_first = slowdowns.and_then(|slowdowns| geometric_mean_ratio(&slowdowns));
        other.tied = other.to_first.is_some_and(|interval| interval.low <= 1.0);
        first.tied |= other.tied;
    }
}

fn measured(cell: &Cell) -> bool {
    cell.status == Status::Ok && cell.slowdown.is_some()
}

fn interval(cell: &Cell) -> Option<Interval> {
    Some(Interval { low: cell.slowdown_low?, estimate: cell.slowdown?, high: cell.slowdown_high? })
}

#[cfg(test)]
mod tests {
    use crate::testing::with_input;

    #[test]
    fn the_rank_is_over_shared_cells_and_says_who_is_left_out() {
        with_input(["a", "b", "c", "frozen"], |input| {
            let rank = super::rank(input);
            let mut order: Vec<&str> = rank.ranked.iter().map(|ranked| ranked.strategy).collect();
            assert_eq!(order.pop(), Some("c"));
            assert!((rank.ranked[2].slowdown.estimate - 2.5).abs() < 0.05);
            assert!(rank.ranked[2].to_first.unwrap().covers(2.5));
            assert_eq!(rank.ranked.iter().map(|ranked| ranked.tied).collect::<Vec<_>>(), [true, true, false]);
            assert_eq!(rank.ranked.iter().map(|ranked| ranked.leads).collect::<Vec<_>>(), [1, 1, 0]);
            assert_eq!(rank.left_out, [("frozen", "a limit, not a contender".to_owned())]);
            assert_eq!(rank.cells, 1);
        });
        with_input(["a", "b", "c", "d"], |input| {
            let rank = super::rank(input);
            let reason = "lacks 1 of 1 cell, the first: n/a: no insert: the map is immutable";
            assert_eq!(rank.left_out, [("d", reason.to_owned())]);
        });
    }
}
