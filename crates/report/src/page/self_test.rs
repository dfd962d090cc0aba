//! Does the gate cry wolf on this machine, and how small a slow-down does it see?

use mapbench_results::Detectable;
use mapbench_stats::gate::clopper_pearson;
use maud::{Markup, html};

use super::View;
use crate::self_test::{SelfTestSummary, summarise_self_test};

/// Confidence of the bounds on rates.
const CONFIDENCE: f64 = 0.95;

/// Nothing, where the gate was not tested on the machine.
pub(super) fn section(view: &View) -> Markup {
    let all = summarise_self_test(view.input.beside.self_test);
    if all.is_empty() {
        return html! {};
    }
    let (honest, planted): (Vec<_>, Vec<_>) = all.iter().partition(|summary| summary.planted_pct == 0.0);
    let body = html! {
        p { "What " code { "mapbench gate --self-test" } " measured: suites in which nothing was made slower, so that every failure is a false alarm, and suites with a slow-down of known size. The others judge the same cells for the same time, but measure all of the one side and then all of the other, as they do." }
        (view.scroll("false alarms", &alarms(&honest)))
        @if !planted.is_empty() { details {
            summary { "Slow-downs that were planted, and how often each was seen" }
            (view.scroll("planted", &seen(&planted)))
        } }
        @if !view.input.beside.detectable.is_empty() {
            (view.scroll("detectable", &detectable(view.input.beside.detectable)))
        }
    };
    view.section("self-test", "Can the gate be believed here?", &body)
}

fn method(summary: &SelfTestSummary) -> Markup {
    html! { th scope="row" { (summary.method) } td.n { (allowed(summary.alpha)) } td { (summary.condition) } }
}

/// Of a gate that allows for no rate of false alarms, nothing.
fn allowed(alpha: Option<f64>) -> String {
    alpha.map_or_else(|| "–".to_owned(), |alpha| format!("{} %", 100.0 * alpha))
}

fn alarms(honest: &[&SelfTestSummary]) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { "gate" } th.n scope="col" { "alpha" } th scope="col" { "machine" } th scope="col" { "differs in" }
                @for column in ["suites", "cells each", "seconds each", "suites failed", "95 % interval", "cells failed"] { th.n scope="col" { (column) } }
            } }
            tbody { @for summary in honest { tr {
                (method(summary))
                td { (summary.planted) }
                td.n { (summary.suites) }
                td.n { (summary.cells_a_suite) }
                td.n { (format!("{:.0}", summary.suite_seconds)) }
                td.n { (summary.suites_failed) }
                td.n { (rate(summary.suites_failed, summary.suites)) }
                td.n { (summary.cells_failed) " of " (summary.cells) }
            } } }
        }
    }
}

fn seen(planted: &[&SelfTestSummary]) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { "gate" } th.n scope="col" { "alpha" } th scope="col" { "machine" } th scope="col" { "planted" }
                @for column in ["per cent more", "cells failed", "95 % interval", "the median cell seemed slower by"] { th.n scope="col" { (column) } }
            } }
            tbody { @for summary in planted { tr {
                (method(summary))
                td { (summary.planted) }
                td.n { (summary.planted_pct) }
                td.n { (summary.cells_failed) " of " (summary.cells) }
                td.n { (rate(summary.cells_failed, summary.cells)) }
                td.n { (summary.change_pct.map_or_else(|| "–".to_owned(), |change| format!("{change:.2} %"))) }
            } } }
        }
    }
}

fn rate(failed: u32, of: u32) -> String {
    clopper_pearson(failed, of, CONFIDENCE)
        .map_or_else(|| "–".to_owned(), |bound| format!("{:.1} % to {:.1} %", 100.0 * bound.low, 100.0 * bound.high))
}

/// A row for each condition and length: the slow-down that is seen nine times in ten.
fn detectable(rows: &[Detectable]) -> Markup {
    let length = |row: &Detectable| (row.minutes, row.rounds, row.alpha);
    let mut lengths = Vec::new();
    for row in rows {
        let kind = (row.condition.as_str(), length(row));
        if !lengths.contains(&kind) {
            lengths.push(kind);
        }
    }
    html! {
        table {
            thead { tr {
                th scope="col" { "machine" } th.n scope="col" { "alpha" } th.n scope="col" { "minutes" } th.n scope="col" { "rounds" } th.n scope="col" { "cells" }
                th.n scope="col" { "seen 9 times in 10: the median cell" } th.n scope="col" { "the worst" } th scope="col" { "which" }
            } }
            tbody { @for (condition, (minutes, rounds, alpha)) in lengths {
                @let cells = ascending(rows.iter().filter(|row| row.condition == condition && length(row) == (minutes, rounds, alpha)));
                @let worst = cells[cells.len() - 1];
                tr {
                    td { (condition) }
                    td.n { (allowed(alpha)) }
                    td.n { (minutes) }
                    td.n { (rounds) }
                    td.n { (cells.len()) }
                    td.n { (per_cent(cells[cells.len() / 2])) }
                    td.n { (per_cent(worst)) }
                    td { (worst.cell) }
                }
            } }
        }
    }
}

/// By what is seen; cells in which nothing is come last.
fn ascending<'a>(rows: impl Iterator<Item = &'a Detectable>) -> Vec<&'a Detectable> {
    let mut rows: Vec<_> = rows.collect();
    let effect = |row: &Detectable| row.effect_pct.unwrap_or(f64::INFINITY);
    rows.sort_by(|a, b| effect(a).total_cmp(&effect(b)));
    rows
}

fn per_cent(row: &Detectable) -> String {
    row.effect_pct.map_or_else(|| "more than 50 %".to_owned(), |effect| format!("{effect:.2} %"))
}

#[cfg(test)]
mod tests {
    use mapbench_results::Detectable;
    use mapbench_results::GateVerdict::{Fail, Pass};

    use super::section;
    use crate::page::View;
    use crate::testing::{self_test_row, with_input};
    use crate::{Beside, Input};

    #[test]
    fn rates_have_their_bounds_and_the_worst_cell_its_name() {
        let rows = [self_test_row("mapbench", 0, Pass), self_test_row("criterion", 0, Fail)];
        let row = |cell: &str, effect_pct| Detectable {
            condition: "idle".to_owned(),
            cell: cell.to_owned(),
            minutes: 10.0,
            rounds: 90,
            effect_pct,
            alpha: Some(0.002),
        };
        let shorter = Detectable { rounds: 40, ..row("d", Some(7.0)) };
        let detectable = [row("a", Some(1.0)), row("b", None), row("c", Some(1.25)), shorter];
        let beside = Beside { self_test: &rows, detectable: &detectable, ..Beside::default() };
        let page =
            with_input(["a", "b", "c", "d"], |input| section(&View::alone(Input { beside, ..*input })).into_string());
        // One of one: the lower bound of Clopper and Pearson is 0.025.
        assert!(page.contains("2.5 % to 100.0 %") && page.contains("0.0 % to 97.5 %"), "{page}");
        assert!(page.contains("<td class=\"n\">1.25 %</td><td class=\"n\">more than 50 %</td><td>b</td>"), "{page}");
        assert!(page.contains("<td class=\"n\">7.00 %</td><td class=\"n\">7.00 %</td><td>d</td>"), "{page}");
    }

    #[test]
    fn without_a_self_test_there_is_no_section() {
        let page = with_input(["a", "b", "c", "d"], |input| section(&View::alone(*input)).into_string());
        assert_eq!(page, "");
    }
}
