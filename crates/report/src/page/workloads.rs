//! What the maps were asked to do: each workload's question, where it comes from, and what it does.

use mapbench_workload::Workload;
use maud::{Markup, html};

use super::View;
use crate::definitions::Definition;

pub(super) fn section(view: &View) -> Markup {
    let body = html! { @for definition in &view.definitions { (draw(view, definition)) } };
    view.section("workloads", "What the maps were asked to do", &body)
}

fn draw(view: &View, definition: &Definition) -> Markup {
    html! {
        @if view.is_alone() { h3 { (definition.name) } } @else { h4 { (definition.name) } }
        @match definition.workloads.as_deref() {
            Ok([]) => { p { "Nothing of it was measured." } }
            Ok(all) => { (about(&all[0])) (facts(view, definition.name, all)) }
            Err(problem) => { p { "This program cannot tell what it does, which may be of another version: " (problem) "." } }
        }
        details { summary { "Its definition" } pre tabindex="0" { code { (definition.text) } } }
    }
}

fn about(workload: &Workload) -> Markup {
    html! {
        p { strong { (workload.question) } }
        p { "Source: " (workload.source) }
        @if let Some(note) = &workload.note { p { (note) } }
    }
}

/// A list for one, a table for several that a file sweeps over.
fn facts(view: &View, name: &str, all: &[Workload]) -> Markup {
    if let [one] = all {
        return html! { dl { @for (name, fact) in one.facts() { div { dt { (name) } dd { (fact) } } } } };
    }
    let table = html! {
        table {
            thead { tr { th scope="col" { "workload" } @for (name, _) in all[0].facts() { th scope="col" { (name) } } } }
            tbody {
                @for workload in all { tr { th scope="row" { (workload.name) } @for (_, fact) in workload.facts() { td { (fact) } } } }
            }
        }
    };
    view.scroll(&format!("workloads of {name}"), &table)
}

#[cfg(test)]
mod tests {
    use super::section;
    use crate::page::View;
    use crate::testing::{SWEPT, plan, provenance, with};

    fn page(text: &str, measured: &[&str]) -> String {
        let mut plan = plan(&["a"]);
        plan.workloads.insert("w".to_owned(), text.to_owned());
        let group = plan.groups[0].clone();
        plan.groups = measured
            .iter()
            .map(|name| mapbench_results::Group { workload: (*name).to_owned(), ..group.clone() })
            .collect();
        let mut page = String::new();
        with(&provenance(plan), |input| page = section(&View::alone(*input)).into_string());
        page
    }

    #[test]
    fn a_workload_has_its_question_its_source_and_what_it_does() {
        let page = page(&SWEPT.replace("[\"uniform\", \"zipf:0.9\"]", "\"zipf:0.5\""), &["w"]);
        for part in [
            "<strong>How fast is it?</strong>",
            "Source: A book",
            "Adversarial.",
            "<dt>operations</dt><dd>90 % read, 10 % update</dd>",
            "<dt>keys drawn</dt><dd>zipf:0.5</dd>",
            "<dt>key range</dt><dd>2000 keys</dd>",
            "key u64, value 8 bytes, hasher foldhash",
            "population = 1000",
        ] {
            assert!(page.contains(part), "{part} is missing: {page}");
        }
    }

    #[test]
    fn a_sweep_over_fields_is_a_table_of_what_was_measured() {
        let page = page(SWEPT, &["w@distribution=zipf:0.9", "w@distribution=uniform"]);
        assert_eq!(page.matches("<th scope=\"row\">w@distribution=").count(), 2, "{page}");
        assert!(page.contains("<td>zipf:0.9</td>"), "{page}");
    }

    #[test]
    fn what_cannot_be_read_is_shown_as_it_is() {
        let page = page("keys = 1", &["w"]);
        assert!(page.contains("unknown field `keys`") && page.contains("<code>keys = 1</code>"), "{page}");
    }
}
