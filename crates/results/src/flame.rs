//! Rows of `profiles.csv`: where the processors' time of a cell goes, each with a flame graph in a file of its own.

use mapbench_workload::Percent;
use serde::{Deserialize, Serialize};

use crate::row::{Place, Planned, Row};
use crate::{Group, PROFILES, PROFILES_DIR, Plan, Status};

/// A row of `profiles.csv`: the flame graph of a cell, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlameGraph {
    /// The workload's name.
    pub workload: String,
    /// The share of reads among the operations, in per cent.
    pub read_pct: Percent,
    /// Worker threads.
    pub threads: u32,
    /// The strategy's name.
    pub strategy: String,
    /// What became of it: `ok`, and the flame graph is in [`file`](Self::file); `n/a`, this machine takes no samples.
    pub status: Status,
    /// Samples that the flame graph is drawn from; empty unless the status is `ok`.
    pub samples: Option<u64>,
    /// Why the status is not `ok`; empty if it is.
    pub message: String,
}

impl FlameGraph {
    /// The row of a cell that has no flame graph.
    #[must_use]
    pub fn missing(group: &Group, strategy: &str, status: Status, message: String) -> Self {
        Self {
            workload: group.workload.clone(),
            read_pct: group.read_pct,
            threads: group.threads,
            strategy: strategy.to_owned(),
            status,
            samples: None,
            message,
        }
    }

    /// Where the flame graph is, from the run's directory: `profiles/ratio-sweep.read-90.threads-2.dashmap.svg`. What no
    /// file name should hold is written as its code, so that no name leads out of the directory, and no two cells share one.
    #[must_use]
    pub fn file(&self) -> String {
        let Self { workload, read_pct, threads, strategy, .. } = self;
        let (workload, read_pct, strategy) = (plain(workload), plain(&read_pct.to_string()), plain(strategy));
        format!("{PROFILES_DIR}/{workload}.read-{read_pct}.threads-{threads}.{strategy}.svg")
    }
}

/// A name of letters, digits and hyphens; every other byte is `_` and its code.
fn plain(name: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
        other => format!("_{other:02x}"),
    };
    name.bytes().map(byte).collect()
}

impl Row for FlameGraph {
    const FILE: &'static str = PROFILES;

    fn subject(&self) -> String {
        format!("{:?}", self.place())
    }

    fn problem(&self) -> Option<String> {
        match (self.status, self.samples) {
            (Status::Ok, None | Some(0)) => Some("the status is ok but there is no sample".to_owned()),
            (Status::Ok, Some(_)) => None,
            (_, Some(_)) => Some("the status is not ok but there are samples".to_owned()),
            (_, None) => None,
        }
    }
}

impl Planned for FlameGraph {
    fn place(&self) -> Place<'_> {
        Place {
            workload: &self.workload,
            read_pct: self.read_pct,
            threads: self.threads,
            strategy: Some(&self.strategy),
            visit: None,
            part: String::new(),
        }
    }

    fn visits(_: &Plan) -> (u32, u32) {
        (1, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::FlameGraph;
    use crate::row::Row as _;
    use crate::{Group, Percent, Status};

    fn graph(workload: &str, strategy: &str) -> FlameGraph {
        let group = Group { workload: workload.to_owned(), read_pct: Percent::whole(90), threads: 2 };
        FlameGraph::missing(&group, strategy, Status::NotApplicable, "why".to_owned())
    }

    #[test]
    fn a_file_is_named_after_its_cell_and_stays_in_its_directory() {
        assert_eq!(graph("ratio-sweep", "dashmap").file(), "profiles/ratio-sweep.read-90.threads-2.dashmap.svg");
        let hostile = graph("../../etc", "a/b c\"<é").file();
        assert_eq!(hostile, "profiles/_2e_2e_2f_2e_2e_2fetc.read-90.threads-2.a_2fb_20c_22_3c_c3_a9.svg");
        assert_ne!(graph("w@a.b", "s").file(), graph("w@a_b", "s").file());
    }

    #[test]
    fn a_row_has_samples_or_a_reason() {
        let missing = graph("w", "s");
        assert_eq!(missing.problem(), None);
        let drawn = FlameGraph { status: Status::Ok, samples: Some(5), ..missing.clone() };
        assert_eq!(drawn.problem(), None);
        assert!(FlameGraph { samples: Some(0), ..drawn.clone() }.problem().is_some());
        assert!(FlameGraph { samples: Some(1), ..missing }.problem().is_some());
    }
}
