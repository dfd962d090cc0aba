use mapbench_results::Semantics;

use super::document::Text;
use crate::{Standing, format};

/// The consistency under which no read is stale.
const LINEARIZABLE: &str = "linearizable";

/// A table of what was verified, a row a strategy; then how stale reads were where they may be, and in `full` what each
/// check says.
#[must_use]
pub fn semantics(rows: &[Semantics], full: bool) -> Text {
    let standings = Standing::all(rows);
    let mut table =
        vec![["strategy", "declared", "verdict", "histories", "operations", "checks"].map(str::to_owned).to_vec()];
    table.extend(standings.iter().map(|standing| {
        vec![
            standing.strategy().to_owned(),
            standing.declared().to_owned(),
            standing.verdict().name().to_owned(),
            standing.histories().to_string(),
            format::count(standing.operations()),
            standing.checks(),
        ]
    }));
    let mut text = Text::default();
    text.table(table);
    let may_be_stale = standings.iter().filter(|standing| standing.declared() != LINEARIZABLE);
    let stale: Vec<String> = may_be_stale
        .filter_map(|standing| Some(format!("{}: {}", standing.strategy(), standing.staleness()?)))
        .collect();
    if !stale.is_empty() {
        text.title("staleness:");
        text.items(stale);
    }
    if full {
        for standing in &standings {
            text.title(format!("{}:", standing.strategy()));
            text.items(standing.rows().iter().map(|row| line(row)).collect());
        }
    }
    text
}

fn line(row: &Semantics) -> String {
    let declared = if row.declared.is_empty() { String::new() } else { format!(" ({})", row.declared) };
    let mut line = format!("{}{declared}: {}", row.check, row.verdict.name());
    if row.operations > 0 {
        line += &format!(", {} operations in {} ms", format::count(row.operations), row.elapsed_ms);
    }
    if !row.detail.is_empty() {
        line += &format!(": {}", row.detail);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::semantics;
    use crate::testing;
    use mapbench_results::Semantics;
    use mapbench_results::Verdict::{NotApplicable, Verified, Violated};

    #[test]
    fn every_strategy_has_a_row_and_every_check_a_line() {
        let rows = [
            testing::semantics("evmap", "histories", Verified),
            testing::semantics("evmap", "staleness", Verified),
            testing::semantics("broken", "histories", Violated),
            testing::semantics("broken", "staleness", NotApplicable),
            Semantics { declared: "linearizable".to_owned(), ..testing::semantics("exact", "staleness", Verified) },
        ];
        let text = semantics(&rows, false).terminal();
        assert!(
            text.contains("  evmap     declared of histories  verified          7      2.00 M  2 verified\n"),
            "{text}"
        );
        assert!(text.contains("7      2.00 M  violated: histories; 1 n/a\n"), "{text}");
        assert!(text.contains("\nstaleness:\n  evmap: detail of staleness\n"), "{text}");
        assert!(!text.contains("exact: detail") && !text.contains("detail of histories"), "{text}");
        let text = semantics(&rows, true).terminal();
        let line =
            "\n  histories (declared of histories): violated, 1.00 M operations in 250 ms: detail of histories\n";
        assert!(text.contains(&format!("\nbroken:{line}")), "{text}");
    }
}
