//! The strategies that can be measured, each behind one entry that knows no type.

use std::path::Path;
use std::time::Duration;

use mapbench_api::{HashFunction, Operation, Strategy, StrategyInfo};
use mapbench_conformance::scenario::{self, Finding, Scenario};
use mapbench_conformance::verify::{self, Check, Outcome, Setting};
use mapbench_results::Declared;
use mapbench_workload::{Load, OpKind};

use crate::foreign;
use crate::protocol::Open;
use crate::single::{self, Timed};
use crate::worker::{self, Ready, Subject};

/// A strategy, ready to be measured. All code that is compiled anew for each strategy is reached from here.
#[derive(Clone, Copy)]
pub struct Entry {
    /// What the strategy says about itself.
    pub info: StrategyInfo,
    /// What its crate hashes with when nothing is chosen; of a foreign strategy nobody knows.
    own_hasher: Option<HashFunction>,
    /// The folder of the crate that the strategy comes from, if its revision is to be told.
    checkout: Option<&'static str>,
    /// What measures it, if that is not this program.
    pub(crate) foreign: Option<foreign::Worker>,
    pub(crate) build: fn(&Open, &Ready) -> Box<dyn Subject>,
    single: fn(Timed, u64) -> Duration,
    pub(crate) verify: fn(Check, &Setting) -> Outcome,
    pub(crate) scenario: fn(&Scenario) -> Finding,
}

impl Entry {
    /// The entry of a strategy.
    #[must_use]
    pub const fn of<S: Strategy>() -> Self {
        // The simulator does none of the rest; left out, it is built in half the time.
        if cfg!(feature = "contention") {
            return Self {
                info: S::INFO,
                own_hasher: Some(S::OWN_HASHER),
                checkout: None,
                foreign: None,
                build: worker::build::<S>,
                single: |_, _| unreachable!("the simulator times nothing"),
                verify: |_, _| unreachable!("the simulator verifies nothing"),
                scenario: |_| unreachable!("the simulator plays no scenario"),
            };
        }
        Self {
            info: S::INFO,
            own_hasher: Some(S::OWN_HASHER),
            checkout: None,
            foreign: None,
            build: worker::build::<S>,
            single: single::time::<S>,
            verify: verify::run::<S>,
            scenario: scenario::run::<S>,
        }
    }

    /// The entry of a strategy that another program measures.
    pub(crate) const fn foreign(info: StrategyInfo, worker: foreign::Worker) -> Self {
        const fn never() -> ! {
            panic!("a foreign map is in no hands but its worker's")
        }
        Self {
            info,
            own_hasher: None,
            checkout: None,
            foreign: Some(worker),
            build: |_, _| never(),
            single: |_, _| never(),
            verify: |_, _| never(),
            scenario: |_| never(),
        }
    }

    /// Adds to the version what git calls the state of the folder `dir`: for a map that is measured from its own
    /// repository, with `env!("CARGO_MANIFEST_DIR")`. Git is asked when the program runs: have it run by cargo, which
    /// builds what is there.
    #[must_use]
    pub const fn from_checkout(self, dir: &'static str) -> Self {
        Self { checkout: Some(dir), ..self }
    }

    /// The version of the upstream, with the revision if it comes from a checkout: `0.3.0 v0.3.0-4-g0123456789ab-dirty`.
    #[must_use]
    pub fn version(&self) -> String {
        let revision = self.checkout.and_then(|dir| mapbench_upstream::revision(Path::new(dir)));
        revision.map_or_else(|| self.info.version.to_owned(), |revision| format!("{} {revision}", self.info.version))
    }

    /// Why the strategy cannot do this; `None` if it can.
    #[must_use]
    pub fn refuses(&self, load: &Load, threads: u32) -> Option<String> {
        if let Some(limit) = self.info.thread_limit.filter(|limit| threads as usize > limit.threads) {
            return Some(limit.reason.to_owned());
        }
        // What types another program has, it says itself.
        if self.foreign.is_none()
            && let Err(reason) = worker::compiled(load, threads)
        {
            return Some(reason);
        }
        load.kinds().find_map(|kind| {
            let needed = needs(kind);
            needed.iter().find_map(|need| self.info.lacks(*need).map(|reason| format!("no {need}: {reason}")))
        })
    }

    /// Builds the map of a cell, and the keys that it is asked for.
    pub(crate) fn map(&self, open: &Open) -> Box<dyn Subject> {
        (self.build)(open, &Ready::of(open))
    }

    /// Times `iterations` of one operation on one thread, over a prefilled map.
    #[must_use]
    pub fn time_single(&self, operation: Timed, iterations: u64) -> Duration {
        (self.single)(operation, iterations)
    }

    /// The tuning used, and the hasher that `hasher = "default"` stands for.
    pub(crate) fn configuration(&self) -> String {
        let own = self.own_hasher.map_or_else(String::new, |own| format!("; its own hasher is {own}"));
        format!("{}{own}", self.info.configuration)
    }

    /// What the strategy declares, for `provenance.json`.
    #[must_use]
    pub fn declared(&self) -> Declared {
        let info = &self.info;
        let mut unsupported: Vec<String> =
            info.unsupported.iter().map(|lack| format!("{}: {}", lack.operation, lack.reason)).collect();
        unsupported
            .extend(info.thread_limit.map(|limit| format!("more than {} thread: {}", limit.threads, limit.reason)));
        let known = |text: &str| if self.foreign.is_some() { "unknown".to_owned() } else { text.to_owned() };
        Declared {
            name: info.name.to_owned(),
            upstream: info.upstream.to_owned(),
            version: self.version(),
            summary: info.summary.to_owned(),
            consistency: known(info.consistency.name()),
            iteration: known(info.iteration.name()),
            read_progress: known(info.read_progress.name()),
            reclamation: known(info.reclamation.name()),
            configuration: self.configuration(),
            notes: info.notes.to_owned(),
            unsupported,
        }
    }
}

/// The operations of the map that an operation of a stream calls.
const fn needs(kind: OpKind) -> &'static [Operation] {
    match kind {
        OpKind::Read => &[Operation::Read],
        OpKind::Insert => &[Operation::Insert],
        OpKind::InsertNew => &[Operation::InsertNew],
        OpKind::Remove => &[Operation::Remove],
        OpKind::Update => &[Operation::Update],
        OpKind::Upsert => &[Operation::Upsert],
        OpKind::CompareExchange => &[Operation::Read, Operation::CompareExchange],
        OpKind::Iterate => &[Operation::ForEach],
    }
}

/// A list of strategies with different names.
#[derive(Clone)]
pub struct Registry {
    entries: Vec<Entry>,
}

impl Registry {
    /// The built-in strategies, in the order in which they are shown, and then `more`.
    ///
    /// # Panics
    /// When two strategies have one name.
    #[must_use]
    pub fn with(more: &[Entry]) -> Self {
        let mut entries = built_in();
        entries.extend_from_slice(more);
        for (i, entry) in entries.iter().enumerate() {
            let name = entry.info.name;
            assert!(entries[..i].iter().all(|other| other.info.name != name), "two strategies are named `{name}`");
        }
        Self { entries }
    }

    /// With one more at the end.
    ///
    /// # Errors
    /// When a strategy has its name already.
    pub(crate) fn add(&mut self, entry: Entry) -> Result<(), TwoOfAName> {
        if self.find(entry.info.name).is_ok() {
            return Err(TwoOfAName(entry.info.name));
        }
        self.entries.push(entry);
        Ok(())
    }

    /// All entries.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of a name.
    ///
    /// # Errors
    /// When there is none; the error names the nearest.
    pub fn find(&self, name: &str) -> Result<&Entry, UnknownName> {
        self.entries.iter().find(|entry| entry.info.name == name).ok_or_else(|| {
            let known = self.entries.iter().map(|entry| entry.info.name);
            UnknownName::new("strategy", name, known).in_a_build_without(left_out())
        })
    }
}

/// A name that two strategies have.
#[derive(Debug, thiserror::Error)]
#[error("two strategies are named `{0}`: give each --worker another name")]
pub(crate) struct TwoOfAName(&'static str);

/// A name that nothing has.
#[derive(Debug, thiserror::Error)]
#[error("unknown {what} `{name}`{}; `{lister}` names all", self.guess())]
pub struct UnknownName {
    what: &'static str,
    name: String,
    nearest: Option<String>,
    left_out: Vec<&'static str>,
    lister: &'static str,
}

impl UnknownName {
    pub(crate) fn new<'a>(what: &'static str, name: &str, known: impl Iterator<Item = &'a str>) -> Self {
        Self {
            what,
            name: name.to_owned(),
            nearest: nearest(name, known).map(str::to_owned),
            left_out: Vec::new(),
            lister: "mapbench list",
        }
    }

    /// What was meant, or where it may be.
    fn guess(&self) -> String {
        match &self.nearest {
            Some(near) => format!("; did you mean `{near}`?"),
            None if self.left_out.is_empty() => String::new(),
            None => format!("; this program was built without the features {}", self.left_out.join(", ")),
        }
    }

    /// With the features that might have had it.
    fn in_a_build_without(self, left_out: Vec<&'static str>) -> Self {
        Self { left_out, ..self }
    }

    /// With the command that names all, if it is another.
    pub(crate) fn listed_by(self, lister: &'static str) -> Self {
        Self { lister, ..self }
    }
}

/// The name that was probably meant.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().div_ceil(3))
        .min()
        .map(|(_, candidate)| candidate)
}

/// Every built-in strategy, in the order in which it is shown, handed to a function of one type parameter.
macro_rules! built_in {
    ($each:ident) => {
        vec![
            #[cfg(feature = "lock")]
            $each::<mapbench_adapter_lock::StdMutex>(),
            #[cfg(feature = "lock")]
            $each::<mapbench_adapter_lock::StdRwLock>(),
            #[cfg(feature = "parking-lot")]
            $each::<mapbench_adapter_parking_lot::ParkingLotMutex>(),
            #[cfg(feature = "parking-lot")]
            $each::<mapbench_adapter_parking_lot::ParkingLotRwLock>(),
            #[cfg(feature = "parking-lot")]
            $each::<mapbench_adapter_parking_lot::RwLockCoarsePair>(),
            #[cfg(feature = "parking-lot")]
            $each::<mapbench_adapter_parking_lot::RwLockSplitPair>(),
            #[cfg(feature = "parking-lot")]
            $each::<mapbench_adapter_parking_lot::ShardedRwLock>(),
            #[cfg(feature = "dashmap")]
            $each::<mapbench_adapter_dashmap::Dashmap>(),
            #[cfg(feature = "dashmap")]
            $each::<mapbench_adapter_dashmap::Dashmap7>(),
            #[cfg(feature = "flurry")]
            $each::<mapbench_adapter_flurry::Flurry>(),
            #[cfg(feature = "flurry")]
            $each::<mapbench_adapter_flurry::FlurryPinned>(),
            #[cfg(feature = "papaya")]
            $each::<mapbench_adapter_papaya::Papaya>(),
            #[cfg(feature = "papaya")]
            $each::<mapbench_adapter_papaya::PapayaPinned>(),
            #[cfg(feature = "scc")]
            $each::<mapbench_adapter_scc::SccHashMap>(),
            #[cfg(feature = "scc")]
            $each::<mapbench_adapter_scc::SccHashIndex>(),
            #[cfg(feature = "evmap")]
            $each::<mapbench_adapter_evmap::Evmap>(),
            #[cfg(feature = "evmap")]
            $each::<mapbench_adapter_evmap::EvmapBatched>(),
            #[cfg(feature = "arc-swap")]
            $each::<mapbench_adapter_arc_swap::ArcSwapCow>(),
            #[cfg(feature = "arc-swap")]
            $each::<mapbench_adapter_arc_swap::ArcSwapHamt>(),
            #[cfg(feature = "epoch")]
            $each::<mapbench_adapter_epoch::EpochCow>(),
            #[cfg(feature = "sync-map")]
            $each::<mapbench_adapter_sync_map::SyncMap>(),
            #[cfg(feature = "checked")]
            $each::<mapbench_adapter_checked::Checked>(),
            #[cfg(feature = "limit")]
            $each::<mapbench_adapter_limit::Frozen>(),
            #[cfg(feature = "limit")]
            $each::<mapbench_adapter_limit::HashbrownUnsync>(),
        ]
    };
}

/// Features, and whether this program was built with each.
macro_rules! built_with {
    ($($feature:literal),+ $(,)?) => { &[$(($feature, cfg!(feature = $feature))),+] };
}

/// The features that have strategies, in the order in which those are shown.
const FEATURES: &[(&str, bool)] = built_with![
    "lock",
    "parking-lot",
    "dashmap",
    "flurry",
    "papaya",
    "scc",
    "evmap",
    "arc-swap",
    "epoch",
    "sync-map",
    "checked",
    "limit",
];

/// Those of them that this program was built without.
pub(crate) fn left_out() -> Vec<&'static str> {
    FEATURES.iter().filter(|(_, built)| !built).map(|(feature, _)| *feature).collect()
}

fn built_in() -> Vec<Entry> {
    built_in!(entry)
}

const fn entry<S: Strategy>() -> Entry {
    Entry::of::<S>()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{FEATURES, Registry, UnknownName};

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        let known = ["dashmap", "papaya", "scc-hashmap"];
        let message = |name| UnknownName::new("strategy", name, known.into_iter()).to_string();
        assert_eq!(message("dashmp"), "unknown strategy `dashmp`; did you mean `dashmap`?; `mapbench list` names all");
        assert_eq!(message("zzzzzzz"), "unknown strategy `zzzzzzz`; `mapbench list` names all");
        let partial = UnknownName::new("strategy", "papaya", [].into_iter()).in_a_build_without(vec!["papaya", "scc"]);
        let expected = "unknown strategy `papaya`; this program was built without the features papaya, scc; `mapbench list` names all";
        assert_eq!(partial.to_string(), expected);
    }

    fn conform<S: mapbench_api::Strategy>() -> fn() {
        mapbench_conformance::all::<S>
    }

    /// The list is the same that [`Registry::with`] is made from: none can be registered without passing.
    #[test]
    fn every_registered_strategy_does_what_it_declares() {
        built_in!(conform).iter().for_each(|conforms| conforms());
    }

    #[test]
    fn every_default_feature_is_of_strategies_but_for_the_service() {
        let manifest: toml::Table = toml::from_str(include_str!("../Cargo.toml")).unwrap();
        let default = manifest["features"]["default"].as_array().unwrap().iter().filter_map(toml::Value::as_str);
        let known: BTreeSet<&str> = FEATURES.iter().map(|(feature, _)| *feature).chain(["service"]).collect();
        assert_eq!(known, default.collect());
    }

    #[test]
    fn names_are_different() {
        assert!(!Registry::with(&[]).entries().is_empty());
    }
}
