use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use csv::{Terminator, WriterBuilder};

use crate::read::{Torn, files_of, read_provenance};
use crate::row::{Row, columns};
use crate::tail::Tail;
use crate::{
    CELLS, Cell, Error, FlameGraph, Growth, Latency, Machine, Memory, PROFILES_DIR, PROVENANCE, Plan, Provenance,
    RUN_FILES, Reclamation, Run, SCHEMA_VERSION, Sample, Status, checksum, time,
};

const LOCK: &str = ".lock";

/// Fills a run's directory, and keeps every other writer out of it.
#[derive(Debug)]
pub struct RunWriter {
    dir: PathBuf,
    samples: Appender,
    machine: Appender,
    latency: Option<Appender>,
    memory: Option<Appender>,
    reclamation: Option<Appender>,
    growth: Option<Appender>,
    profiles: Option<Appender>,
    /// The files of the flame graphs that there are.
    drawn: Vec<String>,
    repairs: Vec<String>,
    finished: bool,
    /// Held, not used: the lock goes with it.
    _lock: File,
}

impl RunWriter {
    /// Begins a run in `dir`, which is made if need be.
    ///
    /// # Errors
    /// When the directory holds a run, another process writes to it, or it cannot be written.
    pub fn create(dir: &Path, provenance: &Provenance) -> Result<Self, Error> {
        fs::create_dir_all(dir).map_err(Error::create(dir))?;
        let lock = lock(dir)?;
        if RUN_FILES.iter().any(|name| dir.join(name).exists()) {
            return Err(Error::Exists(dir.to_owned()));
        }
        // First, so that all that follows can be resumed.
        write_provenance(dir, provenance)?;
        Self::open(dir, lock, &provenance.plan)
    }

    /// Opens an unfinished run to continue it, with what it holds so far. A torn last line is cut off: see
    /// [`repairs`](Self::repairs). A finished run that lost `cells.csv` can be finished again.
    ///
    /// # Errors
    /// When the directory holds no run or a finished one, another process writes to it, or [`Run::read`] refuses it for
    /// anything but a torn line.
    pub fn resume(dir: &Path) -> Result<(Self, Run), Error> {
        if !dir.join(PROVENANCE).exists() {
            return Err(Error::NoRun(dir.to_owned()));
        }
        let lock = lock(dir)?;
        let Provenance { finished, schema_version, mapbench_version, .. } = read_provenance(dir)?;
        if finished.is_some() && dir.join(CELLS).exists() {
            return Err(Error::Finished(dir.to_owned()));
        }
        if schema_version != SCHEMA_VERSION {
            let (file, found) = (dir.join(PROVENANCE), u64::from(schema_version));
            return Err(Error::Version { file, found, program: mapbench_version });
        }
        // Before anything is cut, so that a file that is not ours stays as it is.
        let run = Run::load(dir, Torn::Ignored)?;
        let writer = Self::open(dir, lock, &run.provenance.plan)?;
        let drawn = run.profiles.iter().filter(|graph| graph.status == Status::Ok).map(FlameGraph::file).collect();
        Ok((Self { drawn, ..writer }, run))
    }

    fn open(dir: &Path, lock: File, plan: &Plan) -> Result<Self, Error> {
        let mut repairs = Vec::new();
        let samples = Appender::open::<Sample>(dir, &mut repairs)?;
        let machine = Appender::open::<Machine>(dir, &mut repairs)?;
        let latency = plan.latency.as_ref().map(|_| Appender::open::<Latency>(dir, &mut repairs)).transpose()?;
        let memory = plan.memory.as_ref().map(|_| Appender::open::<Memory>(dir, &mut repairs)).transpose()?;
        let reclamation = plan.memory.as_ref().map(|_| Appender::open::<Reclamation>(dir, &mut repairs)).transpose()?;
        let growth = plan.growth.as_ref().map(|_| Appender::open::<Growth>(dir, &mut repairs)).transpose()?;
        let profiles =
            plan.profile_cpu.as_ref().map(|_| Appender::open::<FlameGraph>(dir, &mut repairs)).transpose()?;
        Ok(Self {
            dir: dir.to_owned(),
            samples,
            machine,
            latency,
            memory,
            reclamation,
            growth,
            profiles,
            drawn: Vec::new(),
            repairs,
            finished: false,
            _lock: lock,
        })
    }

    /// What [`resume`](Self::resume) had to repair, a line each.
    #[must_use]
    pub fn repairs(&self) -> &[String] {
        &self.repairs
    }

    /// Writes a slice, or a failure, through to the system: the program may end at any time afterwards.
    ///
    /// # Errors
    /// When the row contradicts itself, the run is finished, or the system refuses; the file is then as it was before.
    pub fn append_sample(&mut self, sample: &Sample) -> Result<(), Error> {
        self.refuse_if_finished()?;
        self.samples.append(sample)
    }

    /// Writes what the machine did in a round, like [`append_sample`](Self::append_sample).
    ///
    /// # Errors
    /// As there.
    pub fn append_machine(&mut self, machine: &Machine) -> Result<(), Error> {
        self.refuse_if_finished()?;
        self.machine.append(machine)
    }

    /// Writes the rows of one visit, like [`append_sample`](Self::append_sample): all of them by one call.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// When the plan has no latency.
    pub fn append_latency(&mut self, rows: &[Latency]) -> Result<(), Error> {
        self.refuse_if_finished()?;
        self.latency.as_mut().expect("the plan has latency").append_all(rows)
    }

    /// Writes the rows of one visit, the curve first: what has a row in `memory.csv` has its curve.
    ///
    /// # Errors
    /// As for [`append_sample`](Self::append_sample).
    ///
    /// # Panics
    /// When the plan has no memory.
    pub fn append_memory(&mut self, rows: &[Memory], curve: &[Reclamation]) -> Result<(), Error> {
        self.refuse_if_finished()?;
        self.reclamation.as_mut().expect("the plan has memory").append_all(curve)?;
        self.memory.as_mut().expect("the plan has memory").append_all(rows)
    }

    /// Writes the steps of one visit, like [`append_sample`](Self::append_sample): all of them by one call.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// When the plan has no growth.
    pub fn append_growth(&mut self, rows: &[Growth]) -> Result<(), Error> {
        self.refuse_if_finished()?;
        self.growth.as_mut().expect("the plan has growth").append_all(rows)
    }

    /// Writes the row of a cell, its flame graph first: what has a row that is `ok` has its file.
    ///
    /// # Errors
    /// As for [`append_sample`](Self::append_sample).
    ///
    /// # Panics
    /// When the plan has no profiles.
    pub fn append_profile(&mut self, row: &FlameGraph, svg: &str) -> Result<(), Error> {
        self.refuse_if_finished()?;
        let file = row.file();
        if row.status == Status::Ok {
            let folder = self.dir.join(PROFILES_DIR);
            fs::create_dir_all(&folder).map_err(Error::create(&folder))?;
            replace(&self.dir.join(&file), svg.as_bytes())?;
        }
        self.profiles.as_mut().expect("the plan has profiles").append(row)?;
        if row.status == Status::Ok {
            self.drawn.push(file);
        }
        Ok(())
    }

    /// The run's directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes the summary and the final provenance, with the checksums and, unless it is set, the time of the end. The run
    /// is finished then.
    ///
    /// # Errors
    /// When a cell contradicts itself, the run is finished already, or the system refuses.
    pub fn finish(&mut self, cells: &[Cell], mut provenance: Provenance) -> Result<(), Error> {
        self.refuse_if_finished()?;
        let beside =
            [&self.latency, &self.memory, &self.reclamation, &self.growth, &self.profiles].into_iter().flatten();
        for appender in [&self.samples, &self.machine].into_iter().chain(beside) {
            appender.file.sync_all().map_err(Error::write(&appender.path))?;
        }
        let path = self.dir.join(CELLS);
        let mut text = header::<Cell>();
        for cell in cells {
            text.extend(encode(&path, cell)?);
        }
        replace(&path, &text)?;
        let files = files_of(&provenance.plan);
        for name in files.into_iter().chain(self.drawn.iter().map(String::as_str)) {
            let file = self.dir.join(name);
            let sum = checksum::of_file(&file).map_err(Error::read(&file))?;
            provenance.checksums.insert(name.to_owned(), sum);
        }
        provenance.finished.get_or_insert_with(|| time::rfc3339(SystemTime::now()));
        write_provenance(&self.dir, &provenance)?;
        self.finished = true;
        unlock(&self.dir);
        Ok(())
    }

    fn refuse_if_finished(&self) -> Result<(), Error> {
        if self.finished { Err(Error::Finished(self.dir.clone())) } else { Ok(()) }
    }
}

pub(crate) fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join(LOCK);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(Error::create(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Busy(dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(Error::Create { file: path, source }),
    }
}

/// Takes the lock's file away from a finished run, where it says nothing. If it stays, it harms nobody.
pub(crate) fn unlock(dir: &Path) {
    let _ = fs::remove_file(dir.join(LOCK));
}

pub(crate) fn write_provenance(dir: &Path, provenance: &Provenance) -> Result<(), Error> {
    let path = dir.join(PROVENANCE);
    let mut text = serde_json::to_vec_pretty(provenance).map_err(|error| Error::file(&path, error.to_string()))?;
    text.push(b'\n');
    replace(&path, &text)
}

/// Writes a file as a whole: at every instant it is either the old or the new one.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), Error> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let temporary = PathBuf::from(temporary);
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().map_err(Error::write(path))
}

/// A CSV file that grows by whole rows.
#[derive(Debug)]
struct Appender {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Appender {
    /// Opens the file of `T` behind its last whole row, with a header if it has none.
    fn open<T: Row>(dir: &Path, repairs: &mut Vec<String>) -> Result<Self, Error> {
        let path = dir.join(T::FILE);
        let opened = OpenOptions::new().create(true).append(true).open(&path);
        let file = opened.map_err(Error::write(&path))?;
        let tail = Tail::of_file(&path).map_err(Error::read(&path))?;
        if tail.is_torn() {
            file.set_len(tail.whole).map_err(Error::write(&path))?;
            let (line, bytes) = (tail.lines + 1, tail.length - tail.whole);
            repairs.push(format!("{}, line {line}: cut off, it was torn after {bytes} bytes", path.display()));
        }
        let mut appender = Self { path, file, length: tail.whole };
        if appender.length == 0 {
            appender.write(&header::<T>())?;
        }
        Ok(appender)
    }

    fn append<T: Row>(&mut self, row: &T) -> Result<(), Error> {
        self.append_all(std::slice::from_ref(row))
    }

    fn append_all<T: Row>(&mut self, rows: &[T]) -> Result<(), Error> {
        let mut text = Vec::new();
        for row in rows {
            text.extend(encode(&self.path, row)?);
        }
        self.write(&text)
    }

    /// Whole rows by one call, so that a crash tears the last row at most.
    fn write(&mut self, rows: &[u8]) -> Result<(), Error> {
        let written = self.file.write_all(rows);
        match &written {
            Ok(()) => self.length += rows.len() as u64,
            // A full disk may have taken a part of the row. If it cannot be cut off, `resume` will.
            Err(_) => drop(self.file.set_len(self.length)),
        }
        written.map_err(Error::write(&self.path))
    }
}

pub(crate) fn header<T: Row>() -> Vec<u8> {
    let mut text = columns::<T>().join(",").into_bytes();
    text.extend(b"\r\n");
    text
}

/// A row as a line of RFC 4180. A row that a reader would refuse is not written.
pub(crate) fn encode<T: Row>(path: &Path, row: &T) -> Result<Vec<u8>, Error> {
    if let Some(problem) = row.problem() {
        return Err(Error::file(path, format!("a row of {} is not written: {problem}", row.subject())));
    }
    let mut writer = WriterBuilder::new().has_headers(false).terminator(Terminator::CRLF).from_writer(Vec::new());
    let encoded = writer.serialize(row).map_err(|error| error.to_string());
    encoded
        .and_then(|()| writer.into_inner().map_err(|error| error.to_string()))
        .map_err(|error| Error::file(path, error))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::Appender;
    use crate::Machine;
    use std::fs::OpenOptions;
    use std::path::PathBuf;

    #[test]
    fn a_full_disk_is_named_and_nothing_is_lost() {
        // The device on which every write fails for want of space.
        let file = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut appender = Appender { path: PathBuf::from("run/samples.csv"), file, length: 0 };
        let error = appender.write(b"row\r\n").unwrap_err().to_string();
        assert!(error.starts_with("run/samples.csv: cannot be written: No space left on device"), "{error}");
        assert!(error.contains("nothing measured so far is lost"), "{error}");
        assert_eq!(appender.length, 0);
    }

    #[test]
    fn the_place_to_cut_a_failed_row_off_is_the_end_of_the_last() {
        let dir = tempfile::tempdir().unwrap();
        let mut appender = Appender::open::<Machine>(dir.path(), &mut Vec::new()).unwrap();
        appender.write(b"row\r\n").unwrap();
        assert_eq!(appender.length, std::fs::metadata(&appender.path).unwrap().len());
    }
}
