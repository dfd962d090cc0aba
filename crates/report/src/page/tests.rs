//! What holds for pages as a whole.

use mapbench_results::{
    ClaimRow, ClaimVerdict, Detectable, FlameGraph, GateVerdict, Group, Growth, GrowthPlan, HostClock, Latency,
    LatencyKind, LatencyPlan, Memory, Percent, ProfilePlan, Reclamation, Sample, SelfTestRow, Stage, Status, Verdict,
};

use super::html;
use crate::testing::{self, sweep, with_input};
use crate::{Beside, Input, summarise};

const NAMES: [&str; 4] = ["papaya", "scc", "dashmap", "frozen"];

#[test]
fn the_page_has_its_parts_and_asks_nobody_for_anything() {
    let page = with_input(NAMES, html);
    for part in ["id=\"answer\"", "id=\"heatmap\"", "id=\"cells\"", "id=\"strategies\"", "id=\"provenance\"", "<svg"] {
        assert!(page.contains(part), "{part} is missing");
    }
    for request in ["http://", "https://", "src=", "@import", "url("] {
        let found = page.replace("http://www.w3.org/2000/svg", "").contains(request);
        assert!(!found, "the page holds {request}");
    }
    assert!(page.contains("default-src 'none'"));
    assert!(page.contains("n/a") && page.contains("no insert: the map is immutable"));
}

#[test]
fn throughput_against_threads_wants_several_numbers_of_threads() {
    let lines = "id=\"lines\"";
    assert!(!with_input(NAMES, html).contains(lines), "a chart of dots");
    let (provenance, samples) = sweep(2);
    let input =
        Input { provenance: &provenance, samples: &samples, machine: &[], cells: &[], beside: Beside::default() };
    assert!(html(&input).contains(lines));
}

/// The classes of the lines of a chart that are drawn in a colour, with the names of their strategies.
fn coloured(page: &str) -> Vec<(&str, &str)> {
    let lines = page.split("<g class=\"").skip(1);
    let lines = lines.filter_map(|line| line.split_once("\"><title>"));
    let named = lines.filter_map(|(class, rest)| Some((rest.split_once("</title>")?.0, class)));
    named.filter(|(_, class)| class.starts_with('c')).collect()
}

#[test]
fn a_strategy_has_one_look_in_all_charts_of_all_runs() {
    let (mut provenance, samples) = sweep(9);
    provenance.plan.latency = Some(testing::latency_plan());
    provenance.plan.memory = Some(testing::memory_plan());
    // By their tails and by what they hold the maps stand the other way round than by their throughput.
    let names = provenance.plan.strategies.iter().zip(1_u64..);
    let latency: Vec<Latency> =
        names.clone().map(|(name, place)| testing::response(name, 0, &[(10_000 - place * 1_000, 100_000)])).collect();
    let memory: Vec<Memory> = names.clone().flat_map(|(name, _)| testing::counted(name)).collect();
    let reclamation: Vec<Reclamation> =
        names.flat_map(|(name, place)| testing::curve(name, &[0, place << 20])).collect();
    let beside = Beside { latency: &latency, memory: &memory, reclamation: &reclamation, ..Beside::default() };
    let input = Input { provenance: &provenance, samples: &samples, machine: &[], cells: &[], beside };
    let mut turned = provenance.clone();
    turned.plan.strategies.reverse();
    let alone = html(&input);
    let several = super::html_of(&[input, Input { provenance: &turned, samples: &[], ..input }]);
    for page in [alone, several] {
        let coloured = coloured(&page);
        for name in &provenance.plan.strategies {
            let mut looks: Vec<&str> =
                coloured.iter().filter(|(strategy, _)| strategy == name).map(|(_, class)| *class).collect();
            assert!(looks.len() > 1, "{name}: {looks:?}");
            looks.dedup();
            assert_eq!(looks.len(), 1, "{name}: {looks:?}");
        }
    }
}

#[test]
fn a_whole_sweep_fits_in_a_megabyte() {
    let (provenance, samples) = sweep(26);
    let cells = summarise(&provenance.plan, 2, &samples);
    let page = html(&Input {
        provenance: &provenance,
        samples: &samples,
        machine: &[],
        cells: &cells,
        beside: Beside::default(),
    });
    assert!(page.len() < 1 << 20, "{} bytes", page.len());
    for scale in ["log", "linear"] {
        assert_eq!(page.matches(&format!("<svg class=\"{scale}\"")).count(), 5);
    }
    assert!(page.contains("At 2 threads, each with a core to itself"));
    for threads in ["1 thread<", "4 threads (oversubscribed)<"] {
        assert!(page.contains(&format!("w, 50 % reads, {threads}")), "{threads}");
    }
}

#[test]
fn an_unfinished_run_shows_what_it_has() {
    let (mut provenance, samples) = sweep(2);
    provenance.finished = None;
    let page = html(&Input {
        provenance: &provenance,
        samples: &samples,
        machine: &[],
        cells: &[],
        beside: Beside::default(),
    });
    assert!(page.contains("The run is unfinished") && page.contains("s0 leads; s1 is "), "{page}");
}

#[test]
fn nothing_and_a_single_strategy_make_a_page() {
    let (provenance, samples) = sweep(1);
    let page = |samples: &[_]| {
        html(&Input { provenance: &provenance, samples, machine: &[], cells: &[], beside: Beside::default() })
    };
    assert!(page(&samples).contains("s0 alone was measured"));
    assert!(page(&[]).contains("no map was measured") && page(&[]).contains("not measured"));
}

#[test]
fn the_same_rows_make_the_same_page() {
    assert_eq!(with_input(NAMES, html), with_input(NAMES, html));
    let page = || {
        let (provenance, samples) = sweep(9);
        html(&Input { provenance: &provenance, samples: &samples, machine: &[], cells: &[], beside: Beside::default() })
    };
    assert!(page() == page(), "a page of more than a few cells");
    assert!(html_of_sweep(3, true) == html_of_sweep(3, true), "a page of all sections");
}

#[test]
fn hostile_names_are_text() {
    let name = "</script><script>alert(1)</script>";
    let page = with_input([name, "\"><img onerror=x>", "'", "frozen"], html);
    assert!(!page.contains("<script>alert") && !page.contains("<img"));
    assert!(page.contains("&lt;/script&gt;&lt;script&gt;alert(1)"));
}

/// Every text that a file can hold, but for the words that the program knows.
#[test]
fn hostile_files_are_text() {
    const EVIL: &str = "</script><script>alert(1)</script>\"><img onerror=x>";
    let evil = || EVIL.to_owned();
    let (mut provenance, mut samples) = sweep(1);
    let plan = &mut provenance.plan;
    plan.groups.iter_mut().for_each(|group| group.workload = evil());
    (plan.strategies, plan.workloads) = (vec![evil()], [(evil(), evil())].into());
    (plan.profile, plan.hasher) = (evil(), evil());
    for sample in &mut samples {
        (sample.workload, sample.strategy) = (evil(), evil());
    }
    let host = &mut provenance.host;
    for text in [&mut host.name, &mut host.cpu, &mut host.caches, &mut host.kernel] {
        *text = evil();
    }
    (host.governor, host.virtualisation) = (Some(evil()), Some(evil()));
    let build = &mut provenance.build;
    for text in [&mut build.rustc, &mut build.target, &mut build.flags, &mut build.allocator] {
        *text = evil();
    }
    build.revision = Some(evil());
    let declared = &mut provenance.strategies[0];
    for text in [
        &mut declared.name,
        &mut declared.upstream,
        &mut declared.version,
        &mut declared.summary,
        &mut declared.consistency,
        &mut declared.iteration,
        &mut declared.read_progress,
        &mut declared.reclamation,
        &mut declared.configuration,
        &mut declared.notes,
    ] {
        *text = evil();
    }
    declared.unsupported = vec![evil()];
    (provenance.command, provenance.checksums) = (vec![evil()], [(evil(), evil())].into());
    (provenance.started, provenance.finished) = (evil(), Some(evil()));
    provenance.plan.latency = Some(LatencyPlan { arrivals: evil(), ..testing::latency_plan() });
    provenance.plan.memory = Some(testing::memory_plan());
    provenance.plan.growth = Some(GrowthPlan { forks: 1 });
    provenance.plan.profile_cpu = Some(ProfilePlan { hertz: 1, slice_ns: 1 });
    samples[0].iterate_ops = Some(1);
    samples[0].iterated_entries = Some(1);
    provenance.host.clock = Some(HostClock { source: Some(evil()), look_ns: 1, drift_ppb: 1 });
    let group = provenance.plan.groups[0].clone();
    let latency = hostile_latency(&group, EVIL);
    let (memory, reclamation) = hostile_memory(&group, EVIL);
    let growth = Growth { message: evil(), ..Growth::unmeasured(&group, EVIL, 0, Status::Panicked) };
    let missing = FlameGraph::missing(&group, EVIL, Status::NotApplicable, evil());
    let drawn = FlameGraph { status: Status::Ok, samples: Some(1), ..missing.clone() };
    let found = testing::semantics(EVIL, EVIL, Verdict::Violated);
    let alarm = SelfTestRow {
        condition: evil(),
        planted: evil(),
        cell: evil(),
        ..testing::self_test_row(EVIL, 0, GateVerdict::Fail)
    };
    let least = Detectable { condition: evil(), cell: evil(), minutes: 1.0, rounds: 1, effect_pct: None, alpha: None };
    let claim = ClaimRow {
        statement: evil(),
        source: evil(),
        implied: evil(),
        subject: evil(),
        reference: evil(),
        unit: evil(),
        value_unit: evil(),
        why: evil(),
        detail: evil(),
        ..crate::claims::testing::claim(EVIL, EVIL, ClaimVerdict::Refuted)
    };
    let beside = Beside {
        semantics: &[found],
        self_test: &[alarm],
        detectable: &[least],
        claims: &[claim],
        latency: &latency,
        memory: &memory,
        reclamation: &reclamation,
        growth: &[growth],
        profiles: &[missing, drawn],
    };
    let input = Input { provenance: &provenance, samples: &samples, machine: &[], cells: &[], beside };
    let written = |page: &str, scripts: usize| {
        assert!(!page.contains("<img") && !page.contains("\"\">"), "{page}");
        let tags = ["<script", "</script"].map(|tag| page.matches(tag).count());
        assert_eq!(tags, [scripts; 2], "{page}");
    };
    let page = html(&input);
    written(&page, 1);
    assert!(page.matches("&lt;/script&gt;&lt;script&gt;alert(1)").count() > 100);
    // No section is free of it, so that none can have been left out above.
    let sections: Vec<&str> = page.split("<section").skip(1).collect();
    for (name, section) in sections.iter().map(|section| (section.get(..60).unwrap_or(section), section)) {
        let known = name.contains("warning") || name.contains("\"noise\"");
        assert!(known || section.contains("&lt;script&gt;alert(1)"), "{name}");
    }
    for part in ["latency", "reclamation", "growth", "iteration", "profiles", "claims", "self-test", "workloads"] {
        assert!(page.contains(&format!("aria-labelledby=\"{part}\"")), "{part} is missing");
    }
    for text in [crate::tables(&input), crate::semantics(input.beside.semantics, true)] {
        written(&text.markdown(), 0);
    }
}

fn hostile_latency(group: &Group, evil: &str) -> Vec<Latency> {
    let row =
        Latency { strategy: evil.to_owned(), workload: evil.to_owned(), ..testing::response(evil, 0, &[(9, 9_000)]) };
    let row = Latency { read_pct: group.read_pct, threads: group.threads, message: evil.to_owned(), ..row };
    let failed = Latency {
        operation: "iterate".to_owned(),
        message: evil.to_owned(),
        ..Latency::unmeasured(group, evil, 0, LatencyKind::Pause, Status::Panicked)
    };
    let saturated = Latency { load_pct: Some(50), saturated: true, ..row.clone() };
    vec![row, failed, saturated]
}

fn hostile_memory(group: &Group, evil: &str) -> (Vec<Memory>, Vec<Reclamation>) {
    let mut counted = testing::counted(evil);
    counted.push(Memory { message: evil.to_owned(), ..Memory::unmeasured(group, evil, 1, evil, Status::Aborted) });
    let mut curve = testing::curve(evil, &[0, 1 << 20]);
    for row in &mut counted {
        (row.workload, row.read_pct, row.threads) = (evil.to_owned(), group.read_pct, group.threads);
    }
    for row in &mut curve {
        (row.workload, row.read_pct, row.threads) = (evil.to_owned(), group.read_pct, group.threads);
    }
    (counted, curve)
}

#[test]
fn the_standard_sweep_with_latency_and_memory_fits_in_a_megabyte() {
    let page = html_of_sweep(24, true);
    println!("{} bytes, {} of them without latency and memory", page.len(), html_of_sweep(24, false).len());
    assert!(page.len() < 1 << 20, "{} bytes", page.len());
}

/// The page of a sweep over five shares of reads and four numbers of threads, with what is found out beside it.
fn html_of_sweep(strategies: u32, beside: bool) -> String {
    let (mut provenance, mut samples) = sweep(strategies);
    // Names as long as real ones.
    let long = |name: &mut String| *name = format!("{name}-of-a-crate");
    provenance.plan.strategies.iter_mut().for_each(long);
    provenance.strategies.iter_mut().for_each(|declared| long(&mut declared.name));
    samples.iter_mut().for_each(|row| long(&mut row.strategy));
    let names = provenance.plan.strategies.clone();
    let mut eight: Vec<Sample> = samples.iter().filter(|row| row.threads == 4).cloned().collect();
    eight.iter_mut().for_each(|row| row.threads = 8);
    let samples = [samples, eight].concat();
    let shares = [100, 99, 90, 50, 0].map(Percent::whole);
    let group = |read_pct| [1, 2, 4, 8].map(|threads| Group { read_pct, threads, ..testing::group() });
    provenance.plan.groups = shares.into_iter().flat_map(group).collect();
    let (mut latency, mut memory, mut reclamation) = (Vec::new(), Vec::new(), Vec::new());
    let (mut semantics, mut claims) = (Vec::new(), Vec::new());
    if beside {
        let claim = |place: u32| ClaimRow {
            detail: "what else is to be said of the case, at some length".to_owned(),
            ..crate::claims::testing::claim(&format!("claim-{}", place / 3), &place.to_string(), ClaimVerdict::Refuted)
        };
        claims.extend((0..100).map(claim));
        provenance.plan.latency = Some(LatencyPlan { load_pct: vec![50, 70, 80, 90, 95], ..testing::latency_plan() });
        provenance.plan.memory = Some(testing::memory_plan());
    }
    for (name, place) in names.iter().filter(|_| beside).zip(1_u64..) {
        // As many samples as a second of a million, slower by a tenth from nine to nine.
        let times: Vec<(u64, u64)> = (0..18_u32)
            .map(|half| (place * 40 * 17_u64.pow(half / 2) / 10_u64.pow(half / 2) + u64::from(half), 1_000_000 >> half))
            .collect();
        let common = testing::response(name, 0, &times);
        let closed = |kind, operation: &str| Latency {
            kind,
            operation: operation.to_owned(),
            rate_ops_s: None,
            ..common.clone()
        };
        let mut own = vec![common.clone(), closed(LatencyKind::ServiceTime, "all")];
        own.extend(["write", "iterate", "grow"].map(|operation| closed(LatencyKind::Pause, operation)));
        own.extend([50, 70, 80, 90, 95].map(|load| Latency { load_pct: Some(load), ..common.clone() }));
        let curve: Vec<u64> = (0..40).map(|at| place * 100_000 * (at * 7 % 11 + at)).collect();
        for Group { read_pct, threads, .. } in &provenance.plan.groups {
            let at = (*read_pct, *threads);
            latency.extend(own.iter().cloned().map(|row| Latency { read_pct: at.0, threads: at.1, ..row }));
            memory.extend(testing::counted(name).into_iter().map(|row| Memory {
                read_pct: at.0,
                threads: at.1,
                ..row
            }));
            for (stage, from) in [(Stage::Load, 0), (Stage::Held, 40), (Stage::Quiet, 80)] {
                let rows = testing::curve(name, &curve).into_iter();
                reclamation.extend(rows.map(|row| Reclamation {
                    read_pct: at.0,
                    threads: at.1,
                    stage,
                    point: from + row.point,
                    ..row
                }));
            }
        }
        semantics.extend((0..11).map(|check| {
            let row = testing::semantics(name, &format!("check-{check}"), Verdict::Verified);
            mapbench_results::Semantics { detail: "what was found, at some length, ".repeat(5), ..row }
        }));
    }
    let mut cells = summarise(&provenance.plan, 2, &samples);
    crate::complete(&mut cells, &latency, &memory);
    let beside = Beside {
        latency: &latency,
        memory: &memory,
        reclamation: &reclamation,
        semantics: &semantics,
        claims: &claims,
        ..Beside::default()
    };
    html(&Input { provenance: &provenance, samples: &samples, machine: &[], cells: &cells, beside })
}
