#!/usr/bin/env bash
# Builds the simulator with the nightly compiler, and holds its counts against known answers. Arguments go to cargo test.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! RUSTUP_AUTO_INSTALL=0 cargo +nightly --version >/dev/null 2>&1; then
    echo "counting contention takes a nightly compiler: rustup toolchain install nightly --profile minimal" >&2
    exit 2
fi
exec cargo test -p mapbench --locked --test forecast "$@" -- --ignored
