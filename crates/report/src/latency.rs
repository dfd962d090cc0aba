//! The latency of a cell: its forks' distributions, added up.

use mapbench_results::{ALL_OPERATIONS, Distribution, Group, Latency, LatencyKind, Percentile, Plan, Status};

/// Which distributions of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Service times of all operations.
    Service,
    /// Response times at a share of the cell's own closed loop, in per cent.
    Share(u8),
    /// Response times at the rate that all maps are asked for.
    Common,
    /// A reader's pauses while the other threads do this.
    Pause(&'static str),
}

impl Asked {
    fn is(self, row: &Latency) -> bool {
        let (kind, load, operation) = match self {
            Asked::Service => (LatencyKind::ServiceTime, None, ALL_OPERATIONS),
            Asked::Share(load) => (LatencyKind::ResponseTime, Some(load), ALL_OPERATIONS),
            Asked::Common => (LatencyKind::ResponseTime, None, ALL_OPERATIONS),
            Asked::Pause(beside) => (LatencyKind::Pause, None, beside),
        };
        row.kind == kind && row.load_pct == load && row.operation == operation
    }

    /// All that a plan asks for, in the order in which they are shown.
    pub(crate) fn of(plan: &Plan) -> Vec<Self> {
        let Some(latency) = &plan.latency else { return Vec::new() };
        let shares = latency.load_pct.iter().map(|load| Asked::Share(*load));
        [Asked::Service].into_iter().chain(shares).chain([Asked::Common]).collect()
    }
}

/// How many of a cell's measured forks did not keep up with a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Saturated {
    forks: usize,
    measured: usize,
}

impl Saturated {
    /// At the rate that all maps are asked for.
    pub(crate) fn at_common(rows: &[Latency], group: &Group, strategy: &str) -> Self {
        let is_own = |row: &&Latency| row.strategy == strategy && Asked::Common.is(row) && row.is_of(group);
        Self::among(rows.iter().filter(is_own))
    }

    fn among<'a>(rows: impl Iterator<Item = &'a Latency>) -> Self {
        let measured = rows.filter(|row| row.status == Status::Ok);
        let (forks, measured) =
            measured.fold((0, 0), |(forks, all), row| (forks + usize::from(row.saturated), all + 1));
        Self { forks, measured }
    }

    /// Whether any fork was: what the others say is then better than the map is.
    pub(crate) fn any(self) -> bool {
        self.forks > 0
    }

    /// Half of the forks or more: the cell has no figure.
    fn most(self) -> bool {
        self.any() && self.forks * 2 >= self.measured
    }

    /// `1 of 3 saturated`, if any was.
    pub(crate) fn said(self) -> Option<String> {
        self.any().then(|| format!("{} of {} saturated", self.forks, self.measured))
    }

    /// A figure of the forks that kept up, with what it leaves out: `2.13 ms (1 of 3 saturated)`.
    pub(crate) fn beside(self, figure: String) -> String {
        match self.said() {
            Some(said) => format!("{figure} ({said})"),
            None => figure,
        }
    }

    /// The same of a cell that may have no figure.
    pub(crate) fn beside_any(self, figure: Option<String>) -> Option<String> {
        figure.map(|figure| self.beside(figure)).or_else(|| self.said())
    }
}

/// What a cell answered.
#[derive(Clone, Debug)]
pub(crate) enum Tail {
    /// The forks that kept up, added up; and how many did not.
    Times(Distribution, Saturated),
    /// Half of the forks or more did not keep up with the rate.
    Saturated,
    /// Not measured, and why.
    Failed(Status, String),
}

impl Tail {
    /// What the rows say of a cell; `None` if there are none.
    pub(crate) fn of(rows: &[&Latency], group: &Group, strategy: &str, asked: Asked) -> Option<Self> {
        let is_own = |row: &&&Latency| row.strategy == strategy && asked.is(row) && row.is_of(group);
        let own: Vec<&&Latency> = rows.iter().filter(is_own).collect();
        let measured: Vec<&&Latency> = own.iter().copied().filter(|row| row.status == Status::Ok).collect();
        let Some(first) = measured.first() else {
            let failed = own.first()?;
            return Some(Tail::Failed(failed.status, failed.message.clone()));
        };
        debug_assert_eq!(first.strategy, strategy);
        let saturated = Saturated::among(measured.iter().map(|row| **row));
        if saturated.most() {
            return Some(Tail::Saturated);
        }
        let mut times = Distribution::default();
        for row in measured.iter().filter(|row| !row.saturated) {
            // The reader has refused what cannot be decoded.
            if let Ok(fork) = Distribution::decode(&row.histogram) {
                times.add(&fork);
            }
        }
        Some(Tail::Times(times, saturated))
    }

    pub(crate) fn times(&self) -> Option<&Distribution> {
        if let Tail::Times(times, _) = self { Some(times) } else { None }
    }

    /// What [`Self::times`] leaves out, in words; `None` if nothing, or if it is all.
    pub(crate) fn left_out(&self) -> Option<String> {
        if let Tail::Times(_, saturated) = self { saturated.said() } else { None }
    }
}

/// The 99th percentile of each fork of a cell that kept up with the rate that all maps are asked for, in nanoseconds.
pub(crate) fn p99_by_fork(rows: &[Latency], group: &Group, strategy: &str) -> Vec<(u32, f64)> {
    rows.iter()
        .filter(|row| row.strategy == strategy && Asked::Common.is(row) && row.is_of(group) && !row.saturated)
        .filter_map(|row| Some((row.fork, row.p99_ns? as f64)))
        .collect()
}

/// Points of the distribution for a chart whose axis gives each nine as much room: how many times rarer than all, and the
/// duration in nanoseconds. It ends where fewer than a hundred samples are left.
pub(crate) fn curve(times: &Distribution) -> Vec<(f64, f64)> {
    /// Points a factor of ten.
    const DENSITY: i32 = 8;
    let (samples, steps) = (times.samples() as f64, times.steps());
    let rarest = samples / 100.0;
    let rarities = (0..).map(|point| 10_f64.powf(f64::from(point) / f64::from(DENSITY)));
    let mut points = Vec::new();
    let mut place = 0;
    for rarity in rarities.take_while(|rarity| *rarity <= rarest) {
        let at_most = samples * (1.0 - 1.0 / rarity);
        while place + 1 < steps.len() && (steps[place].1 as f64) < at_most {
            place += 1;
        }
        points.push((rarity, steps[place].0.max(1) as f64));
    }
    points
}

/// `1.23 µs`: a duration with the unit that suits it.
pub(crate) fn duration(ns: u64) -> String {
    let shown = |scale: f64, unit: &str| format!("{} {unit}", crate::format::significant(ns as f64 / scale));
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => shown(1e3, "µs"),
        1_000_000..1_000_000_000 => shown(1e6, "ms"),
        _ => shown(1e9, "s"),
    }
}

/// A percentile as tables have it; a dash where it has too few samples above it.
pub(crate) fn percentile(times: &Distribution, percentile: Percentile) -> String {
    times.percentile_ns(percentile).map_or_else(|| "–".to_owned(), duration)
}

#[cfg(test)]
mod tests {
    use mapbench_results::{Distribution, Latency, LatencyKind, Status};

    use super::{Asked, Tail, curve, duration, p99_by_fork};
    use crate::testing::{group, response};

    #[test]
    fn forks_add_up_and_saturated_ones_are_left_out() {
        let rows = [response("a", 0, &[(1_000, 50_000)]), response("a", 1, &[(9_000, 50_000)])];
        let of =
            |rows: &[Latency], strategy, asked| Tail::of(&rows.iter().collect::<Vec<_>>(), &group(), strategy, asked);
        let tail = |rows: &[Latency]| of(rows, "a", Asked::Common).unwrap();
        assert_eq!(tail(&rows).times().unwrap().samples(), 100_000);
        let saturated = Latency { saturated: true, p99_ns: None, ..rows[1].clone() };
        let one_of_three = [rows[0].clone(), rows[1].clone(), Latency { fork: 2, ..saturated.clone() }];
        assert_eq!(tail(&one_of_three).times().unwrap().samples(), 100_000);
        let one_of_two = [rows[0].clone(), saturated];
        assert!(matches!(tail(&one_of_two), Tail::Saturated));
        assert_eq!(p99_by_fork(&one_of_two, &group(), "a").len(), 1);
        let failed = Latency::unmeasured(&group(), "a", 0, LatencyKind::ResponseTime, Status::TimedOut);
        assert!(matches!(tail(&[failed]), Tail::Failed(Status::TimedOut, _)));
        assert!(of(&rows, "b", Asked::Common).is_none());
        assert!(of(&rows, "a", Asked::Service).is_none());
    }

    #[test]
    fn a_curve_passes_through_the_percentiles_and_ends_with_a_hundred_samples() {
        let mut times = Distribution::default();
        // 90 % take 100 ns, 9 % take 1 µs, 1 % take 10 µs.
        [(100, 90_000), (1_000, 9_000), (10_000, 1_000)].iter().for_each(|(ns, n)| times.record_n(*ns, *n));
        let points = curve(&times);
        let at = |rarity: f64| points.iter().find(|(x, _)| *x >= rarity).unwrap().1;
        assert!(at(1.0) < 102.0 && at(8.0) < 102.0);
        assert!((1_000.0..1_020.0).contains(&at(11.0)) && (1_000.0..1_020.0).contains(&at(70.0)));
        assert!((10_000.0..10_200.0).contains(&at(200.0)));
        assert!((700.0..=1_000.0).contains(&points.last().unwrap().0), "{points:?}");
        assert!(curve(&Distribution::default()).is_empty());
    }

    #[test]
    fn durations_have_the_unit_that_suits_them() {
        let shown = [7, 999, 1_234, 12_345_678, 2_000_000_000].map(duration);
        assert_eq!(shown, ["7 ns", "999 ns", "1.23 µs", "12.3 ms", "2.00 s"]);
    }
}
