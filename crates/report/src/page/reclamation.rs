//! What a map allocates, holds and gives back, as the allocator counted it.

use mapbench_results::{Group, Reclamation, Stage};
use maud::{Markup, html};

use super::View;
use super::axis::{self, across, px};
use super::looks::Looks;
use super::place::Room;
use crate::counts::{ABOUT, COLUMNS, Counted};
use crate::format;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 40.0;

/// Curves that are drawn: those that rise highest.
const CURVES: usize = 7;

/// How far a drawn curve may stray from what was counted, in units of the drawing.
const STRAY: f64 = 1.0;

/// Nothing if the run did not count.
pub(super) fn section(view: &View) -> Markup {
    let input = &view.input;
    if input.provenance.plan.memory.is_none() {
        return html! {};
    }
    let case = |group: &Group, title: &str| draw(view, group, title);
    let body = html! {
        p { "Counted by the allocator, in processes of their own that time nothing. The least that a map can hold of an entry is its key and its value, with what they point to: what it holds beyond is its own. After the load nobody works; then the first thread stays inside a read while the others go on, as a slow reader does; then nobody works again, and the map is dropped. The chart has what the map held beyond the filled one, of the first process of each map: lines are broken between the stages." }
        (view.cases(case))
    };
    view.section("reclamation", "Allocation and reclamation", &body)
}

fn draw(view: &View, group: &Group, title: &str) -> Markup {
    let beside = &view.input.beside;
    let strategies = &view.input.provenance.plan.strategies;
    let counted: Vec<Counted> =
        strategies.iter().filter_map(|strategy| Counted::of(beside.memory, group, strategy)).collect();
    // Of all rows of the run those of a group are few.
    let points: Vec<&Reclamation> = beside.reclamation.iter().filter(|point| point.is_of(group)).collect();
    let mut curves: Vec<Curve> = counted
        .iter()
        .filter_map(|counted| Curve::of(&points, counted))
        .filter(|curve| curve.highest() > 0.0)
        .collect();
    curves.sort_by(|a, b| b.highest().total_cmp(&a.highest()));
    curves.truncate(CURVES);
    html! {
        figure.latency {
            figcaption { (title) }
            @if curves.is_empty() { p.hint { "No map held more than when it was filled." } }
            @else { (chart(&curves, &view.looks, title, &view.name(&format!("Chart: reclamation, {title}")))) }
        }
        @if counted.is_empty() { p.hint { "Nothing was counted." } }
        @else { details open { summary { "Counts" } (view.scroll(&format!("allocation, {title}"), &table(&counted))) } }
    }
}

fn table(counted: &[Counted]) -> Markup {
    html! {
        table.numbers {
            thead {
                tr {
                    th rowspan="2" scope="col" { "strategy" }
                    @for (about, columns) in ABOUT { th colspan=(columns) scope="colgroup" { (about) } }
                }
                tr { @for column in COLUMNS { th scope="col" { (column) } } }
            }
            tbody {
                @for map in counted {
                    tr {
                        th scope="row" { (map.strategy) }
                        @match map.cells() {
                            Ok(cells) => { @for cell in cells { td { (cell) } } }
                            Err(reason) => { td.why colspan=(COLUMNS.len()) { (reason) } }
                        }
                    }
                }
            }
        }
    }
}

/// What a map held beyond the filled one: seconds and MiB, a list a stage.
struct Curve<'a> {
    strategy: &'a str,
    stages: Vec<(Stage, Vec<(f64, f64)>)>,
}

impl<'a> Curve<'a> {
    fn of(points: &[&Reclamation], counted: &Counted<'a>) -> Option<Self> {
        let filled = counted.rows.iter().find_map(|row| row.filled_bytes)? as f64;
        let mut stages: Vec<(Stage, Vec<(f64, f64)>)> = Vec::new();
        let own = points
            .iter()
            .filter(|point| point.fork == 0 && point.strategy == counted.strategy && point.stage != Stage::Dropped);
        for point in own {
            let place = (point.at_ns as f64 / 1e6, (point.live_bytes as f64 - filled).max(0.0) / f64::from(1 << 20));
            match stages.last_mut() {
                Some((stage, places)) if *stage == point.stage => places.push(place),
                _ => stages.push((point.stage, vec![place])),
            }
        }
        (!stages.is_empty()).then_some(Self { strategy: counted.strategy, stages })
    }

    /// In MiB, rounded to the hundredth: what is less is not seen.
    fn highest(&self) -> f64 {
        let places = self.stages.iter().flat_map(|(_, places)| places);
        (places.map(|(_, mebibytes)| *mebibytes).fold(0.0, f64::max) * 100.0).floor() / 100.0
    }
}

/// Every map's stages begin at the same places, however long its own took.
fn chart(curves: &[Curve], looks: &Looks, title: &str, region: &str) -> Markup {
    let stages: Vec<Stage> = curves
        .iter()
        .map(|curve| &curve.stages)
        .max_by_key(|stages| stages.len())
        .into_iter()
        .flatten()
        .map(|(stage, _)| *stage)
        .collect();
    let highest = axis::round_above(curves.iter().map(Curve::highest).fold(0.0, f64::max));
    let room = (WIDTH - LEFT - RIGHT) / stages.len() as f64;
    let bottom = HEIGHT - BOTTOM;
    let y = |mebibytes: f64| bottom - mebibytes.min(highest) / highest * (bottom - TOP);
    let x = |place: usize, share: f64| LEFT + (place as f64 + share) * room;
    let path = |place: usize, points: &[(f64, f64)]| {
        let (first, last) = (points[0].0, points[points.len() - 1].0);
        let share = |at: f64| (at - first) / (last - first).max(1e-9) * 0.96;
        let points: Vec<_> = points.iter().map(|(at, mebibytes)| (x(place, share(*at)), y(*mebibytes))).collect();
        axis::curve(&points, STRAY)
    };
    let frame = Room { left: LEFT, top: TOP, right: WIDTH - RIGHT, bottom };
    let quarters = [0.0, 0.25, 0.5, 0.75, 1.0].map(|part| (y(highest * part), format::significant(highest * part)));
    let label = format!("Memory beyond the filled map over time, {title}; the table below has the numbers");
    html! {
        div.scroll.chart tabindex="0" role="region" aria-label=(region) {
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(label) {
                (across(frame, &quarters))
                text x="4" y="13" { "MiB beyond the filled map" }
                @for (place, stage) in stages.iter().enumerate() {
                    line.cores x1=(px(x(place, 0.0))) x2=(px(x(place, 0.0))) y1=(TOP) y2=(bottom) {}
                    text x=(px(x(place, 0.48))) y=(bottom + 15.0) text-anchor="middle" { (stage_name(*stage)) }
                }
                @for curve in curves.iter().rev() {
                    g class=(looks.class(curve.strategy)) {
                        title { (curve.strategy) }
                        @for (place, (_, points)) in curve.stages.iter().enumerate().take(stages.len()) { polyline points=(path(place, points)) {} }
                    }
                }
            }
        }
        ul.key { @for curve in curves { li class=(looks.class(curve.strategy)) { svg viewBox="0 0 32 6" aria-hidden="true" { polyline points="0,3 32,3" {} } (curve.strategy) ", at most " (format::significant(curve.highest())) " MiB" } } }
    }
}

fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Load => "all work",
        Stage::Held => "one stays inside a read",
        Stage::Quiet => "nobody works",
        Stage::Dropped => "dropped",
    }
}

#[cfg(test)]
mod tests {
    use super::section;
    use crate::page::View;
    use crate::testing::{counted, curve, group, memory_plan, plan, provenance, with};
    use crate::{Beside, Input};
    use mapbench_results::{ALL_OPERATIONS, Memory, Status};

    #[test]
    fn a_run_that_did_not_count_has_no_section() {
        with(&provenance(plan(&["a"])), |input| assert_eq!(section(&View::alone(*input)).into_string(), ""));
    }

    #[test]
    fn what_was_counted_stands_in_the_table_and_what_rises_in_the_chart() {
        let plan = mapbench_results::Plan { memory: Some(memory_plan()), ..plan(&["keeps", "flat", "broken"]) };
        let provenance = provenance(plan);
        let failed = Memory::unmeasured(&group(), "broken", 0, ALL_OPERATIONS, Status::TimedOut);
        let memory =
            [counted("keeps"), counted("flat"), vec![Memory { message: "too slow".to_owned(), ..failed }]].concat();
        let curves = [curve("keeps", &[0, 1 << 20, 4 << 20]), curve("flat", &[0, 0, 0])].concat();
        with(&provenance, |input| {
            let beside = Beside { memory: &memory, reclamation: &curves, ..Beside::default() };
            let page = section(&View::alone(Input { beside, ..*input })).into_string();
            // 1000 entries of 16 bytes in 48 000; 10 writes that allocate 960 bytes; no read allocates.
            for part in [
                "<td>48.0</td><td>3.00x</td>",
                "<td>1.00</td><td>96.0</td><td>0</td>",
                "failed: timed out: too slow",
                "keeps, at most 4.00 MiB",
            ] {
                assert!(page.contains(part), "{part} is missing: {page}");
            }
            assert!(!page.contains("flat, at most"), "{page}");
        });
    }
}
