# SPDX-License-Identifier: BSD-3-Clause
"""predict on pictures written here, with checkpoints and weights."""
import gzip
import json
import os
import struct
import zlib

import driver

CLASSES = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"}


def write_png(path, width, height, pixels):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + pixels[y * width:(y + 1) * width] for y in range(height))
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) +
                   chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


class Predict(driver.Programs):
    def setUp(self):
        super().setUp()
        self.train(*driver.SMALL, "--epochs", 1)
        with gzip.open(os.path.join(driver.DATA, "train-images-idx3-ubyte.gz")) as file:
            self.images = file.read(16 + 64 * 784)[16:]
        with gzip.open(os.path.join(driver.DATA, "train-labels-idx1-ubyte.gz")) as file:
            self.labels = file.read(8 + 64)[8:]

    def train(self, *arguments):
        self.run_program("lenet_fmnist", *arguments, "--checkpoint", "lenet.ckpt", "--force")

    def predict(self, *arguments):
        """The printed classes and probabilities, in order."""
        lines = self.run_program("predict", *arguments).stdout.splitlines()
        return [(line.rsplit(None, 1)[0], float(line.rsplit(None, 1)[1])) for line in lines]

    def check(self, rows):
        self.assertEqual({name for name, _ in rows}, CLASSES)
        self.assertEqual(rows, sorted(rows, key=lambda row: -row[1]))
        self.assertAlmostEqual(sum(row[1] for row in rows), 1, delta=1e-3)

    def test_classes(self):
        names = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
                 "Ankle boot"]
        right = 0
        self.train(*driver.ENOUGH_TO_LEARN)
        for i in range(20):
            write_png("x.png", 28, 28, self.images[i * 784:(i + 1) * 784])
            rows = self.predict("lenet.ckpt", "x.png")
            self.check(rows)
            right += rows[0][0] == names[self.labels[i]]
        self.assertGreater(right, 6)  # chance is 2

    def test_other_sizes(self):
        for width, height in ((28, 28), (1, 1), (300, 200)):
            write_png("x.png", width, height, bytes(i % 251 for i in range(width * height)))
            self.check(self.predict("lenet.ckpt", "x.png"))

    def test_refusals(self):
        write_png("x.png", 28, 28, self.images[:784])
        for arguments, word in (([], "usage"), (["lenet.ckpt"], "usage"), (["lenet.ckpt", "x.png", "y"], "usage"),
                                (["missing", "x.png"], "missing"), (["lenet.ckpt", "missing.png"], "missing.png"),
                                (["x.png", "x.png"], "x.png"), (["lenet.ckpt", "lenet.ckpt"], "lenet.ckpt")):
            self.refused("predict", *arguments, word=word)
        with open("short.png", "wb") as file:
            file.write(driver.read("x.png")[:60])
        self.refused("predict", "lenet.ckpt", "short.png", word="short.png")
        with open("/dev/full", "w", encoding="ascii") as full:
            self.run_program("predict", "lenet.ckpt", "x.png", stdout=full, status=1)

    def test_weights_of_others(self):
        """A file without the program's name: the same tensors alone, as another writer would leave them."""
        content = driver.read("lenet.ckpt")
        size = struct.unpack("<Q", content[:8])[0]
        header = json.loads(content[8:8 + size])
        del header["__metadata__"]
        text = json.dumps({name: header[name] for name in header if not name.startswith("optimizer.")}).encode()
        text += b" " * (-len(text) % 8)
        with open("weights.safetensors", "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text + content[8 + size:])
        write_png("x.png", 28, 28, self.images[:784])
        self.assertEqual(self.predict("weights.safetensors", "x.png"), self.predict("lenet.ckpt", "x.png"))


driver.main()
