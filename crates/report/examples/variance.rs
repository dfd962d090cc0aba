//! Where the variance of a run lies, for every strategy: in the minute, in the fork, in the slice.
//!
//! `cargo run --release -p mapbench-report --example variance -- DIR`
//!
//! Standard deviations of log rates, in per cent, medians over the groups. *slice*: rounds within a fork. *minute + fork*:
//! medians of forks, as they came. *fork*: the same after each round's mean over all strategies is taken out, which takes
//! the minute out, since all of them share it; what the slices add to a fork's median is still in it.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::ExitCode;

use mapbench_results::{Group, Run, Sample, Status};
use mapbench_stats::median;

type Rates = HashMap<(u32, u32), f64>;

fn main() -> ExitCode {
    let Some(dir) = std::env::args().nth(1) else {
        eprintln!("usage: variance DIR");
        return ExitCode::from(2);
    };
    match Run::read(Path::new(&dir)) {
        Ok(run) => {
            print(&run);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("variance: {error}");
            ExitCode::from(2)
        }
    }
}

fn print(run: &Run) {
    let mut by_group: BTreeMap<Group, BTreeMap<&str, Rates>> = BTreeMap::new();
    for sample in run.samples.iter().filter(|sample| sample.status == Status::Ok) {
        let strategies = by_group.entry(sample.group()).or_default();
        let rates = strategies.entry(&sample.strategy).or_default();
        rates.insert((sample.fork, sample.round), log_rate(sample));
    }
    println!("{:<20} {:>8} {:>14} {:>8}", "sd of ln(rate), %", "slice", "minute + fork", "fork");
    for strategy in &run.provenance.plan.strategies {
        let (mut slice, mut both, mut fork) = (Vec::new(), Vec::new(), Vec::new());
        for strategies in by_group.values() {
            let Some(rates) = strategies.get(strategy.as_str()) else { continue };
            let means = round_means(strategies.values());
            let centred: Rates = rates.iter().filter_map(|(at, rate)| Some((*at, rate - means.get(at)?))).collect();
            slice.extend(within(rates));
            both.extend(deviation(&fork_medians(rates)));
            fork.extend(deviation(&fork_medians(&centred)));
        }
        let shown = |values: &[f64]| median(values).map_or_else(|| "–".to_owned(), |sd| format!("{:.1}", sd * 100.0));
        println!("{strategy:<20} {:>8} {:>14} {:>8}", shown(&slice), shown(&both), shown(&fork));
    }
}

fn log_rate(sample: &Sample) -> f64 {
    (sample.throughput_ops_s.unwrap_or(0).max(1) as f64).ln()
}

/// The mean log rate of each round that every strategy of the group has.
fn round_means<'a>(strategies: impl Iterator<Item = &'a Rates> + Clone) -> Rates {
    let count = strategies.clone().count();
    let mut rounds: HashMap<(u32, u32), Vec<f64>> = HashMap::new();
    for rates in strategies {
        rates.iter().for_each(|(at, rate)| rounds.entry(*at).or_default().push(*rate));
    }
    let whole = rounds.into_iter().filter(|(_, rates)| rates.len() == count);
    whole.map(|(at, rates)| (at, rates.iter().sum::<f64>() / rates.len() as f64)).collect()
}

fn by_fork(rates: &Rates) -> BTreeMap<u32, Vec<f64>> {
    let mut forks: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    rates.iter().for_each(|((fork, _), rate)| forks.entry(*fork).or_default().push(*rate));
    forks
}

fn fork_medians(rates: &Rates) -> Vec<f64> {
    by_fork(rates).values().filter_map(|fork| median(fork)).collect()
}

/// The pooled deviation of slices within their forks.
fn within(rates: &Rates) -> Option<f64> {
    let (mut squares, mut freedom) = (0.0, 0_usize);
    for fork in by_fork(rates).values() {
        let mean = fork.iter().sum::<f64>() / fork.len() as f64;
        squares += fork.iter().map(|rate| (rate - mean).powi(2)).sum::<f64>();
        freedom += fork.len() - 1;
    }
    (freedom > 0).then(|| (squares / freedom as f64).sqrt())
}

fn deviation(values: &[f64]) -> Option<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt())
}
