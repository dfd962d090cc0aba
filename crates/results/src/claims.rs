//! What `mapbench claims` found: `claims.csv`, a row a case of a claim.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::read::{Torn, read_rows};
use crate::row::Row;
use crate::write::{encode, header, replace};

/// The folder within a run's that holds the claims tested on its machine.
pub const CLAIMS_DIR: &str = "claims";
/// The file that holds the rows of [`ClaimRow`].
pub const CLAIMS: &str = "claims.csv";

const TEST_AGAIN: &str = "`mapbench claims` writes such a file anew";

/// What came of a claim, or of one of its cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimVerdict {
    /// What was measured agrees with what the claim implies.
    Reproduced,
    /// The right side is ahead, by another size.
    DirectionOnly,
    /// The other side is ahead, or neither, or what should be certain is not.
    Refuted,
    /// This machine or this program cannot tell.
    CannotBeTested,
}

impl ClaimVerdict {
    /// All verdicts.
    pub const ALL: [Self; 4] = [Self::Reproduced, Self::DirectionOnly, Self::Refuted, Self::CannotBeTested];

    /// As tables write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reproduced => "reproduced",
            Self::DirectionOnly => "direction only",
            Self::Refuted => "refuted",
            Self::CannotBeTested => "cannot be tested here",
        }
    }
}

impl std::fmt::Display for ClaimVerdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A row of `claims.csv`: one case of a claim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimRow {
    /// The claim's name.
    pub claim: String,
    /// What it says, in our words.
    pub statement: String,
    /// Where it was made.
    pub source: String,
    /// The case: what is varied within the claim.
    pub case: String,
    /// The claim's verdict hangs on this case; else it is shown beside.
    pub judged: bool,
    /// What was measured: `throughput`, `lost updates` and so on.
    pub quantity: String,
    /// What the claim implies of `measured`, for reading.
    pub implied: String,
    /// The strategy that the claim is about.
    pub subject: String,
    /// What it is compared with; empty if with nothing.
    pub reference: String,
    /// Threads at work.
    pub threads: u32,
    /// Processors of the machine.
    pub cores: u32,
    /// Processors of the machine that the claim was made on; empty if it says nothing of them.
    pub cores_implied: Option<u32>,
    /// The measured ratio, share or number; `unit` says which.
    pub measured: Option<f64>,
    /// Lower end of its 95 % interval; empty for a number that was counted.
    pub measured_low: Option<f64>,
    /// Upper end.
    pub measured_high: Option<f64>,
    /// `ratio`, `share of runs`, `lost updates`, ...
    pub unit: String,
    /// What the subject did by itself.
    pub subject_value: Option<f64>,
    /// What the reference did.
    pub reference_value: Option<f64>,
    /// The unit of both.
    pub value_unit: String,
    /// Forks, rounds or runs on which the measured value stands.
    pub samples: u64,
    /// What came of it.
    pub verdict: ClaimVerdict,
    /// Why, in a sentence.
    pub why: String,
    /// What else was measured, in a sentence; empty if nothing.
    pub detail: String,
    /// The seed that repeats the question.
    pub seed: u64,
    /// When the case ended, UTC, RFC 3339.
    pub finished: String,
}

impl Row for ClaimRow {
    const FILE: &'static str = CLAIMS;
    const TORN: &'static str = TEST_AGAIN;

    fn subject(&self) -> String {
        format!("claim {:?}, case {:?}", self.claim, self.case)
    }

    fn problem(&self) -> Option<String> {
        let named = [("claim", &self.claim), ("statement", &self.statement), ("why", &self.why)];
        if let Some((column, _)) = named.iter().find(|(_, text)| text.is_empty()) {
            return Some(format!("`{column}` is empty"));
        }
        let numbers = [
            ("measured_low", self.measured_low),
            ("measured", self.measured),
            ("measured_high", self.measured_high),
            ("subject_value", self.subject_value),
            ("reference_value", self.reference_value),
        ];
        if let Some((column, _)) = numbers.iter().find(|(_, x)| x.is_some_and(|x| !x.is_finite())) {
            return Some(format!("`{column}` is no number"));
        }
        match (self.measured_low, self.measured, self.measured_high) {
            (Some(low), Some(middle), Some(high)) if !(low <= middle && middle <= high) => {
                Some("`measured` is outside its interval".to_owned())
            }
            (_, None, _) if self.verdict != ClaimVerdict::CannotBeTested => {
                Some("there is a verdict without a measurement".to_owned())
            }
            _ => None,
        }
    }
}

impl ClaimRow {
    /// Reads `claims.csv` in a directory.
    ///
    /// # Errors
    /// When there is none, or anything is not as the schema says.
    pub fn read(dir: &Path) -> Result<Vec<Self>, Error> {
        let mut lines = HashMap::new();
        read_rows(&dir.join(CLAIMS), Torn::Refused, TEST_AGAIN, |row: &Self, line| {
            match lines.insert((row.claim.clone(), row.case.clone()), line) {
                None => Ok(()),
                Some(first) => Err(format!("the row of line {first} again")),
            }
        })
    }

    /// Writes `claims.csv` into a directory, which is made if need be, and returns its path.
    ///
    /// # Errors
    /// When a row contradicts itself or the system refuses.
    pub fn write(dir: &Path, rows: &[Self]) -> Result<PathBuf, Error> {
        fs::create_dir_all(dir).map_err(Error::create(dir))?;
        let file = dir.join(CLAIMS);
        let mut text = header::<Self>();
        for row in rows {
            text.extend(encode(&file, row)?);
        }
        replace(&file, &text)?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::{ClaimRow, ClaimVerdict};

    fn row(case: &str) -> ClaimRow {
        ClaimRow {
            claim: "c".to_owned(),
            statement: "a, \"quoted\" statement".to_owned(),
            source: "s".to_owned(),
            case: case.to_owned(),
            judged: true,
            quantity: "throughput".to_owned(),
            implied: "2x".to_owned(),
            subject: "a".to_owned(),
            reference: "b".to_owned(),
            threads: 2,
            cores: 2,
            cores_implied: Some(16),
            measured: Some(1.5),
            measured_low: Some(1.4),
            measured_high: Some(1.6),
            unit: "ratio".to_owned(),
            subject_value: Some(3e6),
            reference_value: None,
            value_unit: "ops/s".to_owned(),
            samples: 7,
            verdict: ClaimVerdict::DirectionOnly,
            why: "because".to_owned(),
            detail: String::new(),
            seed: 1,
            finished: "2026-01-01T00:00:00Z".to_owned(),
        }
    }

    #[test]
    fn rows_come_back_as_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let rows = [row("a"), row("b")];
        ClaimRow::write(dir.path(), &rows).unwrap();
        assert_eq!(ClaimRow::read(dir.path()).unwrap(), rows);
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let wrong = |change: fn(&mut ClaimRow)| {
            let mut row = row("a");
            change(&mut row);
            ClaimRow::write(dir.path(), &[row]).unwrap_err().to_string()
        };
        assert!(wrong(|row| row.measured = Some(9.0)).contains("outside its interval"));
        assert!(wrong(|row| row.measured = None).contains("a verdict without a measurement"));
        assert!(wrong(|row| row.subject_value = Some(f64::NAN)).contains("`subject_value` is no number"));
        assert!(wrong(|row| row.why.clear()).contains("`why` is empty"));
        ClaimRow::write(dir.path(), &[row("a"), row("a")]).unwrap();
        let twice = ClaimRow::read(dir.path()).unwrap_err().to_string();
        assert!(twice.contains("claims.csv, line 3: the row of line 2 again"), "{twice}");
    }
}
