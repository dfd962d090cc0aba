//! What the operating system is asked: processors, resident memory, stolen time.

use std::fs;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The processors that this process may use, in ascending order.
pub(crate) fn processors() -> Vec<u32> {
    sched_getaffinity(None).map_or_else(
        |_| (0..std::thread::available_parallelism().map_or(1, usize::from) as u32).collect(),
        |set| (0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).map(|cpu| cpu as u32).collect(),
    )
}

/// Binds the calling thread to a processor. Where the system refuses, the thread stays unbound: the numbers are then
/// noisier, not wrong.
pub(crate) fn pin_this_thread(processor: u32) {
    let mut set = CpuSet::new();
    set.set(processor as usize);
    let _ = sched_setaffinity(None, &set);
}

/// Resident memory of a process (`self` or its number), in bytes; `None` where there is no procfs or no such process.
pub(crate) fn resident_bytes(process: &str) -> Option<u64> {
    let statm = fs::read_to_string(format!("/proc/{process}/statm")).ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// The most resident memory that this process ever had, in bytes; `None` where there is no procfs.
pub(crate) fn peak_resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(kibibytes.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
}

/// Time stolen by the hypervisor from all processors since boot, in nanoseconds; 0 where it is not told.
pub(crate) fn steal_ns() -> u64 {
    let steal_ticks = || -> Option<u64> {
        let stat = fs::read_to_string("/proc/stat").ok()?;
        stat.lines().next()?.split_whitespace().nth(8)?.parse().ok()
    };
    steal_ticks().unwrap_or(0) * (1_000_000_000 / rustix::param::clock_ticks_per_second().max(1))
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_process_has_processors_and_memory() {
        assert!(!super::processors().is_empty());
        assert!(super::resident_bytes("self").unwrap() > 100_000);
        assert!(super::peak_resident_bytes().unwrap() > 100_000);
        assert_eq!(super::resident_bytes("no-such-process"), None);
    }
}
