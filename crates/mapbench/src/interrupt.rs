//! An interrupt at the terminal: what measures looks for it between two steps, and keeps what it has.

use std::sync::atomic::{AtomicBool, Ordering};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on the first interrupt is noted; a second one does not wait, and the workers end with this process.
pub(crate) fn heed() {
    // A handler that is set already is this one.
    let _ = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
}

/// Whether there was one.
pub(crate) fn came() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// What is set when there was one, for who waits for it in a way of its own.
#[cfg(feature = "service")]
pub(crate) fn flag() -> &'static AtomicBool {
    &INTERRUPTED
}
