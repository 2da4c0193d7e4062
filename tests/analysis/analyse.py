# SPDX-License-Identifier: BSD-3-Clause
"""Run an analyzer over every file of lib/; any finding is a failure. What is no mistake is explained beside its line.

Usage: analyse.py gcc|clang-tidy|cppcheck BUILD-DIR SOURCE-DIR. The commands are those of the build (meson writes
compile_commands.json); clang-tidy takes its checks from .clang-tidy."""
import concurrent.futures
import json
import os
import shlex
import shutil
import subprocess
import sys

tool, build, source = sys.argv[1:4]
if not shutil.which(tool):
    print(f"skipped: {tool} is missing; apt install {tool}")
    sys.exit(77)


def commands():
    """One command for each file of lib/: a file that is built for several instruction sets is read once."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    library = os.path.realpath(os.path.join(source, "lib")) + os.sep
    found = {}
    for entry in entries:
        path = os.path.realpath(os.path.join(entry["directory"], entry["file"]))
        if path.startswith(library):
            found.setdefault(path, shlex.split(entry["command"]))
    return found


def kept_of(command):
    """A command's words without the compiler, what it writes, and -Werror."""
    return [word for previous, word in zip(command, command[1:])
            if word not in ("-MD", "-MQ", "-MF", "-o", "-Werror") and previous not in ("-MQ", "-MF", "-o")]


def with_gcc(path, command):
    """Compile as the build does, for the warnings."""
    return ["gcc", *kept_of(command), "-fanalyzer", "-fdiagnostics-plain-output", "-o", os.devnull]


def with_clang_tidy(path, command):
    """Without what gcc alone is told about registers, if the build is gcc's."""
    words = [word for word in kept_of(command) if not word.startswith(("-ffixed-", "-mtune-ctrl="))]
    return ["clang-tidy", "--quiet", path, "--", *words]


def with_cppcheck(path, command):
    # of the headers of others it would miss what those include in turn
    wanted = [word for word in command if word.startswith(("-I", "-D")) and not word.startswith("-I/usr/")]
    return ["cppcheck", "--enable=warning,performance,portability", "--inline-suppr", "--std=c11", "--quiet",
            "--suppress=missingIncludeSystem", "--error-exitcode=1", *wanted, path]


def run(item):
    path, command = item
    words = {"gcc": with_gcc, "clang-tidy": with_clang_tidy, "cppcheck": with_cppcheck}[tool](path, command)
    result = subprocess.run(words, cwd=build, capture_output=True, text=True)
    text = result.stdout + (result.stderr if tool != "clang-tidy" else "")
    return path, text if result.returncode != 0 or "warning:" in text else ""


files = commands()
with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    faults = [(path, text) for path, text in pool.map(run, sorted(files.items())) if text.strip()]
for path, text in faults:
    print(f"--- {path}\n{text}")
print(f"{tool}: {len(files)} files, {len(faults)} with findings")
sys.exit(1 if faults or not files else 0)
