//! The law: a closed queueing network in which every contended cache line is a station.
//!
//! An operation runs by itself for its single-thread time, and beside that waits for each line that it must take from another
//! core. A line serves one core at a time, for the time of a transfer. Throughput follows by mean value analysis (Reiser &
//! Lavenberg, JACM 27, 1980), which keeps within the asymptotic bounds of operational analysis (Denning & Buzen, Computing
//! Surveys 10, 1978): at most `threads` / (time + transfers), and at most one operation for each time that the busiest line
//! needs for it.

use crate::topology::{Range, Topology};

/// What one operation asks for, on a number of threads.
#[derive(Clone, Debug, PartialEq)]
pub struct Demand {
    /// Threads, each of which is one core's.
    pub threads: u32,
    /// The operation on a single thread, in nanoseconds.
    pub single_ns: Range,
    /// Transfers an operation of each of the lines that are transferred most.
    pub lines: Vec<f64>,
    /// Transfers an operation of all lines, those above included.
    pub transfers: f64,
}

/// What bounds the throughput.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The threads: more of them would do more.
    Threads,
    /// The busiest line: more threads would do no more than a tenth beyond this.
    Line,
}

/// What is to be expected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// Operations a second, between what slow inputs and what fast ones give.
    pub ops_s: Range,
    /// Operations a second that the busiest line admits, whatever the threads; infinite where no line is transferred.
    pub bound_ops_s: f64,
    /// What bounds it.
    pub limit: Limit,
}

/// The throughput on a machine, with the interval that the inputs' spread gives.
#[must_use]
pub fn forecast(demand: &Demand, machine: &Topology) -> Forecast {
    let crowding = machine.crowding(demand.threads);
    let transfer = machine.transfer_ns(demand.threads);
    let at = |single_ns: f64, transfer_ns: f64| {
        let stations: Vec<f64> = demand.lines.iter().map(|line| line * transfer_ns).collect();
        let rest = (demand.transfers - demand.lines.iter().sum::<f64>()).max(0.0);
        1e9 * throughput(demand.threads, single_ns * crowding + rest * transfer_ns, &stations)
    };
    let busiest = demand.lines.iter().copied().fold(0.0, f64::max);
    let ops_s = Range {
        low: at(demand.single_ns.high, transfer.high),
        mid: at(demand.single_ns.mid, transfer.mid),
        high: at(demand.single_ns.low, transfer.low),
    };
    let bound_ops_s = 1e9 / (busiest * transfer.mid);
    let limit = if ops_s.mid > bound_ops_s / 1.1 { Limit::Line } else { Limit::Threads };
    Forecast { ops_s, bound_ops_s, limit }
}

/// Operations a unit of time of a closed network: each of `customers` spends `alone` by itself and the times of `stations` at
/// stations that serve one at a time. Exact for exponential service times; a station that is never visited does no harm.
#[must_use]
pub fn throughput(customers: u32, alone: f64, stations: &[f64]) -> f64 {
    let mut queues = vec![0.0; stations.len()];
    let mut throughput = 0.0;
    for present in 1..=customers {
        // One who arrives finds the others as they would be without it.
        let times: Vec<f64> = stations.iter().zip(&queues).map(|(time, queue)| time * (1.0 + queue)).collect();
        throughput = f64::from(present) / (alone + times.iter().sum::<f64>());
        queues = times.iter().map(|time| throughput * time).collect();
    }
    throughput
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a / b - 1.0).abs() < 1e-9
    }

    #[test]
    fn known_answers() {
        // Nothing to wait for: as many times as there are customers.
        assert!(close(throughput(8, 10.0, &[]), 0.8));
        assert!(close(throughput(8, 10.0, &[0.0]), 0.8));
        // One customer never waits.
        assert!(close(throughput(1, 10.0, &[5.0, 5.0]), 0.05));
        // Two stations of 1 and no time alone: X(n) = n / (n + 1), as in any text on the matter.
        assert!(close(throughput(3, 0.0, &[1.0, 1.0]), 0.75));
        // The machine repairman's problem: X(2) = 2 / (Z + R), R = S (1 + S / (Z + S)).
        assert!(close(throughput(2, 9.0, &[1.0]), 2.0 / (9.0 + 1.1)));
    }

    #[test]
    fn it_keeps_within_the_bounds_of_operational_analysis() {
        for threads in 1..=64 {
            for stations in [vec![1.0], vec![4.0, 2.0, 0.5], vec![0.1; 20]] {
                let total: f64 = stations.iter().sum();
                let most = stations.iter().copied().fold(0.0, f64::max);
                let found = throughput(threads, 20.0, &stations);
                let upper = (f64::from(threads) / (20.0 + total)).min(1.0 / most);
                let lower = f64::from(threads) / (20.0 + f64::from(threads) * total);
                assert!(lower <= found * 1.000_001 && found <= upper * 1.000_001, "{threads} {stations:?}");
            }
        }
    }

    #[test]
    fn slow_inputs_and_fast_ones_are_the_ends() {
        let machine = Topology::flat(64, Range { low: 40.0, mid: 50.0, high: 60.0 });
        let demand = |threads, line: f64| Demand {
            threads,
            single_ns: Range { low: 90.0, mid: 100.0, high: 110.0 },
            lines: vec![line],
            transfers: line,
        };
        let free = forecast(&demand(32, 0.0), &machine);
        assert!(close(free.ops_s.mid, 32e7) && close(free.ops_s.low, 32e9 / 110.0));
        assert_eq!((free.limit, free.bound_ops_s), (Limit::Threads, f64::INFINITY));
        let locked = forecast(&demand(32, 2.0), &machine);
        assert!(close(locked.bound_ops_s, 1e7) && locked.ops_s.mid > 0.99e7 && locked.ops_s.mid <= 1e7);
        assert_eq!(locked.limit, Limit::Line);
        assert!(locked.ops_s.low < locked.ops_s.mid && locked.ops_s.mid < locked.ops_s.high);
        // Transfers of lines that are not listed are waited for, but not queued for.
        let spread = Demand { lines: Vec::new(), ..demand(32, 2.0) };
        assert!(close(forecast(&spread, &machine).ops_s.mid, 32e9 / 200.0));
    }
}
