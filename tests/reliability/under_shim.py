# SPDX-License-Identifier: BSD-3-Clause
"""Run a program under the shim: under_shim.py SHIM PROGRAM [ARGUMENT...]

First where the build made it, then from a directory with spaces in its name. LD_PRELOAD separates by spaces and colons,
so it gets the module's name alone; the directory is in LD_LIBRARY_PATH, which does not mind spaces."""
import os
import shutil
import subprocess
import sys
import tempfile


def environment(shim, **changes):
    """The environment in which programs start under the shim."""
    directory, name = os.path.split(os.path.abspath(shim))
    return {**os.environ, "LD_PRELOAD": name, "LD_LIBRARY_PATH": directory, **changes}


def scratch():
    """A directory that spares the disk thousands of syncs, where there is one; with spaces in its name."""
    memory = "/dev/shm"
    where = memory if os.access(memory, os.W_OK) else None
    return tempfile.TemporaryDirectory(prefix="tinynet with spaces ", dir=where)


def run(shim, command):
    print(f"{' '.join(command)}, under {shim}", flush=True)
    with scratch() as files:
        return subprocess.run(command, env=environment(shim, TMPDIR=files), check=False).returncode


def main(shim, *command):
    status = run(shim, command)
    if status != 0:
        return status
    with tempfile.TemporaryDirectory(prefix="tinynet with spaces ") as directory:
        return run(shutil.copy(shim, directory), [shutil.copy(command[0], directory), *command[1:]])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
