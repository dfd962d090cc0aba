//! A claim, read and checked.

use std::cell::RefCell;
use std::collections::BTreeMap;

use mapbench_report::{Certainty, Implied};
use mapbench_results::Group;
use mapbench_workload::{DefinitionError, Percent, Workload};
use toml::Spanned;

use super::file::{
    Detection, DetectionCase, File, Growth, LostUpdates, Names, Quantity, Refusal, Service, Sweep, SweepCase,
};
use crate::registry::Registry;
use crate::shipped::SHIPPED;

/// A claim.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) name: String,
    pub(crate) statement: String,
    pub(crate) source: String,
    /// Cores of the machine that it was made on.
    pub(crate) cores: Option<u32>,
    pub(crate) test: Test,
    /// Strategies that it names and the program lacks: of a shipped claim only, in a build without all features.
    pub(crate) lacks: Vec<String>,
}

/// How a claim is tested.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    Sweep {
        implied: Implied,
        quantity: Quantity,
        rate_ops_s: u64,
        cases: Vec<Case>,
        workloads: Workloads,
    },
    LostUpdates(LostUpdates),
    Detection(Detection),
    Refusal(Refusal),
    ReadAllocations {
        subject: String,
        workload: (String, Workload),
    },
    Growth {
        implied: Implied,
        growth: Growth,
    },
    Service {
        implied: Implied,
        #[cfg_attr(
            not(feature = "service"),
            expect(dead_code, reason = "read and checked, and not measured without it")
        )]
        service: Service,
    },
}

impl Test {
    /// What is measured, in a word or two.
    pub(crate) const fn quantity(&self) -> &'static str {
        match self {
            Test::Sweep { quantity, .. } => quantity.name(),
            Test::ReadAllocations { .. } => "allocations of reads",
            Test::Growth { .. } => "longest insert under growth",
            Test::LostUpdates(_) => "lost updates",
            Test::Detection(_) => "detection",
            Test::Refusal(_) => "refusal to compile",
            Test::Service { .. } => "requests a second",
        }
    }

    /// What is implied of that, for reading.
    pub(crate) fn implied(&self) -> String {
        match self {
            Test::Sweep { implied, .. } | Test::Growth { implied, .. } | Test::Service { implied, .. } => {
                implied.to_string()
            }
            Test::ReadAllocations { .. } => "none".to_owned(),
            Test::LostUpdates(_) => "some for get, then insert; none for the atomic forms".to_owned(),
            Test::Detection(detection) => match detection.certainty {
                Certainty::Always => "in every run".to_owned(),
                Certainty::Never => "in no run".to_owned(),
            },
            Test::Refusal(_) => "every program is refused".to_owned(),
        }
    }
}

/// Operations a second at which response times are measured, if a claim says nothing else.
const USUAL_OPS_S: u64 = 100_000;

impl Quantity {
    const fn is_memory(self) -> bool {
        matches!(self, Quantity::InsertBytes)
    }

    /// What tables show.
    const fn name(self) -> &'static str {
        match self {
            Quantity::Throughput => "throughput",
            Quantity::MeanServiceTime => "mean service time",
            Quantity::TailResponseTime => "99.9th percentile of response time",
            Quantity::ReaderPause => "longest pause of a reader",
            Quantity::InsertBytes => "bytes allocated an insert",
        }
    }
}

/// Workloads by name, each with its text.
pub(crate) type Workloads = BTreeMap<String, (String, Workload)>;

/// A case of a sweep, complete.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) judged: bool,
    /// The best of these counts.
    pub(crate) subject: Vec<String>,
    /// The best of these counts; empty: the subject itself on `against_threads`.
    pub(crate) reference: Vec<String>,
    pub(crate) workload: String,
    pub(crate) read_pct: Percent,
    /// `None`: one a core.
    pub(crate) threads: Option<u32>,
    pub(crate) against_threads: Option<u32>,
    /// Empty but for a subject that is compared with itself under another workload.
    pub(crate) against_workload: Option<String>,
}

impl Case {
    /// The group of its subject on a machine with so many cores.
    pub(super) fn group(&self, cores: u32) -> Group {
        let threads = self.threads.unwrap_or(cores);
        Group { workload: self.workload.clone(), read_pct: self.read_pct, threads }
    }

    /// The group of its reference: mostly the same.
    pub(super) fn reference_group(&self, cores: u32) -> Group {
        let own = self.group(cores);
        Group {
            workload: self.against_workload.clone().unwrap_or(own.workload),
            threads: self.against_threads.unwrap_or(own.threads),
            ..own
        }
    }
}

impl Claim {
    /// Reads a definition whose strategies are all in `registry`.
    ///
    /// # Errors
    /// When the text is not TOML, has an unknown or a missing field, names what there is not, or asks for the impossible.
    pub(crate) fn parse(text: &str, registry: &Registry) -> Result<Self, DefinitionError> {
        let (claim, unknown) = Self::read(text, registry)?;
        unknown.into_iter().next().map_or(Ok(claim), |(_, error)| Err(error))
    }

    /// Reads a definition that is shipped: strategies that are not in `registry` are what the claim lacks.
    ///
    /// # Errors
    /// As [`Claim::parse`].
    pub(super) fn parse_shipped(text: &str, registry: &Registry) -> Result<Self, DefinitionError> {
        let (claim, unknown) = Self::read(text, registry)?;
        let mut lacks: Vec<String> = unknown.into_iter().map(|(name, _)| name).collect();
        lacks.sort_unstable();
        lacks.dedup();
        Ok(Self { lacks, ..claim })
    }

    /// The claim, and the strategies that it names and `registry` lacks, each with what is wrong then.
    fn read(text: &str, registry: &Registry) -> Result<(Self, Vec<(String, DefinitionError)>), DefinitionError> {
        let file: File = toml::from_str(text).map_err(|error| DefinitionError {
            place: error.span().map(|span| line_and_column(text, span.start)),
            problem: error.message().to_owned(),
        })?;
        let reader = Reader { text, registry, unknown: RefCell::default() };
        if file.name.get_ref().is_empty() || !file.name.get_ref().chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        {
            return Err(reader.wrong(&file.name, "a name is made of letters, digits and -"));
        }
        for said in [&file.statement, &file.source] {
            if said.get_ref().trim().is_empty() {
                return Err(reader.wrong(said, "this says nothing"));
            }
        }
        let test = reader.test(&file)?;
        let said = |text: Spanned<String>| text.into_inner().split_whitespace().collect::<Vec<_>>().join(" ");
        let claim = Self {
            name: file.name.into_inner(),
            statement: said(file.statement),
            source: said(file.source),
            cores: file.cores,
            test,
            lacks: Vec::new(),
        };
        Ok((claim, reader.unknown.into_inner()))
    }
}

struct Reader<'a> {
    text: &'a str,
    registry: &'a Registry,
    unknown: RefCell<Vec<(String, DefinitionError)>>,
}

impl Reader<'_> {
    fn test(&self, file: &File) -> Result<Test, DefinitionError> {
        let File {
            throughput,
            latency,
            memory,
            lost_updates,
            detection,
            refusal,
            read_allocations,
            growth,
            service,
            ..
        } = file;
        let sweep = throughput.as_ref().or(latency.as_ref()).or(memory.as_ref());
        let kinds = [
            throughput.is_some(),
            latency.is_some(),
            memory.is_some(),
            lost_updates.is_some(),
            detection.is_some(),
            refusal.is_some(),
            read_allocations.is_some(),
            growth.is_some(),
            service.is_some(),
        ];
        if kinds.into_iter().filter(|kind| *kind).count() != 1 {
            let problem = "exactly one of [throughput], [latency], [memory], [lost_updates], [detection], [refusal], \
                           [read_allocations], [growth] and [service] must say what is measured";
            return Err(self.wrong(&file.name, problem));
        }
        let implied = match &file.implied {
            Some(implied) if sweep.is_some() || growth.is_some() || service.is_some() => {
                Some(implied.get_ref().range().map_err(|problem| self.wrong(implied, problem))?)
            }
            Some(implied) => return Err(self.wrong(implied, "what is measured here is no ratio: leave [implied] out")),
            None => None,
        };
        let missing = "[implied] is missing: a ratio with a tolerance, at_least or at_most";
        let implied = || implied.ok_or_else(|| self.wrong(&file.name, missing));
        if let Some(text) = file.workloads.first().filter(|_| sweep.is_none() && read_allocations.is_none()) {
            return Err(self.wrong(text, "only a sweep takes workloads"));
        }
        if let Some(sweep) = sweep {
            let quantity = match (sweep.get_ref().of, throughput.is_some()) {
                (None, true) => Quantity::Throughput,
                (Some(quantity), false) if quantity.is_memory() == memory.is_some() => quantity,
                (Some(_), _) => return Err(self.wrong(sweep, "`of` does not belong into this table")),
                (None, false) => return Err(self.wrong(sweep, "`of` is missing: what is to be compared")),
            };
            let workloads = self.workloads(&file.workloads)?;
            let first =
                file.workloads.first().and_then(|text| Workload::parse(text.get_ref()).ok()?.into_iter().next());
            let cases = self.cases(sweep, &workloads, first.as_ref().map(|workload| workload.name.as_str()))?;
            let rate_ops_s = sweep.get_ref().rate_ops_s.unwrap_or(USUAL_OPS_S);
            return Ok(Test::Sweep { implied: implied()?, quantity, rate_ops_s, cases, workloads });
        }
        if let Some(lost) = lost_updates {
            return self.lost_updates(lost);
        }
        if let Some(detection) = detection {
            return self.detection(detection);
        }
        if let Some(reads) = read_allocations {
            self.look_up(&reads.get_ref().subject, reads.get_ref().subject.get_ref());
            let [own] = file.workloads.as_slice() else {
                return Err(self.wrong(reads, "give one workload"));
            };
            let workload = Workload::parse(own.get_ref()).map_err(|error| self.within(own, &error))?.remove(0);
            let subject = reads.get_ref().subject.get_ref().clone();
            return Ok(Test::ReadAllocations { subject, workload: (own.get_ref().clone(), workload) });
        }
        if let Some(growth) = growth {
            let inner = growth.get_ref();
            [&inner.subject, &inner.reference].into_iter().for_each(|name| self.look_up(name, name.get_ref()));
            if !(1..=256).contains(&inner.threads) || inner.entries < 1_000 || inner.runs < 2 {
                return Err(self.wrong(growth, "growth needs 1 to 256 threads, at least 1 000 entries and 2 runs"));
            }
            return Ok(Test::Growth { implied: implied()?, growth: inner.clone() });
        }
        if let Some(refusal) = refusal {
            if refusal.get_ref().program.is_empty() {
                return Err(self.wrong(refusal, "there is no program to refuse"));
            }
            return Ok(Test::Refusal(refusal.get_ref().clone()));
        }
        let service = service.as_ref().expect("exactly one is there");
        self.service(service)?;
        Ok(Test::Service { implied: implied()?, service: service.get_ref().clone() })
    }

    fn lost_updates(&self, lost: &Spanned<LostUpdates>) -> Result<Test, DefinitionError> {
        lost.get_ref().strategies.iter().for_each(|name| self.look_up(name, name.get_ref()));
        let LostUpdates { keys, threads, .. } = lost.get_ref();
        if keys.is_empty() || keys.contains(&0) || !(2..=1024).contains(threads) {
            return Err(self.wrong(lost, "orders need at least one key, and a race 2 to 1024 threads"));
        }
        Ok(Test::LostUpdates(lost.get_ref().clone()))
    }

    fn detection(&self, detection: &Spanned<Detection>) -> Result<Test, DefinitionError> {
        let inner = detection.get_ref();
        inner.case.iter().for_each(|case| self.look_up(&case.strategy, case.strategy.get_ref()));
        let empty =
            |case: &DetectionCase| case.population == 0 || case.threads.is_empty() || case.operations == Some(0);
        if inner.runs == 0 || inner.case.is_empty() || inner.case.iter().any(empty) {
            let problem = "a detection needs a run, a case, and in each an entry, a thread and an operation";
            return Err(self.wrong(detection, problem));
        }
        Ok(Test::Detection(inner.clone()))
    }

    fn service(&self, service: &Spanned<Service>) -> Result<(), DefinitionError> {
        let inner = service.get_ref();
        [&inner.subject, &inner.reference].into_iter().for_each(|name| self.look_up(name, name.get_ref()));
        let counts = [inner.client_threads, inner.connections, inner.offered, inner.threads.unwrap_or(1)];
        if counts.contains(&0) || inner.case.is_empty() || inner.case.iter().any(|case| case.population == 0) {
            let problem = "a service needs a case, and at least one entry, thread, connection and request";
            return Err(self.wrong(service, problem));
        }
        Ok(())
    }

    /// The claim's own workloads, and those that are shipped.
    fn workloads(&self, own: &[Spanned<String>]) -> Result<Workloads, DefinitionError> {
        let shipped = SHIPPED.iter().map(|(_, text)| (*text).to_owned());
        let mut workloads: Workloads = shipped
            .flat_map(|text| {
                let all = Workload::parse(&text).expect("shipped workloads are sound");
                all.into_iter().map(move |workload| (workload.name.clone(), (text.clone(), workload)))
            })
            .collect();
        for text in own {
            for workload in Workload::parse(text.get_ref()).map_err(|error| self.within(text, &error))? {
                let name = workload.name.clone();
                if workloads.insert(name.clone(), (text.get_ref().clone(), workload)).is_some() {
                    return Err(self.wrong(text, &format!("a second workload is named `{name}`")));
                }
            }
        }
        Ok(workloads)
    }

    fn cases(
        &self,
        sweep: &Spanned<Sweep>,
        workloads: &Workloads,
        first: Option<&str>,
    ) -> Result<Vec<Case>, DefinitionError> {
        let cases: Vec<Case> = sweep
            .get_ref()
            .case
            .iter()
            .map(|case| self.case(sweep, case, workloads, first))
            .collect::<Result<_, _>>()?;
        match cases.iter().enumerate().find(|(i, case)| cases[..*i].iter().any(|other| other.name == case.name)) {
            Some((i, case)) => {
                Err(self.wrong(&sweep.get_ref().case[i], &format!("a second case is named {:?}", case.name)))
            }
            None if cases.iter().any(|case| case.judged) => Ok(cases),
            None => Err(self.wrong(sweep, "no case is judged")),
        }
    }

    fn case(
        &self,
        sweep: &Spanned<Sweep>,
        case: &Spanned<SweepCase>,
        workloads: &Workloads,
        first: Option<&str>,
    ) -> Result<Case, DefinitionError> {
        let (all, own) = (sweep.get_ref(), case.get_ref());
        let names =
            |own: &Option<Spanned<Names>>, all: &Option<Spanned<Names>>| -> Result<Vec<String>, DefinitionError> {
                let Some(names) = own.as_ref().or(all.as_ref()) else { return Ok(Vec::new()) };
                let list = names.get_ref().list();
                list.iter().for_each(|name| self.look_up(names, name));
                Ok(list)
            };
        let subject = names(&own.subject, &all.subject)?;
        let reference = names(&own.reference, &all.reference)?;
        if subject.is_empty() {
            return Err(self.wrong(case, "there is no subject"));
        }
        let against_itself = own.against_threads.is_some() || own.against_workload.is_some();
        match own.against_threads {
            _ if own.against_threads.is_some() && own.against_workload.is_some() => {
                return Err(self.wrong(case, "give against_threads or against_workload, not both"));
            }
            None if reference.is_empty() && !against_itself => {
                return Err(
                    self.wrong(case, "there is no reference: name strategies, against_threads or against_workload")
                );
            }
            _ if against_itself && (subject.len() != 1 || !reference.is_empty()) => {
                return Err(self.wrong(case, "this compares one strategy with itself: leave the reference out"));
            }
            _ => {}
        }
        let threads = own.threads.or(all.threads);
        if threads.iter().chain(&own.against_threads).any(|threads| !(1..=1024).contains(threads)) {
            return Err(self.wrong(case, "threads are 1 to 1024"));
        }
        let name = own.workload.as_ref().map(|name| name.get_ref().as_str()).or(first);
        let Some(name) = name else { return Err(self.wrong(case, "there is no workload")) };
        let Some((_, workload)) = workloads.get(name) else {
            return Err(self.wrong(case, &format!("there is no workload `{name}`")));
        };
        if let Some(other) = own.against_workload.as_ref().filter(|other| !workloads.contains_key(other.get_ref())) {
            return Err(self.wrong(other, &format!("there is no workload `{}`", other.get_ref())));
        }
        let read_pct = match (own.read_pct.or(all.read_pct), workload.read_pct().as_slice()) {
            (Some(share), [only]) if !workload.is_swept() && share != *only => {
                let problem = format!("`{name}` has a fixed mix of {only} % reads: leave read_pct out");
                return Err(self.wrong(case, &problem));
            }
            (Some(share), _) => share,
            (None, [only]) => *only,
            (None, _) => {
                return Err(self.wrong(case, "the workload has several shares of reads: choose one with read_pct"));
            }
        };
        Ok(Case {
            name: own.name.clone(),
            judged: own.judged,
            subject,
            reference,
            workload: name.to_owned(),
            read_pct,
            threads,
            against_threads: own.against_threads,
            against_workload: own.against_workload.as_ref().map(|name| name.get_ref().clone()),
        })
    }

    /// Notes a name that no strategy has.
    fn look_up<T>(&self, place: &Spanned<T>, name: &str) {
        if let Err(error) = self.registry.find(name) {
            self.unknown.borrow_mut().push((name.to_owned(), self.wrong(place, &error.to_string())));
        }
    }

    fn wrong<T>(&self, place: &Spanned<T>, problem: &str) -> DefinitionError {
        DefinitionError { place: Some(line_and_column(self.text, place.span().start)), problem: problem.to_owned() }
    }

    /// What is wrong with a text within the file, at its place in the file.
    fn within(&self, inner: &Spanned<String>, error: &DefinitionError) -> DefinitionError {
        let (line, column) = line_and_column(self.text, inner.span().start);
        // A multi-line string begins on the line after its quotes.
        let opened = self.text[inner.span()].starts_with("'''\n") || self.text[inner.span()].starts_with("\"\"\"\n");
        let place = match error.place {
            Some((within, column)) if opened => (line + within, column),
            _ => (line, column),
        };
        DefinitionError { place: Some(place), problem: format!("in this workload: {}", error.problem) }
    }
}

fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..offset.min(text.len())];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::{Claim, Test};
    use crate::registry::Registry;

    const GOOD: &str = r#"name = "c"
statement = "a says b"
source = "s"
workloads = ['''
name = "w"
question = "?"
source = "s"
population = 10
key_range = 10
read_pct = [50, 90]
[writes]
insert = 100
''']
[implied]
ratio = 2.0
tolerance = 1.5
[throughput]
subject = "dashmap"
read_pct = 90
[[throughput.case]]
name = "two"
reference = ["papaya", "flurry"]
threads = 2
[[throughput.case]]
name = "all"
judged = false
against_threads = 1
"#;

    fn parse(text: &str) -> Result<Claim, String> {
        Claim::parse(text, &Registry::with(&[])).map_err(|error| error.to_string())
    }

    #[test]
    fn a_case_takes_from_the_claim_what_it_does_not_say() {
        let claim = parse(GOOD).unwrap();
        let Test::Sweep { implied, cases, .. } = claim.test else { panic!() };
        assert!((implied.low - 2.0 / 1.5).abs() < 1e-12 && (implied.high - 3.0).abs() < 1e-12);
        assert_eq!(
            (cases[0].subject.as_slice(), cases[0].threads, cases[0].judged),
            (&["dashmap".to_owned()][..], Some(2), true)
        );
        assert_eq!((cases[0].reference.len(), cases[0].workload.as_str()), (2, "w"));
        assert_eq!((cases[1].threads, cases[1].against_threads, cases[1].judged), (None, Some(1), false));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (from, to, expected) in [
            ("\"dashmap\"", "\"dashmp\"", "line 18, column 11: unknown strategy `dashmp`; did you mean `dashmap`?"),
            ("key_range = 10", "key_range = 5", "line 8, column 1: in this workload: a population of 10 does not fit"),
            ("tolerance = 1.5", "tolerance = 0.5", "line 14, column 1: give a positive ratio with a tolerance"),
            ("statement = \"a says b\"", "statement = \"\"", "line 2, column 13: this says nothing"),
            ("threads = 2", "threads = 0", "line 20, column 1: threads are 1 to 1024"),
            ("threads = 2", "thread = 2", "line 23, column 1: unknown field `thread`"),
            ("name = \"all\"", "name = \"two\"", "line 24, column 1: a second case is named \"two\""),
            ("read_pct = 90\n", "", "line 19, column 1: the workload has several shares of reads"),
            ("threads = 2", "workload = \"v\"", "line 20, column 1: there is no workload `v`"),
            (
                "[throughput]",
                "[lost_updates]\nkeys = [1]\nthreads = 2\n[throughput]",
                "line 1, column 8: exactly one of",
            ),
            ("source = \"s\"\nworkloads", "workloads", "missing field `source`"),
            ("against_threads = 1", "", "line 24, column 1: there is no reference"),
        ] {
            let changed = GOOD.replacen(from, to, 1);
            assert_ne!(changed, GOOD, "{from}");
            let error = parse(&changed).unwrap_err();
            assert!(error.contains(expected), "{error}\ndoes not say\n{expected}");
        }
    }

    #[test]
    fn a_shipped_claim_says_what_this_program_lacks_and_another_is_refused() {
        let text = GOOD.replace("dashmap", "one").replace("flurry", "two").replace("papaya", "one");
        assert_eq!(Claim::parse_shipped(&text, &Registry::with(&[])).unwrap().lacks, ["one", "two"]);
        assert!(parse(&text).unwrap_err().starts_with("line 18, column 11: unknown strategy `one`"));
        assert!(parse(GOOD).unwrap().lacks.is_empty());
    }

    #[test]
    fn kinds_without_a_ratio_imply_none() {
        let lost = "name = \"c\"\nstatement = \"a\"\nsource = \"s\"\n[lost_updates]\nkeys = [1]\nthreads = 2\n";
        assert!(matches!(parse(lost).unwrap().test, Test::LostUpdates(_)));
        let implied = parse(&format!("{lost}[implied]\nat_least = 1.0\n")).unwrap_err();
        assert!(implied.contains("leave [implied] out"), "{implied}");
        let alone = parse(&lost.replace("threads = 2", "threads = 1")).unwrap_err();
        assert!(
            alone.starts_with("line 4, column 1: orders need at least one key, and a race 2 to 1024 threads"),
            "{alone}"
        );
        let none = parse(&lost.replace("[1]", "[]")).unwrap_err();
        assert!(none.contains("at least one key"), "{none}");
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(500))]

        #[test]
        fn a_damaged_claim_is_read_or_refused_in_one_line(bytes in mapbench_damage::damaged(GOOD)) {
            let text = String::from_utf8_lossy(&bytes);
            if let Err(error) = parse(&text) {
                proptest::prop_assert_eq!(error.lines().count(), 1, "{}", error);
            }
        }
    }
}
