//! From what was measured and what is implied to a verdict, with the reason in a sentence.

use mapbench_results::ClaimVerdict;
use mapbench_stats::Interval;
use mapbench_stats::gate::clopper_pearson;

use crate::format;

/// A verdict and why.
pub type Judged = (ClaimVerdict, String);

/// Two strategies whose ratio lies within this factor are level.
const LEVEL: f64 = 1.1;

/// What a claim implies of a ratio: that it lies between two numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Implied {
    /// The least, 0 if there is none.
    pub low: f64,
    /// The most, infinite if there is none.
    pub high: f64,
}

impl Implied {
    /// Which side of 1 is implied; `None` if 1 itself would do.
    fn above(self) -> Option<bool> {
        if self.low > 1.0 || (self.low == 1.0 && self.high > 1.0) {
            Some(true)
        } else if self.high < 1.0 || (self.high == 1.0 && self.low < 1.0) {
            Some(false)
        } else {
            None
        }
    }
}

impl std::fmt::Display for Implied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let n = format::significant;
        match (self.low > 0.0, self.high.is_finite()) {
            (true, true) => write!(f, "{} to {}", n(self.low), n(self.high)),
            (true, false) => write!(f, "at least {}", n(self.low)),
            (false, true) => write!(f, "at most {}", n(self.high)),
            (false, false) => f.write_str("anything"),
        }
    }
}

/// Judges a ratio by its interval.
///
/// Reproduced: the interval meets what is implied and lies wholly on its side of 1 (where 1 itself would do, it lies
/// within what is implied). Direction only: it lies on that side of 1 and does not meet it. Refuted: it lies on the other
/// side, or spans 1 without meeting what is implied, or a claim of "faster" finds a difference of at most a tenth. An
/// interval that spans both 1, or the implied bound, and what is implied tells nothing.
#[must_use]
pub fn judge_ratio(measured: &Interval, implied: Implied) -> Judged {
    let meets = measured.low <= implied.high && measured.high >= implied.low;
    let shown = format!("{}x {}", format::significant(measured.estimate), format::interval(measured));
    match implied.above() {
        None if !meets => (ClaimVerdict::Refuted, format!("{shown}, and {implied} is implied")),
        None if measured.low >= implied.low && measured.high <= implied.high => {
            (ClaimVerdict::Reproduced, format!("{shown} lies within what is implied, {implied}"))
        }
        None => (
            ClaimVerdict::CannotBeTested,
            format!("{shown} is too wide to be told from the bound of what is implied, {implied}: measure longer"),
        ),
        Some(above) => {
            let right = if above { measured.low > 1.0 } else { measured.high < 1.0 };
            let wrong = if above { measured.high < 1.0 } else { measured.low > 1.0 };
            if wrong {
                (ClaimVerdict::Refuted, format!("{shown}: the other side is ahead"))
            } else if right && meets {
                (ClaimVerdict::Reproduced, format!("{shown} meets what is implied, {implied}"))
            } else if right {
                (ClaimVerdict::DirectionOnly, format!("{shown}: that side is ahead, but {implied} is implied"))
            } else if meets && !(touches_one(implied) && is_level(measured)) {
                (ClaimVerdict::CannotBeTested, format!("{shown} spans both 1 and what is implied: measure longer"))
            } else {
                (ClaimVerdict::Refuted, format!("{shown}: no difference was shown, and {implied} is implied"))
            }
        }
    }
}

/// A claim of "faster", by however little.
fn touches_one(implied: Implied) -> bool {
    implied.low == 1.0 || implied.high == 1.0
}

/// No difference of more than a tenth: who is level is not faster.
fn is_level(measured: &Interval) -> bool {
    measured.low >= 1.0 / LEVEL && measured.high <= LEVEL
}

/// Judges a number that was counted and must be nothing, or something.
#[must_use]
pub fn judge_count(counted: u64, of: u64, must_be_none: bool) -> Judged {
    let shown = format!("{counted} of {of}");
    match (counted, must_be_none) {
        (_, _) if of == 0 => (ClaimVerdict::CannotBeTested, "nothing was done".to_owned()),
        (0, true) => (ClaimVerdict::Reproduced, format!("none of {of}")),
        (_, true) => (ClaimVerdict::Refuted, format!("{shown}, where there must be none")),
        (0, false) => (ClaimVerdict::Refuted, format!("none of {of}, where there must be some")),
        (_, false) => (ClaimVerdict::Reproduced, shown),
    }
}

/// What a claim says of how often something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// In every run.
    Always,
    /// In no run.
    Never,
}

/// The 95 % interval of a share of runs (Clopper and Pearson's); `None` without runs.
#[must_use]
pub fn share(happened: u32, runs: u32) -> Option<Interval> {
    clopper_pearson(happened, runs, 0.95)
}

/// Judges how many of the runs showed what must happen always, or never.
#[must_use]
pub fn judge_certainty(happened: u32, runs: u32, certainty: Certainty) -> Judged {
    let Some(share) = share(happened, runs) else {
        return (ClaimVerdict::CannotBeTested, "there was no run".to_owned());
    };
    let shown = format!(
        "in {happened} of {runs} runs, {:.1} % [{:.1}, {:.1}]",
        share.estimate * 100.0,
        share.low * 100.0,
        share.high * 100.0
    );
    match (certainty, happened) {
        (Certainty::Always, happened) if happened == runs => (ClaimVerdict::Reproduced, shown),
        (Certainty::Never, 0) => (ClaimVerdict::Reproduced, shown),
        (Certainty::Always, _) => (ClaimVerdict::Refuted, format!("{shown}: it is not certain")),
        (Certainty::Never, _) => (ClaimVerdict::Refuted, format!("{shown}: it does happen")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ClaimVerdict::{CannotBeTested, DirectionOnly, Refuted, Reproduced};

    fn ratio(low: f64, high: f64, implied_low: f64, implied_high: f64) -> ClaimVerdict {
        let measured = Interval { low, estimate: f64::midpoint(low, high), high };
        judge_ratio(&measured, Implied { low: implied_low, high: implied_high }).0
    }

    #[test]
    fn a_ratio_is_judged_by_its_interval() {
        // 7.2 within a factor of 1.5.
        let implied = (4.8, 10.8);
        for (low, high, verdict) in [
            (6.0, 7.0, Reproduced),
            (3.0, 4.9, Reproduced),
            (10.7, 20.0, Reproduced),
            (1.1, 4.7, DirectionOnly),
            (11.0, 20.0, DirectionOnly),
            (0.9, 1.1, Refuted),
            (0.5, 0.9, Refuted),
            (0.5, 6.0, CannotBeTested),
        ] {
            assert_eq!(ratio(low, high, implied.0, implied.1), verdict, "[{low}, {high}]");
            // The same the other way round.
            assert_eq!(ratio(1.0 / high, 1.0 / low, 1.0 / implied.1, 1.0 / implied.0), verdict, "[{low}, {high}]");
        }
    }

    #[test]
    fn faster_means_that_one_is_shown_to_be() {
        let faster = |low, high| ratio(low, high, 1.0, f64::INFINITY);
        assert_eq!(faster(1.01, 1.02), Reproduced);
        assert_eq!(faster(0.99, 1.02), Refuted);
        assert_eq!(faster(0.9, 1.5), CannotBeTested);
        assert_eq!(faster(0.5, 0.6), Refuted);
        assert_eq!(ratio(0.99, 1.02, 0.0, 1.0), Refuted);
        assert_eq!(ratio(0.8, 0.9, 0.0, 1.0), Reproduced);
    }

    #[test]
    fn a_bound_that_allows_a_tie_is_kept_or_broken() {
        // Within 2x of the best, which itself has the ratio 1.
        let within = |low, high| ratio(low, high, 0.5, f64::INFINITY);
        assert_eq!(within(0.6, 0.7), Reproduced);
        assert_eq!(within(1.0, 1.0), Reproduced);
        assert_eq!(within(0.4, 0.45), Refuted);
        assert_eq!(within(0.4, 0.6), CannotBeTested);
        assert_eq!(ratio(0.9, 1.1, 0.8, 1.25), Reproduced);
    }

    #[test]
    fn reasons_name_what_was_measured_and_what_is_implied() {
        let measured = Interval { low: 1.2, estimate: 1.3, high: 1.4 };
        let (_, why) = judge_ratio(&measured, Implied { low: 4.8, high: 10.8 });
        assert_eq!(why, "1.30x [1.20, 1.40]: that side is ahead, but 4.80 to 10.8 is implied");
        assert_eq!(Implied { low: 0.5, high: f64::INFINITY }.to_string(), "at least 0.500");
    }

    #[test]
    fn counts_and_certainties() {
        assert_eq!(judge_count(3, 10, false), (Reproduced, "3 of 10".to_owned()));
        assert_eq!(judge_count(0, 10, false).0, Refuted);
        assert_eq!(judge_count(0, 10, true).0, Reproduced);
        assert_eq!(judge_count(1, 10, true).0, Refuted);
        assert_eq!(judge_count(0, 0, true).0, CannotBeTested);
        assert_eq!(judge_certainty(20, 20, Certainty::Always).0, Reproduced);
        assert_eq!(judge_certainty(19, 20, Certainty::Always).0, Refuted);
        assert_eq!(judge_certainty(0, 20, Certainty::Never).0, Reproduced);
        assert_eq!(judge_certainty(1, 20, Certainty::Never).0, Refuted);
        assert_eq!(judge_certainty(0, 0, Certainty::Never).0, CannotBeTested);
        // R: binom.test(0, 20)
        assert_eq!(judge_certainty(0, 20, Certainty::Never).1, "in 0 of 20 runs, 0.0 % [0.0, 16.8]");
    }
}
