# SPDX-License-Identifier: BSD-3-Clause
"""examples/run and tests/run: packages and build directories, with stand-ins for Debian's tools."""
import os
import shutil
import subprocess
import textwrap

import driver

PROJECT = "project('small', 'c')\noption = get_option('tests')\nexecutable('one', 'one.c')\n"


class Scripts(driver.Programs):
    def setUp(self):
        super().setUp()
        os.makedirs("top/.ci")
        shutil.copy(os.path.join(driver.source, ".ci", "setup.sh"), "top/.ci")
        self.environment = driver.environment()
        self.environment["PATH"] = os.path.abspath("bin") + ":" + os.environ["PATH"]
        os.mkdir("bin")

    def stand_in(self, name, text):
        with open(f"bin/{name}", "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\necho {name} \"$@\" >>'{os.getcwd()}/calls'\n{text}\n")
        os.chmod(f"bin/{name}", 0o755)

    def script(self, text, status=0, top="top"):
        top = os.path.abspath(top)
        text = f"set -eu\nme=test\nroot='{top}'\n. '{top}/.ci/setup.sh'\n" + textwrap.dedent(text)
        done = subprocess.run(["sh", "-c", text], env=self.environment, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertEqual(done.stdout, "")
        return done.stderr

    def calls(self):
        return driver.read("calls").decode().splitlines() if os.path.exists("calls") else []

    def stand_for_debian(self, user):
        self.stand_in("dpkg-query", 'case $3 in have*) printf installed ;; *) exit 1 ;; esac')
        for name in ("apt-get", "env"):
            self.stand_in(name, "")
        self.stand_in("sudo", "")
        self.stand_in("id", f"echo {user}")

    def test_nothing_is_missing(self):
        self.stand_for_debian(0)
        self.assertEqual(self.script("need_packages have-this have-that"), "")
        self.assertFalse([call for call in self.calls() if "apt-get" in call])

    def test_only_the_missing_are_installed(self):
        for user, prefix in ((0, ""), (1000, "sudo ")):
            self.stand_for_debian(user)
            said = self.script("need_packages have-this lack-one have-that lack-two")
            self.assertEqual(said, "test: installing the missing packages: lack-one lack-two\n")
            calls = [call for call in self.calls() if "apt-get" in call]
            os.remove("calls")
            self.assertEqual(calls, [f"{prefix}apt-get update -q",
                                     f"{prefix}env DEBIAN_FRONTEND=noninteractive apt-get install -y -q "
                                     "--no-install-recommends lack-one lack-two"])

    def test_installing_fails(self):
        self.stand_for_debian(0)
        self.stand_in("env", "exit 100")
        self.assertIn("cannot install: lack-one\n", self.script("need_packages lack-one", status=1))

    def small_project(self, top):
        os.makedirs(top, exist_ok=True)
        for name, text in (("meson.build", PROJECT), ("one.c", "int main(void)\n{\n    return 0;\n}\n"),
                           ("meson_options.txt", "option('tests', type: 'boolean', value: true)\n")):
            with open(f"{top}/{name}", "w", encoding="ascii") as file:
                file.write(text)

    BUILD = """
        configure "$root/build" -Dtests=false
        set_options "$root/build" tests=true
        build "$root/build" all
        """

    def test_build_directory(self):
        self.small_project("top")
        said = self.script(self.BUILD)
        self.assertIn("test: configuring build/\n", said)
        self.assertIn("test: building in build/\n", said)
        self.assertTrue(os.path.exists("top/build/one"))
        self.assertEqual(self.script(self.BUILD), "")
        os.rename("top", "another top")
        said = self.script(self.BUILD, top="another top")
        self.assertIn("of another place or time", said)
        self.assertEqual(self.script(self.BUILD, top="another top"), "")

    def test_build_directory_that_is_broken(self):
        self.small_project("top")
        self.script(self.BUILD)
        with open("top/build/build.ninja", "w", encoding="ascii") as file:
            file.write("nonsense\n")
        self.assertIn("of another place or time", self.script(self.BUILD))
        shutil.rmtree("top/build/meson-info")
        self.assertIn("of another place or time", self.script(self.BUILD))
        self.assertEqual(self.script(self.BUILD), "")

    def test_compile_error(self):
        self.small_project("top")
        with open("top/one.c", "a", encoding="ascii") as file:
            file.write("nonsense\n")
        self.assertIn("build failed", self.script(self.BUILD, status=1).replace(f" in {os.getcwd()}/top/build", ""))

    def test_unknown_option_of_tests_run(self):
        done = subprocess.run(["sh", os.path.join(driver.source, "tests", "run"), "--nope"], capture_output=True,
                              text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("--nope", done.stderr)


driver.main(needs_data=False)
