#!/usr/bin/env bash
# Measures the sweep into bench-results/published/<date>-<name>/, verifies the strategies beside it, and puts its answer into
# README.md if the machine was quiet. If it was interrupted on the same day, it goes on.
#
# usage: scripts/publish.sh [PROFILE [NAME [ARGUMENTS OF mapbench run]]]
#   PROFILE: standard by default; NAME: this host's by default. With --latency --memory a standard sweep takes two hours.
set -euo pipefail
cd "$(dirname "$0")/.."

profile=${1:-standard}
name=${2:-$(uname -n)}
run=bench-results/published/$(date -u +%Y%m%d)-${name//[^A-Za-z0-9.-]/-}

# All of its programs, since another one counts allocations.
if [[ -z ${MAPBENCH:-} ]]; then
    cargo build --release --locked -p mapbench --bins
    MAPBENCH=${CARGO_TARGET_DIR:-target}/release/mapbench
fi
export MAPBENCH

if [[ -e $run/provenance.json ]]; then
    "$MAPBENCH" run --resume "$run"
else
    mkdir -p bench-results/published
    "$MAPBENCH" run --profile "$profile" --out "$run" "${@:3}"
fi
"$MAPBENCH" verify --into "$run"
scripts/readme.sh
