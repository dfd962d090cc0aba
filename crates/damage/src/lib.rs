//! Valid input, damaged: what a test gives to a reader of files or pipes, which must refuse it or take it, and may not
//! panic, hang, or take memory that the input does not explain.
//!
//! Random bytes stop at a reader's first look. What is almost right gets further: a digit too many, a quote that nobody
//! closes, a line twice, half a character.

use proptest::collection::vec;
use proptest::prelude::{Strategy, any};

/// Texts that readers stumble over.
const TRAPS: [&[u8]; 24] = [
    b"",
    b"\"",
    b"\"\"",
    b"\n",
    b"\r\n",
    b"\r",
    b",",
    b"=",
    b"[",
    b"{",
    b"}",
    b"-1",
    b"0",
    b"NaN",
    b"inf",
    b"1e999",
    b"18446744073709551616",
    b"99999999999999999999999999999999999999999999",
    b"null",
    b"\\u0000",
    b"\0",
    b"\xff\xfe",
    b"\xc3",
    b"../../../etc/passwd",
];

/// A change of the input at a place; places are counted modulo its length.
#[derive(Clone, Debug)]
enum Edit {
    /// A byte becomes another.
    Byte(usize, u8),
    /// A text is put in the place of some bytes.
    Trap(usize, usize, usize),
    /// Some bytes vanish.
    Cut(usize, usize),
    /// Some bytes are there twice.
    Twice(usize, usize),
    /// The rest vanishes.
    End(usize),
    /// Two lines change places.
    Swap(usize, usize),
    /// An opening bracket, very often.
    Deep(usize, bool),
}

/// `valid` after one to five changes.
pub fn damaged(valid: impl AsRef<[u8]>) -> impl Strategy<Value = Vec<u8>> {
    let valid = valid.as_ref().to_vec();
    vec(edit(), 1..=5).prop_map(move |edits| edits.iter().fold(valid.clone(), |bytes, edit| edit.apply(bytes)))
}

fn edit() -> impl Strategy<Value = Edit> {
    let place = any::<usize>;
    proptest::prop_oneof![
        4 => (place(), any::<u8>()).prop_map(|(at, byte)| Edit::Byte(at, byte)),
        6 => (place(), 0..8_usize, 0..TRAPS.len()).prop_map(|(at, length, trap)| Edit::Trap(at, length, trap)),
        2 => (place(), 1..64_usize).prop_map(|(at, length)| Edit::Cut(at, length)),
        2 => (place(), 1..64_usize).prop_map(|(at, length)| Edit::Twice(at, length)),
        1 => place().prop_map(Edit::End),
        2 => (place(), place()).prop_map(|(one, other)| Edit::Swap(one, other)),
        1 => (place(), any::<bool>()).prop_map(|(at, square)| Edit::Deep(at, square)),
    ]
}

impl Edit {
    fn apply(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        let length = bytes.len();
        let range = |at: usize, long: usize| {
            let start = at % (length + 1);
            start..(start + long).min(length)
        };
        match *self {
            Edit::Byte(at, byte) => {
                if let Some(old) = bytes.get_mut(at % length.max(1)) {
                    *old = byte;
                }
            }
            Edit::Trap(at, long, trap) => drop(bytes.splice(range(at, long), TRAPS[trap].iter().copied())),
            Edit::Cut(at, long) => drop(bytes.drain(range(at, long))),
            Edit::Twice(at, long) => {
                let range = range(at, long);
                let again = bytes[range.clone()].to_vec();
                drop(bytes.splice(range.end..range.end, again));
            }
            Edit::End(at) => bytes.truncate(at % (length + 1)),
            Edit::Swap(one, other) => {
                let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
                if !lines.is_empty() {
                    let (one, other) = (one % lines.len(), other % lines.len());
                    lines.swap(one, other);
                    bytes = lines.concat();
                }
            }
            Edit::Deep(at, square) => {
                let bracket = if square { b'[' } else { b'{' };
                drop(bytes.splice(range(at, 0), std::iter::repeat_n(bracket, 10_000)));
            }
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::{Edit, TRAPS};

    fn made(edit: &Edit) -> String {
        String::from_utf8(edit.apply(b"one\ntwo\n".to_vec())).unwrap()
    }

    #[test]
    fn each_change_is_what_it_says() {
        assert_eq!(made(&Edit::Byte(8, b'O')), "One\ntwo\n");
        let quote = TRAPS.iter().position(|trap| *trap == b"\"").unwrap();
        assert_eq!(made(&Edit::Trap(1, 2, quote)), "o\"\ntwo\n");
        assert_eq!(made(&Edit::Cut(6, 9)), "one\ntw");
        assert_eq!(made(&Edit::Twice(0, 3)), "oneone\ntwo\n");
        assert_eq!(made(&Edit::End(5)), "one\nt");
        assert_eq!(made(&Edit::Swap(0, 1)), "two\none\n");
        assert_eq!(made(&Edit::Deep(0, true)).len(), 10_008);
    }

    #[test]
    fn nothing_can_be_damaged_too() {
        for edit in [Edit::Byte(3, 1), Edit::Cut(3, 3), Edit::Twice(1, 1), Edit::End(2), Edit::Swap(1, 2)] {
            assert_eq!(edit.apply(Vec::new()), Vec::<u8>::new(), "{edit:?}");
        }
    }
}
