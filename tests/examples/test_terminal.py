# SPDX-License-Identifier: BSD-3-Clause
"""Progress on a terminal: one line that rewrites itself, within the width, coloured or not."""
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading

import driver

RUN = [word for word in driver.SMALL if word != "--quiet"] + ["--epochs", 2, "--checkpoint", "kept.ckpt", "--force"]
ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Terminal(driver.Programs):
    def on_terminal(self, columns, *arguments, **variables):
        """What the program writes on a terminal as standard error, and its results."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen(driver.command("lenet_fmnist", *RUN, *arguments), stdout=subprocess.PIPE,
                                   stderr=slave, env=driver.environment(**{"TERM": "xterm", **variables}), text=True)
        os.close(slave)
        shown = []

        def collect():
            try:
                while data := os.read(master, 65536):
                    shown.append(data.decode("ascii"))
            except OSError:  # how Linux says that the other end is closed
                pass

        thread = threading.Thread(target=collect)
        thread.start()
        results = process.communicate()[0]
        thread.join()
        os.close(master)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(results.count("\n"), 2)
        return "".join(shown)

    def drawings(self, text):
        return [ESCAPE.sub("", part) for part in text.replace("\r\n", "\n").split("\n")[-1].split("\r")]

    def test_width(self):
        for columns, part in ((120, "left"), (80, "accuracy"), (40, "step 16/16"), (20, "epoch 2/2")):
            text = self.on_terminal(columns)
            drawings = self.drawings(text)
            self.assertGreater(len(drawings), 2)
            self.assertLess(max(map(len, drawings)), columns)
            self.assertTrue(any(part in drawing for drawing in drawings), drawings)
            self.assertTrue(text.endswith("\r\x1b[K"))
        self.assertTrue(self.drawings(self.on_terminal(1)))

    def test_colour(self):
        self.assertIn("\x1b[32m", self.on_terminal(140))
        for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": None}):
            self.assertNotRegex(self.on_terminal(140, **variables), r"\x1b\[[0-9;]*m")
        self.assertNotIn("\x1b", self.on_terminal(140, TERM="dumb"))

    def test_quiet(self):
        self.assertEqual(self.on_terminal(80, "--quiet"), "")


driver.main()
