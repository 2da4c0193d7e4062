# SPDX-License-Identifier: BSD-3-Clause
"""Read the library's files by the formats' definitions, without the library.

Usage: read_by_others.py WRITER. The writer (write_for_python.c) fills a directory; what is in its files is compared with
the numbers that it says it writes. safetensors are taken apart here, by hand, and by the `safetensors` package where it
is installed; .npy by NumPy where it is installed."""

import json
import os
import struct
import subprocess
import sys
import tempfile
import zlib

try:
    import numpy
except ImportError:
    numpy = None
    print("skipped in part: no NumPy, .npy files are not read (apt install python3-numpy)")
try:
    import safetensors.numpy as package
except ImportError:
    package = None

FORMATS = {"F32": "f", "I32": "i", "I64": "q", "U8": "B"}
PARAMETERS = {"conv2d_1.weight": [3, 3, 1, 2], "conv2d_1.bias": [2], "dense_1.weight": [50, 3], "dense_1.bias": [3]}


def expect(what, got, expected):
    if got != expected:
        sys.exit(f"FAILED {what}: {got!r}, expected {expected!r}")


def read(path):
    """Names in the file's order, each with its type, shape and values; and the metadata."""
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    text, body = data[8:8 + length], data[8 + length:]
    expect("alignment of the data", (8 + length) % 8, 0)
    header = json.loads(text.decode("utf-8"))
    metadata = header.pop("__metadata__")
    tensors, ranges = {}, []
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        code = FORMATS[entry["dtype"]]
        count = (end - begin) // struct.calcsize("<" + code)
        product = 1
        for dimension in entry["shape"]:
            product *= dimension
        expect(f"{name}: elements", count, product)
        expect(f"{name}: alignment", begin % struct.calcsize("<" + code), 0)
        tensors[name] = entry["dtype"], entry["shape"], list(struct.unpack(f"<{count}{code}", body[begin:end]))
        ranges.append((begin, end))
    at = 0
    for begin, end in sorted(ranges):
        expect("a range's start", begin, at)
        at = end
    expect("the end of the data", at, len(body))
    check_sum(data, metadata["tinynet.checksum"])
    return tensors, metadata


def check_sum(data, digits):
    """The CRC-32 of the file with zeros for the checksum's own digits."""
    expect("places of the checksum", data.count(digits.encode()), 1)
    computed = zlib.crc32(data.replace(digits.encode(), b"00000000"))
    expect("checksum", digits, f"{computed:08x}")


def numbers(shape, base):
    count = 1
    for dimension in shape:
        count *= dimension
    return [base + 0.5 * i for i in range(count)]


def check_run(directory):
    tensors, metadata = read(os.path.join(directory, "run.safetensors"))
    expected = {name: ("F32", shape, numbers(shape, 1000 * i)) for i, (name, shape) in enumerate(PARAMETERS.items())}
    for i, (name, shape) in enumerate(PARAMETERS.items()):
        for k, state in enumerate(("m", "v")):
            expected[f"optimizer.{name}.{state}"] = "F32", shape, numbers(shape, 1000 * (i + 10 * (k + 1)))
    expect("names, in order", list(tensors), list(expected))
    expect("tensors of the run", tensors, expected)
    expect("note", metadata["program.note"], 'quotes " and \\ and \n and \u00e9')
    expect("optimizer", (metadata["tinynet.optimizer"], metadata["tinynet.optimizer.steps"]), ("adam", "7"))
    (rate,) = struct.unpack(">d", bytes.fromhex(metadata["tinynet.learning_rate"]))
    expect("learning rate", rate, 0.1)
    expect("position", (metadata["tinynet.loader.epoch"], metadata["tinynet.loader.batch"]), ("2", "1"))


def check_types(directory):
    values = [i * i - 7 for i in range(6)]
    expected = {name.lower(): (name, [2, 3, 1], [value % 256 if name == "U8" else value for value in values])
                for name in FORMATS}
    tensors, _ = read(os.path.join(directory, "types.safetensors"))
    expect("tensors of every type", tensors, expected)
    if numpy is None:
        return
    for name, (_, shape, values) in expected.items():
        array = numpy.load(os.path.join(directory, name + ".npy"))
        expect(f"{name}.npy", (array.dtype.char, list(array.shape), array.ravel().tolist()),
               (numpy.dtype("<" + {"f32": "f4", "i32": "i4", "i64": "i8", "u8": "u1"}[name]).char, shape, values))


def check_package(path):
    if package is None:
        return
    tensors, _ = read(path)
    for name, array in package.load_file(path).items():
        expect(f"{name} by the safetensors package", array.ravel().tolist(), tensors[name][2])


def main():
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([sys.argv[1]], env=dict(os.environ, WRITE_TO=directory), check=True)
        check_run(directory)
        check_types(directory)
        model, _ = read(os.path.join(directory, "model.safetensors"))
        expect("the model's tensors", {name: entry[1] for name, entry in model.items()}, PARAMETERS)
        for name in ("run", "model", "types"):
            check_package(os.path.join(directory, name + ".safetensors"))
    print("ok: files are what their formats say", "" if package else "(no safetensors package: read by hand)")


main()
