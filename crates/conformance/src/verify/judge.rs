//! Is what threads did in a round what the strategy declares?
//!
//! *Linearizable*: the history is. *Published* and *eventual*: it is, of writers alone, without the reads that threads made
//! meanwhile, but with the ones made when all had ended and published. And of reads:
//!
//! - *Published*: readers see the state of the last publish. So a write takes effect for readers at the latest when its
//!   thread has published: the history in which writes last until then is linearizable, without the calls that changed
//!   nothing, since these may tell what is not yet published. (If readers see published states only, each write can be put
//!   at its publish, those of one publish in the order that they had among writers.) It follows that no thread's reads go
//!   back, and that a thread reads what it has written and published, or something later.
//! - *Eventual*: a read may be late, and may miss a key while it is being replaced; but a value that it does see was
//!   written to that key, by a call that had begun.

use std::collections::HashMap;
use std::time::Duration;

use mapbench_api::Consistency;

use super::recorder::{Overlap, Recorded};
use crate::history::{Action, Call, Exchange, History};
use crate::linearizability::{self, Budget, Report};

/// A round that ran to its end.
pub(super) struct Round<'a> {
    /// What the map held before.
    pub(super) initial: &'a [(u64, u64)],
    /// What each thread did.
    pub(super) threads: &'a [Recorded],
    /// Reads of all keys when all threads had ended.
    pub(super) last: &'a [Call],
}

/// What came of a round.
#[derive(Default)]
pub(super) struct Judged {
    pub(super) overlap: Overlap,
    /// The smallest violation, if there is one, and its calls.
    pub(super) violation: Option<(usize, String)>,
    pub(super) undecided: bool,
}

/// The rounds are short: one that takes longer is not worth it.
const BUDGET: Budget = Budget { steps: 200_000, time: Duration::from_secs(1) };

/// What the writes of a published map are drawn as: threads with larger numbers than there are.
const fn lane(thread: u32, call: u32) -> u32 {
    1000 + 100 * thread + call
}

const WRITERS: &str = "
Reads made meanwhile are left out: writers must be exact among each other.
";

const INVENTED: &str = "
Other calls are left out: a value must have been written to a key before it is read there.
";

const UNPUBLISHED: &str = "
A write to a published map may take effect for readers until its thread has published, and lasts as long here:
thread 1203 is the third call of thread 2 after it had published.
";

impl Round<'_> {
    /// Judges by what is declared.
    pub(super) fn judge(&self, declared: Consistency) -> Judged {
        let calls = || self.threads.iter().flat_map(|thread| &thread.calls);
        let mut judged = Judged { overlap: Overlap::of(&calls().copied().collect::<Vec<_>>()), ..Judged::default() };
        if declared == Consistency::Linearizable {
            judged.hold(&self.check(calls().copied()), "");
            return judged;
        }
        let writes = calls().filter(|call| !matches!(call.action, Action::Read { .. }));
        judged.hold(&self.check(writes.copied()), WRITERS);
        if declared == Consistency::Published {
            judged.hold(&self.check(self.until_published()), UNPUBLISHED);
        } else {
            self.reads(&mut judged);
        }
        judged
    }

    fn check(&self, calls: impl Iterator<Item = Call>) -> Report {
        self.history(calls.chain(self.last.iter().copied()).collect())
    }

    fn history(&self, calls: Vec<Call>) -> Report {
        let history = History::new(self.initial.iter().copied(), calls);
        linearizability::check(&history.expect("the recorder's stamps increase"), BUDGET)
    }

    /// The calls, with writes that last until they are published; since those of a batch then overlap, each of them has a
    /// thread to itself.
    fn until_published(&self) -> impl Iterator<Item = Call> {
        self.threads.iter().flat_map(|thread| {
            let mut begin = 0;
            thread.published.iter().flat_map(move |(end, published)| {
                let batch = &thread.calls[begin..*end];
                begin = *end;
                (1..).zip(batch).filter_map(|(number, call)| match call.action {
                    Action::Read { .. } => Some(*call),
                    action if changes(&action) => {
                        Some(Call { thread: lane(call.thread, number), response: *published, ..*call })
                    }
                    _ => None,
                })
            })
        })
    }

    /// Whether every value that was read had been written.
    fn reads(&self, judged: &mut Judged) {
        let calls = || self.threads.iter().flat_map(|thread| &thread.calls);
        let mut writers: HashMap<(u64, u64), Call> = HashMap::new();
        writers.extend(calls().filter_map(|call| Some(((call.key, written(&call.action)?), *call))));
        for read in calls() {
            let Action::Read { value: Some(value) } = read.action else { continue };
            let writer = writers.get(&(read.key, value)).copied();
            let sound = match writer {
                Some(writer) => writer.invocation <= read.response,
                None => self.initial.contains(&(read.key, value)),
            };
            if !sound {
                let mut alone: Vec<Call> = writer.into_iter().chain([*read]).collect();
                alone.sort_by_key(|call| call.invocation);
                judged.hold(&self.history(alone), INVENTED);
                return;
            }
        }
    }
}

impl Judged {
    /// Keeps the violation of a report, unless a smaller one is known.
    fn hold(&mut self, report: &Report, note: &str) {
        self.undecided |= !report.undecided.is_empty();
        if let Some(found) = &report.violation
            && self.violation.as_ref().is_none_or(|(calls, _)| found.calls.len() < *calls)
        {
            self.violation = Some((found.calls.len(), format!("{found}{note}")));
        }
    }
}

/// Whether the key is not as it was before the call.
fn changes(action: &Action) -> bool {
    matches!(action, Action::Remove { present: true }) || written(action).is_some()
}

/// The value that a call wrote.
fn written(action: &Action) -> Option<u64> {
    match *action {
        Action::Insert { value, .. } | Action::InsertNew { value, inserted: true } => Some(value),
        Action::Update { change: Some(change) } | Action::Upsert { change: Some(change), .. } => Some(change.wrote),
        Action::Upsert { default, change: None } => Some(default),
        Action::CompareExchange { new, outcome: Exchange::Exchanged, .. } => Some(new),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Change;

    const fn call(thread: u32, invocation: u64, response: u64, action: Action) -> Call {
        Call { thread, invocation, response, key: 0, action }
    }

    fn read(value: impl Into<Option<u64>>) -> Action {
        Action::Read { value: value.into() }
    }

    const fn insert(value: u64) -> Action {
        Action::Insert { value, absent: false }
    }

    const fn update(saw: u64, wrote: u64) -> Action {
        Action::Update { change: Some(Change { saw, wrote }) }
    }

    /// Threads' calls, each with the stamp at which it published them all, of a map that holds 1 at first.
    fn judge(declared: Consistency, threads: &[(&[Call], u64)], last: u64) -> Option<String> {
        let recorded = |(calls, published): &(&[Call], u64)| Recorded {
            began: 0,
            calls: calls.to_vec(),
            published: vec![(calls.len(), *published)],
            ended: None,
        };
        let threads: Vec<_> = threads.iter().map(recorded).collect();
        let last = [call(9, 1000, 1001, read(last))];
        let judged = Round { initial: &[(0, 1)], threads: &threads, last: &last }.judge(declared);
        assert!(!judged.undecided);
        judged.violation.map(|(_, picture)| picture)
    }

    #[test]
    fn a_published_write_is_seen_when_it_is_published_and_maybe_before() {
        let write: &[Call] = &[call(0, 10, 11, insert(100))];
        for (seen, published, sound) in [(1, 50, true), (100, 50, true), (1, 19, false), (100, 19, true)] {
            let reader: &[Call] = &[call(1, 20, 21, read(seen))];
            let judged = judge(Consistency::Published, &[(write, published), (reader, 60)], 100);
            assert_eq!(judged.is_none(), sound, "{seen}, {published}: {judged:?}");
        }
    }

    #[test]
    fn reads_of_a_published_map_do_not_go_back() {
        let write: &[Call] = &[call(0, 10, 11, insert(100))];
        let reader: &[Call] = &[call(1, 20, 21, read(100)), call(1, 22, 23, read(1))];
        let picture = judge(Consistency::Published, &[(write, 50), (reader, 60)], 100).unwrap();
        assert!(picture.contains("thread 1001  ├"), "{picture}");
        assert!(picture.ends_with("after it had published.\n"), "{picture}");
    }

    /// What changes nothing is not published, but knows of all that was written.
    #[test]
    fn writers_of_a_published_map_may_know_more_than_readers() {
        let write: &[Call] = &[call(0, 10, 11, insert(100))];
        let knows = Action::CompareExchange { expected: 5, new: 200, outcome: Exchange::Found(100) };
        let others: &[Call] = &[call(1, 20, 21, knows)];
        let reader: &[Call] = &[call(2, 30, 31, read(1))];
        assert_eq!(judge(Consistency::Published, &[(write, 50), (others, 22), (reader, 60)], 100), None);
    }

    #[test]
    fn writers_are_exact_whatever_is_declared() {
        let threads: [(&[Call], u64); 2] =
            [(&[call(0, 10, 15, update(1, 100))], 50), (&[call(1, 12, 17, update(1, 200))], 60)];
        for declared in [Consistency::Linearizable, Consistency::Published, Consistency::Eventual] {
            assert!(judge(declared, &threads, 200).is_some(), "{declared}");
        }
        let lost: [(&[Call], u64); 1] = [(&[call(0, 10, 15, update(1, 100))], 50)];
        assert!(judge(Consistency::Eventual, &lost, 1).unwrap().ends_with(WRITERS));
    }

    #[test]
    fn reads_of_an_eventual_map_are_late_or_miss_but_do_not_invent() {
        let write: &[Call] = &[call(0, 10, 11, insert(100))];
        for (seen, at, sound) in
            [(Some(1), 20, true), (None, 20, true), (Some(100), 8, true), (Some(100), 2, false), (Some(7), 20, false)]
        {
            let reader: &[Call] = &[call(1, at, at + 3, read(seen))];
            let judged = judge(Consistency::Eventual, &[(write, 50), (reader, 60)], 100);
            assert_eq!(judged.is_none(), sound, "{seen:?} at {at}");
            assert!(judged.is_none_or(|picture| picture.ends_with(INVENTED)));
        }
    }
}
