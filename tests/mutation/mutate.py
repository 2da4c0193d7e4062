# SPDX-License-Identifier: BSD-3-Clause
"""Turn conditional jumps of the compiled library into their opposite, one at a time, and see whether the tests notice.

Usage: mutate.py BUILD-DIR SOURCE-DIR [--count N] [--only PART-OF-A-NAME] [--again NUMBER,...] [--workers N]. A mutant
is a copy of one object file with one jump turned round (x86: the lowest bit of its opcode), linked before the library's
archives into a copy of a test program, which must then fail, crash or hang. The sample is the same at every run of the
same objects, as many jumps of each object; of the programs that know about it the quickest comes first, and the first
that notices ends the mutant. The build directory is left as it is.

A survivor is a gap in the tests, or a jump that changes nothing that a test could see; those are explained in
survivors.txt, by the line that they come from. For lines, build with debug information; the figures in
docs/reliability.md are of --buildtype=release -Ddebug=true -Doptimization=2 -Db_ndebug=true, as -O3 adds jumps between
copies of a loop that all give the same."""
import argparse
import concurrent.futures
import glob
import os
import random
import re
import resource
import shlex
import subprocess
import sys
import tempfile
import time

LEAST_SHARE = 0.9
# Beyond the processor time of the library as it is, times this, a program hangs; and when it sleeps as long as this. On
# a busy machine wall time says nothing.
HANG_FACTOR, HANG_LEAST, HANG_ASLEEP = 5, 5, 30
MEMORY = 8 << 30

# Which test programs know about which objects; "@" another instruction set than the one that the CPU would choose.
GROUPS = [
    (["tensor_shape"],
     ["tensor/test_tensor", "tensor/test_operations", "formats/test_npy", "formats/test_idx", "model/test_model"]),
    (["formats_checkpoint_load", "formats_checkpoint_save", "formats_checkpoint_algorithms", "formats_run_state",
      "formats_staging", "formats_weights"],
     ["formats/test_checkpoint", "formats/test_weights", "formats/test_checkpoint_algorithms", "formats/test_algorithm_names", "train/test_resume"]),
    (["formats_atomic_file", "formats_bytes_in"],
     ["formats/test_atomic_file", "formats/test_bytes_in", "formats/test_checkpoint", "formats/test_npy",
      "reliability/test_syscalls"]),
    (["formats_json_header", "formats_json_parse", "formats_json_text", "formats_safetensors",
      "formats_safetensors_read", "formats_safetensors_write", "formats_index_sort", "formats_utf8"],
     ["formats/test_safetensors_hostile", "formats/test_safetensors", "formats/test_weights",
      "formats/test_bytes_in", "formats/test_checkpoint"]),
    (["kernels_conv", "kernels_conv_depthwise", "kernels_conv_few", "kernels_conv_few_filter", "kernels_conv_few_forward",
      "kernels_conv_filter_1x1", "kernels_conv_gemm_data", "kernels_conv_gemm_filter", "kernels_conv_gemm_forward",
      "kernels_conv_gemm_spread", "kernels_conv_gemm_strided", "kernels_conv_gemm_strided_few", "kernels_conv_locate",
      "kernels_conv_phases", "kernels_conv_taps", "kernels_conv_windows", "kernels_pack", "kernels_product",
      "kernels_product_cut", "kernels_product_in_place", "kernels_product_task", "kernels_streamed_product", "kernels_thin_product",
      "kernels_matmul", "isa_conv_loops", "isa_depthwise_loops", "isa_direct_tile", "isa_few_tiles", "isa_in_place_tile", "isa_thin_loops"],
     ["kernels/test_own_tile", "kernels/test_few_tiles", "kernels/test_conv_exact", "kernels/test_conv_chosen", "kernels/test_gemm_exact",
      "kernels/test_smaller_batches", "kernels/test_conv_loops", "kernels/test_conv_prepared",
      "kernels/test_conv_threads", "kernels/test_product_cut", "kernels/test_product_sink", "kernels/test_ways", "kernels/test_conv_candidates",
      "kernels/test_conv_error", "layers/test_conv2d", "layers/test_dense", "model/test_prepared", "tensor/test_gemm", "kernels/test_references",
      "kernels/test_conv_exact@generic", "kernels/test_conv_chosen@generic", "kernels/test_gemm_exact@generic"]),
    (["kernels_winograd_block", "kernels_winograd_filters", "kernels_winograd_forward", "kernels_winograd_gradient",
      "kernels_winograd_rows", "kernels_winograd_tiles", "isa_winograd_maps"],
     ["kernels/test_winograd", "kernels/test_conv_candidates", "kernels/test_conv_error", "layers/test_conv2d",
      "model/test_prepared", "formats/test_checkpoint_algorithms", "formats/test_algorithm_names", "kernels/test_references",
      "kernels/test_winograd@generic"]),
    (["kernels_element_wise", "kernels_pooling", "kernels_reduce", "kernels_softmax", "kernels_resize",
      "isa_activations", "isa_dropout_loops", "isa_element_list", "isa_pool_loops", "isa_reductions",
      "isa_resize_loops", "isa_softmax_loops"],
     ["kernels/test_element_wise", "kernels/test_dropout_loops", "kernels/test_pooling", "kernels/test_reductions",
      "kernels/test_softmax_loops", "kernels/test_resize", "kernels/test_isa_same", "kernels/test_references",
      "kernels/test_smaller_batches", "layers/test_pool2d", "layers/test_activation",
      "kernels/test_pooling@generic"]),
]


# Kernels that choose an instruction set, or the way that should be fastest: another choice is right, too.
LEFT_OUT = ["kernels_blis", "kernels_conv_candidates", "kernels_conv_measure", "kernels_conv_plan", "kernels_cpu", "kernels_tables"]


def output(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True, cwd=options.build).stdout


def objects():
    """The object files of lib/, by floor and name; of the inner loops those that this CPU uses."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        flags = set(re.search(r"^flags\s*:(.*)", file.read(), re.MULTILINE).group(1).split())
    needs = {"avx512": {"avx512f", "avx512dq", "avx512bw", "avx512vl"}, "avx2": {"avx2", "fma"}, "generic": set()}
    isa = next(name for name, wanted in needs.items() if wanted <= flags and
               os.path.isdir(os.path.join(options.build, "lib", "kernels", f"libtinynet_{name}.a.p")))
    found = {}
    for archive in ["libtinynet_objects", f"kernels/libtinynet_{isa}", f"kernels/libtinynet_fused_{isa}"]:
        for path in glob.glob(os.path.join(options.build, "lib", archive + ".a.p", "*.c.o")):
            found[os.path.basename(path)[:-len(".c.o")]] = os.path.relpath(path, options.build)
    return found


def text_sections(path):
    """Offset in the file of each section of code."""
    rows = re.findall(r"^\s*\d+ (\.text\S*)\s+\S+\s+\S+\s+\S+\s+(\S+)", output("objdump", "-h", path), re.MULTILINE)
    return {name: int(offset, 16) for name, offset in rows}


def jumps(path):
    """Every conditional jump of an object: its section and address, where its opcode's low byte is in the file, and a
    name for people."""
    sections, section, function, number, found = text_sections(path), None, "", 0, []
    with open(os.path.join(options.build, path), "rb") as file:
        code = file.read()
    for line in output("objdump", "-d", "--no-show-raw-insn", path).splitlines():
        if line.startswith("Disassembly of section "):
            section = line.split()[-1].rstrip(":")
        elif match := re.match(r"[0-9a-f]+ <(.+)>:", line):
            function, number = match.group(1), 0
        elif match := re.match(r"\s*([0-9a-f]+):\s+j(?!mp|rcxz|ecxz)[a-z]+\s", line):
            number += 1
            if section in sections:
                at = sections[section] + int(match.group(1), 16)
                found.append((section, match.group(1), at + 1 if code[at] == 0x0F else at, f"{function} {number}"))
    return found


def line_of(path, section, address):
    """The line of ours that a jump comes from, as "lib/floor/file.c:number" and its text, if the object says so."""
    places = output("addr2line", "-i", "-e", path, "-j", section, "0x" + address)
    match = re.search(r"(?<=/)(lib/\w+/[\w/]*\.[ch]):(\d+)", places)
    if not match:
        return "", ""
    with open(os.path.join(options.source, match.group(1)), encoding="utf-8") as file:
        return match.group(0), file.read().splitlines()[int(match.group(2)) - 1].strip()


class Mutant:
    def __init__(self, number, name, path, jump, programs):
        self.number, self.path, self.programs = number, path, programs
        section, address, self.at, label = jump
        self.function = label.split()[0]
        self.where, self.text = line_of(path, section, address)
        self.title = f"{name}, jump {label}, {self.where}: {self.text}"
        self.noticed_by = None

    def explanation(self):
        known, file = explanations(), self.where.split(":")[0]
        return known.get((file, self.text)) or known.get((f"{file} in {self.function}", self.text))


def explanations():
    """survivors.txt: "lib/floor/file.c: a line of it", or "lib/floor/file.h in a_function: a line that is inlined
    there", the lines alike below one another, then indented, why."""
    found, keys, reason = {}, [], ""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "survivors.txt"), encoding="utf-8") as file:
        for line in [*file.read().splitlines(), "end: end"]:
            if line.startswith("    "):
                reason += " " + line.strip()
            elif line and not line.startswith("#"):
                if reason:
                    found.update({key: reason.strip() for key in keys})
                    keys, reason = [], ""
                keys.append(tuple(line.split(": ", 1)))
    return found


def check_explanations():
    """Lines change; a reason for one that is gone explains nothing."""
    for place, text in explanations():
        with open(os.path.join(options.source, place.split(" in ")[0]), encoding="utf-8") as file:
            if text not in (line.strip() for line in file):
                sys.exit(f"survivors.txt explains a line that is not there: {place}: {text}")


def sample():
    """As many jumps of each object, until there are enough of them."""
    all_objects, share, rows = objects(), random.Random(1), []
    known = {name for names, _ in GROUPS for name in names} | set(LEFT_OUT)
    if strangers := sorted(name for name in all_objects if name.startswith(("kernels_", "isa_")) and name not in known):
        sys.exit(f"kernels that no group names: {', '.join(strangers)}")
    for names, programs in GROUPS:
        for name in names:
            candidates = jumps(all_objects[name])
            share.shuffle(candidates)
            rows += [(turn, name, jump, programs) for turn, jump in enumerate(candidates)]
    rows.sort(key=lambda row: row[0])
    return [Mutant(number, name, all_objects[name], jump, programs)
            for number, (_, name, jump, programs) in enumerate(rows[:options.count], 1)
            if (not options.only or options.only in name) and (not options.again or number in options.again)]


def link_command(program):
    return shlex.split(output("ninja", "-t", "commands", f"tests/{program}").splitlines()[-1])


def libraries(words):
    """The range of a command's words that are libraries."""
    return slice(words.index("-Wl,--start-group"), words.index("-Wl,--end-group"))


def link(program, mutant, executable):
    words = link_command(program.split("@")[0])
    if any("libtinynet.so" in word for word in words):  # archives instead, in front of which an object comes first
        archives = link_command("tensor/test_tensor")
        words[libraries(words)] = archives[libraries(archives)]
    at = words.index("-o")
    words[at + 1] = executable
    words.insert(at + 2, mutant)
    subprocess.run(words, check=True, cwd=options.build, stdout=subprocess.DEVNULL)


def is_asleep(process):
    try:
        states = []
        for path in glob.glob(f"/proc/{process.pid}/task/*/stat"):
            with open(path, encoding="ascii", errors="replace") as file:
                states.append(file.read().rsplit(")", 1)[1].split()[0])
        return all(state == "S" for state in states)
    except OSError:
        return False


def start(program, executable, directory):
    environment = {**os.environ, "TMPDIR": directory}
    if "@" in program:
        environment["TINYNET_ISA"] = program.split("@")[1]
    if program == "reliability/test_syscalls":
        environment.update(LD_PRELOAD="syscall_shim.so",
                           LD_LIBRARY_PATH=os.path.join(options.build, "tests", "reliability"))
    return subprocess.Popen([executable], cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, env=environment, start_new_session=True)


def run(program, executable, directory, seconds):
    """Whether a program passes, and the processor time it took."""
    process = start(program, executable, directory)
    for limit, value in [(resource.RLIMIT_CPU, seconds), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_AS, MEMORY)]:
        resource.prlimit(process.pid, limit, (value, value))
    asleep_since = time.monotonic()
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = status
            return status == 0, usage.ru_utime + usage.ru_stime
        if not is_asleep(process):
            asleep_since = time.monotonic()
        if time.monotonic() - asleep_since > HANG_ASLEEP:
            process.kill()
        time.sleep(0.02)


def scratch():
    """In memory where that is possible: the tests sync."""
    return tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)


def try_mutant(mutant, seconds):
    with scratch() as directory:
        changed, executable = os.path.join(directory, "mutant.o"), os.path.join(directory, "mutant")
        with open(os.path.join(options.build, mutant.path), "rb") as file:
            code = bytearray(file.read())
        code[mutant.at] ^= 1
        with open(changed, "wb") as file:
            file.write(code)
        for program in sorted(mutant.programs, key=seconds.get):
            link(program, changed, executable)
            limit = int(max(HANG_LEAST, HANG_FACTOR * seconds[program])) + 1
            if not run(program, executable, directory, limit)[0]:
                mutant.noticed_by = program
                break
    return mutant


def measure(program, path):
    """The processor time of a program, linked with an object as it is, which must pass."""
    with scratch() as directory:
        executable = os.path.join(directory, "as it is")
        link(program, path, executable)
        passes, seconds = run(program, executable, directory, 1000)
    if not passes:
        sys.exit(f"{program} fails without a mutation")
    return seconds


def main():
    check_explanations()
    mutants = sample()
    seconds = {program: measure(program, path)
               for program, path in sorted({p: mutant.path for mutant in mutants for p in mutant.programs}.items())}
    print(*(f"{taken:6.2f} s of {program}" for program, taken in seconds.items()), sep="\n", flush=True)
    survivors, unexplained = [], 0
    with concurrent.futures.ThreadPoolExecutor(options.workers) as workers:
        for mutant in workers.map(lambda mutant: try_mutant(mutant, seconds), mutants):
            print(f"{mutant.number}: {mutant.noticed_by or 'SURVIVED'}: {mutant.title}", flush=True)
            if not mutant.noticed_by:
                survivors.append(mutant)
    for mutant in survivors:
        unexplained += not mutant.explanation()
        print(f"survived: {mutant.title}\n    {mutant.explanation() or 'not explained'}")
    found = len(mutants) - len(survivors)
    print(f"{len(mutants)} mutants, {found} found ({found / len(mutants):.1%}), {len(survivors)} survived, "
          f"{unexplained} of them not explained")
    return 0 if found >= LEAST_SHARE * len(mutants) and not unexplained else 1


parser = argparse.ArgumentParser()
parser.add_argument("build", type=os.path.abspath)
parser.add_argument("source", type=os.path.abspath)
parser.add_argument("--count", type=int, default=230)
parser.add_argument("--only")
parser.add_argument("--again", type=lambda text: set(map(int, text.split(","))), help="numbers of mutants: these alone")
parser.add_argument("--workers", type=int, default=2)
options = parser.parse_args()
sys.exit(main())
