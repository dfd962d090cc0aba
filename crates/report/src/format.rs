//! Numbers as readers want them: three significant digits, the unit beside.

use std::fmt::Display;

use mapbench_results::{Cell, Group, Status};
use mapbench_stats::Interval;

/// An interval that reaches further than this, as a share of the estimate, is wide.
pub(crate) const WIDE: f64 = 0.05;

/// Operations per second, in millions.
pub(crate) fn rate(ops_s: u64) -> String {
    significant(ops_s as f64 / 1e6)
}

/// A number with three significant digits, and all digits before the point.
pub(crate) fn significant(x: f64) -> String {
    if x == 0.0 {
        return "0".to_owned();
    }
    // Rounding may carry into another digit: 9.996 is 10.0, not 10.00.
    let rounded = format!("{x:.2e}");
    let exponent: i32 = rounded.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    let decimals = usize::try_from(2 - exponent).unwrap_or(0);
    format!("{x:.decimals$}")
}

/// The lower end of a ratio's interval: what is more than 1, and so no tie, does not read as 1.
fn low(x: f64) -> String {
    match significant(x) {
        rounded if rounded == "1.00" && x > 1.0 => format!("{x:.4}").trim_end_matches('0').to_owned(),
        rounded => rounded,
    }
}

/// `1.31x [1.24, 1.39]`
pub(crate) fn slowdown(cell: &Cell) -> Option<String> {
    Some(format!("{}x {}", significant(cell.slowdown?), slowdown_interval(cell)?))
}

/// `[1.24, 1.39]`
pub(crate) fn slowdown_interval(cell: &Cell) -> Option<String> {
    Some(interval(&Interval { low: cell.slowdown_low?, estimate: cell.slowdown?, high: cell.slowdown_high? }))
}

/// `[1.24, 1.39]`
pub(crate) fn interval(interval: &Interval) -> String {
    format!("[{}, {}]", low(interval.low), significant(interval.high))
}

/// `n/a: reason`, `failed: timed out: message`: why a cell has no slowdown.
pub(crate) fn reason(cell: &Cell) -> String {
    match (cell.status, cell.throughput_ops_s) {
        (Status::Ok, None) => "no operation ended within a slice".to_owned(),
        (Status::Ok, Some(_)) => "too few slices to compare".to_owned(),
        (status, _) if cell.message.is_empty() => self::status(status).to_owned(),
        (status, _) => format!("{}: {}", self::status(status), cell.message),
    }
}

/// How far a slowdown's interval reaches, as a share of the slowdown.
pub(crate) fn reach(cell: &Cell) -> Option<f64> {
    let estimate = cell.slowdown?;
    Some((cell.slowdown_high? - estimate).max(estimate - cell.slowdown_low?) / estimate)
}

/// `n/a`, `detected` or `failed: status`, for a cell that was not measured.
pub(crate) fn status(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::NotApplicable => "n/a",
        Status::Detected => "detected",
        Status::Panicked => "failed: panicked",
        Status::Aborted => "failed: aborted",
        Status::Signalled => "failed: signalled",
        Status::TimedOut => "failed: timed out",
        Status::OutOfMemory => "failed: out of memory",
        Status::ProtocolError => "failed: protocol error",
        Status::WrongAnswer => "failed: wrong answer",
    }
}

/// Neither measured nor a result of another kind.
pub(crate) fn failed(status: Status) -> bool {
    !matches!(status, Status::Ok | Status::NotApplicable | Status::Detected)
}

/// `1 thread`, `4 threads`: how many of what has a plural in `s`.
#[must_use]
pub fn counted<N: Copy + Display + From<u8> + PartialEq>(n: N, one: &str) -> String {
    format!("{n} {one}{}", if n == N::from(1) { "" } else { "s" })
}

/// `ratio-sweep, 90 % reads, 4 threads (oversubscribed)`
pub(crate) fn group(group: &Group, cores: u32) -> String {
    let over = if group.threads > cores { " (oversubscribed)" } else { "" };
    format!("{}, {} % reads, {}{over}", group.workload, group.read_pct, counted(group.threads, "thread"))
}

/// `a, b and c`
pub(crate) fn and(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// `9999`, `12.3 k`, `4.56 M`: how many of something.
pub(crate) fn count(n: u64) -> String {
    match n {
        0..10_000 => n.to_string(),
        10_000..1_000_000 => format!("{} k", significant(n as f64 / 1e3)),
        _ => format!("{} M", significant(n as f64 / 1e6)),
    }
}

/// `3.21 M ops/s`, `45.6 us`: a number with its unit.
pub(crate) fn with_unit(value: f64, unit: &str) -> String {
    match unit {
        "ns" if value >= 1e6 => format!("{} ms", significant(value / 1e6)),
        "ns" if value >= 1e3 => format!("{} us", significant(value / 1e3)),
        _ if value >= 1e6 => format!("{} M {unit}", significant(value / 1e6)),
        _ if value >= 1e4 => format!("{} k {unit}", significant(value / 1e3)),
        _ => format!("{} {unit}", significant(value)),
    }
}

/// Bytes, in MiB.
pub(crate) fn mebibytes(bytes: u64) -> String {
    significant(bytes as f64 / f64::from(1_u32 << 20))
}

#[cfg(test)]
mod tests {
    use super::{and, counted, rate, significant};

    #[test]
    fn three_digits() {
        let shown = [1_234.4, 123.4, 12.34, 1.234, 0.1234, 0.018_56, 0.001_234, 0.0].map(significant);
        assert_eq!(shown, ["1234", "123", "12.3", "1.23", "0.123", "0.0186", "0.00123", "0"]);
        let carried = [999.6, 99.96, 9.996, 0.9996].map(significant);
        assert_eq!([1.0, 1.004, 1.0421].map(super::low), ["1.00", "1.004", "1.04"]);
        assert_eq!(carried, ["1000", "100", "10.0", "1.00"]);
        assert_eq!(rate(12_345_678), "12.3");
        assert_eq!([0, 9_999, 12_345, 4_560_000].map(super::count), ["0", "9999", "12.3 k", "4.56 M"]);
    }

    #[test]
    fn one_is_singular() {
        assert_eq!([0, 1, 2].map(|n| counted(n, "round")), ["0 rounds", "1 round", "2 rounds"]);
    }

    #[test]
    fn lists_read_as_sentences() {
        assert_eq!(
            [and(&[]), and(&["a"]), and(&["a", "b"]), and(&["a", "b", "c"])],
            ["", "a", "a and b", "a, b and c"]
        );
    }
}
