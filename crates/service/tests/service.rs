//! The service, by real requests over loopback.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mapbench_service::{Counts, Limits, Load, Pace, Store, load, serve};

struct Entries<'a>(&'a Mutex<HashMap<u32, u32>>);

impl Store for Entries<'_> {
    fn get(&mut self, index: u32) -> Option<u32> {
        self.0.lock().unwrap().get(&index).copied()
    }

    fn put(&mut self, index: u32, value: u32) -> bool {
        index < 100 && self.0.lock().unwrap().insert(index, value).is_some()
    }
}

const LIMITS: Limits =
    Limits { connections: 64, patience: Duration::from_millis(300), grace: Duration::from_millis(500) };

/// For a client that other work on the machine may keep waiting.
const PATIENT: Limits = Limits { patience: Duration::from_secs(60), ..LIMITS };

/// Serves a hundred entries while `client` asks.
fn with_service<R>(limits: Limits, client: impl FnOnce(SocketAddr) -> R) -> R {
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let entries = Mutex::new((0..100).map(|index| (index, index * 10)).collect());
    let stop = AtomicBool::new(false);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::scope(|scope| {
        let serving = scope.spawn(|| serve(&listener, 2, &limits, &stop, &|work| work(&mut Entries(&entries))));
        let stopped = Stop(&stop);
        let result = client(address);
        drop(stopped);
        serving.join().unwrap().unwrap();
        result
    })
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// Sends bytes, and returns what comes back until the service closes the connection.
fn send(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = connect(address);
    // The service may close before it has read all.
    let _ = stream.write_all(bytes);
    let mut received = Vec::new();
    let _ = stream.read_to_end(&mut received);
    String::from_utf8_lossy(&received).into_owned()
}

fn ask(address: SocketAddr, request: &str, body: &str) -> (u16, String) {
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let answer =
        send(address, format!("{request} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{length}\r\n{body}").as_bytes());
    status_and_body(&answer)
}

fn status_and_body(answer: &str) -> (u16, String) {
    let status = answer.get(9..12).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status.unwrap_or_else(|| panic!("no answer: {answer:?}")), body.to_owned())
}

#[test]
fn values_are_read_and_written() {
    with_service(LIMITS, |address| {
        assert_eq!(ask(address, "GET /value/7", ""), (200, "70".to_owned()));
        assert_eq!(ask(address, "PUT /value/7", "4294967295").0, 204);
        assert_eq!(ask(address, "GET /value/7", ""), (200, "4294967295".to_owned()));
        assert_eq!(ask(address, "GET /value/100", "").0, 404);
        assert_eq!(ask(address, "PUT /value/100", "1").0, 404);
        let (status, counts) = ask(address, "GET /counts", "");
        let counts: Counts = serde_json::from_str(&counts).unwrap();
        assert_eq!((status, counts.requests), (200, 5));
        assert!(counts.processor_ns > 0);
    });
}

#[test]
fn a_connection_is_kept_for_the_next_request() {
    with_service(LIMITS, |address| {
        let mut stream = connect(address);
        for value in ["0", "10", "20"] {
            let index = value.trim_end_matches('0').parse::<u32>().unwrap_or(0);
            write!(stream, "GET /value/{index} HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
            let mut bytes = [0; 1024];
            let count = stream.read(&mut bytes).unwrap();
            assert_eq!(status_and_body(&String::from_utf8_lossy(&bytes[..count])), (200, value.to_owned()));
        }
    });
}

#[test]
fn what_cannot_be_answered_has_its_status() {
    with_service(LIMITS, |address| {
        for (request, body, status) in [
            ("GET /value/x", "", 400),
            ("GET /value/", "", 400),
            ("GET /value/4294967296", "", 400),
            ("GET /value/-1", "", 400),
            ("GET /", "", 404),
            ("GET /value", "", 404),
            ("GET /value/1/2", "", 400),
            ("DELETE /value/1", "", 405),
            ("POST /value/1", "1", 405),
            ("PUT /counts", "1", 405),
            ("PUT /value/1", "", 400),
            ("PUT /value/1", "one", 400),
            ("PUT /value/1", "4294967296", 400),
        ] {
            assert_eq!(ask(address, request, body).0, status, "{request} {body}");
        }
        let huge = "1".repeat(1 << 20);
        assert_eq!(ask(address, "PUT /value/1", &huge).0, 413);
        let chunked = format!(
            "PUT /value/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n80\r\n{}\r\n0\r\n\r\n",
            "1".repeat(128)
        );
        assert_eq!(status_and_body(&send(address, chunked.as_bytes())).0, 413);
        let long_header = format!("GET /value/1 HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(1 << 16));
        assert_eq!(status_and_body(&send(address, long_header.as_bytes())).0, 431);
        let headers: String = (0..100).map(|number| format!("x{number}: y\r\n")).collect();
        assert_eq!(
            status_and_body(&send(address, format!("GET /value/1 HTTP/1.1\r\n{headers}\r\n").as_bytes())).0,
            431
        );
        assert_eq!(status_and_body(&send(address, b"\x00\x01nonsense\r\n\r\n")).0, 400);
        // After all this it still serves.
        assert_eq!(ask(address, "GET /value/1", ""), (200, "10".to_owned()));
    });
}

#[test]
fn who_is_slow_is_sent_away() {
    with_service(LIMITS, |address| {
        let slow_head = send(address, b"GET /value/1 HTTP/1.1\r\nHost:");
        assert!(slow_head.is_empty() || status_and_body(&slow_head).0 == 408, "{slow_head}");
        let slow_body = send(address, b"PUT /value/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n1");
        assert_eq!(status_and_body(&slow_body).0, 408, "{slow_body}");
        let silent = send(address, b"");
        assert_eq!(silent, "");
        assert_eq!(ask(address, "GET /value/1", ""), (200, "10".to_owned()));
    });
}

#[test]
fn too_many_connections_are_closed_and_the_others_served() {
    with_service(Limits { connections: 2, patience: Duration::from_secs(5), ..LIMITS }, |address| {
        let held: Vec<TcpStream> = (0..2).map(|_| connect(address)).collect();
        // They are accepted in the order in which they came.
        assert_eq!(send(address, b"GET /value/1 HTTP/1.1\r\nHost: a\r\n\r\n"), "");
        drop(held);
        let began = Instant::now();
        while send(address, b"GET /value/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").is_empty() {
            assert!(began.elapsed() < Duration::from_secs(10), "it never serves again");
        }
    });
}

#[test]
fn a_request_in_progress_is_answered_when_the_service_stops() {
    let limits = Limits { patience: Duration::from_secs(5), grace: Duration::from_secs(5), ..LIMITS };
    let mut stream = with_service(limits, |address| {
        let mut stream = connect(address);
        stream.write_all(b"PUT /value/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1").unwrap();
        let mut late = stream.try_clone().unwrap();
        // The rest comes while the service stops.
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(600));
            let _ = late.write_all(b"2");
        });
        std::thread::sleep(Duration::from_millis(100));
        stream
    });
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(status_and_body(&answer).0, 204);
}

/// For a load that is not stopped.
static NEVER: AtomicBool = AtomicBool::new(false);

fn loaded(address: SocketAddr, pace: Pace) -> Load {
    Load {
        address,
        threads: 2,
        connections: 8,
        population: 100,
        write_share: 0.1,
        pace,
        warm: Duration::from_millis(50),
        time: Duration::from_millis(300),
        most_requests: 1_000_000,
        seed: 1,
    }
}

#[test]
fn a_load_is_answered_at_its_pace_and_without_failure() {
    with_service(PATIENT, |address| {
        let offered = load(&loaded(address, Pace::Offered(1_000)), &NEVER).unwrap();
        assert_eq!(offered.failed, 0);
        // Of 300 that are due, all that were answered before the end.
        assert!((1..=301).contains(&offered.answered), "{}", offered.answered);
        assert!((299..=301).contains(&offered.latencies.len()), "{}", offered.latencies.len());
        assert!(offered.quantile_ns(0.5).is_some() && offered.quantile_ns(0.999).is_none());
        let saturated = load(&loaded(address, Pace::Saturation), &NEVER).unwrap();
        assert!(saturated.answered > 8 && saturated.failed == 0);
        assert!(saturated.share_in_map.is_some_and(|share| 0.0 < share && share < 1.0), "{:?}", saturated.share_in_map);
        let few = load(&Load { most_requests: 5, ..loaded(address, Pace::Saturation) }, &NEVER).unwrap();
        assert!(few.latencies.len() <= 10);
    });
}

#[test]
fn a_load_that_is_stopped_ends_before_its_time() {
    let time = Duration::from_secs(20);
    with_service(PATIENT, |address| {
        for pace in [Pace::Offered(1_000), Pace::Saturation] {
            let (began, stop) = (Instant::now(), AtomicBool::new(false));
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    std::thread::sleep(Duration::from_millis(100));
                    stop.store(true, Ordering::Relaxed);
                });
                load(&Load { time, ..loaded(address, pace) }, &stop).unwrap();
            });
            assert!(began.elapsed() < time, "{pace:?}");
        }
    });
}

#[test]
fn a_stall_is_charged_to_every_request_that_was_due() {
    /// Stalls once, for a tenth of a second.
    struct Stalling<'a>(&'a AtomicBool);
    impl Store for Stalling<'_> {
        fn get(&mut self, _: u32) -> Option<u32> {
            if !self.0.swap(true, Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(100));
            }
            Some(1)
        }
        fn put(&mut self, _: u32, _: u32) -> bool {
            true
        }
    }
    let (stalled, stop) = (AtomicBool::new(true), AtomicBool::new(false));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let loaded = std::thread::scope(|scope| {
        scope.spawn(|| serve(&listener, 1, &PATIENT, &stop, &|work| work(&mut Stalling(&stalled))));
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(150));
            stalled.store(false, Ordering::Relaxed);
        });
        let loaded = load(&Load { connections: 1, threads: 1, ..loaded(address, Pace::Offered(1_000)) }, &NEVER);
        stop.store(true, Ordering::Relaxed);
        loaded.unwrap()
    });
    // A hundred were due meanwhile, and half of them waited for at least half of the stall.
    let late = loaded.latencies.count_between(50_000_000, u64::MAX);
    assert!(late >= 40, "{late} of {}", loaded.latencies.len());
}

#[test]
fn nothing_but_loopback_is_loaded() {
    let address = "192.0.2.1:80".parse().unwrap();
    let refused = load(&loaded(address, Pace::Saturation), &NEVER).unwrap_err().to_string();
    assert!(refused.contains("192.0.2.1:80 is not loopback"), "{refused}");
}
