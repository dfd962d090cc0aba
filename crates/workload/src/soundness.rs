//! What a workload file may not ask for, although each of its fields is well-formed.

use crate::definition::{MAX_OPERATIONS, Problem, balance};
use crate::distribution::Distribution;
use crate::load::Load;
use crate::op::OpKind;
use crate::space::Space;

/// How far the population at the start may lie from the one that the mix leads to, as a share of the key range.
const DRIFT: f64 = 0.02;

/// # Errors
/// The field and why it cannot be.
pub(crate) fn check(load: &Load, drifts: bool) -> Result<(), Problem> {
    check_roles(load)?;
    check_keys(load)?;
    if load.trace.is_some()
        && (load.operations.is_none() || load.roles.len() > 1 || !matches!(load.space, Space::Range(_)))
    {
        let problem =
            "a trace has operations, a key_range and one [mix]: `mapbench run --trace FILE` writes such a file";
        return Err(("trace", problem.to_owned()));
    }
    match load.operations {
        Some(operations) if operations == 0 || operations > MAX_OPERATIONS => {
            Err(("operations", format!("{operations} operations are not in 1..={MAX_OPERATIONS}")))
        }
        Some(_) if load.roles.iter().any(|role| role.rate_ops_s.is_some()) => {
            Err(("operations", "a role with a rate has no number of operations: leave one of them out".to_owned()))
        }
        Some(_) => Ok(()),
        None if drifts && !load.is_ordered() => Ok(()),
        None => check_steadiness(load),
    }
}

fn check_roles(load: &Load) -> Result<(), Problem> {
    let roles = &load.roles;
    if roles.iter().filter(|role| role.threads.is_none()).count() > 1 {
        return Err(("[[role]]", "two roles take the rest of the threads; only one can".to_owned()));
    }
    if let Some(twice) =
        roles.iter().enumerate().find(|(i, role)| roles[..*i].iter().any(|other| other.name == role.name))
    {
        return Err(("[[role]]", format!("two roles are named `{}`", twice.1.name)));
    }
    if load.is_ordered() && roles.len() > 1
        || !load.is_ordered() && roles.iter().any(|role| role.distribution.is_ordered())
    {
        let ordered = roles.iter().find(|role| role.distribution.is_ordered()).expect("one of them is");
        let problem =
            format!("keys in the order of `{}` are each thread's own: all must have one [mix]", ordered.distribution);
        return Err(("[[role]]", problem));
    }
    Ok(())
}

fn check_keys(load: &Load) -> Result<(), Problem> {
    match load.space {
        Space::Range(range) if load.population > range => {
            let problem = format!("a population of {} does not fit a key range of {range}", load.population);
            Err(("population", problem))
        }
        Space::Sets { .. } if load.population < 4 => {
            Err(("population", "hit_pct needs a population of at least 4".to_owned()))
        }
        Space::Sets { .. } if load.key_range(1) > u64::from(crate::op::MAX_KEY_RANGE) => {
            Err(("population", format!("a population of {} needs too many keys", load.population)))
        }
        Space::Sets { .. } => {
            let fixed =
                |distribution: Distribution| distribution.is_ordered() || distribution == Distribution::Sequential;
            match load.roles.iter().find(|role| fixed(role.distribution)) {
                Some(role) => {
                    let problem =
                        format!("hit_pct is for keys in no order; with `{}`, give a key_range", role.distribution);
                    Err(("hit_pct", problem))
                }
                None => Ok(()),
            }
        }
        Space::Tables if load.operations.is_none() => {
            Err(("distribution", "bustle ends after a number of operations: give `operations`".to_owned()))
        }
        Space::Range(_) | Space::Tables => Ok(()),
    }
}

/// Operations that go on for as long as time is given must leave the map as large as they found it.
fn check_steadiness(load: &Load) -> Result<(), Problem> {
    let balances = || load.roles.iter().map(|role| balance(&role.mix)).filter(|(adds, removes)| adds + removes > 0.0);
    if load.is_ordered() {
        let role = &load.roles[0];
        let (adds, removes) = balance(&role.mix);
        let inserts = adds - role.mix.percent(OpKind::Upsert);
        if inserts != removes {
            let problem = format!(
                "{inserts} % inserts and {removes} % removes would not leave the map as large as it was: make them equal, or \
                 give `operations`"
            );
            return Err(("distribution", problem));
        }
        return Ok(());
    }
    if balances().any(|(adds, _)| adds == 0.0) || balances().any(|(_, removes)| removes == 0.0) {
        if balances().any(|(_, removes)| removes > 0.0) {
            let problem = "keys are removed by threads that insert none, or the other way round: their pace would decide the \
                           population; give `operations`, or both to one role";
            return Err(("population", problem.to_owned()));
        }
        return match load.space {
            Space::Range(range) if load.population < range => {
                let problem = format!(
                    "inserts without removes would fill the map from {} to {range} entries: make population and key_range \
                     equal, or give `operations`",
                    load.population
                );
                Err(("population", problem))
            }
            _ => match load.roles.iter().find(|role| role.mix.percent(OpKind::InsertNew) > 0.0) {
                // Those that are there at the start are there for ever.
                Some(role) => {
                    let problem = format!(
                        "{} % insert_new would insert nothing, since nothing is removed and so every key is there: give as much \
                         remove, or `insert`, which overwrites",
                        role.mix.percent(OpKind::InsertNew)
                    );
                    Err(("insert_new", problem))
                }
                None => Ok(()),
            },
        };
    }
    for (adds, removes) in balances() {
        // A key is there when the last to touch it was an insert.
        let leads_to = adds / (adds + removes);
        match load.space {
            Space::Range(range) if (f64::from(load.population) / f64::from(range) - leads_to).abs() > DRIFT => {
                let problem = format!(
                    "{adds} % inserts and {removes} % removes lead from {} entries to {:.0}: begin with these, or say `drifts = true`",
                    load.population,
                    f64::from(range) * leads_to
                );
                return Err(("population", problem));
            }
            Space::Sets { .. } if (0.5 - leads_to).abs() > DRIFT => {
                let problem =
                    format!("with hit_pct, inserts and removes must be equal; they are {adds} % and {removes} %");
                return Err(("population", problem));
            }
            _ => {}
        }
    }
    Ok(())
}
