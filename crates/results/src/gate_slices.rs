//! What a gate measured, slice by slice: `slices.csv` beside its verdict.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use csv::{ReaderBuilder, Terminator, WriterBuilder};
use serde::{Deserialize, Serialize};

use crate::row::columns;
use crate::{Error, Status};

/// The file that holds the rows of [`GateSlice`].
pub const GATE_SLICES: &str = "slices.csv";

/// A slice of a gate, or an arm that could not be measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateSlice {
    /// `screening` or `confirmation`.
    pub stage: String,
    /// The round within its stage, from 0.
    pub round: u32,
    /// The cell, for example `ratio-sweep/read-90/threads-2/dashmap`.
    pub cell: String,
    /// `base`, `control` (the base again) or `candidate`.
    pub arm: String,
    /// The slice's place in its visit, from 0.
    pub position: u32,
    /// `ok`, or what became of the arm.
    pub status: Status,
    /// Time of an operation, all threads together, in femtoseconds.
    pub time_per_op_fs: Option<u64>,
    /// Why the status is not `ok`.
    pub message: String,
}

/// Fills a gate's `slices.csv`, flushed row by row.
#[derive(Debug)]
pub struct GateSliceWriter {
    path: PathBuf,
    file: File,
}

impl GateSliceWriter {
    /// Begins the file in `dir`, which is made if need be.
    ///
    /// # Errors
    /// When the directory holds such a file already, or cannot be written.
    pub fn create(dir: &Path) -> Result<Self, Error> {
        fs::create_dir_all(dir).map_err(Error::create(dir))?;
        let path = dir.join(GATE_SLICES);
        let opened = OpenOptions::new().create_new(true).append(true).open(&path);
        let file = opened.map_err(Error::create(&path))?;
        let mut writer = Self { path, file };
        let mut header = columns::<GateSlice>().join(",");
        header.push_str("\r\n");
        writer.write(header.as_bytes())?;
        Ok(writer)
    }

    /// Writes a row through to the system: the program may end at any time afterwards.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn append(&mut self, row: &GateSlice) -> Result<(), Error> {
        let mut line = WriterBuilder::new().has_headers(false).terminator(Terminator::CRLF).from_writer(Vec::new());
        line.serialize(row).map_err(|error| Error::file(&self.path, error.to_string()))?;
        let text = line.into_inner().map_err(|error| Error::file(&self.path, error.to_string()))?;
        self.write(&text)
    }

    fn write(&mut self, text: &[u8]) -> Result<(), Error> {
        self.file.write_all(text).map_err(Error::write(&self.path))
    }
}

/// The rows of a gate's directory, as far as they are whole.
///
/// # Errors
/// When the file cannot be read or a row is not of the schema.
pub fn read_gate_slices(dir: &Path) -> Result<Vec<GateSlice>, Error> {
    let path = dir.join(GATE_SLICES);
    let mut reader = ReaderBuilder::new().from_path(&path).map_err(|error| Error::file(&path, error.to_string()))?;
    let rows = reader.deserialize().enumerate();
    rows.map(|(index, row)| {
        row.map_err(|error| Error::Line { file: path.clone(), line: index as u64 + 2, problem: error.to_string() })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = GateSliceWriter::create(dir.path()).unwrap();
        let row = |position, message: &str| GateSlice {
            stage: "screening".to_owned(),
            round: 3,
            cell: "a/read-90/threads-2/\"b\",c".to_owned(),
            arm: "candidate".to_owned(),
            position,
            status: if message.is_empty() { Status::Ok } else { Status::Panicked },
            time_per_op_fs: message.is_empty().then_some(9_999_000),
            message: message.to_owned(),
        };
        let rows = [row(0, ""), row(1, "two\nlines")];
        rows.iter().for_each(|row| writer.append(row).unwrap());
        assert_eq!(read_gate_slices(dir.path()).unwrap(), rows);
        let again = GateSliceWriter::create(dir.path()).unwrap_err().to_string();
        assert!(again.contains("slices.csv: cannot be made"), "{again}");
        fs::write(dir.path().join(GATE_SLICES), "stage,round\r\nscreening,x\r\n").unwrap();
        let wrong = read_gate_slices(dir.path()).unwrap_err().to_string();
        assert!(wrong.contains("slices.csv, line 2: "), "{wrong}");
    }
}
