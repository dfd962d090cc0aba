//! From counts and simulated clocks to throughput.

use mapbench_forecast::{Range, Topology, line_bound};
use mapbench_results::Expected;

use super::cells::Outcome;

/// The row of `forecast.csv`; `None` where nothing was counted, or not by a clock.
pub(crate) fn expect(outcome: &Outcome, single_ns: Range, machine: &Topology) -> Option<Expected> {
    let counted = outcome.counted.as_ref().ok()?;
    let all = outcome.all()?;
    let cell = &outcome.cell;
    let busiest_line = all.per_operation(counted.lines.first().copied().unwrap_or(0));
    let transfer_ns = machine.transfer_ns(cell.cores).mid;
    let bound_ops_s = line_bound(busiest_line, transfer_ns);
    let [slow, mid, fast] = counted.ops_s[..] else { return None };
    Some(Expected {
        strategy: cell.strategy.clone(),
        workload: cell.workload.clone(),
        read_pct: cell.read_pct,
        cores: cell.cores,
        single_low_ns: single_ns.low,
        single_ns: single_ns.mid,
        single_high_ns: single_ns.high,
        transfers: all.transfers(),
        busiest_line,
        transfer_ns,
        // Where threads sleep, slower inputs may do more.
        ops_s_low: slow.min(mid).min(fast),
        ops_s: mid,
        ops_s_high: slow.max(mid).max(fast),
        bound_ops_s: bound_ops_s.is_finite().then_some(bound_ops_s),
    })
}
