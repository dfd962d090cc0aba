//! What `mapbench gate` found: a file of JSON, read by whoever shows or archives a verdict.

use std::collections::HashSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Error, Host};

/// The version of [`GateResult`]; readers refuse any other.
pub const GATE_SCHEMA_VERSION: u32 = 2;

/// Of a cell, or of a whole gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateVerdict {
    /// Shown not to be slower than the budget allows.
    Pass,
    /// Shown to be slower, and shown again with fresh processes; or the candidate could not be measured.
    Fail,
    /// Neither was shown.
    Inconclusive,
}

/// One side of a gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateSide {
    /// SHA-256 of the executable, in hexadecimal.
    pub executable_sha256: String,
    /// The executable's version.
    pub version: String,
    /// The strategy, where one is compared with another; `None` where each is compared with itself.
    pub strategy: Option<String>,
    /// What the side is called: `base`, `candidate`, a strategy's name, a run's directory.
    pub label: String,
}

/// Instructions of one operation on one thread, as valgrind counts them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instructions {
    /// Of the base.
    pub base: f64,
    /// Of the candidate.
    pub candidate: f64,
}

/// Cache lines that an operation takes from other cores, as `mapbench forecast` counts them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfers {
    /// Virtual cores.
    pub cores: u32,
    /// Of the base.
    pub base: f64,
    /// Of the candidate.
    pub candidate: f64,
    /// What the candidate may have at most.
    pub most: f64,
}

impl Transfers {
    /// Whether the candidate has more than it may.
    #[must_use]
    pub fn exceeded(&self) -> bool {
        self.candidate > self.most
    }
}

/// One cell of a gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateCell {
    /// Its name, for example `ratio-sweep/read-90/threads-2/dashmap`.
    pub cell: String,
    /// Its verdict.
    pub verdict: GateVerdict,
    /// Time of an operation of the candidate as a multiple of the base's: 1.02 is 2 % slower. The Hodges-Lehmann estimate.
    pub change: Option<f64>,
    /// Lower end of its 95 % interval.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// The adjusted p-value of the screening.
    pub p: Option<f64>,
    /// That of the confirmation with fresh rounds; `None` where none was needed.
    pub confirmed_p: Option<f64>,
    /// Rounds measured.
    pub rounds: u32,
    /// What is no change: slower by less, in per cent, is never a `Fail`.
    pub floor_pct: f64,
    /// What is allowed: a `Pass` is shown to be slower by less, in per cent.
    pub budget_pct: f64,
    /// Why the verdict is what it is, in one line.
    pub reason: String,
    /// As `change`, of the base against itself.
    pub control: Option<f64>,
    /// Instructions of one operation, where they were counted.
    pub instructions: Option<Instructions>,
    /// Transfers of cache lines, where they were counted.
    pub transfers: Option<Transfers>,
}

/// All that a gate found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateResult {
    /// [`GATE_SCHEMA_VERSION`] of the program that wrote it.
    pub schema_version: u32,
    /// The program's version.
    pub mapbench_version: String,
    /// Start, UTC, RFC 3339.
    pub started: String,
    /// End.
    pub finished: String,
    /// The exact command, a word an entry.
    pub command: Vec<String>,
    /// The verdict over all cells.
    pub verdict: GateVerdict,
    /// Why it is what it is, in one line.
    pub reason: String,
    /// The sides were not measured on the same machine and build: the verdict is advice.
    pub advisory: bool,
    /// What the candidate is compared with.
    pub base: GateSide,
    /// What is judged.
    pub candidate: GateSide,
    /// The machine.
    pub host: Host,
    /// The probability that any cell fails although none is slower, at most.
    pub alpha: f64,
    /// Seed of all that was drawn.
    pub seed: u64,
    /// How long it took.
    pub seconds: f64,
    /// The numbers of rounds after which it looked.
    pub looks: Vec<u32>,
    /// The cells that both sides have.
    pub cells: Vec<GateCell>,
    /// Cells that the candidate lost.
    pub only_in_base: Vec<String>,
    /// Cells that the candidate gained.
    pub only_in_candidate: Vec<String>,
    /// What else a reader must know, a line each.
    pub notes: Vec<String>,
}

/// A number that no JSON holds.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{place}: {field} is {value}, which JSON cannot hold: this is a defect of mapbench, please report it")]
pub struct NotFinite {
    place: String,
    field: &'static str,
    value: f64,
}

impl GateResult {
    /// As JSON, for people to read too.
    ///
    /// # Errors
    /// When a number is not finite.
    pub fn to_json(&self) -> Result<String, NotFinite> {
        self.finite()?;
        let json = serde_json::to_string_pretty(self).expect("strings, numbers and lists can be written");
        Ok(json + "\n")
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    /// When the file cannot be read, is not a gate's result, is one of another version, or contradicts itself.
    pub fn read(file: &Path) -> Result<Self, Error> {
        /// What all versions have in common.
        #[derive(Deserialize)]
        struct Version {
            schema_version: u64,
            mapbench_version: String,
        }
        let text = std::fs::read_to_string(file).map_err(Error::read(file))?;
        let refused = |error: serde_json::Error| {
            let problem = error.to_string();
            let problem = problem.rsplit_once(" at line ").map_or(&*problem, |(problem, _)| problem);
            Error::line(file, error.line() as u64, &format!("{problem}; {NOT_OURS}"))
        };
        let version: Version = serde_json::from_str(&text).map_err(refused)?;
        if version.schema_version != u64::from(GATE_SCHEMA_VERSION) {
            let problem = format!(
                "a gate's result of schema version {}, this mapbench reads version {GATE_SCHEMA_VERSION}: use mapbench {}",
                version.schema_version,
                version.mapbench_version.escape_debug()
            );
            return Err(Error::file(file, problem));
        }
        let result: Self = serde_json::from_str(&text).map_err(refused)?;
        result.consistent().map_err(|problem| Error::file(file, format!("{problem}; {NOT_OURS}")))?;
        Ok(result)
    }

    fn finite(&self) -> Result<(), NotFinite> {
        let all = [("alpha", self.alpha), ("seconds", self.seconds)];
        check_finite("the gate", all.into_iter().map(|(field, value)| (field, Some(value))))?;
        self.cells.iter().try_for_each(|cell| {
            let fields = [
                ("change", cell.change),
                ("low", cell.low),
                ("high", cell.high),
                ("p", cell.p),
                ("confirmed_p", cell.confirmed_p),
                ("floor_pct", Some(cell.floor_pct)),
                ("budget_pct", Some(cell.budget_pct)),
                ("control", cell.control),
                ("instructions.base", cell.instructions.map(|counted| counted.base)),
                ("instructions.candidate", cell.instructions.map(|counted| counted.candidate)),
                ("transfers.base", cell.transfers.map(|counted| counted.base)),
                ("transfers.candidate", cell.transfers.map(|counted| counted.candidate)),
                ("transfers.most", cell.transfers.map(|counted| counted.most)),
            ];
            check_finite(&cell.cell, fields)
        })
    }

    /// What the types do not say.
    fn consistent(&self) -> Result<(), String> {
        let mut names = HashSet::new();
        for cell in &self.cells {
            let wrong = |problem: &str| Err(format!("{}: {problem}", cell.cell.escape_debug()));
            if !names.insert(&cell.cell) {
                return wrong("twice in it");
            }
            if [cell.p, cell.confirmed_p].into_iter().flatten().any(|p| !(0.0..=1.0).contains(&p)) {
                return wrong("a p-value is not between 0 and 1");
            }
            if [cell.change, cell.low, cell.high, cell.control].into_iter().flatten().any(|ratio| ratio <= 0.0) {
                return wrong("a ratio of times is not above 0");
            }
            if cell.change.zip(cell.low).is_some_and(|(change, low)| low > change)
                || cell.change.zip(cell.high).is_some_and(|(change, high)| high < change)
            {
                return wrong("the change is outside its interval");
            }
        }
        Ok(())
    }
}

const NOT_OURS: &str = "not as `mapbench gate` writes it: give a file that it wrote";

fn check_finite(place: &str, fields: impl IntoIterator<Item = (&'static str, Option<f64>)>) -> Result<(), NotFinite> {
    match fields.into_iter().find_map(|(field, value)| value.filter(|value| !value.is_finite()).map(|v| (field, v))) {
        Some((field, value)) => Err(NotFinite { place: place.escape_debug().to_string(), field, value }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{GATE_SCHEMA_VERSION, GateCell, GateResult, GateSide, GateVerdict, Instructions, Transfers};
    use crate::Host;

    fn result() -> GateResult {
        let side = |label: &str| GateSide {
            executable_sha256: "ab12".to_owned(),
            version: "0.1.0".to_owned(),
            strategy: None,
            label: label.to_owned(),
        };
        let cell = GateCell {
            cell: "w/read-90/threads-2/s".to_owned(),
            verdict: GateVerdict::Inconclusive,
            change: Some(1.02),
            low: Some(1.01),
            high: Some(1.1),
            p: Some(0.1),
            confirmed_p: None,
            rounds: 8,
            floor_pct: 1.0,
            budget_pct: 5.0,
            reason: "why".to_owned(),
            control: Some(1.0),
            instructions: Some(Instructions { base: 400.0, candidate: 401.5 }),
            transfers: Some(Transfers { cores: 8, base: 0.25, candidate: 0.3, most: 0.36 }),
        };
        GateResult {
            schema_version: GATE_SCHEMA_VERSION,
            mapbench_version: "0.1.0".to_owned(),
            started: "2026-11-25T10:00:00Z".to_owned(),
            finished: "2026-11-25T10:10:00Z".to_owned(),
            command: vec!["mapbench".to_owned(), "gate".to_owned()],
            verdict: GateVerdict::Pass,
            reason: "why".to_owned(),
            advisory: false,
            base: side("base"),
            candidate: side("candidate"),
            host: Host {
                name: "host".to_owned(),
                cpu: "cpu".to_owned(),
                cores: 2,
                threads_per_core: None,
                caches: String::new(),
                governor: None,
                kernel: "Linux".to_owned(),
                virtualisation: None,
                memory_bytes: 1,
                steal_ns: 0,
                clock: None,
            },
            alpha: 0.01,
            seed: 7,
            seconds: 600.5,
            looks: vec![8, 12],
            cells: vec![cell],
            only_in_base: vec!["lost".to_owned()],
            only_in_candidate: Vec::new(),
            notes: vec!["note".to_owned()],
        }
    }

    /// What reading a text says, without the directory.
    fn read(text: &str) -> Result<GateResult, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("gate.json");
        std::fs::write(&file, text).unwrap();
        GateResult::read(&file).map_err(|error| error.to_string().replace(&format!("{}/", dir.path().display()), ""))
    }

    #[test]
    fn as_many_transfers_as_there_may_be_are_not_too_many() {
        let candidate = |candidate| Transfers { cores: 8, base: 0.25, candidate, most: 0.36 };
        assert_eq!([0.0, 0.36, 0.361].map(|many| candidate(many).exceeded()), [false, false, true]);
    }

    #[test]
    fn what_is_written_is_read() {
        let json = result().to_json().unwrap();
        assert!(json.contains("\"verdict\": \"inconclusive\"") && json.ends_with("}\n"), "{json}");
        assert_eq!(read(&json).unwrap(), result());
    }

    #[test]
    fn what_json_cannot_hold_is_refused() {
        let mut odd = result();
        odd.cells[0].control = Some(f64::NAN);
        let error = odd.to_json().unwrap_err().to_string();
        assert!(error.starts_with("w/read-90/threads-2/s: control is NaN, which JSON cannot hold"), "{error}");
        let error = GateResult { seconds: f64::INFINITY, ..result() }.to_json().unwrap_err().to_string();
        assert!(error.starts_with("the gate: seconds is inf"), "{error}");
    }

    #[test]
    fn what_is_wrong_is_refused_in_one_line() {
        let json = result().to_json().unwrap();
        let cases = [
            ("\"seed\": 7", "\"seed\": \"x\"", "gate.json, line 38: invalid type: string \"x\", expected u64"),
            ("\"seed\"", "\"sead\"", "gate.json, line 38: unknown field `sead`"),
            ("\"verdict\": \"pass\"", "\"verdict\": \"good\"", "gate.json, line 10: unknown variant `good`"),
            ("\"schema_version\": 2", "\"schema_version\": 1", "gate.json: a gate's result of schema version 1, this"),
            ("\"p\": 0.1", "\"p\": 1.1", "gate.json: w/read-90/threads-2/s: a p-value is not between 0 and 1"),
            ("\"low\": 1.01", "\"low\": 1.03", "gate.json: w/read-90/threads-2/s: the change is outside its interval"),
            (
                "\"control\": 1.0",
                "\"control\": -1.0",
                "gate.json: w/read-90/threads-2/s: a ratio of times is not above 0",
            ),
            (&*json, "{}", "gate.json, line 1: missing field `schema_version`"),
        ];
        for (from, to, expected) in cases {
            let error = read(&json.replacen(from, to, 1)).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
        let mut twice = result();
        twice.cells.push(twice.cells[0].clone());
        let error = read(&twice.to_json().unwrap()).unwrap_err();
        assert!(error.contains("twice in it") && error.contains("give a file that it wrote"), "{error}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = GateResult::read(std::path::Path::new("nowhere/gate.json")).unwrap_err().to_string();
        assert!(error.starts_with("nowhere/gate.json: cannot be read: "), "{error}");
    }
}
