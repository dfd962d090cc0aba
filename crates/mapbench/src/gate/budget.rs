//! `gate.toml`: how much slower a cell may be, and how sure the gate must be to say so.

mod glob;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use glob::Glob;

/// Probability that any cell fails although none is slower. Five times less than a hundredth costs few per cent of what is seen
/// (METHODOLOGY), and a gate that cries wolf once in a hundred times is one that nobody believes after a year.
const ALPHA: f64 = 0.002;
const MINUTES: f64 = 10.0;
const FLOOR_PCT: f64 = 1.0;
const BUDGET_PCT: f64 = 5.0;
const TRANSFERS: f64 = 0.1;

/// What a gate allows, and how long it may take.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Budget {
    /// Probability that any cell fails although none is slower, at most.
    pub(crate) alpha: f64,
    /// How long to measure.
    pub(crate) minutes: f64,
    /// Slower by less, in per cent, is no change.
    pub(crate) floor_pct: f64,
    /// Slower by less, in per cent, is allowed.
    pub(crate) budget_pct: f64,
    /// So many more transfers of cache lines an operation are allowed, beside `budget_pct` of the base's.
    pub(crate) transfers: f64,
    /// Where it was read from; `None` where it is the default.
    file: Option<PathBuf>,
    tables: Vec<Table>,
}

/// What a `[[cell]]` table says of the cells that it matches.
#[derive(Clone, Debug, PartialEq)]
struct Table {
    pattern: String,
    glob: Glob,
    place: Place,
    floor_pct: Option<f64>,
    budget_pct: Option<f64>,
    transfers: Option<f64>,
    allow_missing: Option<bool>,
    skip: Option<bool>,
}

/// What applies to one cell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Effective {
    /// Slower by less, in per cent, is no change.
    pub(crate) floor_pct: f64,
    /// Slower by less, in per cent, is allowed.
    pub(crate) budget_pct: f64,
    /// So many more transfers an operation are allowed, beside `budget_pct` of the base's.
    pub(crate) transfers: f64,
    /// The candidate may lack the cell.
    pub(crate) allow_missing: bool,
    /// The cell is not gated.
    pub(crate) skip: bool,
    /// Where this was said: `default`, `gate.toml`, `gate.toml, lines 7 and 12`.
    pub(crate) from: String,
}

/// What is wrong with a budget, and where.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BudgetError {
    /// The system refused to read it.
    #[error("{}: cannot be read: {source}; give the file of the budget with --budget", file.display())]
    Read { file: PathBuf, source: std::io::Error },
    /// Something in it is wrong.
    #[error("{}, {place}: {problem}", file.display())]
    Wrong { file: PathBuf, place: Place, problem: String },
}

/// Line and column, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    line: usize,
    column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

impl Place {
    fn of(text: &str, offset: usize) -> Self {
        let before = &text[..text.floor_char_boundary(offset)];
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self { line: before.matches('\n').count() + 1, column: before[start..].chars().count() + 1 }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            alpha: ALPHA,
            minutes: MINUTES,
            floor_pct: FLOOR_PCT,
            budget_pct: BUDGET_PCT,
            transfers: TRANSFERS,
            file: None,
            tables: Vec::new(),
        }
    }
}

/// The file, as it is written.
#[derive(Deserialize)]
struct Written {
    alpha: Option<Spanned<f64>>,
    minutes: Option<Spanned<f64>>,
    floor_pct: Option<Spanned<f64>>,
    budget_pct: Option<Spanned<f64>>,
    transfers: Option<Spanned<f64>>,
    #[serde(default)]
    cell: Vec<WrittenTable>,
}

#[derive(Deserialize)]
struct WrittenTable {
    #[serde(rename = "match")]
    pattern: Spanned<String>,
    floor_pct: Option<Spanned<f64>>,
    budget_pct: Option<Spanned<f64>>,
    transfers: Option<Spanned<f64>>,
    allow_missing: Option<bool>,
    skip: Option<bool>,
}

const KEYS: &[&str] = &["alpha", "minutes", "floor_pct", "budget_pct", "transfers", "cell"];
const CELL_KEYS: &[&str] = &["match", "floor_pct", "budget_pct", "transfers", "allow_missing", "skip"];

/// A problem, and the offset of its place.
type Problem = (usize, String);

impl Budget {
    /// Reads a file.
    pub(crate) fn read(file: &Path) -> Result<Self, BudgetError> {
        let text =
            std::fs::read_to_string(file).map_err(|source| BudgetError::Read { file: file.to_owned(), source })?;
        Self::parse(&text, file).map_err(|(offset, problem)| BudgetError::Wrong {
            file: file.to_owned(),
            place: Place::of(&text, offset),
            // Whatever the file holds, the message stays one line.
            problem: problem.replace(['\n', '\r'], " "),
        })
    }

    fn parse(text: &str, file: &Path) -> Result<Self, Problem> {
        known_keys(text)?;
        let written: Written = toml::from_str(text).map_err(|error| refused(&error))?;
        let budget = Self {
            alpha: number(written.alpha.as_ref(), |x| x > 0.0 && x < 0.5, ALPHA_WANTED)?.unwrap_or(ALPHA),
            minutes: number(written.minutes.as_ref(), is_time, MINUTES_WANTED)?.unwrap_or(MINUTES),
            floor_pct: number(written.floor_pct.as_ref(), not_negative, FLOOR_WANTED)?.unwrap_or(FLOOR_PCT),
            budget_pct: number(written.budget_pct.as_ref(), is_budget, BUDGET_WANTED)?.unwrap_or(BUDGET_PCT),
            transfers: number(written.transfers.as_ref(), not_negative, TRANSFERS_WANTED)?.unwrap_or(TRANSFERS),
            file: Some(file.to_owned()),
            tables: written.cell.iter().map(|table| table.checked(text)).collect::<Result<_, _>>()?,
        };
        if budget.floor_pct >= budget.budget_pct {
            let place =
                written.floor_pct.as_ref().or(written.budget_pct.as_ref()).map_or(0, |value| value.span().start);
            return Err((place, crossed(budget.floor_pct, budget.budget_pct)));
        }
        Ok(budget)
    }

    /// Refuses what is only wrong for these cells: a glob that matches none of them, a floor that reaches the budget.
    pub(crate) fn check<'a>(&self, cells: impl IntoIterator<Item = &'a str> + Clone) -> Result<(), BudgetError> {
        let wrong = |table: &Table, problem| {
            let file = self.file.clone().unwrap_or_default();
            Err(BudgetError::Wrong { file, place: table.place, problem })
        };
        for table in &self.tables {
            if !cells.clone().into_iter().any(|cell| table.glob.matches(cell)) {
                let example = cells.clone().into_iter().next().map_or_else(String::new, |cell| {
                    format!(", of which one is `{}`; `mapbench gate --show-budget` lists all", cell.escape_debug())
                });
                return wrong(table, format!("`{}` matches no cell{example}", table.pattern.escape_debug()));
            }
        }
        for cell in cells {
            let effective = self.effective(cell);
            let last =
                self.matching(cell).filter(|table| table.floor_pct.is_some() || table.budget_pct.is_some()).last();
            if let Some(table) = last.filter(|_| !effective.skip && effective.floor_pct >= effective.budget_pct) {
                let problem = crossed(effective.floor_pct, effective.budget_pct);
                return wrong(table, format!("for {}, {problem}", cell.escape_debug()));
            }
        }
        Ok(())
    }

    /// What applies to a cell: of the tables that match, the last to say something wins.
    pub(crate) fn effective(&self, cell: &str) -> Effective {
        let mut effective = Effective {
            floor_pct: self.floor_pct,
            budget_pct: self.budget_pct,
            transfers: self.transfers,
            allow_missing: false,
            skip: false,
            from: self.file.as_ref().map_or_else(|| "default".to_owned(), |file| file.display().to_string()),
        };
        let mut lines = Vec::new();
        for table in self.matching(cell) {
            effective.floor_pct = table.floor_pct.unwrap_or(effective.floor_pct);
            effective.budget_pct = table.budget_pct.unwrap_or(effective.budget_pct);
            effective.transfers = table.transfers.unwrap_or(effective.transfers);
            effective.allow_missing = table.allow_missing.unwrap_or(effective.allow_missing);
            effective.skip = table.skip.unwrap_or(effective.skip);
            lines.push(table.place.line.to_string());
        }
        match &lines[..] {
            [] => {}
            [line] => effective.from += &format!(", line {line}"),
            [first @ .., last] => effective.from += &format!(", lines {} and {last}", first.join(", ")),
        }
        effective
    }

    fn matching(&self, cell: &str) -> impl Iterator<Item = &Table> {
        self.tables.iter().filter(move |table| table.glob.matches(cell))
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { alpha, minutes, floor_pct, budget_pct, transfers, file, .. } = self;
        let from = file.as_ref().map_or_else(|| "default".to_owned(), |file| file.display().to_string());
        write!(
            f,
            "alpha {alpha}, {minutes} minutes, floor {floor_pct} %, budget {budget_pct} %, {transfers} transfers ({from})"
        )
    }
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { floor_pct, budget_pct, transfers, allow_missing, skip, from } = self;
        if *skip {
            return write!(f, "skipped ({from})");
        }
        let missing = if *allow_missing { ", may be missing" } else { "" };
        write!(f, "floor {floor_pct} %, budget {budget_pct} %, {transfers} transfers{missing} ({from})")
    }
}

impl WrittenTable {
    fn checked(&self, text: &str) -> Result<Table, Problem> {
        let at = self.pattern.span().start;
        let pattern = self.pattern.get_ref().clone();
        Ok(Table {
            glob: Glob::parse(&pattern).map_err(|problem| (at, problem))?,
            pattern,
            place: Place::of(text, at),
            floor_pct: number(self.floor_pct.as_ref(), not_negative, FLOOR_WANTED)?,
            budget_pct: number(self.budget_pct.as_ref(), is_budget, BUDGET_WANTED)?,
            transfers: number(self.transfers.as_ref(), not_negative, TRANSFERS_WANTED)?,
            allow_missing: self.allow_missing,
            skip: self.skip,
        })
    }
}

const ALPHA_WANTED: &str = "is no alpha: it lies between 0 and 0.5, and 0.01 is one false alarm in a hundred gates";
pub(crate) const MINUTES_WANTED: &str =
    "minutes are no time to measure in: give more than 0, and at most 10080, a week";
const FLOOR_WANTED: &str = "is no floor in per cent: it is 0 or more";
const BUDGET_WANTED: &str =
    "is no budget in per cent: it is above 0, since no measurement shows that nothing changed, and at most 1000";

const TRANSFERS_WANTED: &str = "is no number of cache lines an operation: it is 0 or more";

/// Whether so many minutes can be measured in.
pub(crate) fn is_time(minutes: f64) -> bool {
    minutes > 0.0 && minutes <= 10_080.0
}

fn is_budget(pct: f64) -> bool {
    pct > 0.0 && pct <= 1_000.0
}

fn not_negative(x: f64) -> bool {
    x >= 0.0 && x.is_finite()
}

fn number(written: Option<&Spanned<f64>>, good: fn(f64) -> bool, wanted: &str) -> Result<Option<f64>, Problem> {
    match written {
        Some(value) if !good(*value.get_ref()) => Err((value.span().start, format!("{} {wanted}", value.get_ref()))),
        written => Ok(written.map(|value| *value.get_ref())),
    }
}

fn crossed(floor: f64, budget: f64) -> String {
    format!(
        "the floor of {floor} % reaches the budget of {budget} %: a cell over its budget could still not fail; \
         lower the floor or raise the budget"
    )
}

fn refused(error: &toml::de::Error) -> Problem {
    (error.span().map_or(0, |span| span.start), error.message().to_owned())
}

/// Refuses what no table has, with the nearest that it has.
fn known_keys(text: &str) -> Result<(), Problem> {
    let whole = DeTable::parse(text).map_err(|error| refused(&error))?;
    let whole = whole.get_ref();
    let cells = whole.get("cell").and_then(|cells| match cells.get_ref() {
        DeValue::Array(cells) => Some(cells),
        _ => None,
    });
    let tables = cells.into_iter().flat_map(|cells| cells.iter()).filter_map(|cell| match cell.get_ref() {
        DeValue::Table(table) => Some((table, CELL_KEYS)),
        _ => None,
    });
    // A table holds its keys by name; of several unknown ones the first in the file is named.
    let unknown = std::iter::once((whole, KEYS)).chain(tables).flat_map(|(table, known)| {
        table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())).map(move |key| (key, known))
    });
    match unknown.min_by_key(|(key, _)| key.span().start) {
        Some((key, known)) => Err((key.span().start, unknown_key(key.get_ref(), known))),
        None => Ok(()),
    }
}

fn unknown_key(key: &str, known: &[&str]) -> String {
    let distance = |candidate: &&&str| strsim::damerau_levenshtein(key, candidate);
    let nearest = known.iter().min_by_key(distance).filter(|near| distance(near) <= near.len().div_ceil(3));
    let remedy = match nearest {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the keys here are {}", known.join(", ")),
    };
    format!("unknown key `{}`; {remedy}", key.escape_debug())
}

#[cfg(test)]
mod tests;
