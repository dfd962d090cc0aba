use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use csv::{ReaderBuilder, StringRecord};
use serde::Deserialize;

use crate::row::{Place, Planned, Row, columns};
use crate::tail::Tail;
use crate::{
    CELLS, CLAIMS, CLAIMS_DIR, Cell, ClaimRow, Detectable, Error, FlameGraph, GATE_SELF_TEST, GROWTH, Growth, LATENCY,
    Latency, MACHINE, MEMORY, Machine, Memory, PROFILES, PROVENANCE, Percent, Plan, Provenance, RECLAMATION,
    Reclamation, SAMPLES, SCHEMA_VERSION, Sample, SelfTestRow, Semantics, Status, checksum, self_test::read_self_tests,
};

const MEASURE_AGAIN: &str = "delete the line, and `mapbench run --resume` measures it again";
const WRITTEN_WRONG: &str = "the run was recorded so, by a faulty program: measure it again";
const NOT_OURS: &str = "is this file from another program or version?";

/// A run as its directory holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its directory.
    pub dir: PathBuf,
    /// Where the numbers come from.
    pub provenance: Provenance,
    /// The rows of `samples.csv`, in the file's order.
    pub samples: Vec<Sample>,
    /// The rows of `machine.csv`, in the file's order.
    pub machine: Vec<Machine>,
    /// The rows of `cells.csv`, in the file's order; empty while the run is unfinished.
    pub cells: Vec<Cell>,
    /// The rows of `latency.csv`, in the file's order; empty if the plan has no latency.
    pub latency: Vec<Latency>,
    /// The rows of `memory.csv`, in the file's order; empty if the plan has no memory.
    pub memory: Vec<Memory>,
    /// The rows of `reclamation.csv`, likewise.
    pub reclamation: Vec<Reclamation>,
    /// The rows of `growth.csv`, in the file's order; empty if the plan has no growth.
    pub growth: Vec<Growth>,
    /// The rows of `profiles.csv`, in the file's order; empty if the run was not profiled.
    pub profiles: Vec<FlameGraph>,
    /// The rows of `semantics.csv`, in the file's order; empty if the run was not verified.
    pub semantics: Vec<Semantics>,
    /// The rows of `self-test.csv` in `gate-self-test/` and in the folders in it; empty if the gate was not tested on this
    /// machine.
    pub self_test: Vec<SelfTestRow>,
    /// The rows of `detectable.csv`; likewise.
    pub detectable: Vec<Detectable>,
    /// The rows of `claims/claims.csv`; empty if no claim was tested beside the run.
    pub claims: Vec<ClaimRow>,
}

impl Run {
    /// Reads a run, finished or not.
    ///
    /// # Errors
    /// When anything is not exactly as the schema and the run's plan say.
    pub fn read(dir: &Path) -> Result<Self, Error> {
        Self::load(dir, Torn::Refused)
    }

    pub(crate) fn load(dir: &Path, torn: Torn) -> Result<Self, Error> {
        let provenance = read_provenance(dir)?;
        let finished = provenance.finished.is_some();
        // Who goes on with a run can do without what follows from its rows.
        let summarised = finished && (torn == Torn::Refused || dir.join(CELLS).exists());
        if finished {
            let needed = |name: &&str| summarised || *name != CELLS;
            verify_checksums(dir, &provenance, files_of(&provenance.plan).into_iter().filter(needed))?;
        }
        let files =
            Files { dir, plan: &provenance.plan, torn, remedy: if finished { WRITTEN_WRONG } else { MEASURE_AGAIN } };
        let (samples, machine) = (files.read()?, files.read()?);
        let plan = &provenance.plan;
        let latency = if plan.latency.is_some() { files.read()? } else { Vec::new() };
        let (memory, reclamation) =
            if plan.memory.is_some() { (files.read()?, files.read()?) } else { (Vec::new(), Vec::new()) };
        let growth = if plan.growth.is_some() { files.read()? } else { Vec::new() };
        let profiles: Vec<FlameGraph> = if plan.profile_cpu.is_some() { files.read()? } else { Vec::new() };
        if finished {
            let drawn = profiles.iter().filter(|graph| graph.status == Status::Ok).map(FlameGraph::file);
            verify_checksums(dir, &provenance, drawn)?;
        }
        // What a run that was interrupted while it finished left of this file is written anew by its end.
        let cells = if summarised { files.read()? } else { Vec::new() };
        let semantics = if finished { Semantics::of_run(dir, &provenance)? } else { Vec::new() };
        let self_test = dir.join(GATE_SELF_TEST);
        let (self_test, detectable) =
            if self_test.is_dir() { read_self_tests(&self_test)? } else { Default::default() };
        let claims = dir.join(CLAIMS_DIR);
        let claims = if claims.join(CLAIMS).exists() { ClaimRow::read(&claims)? } else { Vec::new() };
        let dir = dir.to_owned();
        Ok(Self {
            dir,
            provenance,
            samples,
            machine,
            cells,
            latency,
            memory,
            reclamation,
            growth,
            profiles,
            semantics,
            self_test,
            detectable,
            claims,
        })
    }

    /// The directory's name: what the run is called.
    #[must_use]
    pub fn name(&self) -> String {
        let dir = self.dir.canonicalize().unwrap_or_else(|_| self.dir.clone());
        dir.file_name().unwrap_or(dir.as_os_str()).to_string_lossy().into_owned()
    }
}

/// What to do about a torn last line, or a file that was not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Torn {
    Refused,
    Ignored,
}

pub(crate) fn read_provenance(dir: &Path) -> Result<Provenance, Error> {
    /// What all versions have in common.
    #[derive(Deserialize)]
    struct Version {
        schema_version: u64,
        mapbench_version: String,
    }
    let file = dir.join(PROVENANCE);
    let text = std::fs::read_to_string(&file).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => Error::NoRun(dir.to_owned()),
        _ => Error::Read { file: file.clone(), source },
    })?;
    let refused = |error: serde_json::Error| {
        let problem = error.to_string();
        let problem = problem.rsplit_once(" at line ").map_or(&*problem, |(problem, _)| problem);
        Error::line(&file, error.line() as u64, &format!("{problem}; {NOT_OURS}"))
    };
    let version: Version = serde_json::from_str(&text).map_err(refused)?;
    if !(1..=u64::from(SCHEMA_VERSION)).contains(&version.schema_version) {
        let (found, program) = (version.schema_version, version.mapbench_version);
        return Err(Error::Version { file, found, program: program.escape_debug().to_string() });
    }
    serde_json::from_str(&text).map_err(refused)
}

/// The files of a finished run that a plan asks for.
pub(crate) fn files_of(plan: &Plan) -> Vec<&'static str> {
    let latency: &[_] = if plan.latency.is_some() { &[LATENCY] } else { &[] };
    let memory: &[_] = if plan.memory.is_some() { &[MEMORY, RECLAMATION] } else { &[] };
    let growth: &[_] = if plan.growth.is_some() { &[GROWTH] } else { &[] };
    let profiles: &[_] = if plan.profile_cpu.is_some() { &[PROFILES] } else { &[] };
    [&[SAMPLES, MACHINE, CELLS], latency, memory, growth, profiles].concat()
}

fn verify_checksums(
    dir: &Path,
    provenance: &Provenance,
    names: impl IntoIterator<Item = impl AsRef<str>>,
) -> Result<(), Error> {
    for name in names {
        let name = name.as_ref();
        let file = dir.join(name);
        let found = checksum::of_file(&file).map_err(|source| {
            if name == CELLS && source.kind() == io::ErrorKind::NotFound {
                let problem = format!(
                    "it is missing; it follows from {SAMPLES}: `mapbench run --resume {}` makes it again",
                    dir.display()
                );
                return Error::file(&file, problem);
            }
            Error::read(&file)(source)
        })?;
        if provenance.checksums.get(name) != Some(&found) {
            let problem = "its SHA-256 is not the one in provenance.json: it was changed after the run; restore it";
            return Err(Error::file(&file, problem));
        }
    }
    Ok(())
}

/// How the CSV files of a run are to be read.
struct Files<'a> {
    dir: &'a Path,
    plan: &'a Plan,
    torn: Torn,
    /// What to do about a wrong row.
    remedy: &'static str,
}

impl Files<'_> {
    fn read<T: Planned>(&self) -> Result<Vec<T>, Error> {
        let mut places = Places::of(self.plan, T::visits(self.plan));
        read_rows(&self.dir.join(T::FILE), self.torn, self.remedy, |row: &T, line| places.take(row.place(), line))
    }
}

/// Reads the rows of a file. `admit` says what is wrong with a row among the others; `remedy`, what to do about it.
pub(crate) fn read_rows<T: Row>(
    file: &Path,
    torn: Torn,
    remedy: &str,
    admit: impl FnMut(&T, u64) -> Result<(), String>,
) -> Result<Vec<T>, Error> {
    let tail = match Tail::of_file(file) {
        Err(error) if torn == Torn::Ignored && error.kind() == io::ErrorKind::NotFound => {
            return Ok(Vec::new());
        }
        tail => tail.map_err(Error::read(file))?,
    };
    if torn == Torn::Ignored && tail.whole == 0 {
        return Ok(Vec::new());
    }
    if tail.is_torn() && torn == Torn::Refused {
        return Err(Error::line(file, tail.lines + 1, &format!("the last line is torn; {}", T::TORN)));
    }
    let opened = File::open(file).map_err(Error::read(file))?;
    // A run that is being measured may have grown since.
    parse_rows(file, opened.take(tail.whole), remedy, admit)
}

fn parse_rows<T: Row>(
    file: &Path,
    text: impl io::Read,
    remedy: &str,
    mut admit: impl FnMut(&T, u64) -> Result<(), String>,
) -> Result<Vec<T>, Error> {
    let csv_error = |line, error: csv::Error| {
        let problem = match error.into_kind() {
            csv::ErrorKind::Io(source) => return Error::Read { file: file.to_owned(), source },
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("{len} fields, the header has {expected_len}")
            }
            _ => "not UTF-8".to_owned(),
        };
        Error::line(file, line, &format!("{problem}; {remedy}"))
    };
    let mut reader = ReaderBuilder::new().has_headers(false).from_reader(text);
    let mut header = StringRecord::new();
    if !reader.read_record(&mut header).map_err(|error| csv_error(1, error))? {
        return Err(Error::line(file, 1, &format!("the header is missing; {}", T::TORN)));
    }
    if let Some(problem) = header_problem(&header, columns::<T>(), T::ADDED) {
        return Err(Error::line(file, 1, &format!("{problem}; {NOT_OURS}")));
    }
    let (mut record, mut rows) = (StringRecord::new(), Vec::new());
    // Counted here because the reader's own position is a line behind after CR LF.
    let mut line = 2;
    while reader.read_record(&mut record).map_err(|error| csv_error(line, error))? {
        let refused = |problem: String| Error::line(file, line, &format!("{problem}; {remedy}"));
        let row: T = record.deserialize(Some(&header)).map_err(|error| refused(field_problem(&error, &header)))?;
        if let Some(problem) = row.problem() {
            return Err(refused(problem));
        }
        admit(&row, line).map_err(refused)?;
        rows.push(row);
        line += 1 + record.as_slice().bytes().filter(|byte| *byte == b'\n').count() as u64;
    }
    Ok(rows)
}

fn header_problem(header: &StringRecord, columns: &[&str], added: &[&str]) -> Option<String> {
    let earlier = columns.iter().copied().filter(|column| !added.contains(column));
    if header.iter().eq(columns.iter().copied()) || header.iter().eq(earlier) {
        return None;
    }
    let missing = columns.iter().find(|column| !header.iter().any(|found| found == **column));
    let unknown = header.iter().find(|found| !columns.contains(found));
    Some(match (missing, unknown) {
        (Some(missing), _) => format!("the column `{missing}` is missing"),
        (None, Some(unknown)) => format!("the column {unknown:?} is unknown"),
        (None, None) => format!("the columns are not in the order {}", columns.join(",")),
    })
}

fn field_problem(error: &csv::Error, header: &StringRecord) -> String {
    let csv::ErrorKind::Deserialize { err, .. } = error.kind() else { return error.to_string() };
    let column = err.field().and_then(|field| header.get(usize::try_from(field).ok()?));
    column.map_or_else(|| err.kind().to_string(), |column| format!("the column `{column}`: {}", err.kind()))
}

/// The places of a plan, and the line of the row that took each.
struct Places<'a> {
    /// Forks, and rounds of a fork.
    visits: (u32, u32),
    groups: HashMap<(&'a str, Percent, u32), usize>,
    strategies: HashMap<&'a str, usize>,
    taken: HashMap<(usize, usize, u32, u32, String), u64>,
}

impl<'a> Places<'a> {
    fn of(plan: &'a Plan, visits: (u32, u32)) -> Self {
        let group = |(index, group): (usize, &'a crate::Group)| {
            ((group.workload.as_str(), group.read_pct, group.threads), index)
        };
        Self {
            visits,
            groups: plan.groups.iter().enumerate().map(group).collect(),
            strategies: plan.strategies.iter().enumerate().map(|(index, name)| (name.as_str(), index)).collect(),
            taken: HashMap::new(),
        }
    }

    fn take(&mut self, place: Place<'_>, line: u64) -> Result<(), String> {
        let Place { workload, read_pct, threads, strategy, visit, part } = place;
        let group = *self.groups.get(&(workload, read_pct, threads)).ok_or_else(|| {
            format!("the plan has no group of the workload {workload:?}, {read_pct} % reads and {threads} threads")
        })?;
        let strategy = match strategy {
            None => 0,
            Some(name) => *self.strategies.get(name).ok_or_else(|| format!("the plan has no strategy {name:?}"))?,
        };
        let (fork, round) = visit.unwrap_or_default();
        let (forks, rounds) = self.visits;
        if visit.is_some() && (fork >= forks || round >= rounds) {
            return Err(format!(
                "fork {fork}, round {round}, but the plan has {forks} forks of {rounds} rounds, from 0"
            ));
        }
        match self.taken.insert((group, strategy, fork, round, part), line) {
            None => Ok(()),
            Some(first) => Err(format!("the row of line {first} again")),
        }
    }
}
