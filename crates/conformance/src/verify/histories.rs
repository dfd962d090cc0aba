//! Records and judges what threads do to fresh maps, in many short rounds and some longer ones.

use std::thread;

use foldhash::fast::FixedState;
use mapbench_api::{ConcurrentMap, HashBuilder, Strategy};

use super::judge::{Judged, Round};
use super::meet::{Ended, meet, quietly};
use super::plan::Plan;
use super::random::Random;
use super::recorder::{Clock, Overlap, Recorded, Recorder};
use super::shift::size;
use super::{Outcome, Setting, Verdict};
use crate::history::Call;

/// Calls that are made before they are judged: they fit into a cache.
const BATCH: usize = 16_000;

pub(super) fn check<S: Strategy>(setting: &Setting) -> Outcome {
    hunt::<S, _>(setting, &FixedState::with_seed(setting.seed))
}

/// Records and judges until something is found or the time is over.
pub(super) fn hunt<S: Strategy, H: HashBuilder>(setting: &Setting, hasher: &H) -> Outcome {
    let threads = size::<S>(setting);
    let clock = Clock::start();
    let deadline = setting.millis.saturating_mul(1_000_000);
    let mut random = Random::new(setting.seed, 0);
    let mut tally = Tally::default();
    while !tally.has_found() && (tally.histories == 0 || clock.now() < deadline) {
        let plans = draw::<S>(&mut random, threads);
        tally.add(batch::<S, H>(&plans, threads, hasher, clock, deadline, random.next()));
    }
    if !tally.detections.is_empty() && !tally.has_found() {
        // What a strategy detects is a misuse only if somebody writes while another is at work.
        let plans = draw::<S>(&mut random, 1);
        tally.misplaced("one thread alone", &batch::<S, H>(&plans, 1, hasher, clock, u64::MAX, random.next()));
        let plans: Vec<_> = draw::<S>(&mut random, threads).into_iter().map(Plan::reading).collect();
        let readers = batch::<S, H>(&plans, threads, hasher, clock, u64::MAX, random.next());
        tally.misplaced("readers alone", &readers);
    }
    tally.outcome(threads)
}

fn draw<S: Strategy>(random: &mut Random, threads: usize) -> Vec<Plan> {
    let mut plans = Vec::new();
    let mut calls = 0;
    while calls < BATCH {
        let plan = Plan::draw::<S>(random, threads);
        calls += plan.operations * threads;
        plans.push(plan);
    }
    plans
}

/// A round, as it was recorded.
struct Done {
    threads: Vec<Recorded>,
    last: Vec<Call>,
    /// Why a thread got no handle, or the map could not be read at the end.
    refused: Option<Ended>,
}

/// Runs the plans, and judges what came of them.
fn batch<S: Strategy, H: HashBuilder>(
    plans: &[Plan],
    threads: usize,
    hasher: &H,
    clock: Clock,
    deadline: u64,
    seed: u64,
) -> Tally {
    let build = |plan: &Plan| S::build(plan.capacity, hasher.clone(), plan.initial.iter().copied());
    let maps: Vec<_> = plans.iter().map(build).collect();
    let recorder = |round: usize, thread| {
        let random = Random::new(seed ^ round as u64, thread as u64);
        Recorder::new(clock, &plans[round], (thread, threads + 1), random)
    };
    let met = meet(&maps, threads, |handle, place| recorder(place.round, place.thread).run(handle, deadline));
    let done: Vec<Done> = met
        .into_iter()
        .enumerate()
        .map(|(round, results)| {
            let mut done = Done { threads: Vec::with_capacity(threads), last: Vec::new(), refused: None };
            for result in results {
                match result {
                    Ok(recorded) => done.threads.push(recorded),
                    Err(ended) => done.refused = Some(ended),
                }
            }
            match quietly(|| recorder(round, threads).read_all(&mut maps[round].handle())) {
                Ok(last) => done.last = last,
                Err(ended) => done.refused = Some(ended),
            }
            done
        })
        .collect();
    let rounds: Vec<_> = plans.iter().zip(&done).collect();
    let share = rounds.len().div_ceil(thread::available_parallelism().map_or(1, usize::from));
    let mut tally = Tally::default();
    thread::scope(|scope| {
        let judge = |rounds: &[(&Plan, &Done)]| {
            let mut tally = Tally::default();
            rounds.iter().for_each(|(plan, done)| tally.judge::<S>(plan, done));
            tally
        };
        let running: Vec<_> = rounds.chunks(share).map(|rounds| scope.spawn(move || judge(rounds))).collect();
        running.into_iter().for_each(|part| tally.add(part.join().expect("judging does not panic")));
    });
    tally
}

/// What is known so far.
#[derive(Default)]
struct Tally {
    histories: u64,
    operations: u64,
    overlap: Overlap,
    undecided: u64,
    violation: Option<(usize, String)>,
    /// What else is wrong.
    wrong: Option<String>,
    detections: Vec<Detection>,
}

/// A round in which the strategy detected an overlap.
struct Detection {
    message: &'static str,
    nanos: u64,
    operations: u64,
}

impl Tally {
    const fn has_found(&self) -> bool {
        self.violation.is_some() || self.wrong.is_some()
    }

    fn judge<S: Strategy>(&mut self, plan: &Plan, done: &Done) {
        self.histories += 1;
        self.operations += done.threads.iter().map(|thread| thread.calls.len() as u64).sum::<u64>();
        let ended = done.threads.iter().filter_map(|thread| thread.ended.as_ref());
        let panicked = ended.clone().map(|(ended, _)| ended).chain(&done.refused).find_map(|ended| match ended {
            Ended::Panicked(message) => Some(message),
            Ended::Detected(_) => None,
        });
        if let Some(message) = panicked {
            self.wrong = Some(format!("it panicked: {message}"));
        } else if let Some(Ended::Detected(message)) = &done.refused {
            self.wrong = Some(format!("{message}: detected where no operation overlapped"));
        } else if let Some((Ended::Detected(message), until)) = ended.min_by_key(|(_, until)| *until) {
            // The call that was ended may have changed something or not: the history cannot be judged.
            let began = done.threads.iter().map(|thread| thread.began).min().unwrap_or(*until);
            let calls = done.threads.iter().flat_map(|thread| &thread.calls);
            let operations = calls.filter(|call| call.response <= *until).count() as u64;
            self.detections.push(Detection { message, nanos: until - began, operations });
        } else {
            let round = Round { initial: &plan.initial, threads: &done.threads, last: &done.last };
            let Judged { overlap, violation, undecided } = round.judge(S::INFO.consistency);
            self.overlap.add(overlap);
            self.undecided += u64::from(undecided);
            self.keep(violation);
        }
    }

    fn add(&mut self, other: Self) {
        self.histories += other.histories;
        self.operations += other.operations;
        self.overlap.add(other.overlap);
        self.undecided += other.undecided;
        self.keep(other.violation);
        self.wrong = self.wrong.take().or(other.wrong);
        self.detections.extend(other.detections);
    }

    /// Keeps the violation with the fewest calls.
    fn keep(&mut self, found: Option<(usize, String)>) {
        self.violation = [self.violation.take(), found].into_iter().flatten().min_by_key(|(calls, _)| *calls);
    }

    /// Counts the detections of a batch in which no writer overlapped anybody.
    fn misplaced(&mut self, who: &str, quiet: &Self) {
        if let Some(detection) = quiet.detections.first() {
            self.wrong = Some(format!("{}: detected with {who}", detection.message));
        }
    }

    fn outcome(mut self, threads: usize) -> Outcome {
        let Self { operations, histories, undecided, .. } = self;
        let met = self.met(threads);
        let (verdict, detail, picture) = if let Some((calls, picture)) = self.violation.take() {
            let detail = format!("no order explains {calls} calls on one key, after {operations} operations; {met}");
            (Verdict::Violated, detail, Some(picture))
        } else if let Some(wrong) = self.wrong.take() {
            (Verdict::Violated, wrong, None)
        } else if !self.detections.is_empty() {
            (Verdict::Detected, self.detected(), None)
        } else if undecided > 0 {
            (Verdict::Undecided, format!("{undecided} of {histories} histories are undecided; {met}"), None)
        } else {
            (Verdict::Verified, met, None)
        };
        Outcome { verdict, operations, histories, detail, picture }
    }

    /// How far the threads met.
    fn met(&self, threads: usize) -> String {
        let Overlap { calls, any, same_key } = self.overlap;
        let percent = |part: u64| 100.0 * part as f64 / calls.max(1) as f64;
        format!(
            "{threads} {}: {:.0} % of operations overlapped another thread's, {:.0} % one on the same key",
            if threads == 1 { "thread" } else { "threads" },
            percent(any),
            percent(same_key)
        )
    }

    fn detected(&mut self) -> String {
        let rounds = self.detections.len();
        let middle = rounds / 2;
        self.detections.sort_unstable_by_key(|detection| detection.operations);
        let operations = self.detections[middle].operations;
        self.detections.sort_unstable_by_key(|detection| detection.nanos);
        let Detection { message, nanos, .. } = self.detections[middle];
        format!(
            "{message}: detected in {rounds} of {} rounds, after {operations} operations and {:.1} µs at the median; never \
             with one thread or readers alone",
            self.histories,
            nanos as f64 / 1e3
        )
    }
}
