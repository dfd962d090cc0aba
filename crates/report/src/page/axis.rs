//! Numbers at which axes begin, end and are marked, how the marks are drawn, and coordinates as text.

use maud::{Markup, html};

use super::place::Room;

/// The power of ten at or below a number.
pub(super) fn power_of_ten(x: f64) -> f64 {
    // A tick is never half a per cent above its power, nor below it.
    10_f64.powf((x * 1.005).log10().floor())
}

/// The next of 1, 2 and 5 times a power of ten, upwards.
pub(super) fn round_above(x: f64) -> f64 {
    let power = power_of_ten(x);
    [1.0, 2.0, 5.0, 10.0].map(|step| step * power).into_iter().find(|round| *round >= x * 0.999).unwrap_or(x)
}

/// The same, downwards.
pub(super) fn round_below(x: f64) -> f64 {
    let power = power_of_ten(x);
    [5.0, 2.0, 1.0].map(|step| step * power).into_iter().find(|round| *round <= x * 1.001).unwrap_or(x)
}

/// Round numbers from `low` to `high` on a logarithmic axis: as dense as there is room for eight.
pub(super) fn log_marks(low: f64, high: f64) -> Vec<f64> {
    const DENSER: [&[f64]; 4] = [
        &[1.0],
        &[1.0, 2.0, 5.0],
        &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0],
        &[1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0],
    ];
    let marks = |steps: &[f64]| {
        let mut marks = Vec::new();
        let mut power = power_of_ten(low);
        while power <= high {
            marks.extend(steps.iter().map(|step| step * power).filter(|mark| (low..=high).contains(mark)));
            power *= 10.0;
        }
        marks
    };
    let fitting = DENSER.into_iter().rev().map(marks).find(|marks| marks.len() <= 8);
    fitting.unwrap_or_else(|| marks(DENSER[0]))
}

/// The points without which a line would stray by more than a distance (Ramer, Douglas and Peucker): the ends are kept.
fn thinned(points: &[(f64, f64)], distance: f64) -> Vec<(f64, f64)> {
    let [first, between @ .., last] = points else { return points.to_vec() };
    let (dx, dy) = (last.0 - first.0, last.1 - first.1);
    let length = dx.hypot(dy);
    let stray = |point: &(f64, f64)| {
        let (x, y) = (point.0 - first.0, point.1 - first.1);
        if length > 0.0 { (x * dy - y * dx).abs() / length } else { x.hypot(y) }
    };
    let farthest = between.iter().enumerate().max_by(|(_, a), (_, b)| stray(a).total_cmp(&stray(b)));
    match farthest {
        Some((place, point)) if stray(point) > distance => {
            let mut kept = thinned(&points[..=place + 1], distance);
            kept.pop();
            kept.extend(thinned(&points[place + 1..], distance));
            kept
        }
        _ => vec![*first, *last],
    }
}

/// Lines from side to side at these heights, and what each says, to the left.
pub(super) fn across(frame: Room, marks: &[(f64, String)]) -> Markup {
    let line = |(y, _): &(f64, String)| format!("M{},{}H{}", px(frame.left), px(*y), px(frame.right));
    html! {
        path.grid d=(marks.iter().map(line).collect::<String>()) {}
        g text-anchor="end" {
            @for (y, text) in marks { text x=(px(frame.left - 5.0)) y=(px(y + 4.0)) { (text) } }
        }
    }
}

/// Lines from the top to the bottom at these places, and what each says, below.
pub(super) fn upright(frame: Room, marks: &[(f64, String)]) -> Markup {
    let line = |(x, _): &(f64, String)| format!("M{},{}V{}", px(*x), px(frame.top), px(frame.bottom));
    html! {
        path.grid d=(marks.iter().map(line).collect::<String>()) {}
        (below(frame.bottom + 15.0, marks))
    }
}

/// What stands at these places, at one height.
pub(super) fn below(y: f64, marks: &[(f64, String)]) -> Markup {
    html! { g text-anchor="middle" { @for (x, text) in marks { text x=(px(*x)) y=(px(y)) { (text) } } } }
}

/// A curve's points, without those that are not seen, to a whole unit: the page has thousands of curves.
pub(super) fn curve(points: &[(f64, f64)], stray: f64) -> String {
    let whole = |(x, y): &(f64, f64)| format!("{x:.0},{y:.0}");
    thinned(points, stray).iter().map(whole).collect::<Vec<_>>().join(" ")
}

/// A coordinate, to a tenth of a unit: more would only make the page longer.
pub(super) fn px(x: f64) -> String {
    let text = format!("{x:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::{log_marks, thinned};

    #[test]
    fn a_thinned_line_keeps_its_corners_and_strays_no_further_than_it_may() {
        let line: Vec<(f64, f64)> =
            (0..=20).map(|x| (f64::from(x), if x < 10 { 0.1 * f64::from(x % 2) } else { 9.0 })).collect();
        assert_eq!(thinned(&line, 0.5), [(0.0, 0.0), (9.0, 0.1), (10.0, 9.0), (20.0, 9.0)]);
        assert_eq!(thinned(&line, 0.05).len(), 12);
        assert_eq!(thinned(&[], 1.0), []);
        // A line that comes back to where it began has a corner too.
        assert_eq!(thinned(&[(0.0, 0.0), (5.0, 5.0), (0.0, 0.0)], 1.0).len(), 3);
    }

    #[test]
    fn marks_are_within_the_axis_and_neither_few_nor_crowded() {
        assert_eq!(log_marks(6.0, 30.0), [7.0, 10.0, 15.0, 20.0, 30.0]);
        for low in [0.003, 0.9, 6.1, 1e3] {
            for factor in [1.3, 2.0, 5.0, 20.0, 1e3, 1e6] {
                let marks = log_marks(low, low * factor);
                assert!((1..=8).contains(&marks.len()), "{low} to {}: {marks:?}", low * factor);
                assert!(marks.iter().all(|mark| (low..=low * factor).contains(mark)), "{marks:?}");
            }
        }
    }
}
