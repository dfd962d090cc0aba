//! Makes the versions known.

fn main() {
    mapbench_upstream::emit("VERSION_6", "dashmap", "6.");
    mapbench_upstream::emit("VERSION_7", "dashmap", "7.");
}
