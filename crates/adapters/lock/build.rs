//! Makes the version known.

fn main() {
    mapbench_upstream::emit_rustc("UPSTREAM_VERSION");
}
