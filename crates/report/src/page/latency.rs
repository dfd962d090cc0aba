//! How long operations take: percentiles of a map's response times at a load, and its service times.

use mapbench_results::Group;
use maud::{Markup, html};

use super::View;
use super::axis::{self, across, log_marks, px, upright};
use super::looks::{COLOURS, Looks};
use super::place::{Room, labels};
use crate::format;
use crate::latency::curve;
use crate::tails::{BESIDE, FOUR, MapTails, Tails, four, millions, p99, pause};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 380.0;
const FRAME: Room = Room { left: 58.0, top: 24.0, right: WIDTH - 130.0, bottom: HEIGHT - 38.0 };

/// How far a line that has a colour may stray from its curve, and one that has none, in units of the drawing.
const FINE: f64 = 0.5;
const COARSE: f64 = 2.0;

/// Nothing if the run has no latency.
pub(super) fn section(view: &View) -> Markup {
    let input = &view.input;
    let Some(plan) = &input.provenance.plan.latency else { return html! {} };
    let case = |group: &Group, title: &str| {
        html! { @if let Some(tails) = Tails::of(input, group) { (draw(view, &tails, title)) } }
    };
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

fn draw(view: &View, tails: &Tails, title: &str) -> Markup {
    let lines: Vec<Line> = tails.maps.iter().filter_map(Line::of).collect();
    let (saturated, in_part) = (tails.saturated(), tails.in_part());
    html! {
        figure.latency {
            figcaption { (title) ", at " (millions(tails.rate_ops_s)) " operations a second" }
            @if let Some(axes) = Axes::of(&lines) { (axes.chart(&lines, &view.looks, title, &view.name(&format!("Chart: latency, {title}")))) }
            @else { p.hint { "No map has a percentile to draw at this rate." } }
            @if !saturated.is_empty() { p.hint { "Saturated at this rate: " (format::and(&saturated)) "." } }
            @if !in_part.is_empty() { p.hint { "In some forks, which their curves leave out: " (in_part.join(", ")) "." } }
        }
        @if !tails.maps.is_empty() { details open { summary { "Percentiles" } (view.scroll(&format!("latency, {title}"), &table(tails))) } }
        @if !tails.pauses.is_empty() { details open { summary { "Pauses of a reader" } (view.scroll(&format!("pauses, {title}"), &pause_table(tails))) } }
    }
}

fn table(tails: &Tails) -> Markup {
    html! {
        table.numbers {
            thead {
                tr {
                    th rowspan="2" scope="col" { "strategy" }
                    th colspan="4" scope="colgroup" { "response at " (millions(tails.rate_ops_s)) " ops/s" }
                    @if !tails.load_pct.is_empty() { th colspan=(tails.load_pct.len()) scope="colgroup" { "response, 99 % below, at a load of" } }
                    th colspan="4" scope="colgroup" { "service" }
                }
                tr {
                    @for column in FOUR { th scope="col" { (column) } }
                    @for load in tails.load_pct { th scope="col" { (load) " %" } }
                    @for column in FOUR { th scope="col" { (column) } }
                }
            }
            tbody {
                @for map in &tails.maps {
                    tr {
                        th scope="row" { (map.strategy) }
                        (cells(four(map.common())))
                        @for share in map.shares() { td { (p99(share)) } }
                        (cells(four(map.service())))
                    }
                }
            }
        }
    }
}

fn pause_table(tails: &Tails) -> Markup {
    html! {
        table.numbers {
            thead {
                tr {
                    th rowspan="2" scope="col" { "strategy" }
                    @for (_, beside) in BESIDE { th colspan="2" scope="colgroup" { (beside) } }
                }
                tr { @for _ in BESIDE { th scope="col" { "99.9 %" } th scope="col" { "longest" } } }
            }
            tbody {
                @for (strategy, pauses) in &tails.pauses {
                    tr {
                        th scope="row" { (strategy) }
                        @for tail in pauses { (cells(pause(tail.as_ref()))) }
                    }
                }
            }
        }
    }
}

/// Cells, or one as wide that says why there are none.
fn cells<const N: usize>(cells: Result<[String; N], String>) -> Markup {
    html! {
        @match cells {
            Ok(cells) => { @for cell in cells { td { (cell) } } }
            Err(reason) => { td.why colspan=(N) { (reason) } }
        }
    }
}

/// A map's curve at the rate that is the same for all.
struct Line<'a> {
    strategy: &'a str,
    /// What of its forks it leaves out.
    left_out: Option<String>,
    points: Vec<(f64, f64)>,
}

impl<'a> Line<'a> {
    fn of(map: &MapTails<'a>) -> Option<Self> {
        let tail = map.common()?;
        let points = curve(tail.times()?);
        (points.len() > 1).then(|| Self { strategy: map.strategy, left_out: tail.left_out(), points })
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

    fn chart(&self, lines: &[Line], looks: &Looks, title: &str, region: &str) -> Markup {
        let ends: Vec<(f64, f64)> = lines
            .iter()
            .take(COLOURS)
            .filter_map(|line| line.points.last())
            .map(|(rarity, ns)| (self.x(*rarity), self.y(*ns)))
            .collect();
        let names: Vec<&str> = lines.iter().take(COLOURS).map(|line| line.strategy).collect();
        let room = Room { left: FRAME.left, top: FRAME.top, right: WIDTH - 2.0, bottom: FRAME.bottom };
        let found = labels(&ends, &names, room);
        let heights = log_marks(self.ns.0, self.ns.1).into_iter().map(|mark| (self.y(mark), axis_duration(mark)));
        let nines = 0..=self.rarest.log10().floor() as i32;
        let places = nines.map(|nines| (self.x(10_f64.powi(nines)), nine(nines)));
        let (heights, places): (Vec<_>, Vec<_>) = (heights.collect(), places.collect());
        let label = format!("Percentiles of the response time, {title}; the table below has the numbers");
        html! {
            div.scroll.chart tabindex="0" role="region" aria-label=(region) {
                svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(label) {
                    (across(FRAME, &heights))
                    (upright(FRAME, &places))
                    text x=(px((FRAME.left + FRAME.right) / 2.0)) y=(HEIGHT - 6.0) text-anchor="middle" { "so many of the operations are answered within" }
                    text x="4" y="13" { "response time" }
                    // The first are drawn last, over the others.
                    @for (place, line) in lines.iter().enumerate().rev() {
                        g class=(if place < COLOURS { looks.class(line.strategy) } else { "other".to_owned() }) {
                            title { (line.strategy) @if let Some(left_out) = &line.left_out { ", " (left_out) } }
                            polyline points=(self.path(line, if place < COLOURS { FINE } else { COARSE })) {}
                        }
                    }
                    @for ((name, end), label) in names.iter().zip(&ends).zip(&found) {
                        @if let Some(label) = label {
                            g class=(looks.class(name)) {
                                @if let Some((x, y)) = label.leader { line.lead x1=(px(end.0)) y1=(px(end.1)) x2=(px(x)) y2=(px(y)) {} }
                                text.label x=(px(label.room.left)) y=(px(label.room.bottom - 2.5)) { (name) }
                            }
                        }
                    }
                }
            }
        }
    }

    fn path(&self, line: &Line, stray: f64) -> String {
        let points: Vec<_> = line.points.iter().map(|(rarity, ns)| (self.x(*rarity), self.y(*ns))).collect();
        axis::curve(&points, stray)
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
            assert!(page.contains("<td class=\"why\" colspan=\"4\">saturated</td>"), "{page}");
            assert!(page.contains("<title>quick</title>") && !page.contains("<title>full</title>"));
            assert!(page.contains("at 1.00 M operations a second"), "{page}");
            assert!(page.contains("<td>301 ns</td><td>7.01 ms</td>"), "{page}");
            // 99 % below: the last two hundredths are slow.
            assert!(page.contains("<th scope=\"row\">slow</th><td>2.01 µs</td><td>90"), "{page}");
        });
    }

    #[test]
    fn what_leaves_forks_out_says_so_in_the_table_and_by_the_chart() {
        use crate::testing::{in_part_and_whole, with_response};
        let page = |saturated| {
            with_response(&in_part_and_whole(saturated), |input| section(&View::alone(*input)).into_string())
        };
        for part in [
            "<td>2.01 µs (1 of 3 saturated)</td>",
            "which their curves leave out: part (1 of 3 saturated).",
            "<title>part, 1 of 3 saturated</title>",
        ] {
            assert!(page(true).contains(part), "{part} is missing: {}", page(true));
        }
        assert!(!page(false).contains("of 3 saturated"));
    }

    #[test]
    fn marks_read_as_durations_and_nines() {
        assert_eq!([200.0, 1_000.0, 5e6, 2e9].map(axis_duration), ["200 ns", "1 µs", "5 ms", "2 s"]);
        assert_eq!([0, 1, 2, 3, 5].map(nine), ["0 %", "90 %", "99 %", "99.9 %", "99.999 %"]);
    }
}
