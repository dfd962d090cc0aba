use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

/// How much of a CSV file is whole rows; what follows is a torn one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tail {
    /// Bytes of whole rows.
    pub(crate) whole: u64,
    /// Bytes of the file.
    pub(crate) length: u64,
    /// Line ends within the whole rows.
    pub(crate) lines: u64,
}

impl Tail {
    pub(crate) fn of_file(path: &Path) -> io::Result<Self> {
        Self::of(BufReader::with_capacity(64 * 1024, File::open(path)?))
    }

    /// A row ends at a line end outside quotes. A doubled quote within a field leaves and enters again. Empty lines before
    /// anything else are no rows: a file of nothing else was not begun.
    fn of(mut reader: impl BufRead) -> io::Result<Self> {
        let mut tail = Self::default();
        let (mut begun, mut quoted, mut lines) = (false, false, 0);
        loop {
            let buffer = reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok(tail);
            }
            for (place, byte) in (tail.length + 1..).zip(buffer) {
                begun |= !matches!(*byte, b'\r' | b'\n');
                quoted ^= *byte == b'"';
                lines += u64::from(*byte == b'\n');
                if *byte == b'\n' && begun && !quoted {
                    (tail.whole, tail.lines) = (place, lines);
                }
            }
            let read = buffer.len();
            tail.length += read as u64;
            reader.consume(read);
        }
    }

    pub(crate) fn is_torn(self) -> bool {
        self.whole < self.length
    }
}

#[cfg(test)]
mod tests {
    use super::Tail;
    use std::io::BufReader;

    #[test]
    fn rows_end_at_line_ends_outside_quotes() {
        for (text, whole, lines) in [
            ("", 0, 0),
            ("\n\r\n", 0, 0),
            ("\na\n", 3, 2),
            ("a,b", 0, 0),
            ("a,b\r\n", 5, 1),
            ("a\n1\r", 2, 1),
            ("a\n\"1\n2\"\n", 8, 3),
            ("a\n\"1\n2", 2, 1),
            ("a\n\"1\"\"\n2", 2, 1),
            ("a\n\"1\"\"\n2\"\nrest", 10, 3),
        ] {
            for capacity in [1, 3, 100] {
                let tail = Tail::of(BufReader::with_capacity(capacity, text.as_bytes())).unwrap();
                assert_eq!(tail, Tail { whole, length: text.len() as u64, lines }, "{text:?}");
            }
        }
    }
}
