//! Throughput by simulated clocks.

use mapbench_contention::{Machine, Pace, Report, Schedule};
use mapbench_forecast::Times;
use mapbench_results::Status;

use super::conductor::Conductor;
use super::{QUIESCE, Work};
use crate::forecast::protocol::Clocked;

const PS_PER_NS: f64 = 1_000.0;
const PS_PER_S: f64 = 1e12;
const NS_PER_S: f64 = 1e9;

/// How far a core may be ahead of the others, in transfers: at every access, threads would change places much more often.
const SLACK: f64 = 1.0;

/// Operations of a chunk of the warm-up: the map has been at work before, and clocks alone must find their distance.
const CHUNK: u64 = 1_024;

/// What `cores` cores do in so many operations, where things last as long as `times` says.
pub(super) fn run(work: &Work, cores: usize, operations: u64, times: &Times) -> Result<Clocked, (Status, String)> {
    if cores == 1 {
        return Ok(Clocked { ops_s: NS_PER_S / times.operation_ns, transfers: 0.0 });
    }
    let ps = |ns: f64| (ns * PS_PER_NS).round().max(1.0) as u64;
    let pace = Pace {
        access_ps: ps(times.operation_ns / accesses(work, operations)?),
        transfer_ps: ps(times.transfer_ns),
        call_ps: ps(times.call_ns),
        wake_ps: ps(times.wake_ns),
        slack_ps: ps(times.transfer_ns * SLACK),
    };
    let (report, operations) = clocked(work, cores, operations, pace)?;
    let (transfers, accesses) = (report.spent.transfers_ps as f64, report.spent.accesses_ps as f64);
    Ok(Clocked {
        ops_s: operations / report.elapsed_ps as f64 * PS_PER_S,
        transfers: transfers / (transfers + accesses),
    })
}

/// Accesses an operation of a core alone. What one of many lines costs is in it as so many.
fn accesses(work: &Work, operations: u64) -> Result<f64, (Status, String)> {
    let pace = Pace { access_ps: 1, transfer_ps: 0, call_ps: 1, wake_ps: 1, slack_ps: 0 };
    let (report, operations) = clocked(work, 1, operations, pace)?;
    Ok(report.elapsed_ps as f64 / operations)
}

/// What was seen, and in how many operations.
fn clocked(work: &Work, cores: usize, operations: u64, pace: Pace) -> Result<(Report, f64), (Status, String)> {
    let conductor = Conductor::new(operations, CHUNK, cores);
    let (report, _) = work.run(Machine::new(cores, Schedule::Timed(pace), 0), conductor)?;
    let operations: u64 = report.counts[..QUIESCE].iter().map(|counts| counts.operations).sum();
    Ok((report, operations as f64))
}
