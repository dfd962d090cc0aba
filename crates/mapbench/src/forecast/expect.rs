//! From counts to throughput.

use mapbench_forecast::{Demand, Range, Topology, forecast};
use mapbench_results::Expected;

use super::cells::Outcome;

/// What a cell asks of a machine; `None` where nothing was counted.
pub(crate) fn demand(outcome: &Outcome, single_ns: Range) -> Option<Demand> {
    let counted = outcome.counted.as_ref().ok()?;
    let all = outcome.all()?;
    let lines = counted.lines.iter().map(|transfers| all.per_operation(*transfers)).collect();
    Some(Demand { threads: outcome.cell.cores, single_ns, lines, transfers: all.transfers() })
}

/// The row of `forecast.csv`.
pub(crate) fn expect(outcome: &Outcome, single_ns: Range, machine: &Topology) -> Option<Expected> {
    let demand = demand(outcome, single_ns)?;
    let found = forecast(&demand, machine);
    let cell = &outcome.cell;
    Some(Expected {
        strategy: cell.strategy.clone(),
        workload: cell.workload.clone(),
        read_pct: cell.read_pct,
        cores: cell.cores,
        single_low_ns: single_ns.low,
        single_ns: single_ns.mid,
        single_high_ns: single_ns.high,
        transfers: demand.transfers,
        busiest_line: demand.lines.first().copied().unwrap_or(0.0),
        transfer_ns: machine.transfer_ns(cell.cores).mid,
        ops_s_low: found.ops_s.low,
        ops_s: found.ops_s.mid,
        ops_s_high: found.ops_s.high,
        bound_ops_s: found.bound_ops_s.is_finite().then_some(found.bound_ops_s),
    })
}
