#!/usr/bin/env bash
# Is the checked-out revision slower than another? Builds both, and has the one judged against the other. Copy it: it knows
# nothing of this map.
#
# usage: ./gate.sh BASE_REV [ARGUMENTS OF gate]
# Exits as the gate does: 0 pass, 1 fail, 2 bad usage, or a revision that does not build, 3 inconclusive.
# GATE_PROFILE: the profile that is built, `bench` unless said otherwise.
set -euo pipefail

# The bench target that calls mapbench::main.
bench=maps

refuse() {
    echo "gate.sh: $*" >&2
    exit 2
}

[[ $# -ge 1 && $1 != -* ]] || refuse "which revision is the base? usage: ./gate.sh BASE_REV [ARGUMENTS OF gate]"
command -v jq >/dev/null || refuse "jq is not installed: it finds what cargo built"
here=$PWD
cd "$(dirname "$0")"
base=$(git rev-parse --verify --quiet --end-of-options "$1^{commit}") ||
    refuse "\`$1\` is no commit of this checkout: fetch it first (a shallow clone lacks most)"
shift
[[ -z $(git status --porcelain --untracked-files=no) ]] || refuse "what is not committed would not be gated: commit or stash it"
folder=$(git rev-parse --show-prefix)

target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/gate"
target=$(realpath "$target")
tree=$target/gate/tree
executables=$(mktemp -d)
trap 'rm -rf "$executables" "$tree"; git worktree prune' EXIT
rm -rf "$tree"
git worktree prune

# Both in turn at the same place: so cargo shares what has not changed, and the executables differ in no path.
build() {
    git worktree add --quiet --detach "$tree" "$2"
    echo "gate.sh: building the $1, $(git log -1 --format='%h %s' "$2")" >&2
    (cd "$tree/$folder" && CARGO_TARGET_DIR=$target cargo bench --locked --no-run --profile "${GATE_PROFILE:-bench}" --bench "$bench" \
        --message-format json) |
        jq -r "select(.executable and .target.name == \"$bench\") | .executable" >"$executables/path" ||
        refuse "the $1 does not build, see above"
    cp "$(cat "$executables/path")" "$executables/$1"
    git worktree remove --force "$tree"
}
build base "$base"
build candidate HEAD

cd "$here"
code=0
"$executables/candidate" gate --base "$executables/base" --candidate "$executables/candidate" "$@" || code=$?
cd "$OLDPWD"
exit "$code"
