use mapbench_conformance::scenario::Scenario;

use super::Failure;
use crate::claims;
use crate::registry::Registry;

#[derive(clap::Args)]
pub(super) struct Arguments {
    strategy: String,
    /// As JSON
    scenario: String,
}

pub(super) fn run(registry: &Registry, arguments: &Arguments) -> Result<(), Failure> {
    let scenario: Scenario = serde_json::from_str(&arguments.scenario).map_err(|error| {
        Failure::usage(format!("this is no scenario: {error} (`mapbench claims` starts such workers)"))
    })?;
    claims::serve(registry.find(&arguments.strategy)?, &scenario)
}
