//! What the threads of a cell do to its map.

use serde::{Deserialize, Serialize};

use crate::distribution::Distribution;
use crate::keys::prefilled;
use crate::mix::Mix;
use crate::op::{MAX_KEY_RANGE, OpKind};
use crate::percent::Percent;
use crate::space::{Space, block, share};
use crate::types::{HasherName, KeyType, ValueType};

/// All that must be known of a workload, at a share of reads, to put it on a map. With a number of threads and seeds, it is
/// what a worker measures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// Entries in the map at the start.
    pub population: u32,
    /// Entries that the map is built with room for.
    pub capacity: u32,
    /// The keys that there are.
    pub space: Space,
    /// Who does what; never empty.
    pub roles: Vec<Role>,
    /// The operations of a slice, over all threads, after which the map is built anew; `None`: the operations go on in a
    /// loop, and time alone ends a slice.
    pub operations: Option<u32>,
    /// A file of recorded operations that are done instead of drawn ones; the mix is theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// The keys' type.
    pub key: KeyType,
    /// The values' type.
    pub value: ValueType,
    /// The map's hasher.
    pub hasher: HasherName,
}

/// What a thread does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// The threads that have it; `None`: all that other roles leave.
    pub threads: Option<u32>,
    /// Its operations.
    pub mix: Mix,
    /// Its keys.
    pub distribution: Distribution,
    /// Operations of a thread in a second; `None`: as many as it can.
    pub rate_ops_s: Option<u32>,
}

impl Load {
    /// All threads alike, every key alike, integers in the default map.
    #[must_use]
    pub fn uniform(mix: Mix, population: u32, key_range: u32) -> Self {
        let distribution = Distribution::Uniform;
        Self {
            population,
            capacity: population,
            space: Space::Range(key_range),
            roles: vec![Role { name: "all".to_owned(), threads: None, mix, distribution, rate_ops_s: None }],
            operations: None,
            trace: None,
            key: KeyType::U64,
            value: ValueType::B8,
            hasher: HasherName::Foldhash,
        }
    }

    /// The fewest threads that give every role one.
    #[must_use]
    pub fn least_threads(&self) -> u32 {
        self.roles.iter().map(|role| role.threads.unwrap_or(1)).sum()
    }

    /// Why so many threads cannot do this; `None` if they can.
    #[must_use]
    pub fn refuses(&self, threads: u32) -> Option<String> {
        let least = self.least_threads();
        if threads < least {
            return Some(format!("its roles need {least} threads"));
        }
        if self.roles.iter().all(|role| role.threads.is_some()) && threads != least {
            return Some(format!("its roles are {least} threads, and none takes the rest"));
        }
        let range = self.key_range(threads);
        if range > u64::from(MAX_KEY_RANGE) {
            return Some(format!("{threads} threads need {range} keys, more than {MAX_KEY_RANGE}"));
        }
        let apart = |role: &Role| role.distribution.is_ordered() || role.distribution == Distribution::Partitioned;
        let smallest = self.space.smallest_part(self.population);
        if self.roles.iter().any(apart) && self.space != Space::Tables && smallest < threads {
            return Some(format!("{smallest} keys are too few for {threads} threads with keys of their own"));
        }
        None
    }

    /// The role of a thread, by its index.
    ///
    /// # Panics
    /// When [`refuses`](Self::refuses) says so of the number of threads.
    #[must_use]
    pub fn role(&self, threads: u32, thread: u32) -> &Role {
        let fixed: u32 = self.roles.iter().filter_map(|role| role.threads).sum();
        let mut end = 0;
        for role in &self.roles {
            end += role.threads.unwrap_or_else(|| threads - fixed);
            if thread < end {
                return role;
            }
        }
        panic!("thread {thread} of {threads} has no role")
    }

    /// Every kind of operation that occurs.
    pub fn kinds(&self) -> impl Iterator<Item = OpKind> {
        OpKind::ALL.into_iter().filter(|kind| self.roles.iter().any(|role| role.mix.percent(*kind) > 0.0))
    }

    /// The number of keys that operations draw from: all key indices are below it.
    #[must_use]
    pub fn key_range(&self, threads: u32) -> u64 {
        match self.space {
            Space::Range(range) => u64::from(range),
            Space::Sets { .. } => self.sets().iter().map(|set| u64::from(set.len)).sum(),
            Space::Tables => u64::from(threads) * u64::from(self.table(threads)),
        }
    }

    /// The key indices that are in the map at the start, [`population`](Self::population) of them.
    #[must_use]
    pub fn prefill(&self, threads: u32) -> Vec<u32> {
        match self.space {
            _ if self.trace.is_some() => (0..self.population).collect(),
            Space::Range(range) if self.is_ordered() => {
                self.heads(threads, |thread| block(range, threads, thread).start)
            }
            Space::Range(range) => prefilled(self.population, range).collect(),
            Space::Sets { .. } => {
                let [present, changing, _] = self.sets();
                let changing = prefilled(changing.len / 2, changing.len).map(|index| changing.start + index);
                (0..present.len).chain(changing).collect()
            }
            Space::Tables => {
                let table = self.table(threads);
                self.heads(threads, |thread| table * thread)
            }
        }
    }

    /// The present, the changing and the absent keys of [`Space::Sets`].
    pub(crate) fn sets(&self) -> [crate::space::Span; 3] {
        crate::space::sets(self.population, self.kinds().any(|kind| kind == OpKind::Remove))
    }

    /// Whether inserts append and removes take the oldest.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        self.roles[0].distribution.is_ordered()
    }

    /// The length of a thread's table as bustle has it: the next power of two of what its inserts may need.
    pub(crate) fn table(&self, threads: u32) -> u32 {
        let mix = &self.roles[0].mix;
        let adding = mix.percent(OpKind::Insert) + mix.percent(OpKind::InsertNew) + mix.percent(OpKind::Upsert);
        let most = f64::from(self.operations.unwrap_or(0).div_ceil(100)) * adding;
        let keys = self.capacity.max(most.ceil() as u32) + self.population;
        keys.div_ceil(threads).next_power_of_two().max(8)
    }

    /// Each thread's share of the population from the start of its part on.
    fn heads(&self, threads: u32, start: impl Fn(u32) -> u32) -> Vec<u32> {
        let part = |thread| start(thread)..start(thread) + share(self.population, threads, thread);
        (0..threads).flat_map(part).collect()
    }
}

/// The share of reads by which a workload's cells are named, when its roles fix it: that of the role that takes the rest of
/// the threads, or of the first.
pub(crate) fn named_share(roles: &[Role]) -> Percent {
    roles.iter().find(|role| role.threads.is_none()).unwrap_or(&roles[0]).mix.read_pct()
}
