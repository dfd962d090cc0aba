//! The workloads that come with the program.

macro_rules! shipped {
    ($($name:literal),+ $(,)?) => {
        /// The shipped workloads, as name and text; the first is the default.
        pub(crate) const SHIPPED: &[(&str, &str)] = &[$(($name, include_str!(concat!("../workloads/", $name, ".toml")))),+];
    };
}

shipped![
    "ratio-sweep",
    "ycsb-a",
    "ycsb-b",
    "ycsb-c",
    "ycsb-d",
    "ycsb-f",
    "libcuckoo-read-heavy",
    "libcuckoo-read-heavy-published",
    "libcuckoo-exchange",
    "libcuckoo-exchange-published",
    "libcuckoo-rapid-grow",
    "libcuckoo-rapid-grow-published",
    "config-reload",
    "order-status",
    "counter",
    "session-cache",
    "interning",
    "scan",
    "scan-alone",
    "scan-writers",
    "churn",
    "hot-key",
    "oversubscribed",
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use mapbench_workload::Workload;

    use super::SHIPPED;

    #[test]
    fn shipped_workloads_are_sound_and_named_as_their_files() {
        for (name, text) in SHIPPED {
            let workloads = Workload::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            for workload in workloads {
                assert_eq!(workload.name.split('@').next(), Some(*name));
                assert!(workload.question.ends_with('?'), "{name}: the question does not end in `?`");
                assert!(!workload.source.is_empty(), "{name}: there is no source");
            }
        }
    }

    #[test]
    fn every_file_is_shipped() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads");
        let files = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        let stems: HashSet<String> =
            files.map(|file| file.file_stem().unwrap().to_string_lossy().into_owned()).collect();
        assert_eq!(stems, SHIPPED.iter().map(|(name, _)| (*name).to_owned()).collect());
    }
}
