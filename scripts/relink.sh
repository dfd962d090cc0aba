#!/usr/bin/env bash
# Links one and the same code in another order, COUNT times, into DIR: what differs between these programs is where their
# code lies in memory. `mapbench gate --self-test --candidate DIR/mapbench-1` then tells what that alone does.
#
#   scripts/relink.sh COUNT DIR
set -euo pipefail
cd "$(dirname "$0")/.."
count=${1:?how many}
dir=${2:?where to}
mkdir -p "$dir"
for seed in $(seq 1 "$count"); do
    # A linker of LLVM, which rustc brings for this target, can shuffle what it links.
    cargo rustc --release --locked --package mapbench --bin mapbench -- -C link-arg="-Wl,--shuffle-sections=*=$seed"
    cp "${CARGO_TARGET_DIR:-target}/release/mapbench" "$dir/mapbench-$seed"
done
