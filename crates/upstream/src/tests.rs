use super::{Locked, Origin, Started, choose, lock_above, locked, path_in, path_of, revision, used};
use std::path::{Path, PathBuf};
use std::process::Command;

const LOCK: &str = "version = 4\n\n[[package]]\nname = \"dashmap\"\nversion = \"6.2.1\"\nsource = \"registry+x\"\n\n\
    [[package]]\nname = \"dashmap\"\nversion = \"7.0.0-rc2\"\nsource = \"git+https://host/dashmap#abc\"\n\n\
    [[package]]\nname = \"dashmap-like\"\nversion = \"1.0.0\"\n";

#[test]
fn versions_are_read_with_their_origin() {
    let package = |version: &str, origin| Locked { version: version.to_owned(), origin };
    let git = Origin::Git("git+https://host/dashmap#abc".to_owned());
    assert_eq!(locked(LOCK, "dashmap"), [package("6.2.1", Origin::Registry), package("7.0.0-rc2", git)]);
    assert_eq!(locked(LOCK, "dashmap-like"), [package("1.0.0", Origin::Path)]);
    assert!(locked(LOCK, "scc").is_empty());
}

#[test]
fn of_several_versions_that_count_which_the_crate_depends_on() {
    let own = |dependencies: &str| {
        let registry = "[[package]]\nname = \"dashmap\"\nversion = \"7.0.0-rc2\"\nsource = \"registry+x\"\n\n";
        format!(
            "{LOCK}\n{registry}[[package]]\nname = \"own\"\nversion = \"0.1.0\"\ndependencies = [\n{dependencies}]\n"
        )
    };
    let versions = |dependencies: &str| -> Vec<String> {
        used(&own(dependencies), "own", "dashmap").iter().map(Locked::shown).collect()
    };
    let git = "7.0.0-rc2 git+https://host/dashmap#abc";
    assert_eq!(versions(" \"dashmap 6.2.1\",\n \"dashmap-like\",\n"), ["6.2.1"]);
    assert_eq!(versions(" \"dashmap 7.0.0-rc2 (git+https://host/dashmap#abc)\",\n"), [git]);
    assert_eq!(versions(" \"dashmap 7.0.0-rc2 (registry+x)\",\n"), ["7.0.0-rc2"]);
    assert_eq!(versions(" \"dashmap 6.2.1\",\n \"dashmap 7.0.0-rc2 (registry+x)\",\n"), ["6.2.1", "7.0.0-rc2"]);
    assert_eq!(versions(" \"dashmap-like\",\n"), [""; 0]);
    let lock =
        "[[package]]\nname = \"m\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"own\"\ndependencies = [\n \"m\",\n]\n";
    assert_eq!(used(lock, "own", "m").len(), 1);
}

#[test]
fn one_of_several_is_chosen_by_how_it_begins() {
    let package = |version: &str, origin| Locked { version: version.to_owned(), origin };
    let git = || Origin::Git("git+https://host/m#abc".to_owned());
    let found = [package("1.0.0", Origin::Registry), package("1.0.0", git()), package("2.0.0", Origin::Path)];
    let place = |prefix| choose(&found, prefix).map(|one| found.iter().position(|other| other == one).unwrap());
    assert_eq!(
        (place("1.0.0"), place("1.0.0 git"), place("2."), place("2.0.0 path")),
        (Some(0), Some(1), Some(2), Some(2))
    );
    assert_eq!((place(""), place("1."), place("3")), (None, None, None));
    assert_eq!(choose(&found[..1], ""), Some(&found[0]));
}

#[test]
fn the_lock_file_is_the_nearest_that_lists_the_crate() {
    let dir = std::env::temp_dir().join(format!("mapbench-lock-{}", std::process::id()));
    let inner = dir.join("a/b");
    std::fs::create_dir_all(&inner).unwrap();
    std::fs::write(dir.join("Cargo.lock"), LOCK).unwrap();
    std::fs::write(dir.join("a/Cargo.lock"), "version = 4\n").unwrap();
    let found = |name| lock_above(&inner.join("Cargo.toml"), name).map(|(lock, _)| lock);
    assert_eq!((found("dashmap-like"), found("other")), (Some(dir.join("Cargo.lock")), None));
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn what_cargo_was_told_is_found() {
    let started =
        |line: &str| Started { folder: PathBuf::from("/home/me"), words: line.split(' ').map(str::to_owned).collect() };
    assert_eq!(started("cargo build --manifest-path a/Cargo.toml -v").manifest(), Path::new("/home/me/a/Cargo.toml"));
    assert_eq!(started("cargo build --manifest-path=/a/Cargo.toml").manifest(), Path::new("/a/Cargo.toml"));
    assert_eq!(started("cargo build").manifest(), Path::new("/home/me"));
    let twice = started("cargo build --config a=1 --config=b=2 --configure");
    assert_eq!(twice.values("--config").collect::<Vec<_>>(), ["a=1", "b=2"]);
}

#[test]
fn a_path_is_taken_out_of_an_identity() {
    let path = |identity| path_in(identity, "7.0.0");
    assert_eq!(path("path+file:///home/me/dashmap#7.0.0\n"), Some(PathBuf::from("/home/me/dashmap")));
    assert_eq!(path("path+file:///home/me/map#dashmap@7.0.0\n"), Some(PathBuf::from("/home/me/map")));
    assert_eq!(path("path+file:///home/me/dashmap#6.2.1"), None);
    assert_eq!(path("registry+https://host/index#dashmap@7.0.0"), None);
}

#[test]
fn a_path_is_found_beside_the_same_version_of_a_registry() {
    let dir = std::env::temp_dir().join(format!("mapbench-two-{}", std::process::id()));
    let package = |folder: &str, name: &str, version: &str, more: &str| {
        std::fs::create_dir_all(dir.join(folder).join("src")).unwrap();
        std::fs::write(dir.join(folder).join("src/lib.rs"), "").unwrap();
        let manifest = format!("[package]\nname = \"{name}\"\nversion = \"{version}\"\nedition = \"2024\"\n{more}");
        std::fs::write(dir.join(folder).join("Cargo.toml"), manifest).unwrap();
    };
    package("next", "map", "1.0.0", "");
    let both = "[dependencies]\nmap = \"1.0.0\"\nmap-next = { package = \"map\", path = \"../next\" }\n[workspace]\n";
    package("user", "user", "0.1.0", both);
    let lock = dir.join("user/Cargo.lock");
    let registry = "registry+https://github.com/rust-lang/crates.io-index";
    let text = format!(
        "version = 4\n\n[[package]]\nname = \"map\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"map\"\nversion = \"1.0.0\"\n\
         source = \"{registry}\"\nchecksum = \"{:064}\"\n\n[[package]]\nname = \"user\"\nversion = \"0.1.0\"\ndependencies = [\n \
         \"map 1.0.0\",\n \"map 1.0.0 ({registry})\",\n]\n",
        0
    );
    std::fs::write(&lock, text).unwrap();
    assert_eq!(path_of(&lock, "map", "1.0.0"), Some(dir.canonicalize().unwrap().join("next")));
    assert_eq!(path_of(&lock, "map", "2.0.0"), None);
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_checkout_says_its_revision_and_whether_it_was_changed() {
    let dir = std::env::temp_dir().join(format!("mapbench-upstream-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    assert_eq!(revision(&dir), None);
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"];
        let output = Command::new("git").arg("-C").arg(&dir).args(identity).args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    let write = |text: &str| std::fs::write(Path::new(&dir).join("lib.rs"), text).unwrap();
    git(&["init", "--quiet"]);
    write("one");
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message", "one"]);
    let clean = revision(&dir).unwrap();
    assert!(clean.len() == 12 && clean.bytes().all(|byte| byte.is_ascii_hexdigit()), "{clean}");
    git(&["tag", "v1"]);
    assert_eq!(revision(&dir).unwrap(), "v1");
    write("two");
    assert_eq!(revision(&dir).unwrap(), "v1-dirty");
    std::fs::remove_dir_all(&dir).unwrap();
}
