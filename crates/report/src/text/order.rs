//! Whether two runs put their maps in one order. That is told within the rounds of each, whatever the machine did between them.

use mapbench_results::Group;
use mapbench_stats::Interval;

use super::cells::ratio;
use super::document::Text;
use crate::objective::Objective;
use crate::rates::{ByCell, Rates};
use crate::{Input, format};

/// So many pairs are named.
const NAMED: usize = 10;

/// Two maps of which one run shows the one to be faster, and the other the other.
struct Reversed<'a> {
    group: &'a Group,
    slower_in_a: &'a str,
    faster_in_a: &'a str,
    /// Slowdown of `slower_in_a` to `faster_in_a`.
    in_a: Interval,
    in_b: Interval,
}

impl Reversed<'_> {
    /// How far the run that shows the smaller difference is from showing none.
    fn width(&self) -> f64 {
        self.in_a.low.ln().min(-self.in_b.high.ln())
    }

    fn told(&self, cores: u32) -> String {
        let Self { slower_in_a, faster_in_a, .. } = self;
        let (group, a, b) = (format::group(self.group, cores), ratio(&self.in_a), ratio(&self.in_b));
        format!("{group}: {slower_in_a} takes {a} the time of {faster_in_a} in A, {b} in B")
    }
}

/// How many pairs of maps both runs tell apart, and which of those differently.
pub(super) fn orders(text: &mut Text, a: &Input, b: &Input) {
    let (a_rows, b_rows) = (ByCell::of(a.samples), ByCell::of(b.samples));
    let (mut decided, mut reversed) = (0, Vec::new());
    let both = |list: &[String], name: &String| list.contains(name);
    for group in a.provenance.plan.groups.iter().filter(|group| b.provenance.plan.groups.contains(group)) {
        let maps: Vec<(&str, Rates, Rates)> = a
            .provenance
            .plan
            .strategies
            .iter()
            .filter(|name| both(&b.provenance.plan.strategies, name))
            .map(|name| {
                let rates = |rows: &ByCell| Rates::of(rows.rows(group, name), Objective::Throughput);
                (name.as_str(), rates(&a_rows), rates(&b_rows))
            })
            .collect();
        for (place, (one, one_a, one_b)) in maps.iter().enumerate() {
            for (other, other_a, other_b) in &maps[..place] {
                let apart = |slowdown: Option<Interval>| slowdown.filter(|slowdown| !slowdown.covers(1.0));
                let (Some(in_a), Some(in_b)) = (apart(one_a.slowdown(other_a)), apart(one_b.slowdown(other_b))) else {
                    continue;
                };
                decided += 1;
                if (in_a.low > 1.0) == (in_b.low > 1.0) {
                    continue;
                }
                reversed.push(if in_a.low > 1.0 {
                    Reversed { group, slower_in_a: one, faster_in_a: other, in_a, in_b }
                } else {
                    let (in_a, in_b) = (in_a.reciprocal(), in_b.reciprocal());
                    Reversed { group, slower_in_a: other, faster_in_a: one, in_a, in_b }
                });
            }
        }
    }
    if decided == 0 {
        return;
    }
    let alike = decided - reversed.len();
    text.title("which of two maps is faster, within the rounds of each run:");
    let mut lines = vec![format!("both runs tell {} apart, {alike} of them alike", pairs(decided))];
    reversed.sort_by(|one, other| other.width().total_cmp(&one.width()));
    let cores = a.provenance.host.cores.min(b.provenance.host.cores);
    lines.extend(reversed.iter().take(NAMED).map(|pair| pair.told(cores)));
    if let Some(more) = reversed.len().checked_sub(NAMED).filter(|more| *more > 0) {
        lines.push(format!("and {} more, less far apart", pairs(more)));
    }
    text.items(lines);
}

fn pairs(count: usize) -> String {
    format::counted(count, "pair")
}
