//! Forecasts beside figures: what others published of larger machines, and what a run measured here.

use std::collections::HashMap;
use std::fmt::Write as _;

use mapbench_forecast::{Agreement, Published, Range, Topology, agreement, published, times};
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

/// A figure beside the cell that is to forecast it.
struct Judged<'a> {
    cell: Cell,
    machine: &'a Topology,
    /// Of the same on a single thread.
    single_ns: Range,
    /// Operations a second.
    figure: f64,
}

impl<'a> Judged<'a> {
    /// `single` and `figure` are operations a second. The spread of the transfer time is left out: one number is compared.
    fn new(mut cell: Cell, machine: &'a Topology, single: f64, figure: f64) -> Self {
        let single_ns = Range::exactly(1e9 / single);
        cell.times = Some(times(single_ns.mid, cell.cores, machine));
        Self { cell, machine, single_ns, figure }
    }

    /// Operations a second.
    fn forecast(&self, outcomes: &[Outcome]) -> Option<f64> {
        let outcome = outcomes.iter().find(|outcome| outcome.cell == self.cell)?;
        Some(expect(outcome, self.single_ns, self.machine)?.ops_s)
    }

    /// Operations a second if threads did not meet.
    fn linear(&self) -> f64 {
        1e9 / self.single_ns.mid * f64::from(self.cell.cores)
    }
}

/// Counts the cells of the published figures and says how the forecasts agree with them. `count` counts cells.
pub(crate) fn against_published(count: impl FnOnce(&[Cell]) -> Vec<Outcome>) -> String {
    let (figures, machines) = published();
    let judged: Vec<(&Published, Judged)> = (figures.iter())
        .filter(|figure| figure.threads >= LEAST_THREADS)
        .filter_map(|figure| Some((figure, judged(figure, &figures, &machines)?)))
        .collect();
    let cells: Vec<Cell> = judged.iter().map(|(_, judged)| judged.cell.clone()).collect();
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
        for (figure, judged) in judged.iter().filter(|(figure, _)| figure.mix == mix) {
            let Some(forecast) = judged.forecast(&outcomes) else { continue };
            let _ = writeln!(
                text,
                "  {:<8} {:<20} {:>7} {:>10.1} {:>10.1} {:>7.2}",
                figure.machine,
                figure.strategy,
                figure.threads,
                figure.mops,
                forecast / 1e6,
                forecast / judged.figure
            );
            pairs.push((forecast, judged.figure));
            linear.push((judged.linear(), judged.figure));
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

fn judged<'a>(figure: &Published, figures: &[Published], machines: &'a [(&str, Topology)]) -> Option<Judged<'a>> {
    let of_same = |other: &&Published| {
        (other.machine, other.mix, other.strategy, other.threads) == (figure.machine, figure.mix, figure.strategy, 1)
    };
    let single = figures.iter().find(of_same)?.mops;
    let machine = &machines.iter().find(|(name, _)| *name == figure.machine)?.1;
    let (workload, read_pct, mix) = mixes().into_iter().find(|(name, ..)| *name == figure.mix)?;
    let cell = Cell {
        strategy: figure.strategy.to_owned(),
        workload: workload.to_owned(),
        read_pct,
        load: Load::uniform(mix, POPULATION, 2 * POPULATION),
        cores: figure.threads,
        times: None,
    };
    Some(Judged::new(cell, machine, single * 1e6, figure.mops * 1e6))
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
    let judged: Vec<Judged> = (run.cells.iter())
        .filter(|cell| cell.threads == threads)
        .filter_map(|cell| {
            let single = run.cells.iter().find(|other| {
                (&other.strategy, &other.workload, other.read_pct) == (&cell.strategy, &cell.workload, cell.read_pct)
                    && other.threads == 1
            });
            let wanted = Cell {
                strategy: cell.strategy.clone(),
                workload: cell.workload.clone(),
                read_pct: cell.read_pct,
                load: workloads[&cell.workload].load(cell.read_pct),
                cores: threads,
                times: None,
            };
            Some(Judged::new(wanted, &machine, rate(single?)?, rate(cell)?))
        })
        .collect();
    let cells: Vec<Cell> = judged.iter().map(|judged| judged.cell.clone()).collect();
    let outcomes = count(&cells);
    let mut text = format!("{dir}, {threads} threads\n");
    let (mut pairs, mut linear) = (Vec::new(), Vec::new());
    for judged in &judged {
        let Some(forecast) = judged.forecast(&outcomes) else { continue };
        let _ = writeln!(
            text,
            "  {:<20} {:>3} % reads {:>10.2} measured {:>10.2} forecast {:>7.2}",
            judged.cell.strategy,
            judged.cell.read_pct,
            judged.figure / 1e6,
            forecast / 1e6,
            forecast / judged.figure
        );
        pairs.push((forecast, judged.figure));
        linear.push((judged.linear(), judged.figure));
    }
    let _ = writeln!(text, "  forecast: {}", shown(agreement(&pairs)));
    let _ = writeln!(text, "  single thread x threads, for comparison: {}", shown(agreement(&linear)));
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::protocol::{Clocked, Counted};
    use mapbench_results::{ALL_KINDS, Contention};

    /// As if every core did as it does alone, but for a delay.
    fn outcomes(cells: &[Cell], delay_ns: f64) -> Vec<Outcome> {
        let all = Contention { kind: ALL_KINDS.to_owned(), operations: 1_000, ..Contention::default() };
        let outcome = |cell: &Cell| {
            let each_ns = cell.times.expect("asked for a forecast").operation_ns + delay_ns;
            let clocked = Some(Clocked { ops_s: 1e9 * f64::from(cell.cores) / each_ns, transfers: 0.0 });
            let counted = Counted { kinds: vec![all.clone()], clocked, ..Counted::default() };
            Outcome { cell: cell.clone(), counted: Ok(counted) }
        };
        cells.iter().map(outcome).collect()
    }

    #[test]
    fn without_delay_the_forecast_is_that_of_independent_threads() {
        let text = against_published(|cells| outcomes(cells, 0.0));
        // Eight threads of a machine of eight cores.
        assert!(text.contains("dashmap                    8      107.0      146.4    1.37"), "{text}");
        assert_eq!(text.matches("Kendall's tau").count(), 4);
        assert_ne!(text, against_published(|cells| outcomes(cells, 10.0)));
    }
}
