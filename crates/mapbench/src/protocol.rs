//! What orchestrator and worker say to each other: one JSON object a line, requests on the worker's standard input,
//! events on its standard output. A worker answers every request with exactly one event.

use mapbench_results::{Stage, Status};
use mapbench_workload::{Arrivals, OpKind};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::counting::Allocated;

/// The version of the protocol; a worker refuses any other.
pub(crate) const PROTOCOL_VERSION: u32 = 5;

/// Understands a line.
///
/// # Errors
/// What is wrong with it, in one line, whatever it quotes.
pub(crate) fn understand<T: DeserializeOwned>(line: &str) -> Result<T, String> {
    serde_json::from_str(line).map_err(|error| error.to_string().replace(['\n', '\r'], " "))
}

/// What the orchestrator asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Request {
    /// Say what can be measured; answered by [`Event::Described`], after which the worker ends. A first request.
    Describe,
    /// Build the map and the threads of a cell; answered by [`Event::Ready`]. A first request, and asked once.
    Open(Open),
    /// Run for one slice; answered by [`Event::Slice`].
    Slice {
        /// How long to run before the clock starts.
        warm_ns: u64,
        /// How long to measure.
        slice_ns: u64,
    },
    /// Run for one slice and time operations; answered by [`Event::Timed`].
    Time {
        /// How long to run before anything is timed.
        warm_ns: u64,
        /// How long to measure.
        slice_ns: u64,
        /// What the operations wait for.
        pace: Pace,
    },
    /// Count what the map allocates, holds and gives back, and drop it; answered by [`Event::Counted`], after which the
    /// worker ends. For a worker that counts.
    Count {
        /// How long the threads work, twice.
        load_ns: u64,
        /// How long they rest, and the longest wait after the drop.
        quiet_ns: u64,
        /// Bytes beyond the filled map at which a stage ends early.
        budget_bytes: u64,
    },
    /// Let a map grow, every operation timed; answered by [`Event::Grown`]. For a load of so many operations.
    Grow,
    /// Drop the map and end; answered by [`Event::Closed`].
    Close,
}

/// What an operation of a thread waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Pace {
    /// The end of the one before.
    Closed {
        /// One operation of so many is timed; `None`: so few that timing costs little.
        every: Option<u32>,
    },
    /// The time when it is due.
    Open(Load),
    /// The end of the one before: the first thread only reads, and every read is timed from there. The others do this.
    Beside(Disturbance),
}

/// What threads do to a map while another reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Disturbance {
    /// The writes of their streams.
    Write,
    /// Iterations over the whole map.
    Iterate,
    /// Inserts of ever new keys.
    Grow,
}

impl Disturbance {
    pub(crate) const ALL: [Self; 3] = [Self::Write, Self::Iterate, Self::Grow];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Iterate => "iterate",
            Self::Grow => "grow",
        }
    }
}

/// When operations are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Load {
    /// Operations a second, over all threads.
    pub(crate) rate_ops_s: u64,
    /// How they are spread.
    pub(crate) arrivals: Arrivals,
    /// The seed of the threads' schedules.
    pub(crate) seed: u64,
}

/// A cell and a fork, in full: a worker needs nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Open {
    /// [`PROTOCOL_VERSION`] of the orchestrator.
    pub(crate) protocol: u32,
    /// The strategy's name.
    pub(crate) strategy: String,
    /// Worker threads.
    pub(crate) threads: u32,
    /// What they do.
    pub(crate) load: mapbench_workload::Load,
    /// The seed of each thread's stream.
    pub(crate) stream_seeds: Vec<u64>,
    /// The hasher's seed.
    pub(crate) hash_seed: u64,
    /// The processor of each thread; empty: the system places them.
    pub(crate) processors: Vec<u32>,
    /// Work done beside the stream and not counted: a slow-down of known size, to learn what a gate can see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) planted: Option<Planted>,
}

/// Operations done and not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Planted {
    /// How many, in millionths of the counted operations that [`Extra`] is about: of 1 000 000 operations, 20 000 more
    /// are done for a slow-down of 2 %.
    pub(crate) ppm: u32,
    /// Which.
    pub(crate) extra: Extra,
}

/// Which operations are planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Extra {
    /// Operations of the stream, of all kinds.
    Any,
    /// Operations of the stream, of one kind, in proportion to those.
    Kind(OpKind),
    /// Reads that stay inside the map for about a microsecond, in proportion to the reads.
    LongRead,
}

/// What a worker answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Event {
    /// What can be measured.
    Described {
        /// [`PROTOCOL_VERSION`] of the worker.
        protocol: u32,
        /// The worker's version.
        version: String,
        /// The names of its strategies.
        strategies: Vec<String>,
        /// It counts allocations, and is no worker for anything that is timed.
        #[serde(default)]
        counts: bool,
    },
    /// The map is filled and the threads wait.
    Ready {
        /// [`PROTOCOL_VERSION`] of the worker.
        protocol: u32,
        /// Digest of each thread's stream, in hexadecimal.
        streams: Vec<String>,
    },
    /// A slice was run and the map was right afterwards.
    Slice(Slice),
    /// A slice was run, operations were timed, and the map was right afterwards.
    Timed(Timed),
    /// Allocations were counted and the map is dropped; the worker ends.
    Counted(Box<Counted>),
    /// A map has grown, and was right afterwards.
    Grown {
        /// The map before its first operation, each of its doublings, and all that was there at the end.
        steps: Vec<Step>,
    },
    /// The map is dropped; the worker ends.
    Closed,
    /// The cell cannot go on; the worker ends.
    Failed {
        /// What became of it.
        status: Status,
        /// Why.
        message: String,
    },
}

/// One slice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Slice {
    /// What each thread did within its measured time.
    pub(crate) threads: Vec<Measured>,
    /// Operations between two looks at the phase; the largest of the threads'.
    pub(crate) batch_ops: u64,
    /// What the operations did, from the start of the warm-up to the end of the slice, over all threads.
    pub(crate) effects: Effects,
    /// What the operations within the measured time were, over all threads; a foreign worker does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tallied: Option<Tallied>,
    /// The mean time that dropping a map took, when the slice made its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) drop_ns: Option<u64>,
    /// Resident memory of the process after the slice.
    pub(crate) rss_bytes: u64,
}

impl Slice {
    /// Whether what its threads did can be added up: another program may say any number.
    pub(crate) fn adds_up(&self) -> bool {
        let sum = |of: fn(&Measured) -> u64| self.threads.iter().try_fold(0_u64, |sum, one| sum.checked_add(of(one)));
        sum(|thread| thread.ops).is_some() && sum(|thread| thread.elapsed_ns).is_some()
    }
}

/// How long operations took. Histograms are texts of [`mapbench_results::Distribution`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Timed {
    /// Operations a second that were done within the slice, over all threads.
    pub(crate) achieved_ops_s: u64,
    /// One operation of so many was timed; the most of the threads'.
    pub(crate) every: u32,
    /// The operations could not be done as fast as they were due.
    pub(crate) saturated: bool,
    /// How often the clock was seen to go backwards.
    pub(crate) backwards: u64,
    /// All operations.
    pub(crate) all: String,
    /// Each kind that occurred; of a closed loop only.
    pub(crate) kinds: Vec<(OpKind, String)>,
}

/// What operations allocated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Count {
    pub(crate) operations: u64,
    pub(crate) allocations: u64,
    pub(crate) bytes: u64,
}

impl Count {
    /// One operation that allocated this.
    pub(crate) fn of(allocated: Allocated) -> Self {
        Self { operations: 1, allocations: allocated.times, bytes: allocated.bytes }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.operations += other.operations;
        self.allocations += other.allocations;
        self.bytes += other.bytes;
    }
}

/// What a map held at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Point {
    pub(crate) stage: Stage,
    /// Since the count began.
    pub(crate) at_ns: u64,
    pub(crate) live_bytes: u64,
    /// Since the stage began.
    pub(crate) operations: u64,
}

/// A map that has grown so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    pub(crate) entries: u64,
    /// Since the first operation.
    pub(crate) at_ns: u64,
    /// Of the inserts since the last step.
    pub(crate) longest_ns: u64,
    /// Of a worker that counts.
    pub(crate) held_bytes: u64,
}

/// What happened while a reader stayed inside the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Held {
    /// The most beyond the filled map.
    pub(crate) bytes: u64,
    pub(crate) operations: u64,
    pub(crate) standstill_ns: u64,
}

/// What a map allocated, held and gave back; the fields are those of [`mapbench_results::Memory`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Counted {
    pub(crate) all: Count,
    pub(crate) kinds: Vec<(OpKind, Count)>,
    pub(crate) filled_bytes: u64,
    pub(crate) peak_bytes: u64,
    pub(crate) stopped_bytes: u64,
    pub(crate) settled_bytes: u64,
    pub(crate) settle_ns: u64,
    pub(crate) held: Option<Held>,
    pub(crate) drop_ns: u64,
    pub(crate) left_bytes: u64,
    pub(crate) freed_ns: u64,
    pub(crate) rss_bytes: Option<u64>,
    pub(crate) peak_rss_bytes: Option<u64>,
    pub(crate) curve: Vec<Point>,
    /// What cut a stage short; empty if nothing did.
    pub(crate) remark: String,
}

/// A thread's share of a slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Measured {
    /// Operations between its two looks at the clock.
    pub(crate) ops: u64,
    /// The time between them.
    pub(crate) elapsed_ns: u64,
}

/// What operations did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Effects {
    /// Reads that found their key.
    pub(crate) hits: u64,
    /// Reads that did not.
    pub(crate) misses: u64,
    /// Operations that added a key.
    pub(crate) inserted: u64,
    /// Operations that removed one.
    pub(crate) removed: u64,
}

/// Operations by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tallied {
    /// How many of each kind, in the order of [`OpKind::ALL`].
    pub(crate) kinds: [u64; OpKind::ALL.len()],
    /// Entries that iterations saw.
    pub(crate) iterated: u64,
}

impl std::ops::AddAssign for Tallied {
    fn add_assign(&mut self, other: Self) {
        self.kinds.iter_mut().zip(other.kinds).for_each(|(sum, more)| *sum += more);
        self.iterated += other.iterated;
    }
}

impl std::ops::AddAssign for Effects {
    fn add_assign(&mut self, other: Self) {
        self.hits += other.hits;
        self.misses += other.misses;
        self.inserted += other.inserted;
        self.removed += other.removed;
    }
}

#[cfg(test)]
mod tests {
    use mapbench_damage::damaged;
    use mapbench_workload::{Arrivals, OpKind};
    use proptest::prelude::*;

    use super::{Effects, Event, Extra, Load, Measured, PROTOCOL_VERSION, Pace, Planted, Request, Slice, understand};
    use crate::worker::digests;

    /// The lines that PROTOCOL.md shows.
    fn shown() -> impl Iterator<Item = &'static str> {
        include_str!("../PROTOCOL.md").lines().filter(|line| line.starts_with('{'))
    }

    #[test]
    fn what_is_documented_is_the_protocol() {
        let (mut requests, mut events) = (Vec::new(), Vec::new());
        for line in shown() {
            if line.starts_with(r#"{"request""#) {
                requests.push(serde_json::from_str::<Request>(line).unwrap_or_else(|error| panic!("{line}: {error}")));
            } else {
                events.push(serde_json::from_str::<Event>(line).unwrap_or_else(|error| panic!("{line}: {error}")));
            }
        }
        assert!(requests.len() >= 4 && events.len() >= 6, "{} requests, {} events", requests.len(), events.len());
        let version = format!("This is version {PROTOCOL_VERSION}. ");
        assert!(include_str!("../PROTOCOL.md").contains(&version), "PROTOCOL.md does not say: {version}");
        // The vectors.
        let open = requests.iter().find_map(|request| match request {
            Request::Open(open) => Some(open),
            _ => None,
        });
        let streams = events.iter().find_map(|event| match event {
            Event::Ready { protocol: PROTOCOL_VERSION, streams } => Some(streams),
            _ => None,
        });
        let open = open.expect("an `open` of this version is shown");
        assert_eq!(open.protocol, PROTOCOL_VERSION);
        assert_eq!(streams.expect("its answer is shown"), &digests(&crate::worker::streams(open).unwrap()));
    }

    /// A line of each kind.
    const LINES: &str = concat!(
        r#"{"request":"slice","warm_ns":1,"slice_ns":2}"#,
        "\n",
        r#"{"event":"slice","threads":[{"ops":1,"elapsed_ns":2}],"batch_ops":4,"#,
        r#""effects":{"hits":1,"misses":2,"inserted":3,"removed":4},"rss_bytes":5}"#,
        "\n",
        r#"{"event":"failed","status":"panicked","message":"oh"}"#,
        "\n",
    );

    proptest! {
        #[test]
        fn a_damaged_line_is_understood_or_refused(bytes in damaged(LINES)) {
            for line in String::from_utf8_lossy(&bytes).lines() {
                if let Err(error) = understand::<Request>(line) {
                    prop_assert_eq!(error.lines().count(), 1, "{}", error);
                }
                if let Err(error) = understand::<Event>(line) {
                    prop_assert_eq!(error.lines().count(), 1, "{}", error);
                }
            }
        }
    }

    #[test]
    fn a_line_break_in_a_name_does_not_break_the_message() {
        let error = understand::<Event>(r#"{"event":"re\nad"}"#).unwrap_err();
        assert!(error.starts_with("unknown variant `re ad`") && error.lines().count() == 1, "{error}");
    }

    #[test]
    fn threads_that_did_too_much_do_not_add_up() {
        let adds_up = |ops: u64, elapsed_ns: u64| {
            let threads = vec![Measured { ops: 1, elapsed_ns: 1 }, Measured { ops, elapsed_ns }];
            let effects = Effects::default();
            Slice { threads, batch_ops: 1, effects, tallied: None, drop_ns: None, rss_bytes: 0 }.adds_up()
        };
        assert!(adds_up(u64::MAX - 1, u64::MAX - 1) && !adds_up(u64::MAX, 1) && !adds_up(1, u64::MAX));
    }

    #[test]
    fn lines_are_as_documented() {
        let slice = Request::Slice { warm_ns: 1, slice_ns: 2 };
        let line = r#"{"request":"slice","warm_ns":1,"slice_ns":2}"#;
        assert_eq!(serde_json::to_string(&slice).unwrap(), line);
        assert_eq!(serde_json::from_str::<Request>(line).unwrap(), slice);
        assert_eq!(serde_json::to_string(&Event::Closed).unwrap(), r#"{"event":"closed"}"#);
        assert!(serde_json::from_str::<Event>(r#"{"event":"closed","extra":1}"#).is_ok_and(|e| e == Event::Closed));
        assert!(serde_json::from_str::<Event>(r#"{"event":"other"}"#).is_err());
        assert_eq!(serde_json::to_string(&Request::Describe).unwrap(), r#"{"request":"describe"}"#);
        let pace = Pace::Open(Load { rate_ops_s: 5, arrivals: Arrivals::Poisson, seed: 6 });
        let time = Request::Time { warm_ns: 1, slice_ns: 2, pace };
        let line = r#"{"request":"time","warm_ns":1,"slice_ns":2,"pace":{"open":{"rate_ops_s":5,"arrivals":"poisson","seed":6}}}"#;
        assert_eq!(serde_json::to_string(&time).unwrap(), line);
        assert_eq!(serde_json::from_str::<Request>(line).unwrap(), time);
        let planted = Planted { ppm: 20_000, extra: Extra::Kind(OpKind::Read) };
        assert_eq!(serde_json::to_string(&planted).unwrap(), r#"{"ppm":20000,"extra":{"kind":"read"}}"#);
    }
}
