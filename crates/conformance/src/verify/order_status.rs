//! Orders go from one status to the next by compare and exchange, each by whoever is first: none is skipped, none repeated.

use foldhash::fast::FixedState;
use mapbench_api::{Consistency, MapHandle, Operation, Strategy};

use super::random::Random;
use super::shift::not_applicable;
use super::trial::{Trial, Worker, run};
use super::{Outcome, Setting};

/// The status of an order is its place here.
const STATUS: [&str; 6] = ["created", "paid", "packed", "shipped", "delivered", "closed"];

const LAST: u64 = STATUS.len() as u64 - 1;

pub(super) fn check<S: Strategy>(setting: &Setting) -> Outcome {
    match S::INFO.lacks(Operation::CompareExchange) {
        Some(reason) => not_applicable(&format!("no compare_exchange: {reason}")),
        None => run::<Orders, S, _>(setting, &FixedState::with_seed(setting.seed)),
    }
}

struct Orders {
    orders: u64,
    consistency: Consistency,
}

impl Trial for Orders {
    /// Of each order and status: that this thread ended it.
    type Done = Vec<[u32; STATUS.len()]>;

    fn draw<S: Strategy>(random: &mut Random) -> Self {
        Self { orders: random.pick(&[1, 4, 32, 128]), consistency: S::INFO.consistency }
    }

    fn entries(&self) -> impl Iterator<Item = (u64, u64)> {
        (0..self.orders).map(|order| (order, 0))
    }

    /// Threads take the orders one after the other, so that all are at the same ones.
    fn work<M: MapHandle<u64, u64>>(&self, handle: &mut M, worker: &mut Worker) -> Result<Self::Done, String> {
        let mut won = vec![[0; STATUS.len()]; self.orders as usize];
        for order in 0..self.orders {
            let mut status = 0;
            while status < LAST {
                worker.operations += 1;
                if worker.random.once_in(2) {
                    status = self.look(order, status, handle.read(&order, |status| *status))?;
                    if status == LAST {
                        break;
                    }
                }
                worker.pause();
                match handle.compare_exchange(&order, &status, status + 1) {
                    Ok(()) => {
                        won[order as usize][status as usize] += 1;
                        status += 1;
                    }
                    Err(None) => {
                        return Err(format!("compare_exchange found no order {order}, which is never removed"));
                    }
                    Err(Some(found)) if found <= status || found > LAST => {
                        let (found, expected) = (name(found), name(status));
                        return Err(format!("order {order} was {expected}, and compare_exchange found it {found}"));
                    }
                    Err(Some(found)) => status = found,
                }
            }
        }
        Ok(won)
    }

    fn judge<M: MapHandle<u64, u64>>(&self, handle: &mut M, done: &[Self::Done]) -> Result<(), String> {
        for order in 0..self.orders {
            for status in 0..LAST {
                let ended: u32 = done.iter().map(|won| won[order as usize][status as usize]).sum();
                if ended != 1 {
                    return Err(format!("order {order} ceased to be {} {ended} times", name(status)));
                }
            }
            let found = handle.read(&order, |status| *status);
            if found != Some(LAST) {
                let found = found.map_or("absent".to_owned(), name);
                return Err(format!("order {order} was {}, and is {found}", name(LAST)));
            }
        }
        Ok(())
    }
}

impl Orders {
    /// The status that the thread now knows of.
    fn look(&self, order: u64, known: u64, read: Option<u64>) -> Result<u64, String> {
        let exact = self.consistency == Consistency::Linearizable;
        match read {
            Some(found) if found > LAST || (exact && found < known) => {
                Err(format!("a thread that knew of order {order} as {} read {}", name(known), name(found)))
            }
            None if exact => Err(format!("a read missed order {order}, which is never removed")),
            found => Ok(found.unwrap_or(known).max(known)),
        }
    }
}

fn name(status: u64) -> String {
    STATUS.get(status as usize).map_or_else(|| format!("in status {status}, which there is none"), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn a_status_that_is_repeated_skipped_or_lost_is_found() {
        let trial = Orders { orders: 1, consistency: Consistency::Linearizable };
        let judge = |won: [[u32; STATUS.len()]; 2], last| {
            trial.judge(&mut HashMap::from([(0, last)]), &won.map(|won| vec![won]))
        };
        assert_eq!(judge([[1, 0, 1, 0, 1, 0], [0, 1, 0, 1, 0, 0]], LAST), Ok(()));
        let repeated = judge([[1, 0, 1, 0, 1, 0], [1, 1, 0, 1, 0, 0]], LAST);
        assert_eq!(repeated, Err("order 0 ceased to be created 2 times".to_owned()));
        let skipped = judge([[1, 0, 1, 0, 1, 0], [0, 1, 0, 0, 0, 0]], LAST);
        assert_eq!(skipped, Err("order 0 ceased to be shipped 0 times".to_owned()));
        let lost = judge([[1, 1, 1, 1, 1, 0], [0; STATUS.len()]], 2);
        assert_eq!(lost, Err("order 0 was closed, and is packed".to_owned()));
    }

    #[test]
    fn a_linearizable_read_does_not_go_back() {
        for (consistency, sound) in [(Consistency::Linearizable, false), (Consistency::Published, true)] {
            let trial = Orders { orders: 1, consistency };
            assert_eq!(trial.look(0, 3, Some(2)).is_ok(), sound);
            assert_eq!(trial.look(0, 3, None).is_ok(), sound);
            assert_eq!(trial.look(0, 3, Some(4)), Ok(4));
            assert!(trial.look(0, 3, Some(LAST + 1)).is_err());
        }
    }
}
