//! A violation as a picture: a lane for each thread, a column for each stamp.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::Violation;
use crate::history::{Call, STILL_RUNNING};

/// Columns between two stamps.
const STEP: usize = 2;

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.calls.len();
        match number {
            1 => writeln!(f, "key {} is not linearizable: nothing explains what this call returned.", self.key)?,
            _ => writeln!(
                f,
                "key {} is not linearizable: no order of these {number} calls explains what they returned.",
                self.key
            )?,
        }
        match self.initial {
            Some(value) => write!(f, "Before them the key held {value}")?,
            None => write!(f, "Before them the key was absent")?,
        }
        match self.left_out {
            0 => writeln!(f, ".\n")?,
            1 => writeln!(f, ". Another call on it is left out: this does not depend on it.\n")?,
            others => writeln!(f, ". {others} other calls on it are left out: this does not depend on them.\n")?,
        }
        lanes(f, &self.calls)?;
        writeln!(f)?;
        legend(f, self)?;
        for origin in &self.origins {
            writeln!(f, "\n{origin}.")?;
        }
        Ok(())
    }
}

fn lanes(f: &mut fmt::Formatter<'_>, calls: &[Call]) -> fmt::Result {
    let columns = columns(calls);
    let width = columns.values().next_back().map_or(0, |last| last + 2 * STEP);
    let threads: BTreeSet<u32> = calls.iter().map(|call| call.thread).collect();
    let name = threads.last().map_or(0, |last| last.to_string().len());
    for thread in threads {
        let mut lane = vec![' '; width];
        for (number, call) in (1..).zip(calls).filter(|(_, call)| call.thread == thread) {
            bar(&mut lane, number, columns[&call.invocation], columns.get(&call.response).copied());
        }
        let lane: String = lane.into_iter().collect();
        writeln!(f, "thread {thread:>name$}  {}", lane.trim_end())?;
    }
    Ok(())
}

/// A call from its invocation to its response, or to the end of the lane if it has none, with its number in the middle.
fn bar(lane: &mut [char], number: usize, from: usize, to: Option<usize>) {
    let last = to.unwrap_or(lane.len() - 1);
    lane[from..=last].fill('─');
    lane[from] = '├';
    lane[last] = if to.is_some() { '┤' } else { '╌' };
    let number = number.to_string();
    let start = from + (last - from).saturating_sub(number.len() - 1) / 2;
    for (place, digit) in lane[start..].iter_mut().zip(number.chars()) {
        *place = digit;
    }
}

/// The column of each stamp: in their order, as close as the numbers inside the bars allow.
fn columns(calls: &[Call]) -> BTreeMap<u64, usize> {
    let room = calls.len().to_string().len() + 1;
    let stamps: BTreeSet<u64> = calls.iter().flat_map(|call| [call.invocation, call.response]).collect();
    let mut columns = BTreeMap::new();
    let mut next = 0;
    for stamp in stamps.into_iter().filter(|stamp| *stamp != STILL_RUNNING) {
        let ends = calls.iter().filter(|call| call.response == stamp);
        let column = ends.map(|call| columns[&call.invocation] + room).max().unwrap_or(0).max(next);
        columns.insert(stamp, column);
        next = column + STEP;
    }
    columns
}

fn legend(f: &mut fmt::Formatter<'_>, violation: &Violation) -> fmt::Result {
    let calls = &violation.calls;
    let last = calls.iter().map(|call| call.response).filter(|response| *response != STILL_RUNNING).max();
    let number = calls.len().to_string().len();
    let thread = calls.iter().map(|call| call.thread.to_string().len()).max().unwrap_or(0);
    let action = calls.iter().map(|call| call.action.to_string().len()).max().unwrap_or(0);
    for (at, call) in (1..).zip(calls) {
        let text = call.action.to_string();
        write!(f, "{at:>number$}  thread {:>thread$}  {text:<action$}  [{}, ", call.thread, call.invocation)?;
        match call.response {
            STILL_RUNNING => writeln!(f, "still running]")?,
            response if Some(response) == last => writeln!(f, "{response}]  <- nothing explains this any more")?,
            response => writeln!(f, "{response}]")?,
        }
    }
    Ok(())
}
