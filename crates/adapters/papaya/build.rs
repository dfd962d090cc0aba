//! Makes the version known.

fn main() {
    mapbench_upstream::emit("UPSTREAM_VERSION", "papaya", "");
}
