use std::borrow::Cow;
use std::collections::BTreeSet;

use mapbench_results::{Cell, Group};

use super::document::{Table, Text};
use super::{CAUTION, ONE_SHORT, costs, unfinished};
use crate::latency::{Saturated, duration};
use crate::objective::{MemoryMeasure, Objective, by_memory, by_p99};
use crate::rank::{Rank, rank};
use crate::tails::{NONE, millions};
use crate::{Input, answer, format};

/// With no more groups than this, a ranking shows each in full.
const FULL_GROUPS: usize = 4;

/// The answer of every group, by throughput and by what else was measured, the groups themselves if they are few, and the
/// overall rank.
#[must_use]
pub fn ranking(input: &Input) -> Text {
    let groups = &input.provenance.plan.groups;
    let mut text = Text::default();
    unfinished(&mut text, input.provenance);
    append(&mut text, input, if groups.len() > FULL_GROUPS { &[] } else { groups }, |_, _| ());
    text
}

/// The machine and the versions, then what [`ranking`] says, with every group in full, and all that was measured beside
/// throughput.
#[must_use]
pub fn tables(input: &Input) -> Text {
    let (host, plan) = (&input.provenance.host, &input.provenance.plan);
    let versions: BTreeSet<String> =
        input.provenance.strategies.iter().map(|known| format!("{} {}", known.upstream, known.version)).collect();
    let mut text = Text::default();
    unfinished(&mut text, input.provenance);
    text.title(format!("{}, {}, {}", host.cpu, format::counted(host.cores, "core"), host.kernel));
    text.items(vec![
        format!("{}, forks: {}, rounds: {}", input.provenance.started, plan.forks, plan.rounds),
        format!("made by: {}", input.provenance.command.join(" ")),
        format!("of: {}", Vec::from_iter(versions).join(", ")),
    ]);
    append(&mut text, input, &plan.groups, |text, group| costs::append(text, input, group));
    text
}

/// Says more of each group that is shown in full by `more`.
fn append(text: &mut Text, input: &Input, full: &[Group], more: impl Fn(&mut Text, &Group)) {
    for group in full {
        text.title(format::group(group, input.provenance.host.cores));
        group_table(text, input, group);
        more(text, group);
    }
    let groups = &input.provenance.plan.groups;
    text.items(answers(input, Objective::Throughput, groups));
    if let Some(latency) = input.provenance.plan.latency.as_ref().filter(|_| !input.beside.latency.is_empty()) {
        let rate = format::rate(latency.rate_ops_s);
        text.title(format!("by the 99th percentile of the response time, at {rate} M ops/s:"));
        text.items(answers(input, Objective::P99, groups));
    }
    for measure in MemoryMeasure::ALL.into_iter().filter(|_| !input.beside.memory.is_empty()) {
        let own = groups.iter().filter(|group| MemoryMeasure::of(input.beside.memory, group) == measure);
        let items = answers(input, Objective::Memory, own);
        if !items.is_empty() {
            text.title(format!("by {}:", measure.label()));
            text.items(items);
        }
    }
    if input.provenance.plan.forks == 1 {
        text.note(ONE_SHORT);
    }
    let rank = rank(input);
    if rank.cells > 1 && !rank.ranked.is_empty() {
        text.title(format!(
            "slowdown to the best of each cell, geometric mean over {} cells, 95 % interval:",
            rank.cells
        ));
        text.table(rank_table(&rank));
        text.note(CAUTION);
    }
    if !rank.left_out.is_empty() {
        text.title("not ranked:");
        text.items(
            by_reason(&rank).iter().map(|(reason, names)| format!("{}: {reason}", format::and(names))).collect(),
        );
    }
}

/// Who is left out, together with whom it shares the reason.
fn by_reason<'a>(rank: &'a Rank) -> Vec<(&'a str, Vec<&'a str>)> {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for (strategy, reason) in &rank.left_out {
        match reasons.iter_mut().find(|(known, _)| known == reason) {
            Some((_, names)) => names.push(strategy),
            None => reasons.push((reason, vec![strategy])),
        }
    }
    reasons
}

fn rank_table(rank: &Rank) -> Table {
    let mut table =
        vec![["strategy", "slowdown", "interval", "best or tied", "to the first"].map(str::to_owned).to_vec()];
    table.extend(rank.ranked.iter().enumerate().map(|(place, ranked)| {
        vec![
            ranked.strategy.to_owned(),
            format!("{}x", format::significant(ranked.slowdown.estimate)),
            format::interval(&ranked.slowdown),
            format!("{} of {}", ranked.leads, rank.cells),
            ranked.to_first(place),
        ]
    }));
    table
}

fn answers<'g>(input: &Input, objective: Objective, groups: impl IntoIterator<Item = &'g Group>) -> Vec<String> {
    let cores = input.provenance.host.cores;
    let cells = match objective {
        Objective::Throughput => Cow::Borrowed(input.cells),
        Objective::P99 => Cow::Owned(by_p99(input)),
        Objective::Memory => Cow::Owned(by_memory(input)),
    };
    groups
        .into_iter()
        .map(|group| format!("{}: {}", format::group(group, cores), answer::said(input, &cells, group, objective)))
        .collect()
}

/// A column of what was measured beside throughput: its title, and what it has of a cell.
type Column = (&'static str, fn(&Input, &Cell) -> Option<String>);

const BESIDE: [Column; 3] = [
    ("response", |input, cell| {
        let saturated = Saturated::at_common(input.beside.latency, &cell.group(), &cell.strategy);
        saturated.beside_any(cell.response_p99_ns.map(duration))
    }),
    ("service", |_, cell| cell.service_p99_ns.map(duration)),
    ("bytes", |_, cell| cell.bytes_per_entry.map(|bytes| bytes.to_string())),
];

fn group_table(text: &mut Text, input: &Input, group: &Group) {
    let mut cells: Vec<&Cell> = input.cells.iter().filter(|cell| cell.is_of(group)).collect();
    cells.sort_by_key(|cell| std::cmp::Reverse(cell.throughput_ops_s));
    let measured = |(_, of): &Column| cells.iter().any(|cell| of(input, cell).is_some());
    let beside: Vec<Column> = BESIDE.into_iter().filter(measured).collect();
    let titles = beside.iter().map(|(title, _)| *title);
    let header = ["strategy", "M ops/s", "interval"].into_iter().chain(titles).chain(["slowdown"]);
    let mut table = vec![header.map(str::to_owned).collect()];
    table.extend(cells.into_iter().map(|cell| row(input, cell, &beside)));
    text.table(table);
    let rate = input.provenance.plan.latency.as_ref().map(|latency| millions(latency.rate_ops_s));
    if let Some(rate) = rate.filter(|_| !beside.is_empty()) {
        text.note(format!(
            "response and service: 99th percentiles of all forks added up, the first at {rate} ops/s and of the forks that \
             kept up; {NONE} where a map was seen too seldom"
        ));
    }
    if beside.iter().any(|(title, _)| *title == "bytes") {
        text.note("bytes: of the filled map, an entry, key and value included");
    }
}

fn row(input: &Input, cell: &Cell, beside: &[Column]) -> Vec<String> {
    let interval = cell.throughput_low_ops_s.zip(cell.throughput_high_ops_s);
    let slowdown = format::slowdown(cell).map(|text| if cell.tied { format!("{text} tied") } else { text });
    let mut row = vec![
        cell.strategy.clone(),
        cell.throughput_ops_s.map_or_else(String::new, format::rate),
        interval.map_or_else(String::new, |(low, high)| format!("[{}, {}]", format::rate(low), format::rate(high))),
    ];
    row.extend(beside.iter().map(|(_, of)| of(input, cell).unwrap_or_else(|| NONE.to_owned())));
    row.push(slowdown.unwrap_or_else(|| format::reason(cell)));
    row
}

#[cfg(test)]
mod tests {
    use super::{ranking, tables};
    use crate::compare;
    use crate::testing::{counted, latency_plan, plan, provenance, response, slices, sweep, with_input};
    use crate::{Beside, Input, complete, summarise};
    use mapbench_results::Provenance;

    #[test]
    fn every_strategy_is_in_the_table_with_its_interval_or_reason() {
        let text = with_input(["a", "b", "c", "frozen"], ranking).terminal();
        assert!(text.contains("2.51x [2.45, 2.57]"), "{text}");
        assert!(text.contains("n/a: no insert: the map is immutable"), "{text}");
        assert!(text.contains(" tie; c is 2.51x slower"), "{text}");
        assert!(text.contains("\nnot ranked:\n  frozen: a limit, not a contender\n"), "{text}");
    }

    #[test]
    fn what_was_measured_beside_has_its_columns_and_its_answers() {
        let mut provenance = provenance(mapbench_results::Plan { latency: Some(latency_plan()), ..plan(&["a", "b"]) });
        provenance.plan.groups.truncate(1);
        let latency = [response("a", 0, &[(1_000, 99_000), (50_000, 9_000)])];
        let (memory, samples) = (counted("b"), ["a", "b"].map(|name| slices(name, 0, 0, 1e6)));
        let mut cells = summarise(&provenance.plan, 2, &samples);
        complete(&mut cells, &latency, &memory);
        let beside = Beside { latency: &latency, memory: &memory, ..Beside::default() };
        let input = Input { provenance: &provenance, samples: &samples, machine: &[], cells: &cells, beside };
        let text = ranking(&input).terminal();
        let head = "  strategy  M ops/s  interval  response  bytes  slowdown\n";
        assert!(text.contains(head), "no service time was measured: {text}");
        assert!(text.contains("50.2 µs      –  ") && text.contains("–     48  "), "{text}");
        assert!(text.contains("the first at 1.00 M ops/s"));
        assert!(
            text.contains("by bytes an entry of the filled map:") && !text.contains("by resident memory:"),
            "{text}"
        );
        let alone =
            ranking(&Input { beside: Beside::default(), cells: &summarise(&provenance.plan, 2, &samples), ..input });
        assert!(!alone.terminal().contains("response") && !alone.terminal().contains("bytes"));
    }

    #[test]
    fn a_figure_that_leaves_forks_out_says_so() {
        use crate::testing::{in_part_and_whole, with_response};
        let mut latency = in_part_and_whole(true);
        let text = with_response(&latency, ranking).terminal();
        assert!(text.contains("  2.01 µs (1 of 3 saturated)  "), "{text}");
        assert!(text.contains("whole answers soonest; not compared: part (1 of 3 saturated)"), "{text}");
        latency.iter_mut().for_each(|row| row.saturated = true);
        let text = with_response(&latency, ranking).terminal();
        assert_eq!(text.matches("  3 of 3 saturated  ").count(), 2, "{text}");
    }

    #[test]
    fn an_unfinished_run_is_called_so_at_the_top() {
        let texts = |finished: Option<&str>| {
            with_input(["a", "b", "c", "d"], |input| {
                let provenance = Provenance { finished: finished.map(str::to_owned), ..input.provenance.clone() };
                let input = Input { provenance: &provenance, ..*input };
                [ranking(&input), tables(&input), compare(&input, &["a".to_owned(), "b".to_owned()])]
            })
        };
        for text in texts(None) {
            assert!(text.markdown().starts_with("The run is unfinished: what is here is "), "{}", text.markdown());
        }
        assert!(texts(Some("2026")).iter().all(|text| !text.markdown().contains("unfinished")));
    }

    #[test]
    fn a_ranking_of_many_groups_shows_none_in_full_and_the_tables_all() {
        let (provenance, samples) = sweep(3);
        let cells = summarise(&provenance.plan, 2, &samples);
        let input = Input {
            provenance: &provenance,
            samples: &samples,
            machine: &[],
            cells: &cells,
            beside: Beside::default(),
        };
        let headers = |text: &str| text.matches("| strategy | M ops/s |").count();
        assert_eq!(headers(&ranking(&input).markdown()), 0);
        let text = tables(&input).markdown();
        assert_eq!(headers(&text), provenance.plan.groups.len());
        assert!(text.starts_with("**cpu, 2 cores, Linux 6**") && text.contains("of: crate 1.2.3"), "{text}");
        assert!(text.contains("geometric mean over 15 cells"), "{text}");
    }
}
