//! The version of an upstream crate as `Cargo.lock` has it, for an adapter's `build.rs`, and the revision of a checkout.
//!
//! A version that is typed by hand is wrong after the next `cargo update`; this one cannot be.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Sets the environment variable `variable` of the crate being built to the locked version of `upstream`, with its
/// origin if that is not a registry: `6.2.1 git+https://host/dashmap#0123…` for a git revision, and for a path what
/// [`revision`] says of it, `6.2.1 path v6.2.1-3-g0123456789ab-dirty`, or `6.2.1 path` where that is no checkout. The
/// path itself is not told: it says where somebody lives.
///
/// Of several that are locked, it is the one that the crate being built depends on. Where it depends on several, `prefix`
/// chooses by how this begins: `"6."`, `"6.2.1 git+"`, `"6.2.1 path"`;
/// where one is all of it and the other goes on, as `"6.2.1"`, it is the former. `""` where there is one.
///
/// Where no lock file of the build is to be found, as under `cargo install`, the version is `unknown`.
///
/// # Panics
/// Outside a build script, or when not exactly one locked version fits: the build must stop rather than publish a wrong
/// version.
pub fn emit(variable: &str, upstream: &str, prefix: &str) {
    let Some((lock, text)) = find_lock() else {
        println!("cargo:rustc-env={variable}=unknown");
        return;
    };
    let own = env::var("CARGO_PKG_NAME").expect("CARGO_PKG_NAME is set in build scripts");
    let found = used(&text, &own, upstream);
    let chosen = choose(&found, prefix).unwrap_or_else(|| {
        let found: Vec<String> = found.iter().map(Locked::shown).collect();
        panic!(
            "{}: wanted one version of `{upstream}` that begins with `{prefix}`, found {found:?}: the last argument of \
             `emit` in the build script of {own} says which",
            lock.display()
        )
    });
    println!("cargo:rerun-if-changed={}", lock.display());
    let mut shown = chosen.shown();
    if chosen.origin == Origin::Path
        && let Some(path) = path_of(&lock, upstream, &chosen.version)
    {
        watch(&path);
        revision(&path).iter().for_each(|revision| shown += &format!(" {revision}"));
    }
    println!("cargo:rustc-env={variable}={shown}");
}

/// What git calls the state of the checkout that holds `dir`: the nearest tag, the commits since, the revision, and
/// whether anything was changed since then (`v0.3.0-4-g0123456789ab-dirty`, `0123456789ab`). `None` where there is no
/// checkout or no git.
#[must_use]
pub fn revision(dir: &Path) -> Option<String> {
    git(dir, &["describe", "--always", "--tags", "--dirty", "--abbrev=12"])
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

/// The lock file of the build and its text: above the manifest or the folder that cargo was started with, so that it is
/// the user's one when an adapter is a dependency; else above the target folder. It must list the crate being built.
fn find_lock() -> Option<(PathBuf, String)> {
    let name = env::var("CARGO_PKG_NAME").expect("CARGO_PKG_NAME is set in build scripts");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("OUT_DIR is set in build scripts"));
    let started = Started::of_parent();
    started.and_then(|cargo| lock_above(&cargo.manifest(), &name)).or_else(|| lock_above(&out, &name))
}

fn lock_above(start: &Path, name: &str) -> Option<(PathBuf, String)> {
    start.ancestors().find_map(|dir| {
        let lock = dir.join("Cargo.lock");
        let text = fs::read_to_string(&lock).ok()?;
        (!locked(&text, name).is_empty()).then_some((lock, text))
    })
}

/// How cargo, the parent of a build script, was started.
struct Started {
    folder: PathBuf,
    words: Vec<String>,
}

impl Started {
    /// `None` where the system has no procfs.
    fn of_parent() -> Option<Self> {
        let cargo = Path::new("/proc").join(std::os::unix::process::parent_id().to_string());
        let line = fs::read(cargo.join("cmdline")).ok()?;
        let words = String::from_utf8_lossy(&line).split_terminator('\0').map(str::to_owned).collect();
        Some(Self { folder: fs::read_link(cargo.join("cwd")).ok()?, words })
    }

    /// The manifest that it was told, or the folder above which it looks for one.
    fn manifest(&self) -> PathBuf {
        self.folder.join(self.values("--manifest-path").next().unwrap_or_default())
    }

    /// What follows an option, each time that it was given.
    fn values<'a>(&'a self, option: &'a str) -> impl Iterator<Item = &'a str> {
        let next = self.words.iter().skip(1).map(String::as_str).chain([""]);
        self.words.iter().zip(next).filter_map(move |(word, next)| match word.strip_prefix(option)? {
            "" => Some(next),
            rest => rest.strip_prefix('='),
        })
    }
}

/// A package of a lock file.
#[derive(Debug, PartialEq, Eq)]
struct Locked {
    version: String,
    origin: Origin,
}

/// Where a package comes from.
#[derive(Debug, PartialEq, Eq)]
enum Origin {
    Registry,
    Git(String),
    Path,
}

impl Locked {
    /// Whether a dependency, written as a lock file does (`name`, `name 1.0.0`, `name 1.0.0 (git+…)`), may be this package of
    /// that name.
    fn is(&self, dependency: &str, name: &str) -> bool {
        let mut words = dependency.split(' ');
        let is_origin = |source: &str| match &self.origin {
            Origin::Git(own) => source.trim_matches(['(', ')']) == own,
            Origin::Registry => !source.starts_with("(git+"),
            Origin::Path => false,
        };
        words.next() == Some(name)
            && words.next().is_none_or(|version| version == self.version)
            && words.next().is_none_or(is_origin)
    }

    fn shown(&self) -> String {
        let Self { version, origin } = self;
        match origin {
            Origin::Registry => version.clone(),
            Origin::Git(source) => format!("{version} {source}"),
            Origin::Path => format!("{version} path"),
        }
    }
}

/// The one that begins with `prefix`, or of several the one that is no more than that.
fn choose<'a>(found: &'a [Locked], prefix: &str) -> Option<&'a Locked> {
    let fitting: Vec<&Locked> = found.iter().filter(|package| package.shown().starts_with(prefix)).collect();
    match fitting[..] {
        [one] => Some(one),
        _ => fitting.into_iter().find(|package| package.shown() == prefix),
    }
}

/// Every version of `name` in the text of a lock file.
fn locked(lock: &str, name: &str) -> Vec<Locked> {
    lock.split("[[package]]").filter(|package| field(package, "name") == Some(name)).filter_map(describe).collect()
}

/// The locked versions of `upstream` that the package `own` depends on.
fn used(lock: &str, own: &str, upstream: &str) -> Vec<Locked> {
    let dependencies: Vec<&str> = lock
        .split("[[package]]")
        .filter(|package| field(package, "name") == Some(own))
        .flat_map(|package| package.lines().filter_map(|line| line.strip_prefix(" \"")?.strip_suffix("\",")))
        .collect();
    let mut found = locked(lock, upstream);
    found.retain(|package| dependencies.iter().any(|dependency| package.is(dependency, upstream)));
    found
}

fn describe(package: &str) -> Option<Locked> {
    let version = field(package, "version")?.to_owned();
    let origin = match field(package, "source") {
        Some(source) if source.starts_with("registry+") || source.starts_with("sparse+") => Origin::Registry,
        Some(source) => Origin::Git(source.to_owned()),
        None => Origin::Path,
    };
    Some(Locked { version, origin })
}

fn field<'a>(package: &'a str, key: &str) -> Option<&'a str> {
    package.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"'))
}

/// Where a package that the lock file names without a source lies; `None` where cargo does not say. A patch may be known
/// from cargo's command line alone.
fn path_of(lock: &Path, name: &str, version: &str) -> Option<PathBuf> {
    let mut cargo = Command::new(env::var_os("CARGO")?);
    if let Some(started) = Started::of_parent() {
        cargo.current_dir(&started.folder);
        for value in started.values("--config") {
            cargo.args(["--config", value]);
        }
    }
    cargo.args(["pkgid", "--offline", "--manifest-path"]).arg(lock.with_file_name("Cargo.toml"));
    let output = cargo.arg(format!("{name}@{version}")).output().ok()?;
    // Where a registry has the same version too, cargo complains, and lists what could be meant.
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).lines().find_map(|identity| path_in(identity, version))
}

/// The path in the identity of a package of this version: `path+file:///home/me/dashmap#7.0.0`.
fn path_in(identity: &str, version: &str) -> Option<PathBuf> {
    let (path, package) = identity.trim().strip_prefix("path+file://")?.rsplit_once('#')?;
    let (_, its_version) = package.rsplit_once('@').unwrap_or(("", package));
    (its_version == version).then(|| PathBuf::from(path))
}

/// Builds again when a checkout has another revision, or its sources another text.
fn watch(dir: &Path) {
    println!("cargo:rerun-if-changed={}", dir.join("src").display());
    for file in ["index", "logs/HEAD"] {
        if let Some(path) = git(dir, &["rev-parse", "--git-path", file]) {
            println!("cargo:rerun-if-changed={}", dir.join(path).display());
        }
    }
}

fn git(dir: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(dir).args(arguments).output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !said.is_empty()).then_some(said)
}

#[cfg(test)]
mod tests;
