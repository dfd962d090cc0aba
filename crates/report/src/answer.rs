//! The answer for a group in one sentence: who leads, who ties, how far behind the next is.

use mapbench_results::{Cell, Group, Status};

use crate::{LIMITS, format};

/// The measured contenders of a group, fastest first.
pub(crate) fn contenders<'a>(cells: &'a [Cell], group: &Group) -> Vec<&'a Cell> {
    let mut ranked: Vec<&Cell> = cells
        .iter()
        .filter(|cell| cell.status == Status::Ok && cell.slowdown.is_some() && cell.group() == *group)
        .filter(|cell| !LIMITS.contains(&cell.strategy.as_str()))
        .collect();
    ranked.sort_by(|a, b| {
        let key = |cell: &Cell| (!cell.tied, cell.slowdown.unwrap_or(f64::MAX));
        let (a, b) = (key(a), key(b));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    ranked
}

/// `papaya and scc-hashindex tie; dashmap is 1.31x slower [1.24, 1.39]`; `None` if nothing was measured.
///
/// Never one winner inside a tie.
pub(crate) fn sentence(cells: &[Cell], group: &Group) -> Option<String> {
    let ranked = contenders(cells, group);
    let leaders: Vec<&str> = ranked.iter().filter(|cell| cell.tied).map(|cell| cell.strategy.as_str()).collect();
    let lead = match leaders.as_slice() {
        [] => return None,
        [one] => format!("{one} leads"),
        several => format!("{} tie", format::and(several)),
    };
    let next = ranked.iter().find(|cell| !cell.tied).and_then(|cell| {
        let slowdown = format::significant(cell.slowdown?);
        Some(format!("{} is {slowdown}x slower {}", cell.strategy, format::slowdown_interval(cell)?))
    });
    Some(next.map_or(lead.clone(), |next| format!("{lead}; {next}")))
}

#[cfg(test)]
mod tests {
    use crate::testing::{group, with_input};

    #[test]
    fn a_tie_has_no_winner_and_the_next_has_its_interval() {
        with_input(["papaya", "scc", "dashmap", "frozen"], |input| {
            let sentence = super::sentence(input.cells, &group()).unwrap();
            assert!(
                sentence == "papaya and scc tie; dashmap is 2.50x slower [2.50, 2.50]"
                    || sentence.starts_with("scc and papaya tie; dashmap is 2.5"),
                "{sentence}"
            );
        });
    }

    #[test]
    fn nothing_measured_has_no_answer() {
        assert_eq!(super::sentence(&[], &group()), None);
    }
}
