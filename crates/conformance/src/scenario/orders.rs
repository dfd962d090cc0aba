//! Orders go from created to delivered, one status after the other, and several workers record the next status at once.

use std::time::{Duration, Instant};

use foldhash::fast::FixedState;
use mapbench_api::{ConcurrentMap, MapHandle, Operation, Strategy};
use serde::{Deserialize, Serialize};

use super::{Finding, lacks};
use crate::verify::meet::{Ended, meet};
use crate::verify::random::Random;

/// The statuses of an order, in their order.
pub const STATUS: [&str; 5] = ["created", "paid", "confirmed", "shipped", "delivered"];

/// How long the workers race for one map.
const BATCH: Duration = Duration::from_millis(10);

/// How a worker records the next status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Reads the status, and then inserts the next one: each call is safe by itself, the two together are not.
    GetThenInsert,
    /// One atomic update.
    Update,
    /// Reads the status, and exchanges it if it is still that one; else once more.
    CompareExchange,
}

impl Form {
    /// All forms.
    pub const ALL: [Form; 3] = [Form::GetThenInsert, Form::Update, Form::CompareExchange];

    /// The name that tables show.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Form::GetThenInsert => "get, then insert",
            Form::Update => "update",
            Form::CompareExchange => "compare_exchange",
        }
    }

    /// No record may be lost.
    #[must_use]
    pub const fn is_atomic(self) -> bool {
        !matches!(self, Form::GetThenInsert)
    }

    const fn needs(self) -> &'static [Operation] {
        match self {
            Form::GetThenInsert => &[Operation::Read, Operation::Insert],
            Form::Update => &[Operation::Read, Operation::Update],
            Form::CompareExchange => &[Operation::Read, Operation::CompareExchange],
        }
    }
}

/// Workers that record the statuses of orders.
///
/// A key holds how many statuses were recorded under it: `n` stands for the status `n % 5` of its order number `n / 5`.
/// When an order is delivered the next one of its key is created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orders {
    /// How they record.
    pub form: Form,
    /// Keys; the fewer, the more often two workers meet.
    pub keys: u32,
    /// Workers.
    pub threads: usize,
    /// How long they work, in milliseconds, all maps together.
    pub millis: u64,
    /// How long at most, in milliseconds, if nothing was lost by then that must be.
    pub longest_millis: u64,
    /// Chooses the keys.
    pub seed: u64,
}

impl Orders {
    pub(super) fn run<S: Strategy>(&self) -> Finding {
        if let Some(reason) = lacks::<S>(self.form.needs(), self.threads) {
            return Finding::NotApplicable(reason);
        }
        let began = Instant::now();
        let (least, most) = (Duration::from_millis(self.millis), Duration::from_millis(self.longest_millis));
        let mut random = Random::new(self.seed, 1);
        let (mut recorded, mut lost) = (0, 0);
        loop {
            match self.batch::<S>(random.next()) {
                Ok((more, gone)) => {
                    recorded += more;
                    lost += gone;
                }
                Err(Ended::Detected(message)) => return Finding::NotApplicable(format!("detected: {message}")),
                Err(Ended::Panicked(message)) => return Finding::Ended(message),
            }
            let must_go_on = lost == 0 && !self.form.is_atomic() && began.elapsed() < most;
            if began.elapsed() >= least && !must_go_on {
                return Finding::Orders { recorded, lost };
            }
        }
    }

    /// Statuses recorded, and lost, on a map of its own.
    fn batch<S: Strategy>(&self, seed: u64) -> Result<(u64, u64), Ended> {
        let entries = (0..u64::from(self.keys)).map(|key| (key, 0));
        let map: S::Map<u64, u64, FixedState> = S::build(self.keys as usize, FixedState::with_seed(seed), entries);
        let maps = [map];
        let met = meet(&maps, self.threads, |handle, place| {
            let mut random = Random::new(seed, place.thread as u64 + 2);
            let deadline = Instant::now() + BATCH;
            let mut recorded = 0_u64;
            // A map that is copied for every write takes long for one.
            while recorded < 16 || Instant::now() < deadline {
                for _ in 0..16 {
                    recorded += u64::from(self.record(handle, random.below(u64::from(self.keys)), &mut random));
                }
                handle.quiesce();
                if Instant::now() >= deadline {
                    break;
                }
            }
            recorded
        });
        let mut recorded = 0;
        for result in met.into_iter().flatten() {
            recorded += result?;
        }
        let mut handle = maps[0].handle();
        handle.quiesce();
        let kept: u64 = (0..u64::from(self.keys)).filter_map(|key| handle.read(&key, |status| *status)).sum();
        Ok((recorded, recorded.abs_diff(kept)))
    }

    /// True if the next status was recorded, as far as the worker can tell.
    fn record(&self, handle: &mut impl MapHandle<u64, u64>, key: u64, random: &mut Random) -> bool {
        match self.form {
            Form::GetThenInsert => {
                // Some maps may miss a key while it is replaced: a worker that finds no order does nothing.
                let Some(status) = handle.read(&key, |status| *status) else { return false };
                work(random);
                handle.insert(key, status + 1);
                true
            }
            Form::Update => {
                work(random);
                handle.update(&key, |status| status + 1)
            }
            Form::CompareExchange => {
                let Some(mut status) = handle.read(&key, |status| *status) else { return false };
                work(random);
                loop {
                    match handle.compare_exchange(&key, &status, status + 1) {
                        Ok(()) => return true,
                        Err(Some(found)) => status = found,
                        Err(None) => return false,
                    }
                }
            }
        }
    }
}

/// What a worker does between looking at an order and recording its next status: mostly little, now and then the
/// processor is another's meanwhile.
fn work(random: &mut Random) {
    if random.once_in(64) {
        std::thread::yield_now();
    } else {
        (0..random.below(32)).for_each(|_| std::hint::spin_loop());
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Finding, Scenario, run};
    use super::{Form, Orders};
    use crate::verify::broken::{Broken, fault};

    fn orders(form: Form, keys: u32, threads: usize) -> Scenario {
        Scenario::Orders(Orders { form, keys, threads, millis: 30, longest_millis: 10_000, seed: 1 })
    }

    type Sound = Broken<{ fault::NONE }>;

    #[test]
    fn get_then_insert_loses_statuses_and_atomic_forms_do_not() {
        let Finding::Orders { recorded, lost } = run::<Sound>(&orders(Form::GetThenInsert, 1, 2)) else { panic!() };
        assert!(0 < lost && lost < recorded, "{lost} of {recorded}");
        for form in [Form::Update, Form::CompareExchange] {
            let Finding::Orders { recorded, lost } = run::<Sound>(&orders(form, 1, 2)) else { panic!() };
            assert!(recorded > 0 && lost == 0, "{form:?}: {lost} of {recorded}");
        }
    }

    #[test]
    fn an_update_that_loses_is_found_to() {
        let Finding::Orders { lost, .. } = run::<Broken<{ fault::UPDATE_IS_LOST }>>(&orders(Form::Update, 1, 2)) else {
            panic!()
        };
        assert!(lost > 0);
    }

    #[test]
    fn one_worker_loses_nothing() {
        let Scenario::Orders(mut alone) = orders(Form::GetThenInsert, 3, 1) else { panic!() };
        alone.longest_millis = alone.millis;
        let Finding::Orders { recorded, lost: 0 } = run::<Sound>(&Scenario::Orders(alone)) else { panic!() };
        assert!(recorded > 0);
    }
}
