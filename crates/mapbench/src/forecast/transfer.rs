//! How long this machine takes to bring a cache line from one core to another.

use std::time::{Duration, Instant};

use mapbench_forecast::{Range, Topology};
use mapbench_results::Machine;

use crate::sweep::probe::round_trip;
use crate::system;

/// Round trips are measured so often; each is the mean of a thousand.
const SAMPLES: usize = 15;

/// No measurement is begun after this time.
const PATIENCE: Duration = Duration::from_secs(2);

/// Transfers of a round trip, as they are counted: on either side a read of a line that the other has modified, and a write
/// that takes it from the other.
const TRANSFERS: f64 = 4.0;

/// The time of a transfer between the first two processors: the quartiles and the median of several measurements. `None` on a
/// machine of one processor.
pub(crate) fn topology(cores: u32) -> Option<Topology> {
    let processors = system::processors();
    let [first, second, ..] = processors[..] else { return None };
    // On a machine that is busy otherwise, the two wait for each other to be scheduled.
    let began = Instant::now();
    let samples = (0..SAMPLES).take_while(|done| *done == 0 || began.elapsed() < PATIENCE);
    let trips: Vec<f64> = samples.map(|_| round_trip((first, second)) as f64).collect();
    Some(Topology::flat(cores, quartiles(&trips)?))
}

/// The same from the round trips of a run.
pub(crate) fn machine(cores: u32, rounds: &[Machine]) -> Option<Topology> {
    let trips: Vec<f64> = rounds.iter().filter_map(|round| round.round_trip_ns).map(|trip| trip as f64).collect();
    Some(Topology::flat(cores, quartiles(&trips)?))
}

fn quartiles(trips: &[f64]) -> Option<Range> {
    let of = |share| mapbench_stats::quantile(trips, share).map(|trip| (trip / TRANSFERS).max(1.0));
    Some(Range { low: of(0.25)?, mid: of(0.5)?, high: of(0.75)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_trip_is_four_transfers() {
        let trips: Vec<f64> = (1..=99).map(|trip| f64::from(trip) * 4.0).collect();
        let range = quartiles(&trips).unwrap();
        assert!(range.low < range.mid && range.mid < range.high);
        assert_eq!(range.mid, 50.0);
        assert_eq!(quartiles(&[]), None);
    }
}
