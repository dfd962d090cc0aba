use mapbench_results::{ClaimRow, ClaimVerdict};
use mapbench_stats::Interval;

use super::Tested;
use crate::Text;
use crate::format;

/// A table of the claims, a row each; then each with its reason and its cases.
#[must_use]
pub fn claims(rows: &[ClaimRow], full: bool) -> Text {
    let tested = Tested::all(rows);
    let mut text = Text::default();
    let mut table = vec![["claim", "measured", "verdict"].map(str::to_owned).to_vec()];
    table.extend(tested.iter().map(|claim| {
        let deciding = claim.deciding();
        vec![claim.name().to_owned(), measured(deciding), claim.verdict().name().to_owned()]
    }));
    text.table(table);
    text.note(summary(&tested));
    for claim in &tested {
        text.title(format!("{}: {}", claim.name(), claim.verdict()));
        let mut items = vec![claim.statement().to_owned(), format!("source: {}", claim.source())];
        items.push(format!("why: {}", claim.why()));
        items.extend(claim.cases().iter().filter_map(|row| slower_machine(row)).take(1));
        if full || claim.cases().len() > 1 {
            items.extend(claim.cases().iter().map(|row| case(row)));
        }
        text.items(items);
    }
    text
}

fn summary(tested: &[Tested]) -> String {
    let counts = ClaimVerdict::ALL.map(|verdict| {
        let count = tested.iter().filter(|claim| claim.verdict() == verdict).count();
        format!("{count} {verdict}")
    });
    format!("{}: {}", format::counted(tested.len(), "claim"), counts.join(", "))
}

/// `1.30x [1.20, 1.40]`, or a number with its unit.
pub(crate) fn measured(row: &ClaimRow) -> String {
    let Some(estimate) = row.measured else { return "–".to_owned() };
    let interval = row.measured_low.zip(row.measured_high);
    let range = interval.map(|(low, high)| format!(" {}", format::interval(&Interval { low, estimate, high })));
    let range = range.unwrap_or_default();
    if row.unit == "ratio" {
        format!("{}x{range}", format::significant(estimate))
    } else {
        format!("{}{range} {}", format::significant(estimate), row.unit)
    }
}

/// That a claim was made on a larger machine; `None` where this one is large enough.
pub(crate) fn slower_machine(row: &ClaimRow) -> Option<String> {
    let implied = row.cores_implied.filter(|implied| *implied > row.cores)?;
    let oversubscribed = if row.threads > row.cores { ", oversubscribed" } else { "" };
    Some(format!(
        "the claim needs {} and this machine has {}: measured with {}{oversubscribed}",
        format::counted(implied, "core"),
        row.cores,
        format::counted(row.threads, "thread")
    ))
}

fn case(row: &ClaimRow) -> String {
    let name = if row.case.is_empty() { row.subject.clone() } else { row.case.clone() };
    let beside = if row.judged { "" } else { " (beside)" };
    let mut line = format!("{name}{beside}: {}: {}", row.verdict, row.why);
    if let Some(subject) = row.subject_value {
        let values = match row.reference_value {
            Some(reference) => format!(
                "{} {} against {} {}",
                row.subject,
                format::with_unit(subject, &row.value_unit),
                row.reference,
                format::with_unit(reference, &row.value_unit)
            ),
            None => format!("{} {}", row.subject, format::with_unit(subject, &row.value_unit)),
        };
        line += &format!(" ({values})");
    }
    if !row.detail.is_empty() {
        line += &format!("; {}", row.detail);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::{claims, slower_machine};
    use crate::claims::testing::claim;
    use mapbench_results::ClaimRow;
    use mapbench_results::ClaimVerdict::{CannotBeTested, Refuted, Reproduced};

    #[test]
    fn every_claim_has_its_row_and_every_case_its_line() {
        let untold = ClaimRow {
            measured: None,
            measured_low: None,
            measured_high: None,
            subject_value: None,
            ..claim("c", "0", CannotBeTested)
        };
        let rows = [claim("a", "0", Reproduced), claim("a", "1", Refuted), untold];
        let text = claims(&rows, false).terminal();
        assert!(text.contains("  a      1.50x [1.40, 1.60]  refuted\n"), "{text}");
        assert!(text.contains("–  cannot be tested here\n"), "{text}");
        assert!(
            text.contains("(2 claims: 0 reproduced, 0 direction only, 1 refuted, 1 cannot be tested here)"),
            "{text}"
        );
        let case = "  0: reproduced: why 0 (arc-swap-cow 3.00 M ops/s against std-rwlock 2.00 M ops/s)\n";
        assert!(text.contains(case), "{text}");
        assert!(text.contains("  source: source of a\n") && text.contains("  why: 1: why 1\n"), "{text}");
    }

    #[test]
    fn a_claim_of_a_larger_machine_says_so() {
        let row = |threads, cores_implied| ClaimRow { threads, cores_implied, ..claim("a", "", Reproduced) };
        assert_eq!(
            slower_machine(&row(16, Some(16))).unwrap(),
            "the claim needs 16 cores and this machine has 2: measured with 16 threads, oversubscribed"
        );
        assert!(slower_machine(&row(2, Some(16))).unwrap().ends_with("measured with 2 threads"));
        assert_eq!(slower_machine(&row(2, Some(2))), None);
        assert_eq!(slower_machine(&row(2, None)), None);
    }
}
