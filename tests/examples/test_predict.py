# SPDX-License-Identifier: BSD-3-Clause
"""predict on pictures written here, with checkpoints and weights."""
import json
import struct

import driver
from pictures import CLASSES, first_images, write_png


class Predict(driver.Programs):
    def setUp(self):
        super().setUp()
        self.run_program("lenet_fmnist", *driver.SMALL, "--epochs", 1, "--checkpoint", "lenet.ckpt")
        self.image = first_images(1)[0]

    def test_other_sizes(self):
        for width, height in ((28, 28), (1, 1), (300, 200)):
            write_png("x.png", width, height, bytes(i % 251 for i in range(width * height)))
            self.assertEqual({name for name, _ in self.classes("lenet.ckpt", "x.png")}, set(CLASSES))

    def test_refusals(self):
        write_png("x.png", 28, 28, self.image)
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
        write_png("x.png", 28, 28, self.image)
        self.assertEqual(self.classes("weights.safetensors", "x.png"), self.classes("lenet.ckpt", "x.png"))


driver.main()
