//! Standard output and standard error, as commands write to them: neither ends a command by a panic, and a table is as wide as
//! its reader can see.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};

use mapbench_report::Text;

use crate::failure::Failure;

/// Prints a text as it is. That nobody listens any more, as behind `| head`, is no failure: what a command does and answers
/// besides its text stands.
pub(crate) fn print(text: impl Display) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    // What is left in the buffer would be written after the last word on what went wrong.
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::usage(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints a line.
pub(crate) fn line(text: impl Display) -> Result<(), Failure> {
    print(format_args!("{text}\n"))
}

/// Says a line on standard error. Where that fails, there is nowhere left to say so.
pub(crate) fn aside(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A text as standard output is to have it: as wide as it is, or as the terminal is.
pub(crate) fn shown(text: &Text) -> String {
    columns().map_or_else(|| text.terminal(), |columns| text.within(columns))
}

/// The columns of the terminal, as the environment or else the terminal has them; `None` if they are unknown, or if there is
/// none.
fn columns() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let own = || Some(usize::from(rustix::termios::tcgetwinsize(io::stdout()).ok()?.ws_col));
    asked.or_else(own).filter(|columns| *columns > 0)
}
