# SPDX-License-Identifier: BSD-3-Clause
"""The house keeps its order: a file of lib/ includes only from its own floor or those below, no two files share a name,
no circle of headers, blis.h in one file only, programs include public headers only. Argument: the top of the tree."""
import os
import re
import sys

FLOORS = ["base", "kernels", "tensor", "layers", "optim", "model", "data", "formats", "train"]
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+("[^"]+"|<[^>]+>|TN_BLIS_HEADER)', re.MULTILINE)
top = sys.argv[1]
faults = []


def sources(folder):
    for place, _, names in os.walk(os.path.join(top, folder)):
        for name in sorted(names):
            if name.endswith((".c", ".h")):
                yield os.path.relpath(os.path.join(place, name), top)


def includes(path):
    with open(os.path.join(top, path), encoding="utf-8") as file:
        return INCLUDE.findall(file.read())


def own(word):
    """The path in lib/ of an include in quotes; None for others."""
    path = "lib/" + word.strip('"')
    return path if word.startswith('"') and os.path.exists(os.path.join(top, path)) else None


def check_direction(path):
    floor = FLOORS.index(path.split("/")[1])
    for word in includes(path):
        target = own(word)
        if target and FLOORS.index(target.split("/")[1]) > floor:
            faults.append(f"{path} includes {target} of a floor above it")
        if word.startswith('"') and not target and not word.endswith('_config.h"'):
            faults.append(f"{path} includes {word}, which is not there")


def check_circles(graph):
    state = {}

    def visit(path, trail):
        if state.get(path) == "open":
            faults.append("circle: " + " -> ".join(trail[trail.index(path):] + [path]))
        if path in state:
            return
        state[path] = "open"
        for target in graph.get(path, []):
            visit(target, trail + [path])
        state[path] = "done"

    for path in graph:
        visit(path, [])


library = list(sources("lib"))
seen = {}
for path in library:
    check_direction(path)
    name = os.path.basename(path)
    if name in seen:
        faults.append(f"{path} has the name of {seen[name]}")
    seen[name] = path
check_circles({path: [own(word) for word in includes(path) if own(word)] for path in library})
blis = [path for path in library if any("blis.h" in word or word == "TN_BLIS_HEADER" for word in includes(path))]
if blis != ["lib/kernels/blis.c"]:
    faults.append(f"blis.h is included in {blis}")
for path in sources("examples"):
    for word in includes(path):
        if own(word):
            faults.append(f"{path} includes {word}, which is not public")
print("\n".join(faults) or f"{len(library)} files of lib/ keep the order of the floors")
sys.exit(1 if faults or not library else 0)
