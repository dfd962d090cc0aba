//! How long operations take: percentiles of a map's response times at a load, and its service times.

use mapbench_results::{Group, LatencyPlan, Percentile};
use maud::{Markup, html};

use super::View;
use super::axis::{log_marks, px};
use super::place::{Room, labels};
use crate::format;
use crate::latency::{Asked, Tail, curve, duration, percentile};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 380.0;
const FRAME: Room = Room { left: 58.0, top: 24.0, right: WIDTH - 130.0, bottom: HEIGHT - 38.0 };

/// Lines that have a colour of their own; more could not be told apart.
const COLOURS: usize = 7;

/// Nothing if the run has no latency.
pub(super) fn section(view: &View) -> Markup {
    let input = &view.input;
    let Some(plan) = &input.provenance.plan.latency else { return html! {} };
    let case = |group: &Group, title: &str| Case::of(view, group, plan).draw(view, title);
    let rate = millions(plan.rate_ops_s);
    let body = html! {
        p { "Response time: operations are due at a rate (" (plan.arrivals) " arrivals), whether the map is ready or not, and each counts from the time when it was due, so that a stall is charged to every operation that it delays. The chart is at " (rate) " operations a second over all threads, the same for every map; the table has shares of what each map did in a closed loop with every operation timed as well. Saturated: the map did not keep up, and how long operations take then depends on how long one looks. Service time: from an operation's start to its end in a closed loop, some of the operations; never to be mixed with the other. Pauses: the time from the end of one read of the first thread to the end of its next, while the other threads do something else; with more threads than cores a thread that holds a lock or a guard may be descheduled." }
        @if let Some(clock) = &input.provenance.host.clock {
            p.hint { "Clock: " (clock.source.as_deref().unwrap_or("unknown source")) ", one look takes " (clock.look_ns) " ns, which every response time includes; " (clock.drift_ppb) " thousand millionths faster than the raw counter. Values are right to a hundredth. A percentile with fewer than 100 samples above it is not shown." }
        }
        (view.cases(case))
    };
    view.section("latency", "Latency", &body)
}

/// `1.00 M`
fn millions(ops_s: u64) -> String {
    format!("{} M", format::rate(ops_s))
}

struct Row<'a> {
    strategy: &'a str,
    /// An entry for each of what the plan asks for.
    tails: Vec<Option<Tail>>,
}

impl Row<'_> {
    /// At the rate that is the same for all: the last that is asked for.
    fn common(&self) -> Option<&Tail> {
        self.tails.last()?.as_ref()
    }

    fn p99(&self) -> u64 {
        let times = self.common().and_then(Tail::times);
        times.and_then(|times| times.percentile_ns(Percentile::P99)).unwrap_or(u64::MAX)
    }
}

/// What the other threads do, as rows name it and as readers read it.
const BESIDE: [(&str, &str); 3] =
    [("write", "the others write"), ("iterate", "the others iterate"), ("grow", "the others grow the map")];

/// The maps of a group that were measured, the shortest 99th percentile first.
struct Case<'a> {
    asked: Vec<Asked>,
    rows: Vec<Row<'a>>,
    /// The pauses of each map, in the order of [`BESIDE`].
    pauses: Vec<(&'a str, [Option<Tail>; BESIDE.len()])>,
    rate_ops_s: u64,
}

impl<'a> Case<'a> {
    fn of(view: &'a View, group: &Group, plan: &LatencyPlan) -> Self {
        let input = &view.input;
        let asked = Asked::of(&input.provenance.plan);
        let own: Vec<_> = input.beside.latency.iter().filter(|row| row.group() == *group).cloned().collect();
        let row = |strategy: &'a String| {
            let tails: Vec<_> = asked.iter().map(|asked| Tail::of(&own, group, strategy, *asked)).collect();
            tails.iter().any(Option::is_some).then_some(Row { strategy, tails })
        };
        let mut rows: Vec<Row> = input.provenance.plan.strategies.iter().filter_map(row).collect();
        rows.sort_by_key(Row::p99);
        let pauses = input.provenance.plan.strategies.iter().map(|strategy| {
            let tails = BESIDE.map(|(beside, _)| Tail::of(&own, group, strategy, Asked::Pause(beside)));
            (strategy.as_str(), tails)
        });
        let pauses = pauses.filter(|(_, tails)| tails.iter().any(Option::is_some)).collect();
        Self { asked, rows, pauses, rate_ops_s: plan.rate_ops_s }
    }

    fn draw(&self, view: &View, title: &str) -> Markup {
        let lines: Vec<Line> = self.rows.iter().filter_map(Line::of).collect();
        let saturated: Vec<&str> = self
            .rows
            .iter()
            .filter(|row| matches!(row.common(), Some(Tail::Saturated)))
            .map(|row| row.strategy)
            .collect();
        html! {
            figure.latency {
                figcaption { (title) ", at " (millions(self.rate_ops_s)) " operations a second" }
                @if let Some(axes) = Axes::of(&lines) { (axes.chart(&lines, title, &view.name(&format!("Chart: latency, {title}")))) }
                @else { p.hint { "No map has a percentile to draw at this rate." } }
                @if !saturated.is_empty() { p.hint { "Saturated at this rate: " (format::and(&saturated)) "." } }
            }
            @if !self.rows.is_empty() { details open { summary { "Percentiles" } (view.scroll(&format!("latency, {title}"), &self.table())) } }
            @if !self.pauses.is_empty() { details open { summary { "Pauses of a reader" } (view.scroll(&format!("pauses, {title}"), &self.pause_table())) } }
        }
    }

    fn table(&self) -> Markup {
        html! {
            table.tails {
                thead {
                    tr {
                        th rowspan="2" scope="col" { "strategy" }
                        th.n colspan="4" scope="colgroup" { "response at " (millions(self.rate_ops_s)) " ops/s" }
                        th.n colspan=(self.asked.len().saturating_sub(2)) scope="colgroup" { "response, 99 % below, at a load of" }
                        th.n colspan="4" scope="colgroup" { "service" }
                    }
                    tr {
                        @for column in ["50 %", "99 %", "99.9 %", "longest"] { th.n scope="col" { (column) } }
                        @for asked in &self.asked { @if let Asked::Share(load) = asked { th.n scope="col" { (load) " %" } } }
                        @for column in ["50 %", "99 %", "99.9 %", "longest"] { th.n scope="col" { (column) } }
                    }
                }
                tbody {
                    @for row in &self.rows {
                        tr {
                            th scope="row" { (row.strategy) }
                            (four(row.common()))
                            @for (asked, tail) in self.asked.iter().zip(&row.tails) { @if let Asked::Share(_) = asked { (p99(tail.as_ref())) } }
                            (four(row.tails.first().and_then(Option::as_ref)))
                        }
                    }
                }
            }
        }
    }
}

impl Case<'_> {
    fn pause_table(&self) -> Markup {
        html! {
            table.tails {
                thead {
                    tr {
                        th rowspan="2" scope="col" { "strategy" }
                        @for (_, beside) in BESIDE { th.n colspan="2" scope="colgroup" { (beside) } }
                    }
                    tr { @for _ in BESIDE { th.n scope="col" { "99.9 %" } th.n scope="col" { "longest" } } }
                }
                tbody {
                    @for (strategy, tails) in &self.pauses {
                        tr {
                            th scope="row" { (strategy) }
                            @for tail in tails {
                                @if let Some(Tail::Times(times)) = tail {
                                    td.n { (percentile(times, Percentile::P99_9)) }
                                    td.n { (times.max_ns().map_or_else(|| "–".to_owned(), duration)) }
                                } @else { td colspan="2" { (unmeasured(tail.as_ref())) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Median, 99th and 99.9th percentile and the longest.
fn four(tail: Option<&Tail>) -> Markup {
    let [p50, _, p99, p99_9, ..] = Percentile::ALL;
    match tail {
        Some(Tail::Times(times)) => html! {
            @for shown in [p50, p99, p99_9] { td.n { (percentile(times, shown)) } }
            td.n { (times.max_ns().map_or_else(|| "–".to_owned(), duration)) }
        },
        other => html! { td colspan="4" { (unmeasured(other)) } },
    }
}

fn p99(tail: Option<&Tail>) -> Markup {
    match tail {
        Some(Tail::Times(times)) => html! { td.n { (percentile(times, Percentile::P99)) } },
        other => html! { td.n { (unmeasured(other)) } },
    }
}

fn unmeasured(tail: Option<&Tail>) -> String {
    match tail {
        Some(Tail::Saturated) => "saturated".to_owned(),
        Some(Tail::Failed(status, message)) => format!("{}: {message}", format::status(*status)),
        Some(Tail::Times(_)) | None => "–".to_owned(),
    }
}

/// A map's curve at the rate that is the same for all.
struct Line<'a> {
    strategy: &'a str,
    points: Vec<(f64, f64)>,
}

impl<'a> Line<'a> {
    fn of(row: &'a Row) -> Option<Self> {
        let points = curve(row.common()?.times()?);
        (points.len() > 1).then_some(Self { strategy: row.strategy, points })
    }
}

/// Logarithmic both ways: rarity to the right, nanoseconds upwards.
struct Axes {
    rarest: f64,
    ns: (f64, f64),
}

impl Axes {
    fn of(lines: &[Line]) -> Option<Self> {
        let points = || lines.iter().flat_map(|line| &line.points);
        let rarest = points().map(|(rarity, _)| *rarity).max_by(f64::total_cmp)?.max(10.0);
        let low = points().map(|(_, ns)| *ns).min_by(f64::total_cmp)?;
        let high = points().map(|(_, ns)| *ns).max_by(f64::total_cmp)?;
        Some(Self { rarest, ns: (low / 1.2, high * 1.2) })
    }

    fn x(&self, rarity: f64) -> f64 {
        FRAME.left + rarity.ln() / self.rarest.ln() * (FRAME.right - FRAME.left)
    }

    fn y(&self, ns: f64) -> f64 {
        let (low, high) = self.ns;
        FRAME.bottom - (ns / low).ln() / (high / low).ln() * (FRAME.bottom - FRAME.top)
    }

    fn chart(&self, lines: &[Line], title: &str, region: &str) -> Markup {
        let ends: Vec<(f64, f64)> = lines
            .iter()
            .take(COLOURS)
            .filter_map(|line| line.points.last())
            .map(|(rarity, ns)| (self.x(*rarity), self.y(*ns)))
            .collect();
        let names: Vec<&str> = lines.iter().take(COLOURS).map(|line| line.strategy).collect();
        let room = Room { left: FRAME.left, top: FRAME.top, right: WIDTH - 2.0, bottom: FRAME.bottom };
        let found = labels(&ends, &names, room);
        let label = format!("Percentiles of the response time, {title}; the table below has the numbers");
        html! {
            div.scroll.chart tabindex="0" role="region" aria-label=(region) {
                svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(label) {
                    @for mark in log_marks(self.ns.0, self.ns.1) {
                        @let y = px(self.y(mark));
                        line.grid x1=(FRAME.left) x2=(FRAME.right) y1=(y) y2=(y) {}
                        text x=(FRAME.left - 5.0) y=(px(self.y(mark) + 4.0)) text-anchor="end" { (axis_duration(mark)) }
                    }
                    @for nines in 0..=self.rarest.log10().floor() as i32 {
                        @let x = px(self.x(10_f64.powi(nines)));
                        line.grid x1=(x) x2=(x) y1=(FRAME.top) y2=(FRAME.bottom) {}
                        text x=(x) y=(FRAME.bottom + 15.0) text-anchor="middle" { (nine(nines)) }
                    }
                    text x=(px((FRAME.left + FRAME.right) / 2.0)) y=(HEIGHT - 6.0) text-anchor="middle" { "so many of the operations are answered within" }
                    text x="4" y="13" { "response time" }
                    // The first are drawn last, over the others.
                    @for (place, line) in lines.iter().enumerate().rev() {
                        g class=(if place < COLOURS { format!("c{place}") } else { "other".to_owned() }) {
                            title { (line.strategy) }
                            polyline points=(self.path(line)) {}
                        }
                    }
                    @for ((place, (name, end)), label) in names.iter().zip(&ends).enumerate().zip(&found) {
                        @if let Some(label) = label {
                            g class=(format!("c{place}")) {
                                @if let Some((x, y)) = label.leader { line.lead x1=(px(end.0)) y1=(px(end.1)) x2=(px(x)) y2=(px(y)) {} }
                                text.label x=(px(label.room.left)) y=(px(label.room.bottom - 2.5)) { (name) }
                            }
                        }
                    }
                }
            }
        }
    }

    fn path(&self, line: &Line) -> String {
        let point = |(rarity, ns): &(f64, f64)| format!("{},{}", px(self.x(*rarity)), px(self.y(*ns)));
        line.points.iter().map(point).collect::<Vec<_>>().join(" ")
    }
}

/// `0 %`, `90 %`, `99.9 %`
fn nine(nines: i32) -> String {
    match nines {
        0 => "0 %".to_owned(),
        1 => "90 %".to_owned(),
        2 => "99 %".to_owned(),
        more => format!("99.{} %", "9".repeat(more as usize - 2)),
    }
}

/// A mark's duration, without zeros that say nothing.
fn axis_duration(ns: f64) -> String {
    let (scale, unit) = match ns {
        ..1e3 => (1.0, "ns"),
        ..1e6 => (1e3, "µs"),
        ..1e9 => (1e6, "ms"),
        _ => (1e9, "s"),
    };
    format!("{} {unit}", (ns / scale * 1e3).round() / 1e3)
}

#[cfg(test)]
mod tests {
    use super::{axis_duration, nine, section};
    use crate::page::View;
    use crate::testing::{latency_plan, plan, provenance, response, with};
    use mapbench_results::{Latency, LatencyKind};

    #[test]
    fn a_run_without_latency_has_no_section() {
        with(&provenance(plan(&["a"])), |input| assert_eq!(section(&View::alone(*input)).into_string(), ""));
    }

    #[test]
    fn maps_stand_by_their_tails_and_saturation_is_said() {
        let provenance =
            provenance(mapbench_results::Plan { latency: Some(latency_plan()), ..plan(&["slow", "quick", "full"]) });
        let slow = response("slow", 0, &[(2_000, 98_000), (900_000, 2_000)]);
        let quick = response("quick", 0, &[(500, 100_000)]);
        let full = Latency {
            saturated: true,
            p50_ns: None,
            p90_ns: None,
            p99_ns: None,
            p99_9_ns: None,
            ..response("full", 0, &[(9, 1)])
        };
        let service = |row: &Latency| Latency {
            kind: LatencyKind::ServiceTime,
            rate_ops_s: None,
            ..response(&row.strategy, 0, &[(250, 100_000)])
        };
        let pause = Latency {
            kind: LatencyKind::Pause,
            operation: "iterate".to_owned(),
            rate_ops_s: None,
            ..response("slow", 0, &[(300, 100_000), (7_000_000, 1)])
        };
        let rows = [slow.clone(), quick.clone(), full, service(&slow), service(&quick), pause];
        with(&provenance, |input| {
            let beside = crate::Beside { latency: &rows, ..crate::Beside::default() };
            let page = section(&View::alone(crate::Input { beside, ..*input })).into_string();
            let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} is missing: {page}"));
            assert!(place("<th scope=\"row\">quick") < place("<th scope=\"row\">slow"), "{page}");
            assert!(page.contains("Saturated at this rate: full."), "{page}");
            assert!(page.contains("<td colspan=\"4\">saturated</td>"), "{page}");
            assert!(page.contains("<title>quick</title>") && !page.contains("<title>full</title>"));
            assert!(page.contains("at 1.00 M operations a second"), "{page}");
            assert!(page.contains("<td class=\"n\">301 ns</td><td class=\"n\">7.01 ms</td>"), "{page}");
            // 99 % below: the last two hundredths are slow.
            assert!(
                page.contains("<th scope=\"row\">slow</th><td class=\"n\">2.01 µs</td><td class=\"n\">90"),
                "{page}"
            );
        });
    }

    #[test]
    fn marks_read_as_durations_and_nines() {
        assert_eq!([200.0, 1_000.0, 5e6, 2e9].map(axis_duration), ["200 ns", "1 µs", "5 ms", "2 s"]);
        assert_eq!([0, 1, 2, 3, 5].map(nine), ["0 %", "90 %", "99 %", "99.9 %", "99.999 %"]);
    }
}
