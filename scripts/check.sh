#!/usr/bin/env bash
# Everything that must hold before a commit; CI runs the same. Says the step that fails.
set -euo pipefail
cd "$(dirname "$0")/.."

step() {
    printf '\n== %s\n' "$*"
    "$@"
}

step cargo fmt --all --check
step cargo clippy --workspace --all-targets --locked -- -D warnings
# These are run by name alone, and no other step builds them.
step cargo clippy -p mapbench --bench harness --bench adapter_cost --locked -- -D warnings
step cargo test --workspace --locked --quiet
step env RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
# One adapter alone must do: a broken upstream may not block the rest.
step cargo clippy -p mapbench --no-default-features --features lock --locked -- -D warnings
step cargo bench -p mapbench --locked -- --test
# The other allocators.
step cargo clippy -p mapbench --features jemalloc --locked -- -D warnings
step cargo test -p mapbench --features mimalloc --locked --quiet --test workloads strings_and_large_values
# No step builds the fuzz targets, which want a nightly compiler: at least their lock file is up to date.
step cargo tree --locked --quiet --depth 0 --manifest-path fuzz/Cargo.toml
# A map in a repository of its own.
step scripts/own-map.sh
step scripts/readme.sh --check
# What newcomers do first.
step scripts/tour.sh
if command -v wrk >/dev/null; then
    step env MAPBENCH="${CARGO_TARGET_DIR:-target}/debug/mapbench" ROUNDS=1 SECONDS_EACH=1 scripts/wrk.sh
else
    echo "wrk is not installed (apt install wrk): nobody else loads the service"
fi
for page in bench-results/published/*/report.html; do
    if [[ -e $page ]]; then step scripts/accessibility.sh "$page"; fi
done
if command -v zizmor >/dev/null; then
    step zizmor --offline --no-progress --quiet .github/workflows
else
    echo "zizmor is not installed (pipx install zizmor): the workflows are not linted"
fi
if command -v cargo-deny >/dev/null; then
    step cargo deny --locked --all-features check licenses bans sources
    if cargo deny --locked fetch >/dev/null 2>&1; then
        step cargo deny --locked --all-features check advisories
    else
        echo "the database of advisories could not be fetched: they are not checked"
    fi
else
    echo "cargo-deny is not installed (cargo install cargo-deny, ten minutes of compiling): licences and advisories are not checked"
fi
