#!/usr/bin/env bash
# Builds examples/own-map, a map in a repository of its own, and has mapbench do everything to it that its README names. Not
# for reading: everything is as short as it can be.
set -euo pipefail
cd "$(dirname "$0")/../examples/own-map"

# Its own lock file decides on versions, so its build is nobody else's.
export CARGO_TARGET_DIR=${OWN_MAP_TARGET_DIR:-$PWD/../../target/own-map}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

maps() {
    cargo bench --locked --quiet --profile dev --bench maps -- "$@"
}
# has TEXT FILE
has() {
    if ! grep -qF -- "$1" "$2"; then
        echo "scripts/own-map.sh: \`$1\` is missing:" >&2
        cat "$2" >&2
        exit 1
    fi
}

cargo test --locked --quiet
maps list --strategies >"$out/list"
has "own-map  (own-map 0.3.0" "$out/list"
maps run --profile smoke --strategy own-map,std-mutex --read-pct 90 --threads 2 --out "$out/run" >"$out/said"
has own-map "$out/said"
has '"name": "own-map"' "$out/run/provenance.json"
maps verify --strategy own-map --seconds 1 --into "$out/run" >/dev/null
maps report "$out/run" -o "$out/page.html" >/dev/null
has own-map "$out/page.html"
# A claim of one's own is tested in a build without all strategies, and a shipped one says what it lacks.
cat >"$out/as-fast.toml" <<'END'
name = "as-fast"
statement = "own-map reads at least as fast as a mutex."
source = "its README"
[implied]
at_least = 1.0
[throughput]
subject = "own-map"
reference = "std-mutex"
read_pct = 90
[[throughput.case]]
name = "one thread"
workload = "ratio-sweep"
threads = 1
END
maps claims --quick --claim "$out/as-fast.toml,dashmap-single-thread" --out "$out/claims" >"$out/said"
has as-fast "$out/said"
has "this program was built without dashmap" "$out/claims/claims.csv"
# In a time this short nothing is decided (3), and nothing may fail.
code=0
maps gate --strategy std-mutex --vs own-map --read-pct 90 --minutes 0.02 --out "$out/gate" >/dev/null 2>&1 || code=$?
has own-map-vs-std-mutex "$out/gate/gate.json"
if [[ $code != 0 && $code != 3 ]]; then
    echo "scripts/own-map.sh: the gate ended with $code" >&2
    exit 1
fi
# In a repository, a revision against the one before; of what is here, committed or not.
mkdir "$out/repository"
cp -r Cargo.toml Cargo.lock gate.sh benches src tests "$out/repository"
sed -i "s|\.\./\.\./crates|$(realpath ../../crates)|" "$out/repository/Cargo.toml"
commit() {
    git add . && git -c user.name=a -c user.email=a@b -c commit.gpgsign=false commit --quiet --message "$1"
}
(cd "$out/repository" && git init --quiet && commit one && echo '// Changed.' >>src/lib.rs && commit two)
code=0
GATE_PROFILE=dev "$out/repository/gate.sh" HEAD~1 --strategy own-map --read-pct 90 --minutes 0.02 --out "$out/gated" \
    >"$out/said" 2>&1 || code=$?
if [[ $code != 0 && $code != 3 ]]; then
    echo "scripts/own-map.sh: gate.sh ended with $code:" >&2
    cat "$out/said" >&2
    exit 1
fi
has own-map "$out/gated/gate.json"
# As `cargo bench` alone, but for the length.
maps --test own-map >"$out/bench"
has "cells tried" "$out/bench"
