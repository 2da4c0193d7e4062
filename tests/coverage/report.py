# SPDX-License-Identifier: BSD-3-Clause
"""What the tests that were run in a build with -Db_coverage=true have reached, by floor of lib/; what they must reach;
and every marker that takes something out of the count, with its reason.

Usage: report.py BUILD-DIR SOURCE-DIR [--json FILE], where FILE is what `gcovr --json-summary` has written already.
Fails below the bounds, and where a marker does not say why."""
import argparse
import json
import os
import re
import subprocess
import sys

LEAST = 95.0
# These are reached whole: sizes and statuses, and all that reads or writes a file.
WHOLE = ["lib/base/memory.c", "lib/base/memory.h", "lib/base/status.c", "lib/kernels/arithmetic.h",
         "lib/tensor/shape.c", "lib/formats/"]
MARKER = re.compile(r"[GL]COVR?_EXCL_(BR_)?(LINE|START)\b(:?\s*)(.*?)\s*(\*/|$)")


def summary():
    if options.json:
        with open(options.json, encoding="utf-8") as file:
            return json.load(file)["files"]
    result = subprocess.run(["gcovr", "-r", options.source, "--config", os.path.join(options.source, "gcovr.cfg"),
                             "--filter", os.path.join(options.source, "lib/"), "--object-directory", options.build,
                             "--json-summary", "-", options.build], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(result.stdout[result.stdout.index("{"):].rsplit("}", 1)[0] + "}")["files"]


def name_of(path):
    return path[path.index("lib/"):]


def row(label, files):
    """A line of the table, and the shares of lines and branches."""
    shares, cells = [], []
    for kind in ["line", "branch"]:
        covered, total = (sum(file[f"{kind}_{what}"] for file in files) for what in ["covered", "total"])
        shares.append(100.0 * covered / total if total else 100.0)
        cells.append(f"{covered:6} of {total:6} {shares[-1]:6.1f}%")
    return f"{label:24} lines {cells[0]}   branches {cells[1]}", shares


def markers():
    for directory, _, names in sorted(os.walk(os.path.join(options.source, "lib"))):
        for name in sorted(names):
            path = os.path.join(directory, name)
            with open(path, encoding="utf-8") as file:
                for number, line in enumerate(file, 1):
                    if match := MARKER.search(line):
                        yield f"{name_of(os.path.relpath(path, options.source))}:{number}", match.group(4)


def main():
    files, wrong = summary(), []
    for floor in sorted({"/".join(name_of(file["filename"]).split("/")[:2]) for file in files}):
        print(row(floor, [file for file in files if name_of(file["filename"]).startswith(floor + "/")])[0])
    text, shares = row("lib", files)
    print(text)
    if min(shares) < LEAST:
        wrong.append(f"lib: less than {LEAST}%")
    for file in files:
        name = name_of(file["filename"])
        if any(name.startswith(whole) for whole in WHOLE):
            shares = row(name, [file])[1]
            if min(shares) < 100.0:
                wrong.append(f"{name}: {shares[0]:.1f}% of lines, {shares[1]:.1f}% of branches, and should be whole")
    found = list(markers())
    print(f"{len(found)} markers leave something out:")
    for place, reason in found:
        print(f"  {place}: {reason}")
        if not reason:
            wrong.append(f"{place}: a marker without a reason")
    print(*wrong, sep="\n")
    return 1 if wrong else 0


parser = argparse.ArgumentParser()
parser.add_argument("build", type=os.path.abspath)
parser.add_argument("source", type=os.path.abspath)
parser.add_argument("--json")
options = parser.parse_args()
sys.exit(main())
