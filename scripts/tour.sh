#!/usr/bin/env bash
# Takes the tour of the README, command by command as it stands there.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t tour < <(sed -n '/^## A tour/,/^## /{s/^    \(cargo [^#]*[^# ]\) *#.*/\1/p}' README.md)
if ((${#tour[@]} < 5)); then
    echo "scripts/tour.sh: the README has no tour of five commands or more" >&2
    exit 1
fi
# What the tour leaves behind is left in a folder of its own.
place=${CARGO_TARGET_DIR:-$PWD/target}/tour
rm -rf "$place"
mkdir -p "$place"
for command in "${tour[@]}"; do
    printf -- '-- %s\n' "$command"
    read -ra words <<<"$command"
    (cd "$place" && "${words[@]:0:2}" --manifest-path "$OLDPWD/Cargo.toml" "${words[@]:2}" >said 2>complaints) || {
        echo "scripts/tour.sh: this command of the README failed:" >&2
        cat "$place/said" "$place/complaints" >&2
        exit 1
    }
    [[ -s $place/said ]] || {
        echo "scripts/tour.sh: this command of the README says nothing" >&2
        exit 1
    }
done
[[ -s $place/tour/report.html ]]
