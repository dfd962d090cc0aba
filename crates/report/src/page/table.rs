//! All cells, sortable: the twin of every chart.

use mapbench_results::{Cell, Status};
use maud::{Markup, html};

use super::View;
use crate::format;

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

pub(super) fn section(view: &View) -> Markup {
    let input = &view.input;
    let workloads = input.cells.iter().any(|cell| cell.workload != input.cells[0].workload);
    let table = html! {
        table.cells data-sortable {
            thead { tr {
                @if workloads { th scope="col" { "workload" } }
                @for column in COLUMNS { th scope="col" { (column) } }
            } }
            tbody { @for cell in input.cells { (row(cell, workloads, input.provenance.host.cores)) } }
        }
    };
    let body = html! {
        p { "Throughput: median over processes of the process's median slice. Fairness: Jain's index of the threads' rates, 1 when all are equal. RSS: of the whole worker process. Within: how far the slowdown's interval reaches, in per cent of the slowdown; ! marks more than 5. A column's title sorts by it." }
        (view.scroll("cells", &table))
    };
    view.section("cells", "All cells", &body)
}

/// The workload is a column only where there are several.
fn row(cell: &Cell, workloads: bool, cores: u32) -> Markup {
    let share = |ppm: Option<u64>, scale: f64| ppm.map(|ppm| ppm as f64 / scale);
    let interval = cell.throughput_low_ops_s.zip(cell.throughput_high_ops_s);
    html! {
        tr {
            @if workloads { td { (cell.workload) } }
            td.n { (cell.read_pct) }
            td.n { (cell.threads) @if cell.threads > cores { "*" } }
            th scope="row" {
                (cell.strategy)
                @if cell.status == Status::Ok && !cell.message.is_empty() { br; small { (cell.message) } }
            }
            @if let Some(rate) = cell.throughput_ops_s {
                td.n data-value=(rate) { (format::rate(rate)) }
                td.n { @if let Some((low, high)) = interval { "[" (format::rate(low)) ", " (format::rate(high)) "]" } }
                @if let Some(slowdown) = cell.slowdown {
                    td.n data-value=(slowdown) { (format::significant(slowdown)) @if cell.tied { " tied" } }
                    td.n { (format::slowdown_interval(cell).unwrap_or_default()) }
                    td.n { @if let Some(reach) = format::reach(cell) { (format!("{:.1}", reach * 100.0)) @if reach > format::WIDE { " !" } } }
                } @else { td.n colspan="3" { (format::reason(cell)) } }
                td.n { @if let Some(index) = share(cell.fairness_ppm, 1e6) { (format!("{index:.2}")) } }
                td.n { @if let Some(hits) = share(cell.hit_ppm, 1e4) { (format!("{hits:.1}")) } }
                td.n data-value=(cell.rss_bytes.unwrap_or(0)) { @if let Some(rss) = cell.rss_bytes { (format::mebibytes(rss)) } }
            } @else {
                td colspan="8" { (format::reason(cell)) }
            }
        }
    }
}
