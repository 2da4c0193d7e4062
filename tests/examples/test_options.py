# SPDX-License-Identifier: BSD-3-Clause
"""The command line: help, version, summary, and everything that is refused before any work."""
import os
import subprocess

import driver

ALEXNET = """\
Conv2D output shape: (1, 54, 54, 96)
MaxPooling2D output shape: (1, 26, 26, 96)
Conv2D output shape: (1, 26, 26, 256)
MaxPooling2D output shape: (1, 12, 12, 256)
Conv2D output shape: (1, 12, 12, 384)
Conv2D output shape: (1, 12, 12, 384)
Conv2D output shape: (1, 12, 12, 256)
MaxPooling2D output shape: (1, 5, 5, 256)
Flatten output shape: (1, 6400)
Dense output shape: (1, 4096)
Dropout output shape: (1, 4096)
Dense output shape: (1, 4096)
Dropout output shape: (1, 4096)
Dense output shape: (1, 10)
"""
LENET = """\
Conv2D output shape: (1, 28, 28, 6)
AveragePooling2D output shape: (1, 14, 14, 6)
Conv2D output shape: (1, 10, 10, 16)
AveragePooling2D output shape: (1, 5, 5, 16)
Flatten output shape: (1, 400)
Dense output shape: (1, 120)
Dense output shape: (1, 84)
Dense output shape: (1, 10)
"""
NUMBERS = {
    "--epochs": ["0", "-1", "x", "", "1e3", "1.5", " 1", "1 ", "99999999999999999999", "nan", "0x10"],
    "--batch-size": ["0", "-5", "65537", "", "12a"],
    "--threads": ["0", "-1", "257", "two"],
    "--limit": ["0", "-1", "", "60001"],
    "--test-limit": ["0", "-1", "10001"],
    "--seed": ["-1", "", "18446744073709551616", " 7", "+7", "1.0"],
    "--lr": ["0", "-0.1", "nan", "inf", "1e999", "", "0.1x", "0,1", " 1", "2e6"],
}


class Options(driver.Programs):
    def test_summary(self):
        env = driver.environment(TINYNET_DATA="/nowhere")
        for program, lines in (("alexnet_fmnist", ALEXNET), ("lenet_fmnist", LENET)):
            done = self.run_program(program, "--summary", env=env)
            self.assertEqual((done.stdout, done.stderr), (lines, ""))

    def test_help_names_every_option(self):
        for program in ("alexnet_fmnist", "lenet_fmnist"):
            done = self.run_program(program, "--help")
            for option in [*NUMBERS, "--data", "--checkpoint", "--resume", "--force", "--measure", "--log", "--summary",
                           "--quiet"]:
                self.assertIn(f" {option} ", done.stdout)
            self.assertEqual(done.stderr, "")
            self.assertEqual(self.run_program(program, "-h").stdout, done.stdout)

    def test_version(self):
        done = self.run_program("alexnet_fmnist", "--version")
        self.assertRegex(done.stdout, r"\Aalexnet_fmnist \(tinynet\) \d+\.\d+\.\d+\nBLIS \S+, linked (static|shared), "
                                      r"kernels \S+ .*\ninstruction set \S+, \d+ cores?\n\Z")

    def test_numbers(self):
        for option, values in NUMBERS.items():
            for value in values:
                self.refused("lenet_fmnist", option, value, word=option[2:])

    def test_words(self):
        for arguments, word in ((["--nope"], "--nope"), (["--nope=3"], "--nope=3"), (["-x"], "-x"), (["-"], "'-'"),
                                (["stray"], "stray"), (["--", "stray"], "stray"), (["--epochs"], "--epochs"),
                                (["--quiet=1"], "--quiet"), (["--summary=1"], "--summary"), (["--data", ""], "--data"),
                                (["--log", ""], "--log"), (["--summary", "--lr", "x"], "lr")):
            self.refused("alexnet_fmnist", *arguments, word=word)

    def test_outputs_that_cannot_be_written(self):
        os.mkdir("directory")
        os.mkfifo("pipe")
        for path in ("/proc/x", "missing/x", "directory", "directory/", "x" * 300):
            for option in ("--log", "--checkpoint"):
                self.refused("lenet_fmnist", option, path, word=option)
        self.refused("lenet_fmnist", "--checkpoint", "pipe", word="regular")
        self.refused("lenet_fmnist", "--checkpoint", "x", "--log", "x", word="--log")
        self.refused("lenet_fmnist", "--checkpoint", "x", "--log", "./x", word="--log ./x: is the checkpoint")
        self.refused("lenet_fmnist", "--checkpoint", "directory/x", "--log", "directory/../directory/x", word="--log")
        self.refused("lenet_fmnist", "--log", "lenet_fmnist.ckpt", word="--log")
        self.assertEqual(sorted(os.listdir()), ["directory", "pipe"])

    def test_where_ctrl_c_cannot_save(self):
        """Said before the work; a run without --checkpoint may go on all the same."""
        done = self.run_program("lenet_fmnist", "--data", "/nowhere", status=2, cwd="/proc")
        self.assertIn("Ctrl-C could not save to lenet_fmnist.ckpt", done.stderr)
        self.assertNotIn("Ctrl-C", self.run_program("lenet_fmnist", "--data", "/nowhere", status=2).stderr)

    def test_what_is_there_is_not_written_over(self):
        for name in ("log", "checkpoint"):
            with open(name, "w", encoding="ascii") as file:
                file.write("precious\n")
            self.refused("lenet_fmnist", "--" + name, name, word="--force")
            with open(name, encoding="ascii") as file:
                self.assertEqual(file.read(), "precious\n")
        self.refused("lenet_fmnist", "--checkpoint", "checkpoint", word="--resume checkpoint")
        os.symlink("checkpoint", "link")
        self.refused("lenet_fmnist", "--checkpoint", "link", word="link: is there already")
        open("empty", "w", encoding="ascii").close()
        self.refused("lenet_fmnist", "--checkpoint", "empty", "--log", "/dev/null", "--data", "nowhere", word="nowhere")
        os.rename("checkpoint", "lenet_fmnist.ckpt")
        self.refused("lenet_fmnist", word="Ctrl-C would save to lenet_fmnist.ckpt: is there")
        os.rename("lenet_fmnist.ckpt", "checkpoint")
        self.refused("lenet_fmnist", "--checkpoint", "checkpoint", "--log", "log", "--force", "--data", "nowhere",
                     word="nowhere")

    def test_refusal_changes_nothing(self):
        for name in ("log", "checkpoint"):
            with open(name, "w", encoding="ascii") as file:
                file.write("precious\n")
        self.refused("lenet_fmnist", "--log", "log", "--checkpoint", "checkpoint", "--data", "nowhere", "--force",
                     word="nowhere")
        self.refused("lenet_fmnist", "--log", "new", "--checkpoint", "new.ckpt", "--data", "nowhere")
        self.refused("lenet_fmnist", "--resume", "checkpoint", "--log", "log", word="checkpoint")
        self.assertEqual(sorted(os.listdir()), ["checkpoint", "log"])
        self.assertEqual(driver.read("log") + driver.read("checkpoint"), b"precious\n" * 2)

    def test_data(self):
        name = "train-images-idx3-ubyte.gz"
        for env, arguments in ((driver.environment(TINYNET_DATA="nowhere"), []), (None, ["--data", "nowhere"])):
            done = self.refused("lenet_fmnist", *arguments, env=env or driver.environment(), word=f"nowhere/{name}")
            self.assertIn("apt install dataset-fashion-mnist", done.stderr)
        os.mkdir("damaged")
        for file in os.listdir(driver.DATA):
            os.symlink(os.path.join(driver.DATA, file), os.path.join("damaged", file))
        os.remove(f"damaged/{name}")
        content = driver.read(os.path.join(driver.DATA, name))
        for damaged in (content[:100000], content[:5000000] + b"\x00" + content[5000001:-1] + b"\x00"):
            with open(f"damaged/{name}", "wb") as file:
                file.write(damaged)
            done = self.refused("lenet_fmnist", "--data", "damaged", word=f"damaged/{name}")
            self.assertIn("apt install dataset-fashion-mnist", done.stderr)

    def test_resume_without_checkpoint(self):
        self.refused("lenet_fmnist", "--resume", "missing", word="missing")

    def test_output_that_is_lost(self):
        for arguments in (["--summary"], ["--help"], ["--version"]):
            with open("/dev/full", "w", encoding="ascii") as full:
                done = self.run_program("lenet_fmnist", *arguments, stdout=full, status=1)
            self.assertIn("standard output", done.stderr)
            closed = ["sh", "-c", 'exec "$@" >&-', "sh", *driver.command("lenet_fmnist", *arguments)]
            done = subprocess.run(closed, stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("standard output", done.stderr)


driver.main()
