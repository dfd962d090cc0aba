//! Throughput by simulated clocks.

use mapbench_contention::{Machine, Pace, Schedule};
use mapbench_forecast::Times;
use mapbench_results::Status;

use super::Work;

const PS_PER_NS: f64 = 1_000.0;

/// How far a core may be ahead of the others, in transfers: at every access, threads would change places much more often.
const SLACK: f64 = 0.5;

/// Accesses an operation of a core alone. What one of many lines costs is in it as so many.
pub(super) fn accesses(work: &Work) -> Result<f64, (Status, String)> {
    let access_ps = 1;
    let pace = Pace { access_ps, transfer_ps: 0, call_ps: 1, wake_ps: 1, slack_ps: 0 };
    let (elapsed_ps, operations) = clocked(work, 1, pace)?;
    Ok(elapsed_ps / operations)
}

/// Operations a second of `cores` cores, where an operation alone makes so many accesses.
pub(super) fn throughput(work: &Work, cores: usize, times: &Times, accesses: f64) -> Result<f64, (Status, String)> {
    let ps = |ns: f64| (ns * PS_PER_NS).round().max(1.0) as u64;
    let pace = Pace {
        access_ps: ps(times.operation_ns / accesses),
        transfer_ps: ps(times.transfer_ns),
        call_ps: ps(times.call_ns),
        wake_ps: ps(times.wake_ns),
        slack_ps: ps(times.transfer_ns * SLACK),
    };
    let (elapsed_ps, operations) = clocked(work, cores, pace)?;
    Ok(operations / elapsed_ps * 1e12)
}

/// Picoseconds, and the operations done in them.
fn clocked(work: &Work, cores: usize, pace: Pace) -> Result<(f64, f64), (Status, String)> {
    let (report, _) = work.run(Machine::new(cores, Schedule::Timed(pace), 0), cores)?;
    let operations: u64 = report.counts[..super::QUIESCE].iter().map(|counts| counts.operations).sum();
    Ok((report.elapsed_ps as f64, operations as f64))
}
