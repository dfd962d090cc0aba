//! Claims about a service: it is started, loaded over loopback, and compared in rounds.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mapbench_report::{Implied, judge_ratio};
use mapbench_results::ClaimVerdict;
use mapbench_service::{Load, Loaded, Pace, load};
use mapbench_stats::{median, ratio};
use mapbench_workload::{SplitMix64, derive_seed};
use rustix::process::{Pid, Signal, kill_process};

use super::file::{Service, ServiceCase};
use super::{Found, Setting};
use crate::failure::Failure;
use crate::interrupt;
use crate::service::LISTENING;

/// What part of the seed decides who is first in a round.
const ORDER: u64 = 5;

/// Rounds, each with a fresh process of each service.
const ROUNDS: u32 = 5;

/// How long a service is loaded, each time, and before that without being measured.
const TIME: Duration = Duration::from_millis(1_500);
const WARM: Duration = Duration::from_millis(200);

/// The most requests of a client thread in a load, should a service be faster than any is.
const MOST_REQUESTS: u64 = 50_000_000;

/// How long a service may take to end.
const END: Duration = Duration::from_secs(10);

/// What the rounds of one service said.
#[derive(Default)]
struct Rounds {
    /// Requests a second at saturation, a round each.
    saturated: Vec<f64>,
    /// All loads at the offered rate.
    offered: Vec<Loaded>,
    shares_in_map: Vec<f64>,
    failed: u64,
}

/// Every case, a ratio of requests a second at saturation.
pub(super) fn test(implied: Implied, claim: &Service, setting: &Setting) -> Result<Vec<Found>, Failure> {
    claim.case.iter().enumerate().map(|(place, case)| test_case(implied, claim, case, place as u64, setting)).collect()
}

fn test_case(
    implied: Implied,
    claim: &Service,
    case: &ServiceCase,
    place: u64,
    setting: &Setting,
) -> Result<Found, Failure> {
    let names = [claim.subject.get_ref(), claim.reference.get_ref()];
    let mut rounds = [Rounds::default(), Rounds::default()];
    let mut random = SplitMix64::new(derive_seed(setting.seed, &[ORDER, place]));
    for round in 0..if setting.smoke { 2 } else { ROUNDS } {
        let mut order = [0, 1];
        random.shuffle(&mut order);
        for side in order {
            let seed = derive_seed(setting.seed, &[ORDER, place, u64::from(round)]);
            let visited = visit(names[side], claim, case, seed, setting, &mut rounds[side]);
            // A terminal interrupts the service too, which then cannot be loaded.
            if interrupt::came() {
                return Err(Failure::abandoned(&setting.dir));
            }
            visited?;
        }
    }
    Ok(find(implied, claim, case, &rounds, setting))
}

/// Starts a service, loads it at the offered rate and to saturation, and ends it.
fn visit(
    name: &str,
    claim: &Service,
    case: &ServiceCase,
    seed: u64,
    setting: &Setting,
    rounds: &mut Rounds,
) -> Result<(), Failure> {
    let running = Running::start(name, case.population, threads(claim, setting), seed, setting)?;
    let time = setting.load.unwrap_or(if setting.smoke { TIME / 10 } else { TIME });
    let shape = Load {
        address: running.address,
        threads: claim.client_threads,
        connections: claim.connections,
        population: case.population,
        write_share: case.write_pct.fraction(),
        pace: Pace::Offered(claim.offered),
        warm: if setting.smoke { WARM / 10 } else { WARM },
        time,
        most_requests: MOST_REQUESTS,
        seed,
    };
    let refused = |error: std::io::Error| Failure::usage(format!("the service of {name} cannot be loaded: {error}"));
    let offered = load(&shape, interrupt::flag()).map_err(refused)?;
    let saturated = load(&Load { pace: Pace::Saturation, ..shape }, interrupt::flag()).map_err(refused)?;
    rounds.failed += offered.failed + saturated.failed;
    rounds.shares_in_map.extend(saturated.share_in_map);
    rounds.saturated.push(saturated.per_second());
    rounds.offered.push(offered);
    running.end()
}

fn threads(claim: &Service, setting: &Setting) -> u32 {
    claim.threads.unwrap_or(setting.cores)
}

fn find(implied: Implied, claim: &Service, case: &ServiceCase, rounds: &[Rounds; 2], setting: &Setting) -> Found {
    let [subject, reference] = rounds;
    // A round has processes of its own: it is the fork.
    let logs: Vec<Vec<f64>> =
        subject.saturated.iter().zip(&reference.saturated).map(|(a, b)| vec![(a / b).ln()]).collect();
    let measured = ratio(&logs, setting.seed);
    let failed = subject.failed + reference.failed;
    let judgement = match measured {
        Some(_) if failed > 0 => (ClaimVerdict::CannotBeTested, format!("{failed} requests failed")),
        Some(measured) => judge_ratio(&measured, implied),
        None => (ClaimVerdict::CannotBeTested, "a service answered nothing".to_owned()),
    };
    let names = [claim.subject.get_ref(), claim.reference.get_ref()];
    let told: Vec<String> = names.iter().zip(rounds).map(|(name, rounds)| told(name, claim.offered, rounds)).collect();
    Found {
        case: case.name.clone(),
        judged: case.judged,
        subject: claim.subject.get_ref().clone(),
        reference: claim.reference.get_ref().clone(),
        threads: threads(claim, setting),
        measured: measured.map(|measured| measured.estimate),
        interval: measured.map(|measured| (measured.low, measured.high)),
        unit: "ratio",
        subject_value: median(&subject.saturated),
        reference_value: median(&reference.saturated),
        value_unit: "requests/s",
        samples: logs.len() as u64,
        judgement,
        detail: told.join("; "),
    }
}

/// Latencies at the offered rate, and the share of the service's processor time that it spends in the map.
fn told(name: &str, offered: u32, rounds: &Rounds) -> String {
    let mut all = rounds.offered.iter();
    let latencies = all.next().map(|first| {
        let mut sum = first.clone();
        for one in all {
            sum.answered += one.answered;
            sum.elapsed += one.elapsed;
            sum.latencies.add(&one.latencies).expect("all histograms have the same bounds");
        }
        let at = |quantile| {
            sum.quantile_ns(quantile).map_or_else(|| "too few".to_owned(), |ns| format!("{} us", ns / 1_000))
        };
        let (p50, p99, p999) = (at(0.5), at(0.99), at(0.999));
        format!("{:.0} of {offered} requests/s answered, p50 {p50}, p99 {p99}, p99.9 {p999}", sum.per_second())
    });
    let share =
        median(&rounds.shares_in_map).map_or_else(|| "unknown".to_owned(), |share| format!("{:.2} %", share * 100.0));
    format!("{name}: {}, {share} of its time in the map", latencies.unwrap_or_default())
}

/// A service in a process of its own. Dropped, it is killed.
struct Running {
    child: Child,
    address: SocketAddr,
}

impl Running {
    fn start(name: &str, population: u32, threads: u32, seed: u64, setting: &Setting) -> Result<Self, Failure> {
        let wrong = |problem: String| Failure::usage(format!("the service of {name} does not start: {problem}"));
        let mut child = Command::new(&setting.executable)
            .args(["serve", "--strategy", name, "--listen", "127.0.0.1:0"])
            .args(["--population", &population.to_string(), "--threads", &threads.to_string()])
            .args(["--seed", &seed.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| wrong(error.to_string()))?;
        let mut line = String::new();
        let said = BufReader::new(child.stdout.take().expect("standard output is piped")).read_line(&mut line);
        let address = said.ok().and_then(|_| line.trim().strip_prefix(LISTENING)?.parse().ok());
        // Killed when it is dropped, whatever it said.
        let unspecified = SocketAddr::from(([127, 0, 0, 1], 0));
        let running = Self { child, address: address.unwrap_or(unspecified) };
        if address.is_some() { Ok(running) } else { Err(wrong(format!("it said {line:?}"))) }
    }

    /// Asks the service to end, and waits until it has.
    fn end(mut self) -> Result<(), Failure> {
        let process = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process has a number");
        let asked = kill_process(process, Signal::TERM);
        let began = Instant::now();
        while asked.is_ok() && began.elapsed() < END {
            match self.child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(Failure::usage(format!("a service ended with {status}"))),
                _ => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        Err(Failure::usage(format!("a service did not end within {} s of being asked", END.as_secs())))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
