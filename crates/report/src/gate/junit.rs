use std::time::Duration;

use mapbench_results::{GateCell, GateResult, GateVerdict};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::rows;

/// As JUnit XML: a test case a cell, and one for the verdict over all. What is inconclusive, and what is advice only, is
/// skipped rather than failed.
#[must_use]
pub fn gate_junit(result: &GateResult) -> String {
    let mut suite = TestSuite::new("mapbench gate");
    if let Ok(time) = Duration::try_from_secs_f64(result.seconds) {
        suite.set_time(time);
    }
    let case = |name: &str, verdict, message: &str| {
        let mut case = TestCase::new(text(name), status(verdict, result.advisory, message));
        case.set_classname("mapbench.gate");
        case
    };
    suite.add_test_case(case("verdict", result.verdict, &rows::verdict(result)));
    suite.add_test_cases(result.cells.iter().map(|cell| case(&cell.cell, cell.verdict, &message(cell))));
    let lost = result.only_in_base.iter().filter(|name| result.cells.iter().all(|cell| cell.cell != **name));
    let alone = lost
        .map(|name| (name, &result.base.label))
        .chain(result.only_in_candidate.iter().map(|name| (name, &result.candidate.label)));
    suite.add_test_cases(
        alone.map(|(name, side)| case(name, GateVerdict::Inconclusive, &format!("only in {side}: nothing to compare"))),
    );
    let mut report = Report::new("mapbench gate");
    report.add_test_suite(suite);
    report.to_string().expect("text without control characters can be written as XML")
}

fn status(verdict: GateVerdict, advisory: bool, message: &str) -> TestCaseStatus {
    let mut status = match verdict {
        GateVerdict::Pass => return TestCaseStatus::success(),
        GateVerdict::Fail if !advisory => TestCaseStatus::non_success(NonSuccessKind::Failure),
        GateVerdict::Fail | GateVerdict::Inconclusive => TestCaseStatus::skipped(),
    };
    status.set_type(rows::word(verdict)).set_message(text(message));
    status
}

/// `+6.12 % [+5.20, +7.03]: reason`
fn message(cell: &GateCell) -> String {
    let measured = [rows::change(cell), rows::interval(cell)];
    let measured: Vec<&str> = measured.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    match &measured[..] {
        [] => cell.reason.clone(),
        measured => format!("{}: {}", measured.join(" "), cell.reason),
    }
}

/// Without what XML cannot hold.
fn text(text: &str) -> String {
    let odd = |c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}');
    text.chars().map(|c| if odd(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::gate_junit;
    use crate::gate::testing::{cell, mixed, result};
    use mapbench_results::GateVerdict;
    use quick_junit::{NonSuccessKind, Report, TestCaseStatus};

    /// Name, what became of it and the message of every test case, as a reader of JUnit has them.
    fn read(xml: &str) -> Vec<(String, &'static str, String)> {
        let report = Report::deserialize_from_str(xml).unwrap();
        let suite = &report.test_suites[0];
        assert_eq!(suite.tests, suite.test_cases.len());
        let cases = suite.test_cases.iter().map(|case| {
            let (kind, message) = match &case.status {
                TestCaseStatus::Success { .. } => ("pass", None),
                TestCaseStatus::NonSuccess { kind: NonSuccessKind::Failure, message, .. } => {
                    ("failure", message.as_ref())
                }
                TestCaseStatus::NonSuccess { message, .. } => ("error", message.as_ref()),
                TestCaseStatus::Skipped { message, .. } => ("skipped", message.as_ref()),
            };
            (case.name.as_str().to_owned(), kind, message.map_or_else(String::new, |m| m.as_str().to_owned()))
        });
        cases.collect()
    }

    #[test]
    fn a_cell_is_a_case_and_says_what_became_of_it() {
        let mut result = mixed();
        result.only_in_base = vec!["lost".to_owned(), result.cells[0].cell.clone()];
        result.only_in_candidate = vec!["new".to_owned()];
        let cases = read(&gate_junit(&result));
        assert_eq!(cases.len(), 1 + 60 + 2);
        let case = |name: &str| cases.iter().find(|case| case.0.ends_with(name)).unwrap();
        assert_eq!((case("verdict").1, &*case("verdict").2), ("failure", "FAIL: the whole's reason"));
        assert_eq!((case("s00").1, &*case("s00").2), ("pass", ""));
        assert_eq!(case("/slow").2, "+6.12 % [+5.12, +7.12]: because of w/read-0/threads-2/slow");
        assert_eq!((case("/crashed").1, case("/open").1, case("lost").1), ("failure", "skipped", "skipped"));
        assert_eq!(case("/crashed").2, "because of w/read-0/threads-2/crashed");
        assert_eq!(case("new").2, "only in candidate: nothing to compare");
    }

    #[test]
    fn advice_fails_nothing() {
        let mut result = mixed();
        result.advisory = true;
        let cases = read(&gate_junit(&result));
        assert!(cases.iter().all(|case| case.1 != "failure") && cases[0].1 == "skipped", "{cases:?}");
    }

    #[test]
    fn hostile_names_stay_text() {
        let hostile = "w/<\"&'>]]>\u{0}\u{1b}[31m\u{ffff}\nx";
        let mut cell = cell(hostile, GateVerdict::Fail, 1.2);
        cell.reason = hostile.to_owned();
        let mut result = result(GateVerdict::Fail, vec![cell]);
        result.seconds = -1.0;
        let xml = gate_junit(&result);
        assert!(!xml.contains("/<") && xml.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{ffff}'), "{xml}");
        let cases = read(&xml);
        assert_eq!(cases[1].0, "w/<\"&'>]]>\u{fffd}\u{fffd}[31m\u{fffd}\u{fffd}x");
    }
}
