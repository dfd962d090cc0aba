use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use mapbench_report::{Tested, counted};
use mapbench_results::{ClaimRow, time};

use super::{Failure, in_format};
use crate::claims::{self, Claim, Expected, Setting, Shape, Watcher};
use crate::registry::Registry;
use crate::run::{file_name, results_dir};
use crate::{interrupt, output, provenance};

#[derive(clap::Args)]
#[command(after_help = "Examples: mapbench claims --list
          mapbench claims --claim lost-update
          mapbench claims --claim qps-47 --seconds 30
          mapbench claims --expect expect.toml --out bench-results/RUN/claims
Exit codes: 0 tested, 1 a verdict is not the expected one, 2 bad usage or input, 130 interrupted.")]
pub(super) struct Arguments {
    /// Claims: shipped ones by name, own ones as a TOML file; all that are shipped by default
    #[arg(long = "claim", value_delimiter = ',', value_name = "NAME|FILE.toml")]
    claims: Vec<String>,
    /// Name the claims and what each says, and test nothing
    #[arg(long, conflicts_with_all = ["json", "markdown", "expect", "out", "quick", "seconds"])]
    list: bool,
    /// Print JSON instead of the table
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print Markdown instead of the table
    #[arg(long)]
    markdown: bool,
    /// End with 1 if a verdict is not the one in FILE, which has a table of them: [verdicts] lost-update = "reproduced"
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    /// Where to put claims.csv, claims.json, claims.md, report.html and the slices; a fresh directory under bench-results by
    /// default
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Seed of the operation streams, the hashers and the order of visits
    #[arg(long, default_value_t = 1, value_parser = super::whole(0..=u64::MAX))]
    seed: u64,
    /// Does everything run at all? Not for reading
    #[arg(long, conflicts_with = "seconds")]
    quick: bool,
    /// How long a service is loaded, each time; 1.5 by default, and the article's 30 for its length
    #[arg(long, value_name = "SECONDS", value_parser = super::whole(1..=600))]
    seconds: Option<u64>,
    /// Memory that a worker may hold, in MiB
    #[arg(long, default_value_t = 2048, value_name = "MIB", value_parser = super::whole(16..=1 << 24))]
    memory_mib: u64,
    /// Seconds that a worker may take to answer, beyond its work
    #[arg(long, default_value_t = 30, value_name = "SECONDS", value_parser = super::whole(1..=86_400))]
    patience: u64,
}

pub(super) fn run(registry: &Registry, arguments: Arguments) -> Result<(), Failure> {
    let chosen = claims::chosen(&arguments.claims, registry)?;
    if arguments.list {
        return output::print(list(&chosen));
    }
    let mut known: Vec<&str> = claims::names().collect();
    known.extend(chosen.iter().map(|claim| claim.name.as_str()));
    let expected = arguments.expect.as_deref().map(|path| Expected::read(path, &known)).transpose()?;
    let host = provenance::host(0);
    let dir = arguments.out.unwrap_or_else(|| {
        results_dir().join(format!("claims-{}-{}", time::compact(SystemTime::now()), file_name(&host.name)))
    });
    if dir.join(mapbench_results::CLAIMS).exists() {
        return Err(Failure::usage(format!("{} holds claims already: choose another directory", dir.display())));
    }
    let setting = Setting {
        shape: if arguments.quick { Shape::SMOKE } else { Shape::USUAL },
        smoke: arguments.quick,
        load: arguments.seconds.map(Duration::from_secs),
        seed: arguments.seed,
        cores: host.cores,
        memory_bytes: arguments.memory_mib << 20,
        patience: Duration::from_secs(arguments.patience),
        executable: std::env::current_exe()
            .map_err(|error| Failure::usage(format!("cannot find this program: {error}")))?,
        dir,
    };
    interrupt::heed();
    let mut progress = Progress { of: chosen.len(), begun: 0, line_is_open: false };
    let rows = claims::run(&chosen, registry, &setting, &mut progress);
    if progress.line_is_open {
        output::aside("");
    }
    let rows = rows?;
    let tested = Tested::all(&rows);
    if arguments.json {
        output::print(std::fs::read_to_string(setting.dir.join("claims.json")).map_err(Failure::usage)?)?;
    } else {
        output::print(in_format(&mapbench_report::claims(&rows, false), arguments.markdown))?;
        if !arguments.markdown {
            output::line(setting.dir.display())?;
        }
    }
    let differences = expected.map(|expected| expected.differences(&tested)).unwrap_or_default();
    differences.iter().for_each(|line| output::aside(format_args!("mapbench: {line}")));
    if differences.is_empty() { Ok(()) } else { Err(Failure::no()) }
}

fn list(claims: &[Claim]) -> String {
    let entry = |claim: &Claim| {
        let (name, statement, source) = (&claim.name, &claim.statement, &claim.source);
        let cores = claim.cores.map(|cores| format!("; made with {}", counted(cores, "core"))).unwrap_or_default();
        let (quantity, implied) = (claim.test.quantity(), claim.test.implied());
        format!("{name}\n    {statement}\n    source: {source}{cores}\n    {quantity}: {implied}\n")
    };
    claims.iter().map(entry).collect()
}

/// A line when a claim begins and when it was tested.
struct Progress {
    of: usize,
    begun: usize,
    /// The verdict is still to come.
    line_is_open: bool,
}

impl Watcher for Progress {
    fn begins(&mut self, claim: &Claim) {
        self.begun += 1;
        let _ = write!(io::stderr(), "[{}/{}] {} ... ", self.begun, self.of, claim.name);
        self.line_is_open = true;
    }

    fn tested(&mut self, rows: &[ClaimRow]) {
        for claim in Tested::all(rows) {
            output::aside(claim.verdict());
            self.line_is_open = false;
        }
    }
}
