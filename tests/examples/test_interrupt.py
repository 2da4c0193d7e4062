# SPDX-License-Identifier: BSD-3-Clause
"""Ctrl-C and kill: a checkpoint within one batch, the command that resumes, and the same bits in the end."""
import os
import shlex
import signal
import subprocess
import time

import driver

RUN = ("--limit", 2048, "--test-limit", 256, "--batch-size", 32, "--epochs", 6, "--seed", 9, "--threads", 1)  # 64 steps an epoch


class Interrupt(driver.Programs):
    whole_run = None

    def start(self, *arguments):
        return subprocess.Popen(driver.command("lenet_fmnist", *RUN, *arguments), env=driver.environment(),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def signal_after(self, process, log, lines, number):
        """Send a signal once the log has so many lines."""
        while process.poll() is None and not (os.path.exists(log) and driver.read(log).count(b"\n") >= lines):
            time.sleep(0.002)
        process.send_signal(number)
        return process.communicate()

    def whole(self):
        """Checkpoint and log of a run that nobody ends; one for all tests."""
        if not Interrupt.whole_run:
            self.run_program("lenet_fmnist", *RUN, "--quiet", "--checkpoint", "whole.ckpt", "--log", "whole.log")
            Interrupt.whole_run = (driver.read("whole.ckpt"), driver.without_times("whole.log"))
        return Interrupt.whole_run

    def check_stop(self, number, status):
        checkpoint, log = self.whole()
        process = self.start("--log", "it's a log", "--checkpoint", "part.ckpt")
        _, errors = self.signal_after(process, "it's a log", 90, number)
        self.assertEqual(process.returncode, status, errors)
        self.assertIn("saved to part.ckpt", errors)
        resume = errors.splitlines()[-1]
        words = shlex.split(resume)
        self.assertEqual(words[0], driver.command("lenet_fmnist")[0])
        self.assertEqual(words[-2:], ["--resume", "part.ckpt"])
        self.assertIn("it's a log", words)
        self.assertNotEqual(driver.read("part.ckpt"), checkpoint)
        subprocess.run(resume, shell=True, check=True, env=driver.environment(), stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        self.assertEqual(driver.read("part.ckpt"), checkpoint)
        self.assertEqual(driver.without_times("it's a log"), log)

    def test_ctrl_c(self):
        self.check_stop(signal.SIGINT, 130)

    def test_terminate(self):
        self.check_stop(signal.SIGTERM, 143)

    def test_default_checkpoint(self):
        process = self.start("--log", "log")
        _, errors = self.signal_after(process, "log", 10, signal.SIGINT)
        self.assertEqual(process.returncode, 130, errors)
        self.assertIn("saved to lenet_fmnist.ckpt", errors)
        self.assertTrue(errors.endswith(" --checkpoint lenet_fmnist.ckpt --resume lenet_fmnist.ckpt\n"), errors)
        self.assertTrue(os.path.exists("lenet_fmnist.ckpt"))
        self.assertFalse(os.path.exists("lenet_fmnist.ckpt.tmp"))

    def test_kill(self):
        checkpoint, log = self.whole()
        process = self.start("--log", "log", "--checkpoint", "part.ckpt")
        self.signal_after(process, "log", 90, signal.SIGKILL)
        self.assertEqual(process.returncode, -signal.SIGKILL)
        self.run_program("lenet_fmnist", *RUN, "--quiet", "--resume", "part.ckpt", "--checkpoint", "part.ckpt", "--log",
                         "log")
        self.assertEqual(driver.read("part.ckpt"), checkpoint)
        self.assertEqual(driver.without_times("log"), log)


driver.main()
