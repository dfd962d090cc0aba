//! What the program says about its own build: compiler, target, flags.

use std::env;

fn main() {
    mapbench_upstream::emit_rustc("MAPBENCH_RUSTC");
    let variable = |name: &str| env::var(name).unwrap_or_default();
    println!("cargo:rustc-env=MAPBENCH_TARGET={}", variable("TARGET"));
    let profile = format!("{} (opt-level {})", variable("PROFILE"), variable("OPT_LEVEL"));
    println!("cargo:rustc-env=MAPBENCH_PROFILE={profile}");
    println!("cargo:rustc-env=MAPBENCH_FLAGS={}", variable("CARGO_ENCODED_RUSTFLAGS").replace('\u{1f}', " "));
    println!("cargo:rustc-env=MAPBENCH_TARGET_FEATURES={}", variable("CARGO_CFG_TARGET_FEATURE"));
    println!("cargo:rerun-if-changed=build.rs");
}
