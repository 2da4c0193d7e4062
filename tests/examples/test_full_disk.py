# SPDX-License-Identifier: BSD-3-Clause
"""Disks that are full or read-only, mounted in a namespace that ends with the test; skipped aloud without one."""
import os
import resource
import signal
import subprocess
import sys

import driver

RUN = ("lenet_fmnist", *driver.SMALL, "--seed", 5, "--epochs")
CHECKPOINT = 250_000  # bytes, about


def mount(directory, *options):
    os.makedirs(directory, exist_ok=True)
    subprocess.run(["mount", *options, directory], check=True)


class FullDisk(driver.Programs):
    def mount_disk(self, size):
        mount("disk", "-t", "tmpfs", "-o", f"size={size}", "tinynet")
        self.addCleanup(subprocess.run, ["umount", "disk"], check=True)

    def test_room_for_one_checkpoint(self):
        """The first is saved, the others need room beside it: each is told of once, the first stays and resumes."""
        self.mount_disk(3 * CHECKPOINT // 2)
        self.run_program(*RUN, 1, "--checkpoint", "first.ckpt")
        self.run_program(*RUN, 4, "--checkpoint", "whole.ckpt", "--log", "whole.log")
        done = self.run_program(*RUN, 4, "--checkpoint", "disk/part.ckpt", "--log", "log", status=1)
        said = "cannot save the checkpoint, training goes on: disk/part.ckpt: cannot write: No space left on device\n"
        self.assertEqual(done.stderr.count(said), 3, done.stderr)
        self.assertEqual(len(done.stdout.splitlines()), 4)
        self.assertEqual(driver.without_times("log"), driver.without_times("whole.log"))
        self.assertEqual(os.listdir("disk"), ["part.ckpt"])
        self.assertEqual(driver.read("disk/part.ckpt"), driver.read("first.ckpt"))
        self.run_program(*RUN, 4, "--resume", "disk/part.ckpt", "--checkpoint", "part.ckpt", "--log", "log")
        self.assertEqual(driver.read("part.ckpt"), driver.read("whole.ckpt"))
        self.assertEqual(driver.without_times("log"), driver.without_times("whole.log"))

    def test_log_and_results_on_it(self):
        """Two pages, one for each: the log soon wants a second."""
        self.mount_disk(2 * resource.getpagesize())
        self.run_program(*RUN, 4, "--checkpoint", "whole.ckpt")
        with open("disk/results", "w", encoding="ascii") as results:
            done = self.run_program(*RUN, 4, "--checkpoint", "part.ckpt", "--log", "disk/log", stdout=results, status=1)
        said = "cannot write to disk/log, training goes on: No space left on device\n"
        self.assertIn(done.stderr.count(said), (3, 4))
        self.assertIn("--log disk/log: lines are lost: No space left on device", done.stderr)
        self.assertEqual(driver.read("part.ckpt"), driver.read("whole.ckpt"))
        self.assertEqual(driver.read("disk/results").count(b"\n"), 4)

    def test_stop_without_room(self):
        """Ctrl-C cannot save: the last checkpoint stays, and the command that resumes from it is printed."""
        self.mount_disk(3 * CHECKPOINT // 2)
        self.run_program(*RUN, 1, "--checkpoint", "first.ckpt")
        process = subprocess.Popen(driver.command(*RUN, 100000, "--checkpoint", "disk/part.ckpt"),
                                   env=driver.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   text=True)
        self.assertIn("training goes on", process.stderr.readline())
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
        self.assertEqual(process.returncode, 1, errors)
        self.assertIn("stopped; cannot save the checkpoint: disk/part.ckpt: cannot write: No space left", errors)
        self.assertIn("disk/part.ckpt is still that of epoch 1; to resume:", errors)
        self.assertTrue(errors.endswith("--resume disk/part.ckpt\n"), errors)
        self.assertEqual(driver.read("disk/part.ckpt"), driver.read("first.ckpt"))
        self.assertEqual(os.listdir("disk"), ["part.ckpt"])

    def test_stop_with_lost_results(self):
        """Ctrl-C with results that never found room: they are told of, and the status still says Ctrl-C."""
        self.mount_disk(resource.getpagesize())
        with open("disk/results", "w", encoding="ascii") as results:
            with open("disk/rest", "wb") as rest:
                rest.write(bytes(resource.getpagesize()))
            process = subprocess.Popen(driver.command(*RUN, 100000, "--checkpoint", "part.ckpt"),
                                       env=driver.environment(), stdout=results, stderr=subprocess.PIPE, text=True)
            self.assertIn("cannot write to standard output, training goes on", process.stderr.readline())
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate()
        self.assertEqual(process.returncode, 130, errors)
        self.assertIn("standard output: lines are lost: No space left on device\n", errors)
        self.assertTrue(errors.endswith("--resume part.ckpt\n"), errors)

    def test_read_only(self):
        """Permissions do not stop root; a read-only mount does. Refused before any work."""
        self.mount_disk("1m")
        self.run_program(*RUN, 1, "--checkpoint", "disk/old.ckpt")
        old = driver.read("disk/old.ckpt")
        mount("disk", "-o", "remount,ro")
        self.refused(*RUN, 2, "--checkpoint", "disk/old.ckpt", "--force", word="Read-only file system")
        self.refused(*RUN, 2, "--log", "disk/log", word="Read-only file system")
        self.assertEqual(driver.read("disk/old.ckpt"), old)
        self.run_program(*RUN, 2, "--resume", "disk/old.ckpt", "--checkpoint", "new.ckpt")

    def test_limit_on_file_size(self):
        """SIGXFSZ would end the program: it is ignored, and the write fails."""
        self.run_program(*RUN, 1, "--checkpoint", "first.ckpt")
        with open("part.ckpt", "wb") as file:
            file.write(driver.read("first.ckpt"))
        limit = (CHECKPOINT // 2, CHECKPOINT // 2)
        done = self.run_program(*RUN, 3, "--checkpoint", "part.ckpt", "--force", status=1,
                                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
        self.assertEqual(done.stderr.count("part.ckpt: cannot write: File too large\n"), 3, done.stderr)
        self.assertEqual(driver.read("part.ckpt"), driver.read("first.ckpt"))
        self.assertFalse(os.path.exists("part.ckpt.tmp"))


def enter_namespace():
    """Start again with mounts of our own, as root or as the root of a namespace."""
    for options in (["-m"], ["-r", "-m"]):
        test = subprocess.run(["unshare", *options, "mount", "-t", "tmpfs", "tinynet", "/mnt"], check=False,
                              stderr=subprocess.DEVNULL)
        if test.returncode == 0:
            os.environ["TINYNET_MOUNTS"] = "own"
            os.execvp("unshare", ["unshare", *options, sys.executable, *sys.argv])
    print("skipped: no mount namespace")
    sys.exit(77)


if "TINYNET_MOUNTS" not in os.environ:
    enter_namespace()
driver.main()
