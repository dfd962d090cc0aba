//! How long the operations of a group's maps take, as tables and charts show it.

use mapbench_results::{Group, Percentile};

use crate::Input;
use crate::format;
use crate::latency::{Asked, Tail, duration, percentile};

/// What the other threads do while a reader's pauses are measured, as rows name it and as readers read it.
pub(crate) const BESIDE: [(&str, &str); 3] =
    [("write", "the others write"), ("iterate", "the others iterate"), ("grow", "the others grow the map")];

/// The columns of [`four`].
pub(crate) const FOUR: [&str; 4] = ["50 %", "99 %", "99.9 %", "longest"];

/// What stands where nothing was measured.
pub(crate) const NONE: &str = "–";

/// A map of a group.
pub(crate) struct MapTails<'a> {
    pub(crate) strategy: &'a str,
    /// An entry for each of what the plan asks for.
    tails: Vec<Option<Tail>>,
}

impl MapTails<'_> {
    /// Service times: the first that is asked for.
    pub(crate) fn service(&self) -> Option<&Tail> {
        self.tails.first()?.as_ref()
    }

    /// At each share of the closed loop.
    pub(crate) fn shares(&self) -> impl Iterator<Item = Option<&Tail>> {
        self.tails[1..self.tails.len() - 1].iter().map(Option::as_ref)
    }

    /// At the rate that is the same for all: the last that is asked for.
    pub(crate) fn common(&self) -> Option<&Tail> {
        self.tails.last()?.as_ref()
    }

    /// What was saturated in any fork comes after what kept up in all: its figures are those of its better forks.
    fn place(&self) -> (u8, u64) {
        let Some(Tail::Times(times, saturated)) = self.common() else { return (2, u64::MAX) };
        (u8::from(saturated.any()), times.percentile_ns(Percentile::P99).unwrap_or(u64::MAX))
    }
}

/// The maps of a group that were measured.
pub(crate) struct Tails<'a> {
    /// The shares of the closed loop that were asked for, in per cent.
    pub(crate) load_pct: &'a [u8],
    /// The rate that all maps were asked for, over all threads.
    pub(crate) rate_ops_s: u64,
    /// The shortest 99th percentile at that rate first, of those that kept up in every fork.
    pub(crate) maps: Vec<MapTails<'a>>,
    /// The pauses of each map, in the order of [`BESIDE`].
    pub(crate) pauses: Vec<(&'a str, [Option<Tail>; BESIDE.len()])>,
}

impl<'a> Tails<'a> {
    /// `None` if the run measured no latency.
    pub(crate) fn of(input: &Input<'a>, group: &Group) -> Option<Self> {
        let plan = &input.provenance.plan;
        let latency = plan.latency.as_ref()?;
        let asked = Asked::of(plan);
        let own: Vec<_> = input.beside.latency.iter().filter(|row| row.is_of(group)).collect();
        let map = |strategy: &'a String| {
            let tails: Vec<_> = asked.iter().map(|asked| Tail::of(&own, group, strategy, *asked)).collect();
            tails.iter().any(Option::is_some).then_some(MapTails { strategy, tails })
        };
        let mut maps: Vec<MapTails> = plan.strategies.iter().filter_map(map).collect();
        maps.sort_by_key(MapTails::place);
        let pauses = plan.strategies.iter().map(|strategy| {
            let tails = BESIDE.map(|(beside, _)| Tail::of(&own, group, strategy, Asked::Pause(beside)));
            (strategy.as_str(), tails)
        });
        let pauses = pauses.filter(|(_, tails)| tails.iter().any(Option::is_some)).collect();
        Some(Self { load_pct: &latency.load_pct, rate_ops_s: latency.rate_ops_s, maps, pauses })
    }

    /// The maps that did not keep up with the rate that is the same for all.
    pub(crate) fn saturated(&self) -> Vec<&'a str> {
        let saturated = self.maps.iter().filter(|map| matches!(map.common(), Some(Tail::Saturated)));
        saturated.map(|map| map.strategy).collect()
    }

    /// The maps whose figures at that rate leave forks out: `papaya (1 of 3 saturated)`.
    pub(crate) fn in_part(&self) -> Vec<String> {
        let left_out = |map: &MapTails| Some(format!("{} ({})", map.strategy, map.common()?.left_out()?));
        self.maps.iter().filter_map(left_out).collect()
    }
}

/// Median, 99th and 99.9th percentile and the longest, of the forks that kept up; or why there are none.
pub(crate) fn four(tail: Option<&Tail>) -> Result<[String; 4], String> {
    let [p50, _, p99, p99_9, ..] = Percentile::ALL;
    let Some(Tail::Times(times, saturated)) = tail else { return Err(unmeasured(tail)) };
    let [p50, p99, p99_9] = [p50, p99, p99_9].map(|shown| percentile(times, shown));
    Ok([p50, saturated.beside(p99), p99_9, times.max_ns().map_or_else(|| NONE.to_owned(), duration)])
}

/// The 99th percentile, or why there is none.
pub(crate) fn p99(tail: Option<&Tail>) -> String {
    match tail {
        Some(Tail::Times(times, saturated)) => saturated.beside(percentile(times, Percentile::P99)),
        other => unmeasured(other),
    }
}

/// The 99.9th percentile of a pause and the longest; or why there are none.
pub(crate) fn pause(tail: Option<&Tail>) -> Result<[String; 2], String> {
    four(tail).map(|[_, _, p99_9, longest]| [p99_9, longest])
}

/// `1.00 M`
pub(crate) fn millions(ops_s: u64) -> String {
    format!("{} M", format::rate(ops_s))
}

fn unmeasured(tail: Option<&Tail>) -> String {
    match tail {
        Some(Tail::Saturated) => "saturated".to_owned(),
        Some(Tail::Failed(status, message)) => format!("{}: {message}", format::status(*status)),
        Some(Tail::Times(..)) | None => NONE.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Tails, four, p99};
    use crate::testing::{group, in_part_and_whole, with_response};

    #[test]
    fn what_was_saturated_in_any_fork_comes_after_what_kept_up_and_is_marked() {
        let order = |saturated| {
            with_response(&in_part_and_whole(saturated), |input| {
                let tails = Tails::of(input, &group()).unwrap();
                let shown = |map: &super::MapTails| {
                    assert_eq!(four(map.common()).unwrap()[1], p99(map.common()));
                    format!("{} {}", map.strategy, p99(map.common()))
                };
                (tails.maps.iter().map(shown).collect::<Vec<_>>(), tails.in_part())
            })
        };
        assert_eq!(order(false), (vec!["part 2.01 µs".to_owned(), "whole 4.01 µs".to_owned()], Vec::new()));
        let marked = vec!["whole 4.01 µs".to_owned(), "part 2.01 µs (1 of 3 saturated)".to_owned()];
        assert_eq!(order(true), (marked, vec!["part (1 of 3 saturated)".to_owned()]));
    }
}
