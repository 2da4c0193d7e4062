# SPDX-License-Identifier: BSD-3-Clause
"""Build the reference of the public headers with Doxygen and check that nothing public lacks its words.

Usage: build_reference.py DOXYGEN DOXYFILE SYMBOL_MAP OUTPUT INCLUDE_DIRECTORY...

Fails on any warning of Doxygen, and on a function of the symbol map that no header documents. Exit status 77 without
Doxygen (DOXYGEN empty)."""

import glob
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as tree


def run_doxygen(doxygen, doxyfile, output, inputs):
    """Doxygen's exit status; its warnings go to standard error."""
    shutil.rmtree(output, ignore_errors=True)
    os.makedirs(output)
    with open(doxyfile, encoding="utf-8") as file:
        text = file.read()
    quoted = " ".join(f'"{path}"' for path in inputs)
    text += f'\nINPUT = {quoted}\nOUTPUT_DIRECTORY = "{output}"\n'
    return subprocess.run([doxygen, "-"], input=text.encode(), check=False).returncode


def has_text(element):
    return element is not None and "".join(element.itertext()).strip() != ""


def documented(output):
    """Names of all functions that have a description, and of all functions there are."""
    every, described = set(), set()
    for path in glob.glob(os.path.join(output, "xml", "*_8h.xml")):
        for member in tree.parse(path).getroot().iter("memberdef"):
            if member.get("kind") != "function":
                continue
            name = member.findtext("name")
            every.add(name)
            if has_text(member.find("briefdescription")) or has_text(member.find("detaileddescription")):
                described.add(name)
    return every, described


def exported(symbol_map):
    with open(symbol_map, encoding="utf-8") as file:
        return set(re.findall(r"^\s*(tn_\w+);", file.read(), re.MULTILINE))


def main():
    doxygen, doxyfile, symbol_map, output = sys.argv[1:5]
    if not doxygen:
        print("skipped: no Doxygen (apt install doxygen)")
        return 77
    status = run_doxygen(doxygen, doxyfile, os.path.abspath(output), sys.argv[5:])
    if status != 0:
        print(f"Doxygen ended with status {status}: see its warnings")
        return 1
    every, described = documented(output)
    public = exported(symbol_map)
    missing, silent, hidden = public - every, (public & every) - described, every - public
    for title, names in (("in the symbol map but in no header", missing), ("without documentation", silent),
                         ("in a header but not in the symbol map", hidden)):  # fmt: skip
        for name in sorted(names):
            print(f"{name}: {title}")
    print(f"{len(public)} public functions, {len(public & described)} documented")
    return 1 if missing or silent or hidden or not public else 0


if __name__ == "__main__":
    sys.exit(main())
