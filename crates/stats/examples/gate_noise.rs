//! What the gate's statistics make of recorded noise: estimators, designs of a visit, slice lengths, statistics and levels,
//! at equal wall time.
//!
//! `cargo run --release -p mapbench-stats --example gate_noise -- RECORDING.csv [LOST]`
//!
//! The recording holds consecutive slices of one unchanging cell, `start_ns,elapsed_ns` a line, each the same number of
//! operations. Runs of neighbouring rows are longer slices; a visit to a cell takes as many slices as the design has,
//! and loses LOST rows (default 3) to opening and filling; a round visits all cells in a random order; rounds follow one
//! another for the length of the recording. A slow-down is planted by multiplying the candidate's times. Who is who,
//! order and beginning are drawn anew for each suite, but the recording is one: suites are not fresh data, all sides are
//! one instance, and rates that come of it rank designs rather than promise anything.

use mapbench_stats::gate::{
    CLIP, LOOKS, Test, Visit, VisitedCell, adjusted_p, contrast, detectable, hodges_lehmann, scale,
    signed_rank_interval, spending, two_stage, visit_adjusted_p, visit_interval,
};
use mapbench_stats::{Interval, median, quantile};
use std::process::ExitCode;

const CELLS: usize = 60;
const SUITES: u64 = 60;
/// Cells of a suite that are planted with a slow-down: so few that the others stay a family.
const PLANTED: usize = 6;
const EFFECTS: [f64; 9] = [0.0, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05];
const ALPHA: f64 = 0.01;
const FLIPS: u32 = 999;
/// Rounds of a confirmation.
const FRESH: usize = 40;
/// Slice lengths, in rows of the recording.
const LENGTHS: [usize; 3] = [1, 2, 5];

/// A number generator for coins (Marsaglia, Xorshift RNGs, Journal of Statistical Software 8, 2003).
struct Coins(u64);

impl Coins {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_F491_4F6C_DD1D) ^ 0x9E37_79B9_7F4A_7C15)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((u128::from(self.0) * bound as u128) >> 64) as usize
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// How a visit is made and judged.
#[derive(Clone, Copy)]
struct Design {
    name: &'static str,
    /// Which instance each slice is of.
    slices: &'static [usize],
    /// Slices that only a control takes, after those of the contrast.
    apart: usize,
    statistic: Statistic,
}

#[derive(Clone, Copy)]
enum Statistic {
    /// Contrasts of two instances, clipped at so many scales, weighted by the noise within the visit or not.
    Flips { clip: f64, weighted: bool },
    /// [`Visit`]s of three instances.
    Visits,
}

const PLAIN: Statistic = Statistic::Flips { clip: 4.0, weighted: false };
const WEIGHTED: Statistic = Statistic::Flips { clip: CLIP, weighted: true };
const ABBA: Design = Design { name: "ABBA, clip 4, no weights", slices: &[0, 1, 1, 0], apart: 0, statistic: PLAIN };
const ABCCBA: Design =
    Design { name: "ABCCBA, control within", slices: &[0, 1, 2, 2, 1, 0], apart: 0, statistic: Statistic::Visits };
const DESIGNS: [Design; 5] = [
    ABBA,
    Design { name: "ABBA", statistic: WEIGHTED, ..ABBA },
    Design { name: "ABBABAAB", slices: &[0, 1, 1, 0, 1, 0, 0, 1], statistic: WEIGHTED, ..ABBA },
    Design { name: "ABBA, control apart", apart: 4, statistic: WEIGHTED, ..ABBA },
    ABCCBA,
];

impl Design {
    fn instances(&self) -> usize {
        1 + self.slices.iter().max().expect("a design has slices")
    }

    fn rows(&self, length: usize, lost: usize) -> usize {
        (self.slices.len() + self.apart) * length + lost
    }
}

/// The rounds of one cell.
#[derive(Clone, Default)]
struct Cell {
    contrasts: Vec<f64>,
    /// Differences within a side, a list a round.
    within: Vec<Vec<f64>>,
    /// Where there are three instances.
    visits: Vec<Option<Visit>>,
}

impl Cell {
    /// One visit, with coins for who is who.
    fn visit(&mut self, rows: &[f64], design: &Design, length: usize, coins: &mut Coins) {
        let mut names: Vec<usize> = (0..design.instances()).collect();
        coins.shuffle(&mut names);
        let mut times = vec![Vec::new(); names.len()];
        for (instance, rows) in design.slices.iter().zip(rows.chunks(length)) {
            times[names[*instance]].push(rows.iter().sum::<f64>());
        }
        if let [base, control, candidate] = &times[..] {
            let pair = |times: &[f64]| [times[0], times[1]];
            self.visits.push(Visit::new(pair(base), pair(control), pair(candidate)));
        }
        let candidate = times.last().expect("a design has instances");
        self.contrasts.push(contrast(&times[..times.len() - 1].concat(), candidate).expect("times are positive"));
        let pairs = times.iter().flat_map(|side| side.chunks(2));
        self.within.push(pairs.map(|pair| pair[0].ln() - pair[1].ln()).collect());
    }

    /// Of a contrast of two instances; `scale` is for two slices a side.
    fn scale(&self, rounds: usize) -> f64 {
        let pairs = self.within[0].len() as f64;
        scale(&self.within[..rounds].concat()).expect("the recording is noisy") * (2.0 / pairs).sqrt()
    }

    /// The contrasts with a planted slow-down, clipped and weighted.
    fn counted(&self, rounds: usize, planted: f64, clip: f64, weighted: bool) -> Vec<Option<f64>> {
        let scale = self.scale(rounds);
        let typical = scale * scale * self.within[0].len() as f64;
        let weight = |within: &[f64]| {
            let noise = within.iter().map(|difference| difference * difference).sum::<f64>() / within.len() as f64;
            if weighted { 1.0 / (1.0 + noise / typical) } else { 1.0 }
        };
        let contrasts = self.contrasts[..rounds].iter().zip(&self.within);
        let reach = clip * scale;
        contrasts.map(|(contrast, within)| Some(weight(within) * (contrast + planted).clamp(-reach, reach))).collect()
    }

    /// The p of each cell after so many rounds.
    fn p(suite: &[Cell], planted: &[f64], rounds: usize, statistic: Statistic) -> Vec<Option<f64>> {
        let planted: Vec<f64> = planted.iter().map(|effect| effect.ln_1p()).collect();
        match statistic {
            Statistic::Visits => {
                // A slow-down of the candidate and a floor that is as much lower are the same.
                let cells = suite.iter().zip(&planted);
                let cells: Vec<VisitedCell> = cells
                    .map(|(cell, planted)| VisitedCell { visits: &cell.visits[..rounds], floor: -planted })
                    .collect();
                visit_adjusted_p(&cells, FLIPS, 1)
            }
            Statistic::Flips { clip, weighted } => {
                let cells = suite.iter().zip(&planted);
                let contrasts: Vec<_> =
                    cells.map(|(cell, planted)| cell.counted(rounds, *planted, clip, weighted)).collect();
                // Clipped already: scales so wide that it does not happen again, and cancel.
                let scales: Vec<Option<f64>> = suite.iter().map(|cell| Some(cell.scale(rounds) * clip)).collect();
                adjusted_p(&Test { contrasts: &contrasts, scales: &scales, floors: &vec![0.0; suite.len()] }, FLIPS, 1)
            }
        }
    }
}

struct Recording(Vec<f64>);

impl Recording {
    fn read(path: &str) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
        let mut lines = text.lines().enumerate();
        if lines.next().is_none_or(|(_, header)| header != "start_ns,elapsed_ns") {
            return Err(format!("{path}: the first line is not start_ns,elapsed_ns"));
        }
        let rows = lines.map(|(line, row)| {
            let elapsed = row.split(',').nth(1).and_then(|elapsed| elapsed.parse().ok());
            let elapsed = elapsed.filter(|elapsed: &f64| elapsed.is_finite() && *elapsed > 0.0);
            elapsed.ok_or_else(|| format!("{path}, line {}: no elapsed time in {row:?}", line + 1))
        });
        Ok(Self(rows.collect::<Result<_, _>>()?))
    }

    /// How many rounds of a suite the recording holds.
    fn rounds(&self, shape: &Shape) -> usize {
        self.0.len() / (CELLS * shape.design.rows(shape.length, shape.lost))
    }

    /// So many rounds, from a random row on; at the end the recording begins anew.
    fn replay(&self, cells: usize, rounds: usize, shape: &Shape, coins: &mut Coins) -> Vec<Cell> {
        let mut suite = vec![Cell::default(); cells];
        let mut order: Vec<usize> = (0..cells).collect();
        let mut at = coins.below(self.0.len());
        let used = shape.design.slices.len() * shape.length;
        for _ in 0..rounds {
            coins.shuffle(&mut order);
            for cell in &order {
                let rows: Vec<f64> = (at..at + used).map(|row| self.0[row % self.0.len()]).collect();
                suite[*cell].visit(&rows, &shape.design, shape.length, coins);
                at += shape.design.rows(shape.length, shape.lost);
            }
        }
        suite
    }
}

/// How visits are made.
#[derive(Clone, Copy)]
struct Shape {
    design: Design,
    /// Rows of a slice.
    length: usize,
    /// Rows lost a visit.
    lost: usize,
}

impl Shape {
    fn name(&self) -> String {
        format!("{}, {} ms", self.design.name, 10 * self.length)
    }
}

/// How a suite is judged.
#[derive(Clone, Copy)]
struct Judge {
    shape: Shape,
    /// Whether the screening looks early too.
    early: bool,
    screening: f64,
    confirmation: f64,
    /// What one more cell is changed by: a great improvement, say.
    bystander: f64,
}

/// Counts over suites.
#[derive(Default)]
struct Counts {
    /// Suites in which a cell that is not slower is suspected, and in which one fails.
    suspected: u32,
    alarms: u32,
    /// Planted cells that are suspected, and that fail.
    found: u32,
    failed: u32,
}

impl Judge {
    /// The cells that any look suspects.
    fn suspects(&self, suite: &[Cell], planted: &[f64], rounds: usize) -> Vec<usize> {
        let looks = if self.early { &LOOKS[..] } else { &LOOKS[LOOKS.len() - 1..] };
        let levels = spending(self.screening, &looks.iter().map(|look| look.share).collect::<Vec<_>>());
        let mut suspects = vec![false; suite.len()];
        for (look, level) in looks.iter().zip(levels) {
            let share = f64::from(look.rounds) / f64::from(LOOKS[LOOKS.len() - 1].rounds);
            let p = Cell::p(suite, planted, (rounds as f64 * share).round() as usize, self.shape.design.statistic);
            for (suspect, p) in suspects.iter_mut().zip(p) {
                *suspect |= p.is_some_and(|p| p <= level);
            }
        }
        (0..suite.len()).filter(|cell| suspects[*cell]).collect()
    }

    /// The suspects that fail with fresh rounds.
    fn confirmed(&self, recording: &Recording, suspects: &[usize], planted: &[f64], coins: &mut Coins) -> Vec<usize> {
        let suite = recording.replay(suspects.len(), FRESH, &self.shape, coins);
        let planted: Vec<f64> = suspects.iter().map(|cell| planted[*cell]).collect();
        let p = Cell::p(&suite, &planted, FRESH, self.shape.design.statistic);
        let confirmed = suspects.iter().zip(p).filter(|(_, p)| p.is_some_and(|p| p <= self.confirmation));
        confirmed.map(|(cell, _)| *cell).collect()
    }

    fn count(&self, recording: &Recording, effect: f64) -> Counts {
        let rounds = recording.rounds(&self.shape);
        let mut planted = vec![0.0; CELLS];
        planted[..PLANTED].fill(effect);
        planted[CELLS - 1] = self.bystander;
        let mut counts = Counts::default();
        for seed in 1..=SUITES {
            let mut coins = Coins::new(seed);
            let suite = recording.replay(CELLS, rounds, &self.shape, &mut coins);
            let suspects = self.suspects(&suite, &planted, rounds);
            let failed = self.confirmed(recording, &suspects, &planted, &mut coins);
            let honest = |cells: &[usize]| u32::from(cells.iter().any(|cell| planted[*cell] <= 0.0));
            let slower = |cells: &[usize]| cells.iter().filter(|cell| **cell < PLANTED).count() as u32;
            counts.suspected += honest(&suspects);
            counts.alarms += honest(&failed);
            counts.found += slower(&suspects);
            counts.failed += slower(&failed);
        }
        counts
    }

    /// A row of the table: suites with a false suspect and with a false alarm, the power of the screening at each effect,
    /// and the smallest effects that are suspected, and that fail, nine times in ten.
    fn row(&self, recording: &Recording, name: &str) {
        const CHANCES: u32 = SUITES as u32 * PLANTED as u32;
        let all = EFFECTS.map(|effect| self.count(recording, effect));
        let smallest = |count: fn(&Counts) -> u32| {
            let points = EFFECTS.iter().zip(&all).skip(1);
            let points: Vec<_> = points.map(|(effect, counts)| (*effect, count(counts), CHANCES)).collect();
            detectable(&points, 0.9).map_or_else(|| "-".to_owned(), |effect| format!("{:.2} %", 100.0 * effect))
        };
        let power: Vec<String> = all[1..].iter().map(|counts| per_cent(counts.found, CHANCES)).collect();
        println!(
            "| {name} | {} | {} | {} | {} | {} | {} |",
            recording.rounds(&self.shape),
            per_cent(all[0].suspected, SUITES as u32),
            per_cent(all[0].alarms, SUITES as u32),
            power.join(" | "),
            smallest(|counts| counts.found),
            smallest(|counts| counts.failed),
        );
    }
}

fn per_cent(count: u32, whole: u32) -> String {
    format!("{:.0} %", 100.0 * f64::from(count) / f64::from(whole))
}

fn table(title: &str) {
    let effects: Vec<String> = EFFECTS[1..].iter().map(|effect| format!("{} %", 100.0 * effect)).collect();
    println!("\n{title}\n");
    println!("| | rounds | false suspects | false alarms | {} | suspected at | failed at |", effects.join(" | "));
    println!("|---|{}", "---|".repeat(5 + effects.len()));
}

/// A row of the table: the 95th percentile of the distance of estimates from the truth, then half the length of 95 %
/// intervals in the median and how often they hold the truth.
fn estimators(recording: &Recording, shape: &Shape) {
    let rounds = recording.rounds(shape);
    let mut errors = vec![Vec::new(); 4];
    let mut intervals: [Vec<Interval>; 2] = Default::default();
    for seed in 1..=SUITES / 2 {
        for cell in recording.replay(CELLS, rounds, shape, &mut Coins::new(seed)) {
            intervals[0].extend(signed_rank_interval(&cell.contrasts, 0.95));
            intervals[1].extend(visit_interval(&cell.visits, 0.95));
            let found = [
                Some(cell.contrasts.iter().sum::<f64>() / rounds as f64),
                median(&cell.contrasts),
                hodges_lehmann(&cell.contrasts),
                visit_interval(&cell.visits, 0.95).map(|interval| interval.estimate),
            ];
            for (errors, found) in errors.iter_mut().zip(found) {
                errors.extend(found.map(|found| 100.0 * found.abs()));
            }
        }
    }
    let far = errors.iter().map(|errors| format!("{:.2}", quantile(errors, 0.95).expect("there are rounds")));
    let seen = intervals.iter().map(|intervals| {
        let halves: Vec<f64> = intervals.iter().map(|interval| 50.0 * (interval.high - interval.low)).collect();
        let held = intervals.iter().filter(|interval| interval.covers(0.0)).count();
        format!("{:.2}, {}", median(&halves).expect("there are rounds"), per_cent(held as u32, intervals.len() as u32))
    });
    println!("| {} | {rounds} | {} |", shape.name(), far.chain(seen).collect::<Vec<_>>().join(" | "));
}

fn run(path: &str, lost: usize) -> Result<(), String> {
    let recording = Recording::read(path)?;
    let shape = Shape { design: ABCCBA, length: 1, lost };
    let longest = Shape { length: LENGTHS[LENGTHS.len() - 1], design: DESIGNS[2], lost };
    if recording.rounds(&longest) < 5 {
        return Err(format!("{path}: {} rows are too few for five rounds of {CELLS} cells", recording.0.len()));
    }
    println!(
        "{CELLS} cells, {} slices of about 10 ms, {lost} lost a visit, {SUITES} suites, no floor.",
        recording.0.len()
    );
    let levels = two_stage(ALPHA);
    let (screening, confirmation) = (levels.screening, levels.confirmation);
    let judge = Judge { shape, early: true, screening, confirmation, bystander: 0.0 };

    println!(
        "\n95th percentile of the error of estimates, and half the length and the coverage of 95 % intervals, in per cent:\n"
    );
    println!("| | rounds | mean | median | Hodges-Lehmann | weighted | signed-rank interval | weighted interval |");
    println!("|---|---|---|---|---|---|---|---|");
    for length in LENGTHS {
        estimators(&recording, &Shape { length, ..shape });
    }

    table("Designs and slices:");
    for design in DESIGNS {
        for length in LENGTHS {
            let shape = Shape { design, length, lost };
            Judge { shape, ..judge }.row(&recording, &shape.name());
        }
    }

    table("Statistics, 10 ms, and what becomes of them beside one cell that is 30 % faster:");
    judge.row(&recording, "ABCCBA");
    Judge { bystander: -0.3, ..judge }.row(&recording, "ABCCBA, beside");
    for weighted in [false, true] {
        for clip in [1.0, 2.0, 4.0] {
            let design = Design { statistic: Statistic::Flips { clip, weighted }, ..ABBA };
            let judge = Judge { shape: Shape { design, ..shape }, ..judge };
            let name = format!("ABBA, clip {clip}, {}", if weighted { "weights" } else { "no weights" });
            judge.row(&recording, &name);
            Judge { bystander: -0.3, ..judge }.row(&recording, &format!("{name}, beside"));
        }
    }

    table("Levels and looks of ABCCBA, 10 ms:");
    Judge { early: false, ..judge }.row(&recording, "one look, 0.1 and 0.1");
    for screening in [0.01, 0.05, 0.1, 0.2, 0.3, 0.5] {
        let confirmation = ALPHA / screening;
        Judge { screening, confirmation, ..judge }.row(&recording, &format!("{screening} and {confirmation:.3}"));
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match &arguments[..] {
        [path] => run(path, 3),
        [path, lost] => match lost.parse() {
            Ok(lost) => run(path, lost),
            Err(_) => Err(format!("LOST is a number of rows, not {lost:?}")),
        },
        _ => Err("usage: gate_noise RECORDING.csv [LOST]".to_owned()),
    };
    if let Err(error) = done {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
