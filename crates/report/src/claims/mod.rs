//! Claims that others made, and what came of them here.

mod judge;
mod text;

use mapbench_results::{ClaimRow, ClaimVerdict};

pub use judge::{Certainty, Implied, Judged, judge_certainty, judge_count, judge_ratio, share};
pub use text::claims;
pub(crate) use text::{measured, slower_machine};

/// A claim with its cases.
#[derive(Clone, Debug)]
pub struct Tested<'a> {
    rows: Vec<&'a ClaimRow>,
}

impl<'a> Tested<'a> {
    /// The claims of the rows, in their order.
    #[must_use]
    pub fn all(rows: &'a [ClaimRow]) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for row in rows {
            match all.iter_mut().find(|tested| tested.name() == row.claim) {
                Some(tested) => tested.rows.push(row),
                None => all.push(Self { rows: vec![row] }),
            }
        }
        all
    }

    /// The claim's name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        &self.rows[0].claim
    }

    /// What it says.
    #[must_use]
    pub fn statement(&self) -> &'a str {
        &self.rows[0].statement
    }

    /// Where it was made.
    #[must_use]
    pub fn source(&self) -> &'a str {
        &self.rows[0].source
    }

    /// Its cases.
    #[must_use]
    pub fn cases(&self) -> &[&'a ClaimRow] {
        &self.rows
    }

    /// The case on which its verdict hangs: the worst of those that are judged and could be tested, refuted before direction
    /// only before reproduced; the first of equals.
    #[must_use]
    pub fn deciding(&self) -> &'a ClaimRow {
        let severity = |row: &ClaimRow| match row.verdict {
            ClaimVerdict::CannotBeTested => 0,
            ClaimVerdict::Reproduced => 1,
            ClaimVerdict::DirectionOnly => 2,
            ClaimVerdict::Refuted => 3,
        };
        let judged = || self.rows.iter().copied().filter(|row| row.judged);
        judged().rev().max_by_key(|row| severity(row)).unwrap_or(self.rows[0])
    }

    /// What came of it. A claim without a judged case cannot be tested.
    #[must_use]
    pub fn verdict(&self) -> ClaimVerdict {
        let deciding = self.deciding();
        if deciding.judged { deciding.verdict } else { ClaimVerdict::CannotBeTested }
    }

    /// Why, in a sentence.
    #[must_use]
    pub fn why(&self) -> String {
        let deciding = self.deciding();
        if self.rows.len() == 1 || deciding.case.is_empty() {
            deciding.why.clone()
        } else {
            format!("{}: {}", deciding.case, deciding.why)
        }
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use mapbench_results::{ClaimRow, ClaimVerdict};

    /// A case of a claim.
    pub(crate) fn claim(claim: &str, case: &str, verdict: ClaimVerdict) -> ClaimRow {
        ClaimRow {
            claim: claim.to_owned(),
            statement: format!("statement of {claim}"),
            source: format!("source of {claim}"),
            case: case.to_owned(),
            judged: true,
            quantity: "throughput".to_owned(),
            implied: "at least 1.39".to_owned(),
            subject: "arc-swap-cow".to_owned(),
            reference: "std-rwlock".to_owned(),
            threads: 2,
            cores: 2,
            cores_implied: None,
            measured: Some(1.5),
            measured_low: Some(1.4),
            measured_high: Some(1.6),
            unit: "ratio".to_owned(),
            subject_value: Some(3e6),
            reference_value: Some(2e6),
            value_unit: "ops/s".to_owned(),
            samples: 7,
            verdict,
            why: format!("why {case}"),
            detail: String::new(),
            seed: 1,
            finished: "2026-01-01T00:00:00Z".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Tested;
    use super::testing::claim;
    use ClaimVerdict::{CannotBeTested, DirectionOnly, Refuted, Reproduced};
    use mapbench_results::{ClaimRow, ClaimVerdict};

    #[test]
    fn the_worst_judged_case_decides() {
        for (verdicts, expected, case) in [
            (vec![Reproduced, DirectionOnly, Refuted], Refuted, "case 2: why case 2"),
            (vec![Reproduced, DirectionOnly, DirectionOnly], DirectionOnly, "case 1: why case 1"),
            (vec![CannotBeTested, Reproduced], Reproduced, "case 1: why case 1"),
            (vec![CannotBeTested], CannotBeTested, "why case 0"),
        ] {
            let rows: Vec<ClaimRow> =
                verdicts.iter().enumerate().map(|(i, verdict)| claim("a", &format!("case {i}"), *verdict)).collect();
            let tested = &Tested::all(&rows)[0];
            assert_eq!((tested.verdict(), &*tested.why()), (expected, case));
        }
    }

    #[test]
    fn a_case_beside_does_not_decide() {
        let mut rows = [claim("a", "0", Reproduced), claim("b", "0", Reproduced), claim("a", "1", Refuted)];
        rows[2].judged = false;
        let all = Tested::all(&rows);
        assert_eq!(all.iter().map(Tested::name).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((all[0].verdict(), all[0].cases().len()), (Reproduced, 2));
        rows[0].judged = false;
        assert_eq!(Tested::all(&rows)[0].verdict(), CannotBeTested);
    }
}
