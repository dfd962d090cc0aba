//! Numbers as readers want them: three significant digits, the unit beside.

use mapbench_results::{Cell, Group, Status};

/// Operations per second, in millions.
pub(crate) fn rate(ops_s: u64) -> String {
    significant(ops_s as f64 / 1e6)
}

/// A number with about three significant digits.
pub(crate) fn significant(x: f64) -> String {
    match x.abs() {
        x_abs if x_abs >= 100.0 => format!("{x:.0}"),
        x_abs if x_abs >= 10.0 => format!("{x:.1}"),
        x_abs if x_abs >= 1.0 => format!("{x:.2}"),
        x_abs if x_abs >= 0.01 => format!("{x:.3}"),
        x_abs if x_abs > 0.0 => format!("{x:.5}"),
        _ => "0".to_owned(),
    }
}

/// `1.31x [1.24, 1.39]`
pub(crate) fn slowdown(cell: &Cell) -> Option<String> {
    Some(format!("{}x {}", significant(cell.slowdown?), slowdown_interval(cell)?))
}

/// `[1.24, 1.39]`
pub(crate) fn slowdown_interval(cell: &Cell) -> Option<String> {
    Some(format!("[{}, {}]", significant(cell.slowdown_low?), significant(cell.slowdown_high?)))
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

/// `1 thread`, `4 threads`
pub(crate) fn threads(n: u32) -> String {
    format!("{n} thread{}", if n == 1 { "" } else { "s" })
}

/// `90 % reads, 4 threads (oversubscribed)`
pub(crate) fn group(group: &Group, cores: u32) -> String {
    let over = if group.threads > cores { " (oversubscribed)" } else { "" };
    format!("{} % reads, {}{over}", group.read_pct, threads(group.threads))
}

/// `a, b and c`
pub(crate) fn and(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Bytes, in MiB.
pub(crate) fn mebibytes(bytes: u64) -> String {
    significant(bytes as f64 / f64::from(1_u32 << 20))
}

#[cfg(test)]
mod tests {
    use super::{and, rate, significant};

    #[test]
    fn three_digits() {
        let shown = [1_234.4, 123.4, 12.34, 1.234, 0.1234, 0.001234, 0.0].map(significant);
        assert_eq!(shown, ["1234", "123", "12.3", "1.23", "0.123", "0.00123", "0"]);
        assert_eq!(rate(12_345_678), "12.3");
    }

    #[test]
    fn lists_read_as_sentences() {
        assert_eq!(
            [and(&[]), and(&["a"]), and(&["a", "b"]), and(&["a", "b", "c"])],
            ["", "a", "a and b", "a, b and c"]
        );
    }
}
