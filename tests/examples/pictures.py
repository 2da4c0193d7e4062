# SPDX-License-Identifier: BSD-3-Clause
"""Pictures for predict, and those of Fashion-MNIST."""
import gzip
import os
import struct
import zlib

import driver

CLASSES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]


def write_png(path, width, height, pixels):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + pixels[y * width:(y + 1) * width] for y in range(height))
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) +
                   chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def first_images(count):
    """28 x 28 bytes each."""
    with gzip.open(os.path.join(driver.DATA, "train-images-idx3-ubyte.gz")) as file:
        data = file.read(16 + count * 784)[16:]
    return [data[i * 784:(i + 1) * 784] for i in range(count)]


def first_labels(count):
    with gzip.open(os.path.join(driver.DATA, "train-labels-idx1-ubyte.gz")) as file:
        return file.read(8 + count)[8:]
