//! How long a cache line takes from one core to another, and what sibling threads of a core are worth.

use serde::{Deserialize, Serialize};

/// A value and what it may be between.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The least.
    pub low: f64,
    /// The likeliest.
    pub mid: f64,
    /// The most.
    pub high: f64,
}

impl Range {
    /// A value without a spread.
    #[must_use]
    pub const fn exactly(value: f64) -> Self {
        Self { low: value, mid: value, high: value }
    }

    /// Each of the three, changed.
    #[must_use]
    pub fn map(self, change: impl Fn(f64) -> f64) -> Self {
        Self { low: change(self.low), mid: change(self.mid), high: change(self.high) }
    }

    fn is_proper(self) -> bool {
        0.0 < self.low && self.low <= self.mid && self.mid <= self.high && self.high.is_finite()
    }
}

/// Cores that share a last-level cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Complex {
    /// How many.
    pub cores: u32,
}

/// A machine, as far as contention goes. As TOML:
///
/// ```
/// let machine = mapbench_forecast::Topology::parse(
///     "within_ns = { low = 17, mid = 20, high = 25 }
///      across_ns = { low = 70, mid = 80, high = 100 }
///      threads_per_core = 2
///      smt_yield = 1.3
///      complexes = [{ cores = 8 }, { cores = 8 }]",
/// )?;
/// assert_eq!(machine.cores(), 16);
/// # Ok::<(), mapbench_forecast::TopologyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// A transfer between cores of one complex, in nanoseconds.
    pub within_ns: Range,
    /// A transfer between cores of different complexes or sockets, in nanoseconds; as within, if left out.
    #[serde(default)]
    pub across_ns: Option<Range>,
    /// Hardware threads of a core; those beyond the cores are used last.
    #[serde(default = "one")]
    pub threads_per_core: u32,
    /// What a core with all its threads at work gets done, in multiples of one thread's: 1 to `threads_per_core`.
    #[serde(default = "yields")]
    pub smt_yield: f64,
    /// From the call that wakes a sleeping thread until it runs, in nanoseconds; 5 000, if left out.
    #[serde(default = "wakes")]
    pub wake_ns: f64,
    /// A call of the system that does not sleep, in nanoseconds; 300, if left out.
    #[serde(default = "calls")]
    pub call_ns: f64,
    /// The complexes, in the order in which they are filled.
    pub complexes: Vec<Complex>,
}

const fn one() -> u32 {
    1
}

const fn yields() -> f64 {
    1.0
}

const fn wakes() -> f64 {
    5_000.0
}

const fn calls() -> f64 {
    300.0
}

/// More than this is no machine, but a slip of the pen.
const MOST_CORES: u64 = 1 << 20;

/// What is wrong with a topology file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopologyError {
    /// It is not TOML, or a field is unknown or missing: the line, and what is wrong there.
    #[error("line {0}: {1}")]
    Toml(usize, String),
    /// A time that is none.
    #[error("`{0}` must be above 0, with low <= mid <= high")]
    Latency(&'static str),
    /// A single time that is none.
    #[error("`{0}` must be above 0")]
    Time(&'static str),
    /// A machine without cores, or with more than can be counted.
    #[error(
        "`complexes` must list at least one complex of at least one core, as [{{ cores = 8 }}], and at most {MOST_CORES} in all"
    )]
    Cores,
    /// Sibling threads that get nothing done, or more than as many cores would.
    #[error("`smt_yield` = {0} must be in 1..=threads_per_core")]
    Yield(String),
}

impl Topology {
    /// A machine of one complex.
    #[must_use]
    pub fn flat(cores: u32, latency_ns: Range) -> Self {
        Self {
            within_ns: latency_ns,
            across_ns: None,
            threads_per_core: 1,
            smt_yield: 1.0,
            wake_ns: wakes(),
            call_ns: calls(),
            complexes: vec![Complex { cores }],
        }
    }

    /// Reads a topology file.
    ///
    /// # Errors
    /// When the text is not TOML, has an unknown or a missing field, or describes the impossible.
    pub fn parse(text: &str) -> Result<Self, TopologyError> {
        let topology: Self = toml::from_str(text).map_err(|error| {
            let before = error.span().map_or("", |span| &text[..span.start]);
            TopologyError::Toml(before.matches('\n').count() + 1, error.message().replace(['\n', '\r'], " "))
        })?;
        if !topology.within_ns.is_proper() {
            return Err(TopologyError::Latency("within_ns"));
        }
        if topology.across_ns.is_some_and(|latency| !latency.is_proper()) {
            return Err(TopologyError::Latency("across_ns"));
        }
        for (name, time_ns) in [("wake_ns", topology.wake_ns), ("call_ns", topology.call_ns)] {
            if !(time_ns > 0.0 && time_ns.is_finite()) {
                return Err(TopologyError::Time(name));
            }
        }
        let cores: u64 = topology.complexes.iter().map(|complex| u64::from(complex.cores)).sum();
        if topology.complexes.iter().any(|complex| complex.cores == 0) || !(1..=MOST_CORES).contains(&cores) {
            return Err(TopologyError::Cores);
        }
        if !(1.0..=f64::from(topology.threads_per_core)).contains(&topology.smt_yield) {
            return Err(TopologyError::Yield(topology.smt_yield.to_string()));
        }
        Ok(topology)
    }

    /// Physical cores.
    #[must_use]
    pub fn cores(&self) -> u32 {
        self.complexes.iter().map(|complex| complex.cores).sum()
    }

    /// The mean time of a transfer between two of `threads` threads that are chosen at random, in nanoseconds. More threads
    /// than cores are spread over the complexes as the cores are, and threads beyond the machine likewise.
    #[must_use]
    pub fn transfer_ns(&self, threads: u32) -> Range {
        let Some(across) = self.across_ns else { return self.within_ns };
        if threads < 2 {
            return self.within_ns;
        }
        let cores = self.cores();
        let mut left = threads.min(cores);
        let scale = f64::from(threads) / f64::from(left);
        // The chance that the other is in the same complex.
        let mut same = 0.0;
        for complex in &self.complexes {
            let here = f64::from(complex.cores.min(left)) * scale;
            left -= complex.cores.min(left);
            same += here * (here - 1.0).max(0.0);
        }
        same /= f64::from(threads) * f64::from(threads - 1);
        let mix = |within: f64, across: f64| same * within + (1.0 - same) * across;
        Range {
            low: mix(self.within_ns.low, across.low),
            mid: mix(self.within_ns.mid, across.mid),
            high: mix(self.within_ns.high, across.high),
        }
    }

    /// How much slower a thread is beside its siblings than alone: 1 as long as each has a core. Threads beyond the machine
    /// share what there is.
    #[must_use]
    pub fn crowding(&self, threads: u32) -> f64 {
        let (threads, cores) = (f64::from(threads), f64::from(self.cores()));
        if threads <= cores {
            return 1.0;
        }
        let siblings = f64::from(self.threads_per_core - 1) * cores;
        let busy = (threads - cores).min(siblings);
        let done = cores + if siblings > 0.0 { busy / siblings * cores * (self.smt_yield - 1.0) } else { 0.0 };
        threads / done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_complexes() -> Topology {
        Topology {
            across_ns: Some(Range::exactly(80.0)),
            threads_per_core: 2,
            smt_yield: 1.25,
            complexes: vec![Complex { cores: 4 }, Complex { cores: 4 }],
            ..Topology::flat(1, Range::exactly(20.0))
        }
    }

    #[test]
    fn transfers_cost_more_once_they_cross() {
        let mean = |threads| two_complexes().transfer_ns(threads).mid;
        assert_eq!((mean(1), mean(2), mean(4)), (20.0, 20.0, 20.0));
        // Of 8 threads, 3 of the 7 others are near.
        assert!((mean(8) - (3.0 * 20.0 + 4.0 * 80.0) / 7.0).abs() < 1e-9);
        // Of 5, one is alone: of 20 ordered pairs 12 are near.
        assert!((mean(5) - (12.0 * 20.0 + 8.0 * 80.0) / 20.0).abs() < 1e-9);
        assert!((mean(16) - (7.0 * 20.0 + 8.0 * 80.0) / 15.0).abs() < 1e-9);
        assert_eq!(Topology::flat(64, Range::exactly(50.0)).transfer_ns(64).mid, 50.0);
    }

    #[test]
    fn siblings_share_a_core() {
        let slower = |threads| two_complexes().crowding(threads);
        assert_eq!((slower(1), slower(8)), (1.0, 1.0));
        // 16 threads do what 10 cores would.
        assert!((slower(16) - 1.6).abs() < 1e-9);
        assert!((slower(32) - 3.2).abs() < 1e-9);
        assert_eq!(Topology::flat(2, Range::exactly(50.0)).crowding(4), 2.0);
    }

    #[test]
    fn wrong_files_are_refused_in_a_line() {
        let refused = |text: &str| Topology::parse(text).unwrap_err().to_string();
        let good = "within_ns = { low = 1, mid = 2, high = 3 }\ncomplexes = [{ cores = 2 }]\n";
        assert_eq!(Topology::parse(good).unwrap().cores(), 2);
        assert!(refused(&good.replace("low = 1", "low = 4")).starts_with("`within_ns` must be above 0"));
        assert!(refused(&good.replace("cores = 2", "cores = 0")).starts_with("`complexes` must list"));
        assert_eq!(refused(&format!("wake_ns = 0\n{good}")), "`wake_ns` must be above 0");
        assert_eq!(refused(&format!("call_ns = inf\n{good}")), "`call_ns` must be above 0");
        assert!(refused(&format!("{good}smt_yield = 1.5")).starts_with("`smt_yield` = 1.5 must be"));
        assert!(
            refused(&good.replace("cores = 2 }", "cores = 4294967295 }, { cores = 2 }")).ends_with("1048576 in all")
        );
        assert!(refused(&format!("{good}sockets = 2")).starts_with("line 3: unknown field `sockets`"));
    }
}
