//! Profiles: how long and how often a run measures.

/// How long and how often: forks, rounds a fork, warm-up and slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Profile {
    /// A first look, in about two minutes.
    Quick,
    /// What reports are made of.
    Standard,
    /// For publishing.
    Full,
    /// Does everything run at all? Not for reading.
    Smoke,
}

pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) forks: u32,
    pub(super) rounds: u32,
    pub(super) warm_ms: u64,
    pub(super) slice_ms: u64,
    /// Forks whose latency is measured.
    pub(super) latency_forks: u32,
    /// How long, at each rate.
    pub(super) latency_ms: u64,
    /// Forks whose memory is counted.
    pub(super) memory_forks: u32,
    /// How long the processors' time is looked at.
    pub(super) profile_ms: u64,
}

impl Profile {
    pub(super) const fn shape(self) -> Shape {
        match self {
            Profile::Smoke => Shape {
                name: "smoke",
                forks: 1,
                rounds: 1,
                warm_ms: 1,
                slice_ms: 1,
                latency_forks: 1,
                latency_ms: 2,
                memory_forks: 1,
                profile_ms: 200,
            },
            Profile::Quick => Shape {
                name: "quick",
                forks: 5,
                rounds: 1,
                warm_ms: 10,
                slice_ms: 25,
                latency_forks: 3,
                latency_ms: 60,
                memory_forks: 1,
                profile_ms: 1_000,
            },
            Profile::Standard => Shape {
                name: "standard",
                forks: 7,
                rounds: 2,
                warm_ms: 20,
                slice_ms: 50,
                latency_forks: 5,
                latency_ms: 250,
                memory_forks: 3,
                profile_ms: 2_000,
            },
            Profile::Full => Shape {
                name: "full",
                forks: 15,
                rounds: 3,
                warm_ms: 30,
                slice_ms: 100,
                latency_forks: 7,
                latency_ms: 500,
                memory_forks: 5,
                profile_ms: 2_000,
            },
        }
    }
}
