//! `mapbench serve` and the claim about it, from outside.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mapbench_results::{ClaimRow, ClaimVerdict};
use rustix::process::{Pid, Signal, kill_process};

fn mapbench(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mapbench"));
    command.args(arguments).stdin(Stdio::null());
    command
}

struct Service {
    child: Child,
    address: SocketAddr,
}

impl Service {
    fn start(arguments: &[&str]) -> Self {
        let mut child = mapbench(&[&["serve"], arguments].concat()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap_or_else(|| panic!("{line:?}"));
        Self { address: address.parse().unwrap(), child }
    }

    fn ask(&self, request: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let length = body.len();
        write!(stream, "{request} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        format!("{} {body}", &head[9..12])
    }

    /// The exit code after a signal.
    fn end(mut self, signal: Signal) -> Option<i32> {
        kill_process(Pid::from_raw(self.child.id() as i32).unwrap(), signal).unwrap();
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(10) {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("it does not end");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_strategy_is_served_until_a_signal() {
    for (strategy, signal) in [("std-rwlock", Signal::TERM), ("arc-swap-cow", Signal::INT)] {
        let service = Service::start(&["--strategy", strategy, "--population", "10", "--threads", "2"]);
        assert!(service.address.ip().is_loopback());
        assert_eq!(service.ask("GET /value/3", ""), "200 0");
        assert_eq!(service.ask("PUT /value/3", "42"), "204 ");
        assert_eq!(service.ask("GET /value/3", ""), "200 42");
        assert_eq!(service.ask("GET /value/10", ""), "404 Not Found");
        assert_eq!(service.ask("PUT /value/10", "1"), "404 Not Found");
        assert_eq!(service.ask("PUT /value/3", "x"), "400 Bad Request");
        assert_eq!(service.end(signal), Some(0), "{strategy}");
    }
}

#[test]
fn what_cannot_be_served_is_refused() {
    let refused = |arguments: &[&str], expected: &str| {
        let output = mapbench(&[&["serve"], arguments].concat()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains(expected), "{said}");
    };
    refused(&["--strategy", "arc-swap-cw"], "unknown strategy `arc-swap-cw`; did you mean `arc-swap-cow`?");
    refused(&["--strategy", "frozen"], "`frozen` cannot serve: no insert: ");
    let taken = Service::start(&["--strategy", "dashmap"]);
    refused(&["--strategy", "dashmap", "--listen", &taken.address.to_string()], "cannot listen on 127.0.0.1:");
}

#[test]
fn the_claim_about_a_service_is_measured_at_both_paces() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("claims");
    let output =
        mapbench(&["claims", "--quick", "--claim", "qps-47", "--out", out.to_str().unwrap()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows = ClaimRow::read(&out).unwrap();
    assert_eq!(rows.len(), 4);
    for row in &rows {
        let why = &row.why;
        assert!(row.measured.is_some_and(|ratio| ratio > 0.0) && row.samples == 2, "{row:?}");
        assert!(row.subject_value > Some(0.0) && row.reference_value > Some(0.0), "{row:?}");
        assert!(
            row.detail.contains("of 5000 requests/s answered, p50 ")
                && row.detail.contains(" % of its time in the map"),
            "{}",
            row.detail
        );
        assert!(row.verdict != ClaimVerdict::CannotBeTested || why.contains("measure longer"), "{why}");
    }
}
