//! Gunther's universal scalability law, for comparison: what two numbers say of a whole curve.

/// X(N) = `single` N / (1 + `contention` (N - 1) + `coherency` N (N - 1)); Gunther, Guerrilla Capacity Planning, 2007.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scalability {
    /// The throughput of one.
    pub single: f64,
    /// The share that is done one after the other, usually called sigma.
    pub contention: f64,
    /// The cost of every pair's agreement, usually called kappa.
    pub coherency: f64,
}

impl Scalability {
    /// The throughput of `n`.
    #[must_use]
    pub fn at(&self, n: f64) -> f64 {
        self.single * n / (1.0 + self.contention * (n - 1.0) + self.coherency * n * (n - 1.0))
    }
}

/// Fits the law to throughputs by number of threads, of which one must be that of a single thread: least squares of
/// (`single` N / X - 1) / (N - 1) = contention + coherency N, neither below 0.
///
/// `None` without a single thread, or with fewer than two others.
#[must_use]
pub fn fit(points: &[(u32, f64)]) -> Option<Scalability> {
    let single = points.iter().find(|(n, _)| *n == 1)?.1;
    let others: Vec<(f64, f64)> = points
        .iter()
        .filter(|(n, x)| *n > 1 && *x > 0.0)
        .map(|(n, x)| (f64::from(*n), (single * f64::from(*n) / x - 1.0) / (f64::from(*n) - 1.0)))
        .collect();
    if others.len() < 2 {
        return None;
    }
    let count = others.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| others.iter().map(of).sum::<f64>() / count;
    let (n, y) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = others.iter().map(|point| (point.0 - n).powi(2)).sum();
    let slope = others.iter().map(|point| (point.0 - n) * (point.1 - y)).sum::<f64>() / spread;
    let (contention, coherency) = match (y - slope * n, slope) {
        (_, slope) if slope < 0.0 => (y.max(0.0), 0.0),
        (share, _) if share < 0.0 => {
            let squares: f64 = others.iter().map(|point| point.0 * point.0).sum();
            let share = others.iter().map(|point| point.0 * point.1).sum::<f64>() / squares;
            (0.0, share.max(0.0))
        }
        both => both,
    };
    Some(Scalability { single, contention, coherency })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_of_the_law_is_found_again() {
        for law in [(0.0, 0.0), (0.1, 0.0), (0.0, 0.01), (0.05, 0.002)] {
            let law = Scalability { single: 20.0, contention: law.0, coherency: law.1 };
            let points: Vec<(u32, f64)> = [1, 2, 4, 8, 16, 32].map(|n| (n, law.at(f64::from(n)))).to_vec();
            let found = fit(&points).unwrap();
            assert!((found.contention - law.contention).abs() < 1e-9, "{law:?} {found:?}");
            assert!((found.coherency - law.coherency).abs() < 1e-9, "{law:?} {found:?}");
        }
    }

    #[test]
    fn too_few_points_fit_nothing() {
        assert_eq!(fit(&[(2, 1.0), (4, 1.0), (8, 1.0)]), None);
        assert_eq!(fit(&[(1, 1.0), (4, 1.0)]), None);
        // More than linear: no negative share is made of it.
        assert_eq!(fit(&[(1, 1.0), (2, 3.0), (4, 8.0)]).map(|law| (law.contention, law.coherency)), Some((0.0, 0.0)));
    }
}
