use std::net::SocketAddr;
use std::time::Duration;

use super::Failure;
use crate::registry::Registry;
use crate::service::{self, Order};
use crate::system;

#[derive(clap::Args)]
#[command(after_help = "Example: mapbench serve --strategy arc-swap-cow --listen 127.0.0.1:8080
         curl http://127.0.0.1:8080/value/7
         curl -X PUT -d 42 http://127.0.0.1:8080/value/7
It says where it listens, and ends on an interrupt or a termination, once the requests in progress are answered.")]
pub(super) struct Arguments {
    /// How threads share the map
    #[arg(long, value_name = "NAME")]
    strategy: String,
    /// Where to listen; port 0 is any that is free
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Entries in the map
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1 << 24))]
    population: u32,
    /// Threads; one a core by default
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=256))]
    threads: Option<u32>,
    /// Connections at once; more are closed as they come
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    connections: u32,
    /// How long a head or a body may take to arrive, in milliseconds
    #[arg(long, default_value_t = 10_000, value_name = "MS", value_parser = super::whole(1..=3_600_000))]
    timeout_ms: u64,
    /// Seed of the hasher
    #[arg(long, default_value_t = 1, value_parser = super::whole(0..=u64::MAX))]
    seed: u64,
}

pub(super) fn run(registry: &Registry, arguments: Arguments) -> Result<(), Failure> {
    let order = Order {
        strategy: arguments.strategy,
        listen: arguments.listen,
        population: arguments.population,
        threads: arguments.threads.unwrap_or(system::processors().len() as u32),
        connections: arguments.connections,
        patience: Duration::from_millis(arguments.timeout_ms),
        seed: arguments.seed,
    };
    service::run(registry, &order)
}
