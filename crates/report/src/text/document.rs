/// Columns of prose, but on a narrower terminal; and of a table at the least, whose last column says what the others mean.
const WIDTH: usize = 100;

/// A text for a terminal or for Markdown, with the same numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(Vec<Block>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Block {
    Title(String),
    Table(Table),
    Items(Vec<String>),
    Note(String),
}

/// The header and the rows: a name, then numbers, then words.
pub(crate) type Table = Vec<Vec<String>>;

impl Text {
    /// A line above what follows.
    pub(crate) fn title(&mut self, title: impl Into<String>) {
        self.0.push(Block::Title(title.into()));
    }

    /// A table, unless it has no more than its header.
    pub(crate) fn table(&mut self, table: Table) {
        if table.len() > 1 {
            self.0.push(Block::Table(table));
        }
    }

    /// Lines that belong together.
    pub(crate) fn items(&mut self, items: Vec<String>) {
        if !items.is_empty() {
            self.0.push(Block::Items(items));
        }
    }

    /// What a reader must know about the block before.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.0.push(Block::Note(note.into()));
    }

    /// For a reader of plain text: every line of a table in full.
    #[must_use]
    pub fn terminal(&self) -> String {
        self.within(usize::MAX)
    }

    /// The same for a terminal of so many columns: the lines of tables are cut there, but none before the hundredth column.
    #[must_use]
    pub fn within(&self, columns: usize) -> String {
        let prose = columns.min(WIDTH);
        let mut out: Vec<String> = Vec::new();
        let mut titled = true;
        for block in &self.0 {
            if !titled && !matches!(block, Block::Note(_)) {
                out.push(String::new());
            }
            match block {
                Block::Title(title) => out.extend(wrap(title, "  ", prose)),
                Block::Table(table) => out.extend(align(table).iter().map(|line| cut(line, columns.max(WIDTH)))),
                Block::Items(items) => {
                    let indent = if titled && !out.is_empty() { "  " } else { "" };
                    out.extend(
                        items.iter().flat_map(|item| wrap(&format!("{indent}{item}"), &format!("{indent}  "), prose)),
                    );
                }
                Block::Note(note) => out.extend(wrap(&format!("({note})"), " ", prose)),
            }
            titled = matches!(block, Block::Title(_));
        }
        out.iter().map(|line| plain(line) + "\n").collect()
    }

    /// As Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let blocks = self.0.iter().map(|block| match block {
            Block::Title(title) => format!("**{}**", markdown(title)),
            Block::Table(table) => markdown_table(table),
            Block::Items(items) => {
                items.iter().map(|item| format!("- {}", markdown(item))).collect::<Vec<_>>().join("\n")
            }
            Block::Note(note) => markdown(note),
        });
        blocks.collect::<Vec<_>>().join("\n\n") + "\n"
    }
}

/// All but the name before them and the words behind are numbers.
fn is_number(column: usize, columns: usize) -> bool {
    column > 0 && column + 1 < columns
}

/// Columns of one width.
fn align(table: &Table) -> Vec<String> {
    let columns = table.first().map_or(0, Vec::len);
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if is_number(column, columns) { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        format!("  {}", cells.collect::<Vec<_>>().join("  ")).trim_end().to_owned()
    };
    table.iter().map(line).collect()
}

fn cut(line: &str, columns: usize) -> String {
    if line.chars().count() <= columns {
        return line.to_owned();
    }
    line.chars().take(columns.saturating_sub(1)).collect::<String>() + "…"
}

/// Lines no wider than that, broken between words; all but the first are indented.
fn wrap(text: &str, indent: &str, columns: usize) -> Vec<String> {
    let start = text.len() - text.trim_start().len();
    let (first, text) = text.split_at(start);
    let (mut lines, mut line, mut empty) = (Vec::new(), first.to_owned(), true);
    for word in text.split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > columns {
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

fn markdown_table(table: &Table) -> String {
    let line =
        |row: &Vec<String>| format!("| {} |", row.iter().map(|cell| markdown(cell)).collect::<Vec<_>>().join(" | "));
    let columns = table.first().map_or(0, Vec::len);
    let rule = (0..columns).map(|column| if is_number(column, columns) { " ---: |" } else { " --- |" });
    let mut lines: Vec<String> = table.iter().map(line).collect();
    lines.insert(1.min(lines.len()), format!("|{}", rule.collect::<String>()));
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
    use super::{Text, WIDTH, wrap};

    fn text(word: &str) -> Text {
        let mut text = Text::default();
        text.title(format!("title {word}"));
        text.table(vec![
            ["name", "n", "words"].map(str::to_owned).to_vec(),
            ["a", "12", word].map(str::to_owned).to_vec(),
        ]);
        text.note(word);
        text.items(vec![format!("item {word}")]);
        text
    }

    #[test]
    fn blocks_stand_apart_and_notes_close_by() {
        assert_eq!(text("w").terminal(), "title w\n  name   n  words\n  a     12  w\n(w)\n\nitem w\n");
        assert_eq!(
            text("w").markdown(),
            "**title w**\n\n| name | n | words |\n| --- | ---: | --- |\n| a | 12 | w |\n\nw\n\n- item w\n"
        );
    }

    #[test]
    fn nothing_is_no_block() {
        let mut text = Text::default();
        text.table(vec![vec!["header".to_owned()]]);
        text.items(Vec::new());
        assert_eq!(text, Text::default());
    }

    #[test]
    fn lines_fit_and_control_characters_do_nothing() {
        for columns in [WIDTH - 20, WIDTH, WIDTH + 20] {
            let shown = text(&format!("\u{1b}[31m {}", "word ".repeat(60))).within(columns);
            assert!(!shown.contains('\u{1b}'), "{shown}");
            let (tables, prose): (Vec<&str>, Vec<&str>) = shown.lines().partition(|line| line.starts_with("  a  "));
            assert!(
                prose.iter().all(|line| line.chars().count() <= columns.min(WIDTH) && !line.ends_with(' ')),
                "{shown}"
            );
            assert_eq!(tables.len(), 1, "{shown}");
            assert!(tables[0].ends_with('…') && tables[0].chars().count() == columns.max(WIDTH), "{shown}");
        }
    }

    #[test]
    fn a_table_is_whole_where_there_is_no_terminal_and_prose_wraps() {
        let shown = text(&"word ".repeat(60)).terminal();
        let long: Vec<&str> = shown.lines().filter(|line| line.chars().count() > WIDTH).collect();
        assert_eq!(long, [format!("  a     12  {}", "word ".repeat(60).trim_end())]);
        assert!(!shown.contains('…'), "{shown}");
    }

    #[test]
    fn words_wrap() {
        let lines = wrap(&format!("  {}", "abcdefghi ".repeat(25)), "    ", WIDTH);
        assert_eq!(lines.iter().map(|line| line.chars().count()).collect::<Vec<_>>(), [91, 93, 73]);
        assert!(lines[0].starts_with("  abc") && lines[1].starts_with("    abc"));
    }

    #[test]
    fn markdown_shows_hostile_words_as_text() {
        let shown = text("<script>alert(1)</script>|[x](y)").markdown();
        assert!(!shown.contains("<script"), "{shown}");
        assert!(shown.contains("\\|\\[x\\](y)"), "{shown}");
    }
}
