//! What was verified before, and lies under a folder of results.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use mapbench_results::{SEMANTICS, Semantics};

use crate::registry::Registry;

/// The newest row of each strategy and check in the folders under `results` and under its `published`, of the versions
/// that this program has; and what is wrong with files that cannot be read.
pub(crate) fn newest(results: &Path, registry: &Registry) -> (Vec<Semantics>, Vec<String>) {
    let versions: HashMap<&str, String> =
        registry.entries().iter().map(|entry| (entry.info.name, entry.version())).collect();
    let (mut newest, mut unreadable) = (HashMap::new(), Vec::new());
    for dir in [results, &results.join("published")].into_iter().flat_map(folders) {
        if !dir.join(SEMANTICS).exists() {
            continue;
        }
        match Semantics::read(&dir) {
            Err(error) => unreadable.push(error.to_string()),
            Ok(rows) => {
                for row in rows {
                    let known = versions.get(row.strategy.as_str()) == Some(&row.version);
                    let key = (row.strategy.clone(), row.check.clone());
                    let older = newest.get(&key).is_none_or(|before: &Semantics| before.finished < row.finished);
                    if known && older {
                        newest.insert(key, row);
                    }
                }
            }
        }
    }
    let mut rows: Vec<Semantics> = newest.into_values().collect();
    rows.sort_by(|a, b| (&a.strategy, &a.check).cmp(&(&b.strategy, &b.check)));
    unreadable.sort_unstable();
    (rows, unreadable)
}

/// The folders in a folder; none where there is no such folder.
fn folders(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

#[cfg(test)]
mod tests {
    use super::newest;
    use crate::registry::Registry;
    use mapbench_results::{Semantics, Verdict};

    #[test]
    fn the_newest_row_of_this_programs_versions_counts() {
        let registry = Registry::with(&[]);
        let info = registry.entries()[0].info;
        let row = |finished: &str, version: &str| Semantics {
            strategy: info.name.to_owned(),
            version: version.to_owned(),
            check: "histories".to_owned(),
            declared: String::new(),
            verdict: Verdict::Verified,
            histories: 1,
            operations: 1,
            elapsed_ms: 1,
            threads: 2,
            seed: 1,
            finished: finished.to_owned(),
            detail: String::new(),
        };
        let results = tempfile::tempdir().unwrap();
        for (dir, finished, version) in [
            ("verify-a", "2026-01-02T00:00:00Z", info.version),
            ("published/b", "2026-01-03T00:00:00Z", info.version),
            ("verify-c", "2026-01-04T00:00:00Z", "another"),
            ("verify-d", "2026-01-01T00:00:00Z", info.version),
        ] {
            Semantics::write(&results.path().join(dir), &[row(finished, version)]).unwrap();
        }
        let damaged = results.path().join("verify-e");
        std::fs::create_dir(&damaged).unwrap();
        std::fs::write(damaged.join("semantics.csv"), "half a li").unwrap();
        let (rows, unreadable) = newest(results.path(), &registry);
        assert_eq!(rows, [row("2026-01-03T00:00:00Z", info.version)]);
        assert!(unreadable.len() == 1 && unreadable[0].contains("verify-e"), "{unreadable:?}");
        assert_eq!(newest(&results.path().join("nowhere"), &registry), (vec![], vec![]));
    }
}
