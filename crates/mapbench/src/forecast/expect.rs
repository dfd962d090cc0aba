//! From counts and simulated clocks to throughput.

use mapbench_forecast::{Range, Topology, line_bound, spread};
use mapbench_results::Expected;

use super::cells::Outcome;

/// The row of `forecast.csv`; `None` where nothing was counted, or not by a clock.
pub(crate) fn expect(outcome: &Outcome, single_ns: Range, machine: &Topology) -> Option<Expected> {
    let counted = outcome.counted.as_ref().ok()?;
    let all = outcome.all()?;
    let cell = &outcome.cell;
    let busiest_line = all.per_operation(counted.lines.first().copied().unwrap_or(0));
    let transfer_ns = machine.transfer_ns(cell.cores);
    let clocked = counted.clocked.as_ref()?;
    // A core that gets a lock several times in a row does more; how often a machine lets it is not known.
    let bound_ops_s = line_bound(busiest_line, transfer_ns.mid);
    let ops_s = spread(clocked.ops_s.min(bound_ops_s), clocked.transfers, single_ns, transfer_ns);
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
        transfer_ns: transfer_ns.mid,
        ops_s_low: ops_s.low,
        ops_s: ops_s.mid,
        ops_s_high: ops_s.high,
        bound_ops_s: bound_ops_s.is_finite().then_some(bound_ops_s),
    })
}
