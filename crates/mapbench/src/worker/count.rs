//! What a map allocates, holds and gives back, stage after stage. Nothing is timed here: counting is not free.

use std::time::{Duration, Instant};

use mapbench_results::Stage;
use mapbench_workload::OpKind;

use super::access::Access;
use super::coordinator::{Crew, Failure, Phase, Report, Work, since};
use super::thread::{Runner, Seat};
use crate::counting::{self, Allocated};
use crate::protocol::{Count, Counted, Held, Point};
use crate::system;

/// Points of a curve a stage.
const POINTS: u32 = 40;

/// How often a thread that has nothing to do calls `quiesce`.
const QUIET: Duration = Duration::from_micros(500);

/// What a thread's operations allocated.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    kinds: [Count; OpKind::ALL.len()],
    /// What `quiesce` allocated.
    between: Allocated,
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.kinds.iter_mut().zip(&other.kinds).for_each(|(sum, part)| sum.add(part));
        self.between.times += other.between.times;
        self.between.bytes += other.between.bytes;
    }

    /// All kinds together, and what `quiesce` allocated between them.
    fn all(&self) -> Count {
        let mut all = Count { allocations: self.between.times, bytes: self.between.bytes, operations: 0 };
        self.kinds.iter().for_each(|count| all.add(count));
        all
    }

    fn kinds(&self) -> Vec<(OpKind, Count)> {
        OpKind::ALL.into_iter().zip(self.kinds).filter(|(_, count)| count.operations > 0).collect()
    }
}

/// What a count is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    pub(super) load_ns: u64,
    pub(super) quiet_ns: u64,
    pub(super) budget_bytes: u64,
}

/// What a map took to be built.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Built {
    filled_bytes: u64,
    /// The most that it held while it was built, beyond what was there before.
    peak_bytes: u64,
}

impl Built {
    /// Builds, and counts.
    pub(crate) fn by<T>(build: impl FnOnce() -> T) -> (T, Self) {
        let before_bytes = counting::live_bytes();
        counting::reset_peak();
        let built = build();
        let beyond = |bytes: u64| bytes.saturating_sub(before_bytes);
        (built, Self { filled_bytes: beyond(counting::live_bytes()), peak_bytes: beyond(counting::peak_bytes()) })
    }

    /// Bytes that it holds since then.
    pub(super) fn filled_bytes(&self) -> u64 {
        self.filled_bytes
    }
}

/// The count of a map, as far as it has come.
pub(super) struct Counting {
    ask: Ask,
    built: Built,
    /// What the program held when the threads had come up, and the map was only filled.
    idle_bytes: u64,
    began: Instant,
    counted: Counted,
}

impl Counting {
    pub(super) fn new(ask: Ask, built: Built) -> Self {
        // All room for the curve now: nothing of this is to be taken for the map's.
        let curve = Vec::with_capacity(6 * POINTS as usize);
        let counted = Counted { filled_bytes: built.filled_bytes, curve, ..Counted::default() };
        counting::reset_peak();
        Self { ask, built, idle_bytes: counting::live_bytes(), began: Instant::now(), counted }
    }

    /// Bytes that the map holds now.
    fn held_bytes(&self) -> u64 {
        (self.built.filled_bytes + counting::live_bytes()).saturating_sub(self.idle_bytes)
    }

    fn point(&mut self, stage: Stage, operations: u64) {
        let at_ns = self.began.elapsed().as_nanos() as u64;
        self.counted.curve.push(Point { stage, at_ns, live_bytes: self.held_bytes(), operations });
    }

    /// Works, rests, works with a reader that stays inside, and rests again.
    pub(super) fn run(mut self, crew: &Crew) -> Result<Self, Failure> {
        let counts = self.stage(crew, Stage::Load, Work::Count { hold: false })?;
        let working = (self.built.filled_bytes + counting::peak_bytes()).saturating_sub(self.idle_bytes);
        self.counted.peak_bytes = working.max(self.built.peak_bytes).max(self.built.filled_bytes);
        self.counted.stopped_bytes = self.held_bytes();
        self.counted.rss_bytes = system::resident_bytes("self");
        self.counted.peak_rss_bytes = system::peak_resident_bytes();
        (self.counted.all, self.counted.kinds) = (counts.all(), counts.kinds());
        self.stage(crew, Stage::Quiet, Work::Rest)?;
        self.counted.settled_bytes = self.held_bytes();
        self.counted.settle_ns = self.reached(Stage::Quiet, self.counted.settled_bytes);
        if crew.threads() > 1 {
            let began = self.counted.curve.len();
            self.stage(crew, Stage::Held, Work::Count { hold: true })?;
            let curve = &self.counted.curve[began..];
            let most = curve.iter().map(|point| point.live_bytes).max().unwrap_or(0);
            self.counted.held = Some(Held {
                bytes: most.saturating_sub(self.counted.filled_bytes),
                operations: curve.last().map_or(0, |point| point.operations),
                standstill_ns: standstill_ns(curve),
            });
            self.stage(crew, Stage::Quiet, Work::Rest)?;
        }
        Ok(self)
    }

    fn stage(&mut self, crew: &Crew, stage: Stage, work: Work) -> Result<Counts, Failure> {
        let whole = Duration::from_nanos(if stage == Stage::Quiet { self.ask.quiet_ns } else { self.ask.load_ns });
        crew.begin(work)?;
        if let Work::Count { hold: true } = work {
            crew.await_inside()?;
        }
        // What the others did before the first was inside is no part of the stage.
        let before = crew.progress();
        let began = Instant::now();
        while began.elapsed() < whole {
            self.point(stage, crew.progress() - before);
            let beyond = self.held_bytes().saturating_sub(self.counted.filled_bytes);
            if beyond > self.ask.budget_bytes {
                self.counted.remark = format!(
                    "the stage {} was ended after {} ms: the map held {} MiB more than filled, the budget",
                    stage.name(),
                    began.elapsed().as_millis(),
                    beyond >> 20
                );
                break;
            }
            std::thread::sleep(whole / POINTS);
        }
        let reports = crew.finish()?;
        self.point(stage, crew.progress() - before);
        let mut counts = Counts::default();
        reports.iter().filter_map(|report| report.counts.as_ref()).for_each(|part| counts.add(part));
        Ok(counts)
    }

    /// How long after the first point of a stage the map held no more than so much.
    fn reached(&self, stage: Stage, bytes: u64) -> u64 {
        let mut points = self.counted.curve.iter().filter(|point| point.stage == stage);
        let first = points.clone().next().map_or(0, |point| point.at_ns);
        points.find(|point| point.live_bytes <= bytes).map_or(0, |point| point.at_ns - first)
    }

    /// Drops the map and waits for what it gives back.
    pub(super) fn dropping(mut self, drop_map: impl FnOnce()) -> Counted {
        let began = Instant::now();
        drop_map();
        self.counted.drop_ns = began.elapsed().as_nanos() as u64;
        let (began, whole) = (Instant::now(), Duration::from_nanos(self.ask.quiet_ns));
        self.point(Stage::Dropped, 0);
        while began.elapsed() < whole && self.held_bytes() > 0 {
            std::thread::sleep(whole / POINTS);
            self.point(Stage::Dropped, 0);
        }
        self.counted.left_bytes = self.held_bytes();
        self.counted.freed_ns = self.reached(Stage::Dropped, self.counted.left_bytes);
        self.counted
    }
}

/// The longest time in which a curve's operations did not rise.
fn standstill_ns(curve: &[Point]) -> u64 {
    let (mut longest, mut since) = (0, curve.first());
    for point in curve {
        if since.is_some_and(|since| since.operations < point.operations) {
            since = Some(point);
        }
        longest = longest.max(point.at_ns - since.map_or(point.at_ns, |since| since.at_ns));
    }
    longest
}

impl Runner<'_> {
    /// Works and counts; with `hold`, the first thread stays inside a read instead.
    pub(super) fn count(&mut self, access: &mut dyn Access, seat: &Seat, hold: bool) {
        let before = self.tally;
        let mut counts = Counts::default();
        let on = || seat.crew.phase() == Phase::Measure;
        if hold && seat.index == 0 {
            let inside = || {
                seat.crew.note_inside();
                on()
            };
            access.hold(self.stream.ops(), &inside);
            // Also if the map holds none of the keys, and there is nothing to stay inside of.
            seat.crew.note_inside();
        }
        let mut left = self.batch;
        while on() && !(hold && seat.index == 0) {
            let op = self.cursor.next(1)[0];
            let allocated = counting::mine();
            access.run(&[op], &mut self.tally);
            let count = &mut counts.kinds[op.kind() as usize];
            count.add(&Count::of(counting::mine().since(allocated)));
            seat.crew.note_operation(seat.index);
            left -= 1;
            if left == 0 {
                left = self.batch;
                let allocated = counting::mine();
                access.quiesce();
                let between = counting::mine().since(allocated);
                counts.between.times += between.times;
                counts.between.bytes += between.bytes;
            }
        }
        seat.crew.file(
            seat.index,
            Report { effects: since(&before, &self.tally), counts: Some(counts), ..Report::default() },
        );
        self.await_parking(seat);
    }

    /// Does nothing but call `quiesce` now and then, until the stage ends.
    pub(super) fn rest(&mut self, access: &mut dyn Access, seat: &Seat) {
        while seat.crew.phase() == Phase::Measure {
            access.quiesce();
            std::thread::sleep(QUIET);
        }
        seat.crew.file(seat.index, Report::default());
        self.await_parking(seat);
    }

    /// Tells that the slice is over for this thread, and waits until it is for all.
    pub(super) fn await_parking(&self, seat: &Seat) {
        seat.crew.note_end();
        while matches!(seat.crew.phase(), Phase::Warm | Phase::Measure | Phase::Drain) {
            std::thread::sleep(Duration::from_micros(50));
        }
    }
}

#[cfg(test)]
mod tests {
    use mapbench_results::Stage;

    use super::standstill_ns;
    use crate::protocol::Point;

    #[test]
    fn a_standstill_is_the_longest_time_without_an_operation() {
        let curve = |points: &[(u64, u64)]| -> Vec<Point> {
            let point = |(at_ns, operations): &(u64, u64)| Point {
                stage: Stage::Held,
                at_ns: *at_ns,
                live_bytes: 0,
                operations: *operations,
            };
            points.iter().map(point).collect()
        };
        assert_eq!(standstill_ns(&curve(&[(10, 0), (20, 5), (30, 5), (45, 5), (50, 6), (60, 7)])), 25);
        assert_eq!(standstill_ns(&curve(&[(10, 0), (20, 0), (30, 0)])), 20);
        assert_eq!(standstill_ns(&[]), 0);
    }
}
