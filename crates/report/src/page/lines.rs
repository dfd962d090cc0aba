//! Throughput against threads, a panel a share of reads.

use mapbench_results::{Cell, Group, Status};
use maud::{Markup, html};

use crate::Input;
use crate::rank::rank;

const WIDTH: f64 = 380.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 130.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 36.0;

/// Lines that have a colour and a label of their own; more could not be told apart.
const COLOURS: usize = 7;

pub(super) fn section(input: &Input) -> Markup {
    let coloured = coloured(input);
    let mut panels: Vec<(&str, u8)> = Vec::new();
    for group in &input.provenance.plan.groups {
        let panel = (group.workload.as_str(), group.read_pct);
        if !panels.contains(&panel) {
            panels.push(panel);
        }
    }
    html! {
        section aria-labelledby="lines" {
            h2 id="lines" { "Throughput against threads" }
            p { "Million operations a second, logarithmic; bands are 95 % intervals over processes, and include what the machine did in those minutes. The dashed line marks the number of cores. Coloured: the strategies that rank first over all cells; the others are grey, and named on hover." }
            div.panels {
                @for (workload, read_pct) in panels {
                    figure {
                        figcaption { (workload) ", " (read_pct) " % reads" }
                        (panel(input, workload, read_pct, &coloured))
                    }
                }
            }
        }
    }
}

fn coloured<'a>(input: &'a Input) -> Vec<&'a str> {
    let rank = rank(input);
    rank.ranked.iter().take(COLOURS).map(|ranked| ranked.strategy).collect()
}

/// A strategy's measured cells of a panel, by threads.
fn series<'a>(input: &'a Input, workload: &str, read_pct: u8, strategy: &str) -> Vec<&'a Cell> {
    let mut cells: Vec<&Cell> = input
        .cells
        .iter()
        .filter(|cell| cell.strategy == strategy && cell.workload == workload && cell.read_pct == read_pct)
        .filter(|cell| cell.status == Status::Ok && cell.throughput_ops_s.is_some_and(|rate| rate > 0))
        .collect();
    cells.sort_by_key(|cell| cell.threads);
    cells
}

struct Scale {
    threads: Vec<u32>,
    low: f64,
    high: f64,
}

impl Scale {
    /// Thread counts stand at equal distances, as they double.
    fn x(&self, threads: u32) -> f64 {
        let position = self.threads.iter().position(|t| *t == threads).unwrap_or(0) as f64;
        let last = (self.threads.len().max(2) - 1) as f64;
        LEFT + position / last * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, ops_s: f64) -> f64 {
        let share = (ops_s.max(1.0).log10() - self.low) / (self.high - self.low);
        HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
    }
}

fn panel(input: &Input, workload: &str, read_pct: u8, coloured: &[&str]) -> Markup {
    let plan = &input.provenance.plan;
    let in_panel = |group: &&Group| group.workload == workload && group.read_pct == read_pct;
    let mut threads: Vec<u32> = plan.groups.iter().filter(in_panel).map(|group| group.threads).collect();
    threads.sort_unstable();
    let lines: Vec<(&str, Vec<&Cell>)> = plan
        .strategies
        .iter()
        .map(|strategy| (strategy.as_str(), series(input, workload, read_pct, strategy)))
        .filter(|(_, cells)| !cells.is_empty())
        .collect();
    let rates = || lines.iter().flat_map(|(_, cells)| cells).filter_map(|cell| cell.throughput_ops_s);
    let (Some(least), Some(most)) = (rates().min(), rates().max()) else {
        return html! { p.hint { "Nothing was measured." } };
    };
    let scale = Scale { threads, low: (least as f64).log10().floor(), high: (most as f64 * 1.05).log10().ceil() };
    let cores = input.provenance.host.cores;
    let label = format!("Throughput against threads at {read_pct} % reads; the numbers are in the table of all cells");
    let view = format!("0 0 {WIDTH} {HEIGHT}");
    html! {
        svg viewBox=(view) role="img" aria-label=(label) {
            @for exponent in (scale.low as i32)..=(scale.high as i32) {
                @let y = scale.y(10_f64.powi(exponent));
                line.grid x1=(LEFT) x2=(WIDTH - RIGHT) y1=(px(y)) y2=(px(y)) {}
                text.tick x=(LEFT - 5.0) y=(px(y + 4.0)) text-anchor="end" { (power(exponent)) }
            }
            @for threads in &scale.threads {
                text.tick x=(px(scale.x(*threads))) y=(HEIGHT - BOTTOM + 16.0) text-anchor="middle" { (threads) @if *threads > cores { "*" } }
            }
            text.tick x=(px((LEFT + WIDTH - RIGHT) / 2.0)) y=(HEIGHT - 4.0) text-anchor="middle" { "threads" }
            @if scale.threads.contains(&cores) {
                @let x = px(scale.x(cores));
                line.cores x1=(x) x2=(x) y1=(TOP) y2=(HEIGHT - BOTTOM) {}
            }
            @for (strategy, cells) in lines.iter().filter(|(strategy, _)| !coloured.contains(strategy)) {
                g.other { title { (strategy) } (polyline(&scale, cells)) }
            }
            @for (rank, strategy) in coloured.iter().enumerate().rev() {
                @if let Some((_, cells)) = lines.iter().find(|(name, _)| name == strategy) {
                    g class=(format!("c{rank}")) { title { (strategy) } (band(&scale, cells)) (polyline(&scale, cells)) }
                }
            }
            @for (rank, strategy, y) in labels(&scale, &lines, coloured) {
                text class=(format!("label c{rank}")) x=(WIDTH - RIGHT + 8.0) y=(px(y)) { (strategy) }
            }
        }
    }
}

fn polyline(scale: &Scale, cells: &[&Cell]) -> Markup {
    let points: Vec<(f64, f64)> =
        cells.iter().map(|cell| (scale.x(cell.threads), scale.y(cell.throughput_ops_s.unwrap_or(1) as f64))).collect();
    let text: Vec<String> = points.iter().map(|(x, y)| format!("{},{}", px(*x), px(*y))).collect();
    html! {
        polyline points=(text.join(" ")) {}
        @for (x, y) in points { circle cx=(px(x)) cy=(px(y)) r="2.2" {} }
    }
}

fn band(scale: &Scale, cells: &[&Cell]) -> Markup {
    let edge = |cell: &Cell, rate: Option<u64>| {
        Some(format!("{},{}", px(scale.x(cell.threads)), px(scale.y(rate? as f64).clamp(TOP, HEIGHT - BOTTOM))))
    };
    let upper = cells.iter().filter_map(|cell| edge(cell, cell.throughput_high_ops_s));
    let lower = cells.iter().rev().filter_map(|cell| edge(cell, cell.throughput_low_ops_s));
    let points: Vec<String> = upper.chain(lower).collect();
    html! { @if points.len() > 3 { polygon points=(points.join(" ")) {} } }
}

/// Labels beside the ends of the lines, moved apart until none covers another.
fn labels<'a>(scale: &Scale, lines: &[(&str, Vec<&Cell>)], coloured: &[&'a str]) -> Vec<(usize, &'a str, f64)> {
    const APART: f64 = 13.0;
    let mut labels: Vec<(usize, &str, f64)> = coloured
        .iter()
        .enumerate()
        .filter_map(|(rank, strategy)| {
            let (_, cells) = lines.iter().find(|(name, _)| name == strategy)?;
            Some((rank, *strategy, scale.y(cells.last()?.throughput_ops_s? as f64) + 4.0))
        })
        .collect();
    labels.sort_by(|a, b| a.2.total_cmp(&b.2));
    for i in 1..labels.len() {
        labels[i].2 = labels[i].2.max(labels[i - 1].2 + APART);
    }
    // What was pushed out at the bottom pushes back up.
    let mut bound = HEIGHT - BOTTOM + 4.0;
    for label in labels.iter_mut().rev() {
        label.2 = label.2.min(bound);
        bound = label.2 - APART;
    }
    labels
}

/// A coordinate, to a tenth of a unit: more would only make the page longer.
fn px(x: f64) -> String {
    format!("{x:.1}")
}

/// A power of ten of operations per second, in millions.
fn power(exponent: i32) -> String {
    let places = usize::try_from(6 - exponent).unwrap_or(0);
    format!("{:.places$}", 10_f64.powi(exponent - 6))
}

#[cfg(test)]
mod tests {
    #[test]
    fn ticks_are_in_millions() {
        assert_eq!([3, 4, 6, 8].map(super::power), ["0.001", "0.01", "1", "100"]);
    }
}
