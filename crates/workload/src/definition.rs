use std::fmt;

use serde::Deserialize;

use crate::mix::{Mix, MixError};
use crate::op::{MAX_KEY_RANGE, OpKind};
use crate::percent::Percent;

/// A workload as its TOML file defines it. All fields that a file may have are here; unknown ones are refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// Its name, by which it is chosen.
    pub name: String,
    /// The question that it answers, as a sentence.
    pub question: String,
    /// Where the workload comes from.
    pub source: String,
    /// Entries in the map at the start, and on average throughout.
    pub population: u32,
    /// Keys that operations draw from.
    pub key_range: u32,
    /// The shares of reads to sweep over, in per cent.
    pub read_pct: Vec<Percent>,
    /// How the operations that are not reads divide, in per cent of them.
    pub writes: Writes,
}

/// The `[writes]` table: shares in per cent of the operations that are not reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Writes {
    insert: Percent,
    insert_new: Percent,
    remove: Percent,
    update: Percent,
    upsert: Percent,
    compare_exchange: Percent,
}

impl Writes {
    fn shares(&self) -> [(OpKind, Percent); 6] {
        [
            (OpKind::Insert, self.insert),
            (OpKind::InsertNew, self.insert_new),
            (OpKind::Remove, self.remove),
            (OpKind::Update, self.update),
            (OpKind::Upsert, self.upsert),
            (OpKind::CompareExchange, self.compare_exchange),
        ]
    }
}

/// What is wrong with a workload file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct DefinitionError {
    /// Line and column, from 1, when the place is known.
    pub place: Option<(usize, usize)>,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for DefinitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some((line, column)) => write!(f, "line {line}, column {column}: {}", self.problem),
            None => f.write_str(&self.problem),
        }
    }
}

impl Workload {
    /// Reads a definition.
    ///
    /// # Errors
    /// When the text is not TOML, has an unknown or a missing field, or asks for the impossible.
    pub fn parse(text: &str) -> Result<Self, DefinitionError> {
        let workload: Self = toml::from_str(text).map_err(|error| DefinitionError {
            place: error.span().map(|span| line_and_column(text, span.start)),
            problem: error.message().to_owned(),
        })?;
        match workload.problem() {
            None => Ok(workload),
            Some((field, problem)) => Err(DefinitionError { place: field_place(text, field), problem }),
        }
    }

    /// The mix of operations at a share of reads.
    ///
    /// # Errors
    /// When the shares under `[writes]` do not add up to 100; a workload that was parsed has none such.
    pub fn mix(&self, read_pct: Percent) -> Result<Mix, MixError> {
        Mix::new(read_pct, &self.writes.shares())
    }

    fn problem(&self) -> Option<(&'static str, String)> {
        if self.name.is_empty() || !self.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            return Some(("name", format!("the name {:?} is not made of letters, digits and -_.", self.name)));
        }
        if self.key_range == 0 || self.key_range > MAX_KEY_RANGE {
            return Some(("key_range", format!("the key range {} is not in 1..={MAX_KEY_RANGE}", self.key_range)));
        }
        if self.population > self.key_range {
            let problem = format!("a population of {} does not fit a key range of {}", self.population, self.key_range);
            return Some(("population", problem));
        }
        if self.read_pct.is_empty() {
            return Some(("read_pct", "no read share is given".to_owned()));
        }
        let error = self.mix(Percent::ZERO).err()?;
        Some(("[writes]", format!("the shares under [writes] {error}")))
    }
}

fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..offset.min(text.len())];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// Where a field of the top level, or a table, begins.
fn field_place(text: &str, field: &str) -> Option<(usize, usize)> {
    let line = text.lines().position(|line| line.trim_start().starts_with(field))?;
    Some((line + 1, 1))
}

#[cfg(test)]
mod tests {
    use super::Workload;

    const GOOD: &str = "name = \"w\"\nquestion = \"?\"\nsource = \"s\"\npopulation = 10\nkey_range = 20\n\
        read_pct = [0, 90]\n[writes]\ninsert = 50\nremove = 50\n";

    #[test]
    fn a_good_file_is_read() {
        let workload = Workload::parse(GOOD).unwrap();
        assert_eq!((workload.population, workload.key_range, workload.read_pct.len()), (10, 20, 2));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let cases = [
            (
                "population = 10",
                "population = 30",
                "line 4, column 1: a population of 30 does not fit a key range of 20",
            ),
            (
                "[0, 90]",
                "[0, 101]",
                "line 6, column 16: 101 is no share in per cent: it lies in 0..=100 and has at most two decimals, as 90 or 99.95",
            ),
            ("[0, 90]", "[]", "line 6, column 1: no read share is given"),
            ("remove = 50", "remove = 40", "line 7, column 1: the shares under [writes] add up to 90, not to 100"),
            ("key_range = 20", "key_range = 0", "line 5, column 1: the key range 0 is not in 1..=536870912"),
            ("\"w\"", "\"a/b\"", "line 1, column 1: the name \"a/b\" is not made of letters, digits and -_."),
        ];
        for (from, to, expected) in cases {
            let error = Workload::parse(&GOOD.replacen(from, to, 1)).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn syntax_unknown_and_missing_fields_are_refused_with_their_place() {
        let unknown = Workload::parse(&GOOD.replace("source", "sauce")).unwrap_err();
        assert!(unknown.to_string().starts_with("line 3, column 1: unknown field `sauce`"), "{unknown}");
        let syntax = Workload::parse(&GOOD.replace("key_range =", "key_range")).unwrap_err();
        assert_eq!(syntax.place.map(|(line, _)| line), Some(5));
        let missing = Workload::parse(&GOOD.replace("population = 10\n", "")).unwrap_err();
        assert!(missing.problem.contains("missing field `population`"), "{missing}");
    }
}
