//! Makes the versions known.

fn main() {
    mapbench_upstream::emit("UPSTREAM_VERSION", "arc-swap", "");
    mapbench_upstream::emit("HAMT_VERSION", "imbl", "");
}
