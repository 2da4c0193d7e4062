# SPDX-License-Identifier: BSD-3-Clause
"""A file that a flipped bit has damaged is refused, or read as what its bytes say now.

Usage: flips_by_others.py FLIPS. The program (flips.c) flips every bit of a file and prints what the library accepts and
what it read there. Here the same bytes are read with Python's own json, ast, gzip and struct, which know nothing of the
library, and must give the same. Where Python refuses, the library must have refused; that the library refuses more is
allowed. Of PNG, whose chunks all have a checksum, every flipped bit is refused."""
import ast
import gzip
import json
import os
import struct
import subprocess
import sys
import tempfile

SIZES = {"F32": 4, "I32": 4, "I64": 8, "U8": 1}
NPY_TYPES = {"<f4": "F32", "<i4": "I32", "<i8": "I64", "|u1": "U8", "<u1": "U8"}


class Refused(Exception):
    """The bytes are no file of the format."""


def require(condition):
    if not condition:
        raise Refused


def array(name, dtype, dims, data):
    size = SIZES[dtype]
    for dim in dims:
        size *= dim
    require(size == len(data))
    return f"name={name.encode().hex()} {dtype} [{','.join(map(str, dims))}] data={data.hex()}"


def read_npy(data):
    require(data[:6] == b"\x93NUMPY" and data[6] in (1, 2, 3) and data[7] == 0)
    start, code = (10, "<H") if data[6] == 1 else (12, "<I")
    end = start + struct.unpack(code, data[8:start])[0]
    require(end <= len(data))
    header = ast.literal_eval(data[start:end].decode("latin-1").strip())
    require(sorted(header) == ["descr", "fortran_order", "shape"] and header["fortran_order"] is False)
    return [array("", NPY_TYPES[header["descr"]], header["shape"], data[end:])]


def read_idx(data):
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    require(data[:3] == b"\0\0\x08")
    end = 4 + 4 * data[3]
    return [array("", "U8", struct.unpack(f">{data[3]}I", data[4:end]), data[end:])]


def unique(pairs):
    require(len(dict(pairs)) == len(pairs))
    return dict(pairs)


def read_safetensors(data):
    (length,) = struct.unpack("<Q", data[:8])
    require(length <= len(data) - 8)
    header = json.loads(data[8:8 + length].decode("utf-8"), object_pairs_hook=unique)
    metadata = header.pop("__metadata__", {})
    # the library sorts keys by their bytes, and lists tensors in the file's order
    pairs = sorted((key.encode().hex(), value.encode().hex()) for key, value in metadata.items())
    lines = [f"key={key} value={value}" for key, value in pairs]
    for name, entry in header.items():
        require(sorted(entry) == ["data_offsets", "dtype", "shape"])
        begin, end = entry["data_offsets"]
        if entry["dtype"] in SIZES and 0 not in entry["shape"][1:]:
            lines.append(array(name, entry["dtype"], entry["shape"], data[8 + length + begin:8 + length + end]))
        else:
            lines.append(f"name={name.encode().hex()} unreadable")
    return lines


def read_png(data):
    raise Refused


FILES = {"npy_f4": read_npy, "npy_i4": read_npy, "npy_i8_scalar": read_npy, "npy_u1_v2": read_npy,
         "idx_plain": read_idx, "idx_gzip": read_idx, "safetensors_other": read_safetensors, "png_rgb": read_png,
         "png_rgba": read_png, "png_grey": read_png, "png_palette": read_png, "png_grey16": read_png,
         "png_bits": read_png, "png_interlaced": read_png}


def flipped(data, bit):
    if bit == "none":
        return data
    changed = bytearray(data)
    changed[int(bit) // 8] ^= 1 << int(bit) % 8
    return bytes(changed)


def accepted(lines):
    """What the program printed, a list of lines for each flipped bit."""
    result = {}
    for line in lines:
        if line.startswith("bit "):
            bit = line[4:]
            result[bit] = []
        else:
            result[bit].append(line)
    return result


def check(program, name, scratch):
    """Compare all flips of one file; returns how many were accepted, of how many."""
    lines = subprocess.run([program, name, scratch], check=True, capture_output=True, text=True).stdout.splitlines()
    data, found = bytes.fromhex(lines[0]), accepted(lines[1:])
    if "none" not in found:
        sys.exit(f"FAILED {name}: refused as it is")
    for bit, got in found.items():
        try:
            expected = got if bit == "none" and FILES[name] is read_png else FILES[name](flipped(data, bit))
        except Exception as reason:  # whatever a reader of Python's ends with
            sys.exit(f"FAILED {name}, bit {bit}: read as {got}, but Python says {reason!r}")
        if got != expected:
            sys.exit(f"FAILED {name}, bit {bit}: read as {got}, but the bytes say {expected}")
    return len(found) - 1, 8 * len(data)


with tempfile.TemporaryDirectory() as directory:
    for file in FILES:
        passed, of = check(sys.argv[1], file, os.path.join(directory, "flipped"))
        print(f"{file}: {of} flipped bits, {of - passed} refused, {passed} read as what they say")
