//! The clock that operations are timed by.

use std::fs;
use std::time::{Duration, Instant};

use mapbench_results::HostClock;
use rustix::time::{ClockId, clock_gettime};

/// Time as a timed loop sees it. Tests put another in the place of the system's.
pub(crate) trait Clock {
    /// Nanoseconds since the clock's origin; never less than the last time.
    fn now_ns(&mut self) -> u64;

    /// Called again and again while nothing is due.
    fn idle(&mut self);
}

/// The system's monotonic clock.
#[derive(Debug)]
pub(crate) struct SystemClock {
    origin: Instant,
    last_ns: u64,
    /// How often it was seen to go backwards; such an interval counts as none.
    backwards: u64,
    /// There are more threads than processors: who waits lets another run.
    crowded: bool,
}

impl SystemClock {
    pub(crate) fn since(origin: Instant, crowded: bool) -> Self {
        Self { origin, last_ns: 0, backwards: 0, crowded }
    }

    pub(crate) fn backwards(&self) -> u64 {
        self.backwards
    }
}

impl Clock for SystemClock {
    #[inline]
    fn now_ns(&mut self) -> u64 {
        let now = self.origin.elapsed().as_nanos() as u64;
        if now < self.last_ns {
            self.backwards += 1;
        } else {
            self.last_ns = now;
        }
        self.last_ns
    }

    #[inline]
    fn idle(&mut self) {
        if self.crowded {
            std::thread::yield_now();
        } else {
            std::hint::spin_loop();
        }
    }
}

/// What one look at the clock takes, in nanoseconds: the least of some means of many, since whatever comes between makes
/// it longer.
pub(crate) fn look_ns(clock: &mut impl Clock) -> f64 {
    const LOOKS: u32 = 1_000;
    let mean = |clock: &mut _| {
        let began = Clock::now_ns(clock);
        for _ in 1..LOOKS {
            std::hint::black_box(Clock::now_ns(clock));
        }
        (Clock::now_ns(clock) - began) as f64 / f64::from(LOOKS)
    };
    (0..5).map(|_| mean(clock)).fold(f64::INFINITY, f64::min)
}

/// The clock during a run: what it is, what it costs, and how far it went astray.
pub(crate) struct Watch {
    source: Option<String>,
    look_ns: u64,
    ordinary: Duration,
    raw: Duration,
}

impl Watch {
    pub(crate) fn begin() -> Self {
        let source = fs::read_to_string("/sys/devices/system/clocksource/clocksource0/current_clocksource").ok();
        let (ordinary, raw) = both();
        Self {
            source: source.map(|source| source.trim().to_owned()),
            look_ns: look_ns(&mut SystemClock::since(Instant::now(), false)).round() as u64,
            ordinary,
            raw,
        }
    }

    /// What is wrong with the clock, if anything is, and what is done about it.
    pub(crate) fn warning(&self) -> Option<String> {
        /// Counters of the processor or the hypervisor, which run at one rate whatever the processor does.
        const INVARIANT: [&str; 4] = ["tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page"];
        let source = self.source.as_deref().unwrap_or("unknown");
        (!INVARIANT.contains(&source)).then(|| {
            format!(
                "the system does not trust an invariant counter, its clock source is {source}: one look takes {} ns, so \
                 that fewer operations are timed, and response times have that floor",
                self.look_ns
            )
        })
    }

    pub(crate) fn end(self) -> HostClock {
        let (ordinary, raw) = both();
        let (ordinary, raw) = ((ordinary - self.ordinary).as_nanos() as i64, (raw - self.raw).as_nanos() as i64);
        let drift_ppb = ((ordinary - raw) as f64 * 1e9 / (raw as f64).max(1.0)).round() as i64;
        HostClock { source: self.source, look_ns: self.look_ns, drift_ppb }
    }
}

/// The monotonic clock, whose rate the system adjusts, and the raw one, which it leaves alone.
fn both() -> (Duration, Duration) {
    let time = |id| {
        let time = clock_gettime(id);
        Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec as u32)
    };
    (time(ClockId::Monotonic), time(ClockId::MonotonicRaw))
}

#[cfg(test)]
pub(crate) mod testing {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::Clock;

    /// A clock that stands still unless it is moved.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Virtual(Rc<Cell<u64>>);

    impl Virtual {
        /// Lets time pass.
        pub(crate) fn pass(&self, ns: u64) {
            self.0.set(self.0.get() + ns);
        }
    }

    impl Clock for Virtual {
        fn now_ns(&mut self) -> u64 {
            self.0.get()
        }

        fn idle(&mut self) {
            self.pass(20);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Clock, SystemClock, Watch};

    #[test]
    fn a_clock_that_goes_backwards_stands_still_and_is_counted() {
        let mut clock = SystemClock::since(Instant::now() - Duration::from_secs(1), false);
        let first = clock.now_ns();
        assert!(first >= 1_000_000_000 && clock.backwards() == 0);
        clock.origin += Duration::from_secs(3_600);
        assert!((first..first + 1_000).contains(&clock.now_ns()) || clock.now_ns() == clock.last_ns);
        assert!(clock.backwards() > 0);
    }

    #[test]
    fn a_clock_that_is_no_counter_is_warned_of_with_its_cost() {
        let (ordinary, raw) = super::both();
        let watch = |source: &str| Watch { source: Some(source.to_owned()), look_ns: 900, ordinary, raw };
        assert_eq!(watch("tsc").warning(), None);
        assert!(watch("hpet").warning().unwrap().contains("its clock source is hpet: one look takes 900 ns"));
        // No clock of a machine that works is adjusted by a part in a thousand.
        assert!(watch("tsc").end().drift_ppb.abs() < 1_000_000_000);
    }
}
