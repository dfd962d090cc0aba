use mapbench_workload::Percent;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::{Serialize, forward_to_deserialize_any};

use crate::{CELLS, Cell, MACHINE, Machine, Plan, SAMPLES, Sample, Status};

/// A row of one of the CSV files.
pub(crate) trait Row: Serialize + DeserializeOwned {
    /// The file's name.
    const FILE: &'static str;
    /// The columns that files of earlier programs lack.
    const ADDED: &'static [&'static str] = &[];
    /// What to do about a file that ends in half a line.
    const TORN: &'static str = "the run was interrupted: `mapbench run --resume` repairs it and goes on";

    /// What the row is about, for messages.
    fn subject(&self) -> String;

    /// What is wrong with the row by itself.
    fn problem(&self) -> Option<String>;
}

/// A row of what a plan measures.
pub(crate) trait Planned: Row {
    /// Where in the plan the row belongs; no two rows of a file share it.
    fn place(&self) -> Place<'_>;

    /// Forks of a cell, and rows or rounds of a fork, that the plan has room for.
    fn visits(plan: &Plan) -> (u32, u32) {
        (plan.forks, plan.rounds)
    }
}

/// A place in the plan.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) workload: &'a str,
    pub(crate) read_pct: Percent,
    pub(crate) threads: u32,
    pub(crate) strategy: Option<&'a str>,
    /// Fork and round.
    pub(crate) visit: Option<(u32, u32)>,
    /// Which of the rows that share all of this; empty where there is one.
    pub(crate) part: String,
}

impl Row for Sample {
    const FILE: &'static str = SAMPLES;
    const ADDED: &'static [&'static str] = &[
        "read_ops",
        "insert_ops",
        "insert_new_ops",
        "remove_ops",
        "update_ops",
        "upsert_ops",
        "compare_exchange_ops",
        "iterate_ops",
        "iterated_entries",
        "drop_ns",
    ];

    fn subject(&self) -> String {
        format!("{:?}", self.place())
    }

    fn problem(&self) -> Option<String> {
        let needed = [self.elapsed_ns, self.ops, self.throughput_ops_s];
        let kinds = self.kinds();
        let others = [
            self.start_ns,
            self.fairness_ppm,
            self.batch_ops,
            self.hits,
            self.misses,
            self.inserted,
            self.removed,
            self.rss_bytes,
            self.iterated_entries,
            self.drop_ns,
        ];
        match self.status {
            Status::Ok if needed.contains(&None) => Some("the status is ok but a measurement is missing".to_owned()),
            Status::Ok if !self.message.is_empty() => Some("the status is ok but there is a message".to_owned()),
            Status::Ok
                if kinds.iter().any(Option::is_some)
                    && kinds.iter().flatten().map(|count| u128::from(*count)).sum::<u128>()
                        != u128::from(self.ops.unwrap_or(0)) =>
            {
                Some("the counts of the kinds do not add up to `ops`".to_owned())
            }
            Status::Ok => share_problem("fairness_ppm", self.fairness_ppm),
            _ if needed.iter().chain(&others).chain(&kinds).any(Option::is_some) => {
                Some("the status is not ok but there are measurements".to_owned())
            }
            _ => None,
        }
    }
}

impl Planned for Sample {
    fn place(&self) -> Place<'_> {
        Place {
            workload: &self.workload,
            read_pct: self.read_pct,
            threads: self.threads,
            strategy: Some(&self.strategy),
            visit: Some((self.fork, self.round)),
            part: String::new(),
        }
    }
}

impl Row for Machine {
    const FILE: &'static str = MACHINE;

    fn subject(&self) -> String {
        format!("{:?}", self.place())
    }

    fn problem(&self) -> Option<String> {
        None
    }
}

impl Planned for Machine {
    fn place(&self) -> Place<'_> {
        Place {
            workload: &self.workload,
            read_pct: self.read_pct,
            threads: self.threads,
            strategy: None,
            visit: Some((self.fork, self.round)),
            part: String::new(),
        }
    }
}

impl Row for Cell {
    const FILE: &'static str = CELLS;
    const ADDED: &'static [&'static str] =
        &["service_p50_ns", "service_p99_ns", "response_p50_ns", "response_p99_ns", "bytes_per_entry"];

    fn subject(&self) -> String {
        format!("{:?}", self.place())
    }

    fn problem(&self) -> Option<String> {
        let slowdowns =
            [("slowdown_low", self.slowdown_low), ("slowdown", self.slowdown), ("slowdown_high", self.slowdown_high)];
        let rates = [
            ("throughput_low_ops_s", self.throughput_low_ops_s),
            ("throughput_ops_s", self.throughput_ops_s),
            ("throughput_high_ops_s", self.throughput_high_ops_s),
        ];
        slowdowns
            .iter()
            .find(|(_, value)| value.is_some_and(|value| !(value.is_finite() && value > 0.0)))
            .map(|(column, value)| format!("`{column}` is {}, not a positive number", value.unwrap_or_default()))
            .or_else(|| order_problem(&slowdowns))
            .or_else(|| order_problem(&rates))
            .or_else(|| share_problem("fairness_ppm", self.fairness_ppm))
            .or_else(|| share_problem("hit_ppm", self.hit_ppm))
    }
}

impl Planned for Cell {
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
}

fn share_problem(column: &str, ppm: Option<u64>) -> Option<String> {
    let ppm = ppm.filter(|ppm| *ppm > 1_000_000)?;
    Some(format!("`{column}` is {ppm}, more than the whole of 1000000"))
}

/// The values that there are must ascend.
fn order_problem<T: PartialOrd + Copy>(ascending: &[(&str, Option<T>)]) -> Option<String> {
    let present: Vec<(&str, T)> = ascending.iter().filter_map(|(column, value)| Some((*column, (*value)?))).collect();
    let wrong = present.windows(2).find(|pair| pair[0].1 > pair[1].1)?;
    Some(format!("`{}` is above `{}`", wrong[0].0, wrong[1].0))
}

/// The names of a struct's fields, as serde has them: the columns of the file.
pub(crate) fn columns<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut columns: &'static [&'static str] = &[];
    // The names are all that is asked for: there is no value to be had.
    let _ = T::deserialize(Fields(&mut columns));
    columns
}

struct Fields<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        Err(Self::Error::custom("only the names"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(Self::Error::custom("not a struct"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct
        seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::{Row as _, columns};
    use crate::{
        Build, Cell, ClaimRow, Declared, FlameGraph, Growth, GrowthPlan, Host, HostClock, Latency, LatencyPlan,
        Machine, Memory, MemoryPlan, Plan, ProfilePlan, Provenance, Reclamation, Sample, Semantics,
    };

    #[test]
    fn columns_are_the_fields_in_their_order() {
        assert_eq!(columns::<Sample>()[..4], ["workload", "read_pct", "threads", "strategy"]);
        assert_eq!(columns::<Sample>().len(), 30);
        assert!(Sample::ADDED.iter().all(|column| columns::<Sample>().contains(column)));
    }

    #[test]
    fn the_readme_names_every_column() {
        // The published crate comes without the folder of results.
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../bench-results/README.md");
        let Ok(readme) = std::fs::read_to_string(path) else { return };
        for (section, columns) in [
            ("## samples.csv", columns::<Sample>()),
            ("## machine.csv", columns::<Machine>()),
            ("## cells.csv", columns::<Cell>()),
            ("## latency.csv", columns::<Latency>()),
            ("## memory.csv", columns::<Memory>()),
            ("## reclamation.csv", columns::<Reclamation>()),
            ("## growth.csv", columns::<Growth>()),
            ("## profiles.csv", columns::<FlameGraph>()),
            ("## semantics.csv", columns::<Semantics>()),
            ("## claims.csv", columns::<ClaimRow>()),
            ("## provenance.json", columns::<Provenance>()),
            ("### plan", columns::<Plan>()),
            ("### latency", columns::<LatencyPlan>()),
            ("### memory", columns::<MemoryPlan>()),
            ("### profile_cpu", columns::<ProfilePlan>()),
            ("### growth", columns::<GrowthPlan>()),
            ("### host", columns::<Host>()),
            ("### clock", columns::<HostClock>()),
            ("### build", columns::<Build>()),
            ("### strategies", columns::<Declared>()),
        ] {
            let (_, text) = readme.split_once(&format!("\n{section}\n")).expect(section);
            let rows = text.lines().take_while(|line| !line.starts_with('#'));
            let named: Vec<&str> =
                rows.filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name)).collect();
            assert_eq!(named, columns, "{section}");
        }
    }
}
