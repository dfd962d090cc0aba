use std::path::Path;

use mapbench_damage::damaged;
use proptest::prelude::*;

use super::Budget;

const CELLS: [&str; 3] =
    ["ratio-sweep/read-90/threads-2/dashmap", "ratio-sweep/read-90/threads-2/scc", "ratio-sweep/read-0/threads-1/scc"];

fn read(text: &str) -> Result<Budget, String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("gate.toml");
    std::fs::write(&file, text).unwrap();
    let short = |error: super::BudgetError| error.to_string().replace(&format!("{}/", dir.path().display()), "");
    let budget = Budget::read(&file).map_err(short)?;
    budget.check(CELLS).map_err(short)?;
    Ok(budget)
}

fn said(text: &str, cell: &str) -> String {
    let budget = Budget::parse(text, Path::new("gate.toml")).unwrap();
    budget.check(CELLS).unwrap();
    budget.effective(cell).to_string()
}

#[test]
fn an_empty_file_says_what_the_default_says() {
    let (budget, default) = (read("").unwrap(), Budget::default());
    assert_eq!((budget.alpha, budget.minutes, budget.floor_pct, budget.budget_pct), (0.002, 10.0, 1.0, 5.0));
    assert_eq!(default.to_string(), "alpha 0.002, 10 minutes, floor 1 %, budget 5 %, 0.1 transfers (default)");
    assert_eq!(default.effective(CELLS[0]).to_string(), "floor 1 %, budget 5 %, 0.1 transfers (default)");
    default.check(CELLS).unwrap();
}

#[test]
fn of_the_tables_that_match_the_last_to_speak_wins() {
    let text = "alpha = 0.05\nminutes = 3\nfloor_pct = 0.5\n\n[[cell]]\nmatch = \"*/scc\"\nbudget_pct = 10\n\
                allow_missing = true\n[[cell]]\nmatch = \"*/threads-2/*\"\nbudget_pct = 3\n[[cell]]\n\
                match = \"*/read-0/*\"\nskip = true\n[[cell]]\nmatch = \"*/threads-2/dash*\"\nfloor_pct = 0\ntransfers = 2\n";
    assert_eq!(said(text, CELLS[0]), "floor 0 %, budget 3 %, 2 transfers (gate.toml, lines 10 and 16)");
    assert_eq!(
        said(text, CELLS[1]),
        "floor 0.5 %, budget 3 %, 0.1 transfers, may be missing (gate.toml, lines 6 and 10)"
    );
    assert_eq!(said(text, CELLS[2]), "skipped (gate.toml, lines 6 and 13)");
    assert_eq!(said(text, "other"), "floor 0.5 %, budget 5 %, 0.1 transfers (gate.toml)");
    let budget = read(text).unwrap();
    assert!(
        budget.to_string().starts_with("alpha 0.05, 3 minutes, floor 0.5 %, budget 5 %, 0.1 transfers ("),
        "{budget}"
    );
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (text, expected) in [
        ("budget_pct = 0", "line 1, column 14: 0 is no budget in per cent: it is above 0"),
        ("\nbudget_pct = -1.5", "line 2, column 14: -1.5 is no budget"),
        ("floor_pct = -1", "line 1, column 13: -1 is no floor"),
        ("budget_pct = inf", "line 1, column 14: inf is no budget"),
        ("budget_pct = 1e9", "line 1, column 14: 1000000000 is no budget in per cent"),
        ("minutes = 1e30", "line 1, column 11: 1000000000000000000000000000000 minutes are no time"),
        ("floor_pct = nan", "line 1, column 13: NaN is no floor"),
        ("alpha = 0.5", "line 1, column 9: 0.5 is no alpha"),
        ("alpha = 0", "line 1, column 9: 0 is no alpha"),
        ("transfers = -1", "line 1, column 13: -1 is no number of cache lines an operation"),
        ("minutes = 0", "line 1, column 11: 0 minutes are no time"),
        ("floor_pct = 5", "line 1, column 13: the floor of 5 % reaches the budget of 5 %"),
        ("alpha = \"a\"", "line 1, column 9: invalid type: string \"a\", expected f64"),
        ("tables = 3", "line 1, column 1: unknown key `tables`; the keys here are alpha, minutes,"),
        ("budgetpct = 3", "line 1, column 1: unknown key `budgetpct`; did you mean `budget_pct`?"),
        ("[[cell]]\nmatch = \"*\"\nskipp = true", "line 3, column 1: unknown key `skipp`; did you mean `skip`?"),
        ("cells = []\nfloor = 1", "line 1, column 1: unknown key `cells`; did you mean `cell`?"),
        ("[[cell]]\nskip = true", "line 1, column 1: missing field `match`"),
        ("cell = 3", "line 1, column 8: invalid type: integer `3`, expected a sequence"),
        ("alpha 3", "line 1, column 7: "),
        ("[[cell]]\nmatch = \"a{\"", "line 2, column 9: the glob `a{` opens a brace"),
        ("[[cell]]\nmatch = \"*\"\nbudget_pct = 0", "line 3, column 14: 0 is no budget"),
        (
            "[[cell]]\nmatch = \"*/threads-3/*\"",
            "line 2, column 9: `*/threads-3/*` matches no cell, of which one is `ratio",
        ),
        (
            "[[cell]]\nmatch = \"*/dashmap\"\nfloor_pct = 6",
            "line 2, column 9: for ratio-sweep/read-90/threads-2/dashmap, the",
        ),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.starts_with(&format!("gate.toml, {expected}")), "{text}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn a_skipped_cell_may_have_any_budget() {
    read("[[cell]]\nmatch = \"*\"\nbudget_pct = 0.5\n[[cell]]\nmatch = \"*/{dashmap,scc}\"\nskip = true").unwrap();
}

#[test]
fn a_missing_file_is_named() {
    let error = Budget::read(Path::new("nowhere/gate.toml")).unwrap_err().to_string();
    assert!(error.starts_with("nowhere/gate.toml: cannot be read: ") && error.contains("--budget"), "{error}");
}

const WRITTEN: &str = "alpha = 0.01\nminutes = 5\nfloor_pct = 1.5\nbudget_pct = 5.0\n\n[[cell]]\nmatch = \"*/scc\"\nbudget_pct = 20\n\
    allow_missing = true\n\n[[cell]]\nmatch = \"*/threads-1/*\"\nskip = true\n";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_damaged_budget_is_read_or_refused_with_its_place(bytes in damaged(WRITTEN)) {
        match read(&String::from_utf8_lossy(&bytes)) {
            Ok(budget) => drop(CELLS.map(|cell| budget.effective(cell))),
            Err(error) => {
                prop_assert_eq!(error.lines().count(), 1, "{}", error);
                prop_assert!(error.starts_with("gate.toml, line "), "{}", error);
            }
        }
    }
}
