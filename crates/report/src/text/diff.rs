use std::collections::HashMap;

use mapbench_results::{Cell, Declared, Group, Provenance, Status};
use mapbench_stats::{Interval, geometric_mean_ratio};

use super::ONE_SHORT;
use super::cells::{Places, rate, ratio, sum_up, verdict};
use super::document::Text;
use super::order::orders;
use crate::{Input, format};

const APART: &str = "the runs were made one after the other, not in turns: what the machine did differently is in the \
                     ratios, and not in their intervals; a shift that all strategies share is the machine's";

/// Which of the cells that both runs hold are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cells {
    /// All.
    All,
    /// Those whose ratio's interval does not cover 1, and those that only one of the runs could measure.
    Changed,
}

/// Run `b` against run `a`: what differs between them, then the ratio of throughputs in every cell that both hold, then
/// what only one of them holds.
#[must_use]
pub fn diff(a: &Input, b: &Input, which: Cells) -> Text {
    let mut text = Text::default();
    text.items(vec![origin("A", a.provenance), origin("B", b.provenance)]);
    let differences = differences(a.provenance, b.provenance);
    if differences.is_empty() {
        text.note("same machine, same build, same versions, measured in the same way");
    } else {
        text.title("A and B differ; what follows mixes these differences with any other:");
        text.items(differences);
    }
    let (a_cells, b_cells) = (by_place(a), by_place(b));
    compared(&mut text, a, b, &b_cells, which);
    text.note(APART);
    orders(&mut text, a, b);
    if a.provenance.plan.forks == 1 || b.provenance.plan.forks == 1 {
        text.note(ONE_SHORT);
    }
    alone(&mut text, "A", a, &b_cells);
    alone(&mut text, "B", b, &a_cells);
    text
}

fn origin(letter: &str, provenance: &Provenance) -> String {
    let unfinished = if provenance.finished.is_none() { ", unfinished" } else { "" };
    format!("{letter}: {} on {}{unfinished}", provenance.started, provenance.host.name)
}

/// The cells of a run by what they are called.
type ByPlace<'a> = HashMap<(Group, &'a str), &'a Cell>;

fn by_place<'a>(input: &Input<'a>) -> ByPlace<'a> {
    input.cells.iter().map(|cell| ((cell.group(), cell.strategy.as_str()), cell)).collect()
}

fn compared(text: &mut Text, a: &Input, b: &Input, b_cells: &ByPlace, which: Cells) {
    let cores = a.provenance.host.cores.min(b.provenance.host.cores);
    let places = Places::of(a.provenance.plan.groups.iter().chain(&b.provenance.plan.groups), cores);
    let mut header = vec!["strategy".to_owned()];
    header.extend(places.header());
    header.extend(["A", "B", "ratio", ""].map(str::to_owned));
    let (mut table, mut shown, mut ratios) = (vec![header], Vec::new(), Vec::new());
    for old in a.cells {
        let group = old.group();
        let Some(new) = b_cells.get(&(group.clone(), old.strategy.as_str())) else { continue };
        let found = between_runs(old, new);
        ratios.extend(found);
        let last = match found {
            Some(found) if which == Cells::Changed && found.covers(1.0) => continue,
            Some(found) => [ratio(&found), verdict(&found).to_owned()],
            None if old.status == new.status && old.status != Status::Ok => continue,
            None => [String::new(), obstacle(old, new)],
        };
        let mut row = vec![old.strategy.clone()];
        row.extend(places.columns(&group));
        row.extend([rate(Some(old)), rate(Some(new))]);
        row.extend(last);
        table.push(row);
        shown.push(group);
    }
    if table.len() > 1 {
        text.title("M ops/s, and B's as a multiple of A's, with its 95 % interval:");
        text.table(table);
        places.explain(text, &shown);
    }
    sum_up(text, "B", &ratios);
}

/// The throughput of `new` as a multiple of that of `old`. The runs share no round, so that the errors of the two rates
/// are independent: their ratio is the square of the geometric mean of the one and the other's reciprocal.
fn between_runs(old: &Cell, new: &Cell) -> Option<Interval> {
    let mean = geometric_mean_ratio(&[interval(new)?, interval(old)?.reciprocal()])?;
    Some(Interval { low: mean.low.powi(2), estimate: mean.estimate.powi(2), high: mean.high.powi(2) })
}

fn interval(cell: &Cell) -> Option<Interval> {
    let (low, estimate, high) = (cell.throughput_low_ops_s?, cell.throughput_ops_s?, cell.throughput_high_ops_s?);
    (cell.status == Status::Ok).then_some(Interval { low: low as f64, estimate: estimate as f64, high: high as f64 })
}

fn obstacle(old: &Cell, new: &Cell) -> String {
    let of = |cell: &Cell| interval(cell).is_none().then(|| format::reason(cell));
    match (of(old), of(new)) {
        (Some(in_a), Some(in_b)) if in_a == in_b => in_a,
        (Some(in_a), Some(in_b)) => format!("A: {in_a}; B: {in_b}"),
        (Some(in_a), None) => format!("A: {in_a}"),
        (None, in_b) => format!("B: {}", in_b.unwrap_or_default()),
    }
}

/// Measured cells that the other run has no place for; strategies that lack the same ones share a line.
fn alone(text: &mut Text, letter: &str, input: &Input, other: &ByPlace) {
    let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
    for strategy in &input.provenance.plan.strategies {
        let measured: Vec<&Cell> =
            input.cells.iter().filter(|cell| cell.strategy == *strategy && cell.status == Status::Ok).collect();
        let groups: Vec<Group> = measured
            .iter()
            .map(|cell| cell.group())
            .filter(|group| !other.contains_key(&(group.clone(), strategy.as_str())))
            .collect();
        let cores = input.provenance.host.cores;
        let list = match groups.len() {
            0 => continue,
            all if all == measured.len() => format!("all {all} cells"),
            _ => groups.iter().map(|group| format::group(group, cores)).collect::<Vec<_>>().join("; "),
        };
        match lines.iter_mut().find(|(known, _)| *known == list) {
            Some((_, names)) => names.push(strategy),
            None => lines.push((list, vec![strategy])),
        }
    }
    if !lines.is_empty() {
        text.title(format!("measured only in {letter}:"));
        text.items(lines.iter().map(|(list, names)| format!("{}: {list}", format::and(names))).collect());
    }
}

/// What could explain a difference without any map having changed, or says which map did.
fn differences(a: &Provenance, b: &Provenance) -> Vec<String> {
    let mut lines: Vec<String> = facts(a)
        .into_iter()
        .zip(facts(b))
        .filter(|((_, in_a), (_, in_b))| in_a != in_b)
        .map(|((what, in_a), (_, in_b))| format!("{what}: {in_a} in A, {in_b} in B"))
        .collect();
    for (name, definition) in &a.plan.workloads {
        if b.plan.workloads.get(name).is_some_and(|other| other != definition) {
            lines.push(format!("workload {name}: its definition"));
        }
    }
    for old in &a.strategies {
        let same_name = |new: &&Declared| new.name == old.name;
        let tuning = |known: &Declared| format!("{} {}, {}", known.upstream, known.version, known.configuration);
        if let Some(new) = b.strategies.iter().find(same_name).filter(|new| tuning(new) != tuning(old)) {
            lines.push(format!("{}: {} in A, {} in B", old.name, tuning(old), tuning(new)));
        }
    }
    lines
}

fn facts(provenance: &Provenance) -> Vec<(&'static str, String)> {
    let Provenance { mapbench_version, plan, host, build, .. } = provenance;
    let known = |fact: &Option<String>| fact.clone().unwrap_or_else(|| "unknown".to_owned());
    let revision = match (&build.revision, build.dirty) {
        (Some(revision), Some(true)) => format!("{revision} with changes"),
        _ => known(&build.revision),
    };
    vec![
        ("host", host.name.clone()),
        ("cpu", host.cpu.clone()),
        ("cores", host.cores.to_string()),
        ("threads a core", known(&host.threads_per_core.map(|n| n.to_string()))),
        ("caches", host.caches.clone()),
        ("governor", known(&host.governor)),
        ("kernel", host.kernel.clone()),
        ("virtualisation", host.virtualisation.clone().unwrap_or_else(|| "none seen".to_owned())),
        ("memory", format!("{} MiB", format::mebibytes(host.memory_bytes))),
        ("rustc", build.rustc.clone()),
        ("target", build.target.clone()),
        ("cargo profile", build.profile.clone()),
        ("compiler flags", format!("`{}`", build.flags)),
        ("target features", format!("`{}`", build.target_features)),
        ("allocator", build.allocator.clone()),
        ("mapbench", mapbench_version.clone()),
        ("revision", revision),
        ("profile", plan.profile.clone()),
        ("seed", plan.seed.to_string()),
        ("hasher", plan.hasher.clone()),
        ("forks", plan.forks.to_string()),
        ("rounds", plan.rounds.to_string()),
        ("warm-up", format!("{} ns", plan.warm_ns)),
        ("slice", format!("{} ns", plan.slice_ns)),
    ]
}

#[cfg(test)]
mod tests {
    use super::{Cells, between_runs, diff};
    use crate::testing::{failure, sweep};
    use crate::{Beside, Input, summarise};
    use mapbench_results::{Group, Percent, Provenance, Sample, Status};

    /// The difference between two runs as text.
    fn said(a: &(Provenance, Vec<Sample>), b: &(Provenance, Vec<Sample>), which: Cells) -> String {
        let cells = |run: &(Provenance, Vec<Sample>)| summarise(&run.0.plan, run.0.host.cores, &run.1);
        let (a_cells, b_cells) = (cells(a), cells(b));
        let a = Input { provenance: &a.0, samples: &a.1, machine: &[], cells: &a_cells, beside: Beside::default() };
        let b = Input { provenance: &b.0, samples: &b.1, machine: &[], cells: &b_cells, beside: Beside::default() };
        diff(&a, &b, which).terminal()
    }

    /// `s1` of the sweep made `factor` times as fast.
    fn changed(factor: f64) -> (Provenance, Vec<Sample>) {
        let (provenance, mut samples) = sweep(3);
        for row in samples.iter_mut().filter(|row| row.strategy == "s1") {
            row.throughput_ops_s = row.throughput_ops_s.map(|rate| (rate as f64 * factor) as u64);
        }
        (provenance, samples)
    }

    #[test]
    fn a_change_is_seen_and_nothing_else() {
        let text = said(&sweep(3), &changed(1.5), Cells::Changed);
        assert!(text.contains("same machine, same build"), "{text}");
        assert_eq!(text.matches("1.50x [1.").count(), 15, "{text}");
        assert!(!text.contains("  s0 ") && !text.contains("only in"), "{text}");
        assert!(text.contains("B is faster in 15, slower in 0, tied in 30 of 45 cells"), "{text}");
        assert!(text.contains("not in turns"), "{text}");
        let all = said(&sweep(3), &changed(1.0 / 1.5), Cells::All);
        assert_eq!((all.matches("  slower").count(), all.matches("  tied").count()), (15, 30), "{all}");
    }

    #[test]
    fn pairs_that_a_change_turns_round_are_counted_and_named() {
        let same = said(&sweep(3), &sweep(3), Cells::All);
        assert!(same.contains("both runs tell 45 pairs apart, 45 of them alike"), "{same}");
        // From a tenth slower than s0 to a third faster.
        let text = said(&sweep(3), &changed(1.5), Cells::Changed);
        let (_, order) = text.split_once("both runs tell 45 pairs apart, 30 of them alike\n").expect(&text);
        assert_eq!(order.matches(": s1 takes 1.1").count(), 10, "{text}");
        assert!(order.contains("] the time of s0 in A, 0.73"), "{text}");
        assert!(order.trim_end().ends_with("and 5 pairs more, less far apart"), "{text}");
        let back = said(&changed(1.5), &sweep(3), Cells::Changed);
        assert_eq!(back.matches(": s0 takes 1.3").count(), 10, "{back}");
        assert!(back.contains("] the time of s1 in A, 0.9"), "{back}");
        // What one of them leaves open says nothing, and a run that lacks a map nothing of it.
        let open = said(&sweep(3), &changed(1.1), Cells::All);
        assert!(open.contains("both runs tell 30 pairs apart, 30 of them alike"), "{open}");
        let two = said(&sweep(3), &sweep(2), Cells::All);
        assert!(two.contains("both runs tell 15 pairs apart, 15 of them alike"), "{two}");
        let one = said(&sweep(3), &sweep(1), Cells::All);
        assert!(!one.contains("pairs"), "{one}");
    }

    #[test]
    fn the_interval_is_that_of_independent_rates() {
        let (provenance, samples) = sweep(1);
        let mut cells = summarise(&provenance.plan, 2, &samples);
        let mut set = |place: usize, low, estimate, high| {
            let cell = &mut cells[place];
            cell.throughput_low_ops_s = Some(low);
            cell.throughput_ops_s = Some(estimate);
            cell.throughput_high_ops_s = Some(high);
        };
        set(0, 500, 1_000, 2_000);
        set(1, 1_000, 2_000, 4_000);
        // Each reaches a factor of 2; both together one of 2 to the power of the root of 2.
        let ratio = between_runs(&cells[0], &cells[1]).unwrap();
        let reach = 2.0_f64.powf(2.0_f64.sqrt());
        for (found, wanted) in [(ratio.low, 2.0 / reach), (ratio.estimate, 2.0), (ratio.high, 2.0 * reach)] {
            assert!((found / wanted - 1.0).abs() < 1e-9, "{ratio:?}");
        }
    }

    #[test]
    fn what_differs_is_said_first() {
        let (mut provenance, samples) = sweep(2);
        provenance.host.cpu = "another".to_owned();
        provenance.strategies[1].version = "2.0.0".to_owned();
        provenance.plan.workloads.insert("w".to_owned(), "population = 1".to_owned());
        provenance.build.revision = Some("abc".to_owned());
        let text = said(&sweep(2), &(provenance, samples), Cells::All);
        let (first, rest) = text.split_once("M ops/s").unwrap();
        for difference in [
            "cpu: cpu in A, another in B",
            "s1: crate 1.2.3, default in A, crate 2.0.0, default in B",
            "workload w: its definition",
            "revision: unknown in A, abc in B",
        ] {
            assert!(first.contains(difference), "{difference}: {text}");
        }
        assert!(!first.contains("rustc") && !rest.contains("another"), "{text}");
    }

    #[test]
    fn what_only_one_run_holds_is_listed() {
        let (mut provenance, mut samples) = sweep(3);
        let lost = Group { read_pct: Percent::whole(90), threads: 4, ..provenance.plan.groups[0].clone() };
        provenance.plan.groups.retain(|group| *group != lost);
        provenance.plan.strategies.retain(|name| name != "s2");
        samples.retain(|row| row.group() != lost && row.strategy != "s2");
        let text = said(&sweep(3), &(provenance.clone(), samples.clone()), Cells::All);
        assert!(
            text.ends_with(
                "measured only in A:\n  s0 and s1: w, 90 % reads, 4 threads (oversubscribed)\n  s2: all 15 cells\n"
            ),
            "{text}"
        );
        let turned = said(&(provenance, samples), &sweep(3), Cells::All);
        assert!(turned.contains("only in B:") && !turned.contains("only in A:"), "{turned}");
    }

    #[test]
    fn a_cell_that_one_run_failed_to_measure_is_a_row_with_its_reason() {
        let (provenance, mut samples) = sweep(2);
        let group = provenance.plan.groups[0].clone();
        samples.retain(|row| row.strategy != "s1" || row.group() != group);
        let Group { read_pct, threads, .. } = group;
        samples.push(Sample { read_pct, threads, ..failure("s1", 0, Status::Aborted, "ended by signal 6") });
        let text = said(&sweep(2), &(provenance, samples), Cells::Changed);
        assert!(text.contains("B: failed: aborted: ended by signal 6"), "{text}");
    }
}
