//! The statistics of a performance gate: is the candidate slower than the base in any cell, with a stated error rate?
//!
//! The datum is a [`Visit`], one a cell and round: two slices each of the base, of the base again and of the candidate, in
//! the order ABCCBA. Its contrast is the logarithm of the candidate's time per operation over the bases', positive when the
//! candidate is slower. Nothing here asks contrasts to be normal, nor cells to be independent of one another. What must
//! hold is that any of the three could have been called the candidate were all alike, and that is bought by design: coins
//! decide in every visit who is built and measured first.
//!
//! [`visit_adjusted_p`] screens all cells at once, at the levels [`spending`] gives each look; [`two_stage`] shares alpha
//! between that and a confirmation with fresh rounds; [`visit_interval`] says how large a change is. [`adjusted_p`] does
//! for contrasts of two sides what [`visit_adjusted_p`] does for three, and [`hodges_lehmann`], [`signed_rank_interval`]
//! and [`upper_bound`] take contrasts without a weight. [`clopper_pearson`], [`detectable`] and [`required_rounds`] say
//! what the gate can do.
//!
//! The statistic, the design and the length of slices were chosen by replaying recorded noise of a shared machine:
//! `cargo run --release -p mapbench-stats --example gate_noise -- RECORDING.csv`.

mod flips;
mod levels;
mod max_t;
mod normal;
mod power;
mod proportion;
mod rivals;
mod scale;
mod signed_rank;
mod two_runs;
mod visit;
mod visit_power;

pub use flips::{CLIP, FLIPS, Test, adjusted_p, statistics};
pub use levels::{LOOKS, Levels, Look, spending, two_stage};
pub use power::{detectable, required_rounds};
pub use proportion::clopper_pearson;
pub use rivals::{criterion_regressed, ratio_regressed};
pub use scale::{contrast, scale};
pub use signed_rank::{hodges_lehmann, signed_rank_interval, upper_bound};
pub use two_runs::{TwoRuns, two_runs_adjusted_p, two_runs_change};
pub use visit::{Visit, VisitedCell, control_adjusted_p, visit_adjusted_p, visit_interval, visit_statistics};
pub use visit_power::{visit_critical, visit_detectable, visit_power};
