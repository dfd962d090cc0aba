//! Where the variance of a run lies, for every strategy: in the minute, in the fork, in the slice; and how much of its time
//! the run spent in slices.
//!
//! `cargo run --release -p mapbench-report --example variance -- DIR`
//!
//! Standard deviations of log rates, in per cent, medians over the groups: see [`mapbench_report::Spread`].

use std::path::Path;
use std::process::ExitCode;

use mapbench_report::{Input, spreads};
use mapbench_results::Run;

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
    let measured = run.samples.iter().filter_map(|sample| Some((sample.start_ns?, sample.elapsed_ns?)));
    let (slices, in_slices, end) = measured.fold((0_u64, 0, 0), |(slices, in_slices, end), (start, elapsed)| {
        let slice = run.provenance.plan.warm_ns + elapsed;
        (slices + 1, in_slices + slice, end.max(start + slice))
    });
    let (part, whole) = (in_slices as f64 / 1e9, end as f64 / 1e9);
    println!(
        "{slices} slices: {part:.1} s with their warm-ups, {:.1} % of {whole:.1} s\n",
        100.0 * part / whole.max(1e-9)
    );
    println!("{:<20} {:>8} {:>14} {:>8}", "sd of ln(rate), %", "slice", "minute + fork", "fork");
    let shown = |sd: Option<f64>| sd.map_or_else(|| "–".to_owned(), |sd| format!("{:.1}", sd * 100.0));
    for spread in spreads(&Input::of(run)) {
        let [slice, both, fork] = [spread.slice, spread.minute_and_fork, spread.fork].map(shown);
        println!("{:<20} {slice:>8} {both:>14} {fork:>8}", spread.strategy);
    }
}
