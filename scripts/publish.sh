#!/usr/bin/env bash
# Measures the sweep into bench-results/published/<date>-<name>/, verifies the strategies beside it, and puts its answer
# into README.md. If it was interrupted on the same day, it goes on.
#
# usage: scripts/publish.sh [PROFILE [NAME]]      PROFILE: standard by default; NAME: this host's by default
set -euo pipefail
cd "$(dirname "$0")/.."

profile=${1:-standard}
name=${2:-$(uname -n)}
run=bench-results/published/$(date -u +%Y%m%d)-${name//[^A-Za-z0-9.-]/-}

mapbench() {
    if [[ -n ${MAPBENCH:-} ]]; then "$MAPBENCH" "$@"; else cargo run --release --locked -p mapbench -- "$@"; fi
}

if [[ -e $run/provenance.json ]]; then
    mapbench run --resume "$run"
else
    mkdir -p bench-results/published
    mapbench run --profile "$profile" --out "$run"
fi
mapbench verify --into "$run"
scripts/readme.sh
