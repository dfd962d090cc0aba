#!/usr/bin/env bash
# Puts the answer of the newest published run, of those that were not quick on a machine that was quiet, and the table of the
# shipped workloads into README.md, each between its two marks. With --check changes nothing, and fails if README.md says
# something else.
#
# MAPBENCH: the program to ask, as one word; by default cargo builds it.
set -euo pipefail
cd "$(dirname "$0")/.."

mapbench() {
    if [[ -n ${MAPBENCH:-} ]]; then "$MAPBENCH" "$@"; else cargo run --quiet --locked -p mapbench -- "$@"; fi
}

# Whether a cache line took over 1.5 times its median from core to core and back in fewer than a tenth of a run's rounds.
quiet() {
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "round_trip_ns") column = i; next } { print $column }' \
        "$1/machine.csv" | sort -n |
        awk '{ trip[NR] = $1 } END { for (i in trip) slow += trip[i] > 1.5 * trip[int((NR + 1) / 2)]; exit slow * 10 >= NR }'
}

# The first value of a key of provenance.json.
fact() {
    sed -n "s/^ *\"$1\": \"\{0,1\}\([^\"]*[^\",]\)\"\{0,1\},\{0,1\}\$/\1/p" "$newest/provenance.json" | head -n 1
}

results() {
    if [[ -z $newest ]]; then
        echo 'No run is published yet.'
        return
    fi
    local asked=(rank "$newest" --read-pct 90 --threads "$(fact cores)" --markdown)
    printf '90 %% reads, a thread for each core; [the whole page](%s/report.html). ' "$newest"
    printf 'Measured on %s, %s; put here by `scripts/readme.sh`, which asks:\n\n' "$(fact cpu)" "$(fact caches)"
    printf '    cargo run --release -p mapbench -- %s\n\n' "${asked[*]}"
    mapbench "${asked[@]}"
}

case ${1:-} in
    '' | --check) ;;
    *)
        echo "usage: scripts/readme.sh [--check]" >&2
        exit 2
        ;;
esac
for part in results workloads; do
    for mark in "<!-- $part:begin -->" "<!-- $part:end -->"; do
        if [[ $(grep -cxF -- "$mark" README.md) != 1 ]]; then
            echo "README.md must hold the line $mark once" >&2
            exit 2
        fi
    done
done

# Names begin with the date.
newest=
for run in bench-results/published/*/; do
    run=${run%/}
    if grep -qsE '"profile": "(standard|full)"' "$run/provenance.json" && quiet "$run"; then newest=$run; fi
done
new=$(mktemp)
trap 'rm -f "$new" "$new.part"' EXIT

# Puts a text between the marks of a part.
splice() {
    local begin="<!-- $1:begin -->" end="<!-- $1:end -->"
    { sed "/^$begin\$/q" "$new"; printf '%s\n' "$2"; sed -n "/^$end\$/,\$p" "$new"; } >"$new.part"
    mv "$new.part" "$new"
}

cp README.md "$new"
text=$(results)
splice results "$text"
text=$(mapbench list --workloads --markdown)
splice workloads "$text"

if [[ ${1:-} == --check ]]; then
    if ! diff -u README.md "$new"; then
        echo "README.md does not say what ${newest:-no published run} and the workloads say: run scripts/readme.sh" >&2
        exit 1
    fi
else
    cat "$new" >README.md
fi
