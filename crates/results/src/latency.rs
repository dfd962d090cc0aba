//! Rows of `latency.csv`: how long operations took.

use mapbench_workload::Percent;
use serde::{Deserialize, Serialize};

use crate::row::{Place, Planned, Row};
use crate::{Distribution, Group, LATENCY, Percentile, Plan, Status};

/// How long operations took, by whose clock. They are never mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LatencyKind {
    /// From an operation's start to its end, in a closed loop: a stall delays one operation a thread.
    ServiceTime,
    /// From the time an operation was due, in an open loop: a stall is charged to every operation that it delays.
    ResponseTime,
    /// From the end of one read of the first thread to the end of its next, in a closed loop, while the other threads do
    /// what `operation` says.
    Pause,
}

impl LatencyKind {
    /// As files write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            LatencyKind::ServiceTime => "service_time",
            LatencyKind::ResponseTime => "response_time",
            LatencyKind::Pause => "pause",
        }
    }
}

/// The `operation` of a row that is about all kinds together.
pub const ALL_OPERATIONS: &str = "all";

/// A row of `latency.csv`: the distribution of one fork, of one kind of operation or of all, or a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// The workload's name.
    pub workload: String,
    /// The share of reads among the operations, in per cent.
    pub read_pct: Percent,
    /// Worker threads.
    pub threads: u32,
    /// The strategy's name.
    pub strategy: String,
    /// The fork, from 0.
    pub fork: u32,
    /// What was measured.
    pub kind: LatencyKind,
    /// The kind of operation, or `all`; of a pause what the other threads do: `write`, `iterate`, or `grow` the map.
    pub operation: String,
    /// The rate as a share of what the same worker did in a closed loop just before, every operation timed; in per cent.
    /// Empty for a service time and for the rate that all strategies share.
    pub load_pct: Option<u8>,
    /// What became of it. All measurements are empty unless it is `ok`.
    pub status: Status,
    /// Operations a second that were due, over all threads; empty for a service time.
    pub rate_ops_s: Option<u64>,
    /// Operations a second that were done, over all threads.
    pub achieved_ops_s: Option<u64>,
    /// One operation of so many was timed.
    pub every: Option<u32>,
    /// The operations were not done as fast as they were due: how long they took depends on how long one looks, and no
    /// percentile is given.
    pub saturated: bool,
    /// Operations timed.
    pub samples: Option<u64>,
    /// Median, in nanoseconds. A percentile with fewer than 100 samples above it is empty.
    pub p50_ns: Option<u64>,
    /// 90th percentile.
    pub p90_ns: Option<u64>,
    /// 99th percentile.
    pub p99_ns: Option<u64>,
    /// 99.9th percentile.
    pub p99_9_ns: Option<u64>,
    /// 99.99th percentile.
    pub p99_99_ns: Option<u64>,
    /// 99.999th percentile.
    pub p99_999_ns: Option<u64>,
    /// The longest, in nanoseconds.
    pub max_ns: Option<u64>,
    /// All of them, as [`Distribution::encode`] writes them.
    pub histogram: String,
    /// Why the status is not `ok`, or what a reader must know.
    pub message: String,
}

impl Latency {
    /// The row of a visit that measured nothing.
    #[must_use]
    pub fn unmeasured(group: &Group, strategy: &str, fork: u32, kind: LatencyKind, status: Status) -> Self {
        Self {
            workload: group.workload.clone(),
            read_pct: group.read_pct,
            threads: group.threads,
            strategy: strategy.to_owned(),
            fork,
            kind,
            operation: ALL_OPERATIONS.to_owned(),
            load_pct: None,
            status,
            rate_ops_s: None,
            achieved_ops_s: None,
            every: None,
            saturated: false,
            samples: None,
            p50_ns: None,
            p90_ns: None,
            p99_ns: None,
            p99_9_ns: None,
            p99_99_ns: None,
            p99_999_ns: None,
            max_ns: None,
            histogram: String::new(),
            message: String::new(),
        }
    }

    /// The row with a distribution, and the percentiles that it can vouch for; none if it is saturated.
    #[must_use]
    pub fn with(self, distribution: &Distribution, saturated: bool) -> Self {
        let [p50_ns, p90_ns, p99_ns, p99_9_ns, p99_99_ns, p99_999_ns] =
            Percentile::ALL.map(|percentile| distribution.percentile_ns(percentile).filter(|_| !saturated));
        Self {
            saturated,
            samples: Some(distribution.samples()),
            p50_ns,
            p90_ns,
            p99_ns,
            p99_9_ns,
            p99_99_ns,
            p99_999_ns,
            max_ns: distribution.max_ns(),
            histogram: distribution.encode(),
            ..self
        }
    }

    /// The percentiles, in the order of [`Percentile::ALL`].
    #[must_use]
    pub const fn percentiles_ns(&self) -> [Option<u64>; 6] {
        [self.p50_ns, self.p90_ns, self.p99_ns, self.p99_9_ns, self.p99_99_ns, self.p99_999_ns]
    }

    fn measured_problem(&self) -> Option<String> {
        let distribution = match Distribution::decode(&self.histogram) {
            Ok(distribution) => distribution,
            Err(problem) => return Some(format!("`histogram` is {problem}")),
        };
        let expected = self.clone().with(&distribution, self.saturated);
        if expected.samples != self.samples || expected.max_ns != self.max_ns {
            return Some("`samples` or `max_ns` is not that of the histogram".to_owned());
        }
        (expected.percentiles_ns() != self.percentiles_ns())
            .then(|| "a percentile is not that of the histogram, or has fewer than 100 samples above it".to_owned())
    }
}

impl Row for Latency {
    const FILE: &'static str = LATENCY;

    fn subject(&self) -> String {
        format!("{:?}", self.place())
    }

    fn problem(&self) -> Option<String> {
        let response = self.kind == LatencyKind::ResponseTime;
        if self.status == Status::Ok {
            if self.achieved_ops_s.is_none() || self.every.is_none() || response && self.rate_ops_s.is_none() {
                return Some("the status is ok but a measurement is missing".to_owned());
            }
            if !response && (self.saturated || self.load_pct.is_some() || self.rate_ops_s.is_some()) {
                return Some("what has no rate has neither load nor saturation".to_owned());
            }
            return self.measured_problem();
        }
        let measured = [self.achieved_ops_s, self.samples, self.max_ns].iter().any(Option::is_some);
        let percentiles = self.percentiles_ns().iter().any(Option::is_some);
        (measured || percentiles || self.saturated || !self.histogram.is_empty())
            .then(|| "the status is not ok but there are measurements".to_owned())
    }
}

impl Planned for Latency {
    fn place(&self) -> Place<'_> {
        let load = self.load_pct.map_or_else(String::new, |load| format!(" at {load} %"));
        Place {
            workload: &self.workload,
            read_pct: self.read_pct,
            threads: self.threads,
            strategy: Some(&self.strategy),
            visit: Some((self.fork, 0)),
            part: format!("{} {}{load}", self.kind.name(), self.operation),
        }
    }

    fn visits(plan: &Plan) -> (u32, u32) {
        (plan.latency.as_ref().map_or(0, |latency| latency.forks), 1)
    }
}

#[cfg(test)]
mod tests {
    use super::{Latency, LatencyKind};
    use crate::row::Row as _;
    use crate::{Distribution, Group, Status};

    #[test]
    fn a_saturated_row_has_no_percentile_and_one_that_has_is_refused() {
        let mut times = Distribution::default();
        (1..=1_000).for_each(|ns| times.record(ns));
        let group = Group { workload: "w".to_owned(), read_pct: mapbench_workload::Percent::whole(90), threads: 2 };
        let row = Latency {
            rate_ops_s: Some(1),
            achieved_ops_s: Some(1),
            every: Some(1),
            ..Latency::unmeasured(&group, "s", 0, LatencyKind::ResponseTime, Status::Ok)
        };
        let (kept_up, saturated) = (row.clone().with(&times, false), row.with(&times, true));
        assert!(kept_up.p50_ns.is_some() && kept_up.p90_ns.is_some() && kept_up.p99_ns.is_none());
        assert_eq!(saturated.percentiles_ns(), [None; 6]);
        assert_eq!((kept_up.problem(), saturated.problem()), (None, None));
        let wrong = Latency { p50_ns: kept_up.p50_ns, ..saturated }.problem().unwrap();
        assert!(wrong.starts_with("a percentile is not that of the histogram"), "{wrong}");
    }
}
