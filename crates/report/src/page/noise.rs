//! The machine itself: was it quiet enough to be believed?

use mapbench_results::Machine;
use mapbench_stats::{median, quantile};
use maud::{Markup, html};

use crate::{Input, LIMITS, format};

/// A round in which a probe takes this many times its median was made by a slower machine.
const SLOW: f64 = 1.5;

/// A run in which more than this share of rounds was slow had two modes.
const TWO_MODES: f64 = 0.02;

/// An interval that reaches further than this, as a share of the estimate, is wide.
const WIDE: f64 = 0.05;

struct Probe {
    name: &'static str,
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
        Probe { name: "core to core and back", values: values(|row| row.round_trip_ns) },
        Probe { name: "arithmetic loop", values: values(|row| Some(row.arithmetic_ns)) },
        Probe { name: "memory walk", values: values(|row| Some(row.memory_walk_ns)) },
    ]
}

/// What a reader must know before the first number.
pub(super) fn warnings(input: &Input) -> Markup {
    let mut warnings = Vec::new();
    for probe in probes(input.machine) {
        if let Some(share) = probe.slow_share().filter(|share| *share > TWO_MODES) {
            warnings.push(format!(
                "The machine had two modes: in {:.1} % of the rounds the {} took more than {SLOW} times its median.",
                share * 100.0,
                probe.name
            ));
        }
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
            WIDE * 100.0
        ));
    }
    html! {
        @if !warnings.is_empty() {
            section.warning aria-label="Warnings" { ul { @for warning in &warnings { li { (warning) } } } }
        }
    }
}

/// How many slowdowns have a wide interval, and how many have one at all.
fn wide(input: &Input) -> (usize, usize) {
    let reaches: Vec<f64> = input
        .cells
        .iter()
        .filter(|cell| !LIMITS.contains(&cell.strategy.as_str()) && cell.slowdown.is_some_and(|x| x != 1.0))
        .filter_map(format::reach)
        .collect();
    (reaches.iter().filter(|reach| **reach > WIDE).count(), reaches.len())
}

pub(super) fn section(input: &Input) -> Markup {
    let (wide, compared) = wide(input);
    html! {
        section aria-labelledby="noise" {
            h2 id="noise" { "How quiet the machine was" }
            p { "Measured once a round, beside the maps. " (wide) " of " (compared) " slowdowns have an interval that reaches further than " (WIDE * 100.0) " % from its estimate." }
            div.scroll tabindex="0" role="region" aria-labelledby="noise" {
                table {
                    thead { tr { @for column in ["probe", "median ns", "95th percentile", "largest", "rounds slower than 1.5 x median"] { th scope="col" { (column) } } } }
                    tbody {
                        @for probe in probes(input.machine) {
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
            }
        }
    }
}

fn shown(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), format::significant)
}

#[cfg(test)]
mod tests {
    use super::warnings;
    use crate::Input;
    use crate::testing::{machine, plan, provenance};

    #[test]
    fn a_machine_with_two_modes_is_said_to_have_them() {
        let provenance = provenance(plan(&["a"]));
        let warned = |slow: usize| {
            let rows: Vec<_> = (0..100).map(|i| machine(i as u32, if i < slow { 200 } else { 100 })).collect();
            warnings(&Input { provenance: &provenance, samples: &[], machine: &rows, cells: &[] }).into_string()
        };
        assert!(!warned(2).contains("two modes"));
        assert!(warned(10).contains("in 10.0 % of the rounds the arithmetic loop"), "{}", warned(10));
    }
}
