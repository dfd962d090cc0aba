use std::collections::HashSet;
use std::fmt::Display;
use std::path::Path;

use mapbench_results::{Group, Percent, Plan, Run};

use super::Failure;
use crate::plan;

/// Which cells a command is about.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct Filter {
    /// Strategies, separated by commas
    #[arg(long = "strategy", value_delimiter = ',', value_name = "NAME")]
    pub(crate) strategies: Vec<String>,
    /// Workloads: shipped ones by name or `all` of them, own ones as a TOML file; of a finished run, by name too
    #[arg(long = "workload", value_delimiter = ',', value_name = "NAME|FILE.toml")]
    workload_parts: Vec<String>,
    /// Shares of reads in per cent, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "PER CENT")]
    pub(crate) read_pct: Vec<Percent>,
    /// Thread counts, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "N")]
    pub(crate) threads: Vec<u32>,
}

impl Filter {
    /// The workloads chosen. A name that says what of a sweep it is, as `name@field=value,field=value`, has commas itself.
    pub(crate) fn workloads(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for part in &self.workload_parts {
            match names.last_mut() {
                Some(name) if name.contains('@') && part.contains('=') && !part.contains('@') => {
                    name.push(',');
                    name.push_str(part);
                }
                _ => names.push(part.clone()),
            }
        }
        names
    }

    /// What this leaves of the run in a directory, compared anew: the best of a group is the best of what is left.
    pub(super) fn read(&self, dir: &Path) -> Result<Run, Failure> {
        let mut run = Run::read(dir)?;
        let plan = &mut run.provenance.plan;
        self.narrow(plan).map_err(|problem| Failure::usage(format!("{}: {problem}", dir.display())))?;
        run.provenance.strategies.retain(|strategy| plan.strategies.contains(&strategy.name));
        run.samples
            .retain(|sample| plan.strategies.contains(&sample.strategy) && plan.groups.contains(&sample.group()));
        run.machine.retain(|round| plan.groups.contains(&round.group()));
        run.latency.retain(|row| plan.strategies.contains(&row.strategy) && plan.groups.contains(&row.group()));
        run.memory.retain(|row| plan.strategies.contains(&row.strategy) && plan.groups.contains(&row.group()));
        run.reclamation.retain(|row| plan.strategies.contains(&row.strategy) && plan.groups.contains(&row.group()));
        run.growth.retain(|row| plan.strategies.contains(&row.strategy) && plan.groups.contains(&row.group()));
        run.profiles.retain(|row| plan.strategies.contains(&row.strategy) && plan.groups.contains(&row.group()));
        run.cells = mapbench_report::summarise(plan, run.provenance.host.cores, &run.samples);
        mapbench_report::complete(&mut run.cells, &run.latency, &run.memory);
        Ok(run)
    }

    /// The workloads of a plan that were chosen: by their names, all of a file by the file or its name, or all shipped ones.
    fn planned(&self, plan: &Plan) -> Result<Vec<String>, String> {
        let has: Vec<String> = plan.groups.iter().map(|group| group.workload.clone()).collect();
        let mut chosen = Vec::new();
        for wanted in self.workloads() {
            let names = plan::names_of(&wanted).map_err(|error| error.to_string())?;
            let is_meant = |own: &&String| {
                names.contains(own)
                    || own.split_once('@').is_some_and(|(file, _)| names.iter().any(|name| name == file))
            };
            let found = chosen.len();
            chosen.extend(has.iter().filter(is_meant).cloned());
            if chosen.len() == found {
                return Err(lacking("--workload", &wanted, &has));
            }
        }
        Ok(chosen)
    }

    fn narrow(&self, plan: &mut Plan) -> Result<(), String> {
        let groups = |of: fn(&Group) -> String| plan.groups.iter().map(of).collect::<Vec<_>>();
        all_known("--strategy", &self.strategies, &plan.strategies)?;
        let workloads = self.planned(plan)?;
        all_known("--read-pct", &self.read_pct, &groups(|group| group.read_pct.to_string()))?;
        all_known("--threads", &self.threads, &groups(|group| group.threads.to_string()))?;
        plan.strategies.retain(|name| takes(&self.strategies, name));
        plan.groups.retain(|group| {
            takes(&workloads, &group.workload)
                && takes(&self.read_pct, &group.read_pct)
                && takes(&self.threads, &group.threads)
        });
        if plan.groups.is_empty() {
            return Err("no cell of the run is left by these filters".to_owned());
        }
        Ok(())
    }
}

/// Nothing asked for means everything.
fn takes<T: PartialEq>(wanted: &[T], one: &T) -> bool {
    wanted.is_empty() || wanted.contains(one)
}

/// A value that is nowhere in the run would be left out without a word.
fn all_known(flag: &str, wanted: &[impl Display], has: &[String]) -> Result<(), String> {
    match wanted.iter().map(ToString::to_string).find(|value| !has.contains(value)) {
        None => Ok(()),
        Some(value) => Err(lacking(flag, &value, has)),
    }
}

fn lacking(flag: &str, value: &str, has: &[String]) -> String {
    let mut seen = HashSet::new();
    let distinct: Vec<&str> = has.iter().map(String::as_str).filter(|value| seen.insert(*value)).collect();
    format!("the run has no {flag} {value}; it has {}", distinct.join(", "))
}

#[cfg(test)]
mod tests {
    use super::Filter;

    #[test]
    fn names_with_commas_are_put_together_again() {
        let parts = ["ycsb-a", "w@population=1", "value=8", "v@key=u64", "scan"].map(str::to_owned).to_vec();
        let filter = Filter { workload_parts: parts, ..Filter::default() };
        assert_eq!(filter.workloads(), ["ycsb-a", "w@population=1,value=8", "v@key=u64", "scan"]);
    }
}
