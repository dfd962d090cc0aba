use mapbench_results::{GateCell, GateResult, GateSide};

use super::rows;
use crate::format;
use crate::text::Text;

/// As Markdown, for a comment on a pull request or a step's summary: the verdict and what matters; then, folded, all cells
/// and where the numbers come from.
#[must_use]
pub fn gate_markdown(result: &GateResult) -> String {
    let mut verdict = Text::default();
    verdict.title(rows::verdict(result));
    let mut all = Text::default();
    all.table(every_cell(result));
    all.items(origin(result));
    format!(
        "{}\n{}\n<details>\n<summary>every cell, and how it was measured</summary>\n\n{}\n</details>\n",
        verdict.markdown(),
        rows::summary(result).markdown(),
        all.markdown()
    )
}

/// A column: its name, and what a cell has in it.
type Column = (&'static str, fn(&GateCell) -> String);

fn every_cell(result: &GateResult) -> Vec<Vec<String>> {
    let mut columns: Vec<Column> = vec![
        ("", |cell| rows::word(cell.verdict).to_owned()),
        ("change", rows::change),
        ("95 %", rows::interval),
        ("floor", |cell| format!("{} %", cell.floor_pct)),
        ("budget", |cell| format!("{} %", cell.budget_pct)),
        ("p", |cell| probability(cell.p)),
        ("p again", |cell| probability(cell.confirmed_p)),
        ("rounds", |cell| cell.rounds.to_string()),
        ("base itself", |cell| cell.control.map_or_else(String::new, |ratio| rows::signed(ratio) + " %")),
    ];
    if rows::counted(result) {
        columns.push(("instructions", |cell| {
            cell.instructions.map_or_else(String::new, |counted| {
                let (base, candidate) = (format::significant(counted.base), format::significant(counted.candidate));
                format!("{base} to {candidate} ({})", rows::instructions(cell))
            })
        }));
    }
    if rows::has_transfers(result) {
        columns.push(("transfers", |cell| {
            let most = cell.transfers.map_or_else(String::new, |counted| {
                format!(", at most {:.2}, on {} virtual cores", counted.most, counted.cores)
            });
            rows::transfers(cell) + &most
        }));
    }
    columns.push(("cell", |cell| cell.cell.clone()));
    let header = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
    let row = |cell| columns.iter().map(|(_, value)| value(cell)).collect();
    std::iter::once(header).chain(rows::by_harm(result).into_iter().map(row)).collect()
}

fn probability(p: Option<f64>) -> String {
    p.map_or_else(String::new, |p| if p < 0.000_1 { "< 0.0001".to_owned() } else { format!("{p:.4}") })
}

fn origin(result: &GateResult) -> Vec<String> {
    let side = |side: &GateSide| {
        let strategy = side.strategy.as_ref().map_or_else(String::new, |name| format!(", {name}"));
        let digest = if side.executable_sha256.is_empty() { "unknown" } else { &side.executable_sha256 };
        format!("{}: mapbench {}{strategy}, SHA-256 of the executable {digest}", side.label, side.version)
    };
    let looks: Vec<String> = result.looks.iter().map(u32::to_string).collect();
    let looks: Vec<&str> = looks.iter().map(String::as_str).collect();
    vec![
        rows::effort(result),
        format!("looked after {} rounds", if looks.is_empty() { "no".to_owned() } else { format::and(&looks) }),
        side(&result.base),
        side(&result.candidate),
        format!("{}, {}, {}", result.host.cpu, result.host.kernel, result.host.caches),
        format!("{} to {}: {}", result.started, result.finished, result.command.join(" ")),
    ]
}

#[cfg(test)]
mod tests {
    use super::gate_markdown;
    use crate::gate::testing::{cell, mixed, result};
    use mapbench_results::{GateVerdict, Instructions, Transfers};

    #[test]
    fn the_verdict_is_first_and_every_cell_is_folded() {
        let text = gate_markdown(&mixed());
        assert!(text.starts_with("**FAIL: the whole's reason**\n\n**candidate against base, change of"), "{text}");
        let (open, folded) =
            text.split_once("<details>\n<summary>every cell, and how it was measured</summary>\n\n").unwrap();
        assert!(
            open.contains(
                "| FAIL | +6.12 % | [+5.12, +7.12] | w/read-0/threads-2/slow |"
                    .replace('[', "\\[")
                    .replace(']', "\\]")
                    .as_str()
            ),
            "{text}"
        );
        assert_eq!(open.matches("| PASS |").count(), 3, "{text}");
        assert_eq!(folded.matches("\n| PASS |").count(), 57, "{text}");
        assert!(folded.contains("| floor | budget | p | p again | rounds | base itself | cell |"), "{text}");
        assert!(folded.contains("| 0.0004 | &lt; 0.0001 | 18 | -0.10 % | w/read-0/threads-2/slow |"), "{text}");
        assert!(folded.contains("looked after 8, 12 and 18 rounds") && folded.contains("executable ab12"), "{text}");
        assert!(folded.ends_with("\n</details>\n"), "{text}");
    }

    #[test]
    fn what_was_counted_is_shown() {
        let mut result = result(GateVerdict::Pass, vec![cell("w/s", GateVerdict::Pass, 1.0)]);
        result.cells[0].instructions = Some(Instructions { base: 400.0, candidate: 402.0 });
        assert!(gate_markdown(&result).contains("| 400 to 402 (+0.50 %) | w/s |"), "{result:?}");
        result.cells[0].transfers = Some(Transfers { cores: 8, base: 0.021, candidate: 0.104, most: 0.122 });
        let shown = gate_markdown(&result);
        assert!(shown.contains("| 0.02 to 0.10, at most 0.12, on 8 virtual cores | w/s |"), "{shown}");
    }

    #[test]
    fn hostile_names_stay_text_and_inside_the_fold() {
        let hostile = "w</details><img src=x>|`**[a](b)**\n# h";
        let mut result = result(GateVerdict::Fail, vec![cell(hostile, GateVerdict::Fail, 1.2)]);
        result.base.label = hostile.to_owned();
        result.reason = hostile.to_owned();
        result.notes = vec![hostile.to_owned()];
        result.command.push(hostile.to_owned());
        let text = gate_markdown(&result);
        assert_eq!(text.matches("</details>").count(), 1, "{text}");
        assert!(!text.contains("<img") && !text.contains("\n# h") && !text.contains("[a](b)"), "{text}");
        let columns = |line: &&str| line.replace("\\|", "").matches('|').count();
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| FAIL")).collect();
        assert_eq!(rows.iter().map(columns).collect::<Vec<_>>(), [5, 11], "{text}");
    }
}
