//! Memory against speed: what a faster map costs, and which maps nothing beats in both.

use mapbench_results::{Cell, Group, Memory, Status};
use mapbench_stats::median;
use maud::{Markup, html};

use super::View;
use super::axis::{across, log_marks, px, upright};
use super::place::{Label, Room, labels};
use crate::counts::entry_bytes_by_fork;
use crate::objective::MemoryMeasure;
use crate::{LIMITS, format};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 380.0;
const FRAME: Room = Room { left: 44.0, top: 24.0, right: WIDTH - 10.0, bottom: HEIGHT - 38.0 };

/// Maps this many times slower than the fastest are named below the chart, unless nothing beats them: on it they would
/// leave no room for the others.
const SLOW: f64 = 30.0;

pub(super) fn section(view: &View) -> Markup {
    let input = &view.input;
    let case = |group: &Group, title: &str| {
        Plot::of(input.cells, group, input.beside.memory).draw(title, &view.name(&format!("Chart: memory, {title}")))
    };
    let body = html! {
        p { "Memory against throughput: the bytes that the filled map holds for each of its entries, where the run counted them, else the resident memory of the whole worker process, median over slices. Further up is faster, further left is smaller. The line is the Pareto front: the maps that no other beats in both. Rings are limits, which are no choice and not on it. The front goes by the medians: a map that ties with one of its maps may belong to it as well." }
        (view.cases(case))
    };
    view.section("memory", "Memory against speed", &body)
}

struct Point<'a> {
    cell: &'a Cell,
    ops_s: f64,
    bytes: f64,
    limit: bool,
    /// No contender is both faster and smaller.
    front: bool,
}

impl MemoryMeasure {
    /// What the axis counts.
    fn scale(self) -> f64 {
        match self {
            MemoryMeasure::Resident => f64::from(1_u32 << 20),
            MemoryMeasure::PerEntry => 1.0,
        }
    }

    fn name(self) -> &'static str {
        match self {
            MemoryMeasure::Resident => "resident memory of the process, MiB",
            MemoryMeasure::PerEntry => "bytes an entry of the filled map, key and value included",
        }
    }

    fn column(self) -> &'static str {
        match self {
            MemoryMeasure::Resident => "RSS MiB",
            MemoryMeasure::PerEntry => "bytes an entry",
        }
    }

    /// `22.0 MiB`
    fn amount(self, bytes: f64) -> String {
        let amount = format::significant(bytes / self.scale());
        match self {
            MemoryMeasure::Resident => format!("{amount} MiB"),
            MemoryMeasure::PerEntry => format!("{amount} bytes an entry"),
        }
    }
}

/// The measured cells of a group, the front first, in the order of their memory.
struct Plot<'a> {
    unit: MemoryMeasure,
    points: Vec<Point<'a>>,
}

impl<'a> Plot<'a> {
    fn of(cells: &'a [Cell], group: &Group, memory: &[Memory]) -> Self {
        let counted = |strategy: &str| {
            let forks = entry_bytes_by_fork(memory, group, strategy);
            median(&forks.into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>())
        };
        let unit = MemoryMeasure::of(memory, group);
        let measured = cells.iter().filter(|cell| cell.status == Status::Ok && cell.is_of(group));
        let point = |cell: &'a Cell| {
            let number = |value: Option<u64>| value.filter(|value| *value > 0).map(|value| value as f64);
            let ops_s = number(cell.throughput_ops_s)?;
            let bytes = match unit {
                MemoryMeasure::Resident => number(cell.rss_bytes)?,
                MemoryMeasure::PerEntry => counted(&cell.strategy)?,
            };
            Some(Point { cell, ops_s, bytes, limit: LIMITS.contains(&cell.strategy.as_str()), front: false })
        };
        let mut points: Vec<Point> = measured.filter_map(point).collect();
        points.sort_by(|a, b| a.bytes.total_cmp(&b.bytes).then(b.ops_s.total_cmp(&a.ops_s)));
        let mut fastest = 0.0;
        for point in points.iter_mut().filter(|point| !point.limit) {
            if point.ops_s > fastest {
                fastest = point.ops_s;
                point.front = true;
            }
        }
        points.sort_by_key(|point| !point.front);
        Self { unit, points }
    }

    fn draw(&self, title: &str, region: &str) -> Markup {
        let contenders = self.points.iter().filter(|point| !point.limit);
        let fastest = contenders.map(|point| point.ops_s).fold(0.0, f64::max);
        let (drawn, slow): (Vec<&Point>, Vec<&Point>) =
            self.points.iter().partition(|point| point.front || point.ops_s * SLOW >= fastest);
        html! {
            figure.memory {
                figcaption { (title) }
                @if let Some(axes) = Axes::of(&drawn, self.unit) { (axes.chart(&drawn, title, region)) }
                @else { p.hint { "Nothing was measured." } }
                @if !slow.is_empty() { p.hint { "Slower, below the frame: " (names(&slow, self.unit)) "." } }
                @if !self.points.is_empty() {
                    details {
                        summary { "The same as a table" }
                        div.scroll tabindex="0" role="region" aria-label=(region.replacen("Chart", "Table", 1)) { (self.table()) }
                    }
                }
            }
        }
    }

    fn table(&self) -> Markup {
        html! {
            table.numbers {
                thead { tr { th scope="col" { "strategy" } th scope="col" { (self.unit.column()) } th scope="col" { "M ops/s" } th scope="col" { "Pareto front" } } }
                tbody {
                    @for point in &self.points {
                        tr {
                            th scope="row" { (point.cell.strategy) }
                            td { (format::significant(point.bytes / self.unit.scale())) }
                            td { (format::significant(point.ops_s / 1e6)) }
                            td { @if point.limit { "a limit" } @else if point.front { "on it" } @else { "–" } }
                        }
                    }
                }
            }
        }
    }
}

/// `a (0.23 M ops/s, 22.0 MiB) and b (…)`
fn names(points: &[&Point], unit: MemoryMeasure) -> String {
    let name = |point: &&Point| {
        let rate = format::significant(point.ops_s / 1e6);
        format!("{} ({rate} M ops/s, {})", point.cell.strategy, unit.amount(point.bytes))
    };
    let names: Vec<String> = points.iter().map(name).collect();
    format::and(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Logarithmic both ways.
struct Axes {
    unit: MemoryMeasure,
    /// In the scale of the unit.
    memory: (f64, f64),
    /// In million operations per second.
    rate: (f64, f64),
}

impl Axes {
    fn of(points: &[&Point], unit: MemoryMeasure) -> Option<Self> {
        let range = |of: &dyn Fn(&Point) -> f64| {
            let low = points.iter().map(|point| of(point)).min_by(f64::total_cmp)?;
            let high = points.iter().map(|point| of(point)).max_by(f64::total_cmp)?;
            // Room for a label at every side, also if all points lie on one line.
            let margin = (high / low).powf(0.12).max(1.15);
            Some((low / margin, high * margin))
        };
        Some(Self {
            unit,
            memory: range(&|point| point.bytes / unit.scale())?,
            rate: range(&|point| point.ops_s / 1e6)?,
        })
    }

    fn x(&self, amount: f64) -> f64 {
        let (low, high) = self.memory;
        FRAME.left + (amount / low).ln() / (high / low).ln() * (FRAME.right - FRAME.left)
    }

    fn y(&self, rate: f64) -> f64 {
        let (low, high) = self.rate;
        FRAME.bottom - (rate / low).ln() / (high / low).ln() * (FRAME.bottom - FRAME.top)
    }

    fn place(&self, point: &Point) -> (f64, f64) {
        (self.x(point.bytes / self.unit.scale()), self.y(point.ops_s / 1e6))
    }

    fn chart(&self, points: &[&Point], title: &str, region: &str) -> Markup {
        let places: Vec<(f64, f64)> = points.iter().map(|point| self.place(point)).collect();
        let texts: Vec<&str> = points.iter().map(|point| point.cell.strategy.as_str()).collect();
        let found = labels(&places, &texts, FRAME);
        let heights = log_marks(self.rate.0, self.rate.1).into_iter().map(|mark| (self.y(mark), number(mark)));
        let widths = log_marks(self.memory.0, self.memory.1).into_iter().map(|mark| (self.x(mark), number(mark)));
        let (heights, widths): (Vec<_>, Vec<_>) = (heights.collect(), widths.collect());
        let label = format!("Memory against throughput, {title}; the table below has the numbers");
        html! {
            div.scroll.chart tabindex="0" role="region" aria-label=(region) {
                svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(label) {
                    (across(FRAME, &heights))
                    (upright(FRAME, &widths))
                    text x=(px((FRAME.left + FRAME.right) / 2.0)) y=(HEIGHT - 6.0) text-anchor="middle" { (self.unit.name()) }
                    text x="4" y="13" { "million operations a second" }
                    polyline.front points=(self.front(points)) {}
                    @for ((point, place), label) in points.iter().zip(&places).zip(&found) { (mark(point, *place, label.as_ref(), self.unit)) }
                }
            }
        }
    }

    /// The steps along the front: what is reached with no more memory than this.
    fn front(&self, points: &[&Point]) -> String {
        let mut steps: Vec<String> = Vec::new();
        let mut height = FRAME.bottom;
        for (x, y) in points.iter().filter(|point| point.front).map(|point| self.place(point)) {
            steps.extend([format!("{},{}", px(x), px(height)), format!("{},{}", px(x), px(y))]);
            height = y;
        }
        steps.push(format!("{},{}", px(FRAME.right), px(height)));
        steps.join(" ")
    }
}

fn mark(point: &Point, (x, y): (f64, f64), label: Option<&Label>, unit: MemoryMeasure) -> Markup {
    let class = match point {
        Point { limit: true, .. } => "limit",
        Point { front: true, .. } => "best",
        _ => "beaten",
    };
    html! {
            g class=(class) {
                title { (point.cell.strategy) ": " (format::significant(point.ops_s / 1e6)) " M ops/s, " (unit.amount(point.bytes)) }
                circle cx=(px(x)) cy=(px(y)) {}
                @if let Some(label) = label {
                    @if let Some((end_x, end_y)) = label.leader { line x1=(px(x)) y1=(px(y)) x2=(px(end_x)) y2=(px(end_y)) {} }
    @let (text_x, anchor) = beginning(&label.room, x);
                    text x=(px(text_x)) y=(px(label.room.bottom - 2.5)) text-anchor=[anchor] { (point.cell.strategy) }
                }
            }
        }
}

/// Where a label's text begins or ends: at its point, however wide the font is.
fn beginning(room: &Room, x: f64) -> (f64, Option<&'static str>) {
    if room.left > x {
        (room.left, None)
    } else if room.right < x {
        (room.right, Some("end"))
    } else {
        ((room.left + room.right) / 2.0, Some("middle"))
    }
}

/// A mark's number, without zeros that say nothing.
fn number(x: f64) -> String {
    format!("{}", (x * 1e6).round() / 1e6)
}

#[cfg(test)]
mod tests {
    use mapbench_results::Cell;

    use super::{Plot, section};
    use crate::page::View;
    use crate::testing::{group, plan, sweep, with_input};
    use crate::{Beside, Input, summarise};

    /// Cells of one group: million operations per second and MiB.
    fn cells(measured: &[(&str, u64, u64)]) -> Vec<Cell> {
        let names: Vec<&str> = measured.iter().map(|(name, ..)| *name).collect();
        let mut cells = summarise(&plan(&names), 2, &[]);
        for (cell, (_, ops, mebibytes)) in cells.iter_mut().zip(measured) {
            cell.status = mapbench_results::Status::Ok;
            cell.throughput_ops_s = Some(ops * 1_000_000);
            cell.rss_bytes = Some(mebibytes << 20);
        }
        cells
    }

    #[test]
    fn the_front_holds_what_nothing_beats_in_both() {
        let cells = cells(&[
            ("big", 90, 30),
            ("beaten", 40, 12),
            ("small", 20, 8),
            ("middle", 50, 10),
            ("twin", 50, 10),
            ("frozen", 99, 7),
        ]);
        let plot = Plot::of(&cells, &group(), &[]);
        let front: Vec<&str> =
            plot.points.iter().filter(|point| point.front).map(|point| point.cell.strategy.as_str()).collect();
        assert_eq!(front, ["small", "middle", "big"]);
        let drawn = plot.draw("here", "chart").into_string();
        assert_eq!(
            (drawn.matches("class=\"best\"").count(), drawn.matches("class=\"limit\"").count()),
            (3, 1),
            "{drawn}"
        );
        assert!(drawn.contains("<th scope=\"row\">middle</th><td>10.0</td><td>50.0</td><td>on it"));
        assert!(drawn.contains("<td>a limit</td>"), "{drawn}");
    }

    #[test]
    fn what_is_far_slower_is_named_below_and_what_nothing_beats_is_drawn() {
        let cells = cells(&[("fast", 90, 30), ("slow", 1, 40), ("tiny", 1, 2)]);
        let drawn = Plot::of(&cells, &group(), &[]).draw("here", "chart").into_string();
        assert!(drawn.contains("below the frame: slow (1.00 M ops/s, 40.0 MiB)."), "{drawn}");
        assert!(drawn.contains("<title>tiny: 1.00"), "{drawn}");
    }

    #[test]
    fn bytes_an_entry_are_taken_where_they_were_counted() {
        let cells = cells(&[("lean", 10, 30), ("fat", 20, 30), ("uncounted", 5, 30)]);
        let mut memory = [crate::testing::counted("lean"), crate::testing::counted("fat")].concat();
        memory[5].filled_bytes = Some(96_000);
        let drawn = Plot::of(&cells, &group(), &memory).draw("here", "chart").into_string();
        assert!(drawn.contains("lean</th><td>48.0</td>"), "{drawn}");
        assert!(drawn.contains("<title>fat: 20.0 M ops/s, 96.0 bytes an entry</title>"), "{drawn}");
        assert!(!drawn.contains("uncounted") && !drawn.contains("MiB"), "{drawn}");
    }

    #[test]
    fn every_group_has_its_chart_and_one_is_shown_first() {
        let (provenance, samples) = sweep(3);
        let cells = summarise(&provenance.plan, 2, &samples);
        let input = Input {
            provenance: &provenance,
            samples: &samples,
            machine: &[],
            cells: &cells,
            beside: Beside::default(),
        };
        let page = section(&View::alone(input)).into_string();
        assert_eq!(page.matches("<svg").count(), 15);
        let (first, others) = page.split_once("<details class=\"cases\">").unwrap();
        assert!(first.contains("data-reads=\"99\" data-threads=\"2\""), "{first}");
        assert!(!others.contains("data-reads=\"99\" data-threads=\"2\""));
    }

    #[test]
    fn nothing_measured_is_said() {
        let (provenance, _) = sweep(1);
        let input =
            Input { provenance: &provenance, samples: &[], machine: &[], cells: &[], beside: Beside::default() };
        assert!(section(&View::alone(input)).into_string().contains("Nothing was measured."));
        let page = with_input(["a", "b", "c", "d"], |input| section(&View::alone(*input)).into_string());
        assert!(!page.contains("<details class=\"cases\">") && !page.contains("<select"), "{page}");
    }
}
