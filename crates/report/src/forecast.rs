//! A forecast in the terminal: where each strategy goes as cores are added, and what makes it stop.

use mapbench_results::{ALL_KINDS, Contention, Expected, ForecastRun, HotSpot, Percent};

use crate::format;
use crate::text::Text;

/// A mix: workload and share of reads.
pub(crate) type Mix<'a> = (&'a str, Percent);

/// The mixes of a forecast, in its order.
pub(crate) fn mixes(run: &ForecastRun) -> Vec<Mix<'_>> {
    let mut mixes = Vec::new();
    for row in &run.expected {
        if !mixes.contains(&(row.workload.as_str(), row.read_pct)) {
            mixes.push((row.workload.as_str(), row.read_pct));
        }
    }
    mixes
}

/// The strategies of a mix with their rows by number of cores, the fastest on most cores first.
pub(crate) fn lines<'a>(run: &'a ForecastRun, mix: Mix) -> Vec<(&'a str, Vec<&'a Expected>)> {
    let mut lines: Vec<(&str, Vec<&Expected>)> = Vec::new();
    for row in run.expected.iter().filter(|row| (row.workload.as_str(), row.read_pct) == mix) {
        match lines.iter_mut().find(|(strategy, _)| *strategy == row.strategy) {
            Some((_, rows)) => rows.push(row),
            None => lines.push((&row.strategy, vec![row])),
        }
    }
    lines.iter_mut().for_each(|(_, rows)| rows.sort_by_key(|row| row.cores));
    let last = |rows: &[&Expected]| rows.last().map_or(0.0, |row| row.ops_s);
    lines.sort_by(|a, b| last(&b.1).total_cmp(&last(&a.1)));
    lines
}

/// The places that transfer most in a cell, of all kinds of operation, in falling order.
pub(crate) fn hottest<'a>(run: &'a ForecastRun, cell: &Expected) -> Vec<&'a HotSpot> {
    let in_cell = |spot: &&HotSpot| {
        (&spot.strategy, &spot.workload, spot.read_pct, spot.cores)
            == (&cell.strategy, &cell.workload, cell.read_pct, cell.cores)
    };
    let mut spots: Vec<&HotSpot> = run.hot_spots.iter().filter(in_cell).collect();
    spots.sort_by_key(|spot| std::cmp::Reverse(spot.transfers()));
    spots
}

/// What was counted of all operations of a cell.
pub(crate) fn counted<'a>(run: &'a ForecastRun, cell: &Expected) -> Option<&'a Contention> {
    run.contention.iter().find(|row| {
        (&row.strategy, &row.workload, row.read_pct, row.cores)
            == (&cell.strategy, &cell.workload, cell.read_pct, cell.cores)
            && row.kind == ALL_KINDS
    })
}

/// `lock_shared, dashmap-6.2.1/src/lock.rs:42: 0.97 a read, over 64 lines; false sharing`
pub(crate) fn spot(spot: &HotSpot) -> String {
    let place = if spot.file.is_empty() { String::new() } else { format!(", {}:{}", spot.file, spot.line) };
    let each = if spot.operations == 0 { 0.0 } else { spot.transfers() as f64 / spot.operations as f64 };
    let over = match spot.lines {
        1 => "on one line".to_owned(),
        lines => format!("over {lines} lines"),
    };
    let warning = if is_false(spot) { "; false sharing" } else { "" };
    let caller = if spot.caller.is_empty() { String::new() } else { format!(", from {}", spot.caller) };
    format!("{}{place}{caller}: {} a {}, {over}{warning}", spot.function, format::significant(each), spot.kind)
}

/// Whether most of the place's transfers share no word with the other core.
pub(crate) fn is_false(spot: &HotSpot) -> bool {
    2 * spot.false_sharing > spot.transfers()
}

/// Of a cell that has no forecast: the strategy cannot do it, or it was not counted.
pub(crate) const ABSENT: &str = "–";

/// The table of each mix, and for the most cores what is hottest.
#[must_use]
pub fn forecast_text(run: &ForecastRun) -> Text {
    let mut text = Text::default();
    for mix in mixes(run) {
        let lines = lines(run, mix);
        let mut cores: Vec<u32> = lines.iter().flat_map(|(_, rows)| rows.iter().map(|row| row.cores)).collect();
        cores.sort_unstable();
        cores.dedup();
        text.title(format!("{}, {} % reads: forecast, in million operations a second, by cores", mix.0, mix.1));
        let mut table = vec![header(&cores)];
        for (strategy, rows) in &lines {
            let at = |cores: &u32| rows.iter().find(|row| row.cores == *cores);
            let mut row = vec![(*strategy).to_owned()];
            row.extend(
                cores.iter().map(|cores| {
                    at(cores).map_or_else(|| ABSENT.to_owned(), |row| format::significant(row.ops_s / 1e6))
                }),
            );
            // Those on fewer cores would stand beside others' on more.
            let most = cores.last().and_then(at);
            row.push(most.map_or_else(|| ABSENT.to_owned(), |most| format::significant(most.transfers)));
            let hot = most.and_then(|most| hottest(run, most).first().map(|hot| spot(hot)));
            row.push(hot.unwrap_or_default());
            table.push(row);
        }
        text.table(table);
    }
    text.note(
        "forecast, not measured: single-thread times of this machine, transfers counted on virtual cores; transfers an \
         operation and the hottest place are those on the most cores",
    );
    text
}

fn header(cores: &[u32]) -> Vec<String> {
    let mut header = vec!["strategy".to_owned()];
    header.extend(cores.iter().map(u32::to_string));
    header.extend(["transfers".to_owned(), "hottest".to_owned()]);
    header
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// Two strategies on 1, 8 and 64 cores, of which one does not scale.
    pub(crate) fn run() -> ForecastRun {
        let mut run = ForecastRun::default();
        for (strategy, bound) in [("locked", Some(2e7)), ("free", None)] {
            for cores in [1, 8, 64] {
                let ops_s = f64::from(cores) * 1e7;
                let ops_s = bound.map_or(ops_s, |bound| ops_s.min(bound));
                run.expected.push(Expected {
                    strategy: strategy.to_owned(),
                    workload: "w".to_owned(),
                    read_pct: Percent::whole(90),
                    cores,
                    single_ns: 100.0,
                    transfers: if bound.is_some() { 2.0 } else { 0.0 },
                    ops_s_low: 0.9 * ops_s,
                    ops_s,
                    ops_s_high: 1.1 * ops_s,
                    bound_ops_s: bound,
                    ..Expected::default()
                });
                run.contention.push(Contention {
                    strategy: strategy.to_owned(),
                    workload: "w".to_owned(),
                    read_pct: Percent::whole(90),
                    cores,
                    kind: ALL_KINDS.to_owned(),
                    operations: 100,
                    invalidating_writes: if bound.is_some() { 200 } else { 0 },
                    ..Contention::default()
                });
            }
        }
        run.hot_spots.push(HotSpot {
            strategy: "locked".to_owned(),
            workload: "w".to_owned(),
            read_pct: Percent::whole(90),
            cores: 64,
            kind: "read".to_owned(),
            operations: 100,
            function: "RwLock::read".to_owned(),
            file: "std/src/sys/rwlock.rs".to_owned(),
            line: 7,
            lines: 1,
            busiest_line: 200,
            invalidating_writes: 200,
            ..HotSpot::default()
        });
        run
    }
}

#[cfg(test)]
mod tests {
    use super::{HotSpot, forecast_text, is_false, testing};

    #[test]
    fn what_was_not_counted_has_no_transfers() {
        let mut run = testing::run();
        run.expected.retain(|row| row.strategy == "free" || row.cores == 1);
        let text = forecast_text(&run).terminal();
        let locked = text.lines().find(|line| line.trim_start().starts_with("locked")).unwrap();
        assert_eq!(locked.split_whitespace().collect::<Vec<_>>(), ["locked", "10.0", "–", "–", "–"], "{text}");
    }

    #[test]
    fn the_table_says_what_scales_and_what_holds_the_rest_back() {
        let text = forecast_text(&testing::run()).terminal();
        let rows: Vec<&str> = text
            .lines()
            .map(str::trim_start)
            .filter(|line| line.starts_with("free") || line.starts_with("locked"))
            .collect();
        assert_eq!(rows.len(), 2, "{text}");
        assert!(rows[0].starts_with("free") && rows[0].contains("640"), "{text}");
        assert!(rows[1].contains("20.0") && rows[1].contains("RwLock::read, std/src"), "{text}");
    }

    #[test]
    fn false_sharing_is_flagged_where_it_is_most_of_it() {
        let spot = |false_sharing| HotSpot { invalidating_writes: 10, false_sharing, ..HotSpot::default() };
        assert!(is_false(&spot(6)) && !is_false(&spot(5)));
        assert!(super::spot(&spot(6)).ends_with("; false sharing"));
    }
}
