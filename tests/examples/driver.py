# SPDX-License-Identifier: BSD-3-Clause
"""Start the example programs and look at what they say. Arguments of each test: the directory of the built programs,
the top of the source tree."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

DATA = os.environ.get("TINYNET_DATA") or "/usr/share/datasets/fashion-mnist"
programs, source = (sys.argv + ["", ""])[1:3]


def environment(**changes):
    """The environment without what changes a program's words; None removes."""
    env = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "TINYNET_DATA")}
    env["TINYNET_DATA"] = DATA
    env.update({key: value for key, value in changes.items() if value is not None})
    for key, value in changes.items():
        if value is None:
            env.pop(key, None)
    return env


def command(program, *arguments):
    return [os.path.join(programs, program), *map(str, arguments)]


class Programs(unittest.TestCase):
    """Each test has a directory of its own, and is in it."""

    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="tinynet examples ")
        self.addCleanup(self.scratch.cleanup)
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir(self.scratch.name)

    def run_program(self, program, *arguments, status=0, **options):
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment(), "text": True, **options}
        done = subprocess.run(command(program, *arguments), stdin=subprocess.DEVNULL, **options)
        self.assertEqual(done.returncode, status, f"{program} {arguments}: {done.stdout}{done.stderr}")
        return done

    def classes(self, *arguments):
        """The classes and probabilities that predict prints, the likeliest first."""
        lines = self.run_program("predict", *arguments).stdout.splitlines()
        rows = [(line.rsplit(None, 1)[0], float(line.rsplit(None, 1)[1])) for line in lines]
        self.assertEqual(rows, sorted(rows, key=lambda row: -row[1]))
        self.assertAlmostEqual(sum(row[1] for row in rows), 1, delta=1e-3)
        return rows

    def refused(self, program, *arguments, word="", **options):
        """Exit 2, one line on standard error that has the word in it, nothing on standard output."""
        done = self.run_program(program, *arguments, status=2, **options)
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, rf"\A{program}: [^\n]+\n\Z")
        self.assertIn(word, done.stderr)
        return done


# A small run of LeNet: 16 steps an epoch.
SMALL = ("--limit", 512, "--test-limit", 256, "--batch-size", 32, "--threads", 2, "--quiet")


def read(path):
    with open(path, "rb") as file:
        return file.read()


def read_log(path):
    def refuse(constant):
        raise ValueError(f"{constant} is no JSON")

    with open(path, encoding="ascii") as file:
        return [json.loads(line, parse_constant=refuse) for line in file]


def without_times(path):
    """A log but for its times."""
    return [{key: value for key, value in line.items() if key not in ("seconds", "images_per_second")}
            for line in read_log(path)]


def main(needs_data=True):
    if needs_data and not os.path.exists(os.path.join(DATA, "train-images-idx3-ubyte.gz")):
        print(f"skipped: no Fashion-MNIST in {DATA}; apt install dataset-fashion-mnist")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
