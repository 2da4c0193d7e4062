#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Run our step and the peers' in turns, several rounds in one sitting, and print medians and ratios.

Usage: compare.py BENCH_STEP [--rounds N] [--steps N] [--threads N] [--batch N] [--only WHAT] [--json]

Every figure of every round is taken in a process of its own, ours and the peers' one after the other, so that what else the
machine does in the meantime meets all of them. PEER_PYTHON names a Python of the peers; for what it lacks /usr/bin/python3 and
python3 are tried. A variant of a peer that fails is left out, and said. Exit status 77 if no peer can be imported."""

import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SKIPPED = 77
WHATS = {"train": "training", "predict": "prediction", "one": "one image"}


def run(command):
    """The JSON object that a command prints, or None."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        print(f"left out: {' '.join(command)}: {reason}", file=sys.stderr)
        return None
    return json.loads(done.stdout)


def imports(python, module):
    try:
        done = subprocess.run([python, "-c", f"import {module}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return done.returncode == 0
    except OSError:
        return False


def python_with(module):
    named = os.environ.get("PEER_PYTHON")
    for python in ([named] if named else []) + ["/usr/bin/python3", "python3"]:
        if imports(python, module):
            return python
    return None


def cpu_has_bf16():
    sys.path.insert(0, os.path.join(HERE, "peers"))
    import step_common

    return step_common.has_bf16()


def contenders(options):
    """(name, command) of everything that runs, ours first; the command lacks --only."""
    common = ["--threads", str(options.threads), "--steps", str(options.steps), "--batch", str(options.batch)]
    found = [("tinynet", [os.path.abspath(options.bench_step), "--json", *common])]
    peers = [("torch", "torch_step.py", ["contiguous", "channels_last", "bf16", "bf16_channels_last"]),
             ("tensorflow", "tensorflow_step.py", ["graph", "xla"])]  # fmt: skip
    for module, script, variants in peers:
        python = python_with(module)
        if python is None:
            print(f"no {module} to compare with", file=sys.stderr)
            continue
        for variant in variants:
            if not variant.startswith("bf16") or cpu_has_bf16():
                path = os.path.join(HERE, "peers", script)
                found.append((f"{module} {variant}", [python, path, *common, "--variant", variant]))
    return found


def collect(options, found):
    """Figures by (what, contender): ms of each round, peak RSS; and what each contender says about itself."""
    figures, selves, failed = {}, {}, set()
    whats = [options.only] if options.only else list(WHATS)
    for round_number in range(options.rounds):
        for what in whats:
            for name, command in found:
                if (what, name) in failed:
                    continue
                print(f"round {round_number + 1} of {options.rounds}: {WHATS[what]}, {name}", file=sys.stderr)
                answer = run([*command, "--only", what])
                if answer is None:
                    failed.add((what, name))
                    continue
                item = answer["figures"][0]
                selves[name] = {"machine": answer["machine"], "library": answer["library"]}
                entry = figures.setdefault((what, name), {"ms": [], "peak": 0.0, "batch": item["batch"]})
                entry["ms"].append(item["ms"])
                entry["peak"] = max(entry["peak"], item["peak_rss_bytes"])
    return figures, selves


def rows(figures):
    """One row a figure: medians, and how many times the peer's time is ours."""
    result = []
    for (what, name), entry in figures.items():
        ours = figures.get((what, "tinynet"))
        ms = statistics.median(entry["ms"])
        result.append({
            "what": what,
            "name": name,
            "batch": entry["batch"],
            "rounds": len(entry["ms"]),
            "ms": ms,
            "ms_all": entry["ms"],
            "images_per_second": 1e3 * entry["batch"] / ms,
            "peak_rss_bytes": entry["peak"],
            "tinynet_is_faster_by": ms / statistics.median(ours["ms"]) if ours else None,
        })  # fmt: skip
    return sorted(result, key=lambda row: (list(WHATS).index(row["what"]), row["name"] != "tinynet", row["ms"]))


def print_table(table, selves, options):
    for name, about in selves.items():
        print(f"{name}: {about['library']}")
    print(f"{options.threads} threads, medians of {options.rounds} rounds of {options.steps} steps, taken in turns")
    print(f"{'what':<11} {'library':<28} {'batch':>5} {'ms':>10} {'images/s':>10} {'peak MB':>9} {'ours is faster by':>18}")
    for row in table:
        ratio = row["tinynet_is_faster_by"]
        print(
            f"{WHATS[row['what']]:<11} {row['name']:<28} {row['batch']:>5} {row['ms']:>10.2f} "
            f"{row['images_per_second']:>10.1f} {row['peak_rss_bytes'] / 1e6:>9.0f} "
            f"{'' if ratio is None or row['name'] == 'tinynet' else f'{ratio:.2f}':>18}"
        )
    print_summary(table)


def print_summary(table):
    """How many times the best peer's time ours is, in fp32 alone and in any precision."""
    for what, title in WHATS.items():
        peers = [row for row in table if row["what"] == what and row["name"] != "tinynet" and row["tinynet_is_faster_by"]]
        plain = [row for row in peers if "bf16" not in row["name"]]
        for kind, among in (("fp32", plain), ("any precision", peers)):
            if among:
                best = min(among, key=lambda row: row["ms"])
                print(f"{title}: {best['tinynet_is_faster_by']:.2f} times the best in {kind} ({best['name']})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench_step")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--only", choices=list(WHATS))
    parser.add_argument("--json", action="store_true", help="one object instead of the table")
    options = parser.parse_args()
    found = contenders(options)
    if len(found) == 1:
        print("skipped: neither PyTorch nor TensorFlow can be imported (apt install python3-torch)", file=sys.stderr)
        return SKIPPED
    figures, selves = collect(options, found)
    if not any(name == "tinynet" for _, name in figures):
        return 1
    table = rows(figures)
    if options.json:
        print(json.dumps({"benchmark": "compare", "threads": options.threads, "steps": options.steps,
                          "rounds": options.rounds, "contenders": selves, "figures": table}))  # fmt: skip
    else:
        print_table(table, selves, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
