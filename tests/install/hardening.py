# SPDX-License-Identifier: BSD-3-Clause
"""The shared library is built as hard as it says: relocations are resolved at load and read-only from then on, no segment
can be written and executed, nor can the stack be, no text is relocated; stacks are guarded and the C library's checked
functions are used where the build asks for both. Arguments: the library, "plain" for a build with optimization and
without sanitizers, anything else otherwise."""
import re
import shutil
import subprocess
import sys

library, kind = sys.argv[1:3]
if not shutil.which("readelf"):
    print("skipped: readelf is missing; apt install binutils")
    sys.exit(77)


def readelf(*options):
    return subprocess.run(["readelf", "-W", *options, library], check=True, capture_output=True, text=True).stdout


segments, dynamic, symbols = readelf("-l"), readelf("-d"), readelf("--dyn-syms")
flags = {name: flag.replace(" ", "") for name, flag in
         re.findall(r"^\s+(GNU_STACK|GNU_RELRO)(?:\s+0x[0-9a-f]+){5}\s+([RWE ]{3})", segments, re.MULTILINE)}
loads = re.findall(r"^\s+LOAD(?:\s+0x[0-9a-f]+){5}\s+([RWE ]{3})", segments, re.MULTILINE)
faults = []
if flags.get("GNU_STACK") != "RW":
    faults.append(f"the stack's flags are {flags.get('GNU_STACK')}, not RW")
if "GNU_RELRO" not in flags:
    faults.append("there is no GNU_RELRO segment")
if "BIND_NOW" not in dynamic and not re.search(r"FLAGS_1.*\bNOW\b", dynamic):
    faults.append("symbols are bound late: relocations cannot be read-only")
if "TEXTREL" in dynamic:
    faults.append("text is relocated")
if not loads or any("W" in load and "E" in load for load in loads):
    faults.append(f"a segment can be written and executed: {loads}")
if kind == "plain":
    if "__stack_chk_fail" not in symbols:
        faults.append("stacks are not guarded (__stack_chk_fail is not used)")
    if not re.search(r"__\w+_chk\b", symbols.replace("__stack_chk_fail", "")):
        faults.append("no checked function of the C library is used (FORTIFY)")
print("\n".join(faults) or f"hardened: stack {flags['GNU_STACK']}, {len(loads)} segments, bound at load, {kind}")
sys.exit(1 if faults else 0)
