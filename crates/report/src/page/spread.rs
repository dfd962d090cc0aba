//! Where the noise of a run lies.

use mapbench_stats::median;
use maud::{Markup, html};

use super::View;
use crate::variance::{Spread, spreads};

pub(super) fn section(view: &View) -> Markup {
    let spreads = spreads(&view.input);
    let over_all =
        |part: fn(&Spread) -> Option<f64>| shown(median(&spreads.iter().filter_map(part).collect::<Vec<_>>()));
    let table = html! {
        table {
            thead { tr { th scope="col" { "strategy" } @for part in ["slices", "minutes and forks", "forks"] { th.n scope="col" { (part) } } } }
            tbody {
                @for spread in &spreads {
                    tr {
                        th scope="row" { (spread.strategy) }
                        @for part in [spread.slice, spread.minute_and_fork, spread.fork] { td.n { (shown(part)) } }
                    }
                }
            }
        }
    };
    let body = html! {
        p { "How much a strategy's rates differ, as standard deviations; medians over all strategies and cells:" }
        dl {
            div { dt { "Slices: " (over_all(|spread| spread.slice)) " %" } dd { "between the rounds of one process" } }
            div { dt { "Minutes and forks: " (over_all(|spread| spread.minute_and_fork)) " %" } dd { "between processes, which run minutes apart" } }
            div { dt { "Forks: " (over_all(|spread| spread.fork)) " %" } dd { "the same without what all strategies of a round share, which is the minute's: ratios between strategies are spared it" } }
        }
        details {
            summary { "Strategy by strategy, medians over its cells, in per cent" }
            (view.scroll("spread", &table))
        }
    };
    view.section("spread", "Where the noise lies", &body)
}

fn shown(deviation: Option<f64>) -> String {
    deviation.map_or_else(|| "–".to_owned(), |deviation| format!("{:.1}", deviation * 100.0))
}

#[cfg(test)]
mod tests {
    use super::section;
    use crate::page::View;
    use crate::testing::with_input;

    #[test]
    fn every_strategy_has_its_deviations() {
        let page = with_input(["a", "b", "c", "d"], |input| section(&View::alone(*input)).into_string());
        assert!(page.contains("Minutes and forks: 0.0 %<"), "{page}");
        // b's forks lie 1 % apart.
        assert!(page.contains("<th scope=\"row\">b</th><td class=\"n\">0.8</td><td class=\"n\">1.0</td>"), "{page}");
        assert!(page.contains("<th scope=\"row\">d</th><td class=\"n\">–</td>"), "{page}");
    }
}
