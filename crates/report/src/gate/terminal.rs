use mapbench_results::GateResult;

use super::rows;

/// For a terminal: what matters, sorted by harm, then one line of verdict.
#[must_use]
pub fn gate_terminal(result: &GateResult) -> String {
    let mut text = rows::summary(result);
    text.items(vec![rows::effort(result), rows::verdict(result)]);
    text.terminal()
}

#[cfg(test)]
mod tests {
    use super::gate_terminal;
    use crate::gate::testing::{cell, mixed, result};
    use mapbench_results::{GateVerdict, Instructions, Transfers};

    /// Where each of the words first stands, in the order of the words.
    fn places(text: &str, words: &[&str]) -> Vec<usize> {
        words.iter().map(|word| text.find(word).unwrap_or_else(|| panic!("no {word}: {text}"))).collect()
    }

    #[test]
    fn what_matters_is_sorted_by_harm_and_the_verdict_is_last() {
        let text = gate_terminal(&mixed());
        let places =
            places(&text, &["/crashed", "/slow", "/open", "/s56", "/s55", "/s54", "(54 more pass, 20 of them faster"]);
        assert!(places.is_sorted(), "{text}");
        assert!(!text.contains("/s53"), "{text}");
        assert!(text.contains("FAIL          +6.12 %  [+5.12, +7.12]  w/read-0/threads-2/slow\n"), "{text}");
        assert!(text.contains("\nFAIL w/read-0/threads-2/slow: because of w/read-0/threads-2/slow\n"), "{text}");
        assert!(text.contains("60 cells, 18 rounds, 9.80 minutes on host, 2 cores; alpha 0.01, seed 7\n"), "{text}");
        assert!(text.ends_with("\nFAIL: the whole's reason\n"), "{text}");
        assert!(!text.contains("instr."), "{text}");
    }

    #[test]
    fn cells_with_the_same_reason_share_a_line_and_many_are_counted() {
        let mut open: Vec<_> = (0..40).map(|n| cell(&format!("w/s{n:02}"), GateVerdict::Inconclusive, 1.0)).collect();
        open.iter_mut().for_each(|cell| cell.reason = "the base strays from itself".to_owned());
        let text = gate_terminal(&result(GateVerdict::Inconclusive, open));
        assert!(text.contains("INCONCLUSIVE w/s00, w/s01, w/s02 and 7 more: the base strays"), "{text}");
        assert!(text.contains("(30 more are inconclusive)") && !text.contains("w/s10"), "{text}");
    }

    #[test]
    fn instructions_notes_and_cells_of_one_side_are_shown() {
        let mut result = result(GateVerdict::Pass, vec![cell("w/s", GateVerdict::Pass, 1.0)]);
        result.cells[0].instructions = Some(Instructions { base: 400.0, candidate: 402.0 });
        result.cells[0].transfers = Some(Transfers { cores: 8, base: 0.021, candidate: 0.104, most: 0.122 });
        result.only_in_base = vec!["w/lost".to_owned()];
        result.only_in_candidate = vec!["w/new".to_owned()];
        result.notes = vec!["a note".to_owned()];
        result.advisory = true;
        let text = gate_terminal(&result);
        assert!(text.contains("  PASS  0.00 %  [-1.00, +1.00]  +0.50 %  0.02 to 0.10  w/s\n"), "{text}");
        assert!(text.contains("only in base: w/lost\nonly in candidate: w/new\na note\n"), "{text}");
        assert!(
            text.ends_with("PASS (advice only: the sides were not measured alike): the whole's reason\n"),
            "{text}"
        );
    }

    #[test]
    fn different_budgets_have_a_column() {
        let mut result = mixed();
        assert!(
            gate_terminal(&result)
                .starts_with("candidate against base, change of an operation's time, + is slower, budget 5 %:\n")
        );
        result.cells[56].budget_pct = 3.5;
        let text = gate_terminal(&result);
        assert!(text.starts_with("candidate against base, change of an operation's time, + is slower:\n"), "{text}");
        assert!(text.contains("[+1.60, +3.60]   3.5 %  w/read-90/threads-2/s56\n"), "{text}");
    }

    #[test]
    fn no_cell_is_said() {
        let text = gate_terminal(&result(GateVerdict::Inconclusive, Vec::new()));
        assert!(text.starts_with("no cell could be compared\n"), "{text}");
    }

    #[test]
    fn no_name_moves_the_cursor() {
        let hostile = cell("w/\u{1b}[2J\r\u{7}", GateVerdict::Fail, 1.2);
        let text = gate_terminal(&result(GateVerdict::Fail, vec![hostile]));
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    }
}
