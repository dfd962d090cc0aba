//! Build-time helper: the version of an upstream crate as `Cargo.lock` has it, for an adapter's `build.rs`.
//!
//! A version that is typed by hand is wrong after the next `cargo update`; this one cannot be.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// Sets the environment variable `variable` of the crate being built to the locked version of `upstream`, with its
/// origin if that is not a registry (`6.2.1 git+https://…#rev`, `6.2.1 path`).
///
/// `prefix` chooses among several versions that are locked at once (`"6."`); `""` where there is one.
///
/// # Panics
/// Outside a build script, without a `Cargo.lock`, or when not exactly one locked version fits: the build must stop
/// rather than publish a wrong version.
pub fn emit(variable: &str, upstream: &str, prefix: &str) {
    let lock = find_lock();
    let text = fs::read_to_string(&lock).unwrap_or_else(|e| panic!("{}: {e}", lock.display()));
    let mut found = locked(&text, upstream);
    found.retain(|version| version.starts_with(prefix));
    assert!(
        found.len() == 1,
        "{}: wanted one version of `{upstream}` that begins with `{prefix}`, found {found:?}",
        lock.display()
    );
    println!("cargo:rerun-if-changed={}", lock.display());
    println!("cargo:rustc-env={variable}={}", found[0]);
}

/// Sets `variable` to the compiler's release (`1.95.0`): the version of everything in `std`.
///
/// # Panics
/// Outside a build script, or when the compiler does not say its version.
pub fn emit_rustc(variable: &str) {
    let rustc = env::var_os("RUSTC").expect("RUSTC is set in build scripts");
    let output = std::process::Command::new(rustc).arg("-V").output().expect("rustc -V runs");
    let text = String::from_utf8(output.stdout).expect("rustc -V prints text");
    let version = text.split_whitespace().nth(1).expect("rustc -V prints `rustc VERSION …`");
    println!("cargo:rerun-if-env-changed=RUSTC");
    println!("cargo:rustc-env={variable}={version}");
}

/// The lock file of the build: beside the target folder, so that it is the user's one when an adapter is a dependency.
fn find_lock() -> PathBuf {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("OUT_DIR is set in build scripts"));
    let own = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("CARGO_MANIFEST_DIR is set in build scripts"));
    let above = |start: &Path| start.ancestors().map(|dir| dir.join("Cargo.lock")).find(|lock| lock.is_file());
    above(&out).or_else(|| above(&own)).expect("a Cargo.lock above the target folder or the crate")
}

/// Every version of `name` in the text of a lock file.
fn locked(lock: &str, name: &str) -> Vec<String> {
    lock.split("[[package]]").filter(|package| field(package, "name") == Some(name)).filter_map(describe).collect()
}

fn describe(package: &str) -> Option<String> {
    let version = field(package, "version")?;
    Some(match field(package, "source") {
        Some(source) if source.starts_with("registry+") || source.starts_with("sparse+") => version.to_owned(),
        Some(source) => format!("{version} {source}"),
        None => format!("{version} path"),
    })
}

fn field<'a>(package: &'a str, key: &str) -> Option<&'a str> {
    package.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"'))
}

#[cfg(test)]
mod tests {
    use super::locked;

    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"dashmap\"\nversion = \"6.2.1\"\nsource = \"registry+x\"\n\n\
        [[package]]\nname = \"dashmap\"\nversion = \"7.0.0-rc2\"\nsource = \"git+https://host/dashmap#abc\"\n\n\
        [[package]]\nname = \"dashmap-like\"\nversion = \"1.0.0\"\n";

    #[test]
    fn versions_are_read_with_their_origin() {
        assert_eq!(locked(LOCK, "dashmap"), ["6.2.1", "7.0.0-rc2 git+https://host/dashmap#abc"]);
        assert_eq!(locked(LOCK, "dashmap-like"), ["1.0.0 path"]);
        assert!(locked(LOCK, "scc").is_empty());
    }
}
