//! The ranking for a terminal, and as Markdown.

use mapbench_results::Cell;

use crate::rank::{Rank, rank};
use crate::{Input, answer, format};

/// With no more groups than this, each is shown in full.
const FULL_GROUPS: usize = 4;

/// Columns of a terminal.
const WIDTH: usize = 100;

const CAUTION: &str = "a mean over cells hides which cell is yours: read the row of your own mix first";

const ONE_SHORT: &str = "one fork each: intervals do not know how forks differ, and are too short";

/// The ranking for a terminal: the answer of every group, the groups themselves if they are few, and the overall rank.
#[must_use]
pub fn rank_text(input: &Input) -> String {
    let mut out = Vec::new();
    for (title, table) in tables(input) {
        out.push(title);
        out.extend(align(&table));
        out.push(String::new());
    }
    out.extend(answers(input).iter().flat_map(|line| wrap(line, "  ")));
    out.extend(caveat(input).map(|caveat| format!("({caveat})")));
    let rank = rank(input);
    if rank.cells > 1 && !rank.ranked.is_empty() {
        out.push(String::new());
        out.push(title(&rank));
        out.extend(align(&rank_table(&rank)));
        out.push(format!("({CAUTION})"));
    }
    if !rank.left_out.is_empty() {
        out.push(String::new());
        out.push("not ranked:".to_owned());
        let lines = by_reason(&rank).into_iter().map(|(reason, names)| format!("  {}: {reason}", format::and(&names)));
        out.extend(lines.flat_map(|line| wrap(&line, "    ")));
    }
    out.iter().map(|line| plain(line) + "\n").collect()
}

/// The same as Markdown.
#[must_use]
pub fn rank_markdown(input: &Input) -> String {
    let mut out = Vec::new();
    for (title, table) in tables(input) {
        out.push(format!("**{}**\n\n{}", markdown(&title), markdown_table(&table)));
    }
    out.push(answers(input).iter().map(|line| format!("- {}", markdown(line))).collect::<Vec<_>>().join("\n"));
    out.extend(caveat(input).map(str::to_owned));
    let rank = rank(input);
    if rank.cells > 1 && !rank.ranked.is_empty() {
        out.push(format!("{}\n\n{}\n\n{CAUTION}", title(&rank), markdown_table(&rank_table(&rank))));
    }
    if !rank.left_out.is_empty() {
        let lines = by_reason(&rank)
            .into_iter()
            .map(|(reason, names)| format!("- {}: {}", markdown(&format::and(&names)), markdown(reason)));
        out.push(format!("Not ranked:\n\n{}", lines.collect::<Vec<_>>().join("\n")));
    }
    out.join("\n\n") + "\n"
}

fn caveat(input: &Input) -> Option<&'static str> {
    (input.provenance.plan.forks == 1).then_some(ONE_SHORT)
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

fn answers(input: &Input) -> Vec<String> {
    let cores = input.provenance.host.cores;
    let groups = input.provenance.plan.groups.iter();
    groups.map(|group| format!("{}: {}", format::group(group, cores), answer::sentence(input.cells, group))).collect()
}

fn tables(input: &Input) -> Vec<(String, Vec<Vec<String>>)> {
    let plan = &input.provenance.plan;
    if plan.groups.len() > FULL_GROUPS {
        return Vec::new();
    }
    let tabled = plan.groups.iter().map(|group| {
        let mut cells: Vec<&Cell> = input.cells.iter().filter(|cell| cell.group() == *group).collect();
        cells.sort_by_key(|cell| std::cmp::Reverse(cell.throughput_ops_s));
        let mut table = vec![["strategy", "M ops/s", "interval", "slowdown"].map(str::to_owned).to_vec()];
        table.extend(cells.into_iter().map(row));
        (format::group(group, input.provenance.host.cores), table)
    });
    tabled.collect()
}

fn row(cell: &Cell) -> Vec<String> {
    let interval = cell.throughput_low_ops_s.zip(cell.throughput_high_ops_s);
    let slowdown = format::slowdown(cell).map(|text| if cell.tied { format!("{text} tied") } else { text });
    vec![
        cell.strategy.clone(),
        cell.throughput_ops_s.map_or_else(String::new, format::rate),
        interval.map_or_else(String::new, |(low, high)| format!("[{}, {}]", format::rate(low), format::rate(high))),
        slowdown.unwrap_or_else(|| format::reason(cell)),
    ]
}

/// Columns of one width; numbers to the right. The last column is text, and cut where the terminal ends.
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
        cut(format!("  {}", cells.collect::<Vec<_>>().join("  ")).trim_end())
    };
    table.iter().map(line).collect()
}

fn cut(line: &str) -> String {
    if line.chars().count() <= WIDTH {
        return line.to_owned();
    }
    line.chars().take(WIDTH - 1).collect::<String>() + "…"
}

/// Lines no wider than the terminal, broken between words; all but the first are indented.
fn wrap(text: &str, indent: &str) -> Vec<String> {
    let start = text.len() - text.trim_start().len();
    let (first, text) = text.split_at(start);
    let (mut lines, mut line, mut empty) = (Vec::new(), first.to_owned(), true);
    for word in text.split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, indent.to_owned()));
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    lines.push(line);
    lines
}

/// No name can move the cursor or colour the screen.
fn plain(line: &str) -> String {
    line.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
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
            c if c.is_control() => out.push(' '),
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
        assert!(text.contains("d: lacks 1 of 1 cells") || text.contains("frozen: a limit"), "{text}");
        assert!(text.lines().all(|line| !line.ends_with(' ')), "{text}");
    }

    #[test]
    fn lines_fit_and_control_characters_do_nothing() {
        let long = "word ".repeat(60);
        let text = with_input(["a\u{1b}[31m", &long, "c", "d"], rank_text);
        assert!(!text.contains('\u{1b}'), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= super::WIDTH), "{text}");
    }

    #[test]
    fn words_wrap() {
        let lines = super::wrap(&format!("  {}", "abcdefghi ".repeat(25)), "    ");
        assert_eq!(lines.iter().map(|line| line.chars().count()).collect::<Vec<_>>(), [91, 93, 73]);
        assert!(lines[0].starts_with("  abc") && lines[1].starts_with("    abc"));
    }

    #[test]
    fn markdown_shows_hostile_names_as_text() {
        let text = with_input(["<script>alert(1)</script>", "b|c", "[x](y)", "frozen"], rank_markdown);
        assert!(!text.contains("<script"), "{text}");
        assert!(text.contains("b\\|c") && text.contains("\\[x\\](y)"), "{text}");
    }
}
