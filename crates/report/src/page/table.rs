//! All cells, sortable: the twin of every chart.

use mapbench_results::{Cell, Status};
use maud::{Markup, html};

use super::View;
use crate::latency::Saturated;
use crate::{Input, format};

const COLUMNS: [&str; 11] = [
    "reads %",
    "threads",
    "strategy",
    "M ops/s",
    "95 % interval",
    "slowdown",
    "95 % interval",
    "within",
    "fairness",
    "hits %",
    "RSS MiB",
];

/// A column of what was measured beside throughput: its title, and what it has of a cell.
type Column = (&'static str, fn(&Cell) -> Option<u64>);

/// What the titles of the columns of response times begin with.
const RESPONSE: &str = "response";

/// Those that any cell has something in.
const BESIDE: [Column; 5] = [
    ("response ns, 50 %", |cell| cell.response_p50_ns),
    ("response ns, 99 %", |cell| cell.response_p99_ns),
    ("service ns, 50 %", |cell| cell.service_p50_ns),
    ("service ns, 99 %", |cell| cell.service_p99_ns),
    ("bytes an entry", |cell| cell.bytes_per_entry),
];

pub(super) fn section(view: &View) -> Markup {
    let input = &view.input;
    let workloads = input.cells.iter().any(|cell| cell.workload != input.cells[0].workload);
    let measured = |(_, of): &Column| input.cells.iter().any(|cell| of(cell).is_some());
    let beside: Vec<Column> = BESIDE.into_iter().filter(measured).collect();
    let table = html! {
        table.cells.numbers data-sortable {
            thead { tr {
                @if workloads { th scope="col" { "workload" } }
                @for column in COLUMNS { th scope="col" { (column) } }
                @for (column, _) in &beside { th scope="col" { (column) } }
            } }
            tbody { @for cell in input.cells { (row(input, cell, workloads, &beside)) } }
        }
    };
    let body = html! {
        p { "Throughput: median over processes of the process's median slice. Fairness: Jain's index of the threads' rates, 1 when all are equal. RSS: of the whole worker process. Within: how far the slowdown's interval reaches, in per cent of the slowdown; ! marks more than 5. " @if !beside.is_empty() { "Response times are those at the rate that all maps are asked for, of the forks that kept up; what is saturated in any fork is no better than what is in none. " } "A column's title sorts by it." }
        (view.scroll("cells", &table))
    };
    view.section("cells", "All cells", &body)
}

/// The workload is a column only where there are several.
fn row(input: &Input, cell: &Cell, workloads: bool, beside: &[Column]) -> Markup {
    let cores = input.provenance.host.cores;
    let saturated = Saturated::at_common(input.beside.latency, &cell.group(), &cell.strategy).said();
    let saturated = saturated.as_deref();
    let share = |ppm: Option<u64>, scale: f64| ppm.map(|ppm| ppm as f64 / scale);
    let interval = cell.throughput_low_ops_s.zip(cell.throughput_high_ops_s);
    html! {
        tr {
            @if workloads { td.why { (cell.workload) } }
            td { (cell.read_pct) }
            td { (cell.threads) @if cell.threads > cores { "*" } }
            th scope="row" {
                (cell.strategy)
                @if cell.status == Status::Ok && !cell.message.is_empty() { br; small { (cell.message) } }
            }
            @if let Some(rate) = cell.throughput_ops_s {
                td { (format::rate(rate)) }
                td { @if let Some((low, high)) = interval { "[" (format::rate(low)) ", " (format::rate(high)) "]" } }
                @if let Some(slowdown) = cell.slowdown {
                    td { (format::significant(slowdown)) @if cell.tied { " tied" } }
                    td { (format::slowdown_interval(cell).unwrap_or_default()) }
                    td { @if let Some(reach) = format::reach(cell) { (format!("{:.1}", reach * 100.0)) @if reach > format::WIDE { " !" } } }
                } @else { td.why colspan="3" { (format::reason(cell)) } }
                td { @if let Some(index) = share(cell.fairness_ppm, 1e6) { (format!("{index:.2}")) } }
                td { @if let Some(hits) = share(cell.hit_ppm, 1e4) { (format!("{hits:.1}")) } }
                td { @if let Some(rss) = cell.rss_bytes { (format::mebibytes(rss)) } }
                @for (column, of) in beside {
                    td { @if let Some(value) = of(cell) { (value) } @if let Some(said) = saturated.filter(|_| column.starts_with(RESPONSE)) { " " small { (said) } } }
                }
            } @else {
                td.why colspan=(8 + beside.len()) { (format::reason(cell)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Input, section};
    use crate::page::View;
    use crate::testing::with_input;

    #[test]
    fn a_response_time_that_leaves_forks_out_says_so() {
        use crate::testing::{in_part_and_whole, with_response};
        let latency = in_part_and_whole(true);
        let page = with_response(&latency, |input| section(&View::alone(*input)).into_string());
        assert_eq!(page.matches("<td>2007 <small>1 of 3 saturated</small></td>").count(), 2, "{page}");
        assert_eq!(page.matches("saturated").count(), 3, "the legend and one cell's figures: {page}");
    }

    #[test]
    fn what_was_measured_beside_has_its_columns_and_what_was_not_has_none() {
        with_input(["a", "b", "c", "d"], |input| {
            let page = |cells: &[_]| section(&View::alone(Input { cells, ..*input })).into_string();
            assert!(!page(input.cells).contains("response ns") && page(input.cells).contains("colspan=\"8\""));
            let mut cells = input.cells.to_vec();
            (cells[0].response_p99_ns, cells[0].bytes_per_entry) = (Some(1_234), Some(48));
            let page = page(&cells);
            assert!(page.contains("<td>1234</td><td>48</td>") && page.contains("<td></td><td></td>"), "{page}");
            assert!(page.contains("bytes an entry") && !page.contains("service ns"), "{page}");
            assert!(page.contains("<td class=\"why\" colspan=\"10\">n/a: no insert"), "{page}");
        });
    }
}
