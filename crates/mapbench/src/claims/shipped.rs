//! The claims that are shipped, and the choice among them.

use std::path::Path;

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

/// All shipped claims.
///
/// # Panics
/// When one is wrong, as a build without all strategies may find.
///
/// # Errors
/// When one names a strategy that this build lacks.
pub(crate) fn shipped(registry: &Registry) -> Result<Vec<Claim>, Failure> {
    SHIPPED.iter().map(|(name, text)| read(name, text, registry)).collect()
}

/// The claims of these names, or of these files that end in `.toml`; all shipped ones if there is no name.
///
/// # Errors
/// When there is no such claim, or a file cannot be read or is wrong.
pub(crate) fn chosen(names: &[String], registry: &Registry) -> Result<Vec<Claim>, Failure> {
    if names.is_empty() {
        return shipped(registry);
    }
    let mut claims: Vec<Claim> = Vec::new();
    for name in names {
        let claim = if Path::new(name).extension().is_some_and(|extension| extension == "toml") {
            let text = std::fs::read_to_string(name)
                .map_err(|error| Failure::usage(format!("cannot read the claim {name}: {error}")))?;
            read(name, &text, registry)?
        } else {
            let (name, text) = SHIPPED.iter().find(|(shipped, _)| shipped == name).ok_or_else(|| {
                UnknownName::new("claim", name, SHIPPED.iter().map(|(name, _)| *name))
                    .listed_by("mapbench claims --list")
            })?;
            read(name, text, registry)?
        };
        if claims.iter().any(|other| other.name == claim.name) {
            return Err(Failure::usage(format!("two claims are named `{}`: give each once", claim.name)));
        }
        claims.push(claim);
    }
    Ok(claims)
}

fn read(file: &str, text: &str, registry: &Registry) -> Result<Claim, Failure> {
    Claim::parse(text, registry).map_err(|error| Failure::usage(format!("{file}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::{SHIPPED, chosen, shipped};
    use crate::registry::Registry;

    #[test]
    fn shipped_claims_are_sound_and_named_as_their_files() {
        let claims = shipped(&Registry::with(&[])).unwrap();
        let names: Vec<&str> = claims.iter().map(|claim| claim.name.as_str()).collect();
        let files: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, files);
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
