//! After the clock has stopped: does the map hold what the operations must have left in it?

use mapbench_api::{MapHandle, Operation, StrategyInfo};

use super::keys::Keys;
use super::values::Payload;

/// The operations by which a map is checked, as far as its strategy has them.
#[derive(Clone, Copy)]
pub(crate) struct Checked {
    pub(crate) len: bool,
    pub(crate) for_each: bool,
}

impl Checked {
    pub(crate) fn of(info: &StrategyInfo) -> Self {
        Self { len: info.lacks(Operation::Len).is_none(), for_each: info.lacks(Operation::ForEach).is_none() }
    }
}

/// Checks that the map holds `expected` entries and that every value belongs to its key.
///
/// # Errors
/// What is wrong, in a sentence.
pub(crate) fn conservation<S: Keys, V: Payload, H: MapHandle<S::Owned, V>>(
    handle: &mut H,
    checked: Checked,
    expected: u64,
) -> Result<(), String> {
    handle.quiesce();
    if checked.len {
        let len = handle.len() as u64;
        if len != expected {
            return Err(format!("len() is {len}; prefill + inserted - removed is {expected}"));
        }
    }
    if checked.for_each {
        let (mut seen, mut stranger) = (0_u64, None);
        handle.for_each(|key, value| {
            seen += 1;
            if !value.fits(S::owner(key)) {
                stranger =
                    Some(format!("key {key:x?} holds {:#x}, a value that was made for another key", value.fold()));
            }
        });
        if let Some(stranger) = stranger {
            return Err(stranger);
        }
        if seen != expected {
            return Err(format!("iteration sees {seen} entries; prefill + inserted - removed is {expected}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use mapbench_workload::key_of;

    use super::{Checked, Keys, Payload, conservation};
    use crate::worker::keys::{Integers, Pairs, Strings};
    use crate::worker::values::Block;

    /// A map with the value of one key under another.
    fn exchanged<K: Keys, V: Payload>(keys: &K) {
        let checked = Checked { len: true, for_each: true };
        let check = |owners: [u32; 2]| {
            let entries =
                [1, 2].into_iter().zip(owners).map(|(index, owner)| (keys.make(index), V::of(key_of(owner), 0)));
            let mut map: HashMap<K::Owned, V> = entries.collect();
            conservation::<K, V, _>(&mut map, checked, 2)
        };
        assert_eq!(check([1, 2]), Ok(()));
        let wrong = check([1, 1]).unwrap_err();
        assert!(wrong.starts_with("key ") && wrong.ends_with(", a value that was made for another key"), "{wrong}");
        assert_eq!(wrong.lines().count(), 1, "{wrong}");
    }

    #[test]
    fn a_value_under_another_key_is_seen_whatever_the_types() {
        exchanged::<Integers, u64>(&Integers);
        exchanged::<Integers, Block<128>>(&Integers);
        exchanged::<Integers, Arc<[u8]>>(&Integers);
        exchanged::<Pairs, u64>(&Pairs);
        for strings in Strings::of_every_kind() {
            exchanged::<Strings, u64>(&strings);
            exchanged::<Strings, Block<8>>(&strings);
        }
    }
}
