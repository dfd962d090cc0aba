//! What a claim's TOML file may hold: all fields; unknown ones are refused.

use mapbench_conformance::scenario::Part;
use mapbench_report::{Certainty, Implied};
use mapbench_workload::Percent;
use serde::Deserialize;
use toml::Spanned;

/// A file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// The claim's name, by which it is chosen.
    pub(crate) name: Spanned<String>,
    /// What it says, in our words.
    pub(crate) statement: Spanned<String>,
    /// Where it was made.
    pub(crate) source: Spanned<String>,
    /// Cores of the machine that it was made on.
    pub(crate) cores: Option<u32>,
    /// What it implies of a ratio; kinds that measure no ratio say themselves what is implied.
    pub(crate) implied: Option<Spanned<ImpliedFields>>,
    /// Workloads of its own, each in the workload format.
    #[serde(default)]
    pub(crate) workloads: Vec<Spanned<String>>,
    /// What is measured: exactly one of these.
    pub(crate) throughput: Option<Spanned<Sweep>>,
    pub(crate) latency: Option<Spanned<Sweep>>,
    pub(crate) memory: Option<Spanned<Sweep>>,
    pub(crate) read_allocations: Option<Spanned<ReadAllocations>>,
    pub(crate) growth: Option<Spanned<Growth>>,
    pub(crate) lost_updates: Option<Spanned<LostUpdates>>,
    pub(crate) detection: Option<Spanned<Detection>>,
    pub(crate) refusal: Option<Spanned<Refusal>>,
    pub(crate) service: Option<Spanned<Service>>,
}

/// `[implied]`: a ratio with the factor that it may be off by, or a bound.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImpliedFields {
    ratio: Option<f64>,
    tolerance: Option<f64>,
    at_least: Option<f64>,
    at_most: Option<f64>,
}

impl ImpliedFields {
    /// The range; the error says what the fields must be.
    pub(crate) fn range(&self) -> Result<Implied, &'static str> {
        let positive = |x: f64| x.is_finite() && x > 0.0;
        match (self.ratio, self.tolerance, self.at_least, self.at_most) {
            (Some(ratio), Some(tolerance), None, None)
                if positive(ratio) && tolerance.is_finite() && tolerance >= 1.0 =>
            {
                Ok(Implied { low: ratio / tolerance, high: ratio * tolerance })
            }
            (None, None, low, high) if low.or(high).is_some() => {
                let range = Implied { low: low.unwrap_or(0.0), high: high.unwrap_or(f64::INFINITY) };
                let sound = low.is_none_or(positive) && high.is_none_or(positive) && range.low < range.high;
                if sound { Ok(range) } else { Err("at_least and at_most are positive, and at_least is the lower") }
            }
            _ => Err("give a positive ratio with a tolerance of at least 1, or at_least, or at_most, or these two"),
        }
    }
}

/// What a sweep says of a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Quantity {
    /// Operations a second.
    Throughput,
    /// The mean of what operations take in a closed loop.
    MeanServiceTime,
    /// What one operation in a thousand exceeds in an open loop, from when it was due.
    #[serde(rename = "p99_9_response_time")]
    TailResponseTime,
    /// The longest time that a reader is kept from its next read while the others write.
    #[serde(rename = "longest_reader_pause")]
    ReaderPause,
    /// Bytes that an insert allocates.
    InsertBytes,
}

/// `[throughput]`: operations a second of a subject over those of a reference, from an interleaved sweep. `[latency]` and
/// `[memory]` compare likewise what `of` says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sweep {
    /// What is compared; `[throughput]` says it itself.
    pub(crate) of: Option<Quantity>,
    /// Operations a second over all threads, at which response times are measured.
    pub(crate) rate_ops_s: Option<u64>,
    /// The strategies that the claim is about: the best of them counts.
    pub(crate) subject: Option<Spanned<Names>>,
    /// What it is compared with: the best of these counts.
    pub(crate) reference: Option<Spanned<Names>>,
    /// The share of the reads; for workloads that have several.
    pub(crate) read_pct: Option<Percent>,
    /// Threads; one a core if it says nothing.
    pub(crate) threads: Option<u32>,
    /// The cases.
    pub(crate) case: Vec<Spanned<SweepCase>>,
}

/// `[[throughput.case]]`: what it does not say is as the claim has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SweepCase {
    /// A few words; the table's row is named so.
    pub(crate) name: String,
    #[serde(default = "yes")]
    pub(crate) judged: bool,
    pub(crate) subject: Option<Spanned<Names>>,
    pub(crate) reference: Option<Spanned<Names>>,
    /// The workload's name: one of the claim's own, or a shipped one; the claim's first if it says nothing.
    pub(crate) workload: Option<Spanned<String>>,
    pub(crate) read_pct: Option<Percent>,
    pub(crate) threads: Option<u32>,
    /// Compare with the same strategy on so many threads, in place of a reference.
    pub(crate) against_threads: Option<u32>,
    /// Compare with the same strategy under this workload, in place of a reference.
    pub(crate) against_workload: Option<Spanned<String>>,
}

/// One name, or several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "a name or a list of names")]
pub(crate) enum Names {
    One(String),
    Several(Vec<String>),
}

impl Names {
    pub(crate) fn list(&self) -> Vec<String> {
        match self {
            Names::One(name) => vec![name.clone()],
            Names::Several(names) => names.clone(),
        }
    }
}

/// `[lost_updates]`: orders go from status to status under racing workers; the share of the updates that is lost.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LostUpdates {
    /// The strategies; all that can if empty.
    #[serde(default)]
    pub(crate) strategies: Vec<Spanned<String>>,
    /// Numbers of keys that the orders are spread over.
    pub(crate) keys: Vec<u32>,
    /// Racing threads.
    pub(crate) threads: u32,
}

/// `[detection]`: how many runs end because an overlapping access was detected.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Detection {
    /// Detection happens `always`, or `never`.
    #[serde(deserialize_with = "certainty")]
    pub(crate) certainty: Certainty,
    /// Runs of each case.
    pub(crate) runs: u32,
    /// The cases.
    pub(crate) case: Vec<DetectionCase>,
}

/// `[[detection.case]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DetectionCase {
    pub(crate) name: String,
    #[serde(default = "yes")]
    pub(crate) judged: bool,
    pub(crate) strategy: Spanned<String>,
    /// Entries in the map, and keys that are read and written.
    pub(crate) population: u32,
    /// What each thread does; each has one entry.
    pub(crate) threads: Vec<Part>,
    /// Operations of each thread; nothing: until something is detected, or the time is over.
    pub(crate) operations: Option<u32>,
}

/// `[refusal]`: programs that must not compile, each a document test of this repository.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refusal {
    /// The programs, by the sharing that they try.
    pub(crate) program: Vec<Program>,
}

/// `[[refusal.program]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Program {
    pub(crate) name: String,
    /// The compiler's error code.
    pub(crate) error: String,
    /// The program.
    pub(crate) code: String,
    /// The same with what makes it right, which must compile: that the error is about sharing and not about a typing slip.
    pub(crate) allowed: String,
}

/// `[read_allocations]`: what reads allocate, of all strategies; the subject's must be nothing.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadAllocations {
    pub(crate) subject: Spanned<String>,
}

/// `[growth]`: the longest insert into a map that grows from nothing, of the subject over the reference.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Growth {
    pub(crate) subject: Spanned<String>,
    pub(crate) reference: Spanned<String>,
    /// Threads that insert, each keys of its own.
    pub(crate) threads: u32,
    /// Entries in the end, over all threads.
    pub(crate) entries: u32,
    /// Runs of each, in turn.
    pub(crate) runs: u32,
}

/// `[service]`: requests a second of an HTTP service over the subject, over those over the reference.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Service {
    pub(crate) subject: Spanned<String>,
    pub(crate) reference: Spanned<String>,
    /// Threads of the service; one a core if it says nothing.
    pub(crate) threads: Option<u32>,
    /// Threads that make requests.
    pub(crate) client_threads: u32,
    /// Connections, kept alive.
    pub(crate) connections: u32,
    /// Requests a second offered, beside the load to saturation.
    pub(crate) offered: u32,
    /// The cases.
    pub(crate) case: Vec<ServiceCase>,
}

/// `[[service.case]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(feature = "service"), expect(dead_code, reason = "read and checked, and not measured without it"))]
pub(crate) struct ServiceCase {
    pub(crate) name: String,
    #[serde(default = "yes")]
    pub(crate) judged: bool,
    /// Entries in the map.
    pub(crate) population: u32,
    /// The share of requests that write.
    pub(crate) write_pct: Percent,
}

const fn yes() -> bool {
    true
}

fn certainty<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Certainty, D::Error> {
    match String::deserialize(value)?.as_str() {
        "always" => Ok(Certainty::Always),
        "never" => Ok(Certainty::Never),
        other => Err(serde::de::Error::custom(format!("{other:?} is no certainty: `always` or `never`"))),
    }
}
