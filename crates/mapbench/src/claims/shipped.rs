//! The claims that are shipped, and the choice among them.

use std::path::Path;

use mapbench_workload::DefinitionError;

use super::definition::Claim;
use crate::failure::Failure;
use crate::registry::{Registry, UnknownName};

macro_rules! shipped {
    ($($name:literal),+ $(,)?) => {
        /// The files, as name and text, in the order in which they are tested and shown.
        const SHIPPED: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../claims/", $name, ".toml")))),+];
    };
}

shipped![
    "race-is-fatal",
    "race-on-iteration",
    "rust-refuses",
    "single-thread-is-safe",
    "lost-update",
    "rwmutex-read-mostly",
    "lock-granularity-reads",
    "lock-granularity-writes",
    "lock-granularity-latency",
    "sync-map-write-heavy-10",
    "sync-map-write-heavy-100",
    "sync-map-read-mostly",
    "sharded-highest",
    "snapshot-read",
    "snapshot-read-concurrent",
    "snapshot-write",
    "snapshot-memory",
    "pointer-swap",
    "lock-free-read-allocations",
    "pause",
    "pause-longest",
    "qps-47",
    "papaya-read-heavy",
    "papaya-write-heavy",
    "papaya-tail",
    "dashmap-single-thread",
    "scc-exchange",
    "rwlock-collapse",
    "evmap-publish",
    "flurry-exchange",
];

/// The names of all shipped claims.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|(name, _)| *name)
}

/// The claims of these names, or of these files that end in `.toml`; all shipped ones if there is no name.
///
/// # Errors
/// When there is no such claim, or a file cannot be read or is wrong.
pub(crate) fn chosen(names: &[String], registry: &Registry) -> Result<Vec<Claim>, Failure> {
    let shipped =
        |(name, text): &(&str, &str)| Claim::parse_shipped(text, registry).map_err(|error| wrong(name, &error));
    if names.is_empty() {
        return SHIPPED.iter().map(shipped).collect();
    }
    let mut claims: Vec<Claim> = Vec::new();
    for name in names {
        let claim = if Path::new(name).extension().is_some_and(|extension| extension == "toml") {
            let text = std::fs::read_to_string(name)
                .map_err(|error| Failure::usage(format!("cannot read the claim {name}: {error}")))?;
            Claim::parse(&text, registry).map_err(|error| wrong(name, &error))?
        } else {
            let found = SHIPPED
                .iter()
                .find(|(shipped, _)| shipped == name)
                .ok_or_else(|| UnknownName::new("claim", name, self::names()).listed_by("mapbench claims --list"))?;
            shipped(found)?
        };
        if claims.iter().any(|other| other.name == claim.name) {
            return Err(Failure::usage(format!("two claims are named `{}`: give each once", claim.name)));
        }
        claims.push(claim);
    }
    Ok(claims)
}

fn wrong(file: &str, error: &DefinitionError) -> Failure {
    Failure::usage(format!("{file}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::{chosen, names};
    use crate::registry::Registry;

    #[test]
    fn shipped_claims_are_sound_and_named_as_their_files() {
        let claims = chosen(&[], &Registry::with(&[])).unwrap();
        let named: Vec<&str> = claims.iter().map(|claim| claim.name.as_str()).collect();
        assert_eq!(named, names().collect::<Vec<_>>());
        let lacking: Vec<_> = claims.iter().filter(|claim| !claim.lacks.is_empty()).collect();
        assert!(lacking.is_empty(), "{lacking:?}");
    }

    #[test]
    fn a_choice_is_answered_with_what_is_wrong() {
        let registry = Registry::with(&[]);
        let message = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            format!("{:?}", chosen(&names, &registry).unwrap_err())
        };
        assert!(message(&["lost-updat"]).contains("did you mean `lost-update`?; `mapbench claims --list` names all"));
        assert!(message(&["lost-update", "lost-update"]).contains("two claims are named `lost-update`"));
        assert!(message(&["/nonexistent.toml"]).contains("cannot read the claim /nonexistent.toml"));
        assert_eq!(chosen(&["lost-update".to_owned()], &registry).unwrap().len(), 1);
    }
}
