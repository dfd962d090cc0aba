//! The map of winners: who leads at which share of reads and number of threads.

use mapbench_results::{Cell, Group, Percent};
use maud::{Markup, html};

use super::View;
use crate::answer::{Answer, answer};
use crate::{Input, format};

/// Of a tie, as many are named in the map; all of them are in the answers.
const NAMED: usize = 3;

pub(super) fn section(view: &View) -> Markup {
    let input = &view.input;
    let groups = &input.provenance.plan.groups;
    let cores = input.provenance.host.cores;
    let mut rows: Vec<(&str, Percent)> = Vec::new();
    for group in groups {
        let row = (group.workload.as_str(), group.read_pct);
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    let mut columns: Vec<u32> = groups.iter().map(|group| group.threads).collect();
    columns.sort_unstable();
    columns.dedup();
    let find = |(workload, read_pct): (&str, Percent), threads: u32| {
        groups.iter().find(|group| group.workload == workload && group.read_pct == read_pct && group.threads == threads)
    };
    let table = html! {
        table.winners {
            thead { tr {
                th scope="col" { "mix" }
                @for threads in &columns { th scope="col" { (format::counted(*threads, "thread")) @if *threads > cores { "*" } } }
            } }
            tbody {
                @for row in rows {
                    tr {
                        th scope="row" { (super::mix(input, row.0, row.1)) }
                        @for threads in &columns { (square(input, find(row, *threads))) }
                    }
                }
            }
        }
    };
    let body = html! {
        p { "The fastest map of each cell and those that tie with it, in the order of their ratios. * More threads than cores: this says nothing about scaling." }
        (view.scroll("winners", &table))
    };
    view.section("winners", "Who leads where", &body)
}

fn square(input: &Input, group: Option<&Group>) -> Markup {
    let Some(group) = group else { return html! { td.none { "–" } } };
    match answer(input.cells, group) {
        Answer::Nothing => html! { td.none { "none measured" } },
        Answer::TooFew => html! { td.none { "too few slices" } },
        Answer::Alone(only) => html! { td { (only.strategy) " " small { "alone" } } },
        Answer::Compared { leaders, .. } => match leaders.as_slice() {
            [one] => html! { td.sole { (one.strategy) } },
            tied => html! { td { (names(tied)) " " small { "tie" } } },
        },
    }
}

/// `a, b and c`, `a, b, c and 4 more`
fn names(tied: &[&Cell]) -> String {
    let mut names: Vec<&str> = tied.iter().map(|cell| cell.strategy.as_str()).collect();
    if names.len() <= NAMED + 1 {
        return format::and(&names);
    }
    let more = format!("{} more", names.len() - NAMED);
    names.truncate(NAMED);
    names.push(&more);
    format::and(&names)
}

#[cfg(test)]
mod tests {
    use mapbench_results::Cell;

    use super::{names, section};
    use crate::page::View;
    use crate::testing::{sweep, with_input};
    use crate::{Beside, Input, summarise};

    #[test]
    fn a_tie_names_all_and_a_leader_stands_alone() {
        let map =
            with_input(["papaya", "scc", "dashmap", "frozen"], |input| section(&View::alone(*input)).into_string());
        assert!(map.contains("scc and papaya <small>tie</small>"), "{map}");
        let (provenance, samples) = sweep(3);
        let cells = summarise(&provenance.plan, 2, &samples);
        let input = Input {
            provenance: &provenance,
            samples: &samples,
            machine: &[],
            cells: &cells,
            beside: Beside::default(),
        };
        let map = section(&View::alone(input)).into_string();
        assert_eq!(map.matches("<td class=\"sole\">s0</td>").count(), 15, "{map}");
        assert_eq!(map.matches("threads*</th>").count(), 1);
    }

    #[test]
    fn a_long_tie_is_cut() {
        let cells: Vec<Cell> = summarise(&crate::testing::plan(&["a", "b", "c", "d", "e"]), 2, &[]);
        let cells: Vec<&Cell> = cells.iter().collect();
        assert_eq!(names(&cells[..4]), "a, b, c and d");
        assert_eq!(names(&cells), "a, b, c and 2 more");
    }
}
