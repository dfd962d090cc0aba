//! Where the numbers come from and how to get them again.

use mapbench_results::PROVENANCE;
use maud::{Markup, html};

use super::View;
use crate::{Input, format};

/// What is known of a run's machine, build and plan: the same names in the same order for every run.
pub(super) fn facts(input: &Input) -> [(&'static str, String); 17] {
    let p = input.provenance;
    let (host, build, plan) = (&p.host, &p.build, &p.plan);
    let unknown = || "not told by the system".to_owned();
    let ms = |ns: u64| format::significant(ns as f64 / 1e6);
    let source = match (&build.revision, build.dirty) {
        (Some(revision), Some(true)) => format!("{revision}, with uncommitted changes"),
        (Some(revision), _) => revision.clone(),
        (None, _) => "unknown".to_owned(),
    };
    [
        ("machine", format!("{}: {}, {}", host.name, host.cpu, format::counted(host.cores, "core"))),
        ("hardware threads a core", host.threads_per_core.map_or_else(unknown, |n| n.to_string())),
        ("caches", host.caches.clone()),
        ("memory", format!("{} MiB", format::mebibytes(host.memory_bytes))),
        ("governor", host.governor.clone().unwrap_or_else(unknown)),
        ("kernel", host.kernel.clone()),
        ("virtualisation", host.virtualisation.clone().unwrap_or_else(|| "none seen".to_owned())),
        ("stolen by the hypervisor", format!("{} ms", ms(host.steal_ns))),
        ("compiler", format!("rustc {}, {}, {}", build.rustc, build.target, build.profile)),
        ("compiler flags", if build.flags.is_empty() { "none".to_owned() } else { build.flags.clone() }),
        ("target features", build.target_features.clone()),
        ("allocator", build.allocator.clone()),
        ("source", source),
        ("mapbench", format!("{}, schema {}", p.mapbench_version, p.schema_version)),
        ("seed, hasher", format!("{}, {}", plan.seed, plan.hasher)),
        (
            "plan",
            format!(
                "{}: {} x {}, {} ms warm-up and {} ms slice each",
                plan.profile,
                format::counted(plan.forks, "fork"),
                format::counted(plan.rounds, "round"),
                ms(plan.warm_ns),
                ms(plan.slice_ns)
            ),
        ),
        ("from, to", format!("{}, {}", p.started, p.finished.as_deref().unwrap_or("unfinished"))),
    ]
}

pub(super) fn section(view: &View) -> Markup {
    let p = view.input.provenance;
    let body = html! {
        p { "Measured by" }
        pre tabindex="0" { code { (shell(&p.command)) } }
        dl.facts { @for (name, value) in facts(&view.input) { div { dt { (name) } dd { (value) } } } }
        details open {
            summary { "Files of the run, and their SHA-256" }
            dl.sums {
                div { dt { (link(view, PROVENANCE)) } dd { "the facts above, and the plan" } }
                @for (file, sum) in &p.checksums { div { dt { (link(view, file)) } dd { code { (sum) } } } }
            }
        }
    };
    view.section("provenance", "Where these numbers come from", &body)
}

/// A file's name, and the way to it where that is known. What does not look like a file's name is nowhere led to.
fn link(view: &View, file: &str) -> Markup {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match &view.files {
        Some(files) if file.chars().all(plain) => {
            let path = format!("{files}{file}");
            html! { a href=(path) { (path) } }
        }
        _ => html! { (file) },
    }
}

/// A command as a shell reads it.
fn shell(command: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:=+@%".contains(c);
    let word = |word: &String| {
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    };
    command.iter().map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use crate::testing::{plan, provenance, with};
    use crate::{html, html_linked};

    #[test]
    fn a_command_can_be_pasted() {
        let command = ["mapbench", "run", "--out", "it's here", ""].map(str::to_owned);
        assert_eq!(super::shell(&command), r"mapbench run --out 'it'\''s here' ''");
    }

    #[test]
    fn files_are_linked_where_they_are_and_nothing_else_is() {
        let mut provenance = provenance(plan(&["a"]));
        for wrong in ["javascript:alert(1)", "../x", "//host"] {
            provenance.checksums.insert(wrong.to_owned(), "00".to_owned());
        }
        with(&provenance, |input| {
            let page = html_linked(&[*input], &[Some("runs/a/".to_owned())]);
            assert!(page.contains("<a href=\"runs/a/samples.csv\">runs/a/samples.csv</a>"), "{page}");
            assert!(page.contains("<a href=\"runs/a/provenance.json\">"), "{page}");
            for wrong in ["href=\"runs/a/javascript", "href=\"javascript", "href=\"runs/a/..", "href=\"//", "a///"] {
                assert!(!page.contains(wrong), "{wrong}");
            }
            assert!(!html(input).contains("href=\"samples.csv"), "where they are is not known");
        });
    }
}
