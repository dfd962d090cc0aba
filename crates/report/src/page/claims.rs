//! What others claim about maps, and what came of it here.

use mapbench_results::{ClaimRow, ClaimVerdict, Host};
use maud::{Markup, html};

use super::View;
use crate::claims::{Tested, measured, slower_machine};
use crate::format;

/// Nothing, where no claim was tested beside the run.
pub(super) fn section(view: &View) -> Markup {
    let tested = Tested::all(view.input.beside.claims);
    if tested.is_empty() {
        return html! {};
    }
    let table = html! { (summary(&tested)) };
    let body = html! {
        (about())
        (view.scroll("claims", &table))
        details { summary { "Every case, with why" } (view.scroll("cases", &cases(&tested))) }
    };
    view.section("claims", "What others claim", &body)
}

/// A page of claims alone.
#[must_use]
pub fn html_of_claims(rows: &[ClaimRow], host: &Host) -> String {
    let tested = Tested::all(rows);
    let scroll =
        |name: &str, wide: &Markup| html! { div.scroll tabindex="0" role="region" aria-label=(name) { (wide) } };
    let machine = html! { p { (host.cpu) ", " (format::counted(host.cores, "core")) ", " (host.kernel) } };
    let body = html! {
        section aria-labelledby="claims" {
            h2 id="claims" { "What others claim" }
            (about())
            (scroll("Table: claims", &summary(&tested)))
        }
        section aria-labelledby="cases" {
            h2 id="cases" { "Every case, with why" }
            (scroll("Table: cases", &cases(&tested)))
        }
    };
    super::page(
        &format!("mapbench: {} about concurrent maps, tested", format::counted(tested.len(), "claim")),
        &machine,
        &body,
    )
}

fn about() -> Markup {
    html! {
        p {
            "Each claim was put as a measurement with a stated answer. Reproduced: the 95 % interval of what was measured meets what the claim implies, on its side of 1. Direction only: that side is ahead, by another size. Refuted: the other side is ahead, or no difference was shown, or what should be certain is not. A claim's verdict is the worst of its judged cases."
        }
    }
}

fn summary(tested: &[Tested]) -> Markup {
    html! {
        table {
            thead { tr {
                @for column in ["claim", "what it says", "verdict", "measured", "implied", "why"] { th scope="col" { (column) } }
            } }
            tbody { @for claim in tested { tr {
                th scope="row" { (claim.name()) }
                td { (claim.statement()) br; small { (claim.source()) } }
                td { (verdict(claim.verdict())) }
                td.n { (measured(claim.deciding())) }
                td { (claim.deciding().implied) }
                td {
                    (claim.why())
                    @if let Some(smaller) = slower_machine(claim.deciding()) { br; small { (smaller) } }
                }
            } } }
        }
    }
}

fn cases(tested: &[Tested]) -> Markup {
    html! {
        table {
            thead { tr {
                @for column in ["claim", "case"] { th scope="col" { (column) } }
                @for column in ["threads", "measured"] { th.n scope="col" { (column) } }
                @for column in ["verdict", "why", "subject", "reference", "also"] { th scope="col" { (column) } }
            } }
            tbody { @for claim in tested { @for row in claim.cases() { tr {
                td { (row.claim) }
                th scope="row" { (row.case) @if !row.judged { br; small { "beside" } } }
                td.n { (row.threads) @if row.threads > row.cores { "*" } }
                td.n { (measured(row)) }
                td { (verdict(row.verdict)) }
                td { (row.why) }
                td { (value(&row.subject, row.subject_value, row)) }
                td { (value(&row.reference, row.reference_value, row)) }
                td { (row.detail) }
            } } } }
        }
        @if tested.iter().flat_map(Tested::cases).any(|row| row.threads > row.cores) {
            p { "* more threads than cores" }
        }
    }
}

fn value(name: &str, value: Option<f64>, row: &ClaimRow) -> String {
    match value {
        Some(value) => format!("{name}: {}", format::with_unit(value, &row.value_unit)),
        None => name.to_owned(),
    }
}

fn verdict(verdict: ClaimVerdict) -> Markup {
    html! { @if verdict == ClaimVerdict::Reproduced { (verdict.name()) } @else { strong { (verdict.name()) } } }
}

#[cfg(test)]
mod tests {
    use super::html_of_claims;
    use crate::claims::testing::claim;
    use crate::testing::{plan, provenance};
    use mapbench_results::ClaimRow;
    use mapbench_results::ClaimVerdict::{DirectionOnly, Reproduced};

    #[test]
    fn every_claim_and_every_case_is_on_the_page() {
        let larger = ClaimRow { cores_implied: Some(16), threads: 16, ..claim("lock", "16 threads", DirectionOnly) };
        let beside = ClaimRow { judged: false, ..claim("lock", "2 threads", Reproduced) };
        let rows = [claim("a", "0", Reproduced), larger, beside];
        let page = html_of_claims(&rows, &provenance(plan(&["a"])).host);
        for part in [
            "statement of lock",
            "source of lock",
            "<strong>direction only</strong>",
            "1.50x [1.40, 1.60]",
            "16 threads: why 16 threads",
            "the claim needs 16 cores and this machine has 2: measured with 16 threads, oversubscribed",
            "arc-swap-cow: 3.00 M ops/s",
            "<small>beside</small>",
            "* more threads than cores",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
    }

    #[test]
    fn hostile_words_are_text() {
        const EVIL: &str = "</script><script>alert(1)</script>\"><img onerror=x>";
        let evil = || EVIL.to_owned();
        let row = ClaimRow {
            claim: evil(),
            statement: evil(),
            source: evil(),
            case: evil(),
            implied: evil(),
            subject: evil(),
            reference: evil(),
            unit: evil(),
            value_unit: evil(),
            why: evil(),
            detail: evil(),
            ..claim("a", "0", Reproduced)
        };
        let page = html_of_claims(&[row], &provenance(plan(&["a"])).host);
        assert!(!page.contains("<img") && page.matches("<script").count() == 1, "{page}");
    }
}
