//! The simulator: this workspace's own sources, built once more by a nightly compiler with a call at every access of memory.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::protocol::SIMULATOR;

/// What the instrumented crates are built with. The functions' entries and exits are of no interest.
const INSTRUMENTED: &str = "profile.release.rustflags=['-Zsanitizer=thread','-Zexternal-clangrt','-Cunsafe-allow-abi-mismatch=sanitizer','-Cllvm-args=-tsan-instrument-func-entry-exit=0']";

/// What is not: the run time itself, and what runs while building.
const PLAIN: [&str; 2] = [
    "profile.release.package.mapbench-contention.rustflags=['-Cunsafe-allow-abi-mismatch=sanitizer']",
    "profile.release.build-override.rustflags=[]",
];

/// A built simulator.
#[derive(Clone, Debug)]
pub(crate) struct Simulator {
    pub(crate) executable: PathBuf,
}

/// Why there is no simulator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoSimulator {
    /// The platform is another.
    #[error("contention is counted on x86-64 Linux alone: the run time knows no other system's calls")]
    Platform,
    /// There is no compiler for it.
    #[error(
        "counting contention takes a nightly compiler, which is not installed; nothing else here does: `rustup toolchain install nightly --profile minimal` gets one"
    )]
    NoNightly,
    /// The sources are gone.
    #[error(
        "counting contention takes mapbench's sources, and {} has none: give the workspace with --sources DIR",
        .0.display()
    )]
    NoSources(PathBuf),
    /// The compiler was not content.
    #[error("the simulator could not be built in {}; what cargo said is above", .0.display())]
    Failed(PathBuf),
}

/// Builds the simulator, or finds it built.
pub(crate) fn build(sources: Option<&Path>) -> Result<Simulator, NoSimulator> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err(NoSimulator::Platform);
    }
    let sources = sources.map_or_else(own_sources, Path::to_owned);
    if !sources.join("crates/contention/Cargo.toml").is_file() {
        return Err(NoSimulator::NoSources(sources));
    }
    if !has_nightly() {
        return Err(NoSimulator::NoNightly);
    }
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| sources.join("target"), PathBuf::from).join("contention");
    let mut cargo = Command::new("cargo");
    cargo
        .args(["+nightly", "build", "--release", "--locked", "-Zprofile-rustflags", "--config", INSTRUMENTED])
        .args(PLAIN.iter().flat_map(|plain| ["--config", plain]))
        .args(["--package", "mapbench", "--bin", SIMULATOR, "--features", "contention", "--target-dir"])
        .arg(&target)
        .current_dir(&sources)
        // The flags of this build would come in the way of those above.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        // Set where cargo runs this program, and it would choose the wrong compiler.
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("RUSTC")
        .stdin(Stdio::null());
    match cargo.status() {
        Ok(status) if status.success() => Ok(Simulator { executable: target.join("release").join(SIMULATOR) }),
        _ => Err(NoSimulator::Failed(sources)),
    }
}

/// Where this program was built.
fn own_sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn has_nightly() -> bool {
    let mut cargo = Command::new("cargo");
    cargo.args(["+nightly", "--version"]).env_remove("RUSTUP_TOOLCHAIN").env("RUSTUP_AUTO_INSTALL", "0");
    cargo.stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_sources_is_named() {
        if cfg!(not(all(target_os = "linux", target_arch = "x86_64"))) {
            return;
        }
        let error = build(Some(Path::new("/nonexistent"))).unwrap_err().to_string();
        assert!(error.contains("/nonexistent has none") && error.contains("--sources DIR"), "{error}");
        assert!(own_sources().join("Cargo.lock").is_file());
    }
}
