//! How far a run has come: a bar on a terminal, a line a group otherwise.

use std::collections::HashMap;
use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};
use mapbench_results::{Group, Plan, Sample, Status};
use mapbench_workload::Workload;

use crate::output;
use crate::registry::Registry;
use crate::sweep::Observer;

pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    forks: u32,
    settled: u64,
    total: u64,
}

impl Progress {
    pub(crate) fn new(
        plan: &Plan,
        registry: &Registry,
        workloads: &HashMap<String, Workload>,
        done: &[Sample],
    ) -> Self {
        let applicable = |group: &Group| {
            let load = workloads[&group.workload].load(group.read_pct);
            let entries = plan.strategies.iter().filter_map(|name| registry.find(name).ok());
            entries.filter(|entry| entry.refuses(&load, group.threads).is_none()).count() as u64
        };
        let slices = u64::from(plan.forks) * u64::from(plan.rounds);
        let total = plan.groups.iter().map(applicable).sum::<u64>() * slices;
        let settled = done.iter().filter(|sample| sample.status == Status::Ok).count() as u64;
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:30} {percent:>3} % {eta:>5} left  {msg}")
                .expect("the template is well-formed");
            let bar = ProgressBar::new(total).with_style(style).with_position(settled);
            bar.reset_eta();
            bar
        });
        Self { bar, forks: plan.forks, settled, total }
    }

    pub(crate) fn finish(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn say(&self, line: String) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => output::aside(line),
        }
    }
}

impl Observer for Progress {
    fn group(&mut self, fork: u32, group: &Group) {
        let what = named(group);
        let pass = format!("pass {} of {}", fork + 1, self.forks);
        match &self.bar {
            Some(bar) => bar.set_message(format!("{what}, {pass}")),
            None => output::aside(format_args!("[{:>3} %] {pass}: {what}", self.settled * 100 / self.total.max(1))),
        }
    }

    fn beside(&mut self, what: &str, fork: u32, forks: u32, group: &Group) {
        let message = format!("{what}, pass {} of {forks}: {}", fork + 1, named(group));
        match &self.bar {
            Some(bar) => bar.set_message(message),
            None => output::aside(message),
        }
    }

    fn lost(&mut self, what: &str, strategy: &str, group: &Group, status: Status, message: &str) {
        // As in the sweep: what a strategy declares is its result.
        if status != Status::Detected {
            self.say(format!("{what} of {strategy}, {}: {status}: {message}", named(group)));
        }
    }

    fn row(&mut self, sample: &Sample, slices: u64) {
        self.settled += slices;
        if let Some(bar) = &self.bar {
            bar.set_position(self.settled);
        }
        // What a strategy declares is its result; only what nobody expected is worth a line.
        if !matches!(sample.status, Status::Ok | Status::NotApplicable | Status::Detected) {
            self.say(format!("{}, {}: {}: {}", sample.strategy, named(&sample.group()), sample.status, sample.message));
        }
    }
}

fn named(group: &Group) -> String {
    format!("{}, {} % reads, threads {}", group.workload, group.read_pct, group.threads)
}
