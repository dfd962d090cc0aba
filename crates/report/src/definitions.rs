//! The workloads of a run, as its plan defines them.

use mapbench_results::{Group, Plan};
use mapbench_workload::{HasherName, Workload};

/// A workload file of a run.
pub(crate) struct Definition<'a> {
    /// The name that the plan has it by.
    pub(crate) name: &'a str,
    /// The file.
    pub(crate) text: &'a str,
    /// The workloads in it that the run has groups of; or why this program cannot tell: runs may be older than it.
    pub(crate) workloads: Result<Vec<Workload>, String>,
}

impl<'a> Definition<'a> {
    /// Those of a plan, in the order of their names.
    pub(crate) fn all(plan: &'a Plan) -> Vec<Self> {
        let measured = |workload: &Workload| plan.groups.iter().any(|group| group.workload == workload.name);
        // One for all of them may have been chosen for the run, whatever the files say; several are their own.
        let hasher = HasherName::named(&plan.hasher);
        let hashed = |workload: Workload| match hasher {
            Some(hasher) => workload.with_hasher(hasher),
            None => workload,
        };
        let define = |(name, text): (&'a String, &'a String)| {
            let parsed = Workload::parse(text).map_err(|error| error.to_string());
            let workloads = parsed.map(|all| all.into_iter().filter(measured).map(hashed).collect());
            Self { name, text, workloads }
        };
        plan.workloads.iter().map(define).collect()
    }

    fn parsed(&self) -> &[Workload] {
        self.workloads.as_deref().unwrap_or_default()
    }
}

/// The workload of a group, if its definition can be read.
pub(crate) fn of_group<'a>(definitions: &'a [Definition], group: &Group) -> Option<&'a Workload> {
    definitions.iter().flat_map(Definition::parsed).find(|workload| workload.name == group.workload)
}

/// A workload's name without the distribution that a sweep put into it: what a reader chooses beside the distribution.
pub(crate) fn undistributed(name: &str) -> String {
    let Some((file, point)) = name.split_once('@') else { return name.to_owned() };
    let others: Vec<&str> = point.split(',').filter(|part| !part.starts_with("distribution=")).collect();
    if others.is_empty() { file.to_owned() } else { format!("{file}@{}", others.join(",")) }
}

#[cfg(test)]
mod tests {
    use super::{Definition, of_group, undistributed};
    use crate::testing::{SWEPT, group, plan};

    #[test]
    fn only_what_was_measured_of_a_file_counts_and_what_cannot_be_read_says_why() {
        let mut plan = plan(&["a"]);
        plan.groups[0].workload = "w@distribution=zipf:0.9".to_owned();
        plan.workloads.insert("w".to_owned(), SWEPT.to_owned());
        plan.workloads.insert("x".to_owned(), "keys = 1".to_owned());
        let definitions = Definition::all(&plan);
        assert_eq!(definitions[0].parsed().len(), 1, "the file has two");
        assert_eq!(of_group(&definitions, &plan.groups[0]).unwrap().distribution(), "zipf:0.9");
        assert!(of_group(&definitions, &group()).is_none());
        let [.., (_, types)] = definitions[0].parsed()[0].facts();
        assert!(types.contains("hasher foldhash"), "{types}");
        let chosen = mapbench_results::Plan { hasher: "siphash".to_owned(), ..plan.clone() };
        let [.., (_, types)] = Definition::all(&chosen)[0].parsed()[0].facts();
        assert!(types.contains("hasher siphash"), "{types}");
        assert!(definitions[1].workloads.as_ref().unwrap_err().contains("line 1"));
    }

    #[test]
    fn a_hasher_chosen_for_the_run_is_told_in_place_of_a_files_own() {
        let mut plan = plan(&["a"]);
        plan.groups[0].workload = "w@distribution=zipf:0.9".to_owned();
        plan.workloads.insert("w".to_owned(), SWEPT.to_owned());
        for (hasher, told) in [("siphash", "siphash"), ("ahash, foldhash", "foldhash")] {
            plan.hasher = hasher.to_owned();
            let definitions = Definition::all(&plan);
            let words = of_group(&definitions, &plan.groups[0]).unwrap().in_words();
            assert!(words.ends_with(told), "{words}");
        }
    }

    #[test]
    fn the_distribution_leaves_a_name_as_it_came() {
        let names = ["w", "w@distribution=zipf:0.9", "w@population=1,distribution=uniform,value=8", "w@value=8"];
        assert_eq!(names.map(undistributed), ["w", "w", "w@population=1,value=8", "w@value=8"]);
    }
}
