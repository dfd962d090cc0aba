//! Rows of `growth.csv`: how a map grows, doubling by doubling.

use mapbench_workload::Percent;
use serde::{Deserialize, Serialize};

use crate::row::{Place, Planned, Row};
use crate::{GROWTH, Group, Plan, Status};

/// A row of `growth.csv`: the map has doubled, or all is there; or a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Growth {
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
    /// The step, from 0: the map before its first operation, then a doubling each, and at last what is there at the end.
    pub step: u32,
    /// What became of it. All measurements are empty unless it is `ok`.
    pub status: Status,
    /// Entries in the map at the end of the step.
    pub entries: Option<u64>,
    /// When that was, in nanoseconds after the first operation.
    pub at_ns: Option<u64>,
    /// How long the step took, in nanoseconds, every operation timed.
    pub took_ns: Option<u64>,
    /// The longest single insert in it, in nanoseconds.
    pub longest_ns: Option<u64>,
    /// Bytes that the map held at the end of it, counted by the allocator in another process; empty without `--memory`.
    pub held_bytes: Option<u64>,
    /// Why the status is not `ok`, or what a reader must know.
    pub message: String,
}

impl Growth {
    /// The row of a visit that measured nothing.
    #[must_use]
    pub fn unmeasured(group: &Group, strategy: &str, fork: u32, status: Status) -> Self {
        Self {
            workload: group.workload.clone(),
            read_pct: group.read_pct,
            threads: group.threads,
            strategy: strategy.to_owned(),
            fork,
            step: 0,
            status,
            entries: None,
            at_ns: None,
            took_ns: None,
            longest_ns: None,
            held_bytes: None,
            message: String::new(),
        }
    }
}

impl Row for Growth {
    const FILE: &'static str = GROWTH;

    fn subject(&self) -> String {
        format!("{:?}", self.place())
    }

    fn problem(&self) -> Option<String> {
        let measured = [self.entries, self.at_ns, self.took_ns, self.longest_ns];
        match self.status {
            Status::Ok if measured.contains(&None) => Some("the status is ok but a measurement is missing".to_owned()),
            Status::Ok if self.took_ns > self.at_ns => Some("`took_ns` is above `at_ns`".to_owned()),
            Status::Ok => None,
            _ if measured.iter().chain(&[self.held_bytes]).any(Option::is_some) => {
                Some("the status is not ok but there are measurements".to_owned())
            }
            _ => None,
        }
    }
}

impl Planned for Growth {
    fn place(&self) -> Place<'_> {
        Place {
            workload: &self.workload,
            read_pct: self.read_pct,
            threads: self.threads,
            strategy: Some(&self.strategy),
            visit: Some((self.fork, self.step)),
            part: String::new(),
        }
    }

    fn visits(plan: &Plan) -> (u32, u32) {
        (plan.growth.as_ref().map_or(0, |growth| growth.forks), u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::Growth;
    use crate::row::Row as _;
    use crate::{Group, Percent, Status};

    #[test]
    fn a_step_is_measured_or_it_is_not() {
        let group = Group { workload: "w".to_owned(), read_pct: Percent::ZERO, threads: 1 };
        let missing = Growth::unmeasured(&group, "s", 0, Status::TimedOut);
        assert_eq!(missing.problem(), None);
        let [entries, at_ns, took_ns, longest_ns] = [1_024, 50, 50, 7].map(Some);
        let step = Growth { status: Status::Ok, entries, at_ns, took_ns, longest_ns, ..missing.clone() };
        assert_eq!(step.problem(), None);
        assert!(Growth { took_ns: Some(51), ..step.clone() }.problem().unwrap().contains("`at_ns`"));
        assert!(Growth { longest_ns: None, ..step }.problem().unwrap().contains("missing"));
        assert!(Growth { held_bytes: Some(1), ..missing }.problem().unwrap().contains("measurements"));
    }
}
