//! After the clock has stopped: does the map hold what the operations must have left in it?

use mapbench_api::{MapHandle, Operation, StrategyInfo};
use mapbench_workload::value_fits;

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
pub(crate) fn conservation<H: MapHandle<u64, u64>>(
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
            if !value_fits(*key, *value) {
                stranger = Some((*key, *value));
            }
        });
        if let Some((key, value)) = stranger {
            return Err(format!("key {key:#x} holds {value:#x}, a value that was made for another key"));
        }
        if seen != expected {
            return Err(format!("iteration sees {seen} entries; prefill + inserted - removed is {expected}"));
        }
    }
    Ok(())
}
