# SPDX-License-Identifier: BSD-3-Clause
"""Training: results, log, threads, lost output."""
import os
import subprocess
import time

import driver

LINE = (r"epoch {}/{}  train loss \d+\.\d{{4}} accuracy [01]\.\d{{4}}  test loss \d+\.\d{{4}} accuracy [01]\.\d{{4}}  "
        r"\d+ images/s  \d+ s\n")
FIELDS = ["event", "epoch", "step", "train_loss", "train_accuracy", "test_loss", "test_accuracy", "images_per_second",
          "seconds"]


class Training(driver.Programs):
    def test_results_and_log(self):
        done = self.run_program("lenet_fmnist", *driver.SMALL, "--epochs", 2, "--log", "log", "--limit", 500)
        self.assertRegex(done.stdout, r"\A" + LINE.format(1, 2) + LINE.format(2, 2) + r"\Z")
        self.assertEqual(done.stderr, "")
        log = driver.read_log("log")
        self.assertEqual([line["event"] for line in log], (["step"] * 16 + ["epoch"]) * 2)
        for line in log:
            self.assertEqual(list(line), FIELDS)
        steps = [line for line in log if line["event"] == "step"]
        self.assertEqual([line["step"] for line in steps], list(range(1, 33)))
        self.assertEqual([line["epoch"] for line in steps], [1] * 16 + [2] * 16)
        for line in steps:
            images = 20 if line["step"] % 16 == 0 else 32
            self.assertAlmostEqual(line["images_per_second"] * line["seconds"], images, delta=0.01)
            self.assertIsNone(line["test_loss"])
        for number, line in enumerate(log[16::17]):
            loss = sum(step["train_loss"] * (20 if step["step"] % 16 == 0 else 32) for step in
                       steps[16 * number:16 * number + 16]) / 500
            self.assertAlmostEqual(line["train_loss"], loss, delta=1e-5)
            self.assertGreater(line["test_loss"], 0)
            self.assertEqual((line["epoch"], line["step"]), (number + 1, 16 * (number + 1)))
            self.assertAlmostEqual(line["images_per_second"] * line["seconds"], 500, delta=0.1)
        self.assertIn(f"train loss {log[16]['train_loss']:.4f}", done.stdout)

    def test_log_is_started_anew(self):
        with open("log", "w", encoding="ascii") as file:
            file.write("old\n")
        self.run_program("lenet_fmnist", *driver.SMALL, "--epochs", 1, "--log", "log", "--force")
        self.assertEqual(len(driver.read_log("log")), 17)

    def test_same_bits_with_any_threads(self):
        for threads in (1, 2, 7):
            self.run_program("lenet_fmnist", *driver.SMALL, "--epochs", 1, "--threads", threads, "--checkpoint",
                             f"{threads}.ckpt", "--seed", 3)
        self.assertEqual(driver.read("1.ckpt"), driver.read("2.ckpt"))
        self.assertEqual(driver.read("1.ckpt"), driver.read("7.ckpt"))
        self.run_program("lenet_fmnist", *driver.SMALL, "--epochs", 1, "--checkpoint", "other.ckpt", "--seed", 4)
        self.assertNotEqual(driver.read("1.ckpt"), driver.read("other.ckpt"))

    def test_plain_progress(self):
        arguments = [word for word in driver.SMALL if word != "--quiet"]
        done = self.run_program("lenet_fmnist", *arguments, "--epochs", 1, "--checkpoint", "kept.ckpt")
        self.assertNotIn("\r", done.stderr)
        self.assertNotIn("\x1b", done.stderr)
        self.assertIn("LeNet, 61706 parameters", done.stderr)
        self.assertRegex(done.stderr, r"\nepoch 1/1  step 16/16  loss .* images/s  0:00 left\n\Z")

    def test_whole_run_that_is_not_kept(self):
        arguments = [word for word in driver.SMALL if word != "--quiet"]
        done = self.run_program("lenet_fmnist", *arguments, "--epochs", 1)
        self.assertTrue(done.stderr.endswith("what was learned is not saved: that takes --checkpoint FILE\n"), done.stderr)

    def test_reader_that_is_gone(self):
        reader, writer = os.pipe()
        os.close(reader)
        done = self.run_program("lenet_fmnist", *driver.SMALL, "--epochs", 2, stdout=writer, status=1)
        os.close(writer)
        self.assertIn("standard output: Broken pipe", done.stderr)
        self.assertIn("--resume lenet_fmnist.ckpt", done.stderr)

    def test_reader_that_is_late(self):
        """A full pipe that somebody else has made non-blocking: the run waits for room, and loses no line."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        filled = 0
        try:
            while True:
                filled += os.write(writer, bytes(4096))
        except BlockingIOError:
            pass
        process = subprocess.Popen(driver.command("lenet_fmnist", *driver.SMALL, "--epochs", 2, "--log", "log"),
                                   stdout=writer, stderr=subprocess.PIPE, env=driver.environment(), text=True)
        os.close(writer)
        while process.poll() is None and not (os.path.exists("log") and driver.read("log").count(b"\n") == 17):
            time.sleep(0.01)
        time.sleep(0.1)  # the result comes after the log
        with open(reader, "rb") as results:
            self.assertRegex(results.read()[filled:].decode("ascii"),
                             r"\A" + LINE.format(1, 2) + LINE.format(2, 2) + r"\Z")
        self.assertEqual((process.communicate()[1], process.returncode), ("", 0))

    def test_output_that_is_always_full(self):
        """The run goes on and says so once an epoch; it ends as one that lost something, its checkpoint is right."""
        self.run_program("lenet_fmnist", *driver.SMALL, "--epochs", 3, "--checkpoint", "whole.ckpt")
        run = ("lenet_fmnist", *driver.SMALL, "--epochs", 3, "--checkpoint", "part.ckpt")
        with open("/dev/full", "w", encoding="ascii") as full:
            done = self.run_program(*run, stdout=full, status=1)
        said = "cannot write to standard output, training goes on: No space left on device"
        self.assertEqual(done.stderr.count(said), 3)
        self.assertEqual(driver.read("part.ckpt"), driver.read("whole.ckpt"))
        os.remove("part.ckpt")
        done = self.run_program(*run, "--log", "/dev/full", status=1)
        self.assertEqual(done.stderr.count("cannot write to /dev/full, training goes on: No space left on device"), 3)
        self.assertIn("--log /dev/full: lines are lost: No space left on device", done.stderr)
        self.assertEqual(len(done.stdout.splitlines()), 3)
        self.assertEqual(driver.read("part.ckpt"), driver.read("whole.ckpt"))


driver.main()
