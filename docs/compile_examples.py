# SPDX-License-Identifier: BSD-3-Clause
"""Compile every block of C in the documentation.

Usage: compile_examples.py INCLUDE_DIRECTORY... -- MARKDOWN... -- COMPILER...

A block with an #include is a whole file; any other is the inside of a function that has the parameters of PRELUDE. Each is
checked as a user's compiler would with -Wall -Wextra, warnings being errors."""

import os
import re
import subprocess
import sys
import tempfile

PRELUDE = """\
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tinynet/tinynet.h>
tn_status example(tn_model *model, tn_session *session, tn_loss *loss, tn_optimizer *optimizer, tn_loader *loader,
                  tn_tensor *x, tn_tensor *labels, const char *path);
tn_status example(tn_model *model, tn_session *session, tn_loss *loss, tn_optimizer *optimizer, tn_loader *loader,
                  tn_tensor *x, tn_tensor *labels, const char *path)
{
    {
"""
EPILOGUE = "\n    }\n    return TN_OK;\n}\n"
FLAGS = ["-std=c11", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wno-unused", "-Wno-unused-result",
         "-Wno-unused-parameter", "-D_POSIX_C_SOURCE=200809L"]  # fmt: skip


def blocks(path):
    """(line number, text) of each block of C."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for match in re.finditer(r"^```c\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield text.count("\n", 0, match.start()) + 2, match.group(1)


def source_of(path, line, text):
    here = f'#line {line} "{path}"\n'
    if "#include" in text:
        return here + text
    return PRELUDE + here + text + EPILOGUE


def compiles(compiler, includes, source, directory):
    path = os.path.join(directory, "block.c")
    with open(path, "w", encoding="utf-8") as file:
        file.write(source)
    command = [*compiler, *FLAGS, *(f"-I{include}" for include in includes), path]
    return subprocess.run(command, check=False).returncode == 0


def split(arguments):
    parts = [[]]
    for argument in arguments:
        if argument == "--":
            parts.append([])
        else:
            parts[-1].append(argument)
    return parts


def main():
    includes, pages, compiler = split(sys.argv[1:])
    count = failures = 0
    with tempfile.TemporaryDirectory() as directory:
        for page in pages:
            for line, text in blocks(page):
                count += 1
                if not compiles(compiler, includes, source_of(page, line, text), directory):
                    print(f"{page}:{line}: does not compile")
                    failures += 1
    print(f"{count} blocks in {len(pages)} files, {failures} do not compile")
    return 1 if failures or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
