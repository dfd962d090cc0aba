//! `mapbench serve`: an HTTP service over a strategy.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use mapbench_service::{Limits, Store, serve};
use mapbench_workload::{Load, Mix, OpKind, PackedOp, Percent};

use crate::failure::Failure;
use crate::interrupt;
use crate::protocol::{Open, PROTOCOL_VERSION};
use crate::registry::Registry;
use crate::worker::{Access, Tally};

/// Requests of a thread between two calls of [`Access::quiesce`]; a write is followed by one.
const QUIESCE_EVERY: u32 = 64;

/// A service to be run.
pub(crate) struct Order {
    pub(crate) strategy: String,
    pub(crate) listen: SocketAddr,
    pub(crate) population: u32,
    pub(crate) threads: u32,
    pub(crate) connections: u32,
    pub(crate) patience: Duration,
    pub(crate) seed: u64,
}

/// What the service says first, followed by its address.
pub(crate) const LISTENING: &str = "listening on http://";

/// Serves until an interrupt or a termination.
///
/// # Errors
/// When there is no such strategy, it cannot read and insert on so many threads, or the system refuses the socket.
pub(crate) fn run(registry: &Registry, order: &Order) -> Result<(), Failure> {
    let entry = registry.find(&order.strategy)?;
    let half = Percent::whole(50);
    let mix = Mix::new(half, &[(OpKind::Insert, Percent::ALL)]).map_err(Failure::usage)?;
    let load = Load::uniform(mix, order.population, order.population);
    if let Some(reason) = entry.refuses(&load, order.threads) {
        return Err(Failure::usage(format!("`{}` cannot serve: {reason}", order.strategy)));
    }
    let map = entry.map(&Open {
        protocol: PROTOCOL_VERSION,
        strategy: order.strategy.clone(),
        threads: order.threads,
        load,
        stream_seeds: Vec::new(),
        hash_seed: order.seed,
        processors: Vec::new(),
        planted: None,
    });
    let at = order.listen;
    let refused = |error: std::io::Error| {
        Failure::usage(format!("cannot listen on {at}: {error}; choose another address with --listen"))
    };
    let listener = TcpListener::bind(at).map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    interrupt::heed();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{LISTENING}{address}").and_then(|()| out.flush()).map_err(Failure::usage)?;
    drop(out);
    let limits =
        Limits { connections: order.connections as usize, patience: order.patience, grace: Duration::from_secs(5) };
    let map = &*map;
    serve(&listener, order.threads as usize, &limits, interrupt::flag(), &|work| {
        map.attend(&[], &mut |access| {
            let population = order.population;
            work(&mut Entries { access, population, tally: Tally::default(), since_quiesce: 0 });
        });
    })
    .map_err(|error| Failure::usage(format!("the service ended: {error}")))
}

/// The entries of a map as a service reads and writes them.
struct Entries<'a> {
    access: &'a mut dyn Access,
    population: u32,
    tally: Tally,
    since_quiesce: u32,
}

impl Entries<'_> {
    fn run(&mut self, kind: OpKind, index: u32, sum: u64) {
        self.tally.sum = sum;
        self.access.run(&[PackedOp::new(kind, index)], &mut self.tally);
        self.since_quiesce += 1;
        if kind != OpKind::Read || self.since_quiesce >= QUIESCE_EVERY {
            self.since_quiesce = 0;
            self.access.quiesce();
        }
    }
}

impl Store for Entries<'_> {
    fn get(&mut self, index: u32) -> Option<u32> {
        if index >= self.population {
            return None;
        }
        let hits = self.tally.hits;
        // A read adds the value that it finds to the sum; its lower half is what was put.
        self.run(OpKind::Read, index, 0);
        (self.tally.hits > hits).then_some(self.tally.sum as u32)
    }

    fn put(&mut self, index: u32, value: u32) -> bool {
        if index >= self.population {
            return false;
        }
        // An insert stores the lower half of the sum under its key.
        self.run(OpKind::Insert, index, u64::from(value));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_strategy_that_can_serves_what_was_put() {
        let mix = Mix::new(Percent::whole(50), &[(OpKind::Insert, Percent::ALL)]).unwrap();
        let load = Load::uniform(mix, 10, 10);
        let mut served = 0;
        for entry in Registry::with(&[]).entries().iter().filter(|entry| entry.refuses(&load, 1).is_none()) {
            let map = entry.map(&Open {
                protocol: PROTOCOL_VERSION,
                strategy: entry.info.name.to_owned(),
                threads: 1,
                load: load.clone(),
                stream_seeds: Vec::new(),
                hash_seed: 1,
                processors: Vec::new(),
                planted: None,
            });
            map.attend(&[], &mut |access| {
                let mut entries = Entries { access, population: 10, tally: Tally::default(), since_quiesce: 0 };
                assert_eq!(entries.get(3), Some(0), "{}", entry.info.name);
                assert!(entries.put(3, u32::MAX) && entries.put(9, 7));
                let found = [3, 9, 0].map(|index| entries.get(index));
                assert_eq!(found, [Some(u32::MAX), Some(7), Some(0)], "{}", entry.info.name);
                assert!(entries.get(10).is_none() && !entries.put(10, 1), "{}", entry.info.name);
            });
            served += 1;
        }
        assert!(served > 20, "{served}");
    }
}
