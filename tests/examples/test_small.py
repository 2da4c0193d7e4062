# SPDX-License-Identifier: BSD-3-Clause
"""The programs that need no data: quickstart, which is the README's, and custom_layer."""
import os
import re

import driver


class Small(driver.Programs):
    def test_quickstart(self):
        done = self.run_program("quickstart")
        self.assertEqual(done.stderr, "")
        loss, accuracy = map(float, re.match(r"loss (\S+), accuracy (\S+)\n", done.stdout).groups())
        self.assertLess(loss, 0.1)
        self.assertGreater(accuracy, 0.98)
        self.assertIn("the first picture has an upright bar\n", done.stdout)

    def test_readme_shows_the_quickstart(self):
        readme = driver.read(os.path.join(driver.source, "README.md")).decode()
        program = driver.read(os.path.join(driver.source, "examples", "quickstart.c")).decode()
        shown = re.search(r"```c\n(.*?)```", readme, re.DOTALL).group(1)
        self.assertEqual(shown, program)

    def test_examples_include_public_headers_only(self):
        directory = os.path.join(driver.source, "examples")
        for where, _, files in os.walk(directory):
            for name in files:
                if not name.endswith((".c", ".h")):
                    continue
                text = driver.read(os.path.join(where, name)).decode()
                for included in re.findall(r'#include "([^"]+)"', text):
                    self.assertTrue(os.path.exists(os.path.join(where, included)), f"{name}: {included}")
                self.assertLessEqual(set(re.findall(r"#include <(tinynet/[^>]+)>", text)), {"tinynet/tinynet.h"}, name)

    def test_custom_layer(self):
        done = self.run_program("custom_layer")
        self.assertEqual(done.stderr, "")
        errors = re.findall(r"gradient error (\S+), right\n", done.stdout)
        self.assertEqual(len(errors), 2)
        for error in errors:
            self.assertLess(float(error), 1e-2)


driver.main(needs_data=False)
