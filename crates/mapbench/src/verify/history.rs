//! A history that somebody recorded, judged.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

use mapbench_conformance::history::{History, Refused};
use mapbench_conformance::linearizability::{Budget, Report, Verdict, check};
use mapbench_report::counted;
use serde::Serialize;

use crate::failure::Failure;
use crate::output;

/// How many keys that stayed undecided are named.
const NAMED: usize = 5;

/// Reads a history (`-`: standard input), says whether it is linearizable, and answers by the exit code.
///
/// # Errors
/// When it cannot be read, is not linearizable, or stays undecided.
pub(crate) fn judge(file: &Path, seconds: Option<u64>, json: bool) -> Result<(), Failure> {
    let (name, input): (String, Box<dyn BufRead>) = if file == Path::new("-") {
        ("standard input".to_owned(), Box::new(io::stdin().lock()))
    } else {
        let opened = File::open(file)
            .map_err(|error| Failure::usage(format!("cannot read the history {}: {error}", file.display())))?;
        (file.display().to_string(), Box::new(BufReader::new(opened)))
    };
    let history = History::read(input).map_err(|refused| match refused {
        Refused::Line { .. } => Failure::usage(format!("{name}, {refused}")),
        Refused::Read(_) | Refused::Call { .. } => Failure::usage(format!("{name}: {refused}")),
    })?;
    let report = check(&history, budget(seconds));
    if json {
        let judged = Judged { history: &name, verdict: report.verdict(), picture: picture(&report), report: &report };
        output::line(serde_json::to_string_pretty(&judged).expect("a report is plain data"))?;
    } else {
        output::print(text(&name, &report))?;
    }
    match report.verdict() {
        Verdict::Linearizable => Ok(()),
        Verdict::Violated => Err(Failure::no()),
        Verdict::Undecided => Err(Failure::inconclusive()),
    }
}

/// Both bounds of the search grow with the time.
fn budget(seconds: Option<u64>) -> Budget {
    let usual = Budget::default();
    let Some(seconds) = seconds else { return usual };
    let steps = usual.steps.saturating_mul(seconds) / usual.time.as_secs();
    Budget { steps: steps.max(usual.steps), time: Duration::from_secs(seconds) }
}

#[derive(Serialize)]
struct Judged<'a> {
    history: &'a str,
    verdict: Verdict,
    #[serde(flatten)]
    report: &'a Report,
    picture: Option<String>,
}

fn picture(report: &Report) -> Option<String> {
    report.violation.as_ref().map(ToString::to_string)
}

fn text(name: &str, report: &Report) -> String {
    let size = format!("{} on {}", counted(report.calls, "call"), counted(report.keys, "key"));
    match report.verdict() {
        Verdict::Linearizable => format!("{name}: linearizable: {size}\n"),
        Verdict::Violated => {
            let wrong = counted(report.violated.len(), "key");
            format!(
                "{name}: violated: {size}, of which {wrong} cannot be explained\n\n{}",
                picture(report).unwrap_or_default()
            )
        }
        Verdict::Undecided => {
            let mut text = format!("{name}: undecided: {size}; a longer --seconds may decide\n");
            for (key, reason) in report.undecided.iter().take(NAMED) {
                text += &format!("    key {key}: {reason}\n");
            }
            if report.undecided.len() > NAMED {
                text += &format!("    and {}\n", counted(report.undecided.len() - NAMED, "other key"));
            }
            text
        }
    }
}
