use mapbench_results::{Cell, Group, Status};
use mapbench_stats::{Interval, median};

use super::cells::{Places, rate, ratio, sum_up, verdict};
use super::document::{Table, Text};
use super::{ONE_SHORT, unfinished};
use crate::latency::{Saturated, duration, p99_by_fork};
use crate::objective::{MemoryMeasure, NO_INTERVAL, Objective, memory_rates, p99_rates};
use crate::rates::{ByCell, Rates};
use crate::{Input, format};

/// Strategies against the first of them, cell by cell: ratios of throughputs within the rounds that both were measured in;
/// where the run measured latency, of 99th percentiles too, and where it counted memory, of what they hold.
#[must_use]
pub fn compare(input: &Input, strategies: &[String]) -> Text {
    let mut text = Text::default();
    let Some((first, others)) = strategies.split_first() else { return text };
    unfinished(&mut text, input.provenance);
    let groups = &input.provenance.plan.groups;
    let by_cell = ByCell::of(input.samples);
    let places = Places::of(groups, input.provenance.host.cores);
    for other in others {
        text.title(format!(
            "{other} against {first}: M ops/s, and {other}'s as a multiple of {first}'s within rounds:"
        ));
        let mut header = places.header();
        header.extend([first.clone(), other.clone(), "ratio".to_owned(), String::new()]);
        let mut table = vec![header];
        let mut ratios = Vec::new();
        for group in groups {
            let (a, b) = (find(input, group, first), find(input, group, other));
            let found = within_rounds(&by_cell, group, a, b);
            let mut row = places.columns(group);
            row.extend([rate(a), rate(b)]);
            row.extend(match found {
                Some(found) => [ratio(&found), verdict(&found).to_owned()],
                None => [String::new(), [a, b].into_iter().flatten().find_map(obstacle).unwrap_or_else(few)],
            });
            table.push(row);
            ratios.extend(found);
        }
        text.table(table);
        sum_up(&mut text, other, &ratios);
        beside(&mut text, input, &by_cell, [first.as_str(), other.as_str()], &places);
    }
    places.explain(&mut text, groups);
    if input.provenance.plan.forks == 1 {
        text.note(ONE_SHORT);
    }
    text
}

/// What else was measured: what the second takes as a multiple of what the first takes.
fn beside<'a>(text: &mut Text, input: &Input<'a>, by_cell: &ByCell<'a>, pair: [&'a str; 2], places: &Places) {
    let [first, other] = pair;
    let groups = &input.provenance.plan.groups;
    let all: Vec<&Group> = groups.iter().collect();
    if let Some(latency) = input.provenance.plan.latency.as_ref().filter(|_| !input.beside.latency.is_empty()) {
        let rate = format::rate(latency.rate_ops_s);
        text.title(format!(
            "{other} against {first}: 99th percentile of the response time at {rate} M ops/s, median over forks, and \
             {other}'s as a multiple of {first}'s fork by fork:"
        ));
        let saturated = |group: &Group, strategy: &str| Saturated::at_common(input.beside.latency, group, strategy);
        text.table(multiples(&all, places, pair, ["shorter", "longer"], |group, strategy| Side {
            shown: saturated(group, strategy).beside_any(p99_median(input, group, strategy)),
            rates: p99_rates(input, group, strategy),
            counted: false,
            obstacle: saturated(group, strategy).said().map(|said| format!("{strategy}: {said}")),
        }));
    }
    for measure in MemoryMeasure::ALL.into_iter().filter(|_| !input.beside.memory.is_empty()) {
        let groups: Vec<&Group> =
            groups.iter().filter(|group| MemoryMeasure::of(input.beside.memory, group) == measure).collect();
        let (unit, within) = match measure {
            MemoryMeasure::PerEntry => ("", "fork by fork"),
            MemoryMeasure::Resident => (" in MiB", "within rounds"),
        };
        if !groups.is_empty() {
            let label = measure.label();
            text.title(format!(
                "{other} against {first}: {label}{unit}, and {other}'s as a multiple of {first}'s {within}:"
            ));
        }
        let shown = |cell: &Cell| match measure {
            MemoryMeasure::PerEntry => cell.bytes_per_entry.map(|bytes| bytes.to_string()),
            MemoryMeasure::Resident => cell.rss_bytes.map(format::mebibytes),
        };
        text.table(multiples(&groups, places, pair, ["less", "more"], |group, strategy| Side {
            shown: find(input, group, strategy).and_then(shown),
            rates: memory_rates(input, by_cell, group, strategy),
            counted: measure == MemoryMeasure::PerEntry,
            obstacle: None,
        }));
    }
}

fn find<'a>(input: &Input<'a>, group: &Group, strategy: &str) -> Option<&'a Cell> {
    input.cells.iter().find(|cell| cell.strategy == strategy && cell.is_of(group))
}

/// The middle one of the 99th percentiles of a cell's forks that kept up, as the ratio takes it and not of the forks added
/// up; `None` if half of them or more did not.
fn p99_median(input: &Input, group: &Group, strategy: &str) -> Option<String> {
    find(input, group, strategy)?.response_p99_ns?;
    let forks = p99_by_fork(input.beside.latency, group, strategy);
    median(&forks.iter().map(|(_, ns)| *ns).collect::<Vec<_>>()).map(|ns| duration(ns as u64))
}

/// One of two that are compared in a cell.
struct Side {
    shown: Option<String>,
    rates: Rates,
    /// A count: one of it is worth a ratio, without an interval.
    counted: bool,
    /// Why it cannot be compared, where that is known.
    obstacle: Option<String>,
}

/// A row a cell: both values, the ratio of the second to the first, and what it says.
fn multiples<'a>(
    groups: &[&'a Group],
    places: &Places,
    pair: [&'a str; 2],
    [less, more]: [&str; 2],
    side: impl Fn(&'a Group, &'a str) -> Side,
) -> Table {
    let mut header = places.header();
    header.extend([pair[0], pair[1], "ratio", ""].map(str::to_owned));
    let mut table = vec![header];
    for group in groups {
        let mut row = places.columns(group);
        let [a, b] = pair.map(|strategy| side(group, strategy));
        row.extend([&a, &b].map(|side| side.shown.clone().unwrap_or_default()));
        let verdict = |ratio: f64| if ratio > 1.0 { more } else { less };
        let counted = || b.rates.log_slowdown(&a.rates).filter(|_| a.counted).map(f64::exp);
        row.extend(match (b.rates.slowdown(&a.rates), counted()) {
            (Some(found), _) if found.covers(1.0) => [ratio(&found), "tied".to_owned()],
            (Some(found), _) => [ratio(&found), verdict(found.estimate).to_owned()],
            (None, Some(1.0)) => ["1.00x".to_owned(), format!("as much; {NO_INTERVAL}")],
            (None, Some(found)) => {
                [format!("{}x", format::significant(found)), format!("{}; {NO_INTERVAL}", verdict(found))]
            }
            (None, None) => {
                let obstacles: Vec<String> = [a.obstacle, b.obstacle].into_iter().flatten().collect();
                let few = || "not measured of both, or in too few forks".to_owned();
                [String::new(), if obstacles.is_empty() { few() } else { obstacles.join("; ") }]
            }
        });
        table.push(row);
    }
    table
}

/// The throughput of `b` as a multiple of that of `a`.
fn within_rounds<'a>(
    by_cell: &ByCell<'a>,
    group: &'a Group,
    a: Option<&'a Cell>,
    b: Option<&'a Cell>,
) -> Option<Interval> {
    let rates = |cell: &'a Cell| {
        (cell.status == Status::Ok).then(|| Rates::of(by_cell.rows(group, &cell.strategy), Objective::Throughput))
    };
    rates(a?)?.slowdown(&rates(b?)?)
}

/// Why a cell cannot be compared with any other.
fn obstacle(cell: &Cell) -> Option<String> {
    (cell.status != Status::Ok || cell.throughput_ops_s.is_none())
        .then(|| format!("{}: {}", cell.strategy, format::reason(cell)))
}

fn few() -> String {
    "too few rounds to compare".to_owned()
}

#[cfg(test)]
mod tests {
    use super::compare;
    use crate::testing::{group, plan, provenance, slices, sweep, with_input};
    use crate::{Beside, Input, summarise};
    use mapbench_results::{Memory, Sample, Status};

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn ratios_are_within_rounds_and_the_first_is_the_reference() {
        // The machine slows down threefold from round to round; b is half as fast as a throughout.
        let samples: Vec<Sample> = [900.0, 300.0, 100.0]
            .iter()
            .zip(0..)
            .flat_map(|(rate, round)| [slices("a", 0, round, rate * 1e6), slices("b", 0, round, rate * 5e5)])
            .collect();
        let mut provenance = provenance(plan(&["a", "b"]));
        provenance.plan.forks = 1;
        let cells = summarise(&provenance.plan, 2, &samples);
        let input = Input {
            provenance: &provenance,
            samples: &samples,
            machine: &[],
            cells: &cells,
            beside: Beside::default(),
        };
        let text = compare(&input, &names(&["a", "b"])).terminal();
        assert!(text.contains("  90 %         2  300  150  0.500x [0.500, 0.500]  slower\n"), "{text}");
        assert!(text.contains("b is faster in 0, slower in 1, tied in 0 of 1 cell"), "{text}");
        assert!(text.contains("one fork each"), "{text}");
        let turned = compare(&input, &names(&["b", "a"])).terminal();
        assert!(turned.contains("2.00x [2.00, 2.00]  faster"), "{turned}");
        assert_eq!(group().threads, 2);
    }

    #[test]
    fn tails_and_memory_are_compared_where_they_were_measured() {
        use crate::testing::{counted, latency_plan, response};
        let tails = |name: &str, ns: u64| (0..3).map(|fork| response(name, fork, &[(ns, 100_000)])).collect::<Vec<_>>();
        let latency = [tails("a", 30_000), tails("b", 90_000)].concat();
        let mut memory = [counted("a"), counted("b")].concat();
        memory.last_mut().unwrap().filled_bytes = Some(96_000);
        let samples: Vec<Sample> = (0..6)
            .flat_map(|at| {
                let larger = Sample { rss_bytes: Some(4 << 20), ..slices("b", at / 2, at % 2, 1e6) };
                [slices("a", at / 2, at % 2, 1e6), larger]
            })
            .collect();
        let mut plan = plan(&["a", "b"]);
        plan.latency = Some(latency_plan());
        let provenance = provenance(plan);
        let mut cells = summarise(&provenance.plan, 2, &samples);
        crate::complete(&mut cells, &latency, &memory);
        let measured = Beside { latency: &latency, memory: &memory, ..Beside::default() };
        let input = Input { provenance: &provenance, samples: &samples, machine: &[], cells: &cells, beside: measured };
        let text = compare(&input, &names(&["a", "b"])).terminal();
        assert!(text.contains("99th percentile of the response time at 1.00 M ops/s"), "{text}");
        let row = text.lines().find(|line| line.ends_with("longer")).unwrap_or_else(|| panic!("{text}"));
        assert!(row.contains("30.") && row.contains("90.") && row.contains("x ["), "{row}");
        assert!(text.contains("bytes an entry of the filled map, and b's") && !text.contains("MiB"), "{text}");
        assert!(text.contains("  48  96  2.00x  more; too few forks for an interval\n"), "{text}");
        let uncounted = [Memory::unmeasured(&group(), "a", 0, "read", Status::TimedOut)];
        let measured = Beside { memory: &uncounted, ..measured };
        let text = compare(&Input { beside: measured, ..input }, &names(&["a", "b"])).terminal();
        assert!(text.contains("resident memory in MiB, and b's") && !text.contains("bytes an entry"), "{text}");
        assert!(text.contains("1.00  4.00  4.00x [4.00, 4.00]  more\n"), "{text}");
        let alone = compare(&Input { beside: Beside::default(), ..input }, &names(&["a", "b"])).terminal();
        assert!(!alone.contains("percentile") && !alone.contains("MiB"), "{alone}");
    }

    #[test]
    fn a_saturated_fork_is_said_and_leaves_no_ratio() {
        use crate::testing::{in_part_and_whole, with_response};
        let text =
            |latency: &[_]| with_response(latency, |input| compare(input, &names(&["whole", "part"]))).terminal();
        let row = |text: &str| text.lines().rfind(|line| line.contains("µs")).map(str::to_owned).unwrap();
        let even = text(&in_part_and_whole(false));
        assert!(row(&even).contains("  4.01 µs  2.01 µs  0.500x") && row(&even).ends_with("shorter"), "{even}");
        let in_part = text(&in_part_and_whole(true));
        assert!(row(&in_part).contains("4.01 µs  2.01 µs (1 of 3 saturated)  "), "{in_part}");
        assert!(row(&in_part).ends_with(" part: 1 of 3 saturated") && !row(&in_part).contains("x ["), "{in_part}");
    }

    #[test]
    fn a_tail_beside_a_ratio_is_the_median_over_forks_and_two_forks_have_none() {
        use crate::testing::{in_part_and_whole, response, with_response};
        let mut latency = in_part_and_whole(false);
        // Added up, the forks of `part` have the 99th percentile of the slow one.
        latency[2] = response("part", 2, &[(900_000, 100_000)]);
        let text = with_response(&latency, |input| compare(input, &names(&["whole", "part"]))).terminal();
        let row = text.lines().rfind(|line| line.contains("µs")).unwrap();
        assert!(row.contains("  4.01 µs  2.01 µs  0.500x"), "{text}");
        latency.retain(|row| row.fork < 2);
        let text = with_response(&latency, |input| compare(input, &names(&["whole", "part"]))).terminal();
        assert!(text.contains("2.01 µs         not measured of both, or in too few forks"), "{text}");
    }

    #[test]
    fn what_cannot_be_compared_says_why() {
        let text = with_input(["a", "b", "c", "d"], |input| compare(input, &names(&["a", "b", "d"]))).terminal();
        assert!(text.contains("d: n/a: no insert: the map is immutable"), "{text}");
        assert!(text.contains("tied\n") && text.contains("no cell could be compared"), "{text}");
    }

    #[test]
    fn every_cell_has_its_row_and_oversubscribed_ones_a_star() {
        let (provenance, samples) = sweep(3);
        let cells = summarise(&provenance.plan, 2, &samples);
        let input = Input {
            provenance: &provenance,
            samples: &samples,
            machine: &[],
            cells: &cells,
            beside: Beside::default(),
        };
        let text = compare(&input, &names(&["s0", "s1", "s2"])).markdown();
        assert_eq!(text.matches("% |").count(), 30, "{text}");
        assert!(text.contains("s2 is faster in 0, slower in 15, tied in 0 of 15 cells"), "{text}");
        assert!(text.contains("| 90 % | 4\\* |") && text.contains("more threads than cores"), "{text}");
        assert!(text.contains("geometric mean of the ratios 0.910x"), "{text}");
    }
}
