//! The open loop: operations are due when the schedule says so, and how long each took counts from then. What a stall
//! delays is charged with it, which a closed loop, that waits for the map before it asks again, cannot see.

use mapbench_results::Distribution;

use crate::clock::Clock;

/// Operations a thread may be behind at the end, whatever the rate: a queue has some even below saturation.
const QUEUE: u64 = 16;

/// A worker that leaves more than one in so many operations undone within their time is saturated.
const UNFINISHED: u64 = 100;

/// When is measured, in nanoseconds of the clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Operations due from here on count.
    pub(crate) from_ns: u64,
    /// Operations due from here on are not asked for.
    pub(crate) until_ns: u64,
    /// Operations not begun by now never are.
    pub(crate) give_up_ns: u64,
}

/// What came of an open loop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Served {
    /// How long the operations took that were due within the window, from when they were due.
    pub(crate) responses: Distribution,
    /// Operations due within the window.
    pub(crate) due: u64,
    /// Those of them that were not done at its end.
    pub(crate) unfinished: u64,
}

impl Served {
    /// Whether so many threads fell behind the rate.
    pub(crate) fn is_saturated(due: u64, unfinished: u64, threads: u64) -> bool {
        unfinished > due / UNFINISHED + QUEUE * threads
    }
}

/// Asks for an operation whenever one is due: at once, if the last ended too late.
pub(crate) fn serve(
    clock: &mut impl Clock,
    schedule: impl Iterator<Item = u64>,
    window: Window,
    mut operation: impl FnMut(),
) -> Served {
    let mut served = Served::default();
    let mut now_ns = clock.now_ns();
    for due_ns in schedule.take_while(|due_ns| *due_ns < window.until_ns) {
        while now_ns < due_ns {
            clock.idle();
            now_ns = clock.now_ns();
        }
        let counts = due_ns >= window.from_ns;
        served.due += u64::from(counts);
        if now_ns >= window.give_up_ns {
            served.unfinished += u64::from(counts);
            continue;
        }
        operation();
        now_ns = clock.now_ns();
        if counts {
            served.responses.record(now_ns - due_ns);
            served.unfinished += u64::from(now_ns > window.until_ns);
        }
    }
    served
}

#[cfg(test)]
mod tests {
    use mapbench_results::{Distribution, Percentile};
    use mapbench_workload::{Arrivals, Schedule};

    use super::{Served, Window, serve};
    use crate::clock::Clock;
    use crate::clock::testing::Virtual;

    /// How often the map stalls.
    const PERIOD: u64 = 100_000_000;
    /// What an operation takes that does not stall.
    const QUICK_NS: u64 = 100;

    /// A map that takes [`QUICK_NS`] an operation, but stands still for `stall_ns` at the first operation after the end of
    /// each [`PERIOD`].
    struct Stalling {
        clock: Virtual,
        stall_ns: u64,
        next_ns: u64,
    }

    impl Stalling {
        fn new(clock: &Virtual, stall_ns: u64) -> Self {
            Self { clock: clock.clone(), stall_ns, next_ns: PERIOD }
        }

        fn operate(&mut self) {
            self.clock.pass(QUICK_NS);
            if self.clock.now_ns() >= self.next_ns {
                self.clock.pass(self.stall_ns);
                self.next_ns += PERIOD;
            }
        }
    }

    /// Ten periods after half a one of warm-up, at an arrival each microsecond.
    fn open(stall_ns: u64) -> Served {
        let mut clock = Virtual::default();
        let mut map = Stalling::new(&clock, stall_ns);
        let window = Window { from_ns: PERIOD / 2, until_ns: 10 * PERIOD + PERIOD / 2, give_up_ns: 20 * PERIOD };
        serve(&mut clock, Schedule::new(Arrivals::Constant, 1e6, 1), window, || map.operate())
    }

    fn share_above(distribution: &Distribution, ns: u64) -> f64 {
        let at_most = distribution.steps().iter().rev().find(|(step, _)| *step <= ns).map_or(0, |(_, below)| *below);
        1.0 - at_most as f64 / distribution.samples() as f64
    }

    /// Ten stalls of 2 ms, one each 100 ms. While the map stands still an operation comes due each microsecond, and each
    /// waits for what is left of the stall; afterwards the backlog shrinks by 0.9 operations a microsecond. An operation
    /// due u after the begin of the stall S waits S - 0.9 u, until that is nothing. So the share of operations that wait
    /// longer than x is (S - x) / 0.9 a period.
    #[test]
    fn a_stall_is_charged_to_every_operation_that_it_delays_as_arithmetic_has_it() {
        let stall_ns = 2_000_000;
        let served = open(stall_ns);
        assert_eq!((served.due, served.unfinished), (1_000_000, 0));
        for wait_ns in [100_000, 500_000, 1_000_000, 1_500_000] {
            let expected = (stall_ns - wait_ns) as f64 / 0.9 / PERIOD as f64;
            let found = share_above(&served.responses, wait_ns);
            // The histogram's steps are a hundredth wide.
            assert!((found / expected - 1.0).abs() < 0.03, "{found} above {wait_ns} ns, {expected} by arithmetic");
        }
        // A hundredth of a period is 1 ms: the last hundredth of the operations waits S - 0.9 * 1 ms or longer.
        let p99 = served.responses.percentile_ns(Percentile::P99).unwrap() as f64;
        assert!((p99 / 1_100_000.0 - 1.0).abs() < 0.02, "{p99}");
        let longest = served.responses.max_ns().unwrap() as f64;
        assert!((longest / 2_000_000.0 - 1.0).abs() < 0.02, "{longest}");
    }

    /// The same map in a closed loop: ten operations of ten million stall, and no percentile shows them.
    #[test]
    fn a_closed_loop_does_not_see_the_stall() {
        let mut clock = Virtual::default();
        let mut map = Stalling::new(&clock, 2_000_000);
        let mut services = Distribution::default();
        for _ in 0..10_100_000 {
            let began = clock.now_ns();
            map.operate();
            services.record(clock.now_ns() - began);
        }
        for percentile in Percentile::ALL {
            let found = services.percentile_ns(percentile).unwrap();
            assert!((QUICK_NS..QUICK_NS + 2).contains(&found), "{} is {found}", percentile.name());
        }
        assert!(services.max_ns().unwrap() >= 2_000_000);
    }

    #[test]
    fn a_rate_that_cannot_be_kept_is_saturation_and_ends() {
        let mut clock = Virtual::default();
        let mut map = Stalling::new(&clock, 0);
        let window = Window { from_ns: 0, until_ns: PERIOD, give_up_ns: PERIOD + PERIOD / 10 };
        // Twice what the map can do.
        let served = serve(&mut clock, Schedule::new(Arrivals::Poisson, 2e7, 1), window, || map.operate());
        assert!((served.due as f64 / 2e6 - 1.0).abs() < 0.01, "{}", served.due);
        assert!((served.unfinished as f64 / 1e6 - 1.0).abs() < 0.01, "{}", served.unfinished);
        assert!(Served::is_saturated(served.due, served.unfinished, 1));
        assert!(clock.now_ns() <= window.give_up_ns + QUICK_NS);
    }

    /// A queue with Poisson arrivals and constant service at a load of 0.8: the mean wait is 0.8 / (2 (1 - 0.8)) = 2
    /// services, the mean response 3 (Pollaczek 1930, Khinchine 1932).
    #[test]
    fn a_queue_below_saturation_is_none_and_as_long_as_theory_has_it() {
        let mut clock = Virtual::default();
        let mut map = Stalling::new(&clock, 0);
        let window = Window { from_ns: 0, until_ns: 2 * PERIOD, give_up_ns: 4 * PERIOD };
        let served = serve(&mut clock, Schedule::new(Arrivals::Poisson, 8e6, 1), window, || map.operate());
        assert!(!Served::is_saturated(served.due, served.unfinished, 1), "{} unfinished", served.unfinished);
        let mut below = 0;
        let mut sum = 0.0;
        for (ns, at_most) in served.responses.steps() {
            sum += ns as f64 * (at_most - below) as f64;
            below = at_most;
        }
        let mean = sum / below as f64;
        assert!((mean / 300.0 - 1.0).abs() < 0.1, "{mean}");
    }
}
