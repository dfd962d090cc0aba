//! What each strategy gives and what it takes.

use maud::{Markup, html};

use super::View;

pub(super) fn section(view: &View) -> Markup {
    let strategies = &view.input.provenance.strategies;
    let table = html! {
        table {
            thead { tr {
                @for column in ["strategy", "version", "consistency", "a reader", "iteration", "memory is freed", "cannot"] { th scope="col" { (column) } }
            } }
            tbody {
                @for strategy in strategies {
                    tr {
                        th scope="row" { (strategy.name) }
                        td { (strategy.upstream) " " (strategy.version) }
                        td { (strategy.consistency) }
                        td { (strategy.read_progress) }
                        td { (strategy.iteration) }
                        td { (strategy.reclamation) }
                        td { (if strategy.unsupported.is_empty() { "–".to_owned() } else { strategy.unsupported.join("; ") }) }
                    }
                }
            }
        }
    };
    let body = html! {
        p { "As the strategies declare it." }
        (view.scroll("strategies", &table))
        details {
            summary { "Configuration and notes" }
            dl {
                @for strategy in strategies {
                    div {
                        dt { (strategy.name) }
                        dd { (strategy.summary) "." br; "Configuration: " (strategy.configuration) "." br; (strategy.notes) }
                    }
                }
            }
        }
    };
    view.section("strategies", "What you get, and what you give up", &body)
}
