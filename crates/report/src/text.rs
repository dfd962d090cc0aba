//! The ranking for a terminal, and as Markdown.

use mapbench_results::Cell;

use crate::rank::{Rank, rank};
use crate::{Input, answer, format};

/// With no more groups than this, each is shown in full.
const FULL_GROUPS: usize = 4;

const CAUTION: &str = "a mean over cells hides which cell is yours: read the row of your own mix first";

/// The ranking for a terminal: the answer of every group, the groups themselves if they are few, and the overall rank.
#[must_use]
pub fn rank_text(input: &Input) -> String {
    let mut out = Vec::new();
    for (title, table) in tables(input) {
        out.push(title);
        out.extend(align(&table));
        out.push(String::new());
    }
    out.extend(answers(input));
    let rank = rank(&input.provenance.plan, input.cells);
    if rank.cells > 1 && !rank.ranked.is_empty() {
        out.push(String::new());
        out.push(title(&rank));
        out.extend(align(&rank_table(&rank)));
        out.push(format!("({CAUTION})"));
    }
    if !rank.left_out.is_empty() {
        out.push(String::new());
        out.push("not ranked:".to_owned());
        out.extend(by_reason(&rank).into_iter().map(|(reason, names)| format!("  {}: {reason}", format::and(&names))));
    }
    out.join("\n") + "\n"
}

/// The same as Markdown.
#[must_use]
pub fn rank_markdown(input: &Input) -> String {
    let mut out = Vec::new();
    for (title, table) in tables(input) {
        out.push(format!("**{}**\n\n{}", markdown(&title), markdown_table(&table)));
    }
    out.push(answers(input).iter().map(|line| format!("- {}", markdown(line))).collect::<Vec<_>>().join("\n"));
    let rank = rank(&input.provenance.plan, input.cells);
    if rank.cells > 1 && !rank.ranked.is_empty() {
        out.push(format!("{}\n\n{}\n\n{CAUTION}", title(&rank), markdown_table(&rank_table(&rank))));
    }
    let left_out =
        |(reason, names): (&str, Vec<&str>)| format!("- {}: {}", markdown(&format::and(&names)), markdown(reason));
    if !rank.left_out.is_empty() {
        out.push(format!(
            "Not ranked:\n\n{}",
            by_reason(&rank).into_iter().map(left_out).collect::<Vec<_>>().join("\n")
        ));
    }
    out.join("\n\n") + "\n"
}

fn title(rank: &Rank) -> String {
    format!("slowdown to the best of each cell, geometric mean over {} cells, 95 % interval:", rank.cells)
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

fn rank_table(rank: &Rank) -> Vec<Vec<String>> {
    let mut table =
        vec![vec!["strategy".to_owned(), "slowdown".to_owned(), "interval".to_owned(), "best or tied".to_owned()]];
    table.extend(rank.ranked.iter().map(|ranked| {
        let slowdown = ranked.slowdown;
        vec![
            ranked.strategy.to_owned(),
            format!("{}x", format::significant(slowdown.estimate)),
            format!("[{}, {}]", format::significant(slowdown.low), format::significant(slowdown.high)),
            format!("{} of {}", ranked.leads, rank.cells),
        ]
    }));
    table
}

fn answers(input: &Input) -> Vec<String> {
    let cores = input.provenance.host.cores;
    let groups = input.provenance.plan.groups.iter();
    groups
        .filter_map(|group| Some(format!("{}: {}", format::group(group, cores), answer::sentence(input.cells, group)?)))
        .collect()
}

fn tables(input: &Input) -> Vec<(String, Vec<Vec<String>>)> {
    let plan = &input.provenance.plan;
    if plan.groups.len() > FULL_GROUPS {
        return Vec::new();
    }
    let tabled = plan.groups.iter().map(|group| {
        let mut cells: Vec<&Cell> = input.cells.iter().filter(|cell| cell.group() == *group).collect();
        cells.sort_by_key(|cell| std::cmp::Reverse(cell.throughput_ops_s));
        let mut table =
            vec![vec!["strategy".to_owned(), "M ops/s".to_owned(), "interval".to_owned(), "slowdown".to_owned()]];
        table.extend(cells.into_iter().map(row));
        (format!("{}, {}", group.workload, format::group(group, input.provenance.host.cores)), table)
    });
    tabled.collect()
}

fn row(cell: &Cell) -> Vec<String> {
    let interval = cell.throughput_low_ops_s.zip(cell.throughput_high_ops_s);
    let slowdown = format::slowdown(cell).map(|text| if cell.tied { format!("{text} tied") } else { text });
    let otherwise = || {
        if cell.status == mapbench_results::Status::Ok {
            "one slice only".to_owned()
        } else {
            format!("{}: {}", format::status(cell.status), cell.message)
        }
    };
    vec![
        cell.strategy.clone(),
        cell.throughput_ops_s.map_or_else(String::new, format::rate),
        interval.map_or_else(String::new, |(low, high)| format!("[{}, {}]", format::rate(low), format::rate(high))),
        slowdown.unwrap_or_else(otherwise),
    ]
}

/// Columns of one width; numbers to the right.
fn align(table: &[Vec<String>]) -> Vec<String> {
    let columns = table.first().map_or(0, Vec::len);
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
            0 => format!("{cell:<width$}"),
            _ if column + 1 == columns => cell.clone(),
            _ => format!("{cell:>width$}"),
        });
        format!("  {}", cells.collect::<Vec<_>>().join("  ")).trim_end().to_owned()
    };
    table.iter().map(line).collect()
}

fn markdown_table(table: &[Vec<String>]) -> String {
    let line =
        |row: &Vec<String>| format!("| {} |", row.iter().map(|cell| markdown(cell)).collect::<Vec<_>>().join(" | "));
    let rule = format!("|{}", " --- |".repeat(table.first().map_or(0, Vec::len)));
    let mut lines: Vec<String> = table.iter().map(line).collect();
    lines.insert(1.min(lines.len()), rule);
    lines.join("\n")
}

/// Text as Markdown shows it: no name can become markup.
fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\n' | '\r' => out.push(' '),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' | '!' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{rank_markdown, rank_text};
    use crate::testing::with_input;

    #[test]
    fn every_strategy_is_in_the_table_with_its_interval_or_reason() {
        let text = with_input(["a", "b", "c", "frozen"], rank_text);
        assert!(text.contains("2.51x [2.45, 2.57]"), "{text}");
        assert!(text.contains("n/a: no insert: the map is immutable"), "{text}");
        assert!(text.contains(" tie; c is 2.51x slower"), "{text}");
        assert!(text.lines().all(|line| !line.ends_with(' ')), "{text}");
    }

    #[test]
    fn markdown_shows_hostile_names_as_text() {
        let text = with_input(["<script>alert(1)</script>", "b|c", "[x](y)", "frozen"], rank_markdown);
        assert!(!text.contains("<script"), "{text}");
        assert!(text.contains("b\\|c") && text.contains("\\[x\\](y)"), "{text}");
    }
}
