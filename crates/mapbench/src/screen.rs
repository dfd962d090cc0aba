//! Texts on the standard output: as wide as they are, or as the terminal is.

use std::io::{IsTerminal, stdout};

use mapbench_report::Text;

/// A text as the standard output is to have it.
pub(crate) fn shown(text: &Text) -> String {
    columns().map_or_else(|| text.terminal(), |columns| text.within(columns))
}

/// The columns of the terminal, as the environment or else the terminal has them; `None` if they are unknown, or if there is none.
fn columns() -> Option<usize> {
    if !stdout().is_terminal() {
        return None;
    }
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let own = || Some(usize::from(rustix::termios::tcgetwinsize(stdout()).ok()?.ws_col));
    asked.or_else(own).filter(|columns| *columns > 0)
}
