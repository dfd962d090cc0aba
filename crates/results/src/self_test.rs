//! What a gate found out about itself: `self-test.csv`, a row a suite and cell, and `detectable.csv`.

use std::path::{Path, PathBuf};

use csv::{Terminator, WriterBuilder};
use serde::{Deserialize, Serialize};

use crate::write::replace;
use crate::{Error, GateVerdict};

/// The folder within a run's that holds the self-test of the gate on its machine.
pub const GATE_SELF_TEST: &str = "gate-self-test";
/// The file that holds the rows of [`SelfTestRow`].
pub const SELF_TEST: &str = "self-test.csv";
/// The file that holds the rows of [`Detectable`].
pub const DETECTABLE: &str = "detectable.csv";

/// A cell of one suite of a self-test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelfTestRow {
    /// Who judges: `mapbench`, or a rival at equal wall time, `criterion`, `ratio_5`, `ratio_10`, `ratio_200`, which measure
    /// all of the base and then all of the candidate.
    pub method: String,
    /// `idle`, or `neighbour` where a busy process came and went beside it.
    pub condition: String,
    /// What was planted: `nothing`; `layout`, nothing but another link of the same code; `any` operation, `read`s, or
    /// `long_read`s, which hold their lock for longer.
    pub planted: String,
    /// How much of it, in per cent of the operations concerned.
    pub planted_pct: f64,
    /// The suite, from 0.
    pub suite: u32,
    /// The cell.
    pub cell: String,
    /// Rounds screened; slices a side, of a rival.
    pub rounds: u32,
    /// How long the whole suite took, in seconds.
    pub suite_seconds: f64,
    /// The cell's verdict.
    pub verdict: GateVerdict,
    /// How much slower the candidate seemed, in per cent.
    pub change_pct: Option<f64>,
    /// The adjusted p-value of the screening.
    pub p: Option<f64>,
    /// That of the confirmation.
    pub confirmed_p: Option<f64>,
    /// The probability of a false alarm, in any cell of the suite, that the gate was allowed; empty of a rival, which has none.
    #[serde(default)]
    pub alpha: Option<f64>,
}

/// The least slow-down that is seen with a probability of nine tenths.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detectable {
    /// As in [`SelfTestRow`].
    pub condition: String,
    /// The cell.
    pub cell: String,
    /// How long a gate over all the cells takes, in minutes.
    pub minutes: f64,
    /// The rounds it then has.
    pub rounds: u32,
    /// The slow-down, in per cent; empty where not even one of 50 % is seen.
    pub effect_pct: Option<f64>,
    /// As in [`SelfTestRow`].
    #[serde(default)]
    pub alpha: Option<f64>,
}

/// Writes the two files of a self-test into `dir`.
///
/// # Errors
/// When the system refuses.
pub fn write_self_test(dir: &Path, rows: &[SelfTestRow], detectable: &[Detectable]) -> Result<(), Error> {
    write(&dir.join(SELF_TEST), rows)?;
    write(&dir.join(DETECTABLE), detectable)
}

pub(crate) fn write<T: Serialize>(path: &Path, rows: &[T]) -> Result<(), Error> {
    let wrong = |error: csv::Error| Error::file(path, error.to_string());
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).map_err(wrong)?;
    }
    let text = writer.into_inner().map_err(|error| Error::file(path, error.to_string()))?;
    replace(path, &text)
}

/// Reads what [`write_self_test`] wrote.
///
/// # Errors
/// When a file cannot be read or a row is not of the schema.
pub fn read_self_test(dir: &Path) -> Result<(Vec<SelfTestRow>, Vec<Detectable>), Error> {
    Ok((read(&dir.join(SELF_TEST))?, read(&dir.join(DETECTABLE))?))
}

/// Reads the self-tests of a run: those of the folder itself, if it holds one, and of each folder in it, by name. The suites
/// of one count on from those of the one before.
pub(crate) fn read_self_tests(dir: &Path) -> Result<(Vec<SelfTestRow>, Vec<Detectable>), Error> {
    let entries = std::fs::read_dir(dir).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut folders: Vec<PathBuf> = entries.map_err(Error::read(dir))?.iter().map(std::fs::DirEntry::path).collect();
    folders.sort();
    folders.insert(0, dir.to_owned());
    let mut all = (Vec::new(), Vec::new());
    let mut before = 0;
    for folder in folders.iter().filter(|folder| folder.join(SELF_TEST).is_file()) {
        let (mut rows, detectable) = read_self_test(folder)?;
        let suites = rows.iter().map(|row| row.suite).max().map_or(0, |last| last.saturating_add(1));
        for row in &mut rows {
            row.suite = row.suite.saturating_add(before);
        }
        before = before.saturating_add(suites);
        all.0.append(&mut rows);
        all.1.extend(detectable);
    }
    Ok(all)
}

pub(crate) fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Vec<T>, Error> {
    let mut reader = csv::Reader::from_path(path).map_err(|error| Error::file(path, error.to_string()))?;
    let rows = reader.deserialize().enumerate();
    rows.map(|(index, row)| {
        row.map_err(|error| Error::Line { file: path.to_owned(), line: index as u64 + 2, problem: error.to_string() })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(suite: u32) -> SelfTestRow {
        SelfTestRow {
            method: "mapbench".to_owned(),
            condition: "idle".to_owned(),
            planted: "any".to_owned(),
            planted_pct: 2.0,
            suite,
            cell: "a/read-90/threads-2/b".to_owned(),
            rounds: 40,
            suite_seconds: 480.5,
            verdict: GateVerdict::Fail,
            change_pct: Some(2.1),
            p: Some(0.001),
            confirmed_p: None,
            alpha: Some(0.002),
        }
    }

    #[test]
    fn suites_of_several_self_tests_are_not_mistaken_for_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let numbers = || read_self_tests(dir.path()).unwrap().0.iter().map(|row| row.suite).collect::<Vec<_>>();
        assert!(numbers().is_empty());
        for (name, suites) in [("b", 2), ("a", 3), ("none", 0)] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
            let rows: Vec<SelfTestRow> = (0..suites).map(row).collect();
            write_self_test(&dir.path().join(name), &rows, &[]).unwrap();
        }
        std::fs::create_dir(dir.path().join("else")).unwrap();
        assert_eq!(numbers(), [0, 1, 2, 3, 4]);
        write_self_test(dir.path(), &[row(0)], &[]).unwrap();
        assert_eq!(numbers(), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn both_files_come_back_as_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let row = row(3);
        let detectable = Detectable {
            condition: "neighbour".to_owned(),
            cell: row.cell.clone(),
            minutes: 10.0,
            rounds: 40,
            effect_pct: None,
            alpha: Some(0.002),
        };
        write_self_test(dir.path(), std::slice::from_ref(&row), std::slice::from_ref(&detectable)).unwrap();
        assert_eq!(read_self_test(dir.path()).unwrap(), (vec![row], vec![detectable]));
        std::fs::write(dir.path().join(SELF_TEST), "condition,suite\r\nidle,x\r\n").unwrap();
        let wrong = read_self_test(dir.path()).unwrap_err().to_string();
        assert!(wrong.contains("self-test.csv, line 2: "), "{wrong}");
    }
}
