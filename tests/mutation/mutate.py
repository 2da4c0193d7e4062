# SPDX-License-Identifier: BSD-3-Clause
"""Turn conditional jumps of the compiled library into their opposite, one at a time, and see whether the tests notice.

Usage: mutate.py BUILD-DIR SOURCE-DIR [COUNT]. A mutant is a copy of one object file with one jump turned round (x86: the
lowest bit of its opcode), linked before the library's archives into a copy of a test program, which must then fail,
crash or hang. The sample of jumps is the same at every run; the build directory is left as it is.

A survivor is a gap in the tests, or a jump that changes nothing that a test could see: between two ways to the same bits
(a loop's vector and scalar parts), of the words of a message, of a choice that is for speed alone. With debug information
(--buildtype=debugoptimized) its line is printed."""
import glob
import os
import random
import re
import shlex
import subprocess
import sys
import tempfile

build, source = sys.argv[1:3]
wanted = int(sys.argv[3]) if len(sys.argv) > 3 else 210
LEAST_SHARE = 0.9
TIMEOUT = 60

# Which test programs know about which sources; the first that fails ends a mutant.
GROUPS = [
    (["tensor_shape"], ["tensor/test_tensor", "formats/test_npy", "formats/test_idx"]),
    (["formats_checkpoint_load", "formats_checkpoint_save", "formats_run_state", "formats_staging"],
     ["formats/test_checkpoint", "formats/test_weights"]),
    (["formats_json_header", "formats_json_parse", "formats_json_text", "formats_safetensors", "formats_safetensors_read",
      "formats_safetensors_write", "formats_index_sort", "formats_utf8"],
     ["formats/test_safetensors_hostile", "formats/test_safetensors", "formats/test_bytes_in",
      "formats/test_checkpoint"]),
    (["kernels_conv_windows", "kernels_conv_gemm_forward", "kernels_conv_gemm_data", "kernels_conv_gemm_filter",
      "kernels_pack", "kernels_product", "kernels_product_task"],
     ["kernels/test_conv_exact", "kernels/test_gemm_exact", "kernels/test_smaller_batches"]),
    (["kernels_pooling", "kernels_reduce", "kernels_softmax", "kernels_resize"],
     ["kernels/test_pooling", "kernels/test_reductions", "kernels/test_softmax_loops", "kernels/test_resize",
      "layers/test_pool2d"]),
]


def output(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True, cwd=build).stdout


def text_sections(path):
    """Offset in the file of each section of code."""
    rows = re.findall(r"^\s*\d+ (\.text\S*)\s+\S+\s+\S+\s+\S+\s+(\S+)", output("objdump", "-h", path), re.MULTILINE)
    return {name: int(offset, 16) for name, offset in rows}


def jumps(path):
    """Every conditional jump of an object: where its opcode's low byte is in the file, and a name for people."""
    sections, section, function, number, found = text_sections(path), None, "", 0, []
    for line in output("objdump", "-d", "--no-show-raw-insn", path).splitlines():
        if line.startswith("Disassembly of section "):
            section = line.split()[-1].rstrip(":")
        elif match := re.match(r"[0-9a-f]+ <(.+)>:", line):
            function, number = match.group(1), 0
        elif match := re.match(r"\s*([0-9a-f]+):\s+j(?!mp|rcxz|ecxz)[a-z]+\s", line):
            number += 1
            if section in sections:
                found.append((sections[section] + int(match.group(1), 16), f"{function} {number}"))
    with open(os.path.join(build, path), "rb") as file:
        code = file.read()
    return [(at + 1 if code[at] == 0x0F else at, name) for at, name in found]


def line_of(path, label):
    """Where the jump comes from, if the object says so."""
    function, number = label.rsplit(" ", 1)
    count = 0
    listing = output("objdump", "-dl", "--no-show-raw-insn", f"--disassemble={function}", path)
    place = ""
    for line in listing.splitlines():
        if re.match(r"\S+\.[ch]:\d+", line):
            place = line.split(" (")[0]
        elif re.match(r"\s*[0-9a-f]+:\s+j(?!mp|rcxz|ecxz)[a-z]+\s", line):
            count += 1
            if count == int(number):
                break
    return re.sub(r".*/lib/", "lib/", place)


def objects():
    """The object files of lib/, by floor and name."""
    found = {}
    for path in glob.glob(os.path.join(build, "lib", "libtinynet_objects.a.p", "*.c.o")):
        found[os.path.basename(path)[:-len(".c.o")]] = os.path.relpath(path, build)
    return found


def link_command(program):
    lines = output("ninja", "-t", "commands", f"tests/{program}").splitlines()
    return shlex.split(lines[-1])


def link(program, mutant, executable):
    words = list(link_command(program))
    at = words.index("-o")
    words[at + 1] = executable
    words.insert(at + 2, mutant)
    subprocess.run(words, check=True, cwd=build, stdout=subprocess.DEVNULL)


def is_noticed(program, executable):
    directory = os.path.dirname(executable)
    try:
        result = subprocess.run([executable], cwd=directory, timeout=TIMEOUT, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, env={**os.environ, "TMPDIR": directory})
    except subprocess.TimeoutExpired:
        return True
    return result.returncode != 0


def try_mutant(path, at, programs, directory):
    """True if a program notices; with `at` None the object is as it was."""
    mutant, executable = os.path.join(directory, "mutant.o"), os.path.join(directory, "mutant")
    with open(os.path.join(build, path), "rb") as file:
        code = bytearray(file.read())
    if at is not None:
        code[at] ^= 1
    with open(mutant, "wb") as file:
        file.write(code)
    for program in programs:
        link(program, mutant, executable)
        if is_noticed(program, executable):
            return True
    return False


def sample():
    all_objects, chosen, share = objects(), [], random.Random(1)
    for names, programs in GROUPS:
        candidates = [(name, *jump) for name in names for jump in jumps(all_objects[name])]
        share.shuffle(candidates)
        count = -(-wanted // len(GROUPS))
        chosen += [(name, all_objects[name], at, label, programs) for name, at, label in candidates[:count]]
    return chosen


def main():
    survivors, mutants = [], sample()
    with tempfile.TemporaryDirectory() as directory:
        for _, programs in GROUPS:
            if try_mutant(mutants[0][1], None, programs, directory):
                sys.exit(f"one of {programs} fails without a mutation")
        for number, (name, path, at, label, programs) in enumerate(mutants):
            if not try_mutant(path, at, programs, directory):
                survivors.append(label)
                print(f"survived: {name}, jump {label} {line_of(path, label)}", flush=True)
            if number % 20 == 19:
                print(f"{number + 1} of {len(mutants)}, {len(survivors)} survived", flush=True)
    share = 1 - len(survivors) / len(mutants)
    print(f"{len(mutants)} mutants, {len(mutants) - len(survivors)} found ({share:.1%}), {len(survivors)} survived")
    return 0 if share >= LEAST_SHARE and len(mutants) >= min(wanted, 200) else 1


sys.exit(main())
