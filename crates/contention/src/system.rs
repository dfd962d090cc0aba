//! The functions of the C library that stand between the threads and the system, for those threads that are cores: sleeping
//! and waking follow the turns, time is counted in accesses, chance is none, and the machine has as many processors as it
//! has virtual cores. Everyone else gets what the system says.
//!
//! An executable's own symbols go before those of the C library, so these are called in their stead.

use std::arch::asm;
use std::sync::atomic::{AtomicU32, Ordering};

use libc::{c_int, c_long, c_uint, c_void, clockid_t, cpu_set_t, pid_t, size_t, ssize_t, timespec};

use crate::simulation;
use crate::turns::Waking;

/// A system call: the result, or the error's number, negative.
fn system_call(number: c_long, arguments: [usize; 6]) -> isize {
    let [a, b, c, d, e, f] = arguments;
    let result: isize;
    // SAFETY: the kernel changes rax, rcx and r11, and of memory what the call is for; whoever made the call that is passed
    // on here vouches for its arguments.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e, in("r9") f,
            lateout("rcx") _, lateout("r11") _,
            options(nostack)
        );
    }
    result
}

/// The result as the C library gives it.
fn conclude(result: isize) -> c_long {
    if (-4095..0).contains(&result) {
        // SAFETY: the place of this thread's error number.
        unsafe { *libc::__errno_location() = -result as c_int };
        return -1;
    }
    result as c_long
}

/// Sleeps while the word holds `value`, at least until someone wakes it; may wake for no reason.
pub(crate) fn wait(word: &AtomicU32, value: u32) {
    let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    system_call(libc::SYS_futex, [word.as_ptr() as usize, operation as usize, value as usize, 0, 0, 0]);
}

/// Wakes one thread that waits on the word.
pub(crate) fn wake(word: &AtomicU32) {
    let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    system_call(libc::SYS_futex, [word.as_ptr() as usize, operation as usize, 1, 0, 0, 0]);
}

/// Says a line on standard error and ends the process: a core cannot unwind through what called a hook.
pub(crate) fn fatal(line: &str) -> ! {
    for text in [line, "\n"] {
        system_call(libc::SYS_write, [2, text.as_ptr() as usize, text.len(), 0, 0, 0]);
    }
    loop {
        system_call(libc::SYS_exit_group, [101, 0, 0, 0, 0, 0]);
    }
}

/// A futex call of a core; `None` if it is not about waiting or waking.
fn futex(core: usize, arguments: [usize; 6]) -> Option<isize> {
    let [word, operation, value, timeout, ..] = arguments;
    match operation as c_int & libc::FUTEX_CMD_MASK {
        libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET => {
            // SAFETY: the caller waits on a word of its own memory.
            let now = unsafe { AtomicU32::from_ptr(word as *mut u32) }.load(Ordering::SeqCst);
            if now != value as u32 {
                return Some(-libc::EAGAIN as isize);
            }
            match simulation::sleep(core, word, timeout != 0) {
                Waking::Woken => Some(0),
                Waking::TimedOut => Some(-libc::ETIMEDOUT as isize),
            }
        }
        libc::FUTEX_WAKE | libc::FUTEX_WAKE_BITSET => {
            let woken = simulation::wake(word, value);
            // A thread that is no core may wait as well.
            Some(if woken > 0 { woken as isize } else { system_call(libc::SYS_futex, arguments) })
        }
        _ => None,
    }
}

/// A time in nanoseconds.
///
/// # Safety
/// It points to one.
unsafe fn nanoseconds(time: *const timespec) -> u64 {
    // SAFETY: as promised.
    let time = unsafe { *time };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// `syscall(2)`. Its arguments are passed as those of any function, though it is declared with a variable number of them.
#[unsafe(no_mangle)]
unsafe extern "C" fn syscall(number: c_long, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> c_long {
    let arguments = [a, b, c, d, e, f];
    let ours = match (number, simulation::this_core()) {
        (libc::SYS_futex, Some(core)) => futex(core, arguments),
        (libc::SYS_getrandom, _) if simulation::exists() => {
            // SAFETY: the caller asks for its buffer to be filled.
            Some(unsafe { no_chance(a as *mut c_void, b) })
        }
        _ => None,
    };
    conclude(ours.unwrap_or_else(|| system_call(number, arguments)))
}

/// # Safety
/// The buffer has the length.
unsafe fn no_chance(buffer: *mut c_void, length: usize) -> isize {
    // SAFETY: as promised.
    unsafe { buffer.cast::<u8>().write_bytes(0x5A, length) };
    length as isize
}

#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(buffer: *mut c_void, length: size_t, flags: c_uint) -> ssize_t {
    if simulation::exists() {
        // SAFETY: the caller asks for its buffer to be filled.
        return unsafe { no_chance(buffer, length) };
    }
    conclude(system_call(libc::SYS_getrandom, [buffer as usize, length, flags as usize, 0, 0, 0])) as ssize_t
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sched_yield() -> c_int {
    match simulation::this_core() {
        Some(core) => {
            simulation::yield_turn(core, 0);
            0
        }
        None => conclude(system_call(libc::SYS_sched_yield, [0; 6])) as c_int,
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nanosleep(time: *const timespec, left: *mut timespec) -> c_int {
    match simulation::this_core() {
        Some(core) => {
            // SAFETY: the caller says how long.
            simulation::yield_turn(core, unsafe { nanoseconds(time) });
            0
        }
        None => conclude(system_call(libc::SYS_nanosleep, [time as usize, left as usize, 0, 0, 0, 0])) as c_int,
    }
}

/// Returns the error's number, unlike the others.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_nanosleep(
    clock: clockid_t,
    flags: c_int,
    time: *const timespec,
    left: *mut timespec,
) -> c_int {
    match simulation::this_core() {
        Some(core) => {
            // SAFETY: the caller says how long. An absolute time is not told from a relative one: nobody here asks for one.
            simulation::yield_turn(core, unsafe { nanoseconds(time) });
            0
        }
        None => {
            let arguments = [clock as usize, flags as usize, time as usize, left as usize, 0, 0];
            -system_call(libc::SYS_clock_nanosleep, arguments) as c_int
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    let Some(now) = simulation::clock() else {
        return conclude(system_call(libc::SYS_clock_gettime, [clock as usize, time as usize, 0, 0, 0, 0])) as c_int;
    };
    // SAFETY: the caller asks for the time to be put there.
    unsafe { *time = timespec { tv_sec: (now / 1_000_000_000) as i64, tv_nsec: (now % 1_000_000_000) as i64 } };
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sched_getaffinity(process: pid_t, bytes: size_t, set: *mut cpu_set_t) -> c_int {
    let Some(size) = simulation::size() else {
        let result = system_call(libc::SYS_sched_getaffinity, [process as usize, bytes, set as usize, 0, 0, 0]);
        // The kernel says how many bytes it filled, the C library 0, and it clears the rest.
        if let Ok(filled) = usize::try_from(result) {
            // SAFETY: the caller's set has so many bytes.
            unsafe { set.cast::<u8>().add(filled).write_bytes(0, bytes - filled) };
            return 0;
        }
        return conclude(result) as c_int;
    };
    let mut bits = vec![0_u8; bytes];
    (0..size.min(bytes * 8)).for_each(|core| bits[core / 8] |= 1 << (core % 8));
    // SAFETY: the caller's set has so many bytes.
    unsafe { set.cast::<u8>().copy_from_nonoverlapping(bits.as_ptr(), bytes) };
    0
}
