//! A gate's verdict: for a terminal, for a pull request, for whatever reads JUnit.

mod junit;
mod markdown;
mod rows;
mod terminal;

#[cfg(test)]
mod testing;

pub use junit::gate_junit;
pub use markdown::gate_markdown;
pub use terminal::gate_terminal;
