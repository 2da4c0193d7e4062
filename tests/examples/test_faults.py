# SPDX-License-Identifier: BSD-3-Clause
"""Signals at a chosen moment, and system calls that fail, under tests/reliability/syscall_shim.c. Argument after the
usual two: the shim, which is copied to a directory with spaces in its name."""
import errno
import os
import shutil
import signal
import sys

import driver

# The enumerations of syscall_shim.h.
WRITE, SYNC = 3, 4
ERROR, SHORT, SIGNAL = 0, 2, 6
RUN = ("lenet_fmnist", *driver.SMALL, "--seed", 5, "--epochs")
EPOCHS = 4

# The writes of an epoch: 16 lines of steps and one of the epoch; a checkpoint's length, header and ten tensors; the
# result.
LINES, SAVE, RESULT = 17, 12, 1


class Faults(driver.Programs):
    def setUp(self):
        super().setUp()
        os.mkdir("a directory")
        self.shim = os.path.abspath(shutil.copy(sys.argv[3], "a directory"))

    def run_faulty(self, call, nth, times, fault, error, *arguments, status=0):
        directory, name = os.path.split(self.shim)
        env = driver.environment(LD_PRELOAD=name, LD_LIBRARY_PATH=directory,
                                 SYSCALL_SHIM=f"{call} {nth} {times} {fault} {int(error)}",
                                 SYSCALL_SHIM_COUNT="count")
        done = self.run_program(*RUN, EPOCHS, *arguments, env=env, status=status)
        if status >= 0:  # who is killed tells nothing
            self.assertGreater(int(driver.read("count")), 0, "the shim was not there")
            os.remove("count")
        return done

    def whole(self):
        self.run_program(*RUN, EPOCHS, "--checkpoint", "whole.ckpt", "--log", "whole.log")

    def expect_resumable(self):
        self.run_program(*RUN, EPOCHS, "--resume", "part.ckpt", "--checkpoint", "part.ckpt", "--log", "log")
        self.assertEqual(driver.read("part.ckpt"), driver.read("whole.ckpt"))
        self.assertEqual(driver.without_times("log"), driver.without_times("whole.log"))
        self.assertFalse(os.path.exists("part.ckpt.tmp"))

    def test_stop_within_one_batch(self):
        """The signal comes while the fifth step is being logged: there is no sixth."""
        self.whole()
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            done = self.run_faulty(WRITE, 5, 1, SIGNAL, number, "--checkpoint", "part.ckpt", "--log", "log",
                                   "--force", status=status)
            self.assertIn("stopped in epoch 1 after 5 of 16 steps; saved to part.ckpt", done.stderr)
            self.assertEqual(len(driver.read_log("log")), 5)
            self.assertFalse(os.path.exists("part.ckpt.tmp"))
            self.expect_resumable()

    def test_second_signal_ends_at_once(self):
        """The first comes with the first step of the second epoch, the second while its checkpoint is being saved."""
        self.whole()
        self.run_program(*RUN, 1, "--checkpoint", "first.ckpt")
        self.run_faulty(WRITE, LINES + SAVE + RESULT + 1, 2, SIGNAL, signal.SIGINT, "--checkpoint", "part.ckpt",
                        "--log", "log", status=-signal.SIGINT)
        self.assertTrue(os.path.exists("part.ckpt.tmp"))
        self.assertEqual(driver.read("part.ckpt"), driver.read("first.ckpt"))
        self.assertEqual(len(driver.read_log("log")), LINES + 1)
        self.expect_resumable()

    def test_room_comes_back(self):
        """Lines wait for it: none is lost, none is torn."""
        self.whole()
        done = self.run_faulty(WRITE, 3, 2 * (LINES + RESULT), ERROR, errno.ENOSPC, "--log", "log")
        for what in ("log", "standard output"):
            said = f"cannot write to {what}, training goes on: No space left on device\n"
            self.assertEqual(done.stderr.count(said), 2, done.stderr)
        self.assertEqual(driver.without_times("log"), driver.without_times("whole.log"))
        self.assertEqual(len(done.stdout.splitlines()), 4)

    def test_short_writes(self):
        self.whole()
        done = self.run_faulty(WRITE, 1, 1000000, SHORT, 0, "--log", "log", "--checkpoint", "part.ckpt")
        self.assertEqual(done.stderr, "")
        self.assertEqual(driver.without_times("log"), driver.without_times("whole.log"))
        self.assertEqual(driver.read("part.ckpt"), driver.read("whole.ckpt"))
        self.assertEqual(len(done.stdout.splitlines()), 4)

    def test_log_that_cannot_be_written(self):
        """No full disk: the run ends, with a checkpoint, and goes on as if nothing had been."""
        self.whole()
        done = self.run_faulty(WRITE, 10, 1, ERROR, errno.EIO, "--log", "log", "--checkpoint", "part.ckpt", status=1)
        self.assertIn("cannot write to log: Input/output error in epoch 1 after 10 of 16 steps; saved to part.ckpt",
                      done.stderr)
        self.expect_resumable()

    def test_checkpoint_that_cannot_be_saved(self):
        """Two epochs long: said twice; the last one is saved, so nothing is lost."""
        self.whole()
        done = self.run_faulty(SYNC, 3, 2, ERROR, errno.ENOSPC, "--checkpoint", "part.ckpt")
        self.assertEqual(done.stderr.count("cannot save the checkpoint, training goes on: part.ckpt: cannot sync: "
                                           "No space left on device"), 2, done.stderr)
        self.assertEqual(driver.read("part.ckpt"), driver.read("whole.ckpt"))


driver.main()
