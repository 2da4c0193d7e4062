# SPDX-License-Identifier: BSD-3-Clause
"""The shared library exports what its map lists, and the map lists what the public headers declare. Arguments: the
library, the map, the directory of the headers."""
import os
import re
import shutil
import subprocess
import sys

library, symbol_map, headers = sys.argv[1:4]
if not shutil.which("nm"):
    print("skipped: nm is missing; apt install binutils")
    sys.exit(77)


def exported():
    lines = subprocess.run(["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1].split("@")[0] for line in lines.splitlines() if line.split()[-2] != "A"}


def mapped():
    with open(symbol_map, encoding="utf-8") as file:
        return set(re.findall(r"^\s+(\w+);", file.read(), re.MULTILINE))


def declared():
    names = set()
    for name in sorted(os.listdir(headers)):
        if name.endswith((".h", ".h.in")):
            with open(os.path.join(headers, name), encoding="utf-8") as file:
                text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.DOTALL)
            names |= set(re.findall(r"TN_API[^;#]*?\b(tn_\w+)\(", text))
    return names


faults = []
for one, one_name, other, other_name in ((exported(), "the library", mapped(), "the map"),
                                         (mapped(), "the map", declared(), "the headers")):
    faults += [f"{name} is in {one_name}, not in {other_name}" for name in sorted(one - other)]
    faults += [f"{name} is in {other_name}, not in {one_name}" for name in sorted(other - one)]
print("\n".join(faults) or f"{len(mapped())} symbols in the library, the map and the headers")
sys.exit(1 if faults else 0)
