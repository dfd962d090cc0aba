//! What was verified of each strategy, drawn together from one row a check.

use mapbench_results::{Semantics, Verdict};

use crate::format;

/// The check whose histories are counted, and which speaks first.
const HISTORIES: &str = "histories";

/// The check that measures how long a write stays unseen.
const STALENESS: &str = "staleness";

/// What was found of one strategy.
#[derive(Clone, Debug)]
pub struct Standing<'a> {
    rows: Vec<&'a Semantics>,
}

impl<'a> Standing<'a> {
    /// What rows say of a strategy; `None` when they say nothing.
    #[must_use]
    pub fn of(strategy: &str, rows: &'a [Semantics]) -> Option<Self> {
        let rows: Vec<_> = rows.iter().filter(|row| row.strategy == strategy).collect();
        (!rows.is_empty()).then_some(Self { rows })
    }

    /// One for each strategy that rows speak of, in their order.
    #[must_use]
    pub fn all(rows: &'a [Semantics]) -> Vec<Self> {
        let mut seen: Vec<&str> = Vec::new();
        for row in rows {
            if !seen.contains(&&*row.strategy) {
                seen.push(&row.strategy);
            }
        }
        seen.into_iter().filter_map(|strategy| Self::of(strategy, rows)).collect()
    }

    /// The strategy.
    #[must_use]
    pub fn strategy(&self) -> &'a str {
        &self.rows[0].strategy
    }

    /// The rows, one a check.
    #[must_use]
    pub fn rows(&self) -> &[&'a Semantics] {
        &self.rows
    }

    /// What it declares: its consistency, if histories were judged.
    #[must_use]
    pub fn declared(&self) -> &'a str {
        &self.check(HISTORIES).unwrap_or(self.rows[0]).declared
    }

    /// What all checks together say: the worst of them, and nothing only if none could say anything.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let order = [Verdict::Violated, Verdict::Undecided, Verdict::Detected, Verdict::Verified];
        order.into_iter().find(|verdict| self.with(*verdict).next().is_some()).unwrap_or(Verdict::NotApplicable)
    }

    /// Histories judged.
    #[must_use]
    pub fn histories(&self) -> u64 {
        self.check(HISTORIES).map_or(0, |row| row.histories)
    }

    /// Operations checked, by all checks.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.rows.iter().fold(0, |sum, row| sum.saturating_add(row.operations))
    }

    /// `1204 histories, 3.41 M operations`
    #[must_use]
    pub fn extent(&self) -> String {
        format!("{} histories, {} operations", self.histories(), format::count(self.operations()))
    }

    /// When the last check ended, UTC, RFC 3339.
    #[must_use]
    pub fn finished(&self) -> &'a str {
        self.rows.iter().map(|row| &*row.finished).max().unwrap_or_default()
    }

    /// How long a write stays unseen, where that was measured.
    #[must_use]
    pub fn staleness(&self) -> Option<&'a str> {
        let row = self.check(STALENESS)?;
        matches!(row.verdict, Verdict::Verified | Verdict::Violated).then_some(&*row.detail)
    }

    /// `violated: counters, growth; 8 verified, 1 n/a`
    #[must_use]
    pub fn checks(&self) -> String {
        let named = [Verdict::Violated, Verdict::Undecided].map(|verdict| {
            let names: Vec<&str> = self.with(verdict).map(|row| &*row.check).collect();
            (!names.is_empty()).then(|| format!("{}: {}", verdict.name(), names.join(", ")))
        });
        let counted = [Verdict::Detected, Verdict::Verified, Verdict::NotApplicable].map(|verdict| {
            let number = self.with(verdict).count();
            (number > 0).then(|| format!("{number} {}", verdict.name()))
        });
        let counted: Vec<String> = counted.into_iter().flatten().collect();
        let parts = named.into_iter().flatten().chain((!counted.is_empty()).then(|| counted.join(", ")));
        parts.collect::<Vec<_>>().join("; ")
    }

    fn with(&self, verdict: Verdict) -> impl Iterator<Item = &&'a Semantics> {
        self.rows.iter().filter(move |row| row.verdict == verdict)
    }

    fn check(&self, name: &str) -> Option<&'a Semantics> {
        self.rows.iter().find(|row| row.check == name).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::Standing;
    use crate::testing::semantics;
    use mapbench_results::Semantics;
    use mapbench_results::Verdict::{Detected, NotApplicable, Undecided, Verified, Violated};

    #[test]
    fn the_worst_check_is_the_verdict() {
        for (verdicts, expected) in [
            (&[Verified, NotApplicable][..], Verified),
            (&[NotApplicable], NotApplicable),
            (&[Verified, Detected], Detected),
            (&[Detected, Undecided, Verified], Undecided),
            (&[Undecided, Violated, Detected], Violated),
        ] {
            let rows: Vec<_> = verdicts.iter().map(|verdict| semantics("a", verdict.name(), *verdict)).collect();
            assert_eq!(Standing::of("a", &rows).unwrap().verdict(), expected);
        }
    }

    #[test]
    fn a_strategy_is_summed_up() {
        let rows = [
            semantics("a", "counters", Violated),
            semantics("b", "histories", Verified),
            semantics("a", "histories", Verified),
            semantics("a", "staleness", Verified),
            semantics("b", "staleness", NotApplicable),
        ];
        let standings = Standing::all(&rows);
        assert_eq!(standings.iter().map(Standing::strategy).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(standings[0].checks(), "violated: counters; 2 verified");
        assert_eq!(standings[1].checks(), "1 verified, 1 n/a");
        assert_eq!(standings[0].extent(), "7 histories, 3.00 M operations");
        assert_eq!(standings[0].staleness(), Some("detail of staleness"));
        assert_eq!(standings[1].staleness(), None);
        assert_eq!(standings[0].declared(), "declared of histories");
        assert!(Standing::of("c", &rows).is_none());
        let many =
            ["counters", "growth"].map(|check| Semantics { operations: u64::MAX, ..semantics("a", check, Verified) });
        assert_eq!(Standing::of("a", &many).unwrap().operations(), u64::MAX);
    }
}
