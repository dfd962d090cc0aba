#!/usr/bin/env bash
# Gates the checked-out revision against another one: builds both, then `mapbench gate` of the one against the other.
#
# usage: scripts/gate.sh BASE_REV [ARGUMENTS OF mapbench gate]
# Exits as `mapbench gate` does: 0 pass, 1 fail, 2 bad usage or input, or a revision that does not build, 3 inconclusive.
# What is compiled is kept in target/gate, or where GATE_TARGET_DIR says. With GATE_TRANSFERS=1 the cache lines that cores take
# from each other are counted too, which takes a nightly compiler and two builds more.
set -euo pipefail

refuse() {
    echo "gate.sh: $*" >&2
    exit 2
}

[[ $# -ge 1 && $1 != -* ]] || refuse "which revision is the base? usage: scripts/gate.sh BASE_REV [ARGUMENTS OF mapbench gate]"
here=$PWD
cd "$(dirname "$0")/.."
base=$(git rev-parse --verify --quiet --end-of-options "$1^{commit}") ||
    refuse "\`$1\` is no commit of this checkout: fetch it first (a shallow clone lacks most)"
candidate=$(git rev-parse --verify --quiet "HEAD^{commit}") || refuse "this checkout has no commit to gate"
shift
changed=$(git status --porcelain --untracked-files=no | head -n 1)
[[ -z $changed ]] || refuse "what is not committed would not be gated, as in ${changed:3}: commit or stash it"

target=${GATE_TARGET_DIR:-target/gate}
mkdir -p "$target" || refuse "$target cannot be made: name another directory in GATE_TARGET_DIR"
target=$(realpath "$target")
exec {lock}>"$target/lock"
flock --nonblock "$lock" || refuse "another gate.sh is at work in $target: wait for it, or name another directory in GATE_TARGET_DIR"

tree=$target/tree
executables=$(mktemp -d)
clean() {
    rm -rf "$executables" "$tree"
    git worktree prune
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# What a killed one left.
rm -rf "$tree"
git worktree prune

# Builds a commit into $executables. Both in turn at the same place: so cargo shares all that has not changed, and the
# executables differ in no path.
build() {
    git worktree add --quiet --detach "$tree" "$2" || refuse "a worktree for the $1 cannot be made, see above"
    echo "gate.sh: building the $1, $(git log -1 --format='%h %s' "$2")" >&2
    (cd "$tree" && CARGO_TARGET_DIR=$target cargo build --release --locked -p mapbench) ||
        refuse "the $1 does not build, see above"
    cp "$target/release/mapbench" "$executables/$1"
    if [[ -n ${GATE_TRANSFERS:-} ]]; then
        local simulator
        simulator=$(CARGO_TARGET_DIR=$target "$executables/$1" forecast --build-only --sources "$tree") ||
            refuse "the simulator of the $1 cannot be built, see above: without GATE_TRANSFERS the clock alone judges"
        cp "$simulator" "$executables/$1-simulator"
        simulators+=("--$1-simulator" "$executables/$1-simulator")
    fi
    git worktree remove --force "$tree"
}
simulators=()
build base "$base"
build candidate "$candidate"

cd "$here"
code=0
"$executables/candidate" gate --base "$executables/base" --candidate "$executables/candidate" "${simulators[@]}" "$@" || code=$?
cd "$OLDPWD"
exit "$code"
