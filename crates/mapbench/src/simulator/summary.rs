//! What of a report goes into the answer.

use std::collections::HashMap;

use mapbench_contention::{Counts, Report, Site};
use mapbench_results::{ALL_KINDS, Contention};

use crate::forecast::protocol::{Counted, Place};

/// Lines and places that are told one by one.
const TOLD: usize = 64;

/// `names` are those of the kinds; `aside` is the kind that counts as no operation among all.
pub(super) fn summarise(report: &Report, names: &[&str], aside: usize, steady: bool, load_address: u64) -> Counted {
    let mut all = Counts::default();
    report.counts.iter().for_each(|counts| all += *counts);
    all.operations -= report.counts[aside].operations;
    let kinds = names.iter().zip(&report.counts).filter(|(_, counts)| counts.operations > 0);
    let kinds = kinds.map(|(name, counts)| row(name, counts, steady)).chain([row(ALL_KINDS, &all, steady)]).collect();
    let mut by_line: HashMap<u64, u64> = HashMap::new();
    let mut by_place: HashMap<(u64, u8), Vec<&Site>> = HashMap::new();
    for site in &report.sites {
        *by_line.entry(site.line).or_default() += site.transfers();
        by_place.entry((site.return_address, site.kind)).or_default().push(site);
    }
    let mut lines: Vec<u64> = by_line.into_values().collect();
    lines.sort_unstable_by(|a, b| b.cmp(a));
    lines.truncate(TOLD);
    let mut places: Vec<Place> =
        by_place.into_iter().map(|(key, sites)| place(key, &sites, names, load_address)).collect();
    places.sort_unstable_by_key(|place| (std::cmp::Reverse(place.transfers()), place.address, place.kind.clone()));
    places.truncate(TOLD);
    Counted { kinds, lines, places, lost: report.lost, clocked: None }
}

fn place((address, kind): (u64, u8), sites: &[&Site], names: &[&str], load_address: u64) -> Place {
    let sum = |of: fn(&Site) -> u64| sites.iter().map(|site| of(site)).sum();
    Place {
        address: address.wrapping_sub(load_address),
        kind: names[usize::from(kind)].to_owned(),
        lines: sites.len() as u64,
        busiest_line: sites.iter().map(|site| site.transfers()).max().unwrap_or(0),
        reads_modified: sum(|site| site.reads_modified),
        invalidating_writes: sum(|site| site.invalidating_writes),
        false_sharing: sum(|site| site.false_sharing),
    }
}

fn row(kind: &str, counts: &Counts, steady: bool) -> Contention {
    Contention {
        kind: kind.to_owned(),
        steady,
        operations: counts.operations,
        accesses: counts.accesses,
        lines: counts.lines,
        reads_modified: counts.reads_modified,
        invalidating_writes: counts.invalidating_writes,
        owner_changes: counts.owner_changes,
        reads_shared: counts.reads_shared,
        cold: counts.cold,
        false_sharing: counts.false_sharing,
        modifies: counts.modifies,
        fences: counts.fences,
        allocator_calls: counts.allocator_calls,
        sleeps: counts.sleeps,
        ..Contention::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_lines_are_summed_and_the_largest_come_first() {
        let site = |line, return_address, kind, reads_modified| Site {
            line,
            return_address,
            kind,
            reads_modified,
            ..Site::default()
        };
        let mut report = Report {
            sites: vec![site(1, 110, 0, 3), site(2, 110, 0, 4), site(1, 120, 0, 5), site(1, 110, 1, 1)],
            ..Report::default()
        };
        report.counts[0] = Counts { operations: 10, reads_modified: 12, ..Counts::default() };
        report.counts[1] = Counts { operations: 2, reads_modified: 1, ..Counts::default() };
        let counted = summarise(&report, &["read", "quiesce"], 1, true, 100);
        assert_eq!(counted.lines, [9, 4]);
        let places: Vec<_> = (counted.places.iter())
            .map(|place| (place.address, place.kind.as_str(), place.lines, place.busiest_line, place.transfers()))
            .collect();
        assert_eq!(places, [(10, "read", 2, 4, 7), (20, "read", 1, 5, 5), (10, "quiesce", 1, 1, 1)]);
        let all = counted.kinds.last().unwrap();
        assert_eq!(
            (counted.kinds.len(), all.kind.as_str(), all.operations, all.reads_modified),
            (3, ALL_KINDS, 10, 13)
        );
    }
}
