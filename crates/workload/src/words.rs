//! A workload in words.

use mapbench_workload::{Load, Mix, OpKind, Role, Space, Workload};

/// What a workload does, in a line.
pub(crate) fn workload(workload: &Workload) -> String {
    let shares = workload.read_pct();
    let load = workload.load(shares[0]);
    let mut parts: Vec<String> = Vec::new();
    if workload.is_swept() {
        let shares: Vec<String> = shares.iter().map(ToString::to_string).collect();
        parts.push(format!("{} % reads, else {}", shares.join("/"), mix(&writes_of(workload))));
    } else {
        parts.extend(load.roles.iter().map(|one| role(one, load.roles.len() > 1)));
    }
    parts.push(keys(&load));
    if let Some(operations) = load.operations {
        parts.push(format!("a new map every {operations} operations"));
    }
    parts.push(types(&load));
    parts.join("; ")
}

/// The mix of what is not a read.
fn writes_of(workload: &Workload) -> Mix {
    workload.load(mapbench_workload::Percent::ZERO).roles[0].mix
}

/// `90 % read, 10 % insert`.
pub(crate) fn mix(mix: &Mix) -> String {
    let parts: Vec<String> = mix.kinds().map(|kind| format!("{} % {}", mix.percent(kind), kind.name())).collect();
    parts.join(", ")
}

fn role(role: &Role, named: bool) -> String {
    let mut text = if named { format!("{} ({}): ", role.name, threads(role)) } else { String::new() };
    text += &mix(&role.mix);
    if role.mix.kinds().any(|kind| kind != OpKind::Iterate) {
        text += &format!(", {}", role.distribution);
    }
    if let Some(rate) = role.rate_ops_s {
        text += &format!(", {rate} a second each");
    }
    text
}

fn threads(role: &Role) -> String {
    match role.threads {
        None => "all other threads".to_owned(),
        Some(1) => "1 thread".to_owned(),
        Some(threads) => format!("{threads} threads"),
    }
}

fn keys(load: &Load) -> String {
    match load.space {
        Space::Range(range) => format!("{} entries of {range} keys", load.population),
        Space::Sets { hit_pct } => format!("{} entries, {hit_pct} % of reads hit", load.population),
        Space::Tables => format!("{} entries, room for {}", load.population, load.capacity),
    }
}

fn types(load: &Load) -> String {
    format!("key {}, value {}, {}", load.key, load.value, load.hasher)
}
