//! Throughput against threads, a panel a share of reads.

use mapbench_results::{Cell, Group, Percent, Status};
use maud::{Markup, html};

use super::View;
use super::axis::{self, power_of_ten, px, round_above, round_below};
use super::looks::{self, COLOURS, Looks};
use super::place::{self, Room};
use crate::{Input, LIMITS, format};

const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 40.0;
const RIGHT: f64 = 122.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 36.0;

/// Nothing if no panel has more than one number of threads: the ratios and the table say what a dot would.
pub(super) fn section(view: &View) -> Markup {
    let input = &view.input;
    let mut panels: Vec<(&str, Percent)> = Vec::new();
    for group in &input.provenance.plan.groups {
        let panel = (group.workload.as_str(), group.read_pct);
        if !panels.contains(&panel) {
            panels.push(panel);
        }
    }
    let several = |(workload, read_pct): &(&str, Percent)| Panel::of(input, workload, *read_pct).threads.len() > 1;
    panels.retain(several);
    if panels.is_empty() {
        return html! {};
    }
    let body = html! {
        p { "Million operations a second; bands are 95 % intervals over processes, and include what the machine did in those minutes: maps are compared by the ratios above. Dashed and upright: the number of cores. Dotted: as many times the fastest single thread as there are threads. Coloured alike in all charts: the strategies that rank first over all cells; in the colour of this text, a leader of the panel that is not among them; the others are grey, and named on hover." }
        // The style sheet shows the charts of the scale that is chosen here: no script is needed.
        label.switch { input type="checkbox" name=(view.id("scale")) value="linear" autocomplete="off"; "Linear scale" }
        div.panels {
            @for (workload, read_pct) in panels {
                figure {
                    figcaption { (super::mix(input, workload, read_pct)) }
                    (Panel::of(input, workload, read_pct).draw(input.provenance.host.cores, &view.looks))
                }
            }
        }
    };
    view.section("lines", "Throughput against threads", &body)
}

/// A strategy's measured cells of a panel, by threads.
struct Line<'a> {
    strategy: &'a str,
    cells: Vec<(&'a Cell, f64)>,
}

struct Panel<'a> {
    threads: Vec<u32>,
    lines: Vec<Line<'a>>,
    read_pct: Percent,
}

impl<'a> Panel<'a> {
    fn of(input: &'a Input, workload: &str, read_pct: Percent) -> Self {
        let plan = &input.provenance.plan;
        let in_panel = |group: &&Group| group.workload == workload && group.read_pct == read_pct;
        let mut threads: Vec<u32> = plan.groups.iter().filter(in_panel).map(|group| group.threads).collect();
        threads.sort_unstable();
        let line = |strategy: &'a String| {
            let mut cells: Vec<(&Cell, f64)> = input
                .cells
                .iter()
                .filter(|cell| cell.strategy == *strategy && cell.workload == workload && cell.read_pct == read_pct)
                .filter(|cell| cell.status == Status::Ok)
                .filter_map(|cell| Some((cell, cell.throughput_ops_s.filter(|rate| *rate > 0)? as f64)))
                .collect();
            cells.sort_by_key(|(cell, _)| cell.threads);
            Line { strategy, cells }
        };
        let lines = plan.strategies.iter().map(line).filter(|line| !line.cells.is_empty()).collect();
        Self { threads, lines, read_pct }
    }

    /// The panel on either scale.
    fn draw(&self, cores: u32, looks: &Looks) -> Markup {
        let styled: Vec<(Style, &Line)> =
            self.lines.iter().map(|line| (self.style(line, cores, looks), line)).collect();
        let (Some(log), Some(linear)) = (Scale::log(&self.threads, &styled), Scale::linear(&self.threads, &styled))
        else {
            return html! { p.hint { "Nothing was measured." } };
        };
        let below: Vec<&str> = self
            .lines
            .iter()
            .filter(|line| line.cells.iter().all(|(_, rate)| *rate < log.low))
            .map(|line| line.strategy)
            .collect();
        html! {
            (self.chart(&log, &styled, cores))
            @if !below.is_empty() { p.hint.log { "Slower, below the frame: " (format::and(&below)) "." } }
            (self.chart(&linear, &styled, cores))
        }
    }

    fn chart(&self, scale: &Scale, styled: &[(Style, &Line)], cores: u32) -> Markup {
        let label = format!(
            "Throughput against threads at {} % reads, {} scale; the table of all cells has the numbers",
            self.read_pct,
            scale.kind.name()
        );
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        let frame = format!("{LEFT} {TOP} {} {}", right - LEFT, bottom - TOP);
        let room = Room { left: LEFT, top: TOP, right, bottom };
        let ticks: Vec<_> = scale.ticks().into_iter().map(|tick| (scale.y(tick), millions(tick))).collect();
        let starred = |threads: u32| format!("{threads}{}", if threads > cores { "*" } else { "" });
        let threads: Vec<_> = self.threads.iter().map(|threads| (scale.x(*threads), starred(*threads))).collect();
        html! {
            svg class=(scale.kind.name()) viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(label) {
                (axis::across(room, &ticks))
                (axis::below(bottom + 16.0, &threads))
                text x=(px((LEFT + right) / 2.0)) y=(HEIGHT - 4.0) text-anchor="middle" { "threads" }
                @if self.threads.contains(&cores) {
                    @let x = px(scale.x(cores));
                    line.cores x1=(x) x2=(x) y1=(TOP) y2=(bottom) {}
                }
                // What leaves the frame is cut by it; half a mark may stand over its sides.
                svg.frame x=(LEFT) y=(TOP) width=(right - LEFT) height=(bottom - TOP) viewBox=(frame) {
                    @if let Some(ideal) = self.ideal(cores) { polyline.ideal points=(path(scale, &ideal)) {} }
                    @for (style, line) in by_weight(styled) {
                        g class=(style.class()) {
                            title { (line.strategy) }
                            @if *style != Style::Other { (band(scale, line)) }
                            polyline points=(path(scale, &line.points())) {}
                            // Of many grey dots none could be told from the next; a line of one point is nothing but its dot.
                            @if *style != Style::Other || line.cells.len() == 1 {
                                @for (threads, rate) in line.points() { circle cx=(px(scale.x(threads))) cy=(px(scale.y(rate))) {} }
                            }
                        }
                    }
                }
                @for (style, strategy, y) in labels(scale, styled) {
                    text class=(format!("label {}", style.class())) x=(right + 6.0) y=(px(y)) { (strategy) }
                }
            }
        }
    }

    fn style(&self, line: &Line, cores: u32, looks: &Looks) -> Style {
        let most = self.threads.iter().copied().filter(|threads| *threads <= cores).max();
        let leads = |(cell, _): &(&Cell, f64)| Some(cell.threads) == most && cell.slowdown == Some(1.0);
        match looks.place(line.strategy) {
            _ if LIMITS.contains(&line.strategy) => Style::Other,
            Some(place) if place < COLOURS => Style::Colour(place),
            _ if line.cells.iter().any(leads) => Style::Leader,
            _ => Style::Other,
        }
    }

    /// As many times the fastest single thread as there are threads, up to the cores: beyond them nothing can follow.
    fn ideal(&self, cores: u32) -> Option<Vec<(u32, f64)>> {
        let contenders = self.lines.iter().filter(|line| !LIMITS.contains(&line.strategy));
        let single = contenders.flat_map(|line| &line.cells).filter(|(cell, _)| cell.threads == 1);
        let fastest = single.map(|(_, rate)| *rate).max_by(f64::total_cmp)?;
        Some(
            self.threads
                .iter()
                .filter(|threads| **threads <= cores)
                .map(|threads| (*threads, fastest * f64::from(*threads)))
                .collect(),
        )
    }
}

impl Line<'_> {
    fn points(&self) -> Vec<(u32, f64)> {
        self.cells.iter().map(|(cell, rate)| (cell.threads, *rate)).collect()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Colour(usize),
    Leader,
    Other,
}

impl Style {
    fn class(self) -> String {
        match self {
            Style::Colour(place) => looks::class(place),
            Style::Leader => "leader".to_owned(),
            Style::Other => "other".to_owned(),
        }
    }
}

/// Grey first, the first of the rank last: above all.
fn by_weight<'s, 'a>(styled: &'s [(Style, &'a Line<'a>)]) -> Vec<&'s (Style, &'a Line<'a>)> {
    let mut sorted: Vec<_> = styled.iter().collect();
    sorted.sort_by_key(|(style, _)| match style {
        Style::Other => (0, 0),
        Style::Colour(place) => (1, usize::MAX - place),
        Style::Leader => (2, 0),
    });
    sorted
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Log,
    Linear,
}

impl Kind {
    /// As the style sheet and a reader know it.
    fn name(self) -> &'static str {
        match self {
            Kind::Log => "log",
            Kind::Linear => "linear",
        }
    }
}

struct Scale<'a> {
    threads: &'a [u32],
    kind: Kind,
    low: f64,
    high: f64,
}

impl<'a> Scale<'a> {
    /// High enough for all lines, low enough for those that are told apart: a map that clones itself at every write is
    /// thousands of times slower, and would leave the others no room.
    fn log(threads: &'a [u32], styled: &[(Style, &Line)]) -> Option<Self> {
        let told_apart = styled.iter().filter(|(style, _)| *style != Style::Other).map(|(_, line)| *line);
        let low = rates(told_apart).min_by(f64::total_cmp).or_else(|| rates(lines(styled)).min_by(f64::total_cmp))?;
        let high = rates(lines(styled)).max_by(f64::total_cmp)?;
        let low = round_below(low);
        // A frame has a height, also if all that is in it is one round number.
        Some(Self { threads, kind: Kind::Log, low, high: round_above(high).max(round_above(low * 1.01)) })
    }

    /// From nothing, so that heights are proportions.
    fn linear(threads: &'a [u32], styled: &[(Style, &Line)]) -> Option<Self> {
        let high = rates(lines(styled)).max_by(f64::total_cmp)?;
        let step = linear_step(high);
        Some(Self { threads, kind: Kind::Linear, low: 0.0, high: (high / step * 0.999).ceil() * step })
    }

    /// Thread counts stand at equal distances, as they double.
    fn x(&self, threads: u32) -> f64 {
        let place = self.threads.iter().position(|t| *t == threads).unwrap_or(0) as f64;
        let last = self.threads.len().max(2) - 1;
        // Room for a whole mark at either end.
        LEFT + 4.0 + place / last as f64 * (WIDTH - LEFT - RIGHT - 8.0)
    }

    fn y(&self, rate: f64) -> f64 {
        let share = match self.kind {
            Kind::Log => (rate.max(1.0) / self.low).ln() / (self.high / self.low).ln(),
            Kind::Linear => rate / self.high,
        };
        HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
    }

    fn ticks(&self) -> Vec<f64> {
        match self.kind {
            Kind::Log => self.log_ticks(),
            Kind::Linear => {
                let step = linear_step(self.high);
                (0..).map(|place| f64::from(place) * step).take_while(|tick| *tick <= self.high * 1.001).collect()
            }
        }
    }

    /// All of 1, 2 and 5 times a power of ten within the frame; powers of ten alone where those would crowd.
    fn log_ticks(&self) -> Vec<f64> {
        let mut ticks = vec![self.low];
        while let Some(last) = ticks.last().copied().filter(|last| *last < self.high * 0.99) {
            ticks.push(round_above(last * 1.01));
        }
        if ticks.len() > 10 {
            ticks.retain(|tick| power_of_ten(*tick) > tick * 0.99);
        }
        ticks
    }
}

fn lines<'s, 'a>(styled: &'s [(Style, &'a Line<'a>)]) -> impl Iterator<Item = &'a Line<'a>> + 's {
    styled.iter().map(|(_, line)| *line)
}

fn rates<'a>(lines: impl Iterator<Item = &'a Line<'a>>) -> impl Iterator<Item = f64> {
    lines.flat_map(|line| &line.cells).map(|(_, rate)| *rate)
}

/// Six steps or fewer to `high`; the same for what it is rounded up to.
fn linear_step(high: f64) -> f64 {
    round_above(high / 6.0)
}

fn path(scale: &Scale, points: &[(u32, f64)]) -> String {
    let points: Vec<String> =
        points.iter().map(|(threads, rate)| format!("{},{}", px(scale.x(*threads)), px(scale.y(*rate)))).collect();
    points.join(" ")
}

fn band(scale: &Scale, line: &Line) -> Markup {
    let edge = |cell: &Cell, rate: Option<u64>| Some((cell.threads, rate? as f64));
    let mut edges: Vec<(u32, f64)> =
        line.cells.iter().filter_map(|(cell, _)| edge(cell, cell.throughput_high_ops_s)).collect();
    edges.extend(line.cells.iter().rev().filter_map(|(cell, _)| edge(cell, cell.throughput_low_ops_s)));
    html! { @if edges.len() > 3 { polygon points=(path(scale, &edges)) {} } }
}

/// Labels beside the ends of the lines, moved apart until none covers another.
fn labels<'a>(scale: &Scale, styled: &[(Style, &'a Line<'a>)]) -> Vec<(Style, &'a str, f64)> {
    let mut labels: Vec<(Style, &str, f64)> = styled
        .iter()
        .filter(|(style, _)| *style != Style::Other)
        .filter_map(|(style, line)| Some((*style, line.strategy, scale.y(line.cells.last()?.1) + 4.0)))
        .collect();
    labels.sort_by(|a, b| a.2.total_cmp(&b.2));
    let mut heights: Vec<f64> = labels.iter().map(|label| label.2).collect();
    place::apart(&mut heights, HEIGHT - BOTTOM + 4.0);
    labels.iter_mut().zip(heights).for_each(|(label, height)| label.2 = height);
    labels
}

/// Operations per second as the axis shows them: in millions, without zeros that say nothing.
fn millions(ops_s: f64) -> String {
    format!("{}", (ops_s / 1e6 * 1e6).round() / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(low: f64, high: f64) -> Scale<'static> {
        Scale { threads: &[1, 2, 4], kind: Kind::Log, low: round_below(low), high: round_above(high) }
    }

    fn linear(high: f64) -> Scale<'static> {
        let mut cell = crate::summarise(&crate::testing::plan(&["a"]), 2, &[]).remove(0);
        cell.threads = 4;
        Scale::linear(&[1, 2, 4], &[(Style::Other, &Line { strategy: "a", cells: vec![(&cell, high)] })]).unwrap()
    }

    #[test]
    fn frames_end_at_round_numbers() {
        let frame = scale(3.2e6, 131e6);
        assert!((frame.low / 2e6 - 1.0).abs() < 1e-9 && (frame.high / 2e8 - 1.0).abs() < 1e-9);
        for exact in [1e3, 2e5, 5e6, 1e9] {
            assert!((round_above(exact) / exact - 1.0).abs() < 1e-9 && (round_below(exact) / exact - 1.0).abs() < 1e-9);
        }
        assert!((frame.y(frame.low) - (HEIGHT - BOTTOM)).abs() < 1e-9 && (frame.y(frame.high) - TOP).abs() < 1e-9);
    }

    #[test]
    fn ticks_are_round_and_few() {
        let shown = |low, high| scale(low, high).ticks().into_iter().map(millions).collect::<Vec<_>>();
        assert_eq!(shown(3.2e6, 131e6), ["2", "5", "10", "20", "50", "100", "200"]);
        assert_eq!(shown(1.1e4, 131e6), ["0.01", "0.1", "1", "10", "100"]);
    }

    #[test]
    fn a_linear_scale_begins_at_nothing_and_its_heights_are_proportions() {
        let frame = linear(131e6);
        assert_eq!(frame.ticks().into_iter().map(millions).collect::<Vec<_>>(), ["0", "50", "100", "150"]);
        assert!((frame.y(0.0) - (HEIGHT - BOTTOM)).abs() < 1e-9 && (frame.y(frame.high) - TOP).abs() < 1e-9);
        assert!((frame.y(0.0) - frame.y(1e8) - 2.0 * (frame.y(0.0) - frame.y(5e7))).abs() < 1e-9);
        for exponent in 0..200 {
            let high = 1.07_f64.powi(exponent) * 1e4;
            let frame = linear(high);
            let ticks = frame.ticks();
            assert!((4..=7).contains(&ticks.len()), "{} ticks to {high}", ticks.len());
            assert!(frame.high >= high * 0.998 && (ticks.last().unwrap() / frame.high - 1.0).abs() < 1e-6, "{high}");
        }
    }

    #[test]
    fn labels_do_not_cover_each_other() {
        let mut cell = crate::summarise(&crate::testing::plan(&["a"]), 2, &[]).remove(0);
        cell.threads = 4;
        for rate in [2e6, 2e8] {
            let lines: Vec<Line> = (0..7).map(|_| Line { strategy: "a", cells: vec![(&cell, rate)] }).collect();
            let styled: Vec<(Style, &Line)> =
                lines.iter().enumerate().map(|(place, line)| (Style::Colour(place), line)).collect();
            let places: Vec<f64> = labels(&scale(2e6, 2e8), &styled).iter().map(|label| label.2).collect();
            assert!(places.windows(2).all(|pair| pair[1] - pair[0] > 12.9), "{places:?}");
            assert!(places.iter().all(|y| (TOP..=HEIGHT - BOTTOM + 4.0).contains(y)), "{places:?}");
        }
    }
}
