/// An estimate between the ends of its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// The estimate: `low <= estimate <= high`.
    pub estimate: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Whether `x` lies between the ends, ends included. A ratio that covers 1 is a tie.
    #[must_use]
    pub fn covers(&self, x: f64) -> bool {
        (self.low..=self.high).contains(&x)
    }

    /// The interval of b/a, from the one of a/b.
    #[must_use]
    pub fn reciprocal(&self) -> Self {
        Self { low: self.high.recip(), estimate: self.estimate.recip(), high: self.low.recip() }
    }

    /// How far the further end lies from the estimate, as a share of the estimate: 0.1 reads as "within 10 %".
    #[must_use]
    pub fn relative_reach(&self) -> f64 {
        (self.high - self.estimate).max(self.estimate - self.low) / self.estimate
    }

    /// Back from logarithms. Ends too far apart for a number become the furthest numbers there are.
    pub(crate) fn exp(&self) -> Self {
        let back = |x: f64| x.exp().clamp(f64::MIN_POSITIVE, f64::MAX);
        Self { low: back(self.low), estimate: back(self.estimate), high: back(self.high) }
    }
}

#[cfg(test)]
mod tests {
    use super::Interval;

    #[test]
    fn a_ratio_turns_round() {
        let interval = Interval { low: 0.5, estimate: 1.0, high: 4.0 };
        assert!(interval.covers(0.5) && interval.covers(4.0) && !interval.covers(4.1) && !interval.covers(f64::NAN));
        assert_eq!(interval.reciprocal(), Interval { low: 0.25, estimate: 1.0, high: 2.0 });
        assert!((interval.relative_reach() - 3.0).abs() < 1e-12);
    }

    #[test]
    fn ends_stay_numbers() {
        let wide = Interval { low: -1e4, estimate: 0.0, high: 1e4 }.exp();
        assert_eq!(wide, Interval { low: f64::MIN_POSITIVE, estimate: 1.0, high: f64::MAX });
    }
}
