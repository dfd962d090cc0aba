//! Makes the version known, and the flag by which a model checker builds the crate.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(loom)");
    mapbench_upstream::emit_rustc("UPSTREAM_VERSION");
}
