//! A reader's pauses: one thread reads and times every read, the others disturb it.

use std::time::Instant;

use mapbench_workload::{Cursor, MAX_KEY_RANGE, OpKind, PackedOp, Stream};

use super::access::Access;
use super::coordinator::{Phase, Report, Task, since};
use super::thread::{Runner, Seat};
use super::timed::Timer;
use crate::protocol::Disturbance;

impl Runner<'_> {
    pub(super) fn pause(&mut self, access: &mut dyn Access, seat: &Seat, task: &Task, disturbance: Disturbance) {
        if seat.index == 0 {
            let reads = self.stream.ops().iter().map(|op| PackedOp::new(OpKind::Read, op.index()));
            let reads = Stream::once(reads.collect());
            let cursor = Cursor::new(&reads);
            let mut reader =
                Runner { stream: &reads, cursor, batch: self.batch, tally: self.tally, planted: None, keeper: None };
            reader.slice(access, seat, Some(Timer::new(task.origin, Some(1))));
            self.tally = reader.tally;
        } else {
            self.disturb(access, seat, disturbance);
        }
    }

    fn disturb(&mut self, access: &mut dyn Access, seat: &Seat, disturbance: Disturbance) {
        let before = self.tally;
        seat.crew.note_start();
        match disturbance {
            Disturbance::Write => self.write(access, seat),
            Disturbance::Iterate => {
                while runs(seat) {
                    let began = Instant::now();
                    access.iterate();
                    // As long again: a lock that is let go and taken at once may never be the reader's.
                    std::thread::sleep(began.elapsed());
                }
            }
            Disturbance::Grow => self.grow(access, seat),
        }
        seat.crew.file(seat.index, Report { effects: since(&before, &self.tally), ..Report::default() });
        self.await_parking(seat);
    }

    fn write(&mut self, access: &mut dyn Access, seat: &Seat) {
        let writes: Vec<PackedOp> = self.stream.ops().iter().copied().filter(|op| op.kind() != OpKind::Read).collect();
        for batch in writes.chunks(self.batch).cycle() {
            if !runs(seat) {
                break;
            }
            access.run(batch, &mut self.tally);
            access.quiesce();
        }
    }

    /// Each thread has its own keys, beyond those of the streams.
    fn grow(&mut self, access: &mut dyn Access, seat: &Seat) {
        let first = self.stream.ops().iter().map(|op| op.index()).max().unwrap_or(0) + 1;
        let step = seat.crew.threads();
        let keys = (first..MAX_KEY_RANGE).skip(seat.index).step_by(step);
        let mut left = self.batch;
        for index in keys {
            if !runs(seat) {
                break;
            }
            access.insert(index, &mut self.tally);
            left -= 1;
            if left == 0 {
                access.quiesce();
                left = self.batch;
            }
        }
        access.quiesce();
    }
}

/// Until the reader has noted its end, or nothing would disturb its last read.
fn runs(seat: &Seat) -> bool {
    match seat.crew.phase() {
        Phase::Warm | Phase::Measure => true,
        Phase::Drain => !seat.crew.has_ended(),
        Phase::Parked | Phase::Check | Phase::Exit => false,
    }
}
