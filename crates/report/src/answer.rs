//! The answer for a group in one sentence: who leads, who ties, how far behind the next is.

use mapbench_results::{Cell, Group, Status};

use crate::{LIMITS, format};

/// `papaya and scc-hashindex tie; dashmap is 1.31x slower [1.24, 1.39]`. Never one winner inside a tie.
pub(crate) fn sentence(cells: &[Cell], group: &Group) -> String {
    let measured: Vec<&Cell> = cells
        .iter()
        .filter(|cell| cell.status == Status::Ok && !LIMITS.contains(&cell.strategy.as_str()) && cell.group() == *group)
        .collect();
    let mut compared: Vec<(f64, &Cell)> =
        measured.iter().filter_map(|cell| Some((cell.slowdown.filter(|_| leads(cell).is_some())?, *cell))).collect();
    compared.sort_by(|a, b| a.0.total_cmp(&b.0));
    let leaders: Vec<&str> =
        compared.iter().filter(|(_, cell)| leads(cell) == Some(true)).map(|(_, cell)| cell.strategy.as_str()).collect();
    match (measured.as_slice(), leaders.as_slice()) {
        ([], _) => "no map was measured".to_owned(),
        ([only], _) => format!("{} alone was measured", only.strategy),
        (_, []) => "too few slices to compare".to_owned(),
        (_, leaders) => {
            let lead = match leaders {
                [one] => format!("{one} leads"),
                several => format!("{} tie", format::and(several)),
            };
            let next = compared.iter().find(|(_, cell)| leads(cell) == Some(false)).map(|(slowdown, cell)| {
                let interval = format::slowdown_interval(cell).unwrap_or_default();
                format!("; {} is {}x slower {interval}", cell.strategy, format::significant(*slowdown))
            });
            lead + &next.unwrap_or_default()
        }
    }
}

/// Whether nothing was shown to be faster; `None` if nothing can be said.
fn leads(cell: &Cell) -> Option<bool> {
    Some(cell.slowdown_low? <= 1.0)
}

#[cfg(test)]
mod tests {
    use super::sentence;
    use crate::summarise;
    use crate::testing::{group, plan, slices, with_input};

    #[test]
    fn a_tie_has_no_winner_and_the_next_has_its_interval() {
        with_input(["papaya", "scc", "dashmap", "frozen"], |input| {
            assert_eq!(sentence(input.cells, &group()), "papaya and scc tie; dashmap is 2.50x slower [2.50, 2.50]");
        });
    }

    #[test]
    fn what_cannot_be_compared_has_no_leader() {
        assert_eq!(sentence(&[], &group()), "no map was measured");
        let (a, b) = (slices("a", 0, 0, 100.0), slices("b", 0, 0, 200.0));
        let said = |samples: &[_]| sentence(&summarise(&plan(&["a", "b"]), 2, samples), &group());
        assert_eq!(said(&[a.clone(), b]), "too few slices to compare");
        assert_eq!(said(&[a]), "a alone was measured");
    }
}
