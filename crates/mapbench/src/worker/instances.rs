//! The combinations of types that are compiled for every strategy, and the map of a cell.

use std::marker::PhantomData;
use std::sync::Arc;

use mapbench_api::{HashBuilder, Strategy};
use mapbench_workload::{HasherName, KeyType, Load, ValueType, key_of};

use super::access::{Subject, Typed};
use super::check::Checked;
use super::keys::{self, Integers, Keys, Pairs, Ready, Strings, is_text};
use super::values::{self, Block, Payload};
use crate::hasher::{self, AnyHasher};
use crate::protocol::Open;

/// Makes the list and what builds from it of one table, so that they cannot differ.
macro_rules! instances {
    ($($keys:ident, $class:pat => $value:ident: $payload:ty;)+) => {
        /// Whether maps of these types are compiled, with any hasher.
        const fn is_compiled(key: KeyType, value: ValueType) -> bool {
            matches!((key, value), $(($class, ValueType::$value))|+)
        }

        fn any<S: Strategy>(open: &Open, ready: &Ready) -> Box<dyn Subject> {
            let hasher = AnyHasher::new(open.load.hasher, S::OWN_HASHER, open.hash_seed);
            match (open.load.key, open.load.value) {
                $(($class, ValueType::$value) => filled::<S, $keys, $payload, _>(open, ready, hasher),)+
                _ => unreachable!("the cell was refused"),
            }
        }
    };
}

// Each is compiled for every strategy, so they are few: what shipped workloads have, and one step in each direction.
instances! {
    Integers, KeyType::U64 => B8: u64;
    Integers, KeyType::U64 => B64: Block<8>;
    Integers, KeyType::U64 => B1024: Block<128>;
    Integers, KeyType::U64 => ArcBytes: Arc<[u8]>;
    Pairs, KeyType::PairU128 => B8: u64;
    Strings, KeyType::ShortString | KeyType::LongString | KeyType::PathString => B8: u64;
    Strings, KeyType::ShortString | KeyType::LongString | KeyType::PathString => B1024: Block<128>;
}

/// The map of a cell, with its entries. All that is compiled anew for every strategy hangs on this function.
///
/// # Panics
/// When the types are not [`compiled`].
pub(crate) fn build<S: Strategy>(open: &Open, ready: &Ready) -> Box<dyn Subject> {
    // What is measured most is measured without a choice of hashers on the way.
    if is_plain(&open.load) {
        return filled::<S, Integers, u64, _>(open, ready, hasher::seeded(open.hash_seed));
    }
    if cfg!(feature = "contention") {
        unreachable!("the simulator has no other types");
    }
    any::<S>(open, ready)
}

/// Bytes of a key and a value of a load, which every map must hold: what lies in the map and what it points to.
pub(crate) fn key_value_bytes(load: &Load) -> u64 {
    (keys::bytes(load.key) + values::bytes(load.value)) as u64
}

/// Whether a load has the types and the hasher of the default workload.
pub(crate) fn is_plain(load: &Load) -> bool {
    (load.key, load.value, load.hasher) == (KeyType::U64, ValueType::B8, HasherName::Foldhash)
}

fn filled<S: Strategy, K: Keys, V: Payload, B: HashBuilder>(open: &Open, ready: &Ready, hasher: B) -> Box<dyn Subject> {
    let keys = K::of(ready);
    let key = |index| std::borrow::Borrow::<K::Owned>::borrow(&keys.key(index)).clone();
    let entries = open.load.prefill(open.threads).into_iter().map(|index| (key(index), V::of(key_of(index), 0)));
    let map = S::build(open.load.capacity as usize, hasher, entries);
    Box::new(Typed { map, keys, checked: Checked::of(&S::INFO), values: PhantomData::<fn(V)> })
}

/// Checks that the types of a load are compiled, and that its keys can be kept ready.
///
/// # Errors
/// The types that there are, and how to get more.
pub(crate) fn compiled(load: &Load, threads: u32) -> Result<(), String> {
    let Load { key, value, .. } = *load;
    if cfg!(feature = "contention") && !is_plain(load) {
        return Err("the simulator has no other types than u64 keys, values of 8 bytes and foldhash".to_owned());
    }
    if !is_compiled(key, value) {
        return Err(format!("keys of {key} with values of {value} are not compiled; there are {}", list()));
    }
    let range = load.key_range(threads);
    if is_text(key) && range > Ready::MOST {
        return Err(format!(
            "{range} strings are more than are kept ready, {}: make the key range smaller",
            Ready::MOST
        ));
    }
    Ok(())
}

/// `u64 with 8; short-string with 8, 1024`.
fn list() -> String {
    let of_key = |key: &KeyType| {
        let values = ValueType::ALL.iter().filter(|value| is_compiled(*key, **value)).map(|value| value.name());
        let values: Vec<&str> = values.collect();
        (!values.is_empty()).then(|| format!("{key} with {}", values.join(", ")))
    };
    KeyType::ALL.iter().filter_map(of_key).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use mapbench_adapter_lock::StdMutex;
    use mapbench_workload::{Mix, OpKind, Percent, Space, Stream};

    use super::*;
    use crate::protocol::PROTOCOL_VERSION;
    use crate::registry::Registry;
    use crate::worker::Tally;

    fn open(key: KeyType, value: ValueType, hasher: HasherName, kinds: &[OpKind]) -> Open {
        let share = Percent::whole(100 / kinds.len() as u8);
        let mix = Mix::fixed(&kinds.iter().map(|kind| (*kind, share)).collect::<Vec<_>>()).unwrap();
        Open {
            protocol: PROTOCOL_VERSION,
            strategy: "std-mutex".to_owned(),
            threads: 1,
            load: Load { key, value, hasher, ..Load::uniform(mix, 50, 100) },
            stream_seeds: vec![1],
            hash_seed: 1,
            processors: Vec::new(),
            planted: None,
        }
    }

    /// Does operations on a map of the cell, and checks what they left in it.
    fn conserves(map: &dyn Subject, open: &Open, what: &str) {
        let stream = Stream::of(&open.load, 1, 0, 1);
        map.attend(stream.ops(), &mut |access| {
            let mut tally = Tally::default();
            access.run(&stream.ops()[..3_000], &mut tally);
            // Beyond the key range.
            access.insert(1_000, &mut tally);
            access.quiesce();
            let done = tally.effects();
            assert!(done.hits > 100 && done.misses > 100 && done.removed > 100, "{what}: {done:?}");
            let expected = 50 + done.inserted - done.removed;
            access.conserve(expected).unwrap_or_else(|wrong| panic!("{what}: {wrong}"));
            assert!(access.conserve(expected + 1).is_err(), "{what}");
        });
    }

    fn types() -> impl Iterator<Item = (KeyType, ValueType)> {
        let all = KeyType::ALL.iter().flat_map(|key| ValueType::ALL.iter().map(move |value| (*key, *value)));
        all.filter(|(key, value)| is_compiled(*key, *value))
    }

    /// Under every hasher, and for every operation.
    #[test]
    fn what_is_put_under_a_key_of_any_type_is_found_there() {
        let kinds = [OpKind::Read, OpKind::Insert, OpKind::Remove, OpKind::Update, OpKind::CompareExchange];
        for (key, value) in types() {
            for hasher in HasherName::ALL {
                let open = open(key, value, *hasher, &kinds);
                compiled(&open.load, 1).unwrap();
                conserves(&*build::<StdMutex>(&open, &Ready::of(&open)), &open, &format!("{key} {value} {hasher}"));
            }
        }
    }

    #[test]
    fn every_strategy_keeps_every_type() {
        let kinds = [OpKind::Read, OpKind::Insert, OpKind::InsertNew, OpKind::Remove];
        let mut done = 0;
        for (key, value) in types() {
            let open = open(key, value, HasherName::Default, &kinds);
            for entry in Registry::with(&[]).entries().iter().filter(|entry| entry.refuses(&open.load, 1).is_none()) {
                conserves(&*entry.map(&open), &open, &format!("{} {key} {value}", entry.info.name));
                done += 1;
            }
        }
        assert!(done >= 20 * types().count(), "{done}");
    }

    #[test]
    fn what_is_not_compiled_is_refused_with_what_is() {
        let load = |key, value| open(key, value, HasherName::Foldhash, &[OpKind::Read]).load;
        let wrong = compiled(&load(KeyType::PairU128, ValueType::B1024), 1).unwrap_err();
        let expected = "keys of u128-pair with values of 1024 are not compiled; there are u64 with 8, ";
        assert!(wrong.starts_with(expected) && wrong.ends_with("path-string with 8, 1024"), "{wrong}");
        let many = Load { space: Space::Range(1 << 23), ..load(KeyType::PathString, ValueType::B8) };
        assert!(compiled(&many, 1).unwrap_err().contains("more than are kept ready, 4194304"));
    }
}
