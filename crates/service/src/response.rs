//! The few lines of HTTP that the load has to understand: a status and the length of what follows.

/// A whole response at the start of what was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// Bytes of head and body together.
    pub(crate) bytes: usize,
}

/// The response at the start of `received`; `None` while it is not whole.
///
/// # Errors
/// When it is none.
pub(crate) fn whole(received: &[u8]) -> Result<Option<Head>, NoResponse> {
    let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") else {
        return if received.len() > LONGEST_HEAD { Err(NoResponse) } else { Ok(None) };
    };
    let head = std::str::from_utf8(&received[..end]).map_err(|_| NoResponse)?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).and_then(|rest| rest.get(..3));
    let status: u16 = status.and_then(|status| status.parse().ok()).ok_or(NoResponse)?;
    let length =
        lines.filter_map(|line| line.split_once(':')).find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = match length {
        Some((_, length)) => length.trim().parse().map_err(|_| NoResponse)?,
        None => 0,
    };
    let bytes = end + 4 + length;
    Ok((received.len() >= bytes).then_some(Head { status, bytes }))
}

/// What was received is no response of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoResponse;

const LONGEST_HEAD: usize = 4 * 1024;

#[cfg(test)]
mod tests {
    use super::{Head, NoResponse, whole};

    #[test]
    fn a_response_is_whole_when_its_body_is() {
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\ndate: x\r\n\r\n123HTTP/1.1 204";
        let head = Head { status: 200, bytes: response.len() - 12 };
        assert_eq!(whole(response), Ok(Some(head)));
        for cut in 0..head.bytes {
            assert_eq!(whole(&response[..cut]), Ok(None), "{cut}");
        }
        let empty = b"HTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(whole(empty), Ok(Some(Head { status: 204, bytes: empty.len() })));
    }

    #[test]
    fn what_is_no_response_is_refused() {
        for bad in [&b"hello\r\n\r\n"[..], b"HTTP/1.1 xyz\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"] {
            assert_eq!(whole(bad), Err(NoResponse));
        }
        assert_eq!(whole(&[b'x'; 5_000]), Err(NoResponse));
    }
}
