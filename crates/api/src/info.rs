use crate::Operation;

/// What a strategy says about itself. All of it is shown beside its numbers.
#[derive(Clone, Copy, Debug)]
pub struct StrategyInfo {
    /// The name by which it is chosen: `dashmap`, `papaya-pinned`.
    pub name: &'static str,
    /// The crate that does the work, or `std`.
    pub upstream: &'static str,
    /// The upstream's version, from `Cargo.lock` at build time.
    pub version: &'static str,
    /// One line: what it is.
    pub summary: &'static str,
    /// When a write is seen.
    pub consistency: Consistency,
    /// What an iteration sees and whom it hinders.
    pub iteration: Iteration,
    /// What a reader may wait for.
    pub read_progress: Progress,
    /// When the memory of removed and replaced entries is freed.
    pub reclamation: Reclamation,
    /// The tuning used: shards, batch size, pin policy. "default" when nothing was chosen.
    pub configuration: &'static str,
    /// What a user must know before believing the number: traps, costs, what was done about them.
    pub notes: &'static str,
    /// The operations it lacks.
    pub unsupported: &'static [Unsupported],
    /// How many threads may hold a handle at once; `None`: any number.
    pub thread_limit: Option<ThreadLimit>,
}

impl StrategyInfo {
    /// Why the strategy cannot do `operation`; `None` if it can.
    #[must_use]
    pub fn lacks(&self, operation: Operation) -> Option<&'static str> {
        self.unsupported.iter().find(|lack| lack.operation == operation).map(|lack| lack.reason)
    }
}

/// An operation that a strategy lacks, and why.
#[derive(Clone, Copy, Debug)]
pub struct Unsupported {
    /// The operation.
    pub operation: Operation,
    /// Why, in a few words: shown as `n/a: reason`.
    pub reason: &'static str,
}

/// A bound on the threads that may use a map at once.
#[derive(Clone, Copy, Debug)]
pub struct ThreadLimit {
    /// The largest number of handles alive at once.
    pub threads: usize,
    /// Why, in a few words: shown as `n/a: reason`.
    pub reason: &'static str,
}

/// When a write is seen by readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// Every operation takes effect between its call and its return.
    Linearizable,
    /// Readers see the state of the last publish.
    Published,
    /// Readers see a write at some later time, and may miss a key while it is being replaced. Writers are exact among
    /// each other.
    Eventual,
}

/// What an iteration sees and whom it hinders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Iteration {
    /// One state of the map; writers go on.
    Snapshot,
    /// Every key present throughout, once; changes made meanwhile may be seen or not.
    WeaklyConsistent,
    /// One state of the map; writers wait.
    BlocksWriters,
}

/// What a reader may wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// For nothing: a bounded number of its own steps.
    WaitFree,
    /// For nobody that sleeps: some thread always gets on.
    LockFree,
    /// For a thread that holds a lock.
    Blocking,
}

/// When the memory of removed and replaced entries is freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reclamation {
    /// With the operation.
    Immediate,
    /// When the last reader of the old state lets go.
    ReferenceCounted,
    /// Later, when no guard can reach it.
    Deferred,
    /// Nothing is ever removed.
    Never,
}

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashFunction {
    /// SipHash-1-3, the standard library's.
    SipHash,
    /// foldhash, hashbrown's.
    Foldhash,
    /// ahash.
    Ahash,
    /// FxHash, rustc's.
    Fx,
}

macro_rules! named {
    ($($type:ident { $($variant:ident = $name:literal),+ $(,)? })+) => {$(
        impl $type {
            /// The name shown to readers.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $($type::$variant => $name),+ }
            }
        }
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    )+};
}

named! {
    HashFunction { SipHash = "siphash", Foldhash = "foldhash", Ahash = "ahash", Fx = "fxhash" }
    Consistency { Linearizable = "linearizable", Published = "published", Eventual = "eventual" }
    Iteration { Snapshot = "snapshot", WeaklyConsistent = "weakly consistent", BlocksWriters = "blocks writers" }
    Progress { WaitFree = "wait-free", LockFree = "lock-free", Blocking = "blocking" }
    Reclamation { Immediate = "immediate", ReferenceCounted = "reference counted", Deferred = "deferred", Never = "never" }
}
