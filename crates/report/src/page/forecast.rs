//! The page "beyond this machine": forecast curves, what was counted, and where.

use mapbench_results::{Contention, Expected, ForecastRun, Host, HotSpot};
use maud::{Markup, html};

use super::axis::{self, px, round_above, round_below};
use super::looks::{COLOURS, Looks};
use super::place::{self, Room};
use crate::forecast::{ABSENT, Mix, counted, hottest, is_false, lines, mixes};
use crate::format;

const WIDTH: f64 = 380.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 128.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 36.0;

/// Places that are shown of a cell.
const PLACES: usize = 4;

/// The page of a forecast that was made on `host`, with what is to be said of it beforehand: what is missing, and why.
#[must_use]
pub fn forecast_html(run: &ForecastRun, host: &Host, warnings: &[String]) -> String {
    let about = html! {
        @for warning in warnings { p { strong { "Warning: " } (warning) } }
        p { "Forecast from " (host.cpu) ", " (format::counted(host.cores, "core")) ": nothing on this page was measured on more cores than that." }
    };
    let looks = Looks::of(mixes(run).into_iter().flat_map(|mix| lines(run, mix)).map(|(strategy, _)| strategy));
    let main = html! {
        section aria-labelledby="curves" {
            h2 id="curves" { "Throughput on more cores" }
            p { "Million operations a second, on logarithmic scales. Every curve is a forecast, and dashed for that reason: the maps ran on virtual cores, each with a clock that goes by the time of an operation on one thread, measured here, and by the cache lines that it takes from other cores. Bands show what the spread of the measured inputs makes of it; how wrong the model itself may be, they do not show. The best on most cores are coloured, alike in all charts." }
            div.panels { @for mix in mixes(run) { figure { figcaption { (mix.0) ", " (mix.1) " % reads" } (panel(run, mix, &looks)) (twin(run, mix)) } } }
        }
        (counts(run))
        (places(run))
    };
    super::page("mapbench: beyond this machine", &about, &main)
}

struct Frame {
    cores: Vec<u32>,
    low: f64,
    high: f64,
}

impl Frame {
    fn x(&self, cores: u32) -> f64 {
        let place = self.cores.iter().position(|c| *c == cores).unwrap_or(0) as f64;
        LEFT + 4.0 + place / (self.cores.len().max(2) - 1) as f64 * (WIDTH - LEFT - RIGHT - 8.0)
    }

    fn y(&self, rate: f64) -> f64 {
        let share = (rate.max(1.0) / self.low).ln() / (self.high / self.low).ln();
        HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
    }

    fn path(&self, points: impl Iterator<Item = (u32, f64)>) -> String {
        let points: Vec<String> =
            points.map(|(cores, rate)| format!("{},{}", px(self.x(cores)), px(self.y(rate)))).collect();
        points.join(" ")
    }

    fn ticks(&self) -> Vec<f64> {
        let mut ticks = vec![self.low];
        while let Some(last) = ticks.last().copied().filter(|last| *last < self.high * 0.99) {
            ticks.push(round_above(last * 1.01));
        }
        let every = ticks.len().div_ceil(9);
        ticks.into_iter().step_by(every).collect()
    }
}

fn panel(run: &ForecastRun, mix: Mix, looks: &Looks) -> Markup {
    let lines = lines(run, mix);
    let mut cores: Vec<u32> = lines.iter().flat_map(|(_, rows)| rows.iter().map(|row| row.cores)).collect();
    cores.sort_unstable();
    cores.dedup();
    let rates = |some: usize| lines.iter().take(some).flat_map(|(_, rows)| rows.iter().map(|row| row.ops_s));
    let low = rates(COLOURS).fold(f64::INFINITY, f64::min);
    let high = rates(usize::MAX).fold(0.0, f64::max);
    if high <= 0.0 {
        return html! { p.hint { "Nothing was counted." } };
    }
    let low = round_below(low);
    let frame = Frame { cores, low, high: round_above(high).max(round_above(low * 1.01)) };
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let ticks = frame.ticks().into_iter().map(|tick| (frame.y(tick), format!("{}", tick.round() / 1e6)));
    let cores = frame.cores.iter().map(|cores| (frame.x(*cores), cores.to_string()));
    let (ticks, cores): (Vec<_>, Vec<_>) = (ticks.collect(), cores.collect());
    let label =
        format!("Forecast throughput against cores, {}, {} % reads; the table below has the numbers", mix.0, mix.1);
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(label) {
            (axis::across(Room { left: LEFT, top: TOP, right, bottom }, &ticks))
            (axis::below(bottom + 16.0, &cores))
            text x=(px((LEFT + right) / 2.0)) y=(HEIGHT - 4.0) text-anchor="middle" { "cores" }
            svg.frame x=(LEFT) y=(TOP) width=(right - LEFT) height=(bottom - TOP) viewBox=(format!("{LEFT} {TOP} {} {}", right - LEFT, bottom - TOP)) {
                @for (place, (strategy, rows)) in lines.iter().enumerate().rev() {
                    g class=(if place < COLOURS { format!("forecast {}", looks.class(strategy)) } else { "forecast other".to_owned() }) {
                        title { (strategy) }
                        @if place < COLOURS { polygon points=(band(&frame, rows)) {} }
                        polyline points=(frame.path(rows.iter().map(|row| (row.cores, row.ops_s)))) {}
                    }
                }
            }
            @for (strategy, y) in labels(&frame, &lines) {
                text class=(format!("label {}", looks.class(strategy))) x=(right + 6.0) y=(px(y)) { (strategy) }
            }
        }
    }
}

/// The curves of a panel as a table, in million operations a second.
fn twin(run: &ForecastRun, mix: Mix) -> Markup {
    let lines = lines(run, mix);
    let mut cores: Vec<u32> = lines.iter().flat_map(|(_, rows)| rows.iter().map(|row| row.cores)).collect();
    cores.sort_unstable();
    cores.dedup();
    let shown = |rows: &[&Expected], cores: u32| {
        let row = rows.iter().find(|row| row.cores == cores);
        row.map_or_else(|| ABSENT.to_owned(), |row| format::significant(row.ops_s / 1e6))
    };
    let name = format!("Table: forecast, {}, {} % reads", mix.0, mix.1);
    html! {
        details {
            summary { "The same as a table" }
            div.scroll tabindex="0" role="region" aria-label=(name) {
                table.numbers {
                    thead { tr { th scope="col" { "cores" } @for cores in &cores { th scope="col" { (cores) } } } }
                    tbody { @for (strategy, rows) in &lines { tr {
                        th scope="row" { (strategy) }
                        @for cores in &cores { td { (shown(rows, *cores)) } }
                    } } }
                }
            }
        }
    }
}

fn band(frame: &Frame, rows: &[&Expected]) -> String {
    let upper = rows.iter().map(|row| (row.cores, row.ops_s_high));
    let lower = rows.iter().rev().map(|row| (row.cores, row.ops_s_low));
    frame.path(upper.chain(lower))
}

/// Names beside the ends of the coloured curves, none over another.
fn labels<'a>(frame: &Frame, lines: &[(&'a str, Vec<&Expected>)]) -> Vec<(&'a str, f64)> {
    let ends = lines.iter().take(COLOURS);
    let mut labels: Vec<(&str, f64)> =
        ends.filter_map(|(strategy, rows)| Some((*strategy, frame.y(rows.last()?.ops_s) + 4.0))).collect();
    // The fastest come first, so they are in order from the top.
    let mut heights: Vec<f64> = labels.iter().map(|label| label.1).collect();
    place::apart(&mut heights, HEIGHT - BOTTOM + 4.0);
    labels.iter_mut().zip(heights).for_each(|(label, height)| label.1 = height);
    labels
}

/// The row of the most cores of each strategy, mix by mix.
fn largest(run: &ForecastRun) -> impl Iterator<Item = &Expected> {
    mixes(run).into_iter().flat_map(|mix| lines(run, mix)).filter_map(|(_, rows)| rows.last().copied())
}

fn counts(run: &ForecastRun) -> Markup {
    html! {
        section aria-labelledby="counts" {
            h2 id="counts" { "What an operation does to cache lines" }
            p { "Counted on the most virtual cores of each strategy; contention.csv has all of them, and each kind of operation by itself. A transfer is a read of a line that another core has modified, or a write to a line that others hold. The bound is what the busiest line admits where cores take turns at it, however many they are; no forecast is above it." }
            div.scroll tabindex="0" role="region" aria-label="Counts" {
                table {
                    thead { tr {
                        th scope="col" { "mix" } th scope="col" { "strategy" } th.n scope="col" { "cores" }
                        @for head in ["ns alone", "transfers", "of the busiest line", "reads of modified lines", "invalidating writes", "owner changes", "false sharing", "lines touched", "read-modify-writes", "fences", "allocator calls", "sleeps", "forecast Mop/s", "bound Mop/s"] { th.n scope="col" { (head) } }
                    } }
                    tbody { @for row in largest(run) { @if let Some(counted) = counted(run, row) { (count_row(row, counted)) } } }
                }
            }
        }
    }
}

fn count_row(row: &Expected, counted: &Contention) -> Markup {
    let each = |sum: u64| format::significant(counted.per_operation(sum));
    html! {
        tr {
            th scope="row" { (row.workload) ", " (row.read_pct) " % reads" } th scope="row" { (row.strategy) @if !counted.steady { " (not steady)" } } td.n { (row.cores) }
            td.n { (format::significant(row.single_ns)) }
            td.n { (format::significant(row.transfers)) } td.n { (format::significant(row.busiest_line)) }
            @for sum in [counted.reads_modified, counted.invalidating_writes, counted.owner_changes, counted.false_sharing, counted.lines, counted.modifies, counted.fences, counted.allocator_calls, counted.sleeps] { td.n { (each(sum)) } }
            td.n { (format::significant(row.ops_s / 1e6)) }
            td.n { (row.bound_ops_s.map_or_else(|| "none".to_owned(), |bound| format::significant(bound / 1e6))) }
        }
    }
}

fn places(run: &ForecastRun) -> Markup {
    html! {
        section aria-labelledby="places" {
            h2 id="places" { "Where lines are transferred" }
            p { "The places in the sources that transfer most, on the most virtual cores. False sharing: most transfers share no word with what the other core wrote." }
            div.scroll tabindex="0" role="region" aria-label="Places" {
                table {
                    thead { tr {
                        th scope="col" { "mix" } th scope="col" { "strategy" } th scope="col" { "operation" }
                        th.n scope="col" { "transfers each" } th.n scope="col" { "lines" } th scope="col" { "function" } th scope="col" { "source" } th scope="col" { "called from" }
                    } }
                    tbody { @for row in largest(run) { @for spot in hottest(run, row).into_iter().take(PLACES) { (place_row(spot)) } } }
                }
            }
        }
    }
}

fn place_row(spot: &HotSpot) -> Markup {
    let each = if spot.operations == 0 { 0.0 } else { spot.transfers() as f64 / spot.operations as f64 };
    html! {
        tr {
            th scope="row" { (spot.workload) ", " (spot.read_pct) " % reads" } th scope="row" { (spot.strategy) } td { (spot.kind) }
            td.n { (format::significant(each)) } td.n { (spot.lines) }
            td { (spot.function) @if is_false(spot) { " " strong { "false sharing" } } }
            td { @if !spot.file.is_empty() { (spot.file) ":" (spot.line) } } td { (spot.caller) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::forecast_html;
    use crate::forecast::testing::run;
    use crate::testing;

    #[test]
    fn the_page_has_its_parts_and_asks_nobody_for_anything() {
        let (provenance, _) = testing::sweep(1);
        let page = forecast_html(&run(), &provenance.host, &[]);
        assert!(!page.contains("Warning"));
        for part in
            ["id=\"curves\"", "id=\"counts\"", "id=\"places\"", "class=\"forecast c0\"", "RwLock::read", "<polygon"]
        {
            assert!(page.contains(part), "{part} is missing");
        }
        assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("src="));
        assert_eq!(page, forecast_html(&run(), &provenance.host, &[]));
        let (panels, twins) = (page.matches("<figure>").count(), page.matches("\"Table: forecast, ").count());
        assert!(panels > 0 && panels == twins, "{panels} panels, {twins} tables");
    }

    #[test]
    fn hostile_names_are_text() {
        let (mut provenance, _) = testing::sweep(1);
        let mut evil = run();
        let text = "</script><script>alert(1)</script>\"><img onerror=x>";
        provenance.host.cpu = text.to_owned();
        evil.expected.iter_mut().for_each(|row| row.strategy = text.to_owned());
        evil.contention.iter_mut().for_each(|row| row.strategy = text.to_owned());
        for spot in &mut evil.hot_spots {
            for field in [&mut spot.strategy, &mut spot.function, &mut spot.file, &mut spot.caller, &mut spot.kind] {
                *field = text.to_owned();
            }
        }
        let page = forecast_html(&evil, &provenance.host, &[text.to_owned()]);
        assert!(page.contains("Warning: "));
        assert!(!page.contains("<img") && !page.contains("<script>alert"));
    }
}
