//! What comparisons cell by cell share: where a cell is, and how two rates relate.

use mapbench_results::{Cell, Group, Status};
use mapbench_stats::{Interval, geometric_mean_ratio};

use super::CAUTION;
use super::document::Text;
use crate::format;

const OVERSUBSCRIBED: &str = "* more threads than cores: what that costs, not how a map scales";

/// The columns that say where a cell is: the workload only where there are several.
pub(super) struct Places {
    workloads: bool,
    cores: u32,
}

impl Places {
    /// For groups on machines of which the smaller one has `cores`.
    pub(super) fn of<'a>(groups: impl IntoIterator<Item = &'a Group>, cores: u32) -> Self {
        let mut groups = groups.into_iter();
        let first = groups.next();
        Self { workloads: groups.any(|group| first.is_some_and(|first| first.workload != group.workload)), cores }
    }

    pub(super) fn header(&self) -> Vec<String> {
        let all = ["workload", "reads", "threads"];
        all[usize::from(!self.workloads)..].iter().map(|name| (*name).to_owned()).collect()
    }

    pub(super) fn columns(&self, group: &Group) -> Vec<String> {
        let mut columns = Vec::new();
        if self.workloads {
            columns.push(group.workload.clone());
        }
        columns.push(format!("{} %", group.read_pct));
        columns.push(format!("{}{}", group.threads, if group.threads > self.cores { "*" } else { "" }));
        columns
    }

    /// Explains the star, where one is shown.
    pub(super) fn explain<'a>(&self, text: &mut Text, groups: impl IntoIterator<Item = &'a Group>) {
        if groups.into_iter().any(|group| group.threads > self.cores) {
            text.note(OVERSUBSCRIBED);
        }
    }
}

/// A cell's rate in millions, if it was measured.
pub(super) fn rate(cell: Option<&Cell>) -> String {
    cell.filter(|cell| cell.status == Status::Ok)
        .and_then(|cell| cell.throughput_ops_s)
        .map_or_else(String::new, format::rate)
}

/// `1.31x [1.24, 1.39]`
pub(super) fn ratio(interval: &Interval) -> String {
    format!("{}x [{}, {}]", format::significant(interval.estimate), end(interval.low), end(interval.high))
}

/// What is not 1, and may so decide between a tie and none, does not read as 1.
fn end(x: f64) -> String {
    match format::significant(x) {
        rounded if rounded == "1.00" && x != 1.0 => format!("{x:.4}"),
        rounded => rounded,
    }
}

/// What a ratio of throughputs says about the one that is divided.
pub(super) fn verdict(ratio: &Interval) -> &'static str {
    match ratio {
        _ if ratio.covers(1.0) => "tied",
        _ if ratio.estimate > 1.0 => "faster",
        _ => "slower",
    }
}

/// All ratios in a few lines.
pub(super) fn sum_up(text: &mut Text, who: &str, ratios: &[Interval]) {
    if ratios.is_empty() {
        return text.items(vec!["no cell could be compared".to_owned()]);
    }
    let count = |wanted: &str| ratios.iter().filter(|ratio| verdict(ratio) == wanted).count();
    text.items(vec![format!(
        "{who} is faster in {}, slower in {}, tied in {} of {}",
        count("faster"),
        count("slower"),
        count("tied"),
        format::counted(ratios.len(), "cell")
    )]);
    if let Some(mean) = geometric_mean_ratio(ratios).filter(|_| ratios.len() > 1) {
        text.note(format!("geometric mean of the ratios {}: {CAUTION}", ratio(&mean)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mapbench_results::Percent;

    #[test]
    fn a_ratio_whose_interval_holds_1_is_a_tie() {
        let said = |low, estimate, high| verdict(&Interval { low, estimate, high });
        assert_eq!([said(0.9, 1.2, 1.4), said(1.1, 1.2, 1.4), said(0.7, 0.8, 0.9)], ["tied", "faster", "slower"]);
    }

    #[test]
    fn an_end_beside_1_does_not_read_as_1() {
        let shown = ratio(&Interval { low: 0.99, estimate: 0.994, high: 0.9997 });
        assert_eq!(shown, "0.994x [0.990, 0.9997]");
        assert_eq!(ratio(&Interval { low: 1.002, estimate: 1.2, high: 1.3 }), "1.20x [1.0020, 1.30]");
        assert_eq!(ratio(&Interval { low: 1.0, estimate: 1.0, high: 1.0 }), "1.00x [1.00, 1.00]");
    }

    #[test]
    fn workloads_are_named_where_there_are_several() {
        let group =
            |workload: &str, threads| Group { workload: workload.to_owned(), read_pct: Percent::whole(90), threads };
        let one = [group("w", 1), group("w", 4)];
        let two = [group("w", 1), group("v", 4)];
        assert_eq!(Places::of(&one, 2).columns(&one[1]), ["90 %", "4*"]);
        assert_eq!(Places::of(&two, 2).columns(&two[1]), ["v", "90 %", "4*"]);
        assert_eq!(Places::of(&two, 2).header(), ["workload", "reads", "threads"]);
    }
}
