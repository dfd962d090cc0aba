//! What a cell takes on a machine: how long things last on its cores, and what bounds the throughput whatever they do.

use serde::{Deserialize, Serialize};

use crate::topology::{Range, Topology};

/// How long things last for one of so many threads, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Times {
    /// An operation that meets nobody, beside the thread's siblings on the core.
    pub operation_ns: f64,
    /// Bringing a line from another core, or taking it from others.
    pub transfer_ns: f64,
    /// A call of the system that does not sleep.
    pub call_ns: f64,
    /// From the call that wakes a sleeping thread until it runs.
    pub wake_ns: f64,
}

/// The times of `threads` threads; `single_ns` is an operation on a single thread.
#[must_use]
pub fn times(single_ns: f64, threads: u32, machine: &Topology) -> Times {
    Times {
        operation_ns: single_ns * machine.crowding(threads),
        transfer_ns: machine.transfer_ns(threads).mid,
        call_ns: machine.call_ns,
        wake_ns: machine.wake_ns,
    }
}

/// `ops_s` with the ends that it has by the inputs' ends, to the first order: where all that lasts lasts twice as long, half as
/// much is done; where some of it does, that counts by its share of the time that went by. `transfers` is the share
/// of transfers, from 0 to 1, the rest is the operations' own.
#[must_use]
pub fn spread(ops_s: f64, transfers: f64, single_ns: Range, transfer_ns: Range) -> Range {
    let at = |single: f64, transfer: f64| {
        let longer = (1.0 - transfers) * single / single_ns.mid + transfers * transfer / transfer_ns.mid;
        ops_s / longer
    };
    Range { low: at(single_ns.high, transfer_ns.high), mid: ops_s, high: at(single_ns.low, transfer_ns.low) }
}

/// Operations a second that the busiest line admits, whatever the threads: it moves `transfers` times an operation, and to one
/// core at a time (a bottleneck law: Denning & Buzen, Computing Surveys 10, 1978). Infinite where it stays.
#[must_use]
pub fn line_bound(transfers: f64, transfer_ns: f64) -> f64 {
    1e9 / (transfers * transfer_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_share_a_core_slow_operations_and_no_transfers() {
        let machine = Topology::flat(4, Range { low: 40.0, mid: 50.0, high: 60.0 });
        let pair = |threads| {
            let times = times(100.0, threads, &machine);
            (times.operation_ns, times.transfer_ns)
        };
        assert_eq!((pair(4), pair(8)), ((100.0, 50.0), (200.0, 50.0)));
    }

    #[test]
    fn each_input_s_spread_counts_by_its_share_of_the_time() {
        let (single, transfer) =
            (Range { low: 80.0, mid: 100.0, high: 125.0 }, Range { low: 25.0, mid: 50.0, high: 100.0 });
        let ends = |share| spread(1e6, share, single, transfer);
        assert_eq!(ends(0.0), Range { low: 0.8e6, mid: 1e6, high: 1.25e6 });
        assert_eq!(ends(1.0), Range { low: 0.5e6, mid: 1e6, high: 2e6 });
        assert_eq!(ends(0.5).low, 1e6 / (0.5 * 1.25 + 0.5 * 2.0));
    }

    #[test]
    fn a_line_admits_an_operation_each_time_that_it_has_moved() {
        assert_eq!((line_bound(2.0, 50.0), line_bound(0.0, 50.0)), (1e7, f64::INFINITY));
    }
}
