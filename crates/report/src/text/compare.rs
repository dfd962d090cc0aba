use mapbench_results::{Cell, Group, Status};
use mapbench_stats::Interval;

use super::ONE_SHORT;
use super::cells::{Places, rate, ratio, sum_up, verdict};
use super::document::Text;
use crate::objective::Objective;
use crate::rates::{ByCell, Rates};
use crate::{Input, format};

/// Strategies against the first of them, cell by cell: ratios of throughputs within the rounds that both were measured in.
#[must_use]
pub fn compare(input: &Input, strategies: &[String]) -> Text {
    let mut text = Text::default();
    let Some((first, others)) = strategies.split_first() else { return text };
    let groups = &input.provenance.plan.groups;
    let by_cell = ByCell::of(input.samples);
    let places = Places::of(groups, input.provenance.host.cores);
    for other in others {
        text.title(format!(
            "{other} against {first}: M ops/s, and {other}'s as a multiple of {first}'s within rounds:"
        ));
        let mut header = places.header();
        header.extend([first.clone(), other.clone(), "ratio".to_owned(), String::new()]);
        let mut table = vec![header];
        let mut ratios = Vec::new();
        for group in groups {
            let of =
                |strategy: &str| input.cells.iter().find(|cell| cell.strategy == strategy && cell.group() == *group);
            let (a, b) = (of(first), of(other));
            let found = within_rounds(&by_cell, group, a, b);
            let mut row = places.columns(group);
            row.extend([rate(a), rate(b)]);
            row.extend(match found {
                Some(found) => [ratio(&found), verdict(&found).to_owned()],
                None => [String::new(), [a, b].into_iter().flatten().find_map(obstacle).unwrap_or_else(few)],
            });
            table.push(row);
            ratios.extend(found);
        }
        text.table(table);
        sum_up(&mut text, other, &ratios);
    }
    places.explain(&mut text, groups);
    if input.provenance.plan.forks == 1 {
        text.note(ONE_SHORT);
    }
    text
}

/// The throughput of `b` as a multiple of that of `a`.
fn within_rounds<'a>(
    by_cell: &ByCell<'a>,
    group: &'a Group,
    a: Option<&'a Cell>,
    b: Option<&'a Cell>,
) -> Option<Interval> {
    let rates = |cell: &'a Cell| {
        (cell.status == Status::Ok).then(|| Rates::of(by_cell.rows(group, &cell.strategy), Objective::Throughput))
    };
    rates(a?)?.slowdown(&rates(b?)?)
}

/// Why a cell cannot be compared with any other.
fn obstacle(cell: &Cell) -> Option<String> {
    (cell.status != Status::Ok || cell.throughput_ops_s.is_none())
        .then(|| format!("{}: {}", cell.strategy, format::reason(cell)))
}

fn few() -> String {
    "too few rounds to compare".to_owned()
}

#[cfg(test)]
mod tests {
    use super::compare;
    use crate::testing::{group, plan, provenance, slices, sweep, with_input};
    use crate::{Beside, Input, summarise};
    use mapbench_results::Sample;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn ratios_are_within_rounds_and_the_first_is_the_reference() {
        // The machine slows down threefold from round to round; b is half as fast as a throughout.
        let samples: Vec<Sample> = [900.0, 300.0, 100.0]
            .iter()
            .zip(0..)
            .flat_map(|(rate, round)| [slices("a", 0, round, rate * 1e6), slices("b", 0, round, rate * 5e5)])
            .collect();
        let mut provenance = provenance(plan(&["a", "b"]));
        provenance.plan.forks = 1;
        let cells = summarise(&provenance.plan, 2, &samples);
        let input = Input {
            provenance: &provenance,
            samples: &samples,
            machine: &[],
            cells: &cells,
            beside: Beside::default(),
        };
        let text = compare(&input, &names(&["a", "b"])).terminal();
        assert!(text.contains("  90 %         2  300  150  0.500x [0.500, 0.500]  slower\n"), "{text}");
        assert!(text.contains("b is faster in 0, slower in 1, tied in 0 of 1 cells"), "{text}");
        assert!(text.contains("one fork each"), "{text}");
        let turned = compare(&input, &names(&["b", "a"])).terminal();
        assert!(turned.contains("2.00x [2.00, 2.00]  faster"), "{turned}");
        assert_eq!(group().threads, 2);
    }

    #[test]
    fn what_cannot_be_compared_says_why() {
        let text = with_input(["a", "b", "c", "d"], |input| compare(input, &names(&["a", "b", "d"]))).terminal();
        assert!(text.contains("d: n/a: no insert: the map is immutable"), "{text}");
        assert!(text.contains("tied\n") && text.contains("no cell could be compared"), "{text}");
    }

    #[test]
    fn every_cell_has_its_row_and_oversubscribed_ones_a_star() {
        let (provenance, samples) = sweep(3);
        let cells = summarise(&provenance.plan, 2, &samples);
        let input = Input {
            provenance: &provenance,
            samples: &samples,
            machine: &[],
            cells: &cells,
            beside: Beside::default(),
        };
        let text = compare(&input, &names(&["s0", "s1", "s2"])).markdown();
        assert_eq!(text.matches("% |").count(), 30, "{text}");
        assert!(text.contains("s2 is faster in 0, slower in 15, tied in 0 of 15 cells"), "{text}");
        assert!(text.contains("| 90 % | 4\\* |") && text.contains("more threads than cores"), "{text}");
        assert!(text.contains("geometric mean of the ratios 0.910x"), "{text}");
    }
}
