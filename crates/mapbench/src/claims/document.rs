//! What was found, as files: `claims.json`, `claims.md` and a page.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::SystemTime;

use mapbench_report::Tested;
use mapbench_results::{Build, ClaimRow, ClaimVerdict, Declared, Host, time};
use serde::Serialize;

use super::Setting;
use crate::failure::Failure;
use crate::provenance;
use crate::registry::{Entry, Registry};
use crate::run::command;

/// The version of `claims.json`.
const VERSION: u32 = 1;

/// `claims.json`.
#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    mapbench_version: &'static str,
    started: String,
    finished: String,
    command: Vec<String>,
    seed: u64,
    host: &'a Host,
    build: Build,
    strategies: Vec<Declared>,
    claims: Vec<ClaimOf<'a>>,
}

#[derive(Serialize)]
struct ClaimOf<'a> {
    name: &'a str,
    statement: &'a str,
    source: &'a str,
    verdict: ClaimVerdict,
    why: String,
    cases: Vec<&'a ClaimRow>,
}

/// Writes the files beside the rows.
///
/// # Errors
/// When the system refuses.
pub(super) fn write(
    rows: &[ClaimRow],
    registry: &Registry,
    host: &Host,
    began: SystemTime,
    setting: &Setting,
) -> Result<(), Failure> {
    let tested = Tested::all(rows);
    let named: BTreeSet<&str> = rows.iter().flat_map(|row| [&*row.subject, &*row.reference]).collect();
    let strategies = registry.entries().iter().filter(|entry| named.contains(entry.info.name)).map(Entry::declared);
    let document = Document {
        schema_version: VERSION,
        mapbench_version: env!("CARGO_PKG_VERSION"),
        started: time::rfc3339(began),
        finished: time::rfc3339(SystemTime::now()),
        command: command(),
        seed: setting.seed,
        host,
        build: provenance::build(),
        strategies: strategies.collect(),
        claims: tested.iter().map(claim).collect(),
    };
    let json = serde_json::to_string_pretty(&document).expect("a document is plain data");
    put(&setting.dir, "claims.json", &(json + "\n"))?;
    put(&setting.dir, "claims.md", &mapbench_report::claims(rows, true).markdown())?;
    put(&setting.dir, crate::run::PAGE, &mapbench_report::html_of_claims(rows, host))
}

fn claim<'a>(tested: &Tested<'a>) -> ClaimOf<'a> {
    ClaimOf {
        name: tested.name(),
        statement: tested.statement(),
        source: tested.source(),
        verdict: tested.verdict(),
        why: tested.why(),
        cases: tested.cases().to_vec(),
    }
}

fn put(dir: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let path = dir.join(name);
    std::fs::write(&path, text).map_err(|error| Failure::usage(format!("cannot write {}: {error}", path.display())))
}
