#!/usr/bin/env bash
# Tries the strategies whose algorithm is written here in every order of their threads, on small cases: loom takes the
# place of what they share (each crate's src/sync.rs). About a minute on two cores.
set -euo pipefail
cd "$(dirname "$0")/.."

# crossbeam-epoch, and crossbeam-utils with it, listens to a flag of its own.
export RUSTFLAGS="--cfg loom --cfg crossbeam_loom"
# Another build than everybody else's.
export CARGO_TARGET_DIR=target/loom

# model PREEMPTIONS CRATE...: a thread is interrupted at most so often; the rest of the orders is tried in full.
model() {
    export LOOM_MAX_PREEMPTIONS=$1
    shift
    local crate output
    for crate in "$@"; do
        printf '\n== %s, up to %s preemptions\n' "$crate" "$LOOM_MAX_PREEMPTIONS"
        output=$(cargo test --locked --quiet -p "$crate" --lib model_tests 2>&1) || { echo "$output"; exit 1; }
        echo "$output"
        if ! grep -q '^running [1-9]' <<<"$output"; then
            echo "scripts/loom.sh: $crate has no model_tests: see its src/lib.rs" >&2
            exit 1
        fi
    done
}

model 3 mapbench-adapter-checked mapbench-adapter-parking-lot mapbench-adapter-sync-map
# As many as crossbeam gives its own models: pinning is a long way.
model 2 mapbench-adapter-epoch
