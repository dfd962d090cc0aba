//! From a request to a response. Nothing that a client can send ends more than its own connection.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{ALLOW, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::time::timeout;

use crate::Store;
use crate::counts::Tally;

/// The longest body: a value has ten digits.
const LONGEST_BODY: usize = 64;

/// One thread's part of the service.
pub(crate) struct Handler<'a> {
    pub(crate) store: RefCell<&'a mut dyn Store>,
    pub(crate) tally: &'a Tally,
    pub(crate) turn: Cell<u64>,
    /// How long a body may take to arrive.
    pub(crate) patience: Duration,
}

type Answer = Response<Full<Bytes>>;

impl Handler<'_> {
    /// Answers `GET /value/INDEX`, `PUT /value/INDEX` with a number as its body, and `GET /counts`.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Result<Answer, Infallible> {
        Ok(self
            .route(request)
            .await
            .unwrap_or_else(|status| text(status, status.canonical_reason().unwrap_or_default())))
    }

    async fn route(&self, request: Request<Incoming>) -> Result<Answer, StatusCode> {
        let path = request.uri().path();
        if path == "/counts" {
            if request.method() != Method::GET {
                return Ok(allow("GET"));
            }
            let counts = serde_json::to_string(&self.tally.counts()).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
            return Ok(text(StatusCode::OK, counts));
        }
        let index = path.strip_prefix("/value/").ok_or(StatusCode::NOT_FOUND)?;
        let index = number(index.as_bytes()).ok_or(StatusCode::BAD_REQUEST)?;
        match *request.method() {
            Method::GET => match self.work(|store| store.get(index)) {
                Some(value) => Ok(text(StatusCode::OK, value.to_string())),
                None => Err(StatusCode::NOT_FOUND),
            },
            Method::PUT => {
                let value = self.body(request.into_body()).await?;
                let put = self.work(|store| store.put(index, value));
                if put { Ok(text(StatusCode::NO_CONTENT, "")) } else { Err(StatusCode::NOT_FOUND) }
            }
            _ => Ok(allow("GET, PUT")),
        }
    }

    fn work<R>(&self, work: impl FnOnce(&mut dyn Store) -> R) -> R {
        let turn = self.turn.get();
        self.turn.set(turn.wrapping_add(1));
        // No request waits for anything while it holds the store.
        let mut store = self.store.borrow_mut();
        self.tally.count(turn, || work(&mut **store))
    }

    /// The number in a body.
    async fn body(&self, body: Incoming) -> Result<u32, StatusCode> {
        if body.size_hint().lower() > LONGEST_BODY as u64 {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        // The limit is looked at while the body arrives: nobody has to say how long it is.
        let collected = timeout(self.patience, Limited::new(body, LONGEST_BODY).collect()).await;
        let body = collected.map_err(|_| StatusCode::REQUEST_TIMEOUT)?.map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                StatusCode::PAYLOAD_TOO_LARGE
            } else {
                StatusCode::BAD_REQUEST
            }
        })?;
        number(&body.to_bytes()).ok_or(StatusCode::BAD_REQUEST)
    }
}

/// A number of digits alone: no sign, no space.
fn number(text: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok()
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer
}

fn allow(methods: &'static str) -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    answer
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_digits() {
        assert_eq!(number(b"0"), Some(0));
        assert_eq!(number(b"4294967295"), Some(u32::MAX));
        for bad in [&b""[..], b"4294967296", b"-1", b"+1", b" 1", b"1\n", b"\xff", b"1/2"] {
            assert_eq!(number(bad), None, "{bad:?}");
        }
    }
}
