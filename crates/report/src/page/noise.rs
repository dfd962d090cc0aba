//! The machine itself: was it quiet enough to be believed?

use mapbench_results::Machine;
use mapbench_stats::{median, quantile};
use maud::{Markup, html};

use super::View;
use crate::{Input, LIMITS, UNFINISHED, format};

/// A round in which a probe takes this many times its median was made by a slower machine.
const SLOW: f64 = 1.5;

/// A run in which more than this share of rounds was slow had two modes.
const TWO_MODES: f64 = 0.02;

/// The parts of a run, in time, whose medians of the arithmetic loop are compared.
const PARTS: usize = 10;

/// Rounds that a part needs for its median to mean something.
const PART_ROUNDS: usize = 5;

/// A processor whose parts differ by more than this did not keep its frequency.
const DRIFT: f64 = 0.05;

struct Probe {
    name: &'static str,
    /// What may have happened while it was slow.
    cause: &'static str,
    values: Vec<f64>,
}

impl Probe {
    fn slow_share(&self) -> Option<f64> {
        let median = median(&self.values)?;
        Some(self.values.iter().filter(|value| **value > SLOW * median).count() as f64 / self.values.len() as f64)
    }
}

fn probes(machine: &[Machine]) -> [Probe; 3] {
    let values = |field: fn(&Machine) -> Option<u64>| machine.iter().filter_map(field).map(|ns| ns as f64).collect();
    [
        Probe {
            name: "way from core to core and back",
            cause: "the cores were moved apart, or a neighbour was busy",
            values: values(|row| row.round_trip_ns),
        },
        Probe {
            name: "arithmetic loop",
            cause: "the frequency fell, or another program had the core",
            values: values(|row| Some(row.arithmetic_ns)),
        },
        Probe {
            name: "memory walk",
            cause: "a neighbour was busy with the shared cache or the memory",
            values: values(|row| Some(row.memory_walk_ns)),
        },
    ]
}

/// By how much the arithmetic loop took longer in the slowest part of the run than in the fastest.
fn drift(machine: &[Machine]) -> Option<f64> {
    if machine.len() < PARTS * PART_ROUNDS {
        return None;
    }
    let mut rounds: Vec<&Machine> = machine.iter().collect();
    rounds.sort_by_key(|row| row.start_ns);
    let part = |rows: &[&Machine]| median(&rows.iter().map(|row| row.arithmetic_ns as f64).collect::<Vec<_>>());
    let medians: Vec<f64> = rounds.chunks(rounds.len().div_ceil(PARTS)).filter_map(part).collect();
    let slowest = medians.iter().copied().max_by(f64::total_cmp)?;
    let fastest = medians.iter().copied().min_by(f64::total_cmp)?;
    Some(slowest / fastest.max(1.0) - 1.0)
}

/// What a reader must know before the first number.
pub(super) fn warnings(view: &View) -> Markup {
    let warnings = warned(&view.input);
    html! {
        @if !warnings.is_empty() {
            section.warning aria-label=(view.name("Warnings")) { ul { @for warning in &warnings { li { (warning) } } } }
        }
    }
}

/// How many there are, for a page that shows them further down.
pub(super) fn count(input: &Input) -> String {
    match warned(input).len() {
        0 => "no warning".to_owned(),
        1 => "1 warning".to_owned(),
        n => format!("{n} warnings"),
    }
}

fn warned(input: &Input) -> Vec<String> {
    let mut warnings = Vec::new();
    if input.provenance.finished.is_none() {
        warnings.push(UNFINISHED.to_owned());
    }
    let failed = input.cells.iter().filter(|cell| format::failed(cell.status)).count();
    if failed > 0 {
        warnings.push(format!(
            "{failed} of {} cells failed: the reasons are in the table of all cells.",
            input.cells.len()
        ));
    }
    if input.provenance.plan.forks == 1 {
        warnings.push("One fork each: the intervals do not know how forks differ, and are too short.".to_owned());
    }
    for probe in probes(input.machine) {
        if let Some(share) = probe.slow_share().filter(|share| *share > TWO_MODES) {
            warnings.push(format!(
                "The machine had two modes: in {:.1} % of the rounds the {} took more than {SLOW} times its median: {}.",
                share * 100.0,
                probe.name,
                probe.cause
            ));
        }
    }
    if let Some(drift) = drift(input.machine).filter(|drift| *drift > DRIFT) {
        warnings.push(format!(
            "The processor did not keep its frequency: the arithmetic loop took {:.0} % longer in the slowest tenth of the run than in the fastest.",
            drift * 100.0
        ));
    }
    if let Some(governor) = input.provenance.host.governor.as_deref().filter(|governor| *governor != "performance") {
        warnings.push(format!("The governor was {governor}, not performance: the frequency followed the load."));
    }
    let stolen = input.provenance.host.steal_ns as f64;
    let ran = input.samples.iter().filter_map(|row| row.start_ns).max().unwrap_or(0) as f64;
    let share = stolen / (ran * f64::from(input.provenance.host.cores)).max(1.0);
    if share > 0.01 {
        warnings.push(format!("The hypervisor took {:.1} % of the processors' time.", share * 100.0));
    }
    let (wide, compared) = wide(input);
    if wide * 4 > compared {
        warnings.push(format!(
            "{wide} of {compared} slowdowns have an interval wider than {} %: measure longer before you choose by a small difference.",
            format::WIDE * 100.0
        ));
    }
    warnings
}

/// How many slowdowns have a wide interval, and how many have one at all.
fn wide(input: &Input) -> (usize, usize) {
    let reaches: Vec<f64> = input
        .cells
        .iter()
        .filter(|cell| !LIMITS.contains(&cell.strategy.as_str()) && cell.slowdown.is_some_and(|x| x != 1.0))
        .filter_map(format::reach)
        .collect();
    (reaches.iter().filter(|reach| **reach > format::WIDE).count(), reaches.len())
}

pub(super) fn section(view: &View) -> Markup {
    let (wide, compared) = wide(&view.input);
    let table = html! {
        table {
            thead { tr { th scope="col" { "probe" } @for column in ["median ns", "95th percentile", "largest", "rounds slower than 1.5 x median"] { th.n scope="col" { (column) } } } }
            tbody {
                @for probe in probes(view.input.machine) {
                    tr {
                        th scope="row" { (probe.name) }
                        td.n { (shown(median(&probe.values))) }
                        td.n { (shown(quantile(&probe.values, 0.95))) }
                        td.n { (shown(quantile(&probe.values, 1.0))) }
                        td.n { @if let Some(share) = probe.slow_share() { (format!("{:.1} %", share * 100.0)) } @else { "–" } }
                    }
                }
            }
        }
    };
    let body = html! {
        p { "Measured once a round, beside the maps. " (wide) " of " (compared) " slowdowns have an interval that reaches further than " (format::WIDE * 100.0) " % from its estimate." }
        (view.scroll("noise", &table))
    };
    view.section("noise", "How quiet the machine was", &body)
}

fn shown(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), format::significant)
}

#[cfg(test)]
mod tests {
    use crate::Beside;
    use mapbench_results::Machine;

    use super::warned;
    use crate::Input;
    use crate::testing::{machine, plan, provenance};

    /// The warnings of a run of a hundred rounds, each with the arithmetic time of its place.
    fn warnings(governor: Option<&str>, steal_ns: u64, arithmetic_ns: impl Fn(u32) -> u64) -> String {
        let mut provenance = provenance(plan(&["a"]));
        provenance.host.governor = governor.map(str::to_owned);
        provenance.host.steal_ns = steal_ns;
        let rows: Vec<Machine> = (0..100).map(|round| machine(round, arithmetic_ns(round))).collect();
        let samples = [crate::testing::slices("a", 0, 0, 1.0)];
        let samples = samples.map(|sample| mapbench_results::Sample { start_ns: Some(1_000_000), ..sample });
        warned(&Input {
            provenance: &provenance,
            samples: &samples,
            machine: &rows,
            cells: &[],
            beside: Beside::default(),
        })
        .join("\n")
    }

    #[test]
    fn a_quiet_machine_is_not_warned_of() {
        assert_eq!(warnings(Some("performance"), 0, |_| 100), "");
    }

    #[test]
    fn a_machine_with_two_modes_is_said_to_have_them() {
        let warned = |slow: u32| warnings(None, 0, |round| if round < slow { 200 } else { 100 });
        assert!(!warned(2).contains("two modes"));
        assert!(warned(3).contains("in 3.0 % of the rounds the arithmetic loop"), "{}", warned(3));
        assert!(warned(3).contains("the frequency fell"));
    }

    #[test]
    fn a_processor_that_slows_down_is_said_to() {
        let warned = |last: u64| warnings(None, 0, |round| 100 + u64::from(round) * (last - 100) / 99);
        assert_eq!(warned(104), "");
        assert!(warned(130).contains("took 27 % longer in the slowest tenth"), "{}", warned(130));
        // A stray round is no change of frequency.
        assert!(!warnings(None, 0, |round| if round % 50 == 0 { 190 } else { 100 }).contains("frequency"));
    }

    #[test]
    fn the_governor_and_the_hypervisor_are_named() {
        assert!(warnings(Some("powersave"), 0, |_| 100).contains("The governor was powersave"));
        // A millisecond on two cores.
        assert!(warnings(None, 100_000, |_| 100).contains("took 5.0 % of the processors' time"));
        assert_eq!(warnings(None, 10_000, |_| 100), "");
    }
}
