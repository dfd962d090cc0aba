//! Labels beside points, none over another label or over a point.

/// Room that a character takes in units of the charts, whose text is 11 high: in the widest of the usual fonts, in bold.
const CHARACTER: f64 = 7.2;
const HEIGHT: f64 = 12.0;

/// How far a label may stand from its point: the nearest that is free is taken.
const DISTANCES: [f64; 12] = [6.0, 12.0, 19.0, 27.0, 36.0, 46.0, 57.0, 69.0, 82.0, 96.0, 112.0, 130.0];

/// Directions in twelfths of a turn clockwise, the best to read first: to the right of the point, then to the left.
const DIRECTIONS: [f64; 12] = [0.0, 6.0, 1.0, 11.0, 5.0, 7.0, 2.0, 10.0, 4.0, 8.0, 3.0, 9.0];

/// Room on the drawing, by its sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Room {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Room {
    fn around((x, y): (f64, f64), reach: f64) -> Self {
        Self { left: x - reach, top: y - reach, right: x + reach, bottom: y + reach }
    }

    fn meets(&self, other: &Self) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }

    fn within(&self, other: &Self) -> bool {
        self.left >= other.left && self.right <= other.right && self.top >= other.top && self.bottom <= other.bottom
    }
}

/// Where a label went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Label {
    pub(super) room: Room,
    /// It stands off: a line must lead from the point to this end.
    pub(super) leader: Option<(f64, f64)>,
}

/// Moves the heights of labels, ascending, so far apart that none covers another, and none below `bottom`.
pub(super) fn apart(heights: &mut [f64], bottom: f64) {
    const APART: f64 = 13.0;
    for i in 1..heights.len() {
        heights[i] = heights[i].max(heights[i - 1] + APART);
    }
    // What was pushed out at the bottom pushes back up.
    let mut bound = bottom;
    for height in heights.iter_mut().rev() {
        *height = height.min(bound);
        bound = *height - APART;
    }
}

/// A place for each text beside its point, the first come first served; `None` where everything near is taken.
pub(super) fn labels(points: &[(f64, f64)], texts: &[&str], frame: Room) -> Vec<Option<Label>> {
    let marks: Vec<Room> = points.iter().map(|point| Room::around(*point, 4.0)).collect();
    let mut taken: Vec<Room> = Vec::new();
    let mut find = |point: (f64, f64), text: &str| {
        let width = text.chars().count() as f64 * CHARACTER;
        let mut candidates = DISTANCES.iter().flat_map(|distance| {
            DIRECTIONS.iter().map(|twelfth| beside(point, width, *distance, twelfth * std::f64::consts::TAU / 12.0))
        });
        let free = |label: &Label| {
            label.room.within(&frame) && !marks.iter().chain(&taken).any(|other| label.room.meets(other))
        };
        let found = candidates.find(free);
        taken.extend(found.iter().map(|label| label.room));
        found
    };
    points.iter().zip(texts).map(|(point, text)| find(*point, text)).collect()
}

fn beside((x, y): (f64, f64), width: f64, distance: f64, angle: f64) -> Label {
    let (sin, cos) = angle.sin_cos();
    // The corner, edge or middle of the label that looks at the point.
    let (nearest_x, nearest_y) = (x + distance * cos, y + distance * sin);
    let left = nearest_x - width * (1.0 - cos) / 2.0;
    let top = nearest_y - HEIGHT * (1.0 - sin) / 2.0;
    let room = Room { left, top, right: left + width, bottom: top + HEIGHT };
    Label { room, leader: (distance > DISTANCES[0]).then_some((nearest_x, nearest_y)) }
}

#[cfg(test)]
mod tests {
    use super::{Room, apart, labels};

    const FRAME: Room = Room { left: 0.0, top: 0.0, right: 600.0, bottom: 400.0 };

    #[test]
    fn heights_move_apart_downwards_and_back_up_from_the_bottom() {
        let moved = |mut heights: Vec<f64>| {
            apart(&mut heights, 100.0);
            heights
        };
        assert_eq!(moved(vec![10.0, 12.0, 50.0]), [10.0, 23.0, 50.0]);
        assert_eq!(moved(vec![80.0, 95.0, 99.0]), [74.0, 87.0, 100.0]);
        assert!(moved(Vec::new()).is_empty());
    }

    #[test]
    fn a_label_stands_to_the_right_and_to_the_left_at_the_edge() {
        let found = labels(&[(100.0, 100.0), (590.0, 200.0)], &["papaya", "flurry"], FRAME);
        let [Some(right), Some(left)] = found[..] else { panic!("{found:?}") };
        assert!(right.room.left > 100.0 && right.leader.is_none(), "{right:?}");
        assert!(left.room.right < 590.0 && left.leader.is_none(), "{left:?}");
    }

    #[test]
    fn crowded_labels_keep_clear_of_each_other_and_of_the_points() {
        let points: Vec<(f64, f64)> = (0..12).map(|i| (60.0 + f64::from(i % 3), 100.0 + f64::from(i) * 4.0)).collect();
        let texts = ["parking-lot-rwlock"; 12];
        let rooms: Vec<Room> =
            labels(&points, &texts, FRAME).into_iter().map(|label| label.expect("there is room").room).collect();
        for (place, room) in rooms.iter().enumerate() {
            assert!(room.within(&FRAME), "{room:?}");
            assert!(rooms[..place].iter().all(|other| !other.meets(room)), "{room:?}");
            assert!(points.iter().all(|point| !Room::around(*point, 4.0).meets(room)), "{room:?}");
        }
    }

    #[test]
    fn what_finds_no_room_has_no_label() {
        let small = Room { right: 50.0, ..FRAME };
        assert_eq!(labels(&[(25.0, 25.0)], &["parking-lot-rwlock"], small), [None]);
    }
}
