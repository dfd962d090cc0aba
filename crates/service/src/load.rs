//! The load: requests over connections that are kept alive, each at its time or as soon as a connection is free.
//!
//! A request that is due while all connections wait is late through no fault of its own: its latency counts from when it
//! was due (Tene, How NOT to Measure Latency, 2013).

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mapbench_workload::SplitMix64;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::Counts;
use crate::response::whole;

/// Longer latencies count as this long.
const LONGEST_NS: u64 = 60_000_000_000;

/// How long an answer is waited for after the last request.
const LAST: Duration = Duration::from_secs(5);

/// How often whoever waits looks whether to stop.
const LOOK: Duration = Duration::from_millis(50);

/// When requests are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// So many a second, whether the service keeps up or not.
    Offered(u32),
    /// As soon as a connection is free.
    Saturation,
}

/// A load.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// The service; nothing but loopback is ever loaded.
    pub address: SocketAddr,
    /// Threads that make requests.
    pub threads: u32,
    /// Connections, divided among the threads; at least one each.
    pub connections: u32,
    /// Entries, of which each request is for one, drawn evenly.
    pub population: u32,
    /// The share of requests that write, 0 to 1.
    pub write_share: f64,
    /// When requests are made.
    pub pace: Pace,
    /// How long requests are made before they are measured.
    pub warm: Duration,
    /// How long they are measured.
    pub time: Duration,
    /// The most requests of a thread.
    pub most_requests: u64,
    /// Chooses entries and writes.
    pub seed: u64,
}

/// What came of a load.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Requests answered as they should be, of those that were measured.
    pub answered: u64,
    /// Requests answered otherwise, or not at all.
    pub failed: u64,
    /// How long they took, in nanoseconds, from when they were due.
    pub latencies: Histogram<u64>,
    /// How long was measured.
    pub elapsed: Duration,
    /// Share of the service's processor time spent in the map; `None` if it was not told.
    pub share_in_map: Option<f64>,
}

impl Loaded {
    /// Requests answered a second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.answered as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// The latency that a share of the requests does not exceed, in nanoseconds; `None` if fewer than a hundred exceed it.
    #[must_use]
    pub fn quantile_ns(&self, quantile: f64) -> Option<u64> {
        let above = self.latencies.len() as f64 * (1.0 - quantile);
        // A little less than a hundred by the rounding of the product is a hundred.
        (above > 99.5).then(|| self.latencies.value_at_quantile(quantile))
    }
}

/// Loads a service. When `stop` is set the load ends before its time, and what comes of it is not for reading.
///
/// # Errors
/// When the address is not loopback, or the service cannot be reached.
pub fn load(load: &Load, stop: &AtomicBool) -> io::Result<Loaded> {
    if !load.address.ip().is_loopback() {
        let problem = format!("{} is not loopback, and nothing else is loaded", load.address);
        return Err(io::Error::new(ErrorKind::InvalidInput, problem));
    }
    let threads = load.threads.max(1);
    let opened: io::Result<Vec<Vec<Connection>>> = (0..threads)
        .map(|thread| {
            let own = load.connections / threads + u32::from(thread < load.connections % threads);
            (0..own.max(1)).map(|_| Connection::open(load.address)).collect()
        })
        .collect();
    let (opened, began) = (opened?, Instant::now());
    let measured_from = began + load.warm;
    let (parts, counts) = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .zip(opened)
            .map(|(thread, connections)| {
                let seed = load.seed ^ u64::from(thread + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                let random = SplitMix64::new(seed);
                let client = Client { load, stop, thread, connections, random, began, measured_from };
                scope.spawn(move || client.run())
            })
            .collect();
        sleep_until(measured_from, stop);
        let before = counts(load.address);
        sleep_until(measured_from + load.time, stop);
        let after = counts(load.address);
        let parts: Vec<Part> =
            running.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Part::failed())).collect();
        (parts, before.ok().zip(after.ok()))
    });
    let mut loaded = Loaded {
        answered: 0,
        failed: 0,
        latencies: histogram(),
        elapsed: load.time,
        share_in_map: counts.and_then(|(before, after)| after.share_in_map(&before)),
    };
    for part in parts {
        loaded.answered += part.answered;
        loaded.failed += part.failed;
        loaded.latencies.add(&part.latencies).expect("both histograms have the same bounds");
    }
    Ok(loaded)
}

fn sleep_until(time: Instant, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        match time.saturating_duration_since(Instant::now()) {
            Duration::ZERO => break,
            left => std::thread::sleep(left.min(LOOK)),
        }
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_NS, 3).expect("the bounds are in order")
}

/// What the service says of itself.
fn counts(address: SocketAddr) -> io::Result<Counts> {
    let mut stream = TcpStream::connect_timeout(&address, LAST)?;
    stream.set_read_timeout(Some(LAST))?;
    stream.write_all(b"GET /counts HTTP/1.1\r\nHost: mapbench\r\nConnection: close\r\n\r\n")?;
    let mut received = Vec::new();
    stream.take(1 << 16).read_to_end(&mut received)?;
    let body = received.windows(4).position(|four| four == b"\r\n\r\n").map(|end| &received[end + 4..]);
    Ok(serde_json::from_slice(body.unwrap_or_default())?)
}

struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    /// When the request was due that it waits for.
    waits_since: Option<Instant>,
}

impl Connection {
    fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, LAST)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, received: Vec::new(), waits_since: None })
    }

    /// True if a whole answer arrived, and whether it was a good one.
    fn receive(&mut self) -> io::Result<Option<bool>> {
        let mut bytes = [0; 2048];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.received.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            match whole(&self.received) {
                Ok(None) => {}
                Ok(Some(head)) => {
                    self.received.drain(..head.bytes);
                    return Ok(Some((200..300).contains(&head.status)));
                }
                Err(_) => return Err(ErrorKind::InvalidData.into()),
            }
        }
    }
}

/// What a thread found.
struct Part {
    answered: u64,
    failed: u64,
    latencies: Histogram<u64>,
}

impl Part {
    fn failed() -> Self {
        Self { answered: 0, failed: 1, latencies: histogram() }
    }
}

struct Client<'a> {
    load: &'a Load,
    stop: &'a AtomicBool,
    thread: u32,
    connections: Vec<Connection>,
    random: SplitMix64,
    began: Instant,
    measured_from: Instant,
}

impl Client<'_> {
    fn run(mut self) -> Part {
        let end = self.measured_from + self.load.time;
        let interval = match self.load.pace {
            Pace::Offered(per_second) => {
                Some(Duration::from_secs_f64(f64::from(self.load.threads.max(1)) / f64::from(per_second.max(1))))
            }
            Pace::Saturation => None,
        };
        // The threads' requests interleave.
        let mut due = self.began + interval.unwrap_or_default() / self.load.threads.max(1) * self.thread;
        let mut part = Part { answered: 0, failed: 0, latencies: histogram() };
        let mut made = 0;
        loop {
            let now = Instant::now();
            let over = now >= end + LAST || self.stop.load(Ordering::Relaxed);
            let mut more = made < self.load.most_requests && !over;
            while more {
                // What was due before the end is made, also late: leaving it out would leave out the slowest.
                let due_now = if interval.is_some() { due } else { now };
                more = due_now < end && due_now <= now;
                let Some(free) = self.connections.iter().position(|one| one.waits_since.is_none()).filter(|_| more)
                else {
                    break;
                };
                self.request(free, due_now, &mut part);
                made += 1;
                due += interval.unwrap_or_default();
            }
            let waiting = self.connections.iter().any(|one| one.waits_since.is_some());
            let nothing_left = if interval.is_some() { due >= end } else { now >= end };
            if over || (!waiting && (nothing_left || made >= self.load.most_requests)) {
                break;
            }
            let wake = if interval.is_some() && due < end { due } else { end + LAST };
            self.wait(wake.saturating_duration_since(Instant::now()).min(LOOK), end, &mut part);
        }
        // What is still waited for took at least so long.
        for one in &self.connections {
            if let Some(since) = one.waits_since.filter(|since| *since >= self.measured_from) {
                part.failed += 1;
                part.latencies.saturating_record(since.elapsed().as_nanos() as u64);
            }
        }
        part
    }

    /// Makes a request that was due at a time.
    fn request(&mut self, free: usize, due: Instant, part: &mut Part) {
        let bits = self.random.next_u64();
        let index = ((bits >> 32) * u64::from(self.load.population)) >> 32;
        let writes = ((bits & 0xFFFF_FFFF) as f64) < self.load.write_share * 4_294_967_296.0;
        let request = if writes {
            let value = (bits % 1_000_000_000).to_string();
            let length = value.len();
            format!("PUT /value/{index} HTTP/1.1\r\nHost: mapbench\r\nContent-Length: {length}\r\n\r\n{value}")
        } else {
            format!("GET /value/{index} HTTP/1.1\r\nHost: mapbench\r\n\r\n")
        };
        let one = &mut self.connections[free];
        one.waits_since = Some(due);
        if one.stream.write_all(request.as_bytes()).is_err() {
            self.give_up(free, part);
        }
    }

    /// Waits until an answer arrives or the time is over, and takes all answers that are there.
    fn wait(&mut self, longest: Duration, end: Instant, part: &mut Part) {
        let waiting: Vec<usize> =
            (0..self.connections.len()).filter(|one| self.connections[*one].waits_since.is_some()).collect();
        let longest = Timespec { tv_sec: longest.as_secs() as _, tv_nsec: longest.subsec_nanos() as _ };
        let ready: Vec<usize> = {
            let mut polled: Vec<PollFd> =
                waiting.iter().map(|one| PollFd::new(&self.connections[*one].stream, PollFlags::IN)).collect();
            // An interrupt is as good as an answer: everything is looked at again.
            let _ = poll(&mut polled, Some(&longest));
            waiting
                .iter()
                .zip(&polled)
                .filter(|(_, polled)| !polled.revents().is_empty())
                .map(|(one, _)| *one)
                .collect()
        };
        for one in ready {
            match self.connections[one].receive() {
                Ok(None) => {}
                Ok(Some(good)) => {
                    let Some(since) = self.connections[one].waits_since.take() else { continue };
                    let now = Instant::now();
                    if since < self.measured_from {
                        continue;
                    }
                    part.latencies.saturating_record((now - since).as_nanos() as u64);
                    if !good {
                        part.failed += 1;
                    } else if now <= end {
                        part.answered += 1;
                    }
                }
                Err(_) => self.give_up(one, part),
            }
        }
    }

    /// Counts a request as failed and opens its connection anew.
    fn give_up(&mut self, one: usize, part: &mut Part) {
        if self.connections[one].waits_since.is_some_and(|since| since >= self.measured_from) {
            part.failed += 1;
        }
        match Connection::open(self.load.address) {
            Ok(again) => self.connections[one] = again,
            // Nobody is there: the connection waits no more, and the next request over it fails too.
            Err(_) => {
                self.connections[one].waits_since = None;
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Loaded, histogram};

    #[test]
    fn a_percentile_wants_a_hundred_above_it() {
        let mut latencies = histogram();
        (1..=10_000).for_each(|us| latencies.record(us * 1_000).unwrap());
        let elapsed = Duration::from_secs(2);
        let loaded = Loaded { answered: 10_000, failed: 0, latencies, elapsed, share_in_map: None };
        assert!((loaded.per_second() - 5_000.0).abs() < 1e-9);
        let p99 = loaded.quantile_ns(0.99).unwrap();
        assert!(p99.abs_diff(9_900_000) < 10_000, "{p99}");
        assert_eq!(loaded.quantile_ns(0.999), None);
    }
}
