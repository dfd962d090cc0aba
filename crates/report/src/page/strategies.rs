//! What each strategy gives and what it takes: as it declares, and as far as that was verified.

use mapbench_results::{Declared, Verdict};
use maud::{Markup, html};

use super::View;
use crate::{Standing, format};

pub(super) fn section(view: &View) -> Markup {
    let strategies = &view.input.provenance.strategies;
    let verified = !view.input.beside.semantics.is_empty();
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "strategy" } th scope="col" { "version" } th scope="col" { "consistency" }
                @if verified { th scope="col" { "verified" } th.n scope="col" { "histories" } th.n scope="col" { "operations" } th scope="col" { "staleness" } }
                @for column in ["a reader", "iteration", "memory is freed", "cannot"] { th scope="col" { (column) } }
            } }
            tbody {
                @for strategy in strategies {
                    tr {
                        th scope="row" { (strategy.name) }
                        td { (strategy.upstream) " " (strategy.version) }
                        td { (strategy.consistency) }
                        @if verified { (found(view, strategy)) }
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
        @if verified {
            p { "As the strategies declare it, and what " code { "mapbench verify" } " found: histories that were recorded and judged, and operations of all its checks. Verified means that nothing else was found in so many." }
        } @else {
            p { "As the strategies declare it; " code { "mapbench verify --into" } " the run's directory says beside it what was found." }
        }
        (view.scroll("strategies", &table))
        @if verified { (checks(view)) }
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

/// The columns of what was found.
fn found(view: &View, strategy: &Declared) -> Markup {
    let Some(standing) = Standing::of(&strategy.name, view.input.beside.semantics) else {
        return html! { td colspan="4" { "not verified" } };
    };
    html! {
        (verdict(standing.verdict(), &standing.checks()))
        td.n { (standing.histories()) }
        td.n { (format::count(standing.operations())) }
        td { (standing.staleness().unwrap_or("–")) }
    }
}

/// No colour says what words do not.
fn verdict(verdict: Verdict, more: &str) -> Markup {
    let class = match verdict {
        Verdict::Violated => "failed",
        Verdict::Detected => "detected",
        Verdict::Verified | Verdict::Undecided | Verdict::NotApplicable => "",
    };
    html! { td class=[(!class.is_empty()).then_some(class)] { (verdict.name()) @if !more.is_empty() { br; small { (more) } } } }
}

fn checks(view: &View) -> Markup {
    html! {
        details {
            summary { "Every check" }
            div.scroll tabindex="0" role="region" aria-label=(view.name("Every check")) {
                table {
                    thead { tr {
                        th scope="col" { "strategy" } th scope="col" { "check" } th scope="col" { "declared" } th scope="col" { "verdict" }
                        th.n scope="col" { "operations" } th scope="col" { "what was found" }
                    } }
                    tbody {
                        @for row in view.input.beside.semantics {
                            tr {
                                th scope="row" { (row.strategy) }
                                td { (row.check) }
                                td { (row.declared) }
                                (verdict(row.verdict, ""))
                                td.n { (format::count(row.operations)) }
                                td { (row.detail) }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::html;
    use super::section;
    use crate::page::View;
    use crate::testing::{semantics, with_input};
    use crate::{Beside, Input};
    use mapbench_results::Verdict::{Verified, Violated};

    const NAMES: [&str; 4] = ["papaya", "evmap", "dashmap", "frozen"];

    #[test]
    fn what_was_verified_stands_beside_what_is_declared() {
        let rows = [
            semantics("papaya", "histories", Violated),
            semantics("evmap", "histories", Verified),
            semantics("evmap", "staleness", Verified),
        ];
        let page = with_input(NAMES, |input| {
            let beside = Beside { semantics: &rows, ..Beside::default() };
            section(&View::alone(Input { beside, ..*input })).into_string()
        });
        assert!(page.contains("<td class=\"failed\">violated<br><small>violated: histories</small></td>"), "{page}");
        assert!(page.contains("<td>verified<br><small>2 verified</small></td><td class=\"n\">7</td>"), "{page}");
        assert!(page.contains("<td class=\"n\">2.00 M</td><td>detail of staleness</td>"), "{page}");
        assert_eq!(page.matches("<td colspan=\"4\">not verified</td>").count(), 2, "{page}");
        assert!(page.contains("<td>detail of histories</td>"), "{page}");
    }

    #[test]
    fn a_run_that_was_not_verified_says_so() {
        let page = with_input(NAMES, html);
        assert!(page.contains("<code>mapbench verify --into</code>") && !page.contains("not verified"), "{page}");
    }

    #[test]
    fn what_a_check_says_is_text() {
        let mut row = semantics("papaya", "histories", Verified);
        row.detail = "<script>alert(1)</script>".to_owned();
        let page = with_input(NAMES, |input| {
            html(&Input { beside: Beside { semantics: &[row], ..Beside::default() }, ..*input })
        });
        assert!(page.contains("&lt;script&gt;alert(1)") && !page.contains("<script>alert"), "{page}");
    }
}
