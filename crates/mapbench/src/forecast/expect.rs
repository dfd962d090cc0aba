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
    let (ops_s, transfers) =
        if clocked.ops_s > bound_ops_s { (bound_ops_s, 1.0) } else { (clocked.ops_s, clocked.transfers) };
    let ops_s = spread(ops_s, transfers, single_ns, transfer_ns);
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

#[cfg(test)]
mod tests {
    use mapbench_results::{ALL_KINDS, Contention};
    use mapbench_workload::{Load, Mix, OpKind, Percent};

    use super::*;
    use crate::forecast::cells::Cell;
    use crate::forecast::protocol::{Clocked, Counted};

    /// Of a map whose one line moves with every operation.
    fn expected(ops_s: f64) -> Expected {
        let mix = Mix::fixed(&[(OpKind::Read, Percent::whole(100))]).unwrap();
        let cell = Cell {
            strategy: "locked".to_owned(),
            workload: "reads".to_owned(),
            read_pct: Percent::whole(100),
            load: Load::uniform(mix, 16, 16),
            cores: 4,
            times: None,
        };
        let all = Contention { kind: ALL_KINDS.to_owned(), operations: 10, ..Contention::default() };
        let clocked = Some(Clocked { ops_s, transfers: 0.0 });
        let counted = Counted { kinds: vec![all], lines: vec![10], clocked, ..Counted::default() };
        let machine = Topology::flat(4, Range { low: 50.0, mid: 100.0, high: 200.0 });
        expect(&Outcome { cell, counted: Ok(counted) }, Range { low: 40.0, mid: 50.0, high: 60.0 }, &machine).unwrap()
    }

    #[test]
    fn no_forecast_is_above_what_the_busiest_line_admits() {
        let ends = |row: &Expected| [row.ops_s_low, row.ops_s, row.ops_s_high].map(f64::round);
        let below = expected(6e6);
        assert_eq!((below.bound_ops_s, ends(&below)), (Some(1e7), [5e6, 6e6, 7.5e6]));
        // The line's time is then all that counts.
        assert_eq!(ends(&expected(5e7)), [5e6, 1e7, 2e7]);
    }
}
