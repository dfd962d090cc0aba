//! What verdicts a machine is known to give, to notice when one changes.

use std::collections::BTreeMap;
use std::path::Path;

use mapbench_report::Tested;
use mapbench_results::ClaimVerdict;
use serde::Deserialize;

use crate::failure::Failure;
use crate::registry::nearest;

/// A file of expected verdicts, by claim: `lost-update = "reproduced"`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    verdicts: BTreeMap<String, ClaimVerdict>,
}

impl Expected {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or is not as it must be.
    pub(crate) fn read(path: &Path, known: &[&str]) -> Result<Self, Failure> {
        let at = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::usage(format!("cannot read the expected verdicts {at}: {error}")))?;
        let expected: Self = toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            Failure::usage(format!("{at}, line {line}: {}", error.message().lines().next().unwrap_or_default()))
        })?;
        match expected.verdicts.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(expected),
            Some(name) => {
                let meant = nearest(name, known.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
                Err(Failure::usage(format!("{at}: there is no claim `{name}`{}", meant.unwrap_or_default())))
            }
        }
    }

    /// What differs, a line each. A claim that nothing is expected of, or that was not tested, differs from nothing.
    pub(crate) fn differences(&self, tested: &[Tested]) -> Vec<String> {
        let differs = |claim: &Tested| {
            let expected = *self.verdicts.get(claim.name())?;
            let found = claim.verdict();
            let why = claim.why();
            (found != expected).then(|| format!("{}: expected {expected}, found {found}: {why}", claim.name()))
        };
        tested.iter().filter_map(differs).collect()
    }
}
