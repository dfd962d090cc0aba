//! What to measure: choices, defaults, and the check that all of it can be measured.

mod error;
mod profile;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use mapbench_results::{Group, GrowthPlan, LatencyPlan, MemoryPlan, Percent, Plan, ProfilePlan};
use mapbench_workload::{Allocator, Arrivals, HasherName, Load, Workload};

use crate::registry::{Registry, UnknownName};
use crate::shipped::SHIPPED;
use crate::{provenance, trace, worker};

pub(crate) use error::PlanError;
pub(crate) use profile::Profile;

/// The name that stands for every shipped workload.
pub(crate) const ALL: &str = "all";

const MOST_THREADS: u32 = 1024;

/// Looks at a thread in a second of its processor's time. A prime, lest they fall in with what happens each millisecond.
const HERTZ: u32 = 499;

/// What the user chose; everything empty means the default.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice {
    /// Strategy names.
    pub(crate) strategies: Vec<String>,
    /// Names of shipped workloads, or files that end in `.toml`; one of several in a file, or that a name stands for, has its
    /// `@` and values behind that.
    pub(crate) workloads: Vec<String>,
    /// The texts of workloads by name that come before the shipped ones: those of an earlier run.
    pub(crate) definitions: BTreeMap<String, String>,
    /// Recorded traces.
    pub(crate) traces: Vec<PathBuf>,
    /// Shares of reads.
    pub(crate) read_pct: Vec<Percent>,
    /// Shares of reads where none is asked for and the workload leaves the choice; empty: the workload's own.
    pub(crate) usual_read_pct: Vec<Percent>,
    /// Thread counts.
    pub(crate) threads: Vec<u32>,
    /// The hasher, whatever the workloads say; `None`: theirs.
    pub(crate) hasher: Option<HasherName>,
}

/// What is measured beside throughput.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beside {
    /// Latency, at these rates.
    pub(crate) latency: Option<Rates>,
    /// Allocation and reclamation.
    pub(crate) memory: bool,
    /// Where the processors' time goes.
    pub(crate) profile_cpu: bool,
}

/// The rates of an open loop.
#[derive(Clone, Debug)]
pub(crate) struct Rates {
    /// Shares of what each worker does in a closed loop, in per cent.
    pub(crate) load_pct: Vec<u8>,
    /// Operations a second, over all threads, that every strategy is asked for.
    pub(crate) common_ops_s: u64,
    /// How arrivals are spread.
    pub(crate) arrivals: Arrivals,
}

impl Beside {
    /// Puts it into a plan, as long and as often as the profile has it.
    pub(crate) fn add_to(&self, plan: &mut Plan, workloads: &HashMap<String, Workload>, profile: Profile) {
        let shape = profile.shape();
        plan.latency = self.latency.as_ref().map(|rates| LatencyPlan {
            forks: shape.latency_forks,
            // The threads draw their schedules first.
            warm_ns: shape.warm_ms.max(10) * 1_000_000,
            slice_ns: shape.latency_ms * 1_000_000,
            arrivals: rates.arrivals.name().to_owned(),
            load_pct: rates.load_pct.clone(),
            rate_ops_s: rates.common_ops_s,
        });
        plan.memory = self.memory.then(|| MemoryPlan {
            forks: shape.memory_forks,
            load_ns: shape.latency_ms * 1_000_000,
            quiet_ns: shape.latency_ms * 1_000_000 / 2,
            // Two maps as large as the budget of a worker would leave no room for what is beside them.
            budget_bytes: plan.memory_bytes / 2,
        });
        let grows = |group: &Group| workloads[&group.workload].load(group.read_pct).operations.is_some();
        let asked = (self.latency.is_some() || self.memory) && plan.groups.iter().any(grows);
        plan.growth = asked.then_some(GrowthPlan { forks: shape.memory_forks });
        plan.profile_cpu =
            self.profile_cpu.then(|| ProfilePlan { hertz: HERTZ, slice_ns: shape.profile_ms * 1_000_000 });
    }
}

/// Builds the plan of a run and the workloads it names.
///
/// # Errors
/// When a choice names what does not exist or cannot be measured.
pub(crate) fn plan(
    profile: Profile,
    choice: &Choice,
    seed: u64,
    memory_bytes: u64,
    registry: &Registry,
    cores: u32,
) -> Result<(Plan, HashMap<String, Workload>), PlanError> {
    let shape = profile.shape();
    let (groups, texts, workloads) = groups(choice, cores)?;
    let strategies = strategies(choice, registry)?;
    for workload in workloads.values() {
        fits(workload, strategies.len())?;
    }
    let plan = Plan {
        profile: shape.name.to_owned(),
        seed,
        hasher: hashers(workloads.values()),
        groups,
        strategies,
        workloads: texts,
        forks: shape.forks,
        rounds: shape.rounds,
        warm_ns: shape.warm_ms * 1_000_000,
        slice_ns: shape.slice_ms * 1_000_000,
        memory_bytes,
        latency: None,
        memory: None,
        profile_cpu: None,
        growth: None,
    };
    Ok((plan, workloads))
}

/// The hashers of a run's workloads, in a line.
pub(crate) fn hashers<'a>(workloads: impl Iterator<Item = &'a Workload>) -> String {
    let names = workloads.map(|workload| workload.load(Percent::ZERO).hasher.name());
    names.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
}

/// The hasher that all workloads of a run had; `None`: they had several, which were their own.
pub(crate) fn hasher_of(plan: &Plan) -> Option<HasherName> {
    HasherName::named(&plan.hasher)
}

/// Groups in order, the workloads' texts by name, and the workloads by name.
pub(crate) type Groups = (Vec<Group>, BTreeMap<String, String>, HashMap<String, Workload>);

/// The groups that a choice names, and the workloads they are of.
///
/// # Errors
/// When a choice names what does not exist or cannot be measured.
pub(crate) fn groups(choice: &Choice, cores: u32) -> Result<Groups, PlanError> {
    let mut texts = BTreeMap::new();
    let mut workloads = HashMap::new();
    let mut groups = Vec::new();
    let traced = choice.traces.iter().map(|file| trace_named(file));
    for found in traced.chain(names(choice).iter().map(|name| workloads_named(name, &choice.definitions))) {
        let (text, wanted) = found?;
        let file = wanted[0].name.split('@').next().unwrap_or_default().to_owned();
        if texts.get(&file).is_some_and(|other| *other != text) {
            return Err(PlanError::Twice(file));
        }
        texts.insert(file, text);
        for workload in wanted {
            let workload = hashed(workload, choice.hasher)?;
            if workloads.contains_key(&workload.name) {
                return Err(PlanError::Twice(workload.name));
            }
            for group in groups_of(&workload, choice, cores)? {
                if !groups.contains(&group) {
                    groups.push(group);
                }
            }
            workloads.insert(workload.name.clone(), workload);
        }
    }
    Ok((groups, texts, workloads))
}

/// The workloads chosen: the default one, or all shipped ones in place of [`ALL`].
fn names(choice: &Choice) -> Vec<String> {
    if choice.workloads.is_empty() && choice.traces.is_empty() {
        return vec![SHIPPED[0].0.to_owned()];
    }
    let named = |name: &String| {
        if name == ALL { SHIPPED.iter().map(|(name, _)| (*name).to_owned()).collect() } else { vec![name.clone()] }
    };
    choice.workloads.iter().flat_map(named).collect()
}

/// The plan of an earlier run once more, for some of its strategies and for throughput alone, with its workloads.
///
/// # Errors
/// When it names what does not exist, or what this program cannot measure.
pub(crate) fn again(
    earlier: &Plan,
    strategies: Vec<String>,
    memory_bytes: u64,
    registry: &Registry,
) -> Result<(Plan, HashMap<String, Workload>), PlanError> {
    let plan = Plan {
        strategies,
        memory_bytes,
        latency: None,
        memory: None,
        profile_cpu: None,
        growth: None,
        ..earlier.clone()
    };
    let workloads = workloads_of(&plan, registry)?;
    for group in &plan.groups {
        let workload = workloads
            .get(&group.workload)
            .ok_or_else(|| UnknownName::new("workload", &group.workload, workloads.keys().map(String::as_str)))?;
        can_be_measured(workload, &workload.load(group.read_pct), &[group.threads])?;
        fits(workload, plan.strategies.len())?;
    }
    Ok((plan, workloads))
}

/// The workloads of a plan that was made earlier.
pub(crate) fn workloads_of(plan: &Plan, registry: &Registry) -> Result<HashMap<String, Workload>, PlanError> {
    for name in &plan.strategies {
        registry.find(name)?;
    }
    let mut all = HashMap::new();
    for (name, text) in &plan.workloads {
        let parsed = Workload::parse(text)
            .map_err(|error| PlanError::Workload { file: format!("workload `{name}` of the run"), error })?;
        // Only what was planned need have the hasher that was chosen.
        for workload in parsed.into_iter().filter(|own| plan.groups.iter().any(|group| group.workload == own.name)) {
            let workload = hashed(workload, hasher_of(plan))?;
            all.insert(workload.name.clone(), workload);
        }
    }
    Ok(all)
}

/// A workload with the hasher that was chosen.
fn hashed(workload: Workload, chosen: Option<HasherName>) -> Result<Workload, PlanError> {
    match chosen {
        None => Ok(workload),
        Some(hasher) if workload.name.contains("hasher=") && workload.load(Percent::ZERO).hasher != hasher => {
            Err(PlanError::OwnHashers(workload.name))
        }
        Some(hasher) => Ok(workload.with_hasher(hasher)),
    }
}

/// Threads from one to all cores by doubling, all cores, and twice as many.
pub(crate) fn default_threads(cores: u32) -> Vec<u32> {
    let mut threads: Vec<u32> = std::iter::successors(Some(1), |n| Some(n * 2)).take_while(|n| *n < cores).collect();
    threads.extend([cores, 2 * cores]);
    threads
}

/// The text that describes a trace, and its workload.
fn trace_named(file: &Path) -> Result<(String, Vec<Workload>), PlanError> {
    let text = trace::describe(file)?;
    let parsed =
        Workload::parse(&text).map_err(|error| PlanError::Workload { file: file.display().to_string(), error })?;
    Ok((text, parsed))
}

/// The file that a name of workloads is one of, and what it says behind an `@`.
pub(crate) fn file_named(name: &str) -> Option<(&str, Option<&str>)> {
    if let Some(end) = name.rfind(".toml@") {
        let (file, values) = name.split_at(end + ".toml".len());
        return Some((file, Some(&values[1..])));
    }
    Path::new(name).extension().is_some_and(|extension| extension == "toml").then_some((name, None))
}

/// The text of a file or of a workload that `definitions` or this program has, and its workloads: all of them, or the one that
/// is named with its `@`.
fn workloads_named(name: &str, definitions: &BTreeMap<String, String>) -> Result<(String, Vec<Workload>), PlanError> {
    let (text, values) = if let Some((file, values)) = file_named(name) {
        let read = std::fs::read_to_string(file);
        (read.map_err(|error| PlanError::Unreadable { file: file.to_owned(), error })?, values)
    } else {
        let (file, values) = name.split_once('@').map_or((name, None), |(file, values)| (file, Some(values)));
        let shipped = || SHIPPED.iter().find(|(shipped, _)| *shipped == file).map(|(_, text)| (*text).to_owned());
        let Some(text) = definitions.get(file).cloned().or_else(shipped) else {
            let known = definitions.keys().map(String::as_str).chain(SHIPPED.iter().map(|(shipped, _)| *shipped));
            return Err(UnknownName::new("workload", name, known).into());
        };
        (text, values)
    };
    let mut parsed = Workload::parse(&text).map_err(|error| PlanError::Workload { file: name.to_owned(), error })?;
    if let Some(values) = values {
        let known: Vec<String> = parsed.iter().map(|workload| workload.name.clone()).collect();
        parsed.retain(|workload| workload.name.split_once('@').is_some_and(|(_, own)| own == values));
        if parsed.is_empty() {
            return Err(UnknownName::new("workload", name, known.iter().map(String::as_str)).into());
        }
    }
    Ok((text, parsed))
}

/// The names of the workloads that a name stands for, where a finished run is asked for them: those of a file and all shipped
/// ones; any other name stands for itself.
///
/// # Errors
/// When a file cannot be read.
pub(crate) fn names_of(name: &str) -> Result<Vec<String>, PlanError> {
    if name == ALL {
        return Ok(SHIPPED.iter().map(|(shipped, _)| (*shipped).to_owned()).collect());
    }
    if file_named(name).is_none() {
        return Ok(vec![name.to_owned()]);
    }
    let (_, workloads) = workloads_named(name, &BTreeMap::new())?;
    Ok(workloads.into_iter().map(|workload| workload.name).collect())
}

fn groups_of(workload: &Workload, choice: &Choice, cores: u32) -> Result<Vec<Group>, PlanError> {
    let own = workload.read_pct();
    let shares = match (&choice.read_pct, &choice.usual_read_pct) {
        (asked, _) if !asked.is_empty() => asked,
        (_, usual) if !usual.is_empty() && workload.is_swept() => usual,
        _ => &own,
    };
    if let Some(share) = shares.iter().find(|share| !workload.is_swept() && !own.contains(share)) {
        return Err(PlanError::FixedReads { workload: workload.name.clone(), asked: *share, has: own[0] });
    }
    let load = workload.load(shares[0]);
    let threads = threads_of(workload, &load, choice, cores)?;
    can_be_measured(workload, &load, &threads)?;
    let group = |read_pct, threads| Group { workload: workload.name.clone(), read_pct, threads };
    Ok(shares.iter().flat_map(|share| threads.iter().map(move |threads| group(*share, *threads))).collect())
}

/// Whether this program's workers have the allocator and the types that a workload asks for.
fn can_be_measured(workload: &Workload, load: &Load, threads: &[u32]) -> Result<(), PlanError> {
    has_allocator(workload)?;
    match threads.iter().find_map(|threads| worker::compiled(load, *threads).err()) {
        Some(reason) => Err(PlanError::Types { workload: workload.name.clone(), reason }),
        None => Ok(()),
    }
}

fn has_allocator(workload: &Workload) -> Result<(), PlanError> {
    let present = provenance::allocator();
    match workload.allocator {
        Some(allocator) if allocator.name() != present => Err(PlanError::Allocator {
            workload: workload.name.clone(),
            wanted: allocator.name(),
            present,
            remedy: match allocator {
                Allocator::System => "`cargo build --release -p mapbench` builds it".to_owned(),
                other => format!("`cargo build --release -p mapbench --features {other}` builds it"),
            },
        }),
        _ => Ok(()),
    }
}

/// The thread counts that were asked for; else those of the file; else those of the default that the load can have, or the
/// fewest it needs.
fn threads_of(workload: &Workload, load: &Load, choice: &Choice, cores: u32) -> Result<Vec<u32>, PlanError> {
    if let Some(wrong) = choice.threads.iter().find(|threads| !(1..=MOST_THREADS).contains(*threads)) {
        return Err(PlanError::Threads(*wrong));
    }
    let asked: Vec<u32> = match (&choice.threads[..], &workload.threads[..]) {
        ([], []) => {
            let mut possible = default_threads(cores);
            possible.retain(|threads| load.refuses(*threads).is_none());
            return Ok(if possible.is_empty() { vec![load.least_threads()] } else { possible });
        }
        ([], own) => own.iter().map(|threads| threads.on(cores).clamp(1, MOST_THREADS)).collect(),
        (asked, _) => asked.to_vec(),
    };
    match asked.iter().find_map(|threads| Some((*threads, load.refuses(*threads)?))) {
        Some((threads, reason)) => Err(PlanError::Refused { workload: workload.name.clone(), threads, reason }),
        None => Ok(asked),
    }
}

/// The strategies that a choice names, in the order in which they are shown.
///
/// # Errors
/// When it names one that does not exist.
pub(crate) fn strategies(choice: &Choice, registry: &Registry) -> Result<Vec<String>, PlanError> {
    for name in &choice.strategies {
        registry.find(name)?;
    }
    let chosen = |name: &str| choice.strategies.is_empty() || choice.strategies.iter().any(|wanted| wanted == name);
    let names = registry.entries().iter().map(|entry| entry.info.name);
    Ok(names.filter(|name| chosen(name)).map(str::to_owned).collect())
}

/// An estimate of the bytes that a worker holds at most, on the large side.
pub(crate) fn worker_bytes(workload: &Workload) -> u64 {
    // The smallest key and value.
    const BYTES_A_WORD_PAIR: u64 = 16;
    // Two copies (evmap) of these in a table that is half empty, with a node and its pointers.
    const BYTES_AN_ENTRY: u64 = 256;
    // Two copies of what is larger, in a table that is half empty.
    const COPIES: u64 = 4;
    // A string that is kept ready, what the allocator takes for it, and its pointer.
    const BYTES_A_TEXT: u64 = 128;
    const BYTES_A_WORKER: u64 = 16 << 20;
    let load = workload.load(Percent::ZERO);
    let ready = if worker::is_text(load.key) { load.key_range(1) * BYTES_A_TEXT } else { 0 };
    let entries = u64::from(load.population.max(load.capacity)) + u64::from(load.operations.unwrap_or(0));
    let an_entry = BYTES_AN_ENTRY + COPIES * (worker::key_value_bytes(&load) - BYTES_A_WORD_PAIR);
    BYTES_A_WORKER + entries * an_entry + ready
}

/// Workers of a group are up together: refuse what would make the machine swap and measure that.
fn fits(workload: &Workload, strategies: usize) -> Result<(), PlanError> {
    let needed = strategies as u64 * worker_bytes(workload);
    let available = provenance::memory_available_bytes();
    if needed > available {
        let workload = workload.name.clone();
        return Err(PlanError::Memory { workload, strategies, needed: needed >> 20, available: available >> 20 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(choice: &Choice) -> Result<Plan, PlanError> {
        plan(Profile::Quick, choice, 1, 1 << 30, &Registry::with(&[]), 2).map(|(plan, _)| plan)
    }

    #[test]
    fn threads_double_up_to_the_cores_and_then_oversubscribe() {
        assert_eq!(default_threads(1), [1, 2]);
        assert_eq!(default_threads(2), [1, 2, 4]);
        assert_eq!(default_threads(6), [1, 2, 4, 6, 12]);
        assert_eq!(default_threads(8), [1, 2, 4, 8, 16]);
    }

    #[test]
    fn the_default_is_the_sweep_over_everything() {
        let plan = made(&Choice::default()).unwrap();
        assert_eq!(plan.groups.len(), 15);
        assert_eq!(plan.strategies.len(), Registry::with(&[]).entries().len());
    }

    #[test]
    fn choices_that_cannot_be_are_refused() {
        let refused = |choice: Choice| made(&choice).unwrap_err().to_string();
        assert_eq!(refused(Choice { threads: vec![0], ..Choice::default() }), "--threads 0 is not in 1..=1024");
        let workload = refused(Choice { workloads: vec!["ratio-swep".to_owned()], ..Choice::default() });
        assert!(workload.contains("did you mean `ratio-sweep`"), "{workload}");
        let twice = vec!["ratio-sweep".to_owned(); 2];
        let twice = refused(Choice { workloads: twice, ..Choice::default() });
        assert!(twice.starts_with("two workloads are named `ratio-sweep`"), "{twice}");
    }

    #[test]
    fn a_fixed_share_and_impossible_threads_are_refused() {
        let refused = |choice: Choice| made(&choice).unwrap_err().to_string();
        let ycsb = || vec!["ycsb-a".to_owned()];
        let message = refused(Choice { workloads: ycsb(), read_pct: vec![Percent::whole(90)], ..Choice::default() });
        assert_eq!(message, "`ycsb-a` has 50 % reads, not 90 %: its mix is fixed; leave --read-pct out");
        assert!(made(&Choice { workloads: ycsb(), read_pct: vec![Percent::whole(50)], ..Choice::default() }).is_ok());
        let scan = Choice { workloads: vec!["scan".to_owned()], threads: vec![1], ..Choice::default() };
        assert_eq!(refused(scan), "`scan` cannot run on 1 thread: its roles need 2 threads");
    }

    /// A choice of a workload of one's own with these fields.
    fn own(dir: &Path, fields: &str) -> Choice {
        let file = dir.join("own.toml");
        let text = "name = \"own\"\nquestion = \"?\"\nsource = \"s\"\npopulation = 1\nkey_range = 1\n";
        std::fs::write(&file, format!("{text}{fields}\n[mix]\nread = 100\n")).unwrap();
        Choice { workloads: vec![file.display().to_string()], ..Choice::default() }
    }

    #[test]
    fn what_is_not_built_in_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let refused = |fields: &str| made(&own(dir.path(), fields)).unwrap_err().to_string();
        let refusal = refused("key = \"u128-pair\"\nvalue = 1024");
        let expected = "`own` cannot be run: keys of u128-pair with values of 1024 are not compiled";
        assert!(refusal.starts_with(expected), "{refusal}");
        let refusal = refused("allocator = [\"system\", \"jemalloc\"]");
        let expected = "`own@allocator=jemalloc` wants the allocator jemalloc, and this program has system: `cargo build \
                        --release -p mapbench --features jemalloc` builds it";
        assert_eq!(refusal, expected);
        assert!(made(&own(dir.path(), "allocator = \"system\"")).is_ok());
    }

    #[test]
    fn a_hasher_is_chosen_over_a_workloads_own_and_kept_for_a_resumption() {
        let dir = tempfile::tempdir().unwrap();
        let made = |fields: &str, hasher| {
            let choice = Choice { hasher, ..own(dir.path(), fields) };
            plan(Profile::Quick, &choice, 1, 1 << 30, &Registry::with(&[]), 2)
        };
        let hasher = |workload: &Workload| workload.load(Percent::ALL).hasher;
        let (plan, workloads) = made("hasher = \"ahash\"", Some(HasherName::Fx)).unwrap();
        assert_eq!((&*plan.hasher, hasher(&workloads["own"])), ("fxhash", HasherName::Fx));
        let resumed = workloads_of(&plan, &Registry::with(&[])).unwrap();
        assert_eq!(hasher(&resumed["own"]), HasherName::Fx);
        let both = "hasher = [\"siphash\", \"ahash\"]";
        let (plan, _) = made(both, None).unwrap();
        assert_eq!(plan.hasher, "ahash, siphash");
        let resumed = workloads_of(&plan, &Registry::with(&[])).unwrap();
        assert_eq!(hasher(&resumed["own@hasher=ahash"]), HasherName::Ahash);
        let refusal = made(both, Some(HasherName::Fx)).unwrap_err().to_string();
        assert!(refusal.starts_with("`own@hasher=siphash` has hashers of its own"), "{refusal}");
    }

    #[test]
    fn all_workloads_can_be_planned_at_once() {
        let plan = made(&Choice { workloads: vec![ALL.to_owned()], ..Choice::default() }).unwrap();
        assert_eq!(plan.workloads.len(), SHIPPED.len());
        for (name, threads) in
            [("scan", vec![2, 4]), ("scan-alone", vec![1]), ("scan-writers", vec![1, 3]), ("oversubscribed", vec![16])]
        {
            let planned: Vec<u32> =
                plan.groups.iter().filter(|group| group.workload == name).map(|group| group.threads).collect();
            assert_eq!(planned, threads, "{name}");
        }
    }
}
