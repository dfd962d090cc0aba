//! What each strategy gives and what it takes.

use maud::{Markup, html};

use crate::Input;

pub(super) fn section(input: &Input) -> Markup {
    html! {
        section aria-labelledby="strategies" {
            h2 id="strategies" { "What you get, and what you give up" }
            p { "As the strategies declare it." }
            div.scroll tabindex="0" role="region" aria-labelledby="strategies" {
                table {
                    thead { tr {
                        @for column in ["strategy", "version", "consistency", "a reader", "iteration", "memory is freed", "cannot"] { th scope="col" { (column) } }
                    } }
                    tbody {
                        @for strategy in &input.provenance.strategies {
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
            }
            details {
                summary { "Configuration and notes" }
                dl {
                    @for strategy in &input.provenance.strategies {
                        div {
                            dt { (strategy.name) }
                            dd { (strategy.summary) "." br; "Configuration: " (strategy.configuration) "." br; (strategy.notes) }
                        }
                    }
                }
            }
        }
    }
}
