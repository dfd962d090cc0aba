//! Threads that work on one map together, and what they leave.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use mapbench_api::{ConcurrentMap, MapHandle, Operation, Strategy};

use super::meet::{Ended, quietly};
use super::{Outcome, Setting, Verdict};

/// Why a crew stopped before its time.
#[derive(Debug)]
pub(super) enum Stopped {
    /// Something is wrong with the map, in one line.
    Violation(String),
    /// The map detected an overlap, with this message.
    Detected(&'static str),
}

impl Stopped {
    pub(super) fn outcome(self, operations: u64, histories: u64) -> Outcome {
        match self {
            Stopped::Violation(what) => outcome(Verdict::Violated, operations, histories, what),
            Stopped::Detected(message) => outcome(Verdict::Detected, operations, histories, message.to_owned()),
        }
    }

    /// No overlap may be detected if nothing overlapped.
    pub(super) fn alone(self) -> Self {
        match self {
            Stopped::Detected(message) => {
                Stopped::Violation(format!("detected an overlap where there was none: {message}"))
            }
            violation => violation,
        }
    }
}

impl From<Ended> for Stopped {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Detected(message) => Stopped::Detected(message),
            Ended::Panicked(message) => Stopped::Violation(format!("panicked: {message}")),
        }
    }
}

pub(super) fn outcome(verdict: Verdict, operations: u64, histories: u64, detail: String) -> Outcome {
    Outcome { verdict, operations, histories, detail, picture: None }
}

/// An outcome of nothing done.
pub(super) fn not_applicable(reason: &str) -> Outcome {
    outcome(Verdict::NotApplicable, 0, 0, reason.to_owned())
}

pub(super) fn has<S: Strategy>(operation: Operation) -> bool {
    S::INFO.lacks(operation).is_none()
}

/// Threads that may work on the strategy's map at once.
pub(super) fn size<S: Strategy>(setting: &Setting) -> usize {
    S::INFO.thread_limit.map_or(setting.threads, |limit| limit.threads.min(setting.threads)).max(1)
}

/// The setting's time in parts, each for a map of its own: at least two, so that every other round may differ.
pub(super) fn rounds(setting: &Setting) -> impl Iterator<Item = (u64, Duration)> {
    let (start, whole) = (Instant::now(), Duration::from_millis(setting.millis));
    let part = (whole / 8).clamp(Duration::from_millis(5), Duration::from_millis(200));
    (0..).map(move |round| (round, part)).take_while(move |(round, _)| *round < 2 || start.elapsed() + part / 2 < whole)
}

/// A crew's working time: over when it has passed, or when one of them has stopped.
pub(super) struct Shift {
    until: Instant,
    stopped: AtomicBool,
}

impl Shift {
    /// To be asked now and then, not before every operation: it looks at the clock.
    pub(super) fn goes_on(&self) -> bool {
        !self.stopped.load(Ordering::Relaxed) && Instant::now() < self.until
    }
}

/// Runs the work on all threads at once, each with a handle of its own, which is quiescent at the end.
///
/// Work that ends in an error has found a violation. A map that detects an overlap on a single thread is wrong.
pub(super) fn together<K, V, M, T, F>(map: &M, threads: usize, time: Duration, work: F) -> Result<Vec<T>, Stopped>
where
    M: ConcurrentMap<K, V> + 'static,
    T: Send,
    F: Fn(&mut M::Handle<'_>, usize, &Shift) -> Result<T, String> + Sync,
{
    let shift = Shift { until: Instant::now() + time, stopped: AtomicBool::new(false) };
    let start = Barrier::new(threads);
    let run = |thread| {
        // A handle that is refused must not leave the others waiting.
        let handle = quietly(|| map.handle());
        start.wait();
        let ended = handle.map_err(Stopped::from).and_then(|mut handle| {
            let worked = quietly(|| {
                let result = work(&mut handle, thread, &shift);
                handle.quiesce();
                result
            });
            worked?.map_err(Stopped::Violation)
        });
        if ended.is_err() {
            shift.stopped.store(true, Ordering::Relaxed);
        }
        ended
    };
    let ended: Vec<Result<T, Stopped>> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn({
                    let run = &run;
                    move || run(thread)
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().expect("panics are caught")).collect()
    });
    let mut results = Vec::new();
    let mut detected = None;
    for end in ended {
        match end {
            Ok(result) => results.push(result),
            Err(Stopped::Detected(message)) if threads > 1 => detected = Some(message),
            Err(stopped) => return Err(stopped.alone()),
        }
    }
    detected.map_or(Ok(results), |message| Err(Stopped::Detected(message)))
}

/// Runs `work` on a thread of its own. None: it has not come back within `limit`, and the thread is left behind.
pub(super) fn within<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<Result<T, Ended>> {
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || {
        // Nobody may be waiting any more.
        let _ = sender.send(quietly(work));
    });
    receiver.recv_timeout(limit).ok()
}

#[cfg(test)]
mod tests {
    use std::panic::{panic_any, resume_unwind};

    use foldhash::fast::FixedState;
    use mapbench_api::Detected;

    use super::super::broken::{Broken, fault};
    use super::*;

    type Map = <Broken<{ fault::NONE }> as Strategy>::Map<u64, u64, FixedState>;

    fn map() -> Map {
        Broken::<{ fault::NONE }>::build(1, FixedState::with_seed(0), [(1, 1)].into_iter())
    }

    const DETECTED: Detected = Detected { message: "fatal error" };

    fn stopped(threads: usize, work: impl Fn(usize, &Shift) -> Result<(), String> + Sync) -> Stopped {
        together(&map(), threads, Duration::from_secs(10), |_, thread, shift| work(thread, shift)).unwrap_err()
    }

    #[test]
    fn an_overlap_is_detected_by_several_only() {
        let detect = |_, _: &Shift| resume_unwind(Box::new(DETECTED));
        assert!(matches!(stopped(2, detect), Stopped::Detected("fatal error")));
        let Stopped::Violation(alone) = stopped(1, detect) else { panic!("one thread overlaps nothing") };
        assert!(alone.contains("where there was none"), "{alone}");
    }

    #[test]
    fn whoever_stops_stops_all_and_a_violation_says_more_than_a_detection() {
        let work = |thread, shift: &Shift| match thread {
            0 => panic_any(DETECTED),
            1 => Err("lost".to_owned()),
            _ => {
                while shift.goes_on() {
                    thread::yield_now();
                }
                Ok(())
            }
        };
        assert!(matches!(stopped(3, work), Stopped::Violation(what) if what == "lost"));
        let panics = |_, _: &Shift| panic!("of {}", "its own");
        assert!(matches!(stopped(2, panics), Stopped::Violation(what) if what == "panicked: of its own"));
    }

    #[test]
    fn time_is_parted_into_two_rounds_at_least() {
        assert_eq!(rounds(&Setting { seed: 0, threads: 1, millis: 0 }).count(), 2);
    }

    #[test]
    fn whoever_does_not_come_back_is_left_behind() {
        assert_eq!(within(Duration::from_secs(10), || 1).and_then(Result::ok), Some(1));
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        assert!(within(Duration::from_millis(1), move || receiver.recv()).is_none());
        drop(sender);
    }
}
