//! How far the checks have come: a bar on a terminal, a line a strategy otherwise.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};
use mapbench_conformance::verify::Check;
use mapbench_report::Standing;
use mapbench_results::{Semantics, Verdict};

use super::{Found, Order};
use crate::output;

pub(super) struct Progress {
    bar: Option<ProgressBar>,
    /// Milliseconds that the checks are given.
    total: u64,
    passed: u64,
}

impl Progress {
    pub(super) fn new(order: &Order) -> Self {
        let each: u64 = order.checks.iter().map(|check| order.millis(*check)).sum();
        let total = each * order.strategies.len() as u64;
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:30} {percent:>3} % {eta:>5} left  {msg}")
                .expect("the template is well-formed");
            ProgressBar::new(total).with_style(style)
        });
        Self { bar, total, passed: 0 }
    }

    pub(super) fn begin(&self, strategy: &str, check: Check) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{strategy}: {check}"));
        }
    }

    pub(super) fn end(&mut self, millis: u64) {
        self.passed += millis;
        if let Some(bar) = &self.bar {
            bar.set_position(self.passed);
        }
    }

    /// All checks of a strategy are made.
    pub(super) fn strategy(&self, found: &[Found], strategy: &str) {
        let rows: Vec<Semantics> = found.iter().map(|found| found.row.clone()).collect();
        let Some(standing) = Standing::of(strategy, &rows) else { return };
        let line = format!("{strategy}: {}", standing.checks());
        match &self.bar {
            None => output::aside(format_args!("[{:>3} %] {line}", self.passed * 100 / self.total.max(1))),
            // The table comes at the end; what is wrong need not wait for it.
            Some(bar) if standing.verdict() == Verdict::Violated => bar.println(line),
            Some(_) => {}
        }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
