//! What the texts about a gate share: which cells matter, and how a cell reads.

use mapbench_results::{GateCell, GateResult, GateSide, GateVerdict};

use crate::format;
use crate::text::Text;

/// Cells that pass and are shown all the same.
const NEAREST: usize = 3;

/// Inconclusive cells that are shown before the rest is counted: an unfit machine leaves no other.
const INCONCLUSIVE: usize = 10;

/// Names of cells with the same reason before the rest is counted.
const NAMED: usize = 3;

pub(super) fn word(verdict: GateVerdict) -> &'static str {
    match verdict {
        GateVerdict::Pass => "PASS",
        GateVerdict::Fail => "FAIL",
        GateVerdict::Inconclusive => "INCONCLUSIVE",
    }
}

/// A change in per cent: `+2.13`, `-0.40`, `+213`.
pub(super) fn signed(ratio: f64) -> String {
    let pct = (ratio - 1.0) * 100.0;
    let decimals = match pct.abs() {
        size if size < 9.995 => 2,
        size if size < 99.95 => 1,
        _ => 0,
    };
    match format!("{pct:+.decimals$}") {
        zero if zero == "+0.00" || zero == "-0.00" => "0.00".to_owned(),
        shown => shown,
    }
}

pub(super) fn change(cell: &GateCell) -> String {
    cell.change.map_or_else(String::new, |change| signed(change) + " %")
}

pub(super) fn interval(cell: &GateCell) -> String {
    cell.low.zip(cell.high).map_or_else(String::new, |(low, high)| format!("[{}, {}]", signed(low), signed(high)))
}

pub(super) fn instructions(cell: &GateCell) -> String {
    let ratio = cell.instructions.filter(|counted| counted.base > 0.0).map(|counted| counted.candidate / counted.base);
    ratio.map_or_else(String::new, |ratio| signed(ratio) + " %")
}

/// `0.02 to 1.02`
pub(super) fn transfers(cell: &GateCell) -> String {
    cell.transfers.map_or_else(String::new, |counted| format!("{:.2} to {:.2}", counted.base, counted.candidate))
}

pub(super) fn has_transfers(result: &GateResult) -> bool {
    result.cells.iter().any(|cell| cell.transfers.is_some())
}

pub(super) fn counted(result: &GateResult) -> bool {
    result.cells.iter().any(|cell| cell.instructions.is_some())
}

/// Every cell, the most harmful first: what failed, then what is open, then what passed; within each, what is slowest or
/// could be, or came nearest to its budget.
pub(super) fn by_harm(result: &GateResult) -> Vec<&GateCell> {
    let mut cells: Vec<&GateCell> = result.cells.iter().collect();
    cells.sort_by(|a, b| {
        let kind = |cell: &GateCell| match cell.verdict {
            GateVerdict::Fail => 0,
            GateVerdict::Inconclusive => 1,
            GateVerdict::Pass => 2,
        };
        kind(a).cmp(&kind(b)).then(harm(b).total_cmp(&harm(a))).then_with(|| a.cell.cmp(&b.cell))
    });
    cells
}

/// What could not be measured is the worst.
fn harm(cell: &GateCell) -> f64 {
    let beyond = |ratio: Option<f64>| ratio.map(|ratio| (ratio - 1.0) * 100.0 - cell.budget_pct);
    match cell.verdict {
        GateVerdict::Fail => cell.change.unwrap_or(f64::INFINITY),
        GateVerdict::Inconclusive => beyond(cell.high).unwrap_or(f64::INFINITY),
        GateVerdict::Pass => beyond(cell.high.or(cell.change)).unwrap_or(f64::NEG_INFINITY),
    }
}

/// The cells that a reader must see, and a line about the rest.
pub(super) fn what_matters(result: &GateResult) -> (Vec<&GateCell>, Option<String>) {
    let (mut open, mut passed) = (0, 0);
    let (shown, rest): (Vec<_>, Vec<_>) = by_harm(result).into_iter().partition(|cell| {
        let (seen, most) = match cell.verdict {
            GateVerdict::Fail => return true,
            GateVerdict::Inconclusive => (&mut open, INCONCLUSIVE),
            GateVerdict::Pass => (&mut passed, NEAREST),
        };
        *seen += 1;
        *seen <= most
    });
    let count = |wanted| rest.iter().filter(|cell| cell.verdict == wanted).count();
    let mut parts = Vec::new();
    match count(GateVerdict::Inconclusive) {
        0 => {}
        1 => parts.push("1 more is inconclusive".to_owned()),
        open => parts.push(format!("{open} more are inconclusive")),
    }
    let faster = rest.iter().filter(|cell| cell.verdict == GateVerdict::Pass && cell.high.is_some_and(|x| x < 1.0));
    match (count(GateVerdict::Pass), faster.count()) {
        (0, _) => {}
        (1, 0) => parts.push("1 more passes".to_owned()),
        (1, _) => parts.push("1 more passes, faster than before".to_owned()),
        (passed, 0) => parts.push(format!("{passed} more pass")),
        (passed, faster) => parts.push(format!("{passed} more pass, {faster} of them faster than before")),
    }
    (shown, (!parts.is_empty()).then(|| parts.join("; ")))
}

/// The budget, if all cells have the same.
fn common_budget(result: &GateResult) -> Option<f64> {
    let (first, rest) = result.cells.split_first()?;
    rest.iter().all(|cell| cell.budget_pct == first.budget_pct).then_some(first.budget_pct)
}

/// `candidate against base, change of an operation's time, + is slower, budget 5 %:`
fn title(result: &GateResult) -> String {
    let budget = common_budget(result).map_or_else(String::new, |budget| format!(", budget {budget} %"));
    format!(
        "{} against {}, change of an operation's time, + is slower{budget}:",
        result.candidate.label, result.base.label
    )
}

/// The table of what matters: only the columns that tell cells apart, since terminals are narrow and names long.
fn table(result: &GateResult, shown: &[&GateCell]) -> Vec<Vec<String>> {
    let (counted, transferred) = (counted(result), has_transfers(result));
    let budgets = common_budget(result).is_none();
    let mut header = vec!["", "change", "95 %"];
    header.extend(budgets.then_some("budget"));
    header.extend(counted.then_some("instr."));
    header.extend(transferred.then_some("transfers"));
    header.push("cell");
    let mut table = vec![header.into_iter().map(str::to_owned).collect()];
    for cell in shown {
        let mut row = vec![word(cell.verdict).to_owned(), change(cell), interval(cell)];
        row.extend(budgets.then(|| format!("{} %", cell.budget_pct)));
        row.extend(counted.then(|| instructions(cell)));
        row.extend(transferred.then(|| transfers(cell)));
        row.push(cell.cell.clone());
        table.push(row);
    }
    table
}

/// Why the cells that do not pass do not: cells with the same reason share a line.
pub(super) fn reasons(shown: &[&GateCell]) -> Vec<String> {
    let mut lines: Vec<(GateVerdict, &str, Vec<&str>)> = Vec::new();
    for cell in shown.iter().filter(|cell| cell.verdict != GateVerdict::Pass) {
        match lines.iter_mut().find(|(verdict, reason, _)| (*verdict, *reason) == (cell.verdict, &cell.reason)) {
            Some((.., cells)) => cells.push(&cell.cell),
            None => lines.push((cell.verdict, &cell.reason, vec![&cell.cell])),
        }
    }
    let line = |(verdict, reason, cells): &(_, &str, Vec<&str>)| {
        format!("{} {}: {reason}", word(*verdict), some(cells.iter().copied()))
    };
    lines.iter().map(line).collect()
}

/// `a, b, c and 7 more`
fn some<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = names.len().saturating_sub(NAMED);
    let counted = format!("{more} more");
    let mut named: Vec<&str> = names.take(NAMED).collect();
    if more > 0 {
        named.push(&counted);
    }
    format::and(&named)
}

/// What the table of cells does not hold: cells that only one side has, and notes.
pub(super) fn beside(result: &GateResult) -> Vec<String> {
    let alone = |side: &GateSide, names: &[String]| {
        (!names.is_empty()).then(|| format!("only in {}: {}", side.label, some(names.iter().map(String::as_str))))
    };
    let both = [alone(&result.base, &result.only_in_base), alone(&result.candidate, &result.only_in_candidate)];
    both.into_iter().flatten().chain(result.notes.iter().cloned()).collect()
}

/// `60 cells, 18 rounds, 9.8 minutes on host, 2 cores; alpha 0.01, seed 7`
pub(super) fn effort(result: &GateResult) -> String {
    let rounds = || result.cells.iter().map(|cell| cell.rounds).filter(|rounds| *rounds > 0);
    let rounds = match (rounds().min(), rounds().max()) {
        (Some(least), Some(most)) if least < most => format!("{least} to {most} rounds"),
        (_, most) => format::counted(most.unwrap_or(0), "round"),
    };
    format!(
        "{}, {rounds}, {} minutes on {}, {}; alpha {}, seed {}",
        format::counted(result.cells.len(), "cell"),
        format::significant(result.seconds / 60.0),
        result.host.name,
        format::counted(result.host.cores, "core"),
        result.alpha,
        result.seed
    )
}

/// `FAIL: 1 of 60 cells is slower than its budget allows`
pub(super) fn verdict(result: &GateResult) -> String {
    let advice = if result.advisory { " (advice only: the sides were not measured alike)" } else { "" };
    format!("{}{advice}: {}", word(result.verdict), result.reason)
}

/// What matters, the same for people who look at a terminal and at a pull request.
pub(super) fn summary(result: &GateResult) -> Text {
    let mut text = Text::default();
    let (shown, rest) = what_matters(result);
    if shown.is_empty() {
        text.items(vec!["no cell could be compared".to_owned()]);
    } else {
        text.title(title(result));
        text.table(table(result, &shown));
    }
    if let Some(rest) = rest {
        text.note(rest);
    }
    text.items(reasons(&shown));
    text.items(beside(result));
    text
}

#[cfg(test)]
mod tests {
    use super::signed;

    #[test]
    fn changes_read_in_per_cent() {
        let shown = [1.0213, 0.996, 1.000_01, 0.999_99, 1.099_99, 2.5, 0.1, 1.999_6].map(signed);
        assert_eq!(shown, ["+2.13", "-0.40", "0.00", "0.00", "+10.0", "+150", "-90.0", "+100"]);
    }
}
