//! The overall rank: the geometric mean of slowdowns over the cells that all ranked strategies share.

use mapbench_results::{Cell, Group, Plan, Status};
use mapbench_stats::{Interval, geometric_mean_ratio};

use crate::{LIMITS, format};

/// A ranked strategy.
pub(crate) struct Ranked<'a> {
    pub(crate) strategy: &'a str,
    /// How many times slower than the best of each cell, on the geometric mean.
    pub(crate) slowdown: Interval,
    /// Cells in which it ties with the best.
    pub(crate) leads: usize,
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
pub(crate) fn rank<'a>(plan: &'a Plan, cells: &'a [Cell]) -> Rank<'a> {
    let contends = |cell: &Cell| measured(cell) && !LIMITS.contains(&cell.strategy.as_str());
    let groups: Vec<&Group> =
        plan.groups.iter().filter(|group| cells.iter().any(|cell| contends(cell) && cell.group() == **group)).collect();
    let (mut ranked, mut left_out) = (Vec::new(), Vec::new());
    for strategy in &plan.strategies {
        let own: Vec<&Cell> = cells.iter().filter(|cell| cell.strategy == *strategy).collect();
        let missing: Vec<&&Cell> =
            own.iter().filter(|cell| !measured(cell) && groups.iter().any(|group| cell.group() == **group)).collect();
        if LIMITS.contains(&strategy.as_str()) {
            left_out.push((strategy.as_str(), "a limit, not a contender".to_owned()));
        } else if let Some(first) = missing.first() {
            let reason = match (first.status, first.message.as_str()) {
                (Status::Ok, _) => "too few slices for an interval".to_owned(),
                (status, message) => format!("{}: {message}", format::status(status)),
            };
            left_out.push((strategy, format!("lacks {} of {} cells ({reason})", missing.len(), groups.len())));
        } else {
            let intervals: Vec<Interval> = own.iter().filter_map(|cell| interval(cell)).collect();
            if let Some(slowdown) = geometric_mean_ratio(&intervals) {
                ranked.push(Ranked { strategy, slowdown, leads: own.iter().filter(|cell| cell.tied).count() });
            }
        }
    }
    ranked.sort_by(|a, b| a.slowdown.estimate.total_cmp(&b.slowdown.estimate));
    Rank { ranked, cells: groups.len(), left_out }
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
            let rank = super::rank(&input.provenance.plan, input.cells);
            let mut order: Vec<&str> = rank.ranked.iter().map(|ranked| ranked.strategy).collect();
            assert_eq!(order.pop(), Some("c"));
            assert!((rank.ranked[2].slowdown.estimate - 2.5).abs() < 0.05);
            assert_eq!(rank.ranked.iter().map(|ranked| ranked.leads).collect::<Vec<_>>(), [1, 1, 0]);
            assert_eq!(rank.left_out, [("frozen", "a limit, not a contender".to_owned())]);
            assert_eq!(rank.cells, 1);
        });
        with_input(["a", "b", "c", "d"], |input| {
            let rank = super::rank(&input.provenance.plan, input.cells);
            let reason = "lacks 1 of 1 cells (n/a: no insert: the map is immutable)";
            assert_eq!(rank.left_out, [("d", reason.to_owned())]);
        });
    }
}
