//! A disk that is full.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use mapbench_results::{Provenance, Run, RunWriter, SAMPLES};
use mapbench_workload::SplitMix64;
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::processes::Mark;

/// The variable of the environment with the largest size that a file may have: what is written beyond it fails, as on a
/// full disk.
const LIMIT: &str = "MAPBENCH_FILE_BYTES";

const OFFSETS: u32 = 20;

/// Sets the limit of this process and of those that it starts.
pub(crate) fn limit_if_told() {
    if let Ok(bytes) = std::env::var(LIMIT) {
        let bytes = bytes.parse().ok();
        setrlimit(Resource::Fsize, Rlimit { current: bytes, maximum: bytes }).unwrap();
    }
}

/// Rows that fail after so many bytes of their file, and a run that goes on when there is room: nothing that was measured is
/// lost or there twice.
pub(crate) fn a_full_disk_leaves_what_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    let run = "run --profile smoke --strategy std-mutex,std-rwlock --threads 1,2 --out";
    assert!(Mark::new().output(&format!("{run} {}", whole.display())).status.success());
    let whole = Run::read(&whole).unwrap();
    let begun = Provenance { finished: None, checksums: BTreeMap::new(), ..whole.provenance.clone() };
    let length = size(&whole.dir.join(SAMPLES));
    let mut rng = SplitMix64::new(0xd15c);
    for turn in 0..OFFSETS {
        let out = dir.path().join(format!("full-{turn}"));
        drop(RunWriter::create(&out, &begun).unwrap());
        let header = size(&out.join(SAMPLES));
        let bytes = header + rng.next_u64() % (length - header);
        let mark = Mark::new();
        let resume = format!("run --resume {}", out.display());
        let as_told = mark.command(&resume);
        // A process is ended by the signal that tells of the limit, unless it was told to ignore it.
        let output = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
            .arg(as_told.get_program())
            .args(as_told.get_args())
            .envs(as_told.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .env(LIMIT, bytes.to_string())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{bytes} bytes: {said}");
        assert!(said.contains("cannot be written: File too large"), "{bytes} bytes: {said}");
        assert!(said.contains("nothing measured so far is lost"), "{bytes} bytes: {said}");
        mark.expect_none();
        assert!(size(&out.join(SAMPLES)) <= bytes);
        assert!(mark.output(&resume).status.success(), "{bytes} bytes");
        assert_eq!(Run::read(&out).unwrap().samples.len(), whole.samples.len(), "{bytes} bytes");
    }
}

fn size(file: &Path) -> u64 {
    std::fs::metadata(file).unwrap().len()
}
