#!/usr/bin/env bash
# A second opinion on the claim qps-47: wrk, which knows nothing of mapbench, loads the services in turns over loopback, and this
# says how many requests a second each answered in each round, and the median of the rounds' ratios.
#
# usage: scripts/wrk.sh [SUBJECT [REFERENCE [ENTRIES [WRITE_PCT]]]]
#   arc-swap-cow, std-rwlock, 10000 and 1 by default. Wants wrk (apt install wrk). ROUNDS=5, SECONDS_EACH=3.
# MAPBENCH: the program to ask; by default cargo builds it.
set -euo pipefail
cd "$(dirname "$0")/.."
maps=("${1:-arc-swap-cow}" "${2:-std-rwlock}")
entries=${3:-10000} write_pct=${4:-1}
command -v wrk >/dev/null || { echo "wrk is not installed: apt install wrk" >&2; exit 2; }
if [[ -z ${MAPBENCH:-} ]]; then
    cargo build --release --locked --quiet -p mapbench --bin mapbench
    MAPBENCH=${CARGO_TARGET_DIR:-target}/release/mapbench
fi
out=$(mktemp -d)
service=
trap '[[ -z $service ]] || kill "$service" 2>/dev/null || true; rm -rf "$out"' EXIT

cat >"$out/requests.lua" <<END
function request()
    local path = "/value/" .. math.random(0, $entries - 1)
    if math.random() * 100 < $write_pct then
        return wrk.format("PUT", path, nil, tostring(math.random(0, 999999999)))
    end
    return wrk.format("GET", path)
end
END

# Sets `answered` to the requests a second of a fresh service of a map.
load() {
    "$MAPBENCH" serve --strategy "$1" --population "$entries" >"$out/said" &
    service=$!
    until grep -q http "$out/said"; do
        kill -0 "$service" 2>/dev/null || exit 2
        sleep 0.05
    done
    wrk -t4 -c100 -d"${SECONDS_EACH:-3}s" -s "$out/requests.lua" "$(grep -o 'http://[0-9.:]*' "$out/said")" >"$out/wrk"
    kill "$service"
    wait "$service" || true
    service=
    if grep -q 'Non-2xx\|Socket errors' "$out/wrk"; then
        cat "$out/wrk" >&2
        exit 1
    fi
    answered=$(sed -n 's/^Requests\/sec: *//p' "$out/wrk")
}

rates=()
for ((round = 0; round < ${ROUNDS:-5}; round++)); do
    # Who is first changes.
    first=$((round % 2))
    load "${maps[first]}"
    rates[first]=$answered
    load "${maps[1 - first]}"
    rates[1 - first]=$answered
    echo "${rates[0]} ${rates[1]}" | tee -a "$out/rounds"
done
awk '{ print $1 / $2 }' "$out/rounds" | sort -n | awk -v maps="${maps[*]}" '
    { ratio[NR] = $1 }
    END { split(maps, map, " "); printf "%s / %s: %.3f [%.3f, %.3f] (median, least, most)\n", map[1], map[2], ratio[int((NR + 1) / 2)], ratio[1], ratio[NR] }'
