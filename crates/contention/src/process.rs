//! Where the program's own code and data lie.

use std::os::unix::process::CommandExt;
use std::process::Command;

use libc::{c_int, c_ulong};

unsafe extern "C" {
    /// The program's first byte, which the linker provides.
    safe static __executable_start: u8;
}

/// Where the program was loaded: what to take off an address to find it in the executable's debug information.
#[must_use]
pub fn load_address() -> u64 {
    std::ptr::from_ref(&__executable_start) as u64
}

/// Has the program, its libraries and its stacks loaded at the same addresses in every run, by starting it again; to be
/// called first in `main`. Where the system refuses, addresses differ from run to run: some maps hash them.
pub fn fix_addresses() {
    const ASK: c_ulong = 0xFFFF_FFFF;
    let personality = |persona| {
        // SAFETY: the call has no precondition.
        unsafe { libc::personality(persona) }
    };
    let now: c_int = personality(ASK);
    let fixed = now | libc::ADDR_NO_RANDOMIZE;
    if now < 0 || now == fixed || personality(fixed as c_ulong) < 0 {
        return;
    }
    // It returns if it fails, and then nothing was lost but the intention.
    let _ = Command::new("/proc/self/exe").args(std::env::args_os().skip(1)).exec();
}
