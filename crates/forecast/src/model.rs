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

/// The times of `threads` threads, by the slow ends of the inputs, by the middle and by the fast ends; `single_ns` is an
/// operation on a single thread.
#[must_use]
pub fn times(single_ns: Range, threads: u32, machine: &Topology) -> [Times; 3] {
    let (operation, transfer) = (single_ns.map(|ns| ns * machine.crowding(threads)), machine.transfer_ns(threads));
    let ends = [(operation.high, transfer.high), (operation.mid, transfer.mid), (operation.low, transfer.low)];
    ends.map(|(operation_ns, transfer_ns)| Times {
        operation_ns,
        transfer_ns,
        call_ns: machine.call_ns,
        wake_ns: machine.wake_ns,
    })
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
    fn slow_inputs_come_first_and_siblings_slow_operations_alone() {
        let machine = Topology::flat(4, Range { low: 40.0, mid: 50.0, high: 60.0 });
        let single = Range { low: 90.0, mid: 100.0, high: 110.0 };
        let pairs = |threads| times(single, threads, &machine).map(|times| (times.operation_ns, times.transfer_ns));
        assert_eq!(pairs(4), [(110.0, 60.0), (100.0, 50.0), (90.0, 40.0)]);
        // Without siblings, eight threads share four cores.
        assert_eq!(pairs(8), [(220.0, 60.0), (200.0, 50.0), (180.0, 40.0)]);
    }

    #[test]
    fn a_line_admits_an_operation_each_time_that_it_has_moved() {
        assert_eq!((line_bound(2.0, 50.0), line_bound(0.0, 50.0)), (1e7, f64::INFINITY));
    }
}
