# SPDX-License-Identifier: BSD-3-Clause
"""Resuming: the same bits as without a break, and no other run taken for it."""
import gzip
import os
import struct

import driver


class Resume(driver.Programs):
    def train(self, *arguments, **options):
        return self.run_program("lenet_fmnist", *driver.SMALL, *arguments, **options)

    def test_same_bits(self):
        self.train("--epochs", 3, "--checkpoint", "whole.ckpt", "--log", "whole.log", "--seed", 5)
        self.train("--epochs", 1, "--checkpoint", "part.ckpt", "--log", "part.log", "--seed", 5)
        done = self.run_program("lenet_fmnist", "--test-limit", 256, "--quiet", "--epochs", 3, "--checkpoint",
                                "part.ckpt", "--log", "part.log", "--resume", "part.ckpt")
        self.assertRegex(done.stdout, r"\Aepoch 2/3 .*\nepoch 3/3 .*\n\Z")
        self.assertEqual(driver.read("whole.ckpt"), driver.read("part.ckpt"))
        self.assertEqual(driver.without_times("whole.log"), driver.without_times("part.log"))

    def test_measured(self):
        """A run that measured its algorithms goes on with them, asked again or not."""
        self.train("--epochs", 1, "--checkpoint", "measured.ckpt", "--measure")
        for name, options in (("with", ["--measure"]), ("without", [])):
            self.train("--epochs", 2, "--resume", "measured.ckpt", "--checkpoint", name, *options)
        self.assertEqual(driver.read("with"), driver.read("without"))

    def test_complete(self):
        self.train("--epochs", 1, "--checkpoint", "x.ckpt", "--log", "log")
        before = driver.read("x.ckpt"), driver.read("log")
        done = self.train("--epochs", 1, "--resume", "x.ckpt", "--checkpoint", "x.ckpt", "--log", "log")
        self.assertIn("complete", done.stdout)
        self.assertEqual((driver.read("x.ckpt"), driver.read("log")), before)

    def test_other_runs(self):
        self.train("--epochs", 1, "--checkpoint", "x.ckpt", "--seed", 1, "--lr", "0.5")
        before = driver.read("x.ckpt")
        for option, saved, other in (("--seed", 1, 2), ("--batch-size", 32, 64), ("--limit", 512, 500),
                                     ("--lr", 0.5, 0.25)):
            done = self.refused("lenet_fmnist", "--resume", "x.ckpt", "--checkpoint", "x.ckpt", option, other,
                                word=str(saved))
            self.assertIn(f"not {other}", done.stderr)
            self.assertIn("--force", done.stderr)
        self.assertEqual(driver.read("x.ckpt"), before)
        for option, other in (("--seed", 2), ("--batch-size", 64), ("--limit", 500), ("--lr", 0.25)):
            self.run_program("lenet_fmnist", "--resume", "x.ckpt", "--force", option, other, "--epochs", 2, "--quiet",
                             "--test-limit", 100, "--checkpoint", "forced.ckpt")
        self.refused("lenet_fmnist", "--resume", "x.ckpt", "--checkpoint", "forced.ckpt", word="forced.ckpt: is there")
        done = self.refused("alexnet_fmnist", "--resume", "x.ckpt", "--force", word="alexnet_fmnist")
        self.assertIn("lenet_fmnist", done.stderr)

    def test_other_data(self):
        os.mkdir("data")
        for prefix in ("train", "t10k"):
            with gzip.open(f"data/{prefix}-images-idx3-ubyte.gz", "wb", 1) as file:
                file.write(struct.pack(">iiii", 2051, 512, 28, 28) + bytes(512 * 784))
            with gzip.open(f"data/{prefix}-labels-idx1-ubyte.gz", "wb", 1) as file:
                file.write(struct.pack(">ii", 2049, 512) + bytes(i % 10 for i in range(512)))
        self.train("--epochs", 1, "--checkpoint", "x.ckpt")
        self.refused("lenet_fmnist", "--resume", "x.ckpt", "--data", "data", word="training images")
        self.train("--epochs", 2, "--resume", "x.ckpt", "--data", "data", "--force")

    def test_labels_that_are_no_class(self):
        os.mkdir("data")
        with gzip.open("data/train-images-idx3-ubyte.gz", "wb", 1) as file:
            file.write(struct.pack(">iiii", 2051, 2, 28, 28) + bytes(2 * 784))
        with gzip.open("data/train-labels-idx1-ubyte.gz", "wb", 1) as file:
            file.write(struct.pack(">ii", 2049, 2) + bytes([3, 10]))
        self.refused("lenet_fmnist", "--data", "data", word="data/train-labels-idx1-ubyte.gz: label 1 is 10")

    def test_damaged_checkpoint(self):
        self.train("--epochs", 1, "--checkpoint", "x.ckpt")
        good = driver.read("x.ckpt")
        for damaged in (good[:len(good) // 2], good[:5000] + bytes([good[5000] ^ 1]) + good[5001:], b""):
            with open("bad.ckpt", "wb") as file:
                file.write(damaged)
            self.refused("lenet_fmnist", "--resume", "bad.ckpt", word="bad.ckpt")

    def test_log_after_a_kill(self):
        """Lines that a killed run wrote after its checkpoint come again: they must not be there twice."""
        self.train("--epochs", 2, "--checkpoint", "x.ckpt", "--log", "whole.log")
        self.train("--epochs", 1, "--checkpoint", "x.ckpt", "--force")
        lines = driver.read("whole.log").splitlines(keepends=True)
        with open("log", "wb") as file:
            file.write(b"".join(lines[:22]) + lines[22][:17])
        self.train("--epochs", 2, "--resume", "x.ckpt", "--log", "log")
        self.assertEqual(driver.without_times("log"), driver.without_times("whole.log"))
        self.assertEqual(driver.read("log").splitlines(keepends=True)[:17], lines[:17])


driver.main()
