# SPDX-License-Identifier: BSD-3-Clause
"""What the peers' steps share: options, timing, one JSON object on standard output in the form of bench_step --json."""

import argparse
import datetime
import json
import os
import resource
import statistics
import sys
import time

WHATS = ("train", "predict", "one")
SKIPPED = 77


def options(description, variants):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=10, help="measured steps after the warm-up; one image: ten times as many")
    parser.add_argument("--only", choices=WHATS, help="one figure alone")
    parser.add_argument("--variant", choices=variants, help="one variant alone")
    return parser.parse_args()


def cpu_flags():
    """The instruction sets that Linux lists; empty elsewhere."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("flags"):
                    return set(line.split(":", 1)[1].split())
    except OSError:
        pass
    return set()


def has_bf16():
    return bool(cpu_flags() & {"avx512_bf16", "amx_bf16"})


def cpu_name():
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return "unknown"


def measure(step, steps, warm_up=2):
    """Seconds of each of `steps` calls, sorted."""
    seconds = []
    for i in range(-warm_up, steps):
        start = time.perf_counter()
        step()
        if i >= 0:
            seconds.append(time.perf_counter() - start)
    return sorted(seconds)


def figure(what, variant, threads, batch, seconds):
    """peak_rss_bytes is the process's so far: run one figure and variant alone to read it."""
    median = statistics.median(seconds)
    return {
        "what": what,
        "variant": variant,
        "threads": threads,
        "batch": batch,
        "ms": 1e3 * median,
        "ms_best": 1e3 * seconds[0],
        "images_per_second": batch / median,
        "peak_rss_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def report(peer, version, steps, figures):
    now = datetime.datetime.now(datetime.timezone.utc)
    best = {}
    for item in figures:
        known = best.get(item["what"])
        if known is None or item["ms"] < known["ms"]:
            best[item["what"]] = item
    json.dump(
        {
            "benchmark": "step",
            "date": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "machine": {"cpu": cpu_name(), "cores": os.cpu_count()},
            "library": {"name": peer, "version": version},
            "steps": steps,
            "figures": figures,
            "best": {what: item["variant"] for what, item in best.items()},
        },
        sys.stdout,
    )
    print()


def skip(reason):
    print(f"skipped: {reason}", file=sys.stderr)
    sys.exit(SKIPPED)
