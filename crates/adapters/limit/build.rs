//! Makes the version known.

fn main() {
    mapbench_upstream::emit("UPSTREAM_VERSION", "hashbrown", "0.17.");
    mapbench_upstream::emit_rustc("RUSTC_VERSION");
}
