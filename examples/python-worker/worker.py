#!/usr/bin/env python3
"""A worker of mapbench in another language: a dict behind one lock.

    mapbench run --profile quick --read-pct 90 --threads 1,2 --worker 'python-dict=python3 worker.py'

Written from crates/mapbench/PROTOCOL.md. What it cannot do it refuses, with the reason, as a worker should.
"""

import json
import os
import sys
import threading
import time
from itertools import accumulate

PROTOCOL = 5
STRATEGY = "python-dict"

MASK = (1 << 64) - 1
SPREAD = 0xD1342543DE82EF95
STREAM_OPS = 1 << 16
INDEX_BITS = 29
WHOLE = 100_000_000
READ, INSERT, INSERT_NEW, REMOVE, UPDATE, UPSERT, COMPARE_EXCHANGE, ITERATE = range(8)
# Operations between two looks at the phase.
BATCH = 64


class Refused(Exception):
    """What this worker cannot do: the row says n/a and why."""


# Streams: the section of that name.


def splitmix64(state):
    """Numbers of 64 bits."""
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


def stream(seed, mix, key_range):
    """The packed operations of a thread."""
    ends = list(accumulate(mix))
    numbers = splitmix64(seed)
    ops = []
    for _ in range(STREAM_OPS):
        bits = next(numbers)
        index = ((bits >> 32) * key_range) >> 32
        draw = ((bits & 0xFFFFFFFF) * WHOLE) >> 32
        kind = next(kind for kind, end in enumerate(ends) if draw < end)
        ops.append(kind << INDEX_BITS | index)
    return ops


def digest(ops):
    """FNV-1a over the little-endian words."""
    value = 0xCBF29CE484222325
    for op in ops:
        for byte in op.to_bytes(4, "little"):
            value = ((value ^ byte) * 0x100000001B3) & MASK
    return f"{value:016x}"


def key_of(index):
    return ((index + 1) * SPREAD) & MASK


def value_of(key, tag):
    return (key & 0xFFFFFFFF00000000) | (tag & 0xFFFFFFFF)


def prefilled(population, key_range):
    return (i for i in range(key_range) if (i + 1) * population // key_range > i * population // key_range)


# The map and its threads.


class Thread(threading.Thread):
    """Runs its stream in a loop while the phase says so."""

    def __init__(self, worker, ops):
        super().__init__(daemon=True)
        self.worker, self.ops, self.cursor = worker, ops, 0
        self.count = self.tag = 0
        self.go, self.done = threading.Semaphore(0), threading.Semaphore(0)

    def run(self):
        while True:
            self.go.acquire()
            self.slice()
            self.done.release()

    def slice(self):
        worker = self.worker
        self.hits = self.misses = self.inserted = self.removed = 0
        while worker.phase != "parked":
            if worker.phase == "measure" and self.began is None:
                self.began = (time.perf_counter_ns(), self.count)
            elif worker.phase == "drain" and self.ended is None and self.began is not None:
                self.ended = (time.perf_counter_ns(), self.count)
            self.batch()

    def batch(self):
        table, lock = self.worker.table, self.worker.lock
        for op in self.ops[self.cursor : self.cursor + BATCH]:
            kind, key = op >> INDEX_BITS, key_of(op & ((1 << INDEX_BITS) - 1))
            self.tag += 1
            with lock:
                old = table.get(key)
                if kind == ITERATE:
                    for value in table.values():
                        self.tag ^= value
                elif kind == READ:
                    if old is None:
                        self.misses += 1
                    else:
                        self.hits += 1
                elif kind == REMOVE:
                    if old is not None:
                        del table[key]
                        self.removed += 1
                elif old is None:
                    if kind in (INSERT, INSERT_NEW, UPSERT):
                        table[key] = value_of(key, self.tag)
                        self.inserted += 1
                elif kind == INSERT:
                    table[key] = value_of(key, self.tag)
                elif kind in (UPDATE, UPSERT, COMPARE_EXCHANGE):
                    table[key] = value_of(key, old + 1)
            self.count += 1
        self.cursor = (self.cursor + BATCH) % len(self.ops)


class Worker:
    """A cell."""

    def __init__(self, request):
        mix, population, key_range = cell(request)
        self.table = {key_of(i): value_of(key_of(i), 0) for i in prefilled(population, key_range)}
        self.lock = threading.Lock()
        self.phase = "parked"
        self.population = population
        streams = [stream(seed, mix, key_range) for seed in request["stream_seeds"]]
        self.digests = [digest(ops) for ops in streams]
        self.threads = [Thread(self, ops) for ops in streams]
        for thread in self.threads:
            thread.start()

    def slice(self, warm_ns, slice_ns):
        self.phase = "warm"
        for thread in self.threads:
            # Before it may run: what it noted in the slice before must not pass for this one's.
            thread.began = thread.ended = None
            thread.go.release()
        time.sleep(warm_ns / 1e9)
        self.phase = "measure"
        self.until(lambda thread: thread.began)
        time.sleep(slice_ns / 1e9)
        self.phase = "drain"
        self.until(lambda thread: thread.ended)
        self.phase = "parked"
        for thread in self.threads:
            thread.done.acquire()
        total = {name: sum(getattr(t, name) for t in self.threads) for name in ("hits", "misses", "inserted", "removed")}
        self.population += total["inserted"] - total["removed"]
        if len(self.table) != self.population:
            return failed("wrong_answer", f"len() is {len(self.table)}; prefill + inserted - removed is {self.population}")
        if any((key ^ value) >> 32 for key, value in self.table.items()):
            return failed("wrong_answer", "a value stands under a key that it was not made for")
        measured = [
            {"ops": t.ended[1] - t.began[1], "elapsed_ns": t.ended[0] - t.began[0]} for t in self.threads
        ]
        return {
            "event": "slice",
            "threads": measured,
            "batch_ops": BATCH,
            "effects": total,
            "rss_bytes": resident_bytes(),
        }

    def until(self, noted):
        while not all(noted(thread) for thread in self.threads):
            time.sleep(0.0005)


def cell(request):
    """The mix, the population and the key range, if this worker can do the cell."""
    if request.get("planted"):
        raise Refused("nothing can be planted")
    load = request["load"]
    if load["operations"] is not None:
        raise Refused("no map that is built anew with every slice")
    if "range" not in load["space"] or len(load["roles"]) != 1:
        raise Refused("one range of keys and one role alone")
    role = load["roles"][0]
    if role["distribution"] != "uniform" or role["rate_ops_s"] is not None or role["mix"][ITERATE]:
        raise Refused("uniform keys alone, no rate and no iteration")
    if (load["key"], load["value"]) != ("u64", "8"):
        raise Refused("64-bit keys and values alone")
    return role["mix"], load["population"], load["space"]["range"]


def resident_bytes():
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# Talk: a line in, a line out.


def failed(status, message):
    return {"event": "failed", "status": status, "message": message}


def say(event):
    print(json.dumps(event), flush=True)


def main():
    worker = None
    for line in sys.stdin:
        request = json.loads(line)
        kind = request["request"]
        if kind == "describe":
            version = ".".join(map(str, sys.version_info[:3]))
            return say({"event": "described", "protocol": PROTOCOL, "version": version, "strategies": [STRATEGY]})
        if kind == "open":
            if request["protocol"] != PROTOCOL:
                return say(failed("protocol_error", f"this worker speaks protocol {PROTOCOL}"))
            try:
                worker = Worker(request)
            except Refused as reason:
                return say(failed("n/a", str(reason)))
            say({"event": "ready", "protocol": PROTOCOL, "streams": worker.digests})
        elif kind == "slice" and worker:
            event = worker.slice(request["warm_ns"], request["slice_ns"])
            say(event)
            if event["event"] == "failed":
                return
        elif kind == "close" and worker:
            return say({"event": "closed"})
        else:
            return say(failed("n/a", f"`{kind}` is not something this worker does"))


main()
