//! Figures that others published, of machines with more cores than a continuous-integration machine has, and what is assumed
//! about those machines.
//!
//! The figures are those of the comparisons of Rust's concurrent maps that run conc-map-bench's mixes: `read-heavy` is 98 %
//! reads, 1 % inserts and 1 % removals, `exchange` 10 % reads, 40 % inserts, 40 % removals and 10 % updates.

use crate::topology::Topology;

/// A figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// The machine.
    pub machine: &'static str,
    /// The mix: `read-heavy` or `exchange`.
    pub mix: &'static str,
    /// The strategy.
    pub strategy: &'static str,
    /// Threads.
    pub threads: u32,
    /// Millions of operations a second.
    pub mops: f64,
}

const FIGURES: &str = include_str!("../data/published.csv");

const MACHINES: [(&str, &str); 3] = [
    ("8845hs", include_str!("../data/8845hs.toml")),
    ("9950x", include_str!("../data/9950x.toml")),
    ("m1-pro", include_str!("../data/m1-pro.toml")),
];

/// All figures, and the machines that they are of.
///
/// # Panics
/// Never: the tests read the same files.
#[must_use]
pub fn published() -> (Vec<Published>, Vec<(&'static str, Topology)>) {
    let figures = FIGURES.lines().skip(1).map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        let [machine, mix, strategy, threads, mops] = fields[..] else { panic!("{line}: not five fields") };
        let number = "a number in the file of figures";
        Published { machine, mix, strategy, threads: threads.parse().expect(number), mops: mops.parse().expect(number) }
    });
    let machines =
        MACHINES.map(|(name, text)| (name, Topology::parse(text).expect("a topology file that the tests have read")));
    (figures.collect(), machines.to_vec())
}

#[cfg(test)]
mod tests {
    use super::published;

    #[test]
    fn every_figure_has_its_machine_and_its_single_thread() {
        let (figures, machines) = published();
        assert_eq!(figures.len(), 84);
        for figure in &figures {
            assert!(machines.iter().any(|(name, _)| *name == figure.machine), "{figure:?}");
            assert!(["read-heavy", "exchange"].contains(&figure.mix), "{figure:?}");
            let single = figures.iter().filter(|other| {
                (other.machine, other.mix, other.strategy) == (figure.machine, figure.mix, figure.strategy)
                    && other.threads == 1
            });
            assert_eq!(single.count(), 1, "{figure:?}");
        }
    }
}
