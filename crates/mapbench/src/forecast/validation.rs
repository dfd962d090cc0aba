//! Forecasts beside figures: what others published of larger machines, and what a run measured here.

use std::collections::HashMap;
use std::fmt::Write as _;

use mapbench_forecast::{Agreement, Published, Range, Topology, agreement, published};
use mapbench_results::{Cell as Measured, Run, Status};
use mapbench_workload::{Load, Mix, OpKind, Percent, Workload};

use super::cells::{Cell, Outcome};
use super::expect::expect;

/// Entries of the simulated maps. The published ones had many more, all of which miss every cache; that is in their
/// single-thread figures.
const POPULATION: u32 = 65_536;

/// Fewer threads say little about scaling.
const LEAST_THREADS: u32 = 8;

/// The mixes as they were published.
fn mixes() -> [(&'static str, Percent, Mix); 2] {
    let mix = |shares: &[(OpKind, u8)]| {
        let shares: Vec<_> = shares.iter().map(|(kind, share)| (*kind, Percent::whole(*share))).collect();
        Mix::fixed(&shares).expect("shares that add up")
    };
    [
        ("read-heavy", Percent::whole(98), mix(&[(OpKind::Read, 98), (OpKind::Insert, 1), (OpKind::Remove, 1)])),
        (
            "exchange",
            Percent::whole(10),
            mix(&[(OpKind::Read, 10), (OpKind::Insert, 40), (OpKind::Remove, 40), (OpKind::Update, 10)]),
        ),
    ]
}

/// Counts the cells of the published figures and says how the forecasts agree with them. `count` counts cells.
pub(crate) fn against_published(count: impl FnOnce(&[Cell]) -> Vec<Outcome>) -> String {
    let (figures, machines) = published();
    let mut cells: Vec<Cell> = Vec::new();
    for figure in figures.iter().filter(|figure| figure.threads >= LEAST_THREADS) {
        let cell = cell(figure);
        if !cells.contains(&cell) {
            cells.push(cell);
        }
    }
    let outcomes = count(&cells);
    let mut text = String::new();
    for (mix, ..) in mixes() {
        let _ = writeln!(text, "{mix}");
        let _ = writeln!(
            text,
            "  {:<8} {:<20} {:>7} {:>10} {:>10} {:>7}",
            "machine", "strategy", "threads", "published", "forecast", "factor"
        );
        let (mut pairs, mut linear) = (Vec::new(), Vec::new());
        for figure in figures.iter().filter(|figure| figure.mix == mix && figure.threads >= LEAST_THREADS) {
            let Some((forecast, single)) = forecast_of(figure, &figures, &machines, &outcomes) else { continue };
            let _ = writeln!(
                text,
                "  {:<8} {:<20} {:>7} {:>10.1} {forecast:>10.1} {:>7.2}",
                figure.machine,
                figure.strategy,
                figure.threads,
                figure.mops,
                forecast / figure.mops
            );
            pairs.push((forecast, figure.mops));
            linear.push((single * f64::from(figure.threads), figure.mops));
        }
        let _ = writeln!(text, "  forecast: {}", shown(agreement(&pairs)));
        let _ = writeln!(text, "  single thread x threads, for comparison: {}\n", shown(agreement(&linear)));
    }
    text
}

fn shown(agreement: Option<Agreement>) -> String {
    agreement.map_or_else(
        || "too few pairs".to_owned(),
        |Agreement { pairs, tau, median_factor, worst_factor }| {
            format!("{pairs} pairs, Kendall's tau {tau:.2}, median factor {median_factor:.2}, worst {worst_factor:.2}")
        },
    )
}

fn cell(figure: &Published) -> Cell {
    let (workload, read_pct, mix) =
        mixes().into_iter().find(|(name, ..)| *name == figure.mix).expect("a mix of the published figures");
    Cell {
        strategy: figure.strategy.to_owned(),
        workload: workload.to_owned(),
        read_pct,
        load: Load::uniform(mix, POPULATION, 2 * POPULATION),
        cores: figure.threads,
    }
}

/// Forecast and single-thread figure, in millions of operations a second.
fn forecast_of(
    figure: &Published,
    figures: &[Published],
    machines: &[(&str, Topology)],
    outcomes: &[Outcome],
) -> Option<(f64, f64)> {
    let of_same = |other: &&Published| {
        (other.machine, other.mix, other.strategy, other.threads) == (figure.machine, figure.mix, figure.strategy, 1)
    };
    let single = figures.iter().find(of_same)?.mops;
    let machine = &machines.iter().find(|(name, _)| *name == figure.machine)?.1;
    let wanted = cell(figure);
    let outcome = outcomes.iter().find(|outcome| outcome.cell == wanted)?;
    let expected = expect(outcome, Range::exactly(1e3 / single), machine)?;
    Some((expected.ops_s / 1e6, single))
}

/// Counts the cells of a run on so many threads, and says how the forecasts agree with what it measured. The single-thread
/// times and the transfer time are the run's own.
///
/// # Errors
/// What the run lacks, in a line.
pub(crate) fn against_run(
    run: &Run,
    workloads: &HashMap<String, Workload>,
    threads: u32,
    count: impl FnOnce(&[Cell]) -> Vec<Outcome>,
) -> Result<String, String> {
    let dir = run.dir.display();
    let machine = super::machine(run.provenance.host.cores, &run.machine)
        .ok_or_else(|| format!("{dir} has no round trips between cores: it was measured on one core"))?;
    let rate = |cell: &Measured| cell.throughput_ops_s.filter(|_| cell.status == Status::Ok).map(|rate| rate as f64);
    let measured: Vec<(&Measured, f64)> = (run.cells.iter())
        .filter(|cell| cell.threads == threads)
        .filter_map(|cell| Some((cell, rate(cell)?)))
        .collect();
    let mut cells = Vec::new();
    for (cell, _) in &measured {
        let workload = &workloads[&cell.workload];
        cells.push(Cell {
            strategy: cell.strategy.clone(),
            workload: cell.workload.clone(),
            read_pct: cell.read_pct,
            load: workload.load(cell.read_pct),
            cores: threads,
        });
    }
    let outcomes = count(&cells);
    let mut text = format!("{dir}, {threads} threads\n");
    let (mut pairs, mut linear) = (Vec::new(), Vec::new());
    for (cell, measured) in measured {
        let single = run.cells.iter().find(|other| {
            (&other.strategy, &other.workload, other.read_pct) == (&cell.strategy, &cell.workload, cell.read_pct)
                && other.threads == 1
        });
        let outcome = outcomes.iter().find(|outcome| {
            (&outcome.cell.strategy, &outcome.cell.workload, outcome.cell.read_pct)
                == (&cell.strategy, &cell.workload, cell.read_pct)
        });
        let (Some(single), Some(outcome)) = (single.and_then(rate), outcome) else { continue };
        let Some(expected) = expect(outcome, Range::exactly(1e9 / single), &machine) else { continue };
        let _ = writeln!(
            text,
            "  {:<20} {:>3} % reads {:>10.2} measured {:>10.2} forecast {:>7.2}",
            cell.strategy,
            cell.read_pct,
            measured / 1e6,
            expected.ops_s / 1e6,
            expected.ops_s / measured
        );
        pairs.push((expected.ops_s, measured));
        linear.push((single * f64::from(threads), measured));
    }
    let _ = writeln!(text, "  forecast: {}", shown(agreement(&pairs)));
    let _ = writeln!(text, "  single thread x threads, for comparison: {}", shown(agreement(&linear)));
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::protocol::Counted;
    use mapbench_results::{ALL_KINDS, Contention};

    /// As if every operation transferred one line so many times.
    fn outcomes(cells: &[Cell], transfers: u64) -> Vec<Outcome> {
        let all = Contention {
            kind: ALL_KINDS.to_owned(),
            operations: 1_000,
            invalidating_writes: 1_000 * transfers,
            ..Contention::default()
        };
        let counted = Counted { kinds: vec![all], lines: vec![1_000 * transfers], ..Counted::default() };
        cells.iter().map(|cell| Outcome { cell: cell.clone(), counted: Ok(counted.clone()) }).collect()
    }

    #[test]
    fn without_transfers_the_forecast_is_that_of_independent_threads() {
        let text = against_published(|cells| outcomes(cells, 0));
        // Eight threads of a machine of eight cores.
        assert!(text.contains("dashmap                    8      107.0      146.4    1.37"), "{text}");
        assert_eq!(text.matches("Kendall's tau").count(), 4);
        let locked = against_published(|cells| outcomes(cells, 1));
        assert_ne!(text, locked);
    }
}
