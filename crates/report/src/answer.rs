//! The answer for a group in one sentence: who leads, who ties, how far behind the next is.

use mapbench_results::{Cell, Group, Status};
use mapbench_stats::Interval;

use crate::latency::Saturated;
use crate::objective::Objective;
use crate::{Input, LIMITS, format};

/// What is known of a group.
pub(crate) enum Answer<'a> {
    /// No contender was measured.
    Nothing,
    /// One contender alone was.
    Alone(&'a Cell),
    /// Several were, too seldom for a comparison.
    TooFew,
    /// Several were compared.
    Compared {
        /// Those that nothing was shown to be faster than, fastest first: never empty, and a tie if more than one.
        leaders: Vec<&'a Cell>,
        /// The fastest of the others.
        next: Option<&'a Cell>,
    },
}

fn contends(cell: &Cell, group: &Group) -> bool {
    cell.is_of(group) && cell.status == Status::Ok && !LIMITS.contains(&cell.strategy.as_str())
}

pub(crate) fn answer<'a>(cells: &'a [Cell], group: &Group) -> Answer<'a> {
    let measured: Vec<&Cell> = cells.iter().filter(|cell| contends(cell, group)).collect();
    let mut compared: Vec<(f64, bool, &Cell)> =
        measured.iter().filter_map(|cell| Some((cell.slowdown?, leads(cell)?, *cell))).collect();
    compared.sort_by(|a, b| a.0.total_cmp(&b.0));
    let leaders: Vec<&Cell> = compared.iter().filter(|(_, leads, _)| *leads).map(|(_, _, cell)| *cell).collect();
    let next = compared.iter().find(|(_, leads, _)| !leads).map(|(_, _, cell)| *cell);
    match measured.as_slice() {
        [] => Answer::Nothing,
        [only] => Answer::Alone(only),
        _ if leaders.is_empty() => Answer::TooFew,
        _ => Answer::Compared { leaders, next },
    }
}

/// What [`sentence`] says of a group of a run; by the 99th percentile, also who is left out of it for not having kept up.
pub(crate) fn said(input: &Input, cells: &[Cell], group: &Group, objective: Objective) -> String {
    let sentence = sentence(cells, group, objective);
    let saturated = |cell: &Cell| {
        let said = Saturated::at_common(input.beside.latency, group, &cell.strategy).said()?;
        Some(format!("{} ({said})", cell.strategy))
    };
    let left_out: Vec<String> = match objective {
        Objective::P99 => cells.iter().filter(|cell| contends(cell, group)).filter_map(saturated).collect(),
        Objective::Throughput | Objective::Memory => Vec::new(),
    };
    if left_out.is_empty() { sentence } else { format!("{sentence}; not compared: {}", left_out.join(", ")) }
}

/// `papaya and scc-hashindex tie; dashmap is 1.31x slower [1.24, 1.39]`. Never one winner inside a tie.
fn sentence(cells: &[Cell], group: &Group, objective: Objective) -> String {
    match answer(cells, group) {
        Answer::Nothing => "no map was measured".to_owned(),
        Answer::Alone(only) => format!("{} alone was measured", only.strategy),
        Answer::TooFew => objective.too_few().to_owned(),
        Answer::Compared { leaders, next } => {
            let lead = match leaders.as_slice() {
                [one] => format!("{} {}", one.strategy, objective.first()),
                several => {
                    let names: Vec<&str> = several.iter().map(|cell| cell.strategy.as_str()).collect();
                    format!("{} tie", format::and(&names))
                }
            };
            let next = next.and_then(|cell| {
                let estimate = cell.slowdown?;
                let ends = cell.slowdown_low.zip(cell.slowdown_high);
                let interval = ends.map(|(low, high)| Interval { low, estimate, high });
                Some(format!("; {}", objective.behind(&cell.strategy, estimate, interval.as_ref())))
            });
            lead + &next.unwrap_or_default()
        }
    }
}

/// Whether nothing was shown to be faster; `None` if nothing can be said.
fn leads(cell: &Cell) -> Option<bool> {
    Some(cell.slowdown_low.or(cell.slowdown)? <= 1.0)
}

#[cfg(test)]
mod tests {
    use super::{Objective, sentence};
    use crate::summarise;
    use crate::testing::{group, plan, slices, with_input};

    #[test]
    fn a_tie_has_no_winner_and_the_next_has_its_interval() {
        with_input(["papaya", "scc", "dashmap", "frozen"], |input| {
            assert_eq!(
                sentence(input.cells, &group(), Objective::Throughput),
                "scc and papaya tie; dashmap is 2.51x slower [2.45, 2.57]"
            );
        });
    }

    #[test]
    fn what_cannot_be_compared_has_no_leader() {
        assert_eq!(sentence(&[], &group(), Objective::Throughput), "no map was measured");
        let (a, b) = (slices("a", 0, 0, 100.0), slices("b", 0, 0, 200.0));
        let said =
            |samples: &[_]| sentence(&summarise(&plan(&["a", "b"]), 2, samples), &group(), Objective::Throughput);
        assert_eq!(said(&[a.clone(), b]), "too few slices to compare");
        assert_eq!(said(&[a]), "a alone was measured");
    }
}
