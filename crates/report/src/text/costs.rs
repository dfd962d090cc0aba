//! What was measured beside throughput, as tables: the numbers of the page.

use mapbench_results::Group;

use super::document::{Table, Text};
use crate::counts::{COLUMNS, Counted};
use crate::growth::{Growing, SUMS};
use crate::iteration::{COLUMNS as ITERATED, iterated};
use crate::tails::{BESIDE, FOUR, MapTails, NONE, Tails, four, millions, p99, pause};
use crate::{Input, format};

/// How long the operations of a group's maps take, what they allocate and hold, how they grow, and what iteration costs.
/// Nothing of what the run did not measure.
#[must_use]
pub fn costs(input: &Input, group: &Group) -> Text {
    let mut text = Text::default();
    append(&mut text, input, group);
    text
}

pub(super) fn append(text: &mut Text, input: &Input, group: &Group) {
    let title = format::group(group, input.provenance.host.cores);
    if let Some(tails) = Tails::of(input, group).filter(|tails| !tails.maps.is_empty()) {
        latency(text, &tails, &title);
    }
    let strategies = &input.provenance.plan.strategies;
    let counted = |strategy| Counted::of(input.beside.memory, group, strategy);
    memory(text, &strategies.iter().filter_map(|strategy| counted(strategy)).collect::<Vec<_>>(), &title);
    if let Some(growing) = Growing::of(input, group) {
        growth(text, &growing, &title);
    }
    let maps = iterated(input, group);
    if !maps.is_empty() {
        text.title(format!("{title}: iteration and other operations beside each other, and each without the other:"));
        let mut table = vec![header(ITERATED.into_iter())];
        table.extend(maps.iter().map(|map| row(map.strategy, ITERATED.len(), Ok(map.cells().to_vec()))));
        text.table(table);
    }
}

fn growth(text: &mut Text, growing: &Growing, title: &str) {
    text.title(format!("{title}: growth, each operation timed:"));
    let mut table = vec![header(SUMS.into_iter())];
    table.extend(growing.maps.iter().map(|map| row(map.strategy, SUMS.len(), map.sums().map(Vec::from))));
    text.table(table);
    let columns = growing.columns();
    if !columns.is_empty() {
        text.title(format!("{title}: from half as many entries to"));
        let mut table = vec![header(columns.iter().map(String::as_str))];
        let times = |map: &crate::growth::Grown| row(map.strategy, columns.len(), Ok(map.times(&growing.doublings)));
        table.extend(growing.maps.iter().filter(|map| map.sums().is_ok()).map(times));
        text.table(table);
    }
}

fn latency(text: &mut Text, tails: &Tails, title: &str) {
    let rate = millions(tails.rate_ops_s);
    text.title(format!("{title}: response time at {rate} ops/s, from when an operation was due:"));
    text.table(of_maps(tails, &FOUR, |map| four(map.common()).map(Vec::from)));
    if !tails.load_pct.is_empty() {
        let loads: Vec<String> = tails.load_pct.iter().map(|load| format!("{load} %")).collect();
        let loads: Vec<&str> = loads.iter().map(String::as_str).collect();
        text.title(format!("{title}: 99th percentile of the response time at a share of the map's own closed loop:"));
        text.table(of_maps(tails, &loads, |map| Ok(map.shares().map(p99).collect())));
    }
    text.title(format!("{title}: service time, from an operation's start to its end in a closed loop:"));
    text.table(of_maps(tails, &FOUR, |map| four(map.service()).map(Vec::from)));
    if !tails.pauses.is_empty() {
        text.title(format!(
            "{title}: a reader's pauses while the others write, iterate or grow the map, 99.9 % below and longest:"
        ));
        let columns = BESIDE.iter().flat_map(|(beside, _)| [*beside, "longest"]);
        let mut table = vec![header(columns)];
        for (strategy, pauses) in &tails.pauses {
            let mut why = Vec::new();
            let mut row = vec![(*strategy).to_owned()];
            for tail in pauses {
                row.extend(pause(tail.as_ref()).unwrap_or_else(|reason| {
                    why.push(reason);
                    [String::new(), String::new()]
                }));
            }
            why.retain(|reason| reason != NONE);
            why.dedup();
            row.push(why.join("; "));
            table.push(row);
        }
        text.table(table);
    }
}

/// A row a map: cells, or why there are none, in the last column.
fn of_maps(tails: &Tails, columns: &[&str], cells: impl Fn(&MapTails) -> Result<Vec<String>, String>) -> Table {
    let mut table = vec![header(columns.iter().copied())];
    table.extend(tails.maps.iter().map(|map| row(map.strategy, columns.len(), cells(map))));
    table
}

fn memory(text: &mut Text, counted: &[Counted], title: &str) {
    if counted.is_empty() {
        return;
    }
    // Of the columns of `COLUMNS`, so many are about the filled map and operations; the rest is about what is kept.
    const FIRST: usize = 6;
    let columns = ["bytes an entry", "of the least", "a write allocates", "bytes", "a read allocates", "bytes"];
    text.title(format!("{title}: memory, as the allocator counted it:"));
    let mut table = vec![header(columns.into_iter())];
    table.extend(counted.iter().map(|map| row(map.strategy, FIRST, map.cells().map(|cells| cells[..FIRST].to_vec()))));
    text.table(table);
    text.title(format!("{title}: KiB beyond the filled map, at the stop, after a rest, while one stays inside a read, and left after the drop:"));
    let columns = ["peak", "stop", "rest", "one reads", "standstill", "drop", "left"];
    let mut table = vec![header(columns.into_iter())];
    let rest = COLUMNS.len() - FIRST;
    table.extend(counted.iter().map(|map| row(map.strategy, rest, map.cells().map(|cells| cells[FIRST..].to_vec()))));
    text.table(table);
}

fn header<'a>(columns: impl Iterator<Item = &'a str>) -> Vec<String> {
    std::iter::once("strategy").chain(columns).chain([""]).map(str::to_owned).collect()
}

fn row(strategy: &str, columns: usize, cells: Result<Vec<String>, String>) -> Vec<String> {
    let (cells, why) = match cells {
        Ok(cells) => (cells, String::new()),
        Err(why) => (vec![String::new(); columns], why),
    };
    std::iter::once(strategy.to_owned()).chain(cells).chain([why]).collect()
}

#[cfg(test)]
mod tests {
    use mapbench_results::{ALL_OPERATIONS, Growth, GrowthPlan, Latency, LatencyKind, Memory, Sample, Status};

    use super::costs;
    use crate::testing::{counted, group, grown, latency_plan, memory_plan, plan, provenance, response, slices, with};
    use crate::{Beside, Input, html, tables};

    #[test]
    fn what_was_not_measured_is_not_shown() {
        with(&provenance(plan(&["a"])), |input| assert_eq!(costs(input, &group()).terminal(), ""));
    }

    #[test]
    fn the_tables_hold_the_numbers_of_the_page() {
        let plan = mapbench_results::Plan {
            latency: Some(latency_plan()),
            memory: Some(memory_plan()),
            ..plan(&["slow", "quick", "full"])
        };
        let common = [
            response("slow", 0, &[(2_000, 98_000), (900_000, 2_000)]),
            response("quick", 0, &[(500, 100_000)]),
            Latency {
                saturated: true,
                p50_ns: None,
                p90_ns: None,
                p99_ns: None,
                p99_9_ns: None,
                ..response("full", 0, &[(9, 1)])
            },
        ];
        let share = |load_pct| Latency { load_pct: Some(load_pct), ..response("slow", 0, &[(7_000, 100_000)]) };
        let closed = |kind, operation: &str, times: &[_]| Latency {
            kind,
            operation: operation.to_owned(),
            rate_ops_s: None,
            ..response("slow", 0, times)
        };
        let service = closed(LatencyKind::ServiceTime, ALL_OPERATIONS, &[(250, 100_000)]);
        let pause = closed(LatencyKind::Pause, "iterate", &[(300, 100_000), (7_000_000, 1)]);
        let latency = [&common[..], &[share(50), share(70), service, pause]].concat();
        let failed = Memory {
            message: "too slow".to_owned(),
            ..Memory::unmeasured(&group(), "full", 0, ALL_OPERATIONS, Status::TimedOut)
        };
        let memory = [counted("slow"), vec![failed]].concat();
        with(&provenance(plan), |input| {
            let beside = Beside { latency: &latency, memory: &memory, ..Beside::default() };
            let input = Input { beside, ..*input };
            let (text, page) = (costs(&input, &group()).markdown(), html(&input));
            assert!(text.find("| quick |") < text.find("| slow |"), "the shortest tail first: {text}");
            for row in [
                "| full |  |  |  |  | saturated |",
                "| slow | 7.01 µs | 7.01 µs |  |",
                "| slow | 250 ns | 250 ns | 250 ns | 250 ns |  |",
                "| slow | 2.01 µs | 90",
                "| slow |  |  | 301 ns | 7.01 ms |  |  |  |",
                "| slow | 48.0 | 3.00x | 1.00 | 96.0 | 0 | 0 |  |",
                "| slow | 1.95 | 0.977 | 0 | – | – | 7.00 µs | 0 |  |",
                "| full |  |  |  |  |  |  | failed: timed out: too slow |",
            ] {
                assert!(text.contains(row), "{row} is missing: {text}");
            }
            let numbers = text.lines().filter(|line| line.starts_with("| slow")).flat_map(|line| line.split(" | "));
            for number in numbers.map(|cell| cell.trim_matches(['|', ' '])).filter(|cell| !cell.is_empty()) {
                assert!(page.contains(&format!(">{number}<")), "the page does not have {number}");
            }
            assert!(tables(&input).markdown().contains(&text), "all of it is among the tables for a README");
        });
    }

    #[test]
    fn growth_and_iteration_are_tables_too() {
        let growth = Some(GrowthPlan { forks: 1 });
        let provenance = provenance(mapbench_results::Plan { growth, ..plan(&["grows", "copies"]) });
        let steps = [[0, 0, 0, 64], [1_024, 4_000, 800, 30_000], [1_500, 9_000, 5, 60_000]];
        let failed = Growth::unmeasured(&group(), "copies", 0, Status::TimedOut);
        let rows = [grown("grows", 0, &steps), vec![Growth { message: "too slow".to_owned(), ..failed }]].concat();
        let slice = Sample {
            ops: Some(3_000_100),
            iterate_ops: Some(100),
            iterated_entries: Some(2_000_000),
            ..slices("grows", 0, 0, 1.0)
        };
        with(&provenance, |input| {
            let beside = Beside { growth: &rows, ..Beside::default() };
            let input = Input { beside, samples: std::slice::from_ref(&slice), ..*input };
            let (text, page) = (costs(&input, &group()).markdown(), html(&input));
            for row in [
                "| grows | 800 ns | 64 | 60.0 k | – | 9.00 µs |  |",
                "| copies |  |  |  |  |  | failed: timed out: too slow |",
                "| grows | 4.00 µs |  |",
                "| grows | 2.00 | 100 | 3.00 | – | – | – | – |  |",
            ] {
                assert!(text.contains(row), "{row} is missing: {text}");
            }
            assert!(page.contains(">60.0 k<") && page.contains(">4.00 µs<"), "the numbers of the page");
        });
    }
}
