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

/// What both runs measured of a map in a group.
struct InBoth<'a> {
    name: &'a str,
    in_a: Rates,
    in_b: Rates,
}

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
    let (a_plan, b_plan) = (&a.provenance.plan, &b.provenance.plan);
    let (a_rows, b_rows) = (ByCell::of(a.samples), ByCell::of(b.samples));
    let names: Vec<&String> = a_plan.strategies.iter().filter(|name| b_plan.strategies.contains(name)).collect();
    let (mut decided, mut reversed) = (0, Vec::new());
    for group in a_plan.groups.iter().filter(|group| b_plan.groups.contains(group)) {
        let rates = |rows: &ByCell, name: &&String| Rates::of(rows.rows(group, name), Objective::Throughput);
        let maps: Vec<InBoth> =
            names.iter().map(|name| InBoth { name, in_a: rates(&a_rows, name), in_b: rates(&b_rows, name) }).collect();
        for (place, one) in maps.iter().enumerate() {
            for other in &maps[..place] {
                let (Some(in_a), Some(in_b)) = (apart(&one.in_a, &other.in_a), apart(&one.in_b, &other.in_b)) else {
                    continue;
                };
                decided += 1;
                match (in_a.low > 1.0, in_b.low > 1.0) {
                    (true, false) => {
                        reversed.push(Reversed { group, slower_in_a: one.name, faster_in_a: other.name, in_a, in_b });
                    }
                    (false, true) => {
                        let (in_a, in_b) = (in_a.reciprocal(), in_b.reciprocal());
                        reversed.push(Reversed { group, slower_in_a: other.name, faster_in_a: one.name, in_a, in_b });
                    }
                    _ => {}
                }
            }
        }
    }
    if decided == 0 {
        return;
    }
    reversed.sort_by(|one, other| other.width().total_cmp(&one.width()));
    text.title("which of two maps is faster, within the rounds of each run:");
    let mut lines =
        vec![format!("both runs tell {} apart, {} of them alike", pairs(decided), decided - reversed.len())];
    let cores = a.provenance.host.cores.min(b.provenance.host.cores);
    lines.extend(reversed.iter().take(NAMED).map(|pair| pair.told(cores)));
    if reversed.len() > NAMED {
        lines.push(format!("and {} more, less far apart", pairs(reversed.len() - NAMED)));
    }
    text.items(lines);
}

/// How many times slower one map is than another, if the interval has it slower or faster.
fn apart(one: &Rates, other: &Rates) -> Option<Interval> {
    one.slowdown(other).filter(|slowdown| !slowdown.covers(1.0))
}

fn pairs(count: usize) -> String {
    format::counted(count, "pair")
}
