use std::fmt;

use crate::distribution::Distribution;
use crate::file::{File, RoleThreads, Shares, ThreadCount};
use crate::load::{Load, Role, named_share};
use crate::mix::Mix;
use crate::op::{MAX_KEY_RANGE, OpKind};
use crate::percent::Percent;
use crate::soundness;
use crate::space::Space;
use crate::types::{Allocator, HasherName, KeyType, ValueType};

/// The most operations of a slice: a stream of four bytes an operation must fit in memory.
pub(crate) const MAX_OPERATIONS: u32 = 1 << 26;

/// A workload, at one point of what its file sweeps over but for the share of reads and the threads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Its name, by which it is chosen: that of the file and, when the file sweeps over fields, `@field=value,...`.
    pub name: String,
    /// The question that it answers, as a sentence.
    pub question: String,
    /// Where the workload comes from.
    pub source: String,
    /// What must be known before its numbers are believed.
    pub note: Option<String>,
    /// The allocator that the worker must be built with; `None`: any.
    pub allocator: Option<Allocator>,
    /// The thread counts that the file asks for; empty: the default.
    pub threads: Vec<ThreadCount>,
    load: Load,
    reads: Option<(Vec<Percent>, Shares)>,
}

/// What is wrong with a workload file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct DefinitionError {
    /// Line and column, from 1, when the place is known.
    pub place: Option<(usize, usize)>,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for DefinitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some((line, column)) => write!(f, "line {line}, column {column}: {}", self.problem),
            None => f.write_str(&self.problem),
        }
    }
}

/// A field and what is wrong with it.
pub(crate) type Problem = (&'static str, String);

impl Workload {
    /// Reads a definition: a workload for every combination of the values that the file lists.
    ///
    /// | field | what | |
    /// | --- | --- | --- |
    /// | `name` | by which it is chosen: letters, digits and `-_.` | required |
    /// | `question` | what it answers, ending in `?` | required |
    /// | `source` | where it comes from | required |
    /// | `note` | what must be known before its numbers are believed | |
    /// | `population` | entries at the start | required; may be a list |
    /// | `capacity` | entries that the map is made for; the population by default | may be a list |
    /// | `key_range` | different keys, or | may be a list |
    /// | `hit_pct` | the share of reads that find their key, in per cent | may be a list |
    /// | `operations` | of a slice, each on a new map; as many as its time allows by default | may be a list |
    /// | `distribution` | of the keys, as [`Distribution`] writes them; `uniform` by default | may be a list |
    /// | `key`, `value` | [`KeyType`], `u64` by default; [`ValueType`], 8 bytes by default | may be lists |
    /// | `hasher`, `allocator` | [`HasherName`], `foldhash` by default; [`Allocator`], any by default | may be lists |
    /// | `threads` | a list of numbers, `"cores"` and `"8*cores"` | |
    /// | `drifts` | true: the mix is meant to lead to another population | |
    /// | `trace` | a recorded trace to replay | |
    /// | `read_pct`, `[writes]` | a list of shares of reads, and the shares of what is left by kind; or | |
    /// | `[mix]` | the shares of all kinds: `read`, `insert`, `insert_new`, `remove`, `update`, `upsert`, `compare_exchange`, `iterate`; or | |
    /// | `[[role]]` | `name`, `threads` (a number or `"rest"`), `mix`, and if wanted `distribution` and `rate_ops_s` | |
    ///
    /// All shares are in per cent, and add up to 100.
    ///
    /// # Errors
    /// When the text is not TOML, has an unknown or a missing field, or asks for the impossible.
    pub fn parse(text: &str) -> Result<Vec<Self>, DefinitionError> {
        let file: File = toml::from_str(text).map_err(|error| DefinitionError {
            place: error.span().map(|span| line_and_column(text, span.start)),
            problem: error.message().to_owned(),
        })?;
        all_of(&file).map_err(|(field, problem)| DefinitionError { place: field_place(text, field), problem })
    }

    /// The shares of reads to measure at.
    #[must_use]
    pub fn read_pct(&self) -> Vec<Percent> {
        self.reads.as_ref().map_or_else(|| vec![named_share(&self.load.roles)], |(shares, _)| shares.clone())
    }

    /// Whether the share of reads can be chosen; it is fixed when the file has a `[mix]` or roles.
    #[must_use]
    pub const fn is_swept(&self) -> bool {
        self.reads.is_some()
    }

    /// The same workload with another hasher.
    #[must_use]
    pub fn with_hasher(mut self, hasher: HasherName) -> Self {
        self.load.hasher = hasher;
        self
    }

    /// What the threads do at a share of reads; the share is without effect when it is fixed.
    #[must_use]
    pub fn load(&self, read_pct: Percent) -> Load {
        let mut load = self.load.clone();
        if let Some((_, writes)) = &self.reads {
            load.roles[0].mix =
                Mix::new(read_pct, &writes.by_kind()).expect("the shares were summed when they were read");
        }
        load
    }
}

/// The fields that may be lists, in the order in which names have them.
const SWEPT: [&str; 10] = [
    "population",
    "capacity",
    "key_range",
    "hit_pct",
    "operations",
    "distribution",
    "key",
    "value",
    "hasher",
    "allocator",
];

fn all_of(file: &File) -> Result<Vec<Workload>, Problem> {
    if file.name.is_empty() || !file.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        return Err(("name", format!("the name {:?} is not made of letters, digits and -_.", file.name)));
    }
    let points = [
        file.population.points(),
        file.capacity.points(),
        file.key_range.points(),
        file.hit_pct.points(),
        file.operations.points(),
        file.distribution.points(),
        file.key.points(),
        file.value.points(),
        file.hasher.points(),
        file.allocator.points(),
    ];
    let combinations: usize = points.iter().product();
    if combinations > 1_000 {
        return Err(("name", format!("the lists make {combinations} workloads, more than 1000")));
    }
    (0..combinations)
        .map(|mut combination| {
            // The last field changes fastest.
            let mut at = [0; SWEPT.len()];
            for (at, points) in at.iter_mut().zip(points).rev() {
                *at = combination % points;
                combination /= points;
            }
            one_of(file, at)
        })
        .collect()
}

fn one_of(file: &File, at: [usize; SWEPT.len()]) -> Result<Workload, Problem> {
    let [population, capacity, key_range, hit_pct, operations, distribution, key, value, hasher, allocator] = at;
    let labels = [
        file.population.label(population),
        file.capacity.label(capacity),
        file.key_range.label(key_range),
        file.hit_pct.label(hit_pct),
        file.operations.label(operations),
        file.distribution.label(distribution),
        file.key.label(key),
        file.value.label(value),
        file.hasher.label(hasher),
        file.allocator.label(allocator),
    ];
    let swept: Vec<String> =
        SWEPT.iter().zip(labels).filter_map(|(field, label)| Some(format!("{field}={}", label?))).collect();
    let name = if swept.is_empty() { file.name.clone() } else { format!("{}@{}", file.name, swept.join(",")) };
    let population = file.population.at(population).expect("the field is required");
    let distribution = file.distribution.at(distribution).unwrap_or_default();
    let (roles, reads) = roles(file, distribution)?;
    let load = Load {
        population,
        capacity: file.capacity.at(capacity).unwrap_or(population),
        space: space(file.key_range.at(key_range), file.hit_pct.at(hit_pct), &roles)?,
        roles,
        operations: file.operations.at(operations),
        trace: file.trace.clone(),
        key: file.key.at(key).unwrap_or(KeyType::U64),
        value: file.value.at(value).unwrap_or(ValueType::B8),
        hasher: file.hasher.at(hasher).unwrap_or(HasherName::Foldhash),
    };
    let workload = Workload {
        name,
        question: file.question.clone(),
        source: file.source.clone(),
        note: file.note.clone(),
        allocator: file.allocator.at(allocator),
        threads: file.threads.clone(),
        load,
        reads,
    };
    // The shares at the ends decide: every kind that occurs between them occurs at one of them.
    for share in workload.read_pct() {
        soundness::check(&workload.load(share), file.drifts)?;
    }
    Ok(workload)
}

fn space(key_range: Option<u32>, hit_pct: Option<Percent>, roles: &[Role]) -> Result<Space, Problem> {
    let bustle = roles.iter().any(|role| role.distribution == Distribution::Bustle);
    match (key_range, hit_pct) {
        (None, None) if bustle => Ok(Space::Tables),
        (Some(_), _) if bustle => {
            Err(("key_range", "bustle makes its key range itself: leave key_range out".to_owned()))
        }
        (_, Some(_)) if bustle => {
            Err(("hit_pct", "bustle's hit rate is what comes of it: leave hit_pct out".to_owned()))
        }
        (Some(range), None) if range == 0 || range > MAX_KEY_RANGE => {
            Err(("key_range", format!("the key range {range} is not in 1..={MAX_KEY_RANGE}")))
        }
        (Some(range), None) => Ok(Space::Range(range)),
        (None, Some(hit_pct)) => Ok(Space::Sets { hit_pct }),
        (Some(_), Some(_)) => {
            Err(("hit_pct", "hit_pct makes the key range itself: leave key_range or hit_pct out".to_owned()))
        }
        (None, None) => Err(("population", "one of key_range and hit_pct must say which keys there are".to_owned())),
    }
}

type Reads = Option<(Vec<Percent>, Shares)>;

fn roles(file: &File, distribution: Distribution) -> Result<(Vec<Role>, Reads), Problem> {
    let everybody = |mix| Role { name: "all".to_owned(), threads: None, mix, distribution, rate_ops_s: None };
    match (&file.read_pct, &file.writes, &file.mix, &file.role[..]) {
        (Some(shares), Some(writes), None, []) => {
            if shares.is_empty() {
                return Err(("read_pct", "no read share is given".to_owned()));
            }
            if writes.has_reads() {
                return Err(("[writes]", "reads have no share under [writes]: read_pct says theirs".to_owned()));
            }
            let mix = Mix::new(shares[0], &writes.by_kind())
                .map_err(|error| ("[writes]", format!("the shares under [writes] {error}")))?;
            Ok((vec![everybody(mix)], Some((shares.clone(), writes.clone()))))
        }
        (None, None, Some(mix), []) => {
            let mix =
                Mix::fixed(&mix.by_kind()).map_err(|error| ("[mix]", format!("the shares under [mix] {error}")))?;
            Ok((vec![everybody(mix)], None))
        }
        (None, None, None, [_, ..]) => {
            let roles = file.role.iter().map(|table| {
                let of_role = |problem| ("[[role]]", format!("role `{}`: {problem}", table.name));
                let mix = Mix::fixed(&table.mix.by_kind())
                    .map_err(|error| of_role(format!("the shares of its mix {error}")))?;
                if table.name.is_empty() || table.rate_ops_s == Some(0) {
                    return Err(of_role("it needs a name, and a rate above 0 if it has one".to_owned()));
                }
                Ok(Role {
                    name: table.name.clone(),
                    threads: match table.threads {
                        RoleThreads::Number(threads) => Some(threads),
                        RoleThreads::Rest => None,
                    },
                    mix,
                    distribution: table.distribution.unwrap_or(distribution),
                    rate_ops_s: table.rate_ops_s,
                })
            });
            Ok((roles.collect::<Result<_, _>>()?, None))
        }
        _ => {
            let problem =
                "a workload has either read_pct and [writes], or a [mix], as of `read = 100`, or [[role]] tables";
            Err(("read_pct", problem.to_owned()))
        }
    }
}

/// The shares of what adds keys and of what removes them, in per cent.
pub(crate) fn balance(mix: &Mix) -> (f64, f64) {
    let adds = mix.percent(OpKind::Insert) + mix.percent(OpKind::InsertNew) + mix.percent(OpKind::Upsert);
    (adds, mix.percent(OpKind::Remove))
}

fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..offset.min(text.len())];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// Where a field of the top level, or a table, begins; the last line when it is nowhere.
fn field_place(text: &str, field: &str) -> Option<(usize, usize)> {
    let begins = |line: &str| {
        let rest = line.trim_start().strip_prefix(field)?;
        (field.starts_with('[') || rest.trim_start().starts_with('=')).then_some(())
    };
    let line = text.lines().position(|line| begins(line).is_some())?;
    Some((line + 1, 1))
}

#[cfg(test)]
mod tests {
    use super::Workload;
    use crate::percent::Percent;

    const GOOD: &str = "name = \"w\"\nquestion = \"?\"\nsource = \"s\"\npopulation = 10\nkey_range = 20\n\
        read_pct = [0, 99.9]\n[writes]\ninsert = 50\nremove = 50\n";

    const FIXED: &str = "name = \"w\"\nquestion = \"?\"\nsource = \"s\"\npopulation = 10\nhit_pct = 80\n\
        [mix]\nread = 90\ninsert = 5\nremove = 5\n";

    const ROLES: &str = "name = \"w\"\nquestion = \"?\"\nsource = \"s\"\npopulation = 10\nkey_range = 10\n\
        [[role]]\nname = \"writer\"\nthreads = 1\nmix = { insert = 100 }\nrate_ops_s = 100\n\
        [[role]]\nname = \"readers\"\nthreads = \"rest\"\nmix = { read = 95.5, iterate = 4.5 }\n";

    fn one(text: &str) -> Workload {
        let mut all = Workload::parse(text).unwrap();
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    #[test]
    fn a_sweep_over_reads_has_their_shares() {
        let workload = one(GOOD);
        let shares: Vec<String> = workload.read_pct().iter().map(ToString::to_string).collect();
        assert_eq!((shares, workload.is_swept()), (vec!["0".to_owned(), "99.9".to_owned()], true));
        let load = workload.load(Percent::whole(90));
        assert_eq!((load.population, load.capacity, load.roles[0].mix.read_pct()), (10, 10, Percent::whole(90)));
    }

    #[test]
    fn a_fixed_mix_and_roles_name_their_share() {
        let fixed = one(FIXED);
        assert_eq!((fixed.read_pct(), fixed.is_swept()), (vec![Percent::whole(90)], false));
        let roles = one(ROLES);
        assert_eq!(roles.read_pct(), ["95.5".parse().unwrap()]);
        let load = roles.load(Percent::ZERO);
        assert_eq!((load.least_threads(), &*load.role(3, 0).name, &*load.role(3, 2).name), (2, "writer", "readers"));
        assert!(load.refuses(1).unwrap().contains("need 2 threads"));
        assert_eq!(load.refuses(2), None);
    }

    #[test]
    fn lists_make_a_workload_for_every_combination() {
        let text = GOOD.replacen("population = 10", "population = [1000, 1001]", 1).replacen(
            "key_range = 20",
            "key_range = [2000, 2001]\ndistribution = [\"uniform\", \"zipf:0.9\"]\nvalue = [8]",
            1,
        );
        let names: Vec<String> = Workload::parse(&text).unwrap().into_iter().map(|workload| workload.name).collect();
        assert_eq!(names.len(), 8);
        assert_eq!(names[0], "w@population=1000,key_range=2000,distribution=uniform");
        assert_eq!(names[1], "w@population=1000,key_range=2000,distribution=zipf:0.9");
        assert_eq!(names[7], "w@population=1001,key_range=2001,distribution=zipf:0.9");
    }

    /// A change of a file that is sound, and what is said of it.
    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let cases = [
            (
                GOOD,
                "population = 10",
                "population = 30",
                "line 4, column 1: a population of 30 does not fit a key range of 20",
            ),
            (
                GOOD,
                "99.9]",
                "101]",
                "line 6, column 16: 101 is no share in per cent: it lies in 0..=100 and has at most two",
            ),
            (GOOD, "[0, 99.9]", "[]", "line 6, column 1: no read share is given"),
            (
                GOOD,
                "remove = 50",
                "remove = 40",
                "line 7, column 1: the shares under [writes] add up to 90, not to 100",
            ),
            (
                GOOD,
                "remove = 50",
                "read = 50",
                "line 7, column 1: reads have no share under [writes]: read_pct says theirs",
            ),
            (GOOD, "key_range = 20", "key_range = 0", "line 5, column 1: the key range 0 is not in 1..=536870912"),
            (GOOD, "key_range = 20", "key_range = []", "line 5, column 13: the list is empty"),
            (GOOD, "\"w\"", "\"a/b\"", "line 1, column 1: the name \"a/b\" is not made of letters, digits and -_."),
            (
                GOOD,
                "key_range = 20",
                "",
                "line 4, column 1: one of key_range and hit_pct must say which keys there are",
            ),
            (
                GOOD,
                "key_range",
                "hit_pct = 5\nkey_range",
                "line 5, column 1: hit_pct makes the key range itself: leave key_",
            ),
            (GOOD, "insert = 50", "insert = 80\nupdate = -30", "line 9, column 10: -30 is no share in per cent"),
            (
                GOOD,
                "insert = 50\nremove = 50",
                "insert = 80\nremove = 20",
                "line 4, column 1: 80 % inserts and 20 % removes lead from 10 entries to 16: begin",
            ),
            (
                GOOD,
                "insert = 50\nremove = 50",
                "insert = 100",
                "line 4, column 1: inserts without removes would fill the map from 10 to 20",
            ),
            (
                GOOD,
                "insert = 50\nremove = 50",
                "remove = 100",
                "line 4, column 1: keys are removed by threads that insert none",
            ),
            (
                GOOD,
                "[0, 99.9]",
                "[0]\nthreads = [\"2*cpus\"]",
                "line 7, column 12: invalid value: string \"2*cpus\", expected a number from",
            ),
            (
                GOOD,
                "[0, 99.9]",
                "[0]\nkey = \"u32\"",
                "line 7, column 7: `u32` is no type of keys; there are u64, u128-pair",
            ),
            (
                GOOD,
                "[0, 99.9]",
                "[0]\ndistribution = \"zip\"",
                "line 7, column 16: `zip` is no distribution; there are uniform, zipf:THETA",
            ),
            (GOOD, "[0, 99.9]", "[0]\noperations = 0", "line 7, column 1: 0 operations are not in 1..=67108864"),
            (
                GOOD,
                "[0, 99.9]",
                "[0]\ndistribution = \"bustle\"",
                "line 5, column 1: bustle makes its key range itself",
            ),
            (FIXED, "read = 90", "read = 80", "line 6, column 1: the shares under [mix] add up to 90, not to 100"),
            (FIXED, "remove = 5", "update = 5", ""),
            (
                GOOD,
                "[0, 99.9]\n[writes]\ninsert = 50\nremove = 50",
                "[0]\ndrifts = true\n[writes]\ninsert = 80\nremove = 20",
                "",
            ),
            (
                FIXED,
                "insert = 5\nremove = 5",
                "insert = 1\nremove = 9",
                "line 4, column 1: with hit_pct, inserts and removes must be equal",
            ),
            (
                FIXED,
                "insert = 5\nremove = 5",
                "insert_new = 10",
                "line 8, column 1: 10 % insert_new would insert nothing, since nothing is removed",
            ),
            (FIXED, "population = 10", "population = 3", "line 4, column 1: hit_pct needs a population of at least 4"),
            (
                FIXED,
                "hit_pct = 80",
                "hit_pct = 80\ndistribution = \"queue\"",
                "line 5, column 1: hit_pct is for keys in no order",
            ),
            (
                FIXED,
                "[mix]",
                "read_pct = [5]\n[mix]",
                "line 6, column 1: a workload has either read_pct and [writes], or a [mix], as of `read = 100`, or",
            ),
            (
                ROLES,
                "\"rest\"",
                "\"all\"",
                "line 13, column 11: invalid value: string \"all\", expected a number from 1 to",
            ),
            (
                ROLES,
                "threads = 1\n",
                "threads = \"rest\"\n",
                "line 6, column 1: two roles take the rest of the threads",
            ),
            (ROLES, "\"writer\"", "\"readers\"", "line 6, column 1: two roles are named `readers`"),
            (
                ROLES,
                "rate_ops_s = 100",
                "rate_ops_s = 0",
                "line 6, column 1: role `writer`: it needs a name, and a rate above 0",
            ),
            (
                ROLES,
                "insert = 100",
                "insert = 90",
                "line 6, column 1: role `writer`: the shares of its mix add up to 90",
            ),
            (
                ROLES,
                "rate_ops_s = 100",
                "distribution = \"queue\"",
                "line 6, column 1: keys in the order of `queue` are each thread's own",
            ),
            (
                ROLES,
                "key_range = 10",
                "key_range = 10\noperations = 5",
                "line 6, column 1: a role with a rate has no number of operations",
            ),
            (ROLES, "read = 95.5", "remove = 95.5", "line 4, column 1: keys are removed by threads that insert none"),
        ];
        for (text, from, to, expected) in cases {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            match Workload::parse(&changed) {
                Ok(_) => assert_eq!(expected, "", "{from} -> {to} was accepted"),
                Err(error) => {
                    let error = error.to_string();
                    assert!(!expected.is_empty() && error.starts_with(expected), "{to}:\n{error}\nexpected {expected}");
                }
            }
        }
    }

    #[test]
    fn syntax_unknown_and_missing_fields_are_refused_with_their_place() {
        let unknown = Workload::parse(&GOOD.replace("source", "sauce")).unwrap_err();
        assert!(unknown.to_string().starts_with("line 3, column 1: unknown field `sauce`"), "{unknown}");
        let syntax = Workload::parse(&GOOD.replace("key_range =", "key_range")).unwrap_err();
        assert_eq!(syntax.place.map(|(line, _)| line), Some(5));
        let missing = Workload::parse(&GOOD.replace("population = 10\n", "")).unwrap_err();
        assert!(missing.problem.contains("missing field `population`"), "{missing}");
    }

    #[test]
    fn lists_that_make_too_many_workloads_are_refused() {
        let list = format!("{:?}", (1..=40).collect::<Vec<u32>>());
        let text = GOOD.replacen("= 10", &format!("= {list}"), 1).replacen("= 20", &format!("= {list}"), 1);
        assert!(Workload::parse(&text).unwrap_err().problem.starts_with("the lists make 1600 workloads"));
    }
}
