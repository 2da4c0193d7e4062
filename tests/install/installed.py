# SPDX-License-Identifier: BSD-3-Clause
"""Install into a prefix with a space in it, then build and run a program outside the tree: through pkg-config, shared
and static, and as a meson subproject. Arguments: the build directory, the top of the tree, the compiler's command."""
import glob
import os
import shlex
import shutil
import subprocess
import sys
import tempfile

build, top = map(os.path.abspath, sys.argv[1:3])
compiler = sys.argv[3:]
for tool in ("meson", "pkg-config"):
    if not shutil.which(tool):
        print(f"skipped: {tool} is missing; apt install {tool}")
        sys.exit(77)


def run(*command, **changes):
    env = {**os.environ, **changes}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def expect(found, wanted):
    print(found.strip())
    if wanted not in found:
        sys.exit(f"expected: {wanted}")


def through_pkg_config(prefix, scratch):
    places = glob.glob(os.path.join(prefix, "**", "pkgconfig"), recursive=True)
    library = os.path.dirname(places[0])
    pc = {"PKG_CONFIG_PATH": places[0]}
    program = os.path.join(scratch, "outside.c")
    run("pkg-config", "--exists", "--print-errors", "tinynet", **pc)
    flags = shlex.split(run("pkg-config", "--cflags", "--libs", "tinynet", **pc))
    run(*compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", program, "-o", os.path.join(scratch, "shared"), *flags)
    expect(run(os.path.join(scratch, "shared"), LD_LIBRARY_PATH=library), "outside: 4 outputs")
    if shutil.which("ldd") and "libtinynet.so.1 =>" not in run("ldd", os.path.join(scratch, "shared"),
                                                               LD_LIBRARY_PATH=library):
        sys.exit("the shared program does not ask for libtinynet.so.1")
    flags = shlex.split(run("pkg-config", "--cflags", "--libs", "--static", "tinynet", **pc))
    archive = os.path.join(library, "libtinynet.a")
    flags = [archive if flag == "-ltinynet" else flag for flag in flags] # the shared one lies beside it
    run(*compiler, "-std=c11", program, "-o", os.path.join(scratch, "static"), *flags)
    expect(run(os.path.join(scratch, "static")), "outside: 4 outputs")
    linked = run("ldd", os.path.join(scratch, "static")) if shutil.which("ldd") else ""
    if "libtinynet" in linked:
        sys.exit("the static program needs the shared library")


def check_files(prefix):
    """What a package must hold."""
    found = {os.path.relpath(os.path.join(place, name), prefix)
             for place, _, names in os.walk(prefix) for name in names}
    library = os.path.relpath(os.path.dirname(glob.glob(os.path.join(prefix, "lib*", "**", "libtinynet.so"),
                                                        recursive=True)[0]), prefix)
    headers = [name for name in os.listdir(os.path.join(top, "include", "tinynet")) if name.endswith(".h")]
    wanted = [f"include/tinynet/{name}" for name in headers + ["version.h"]]
    wanted += [f"{library}/{name}" for name in ("libtinynet.so", "libtinynet.so.1", "libtinynet.a",
                                                "pkgconfig/tinynet.pc")] + ["share/doc/tinynet/COPYING"]
    missing = sorted(set(wanted) - found)
    if missing:
        sys.exit("not installed: " + ", ".join(missing))
    print(f"{len(wanted)} files are there")


def as_subproject(scratch):
    project = os.path.join(scratch, "project")
    os.makedirs(os.path.join(project, "subprojects"))
    os.symlink(top, os.path.join(project, "subprojects", "tinynet"))
    shutil.copy(os.path.join(scratch, "outside.c"), project)
    with open(os.path.join(project, "meson.build"), "w", encoding="ascii") as file:
        file.write("project('outside', 'c', default_options: ['c_std=c11'])\n"
                   "tinynet = dependency('tinynet', fallback: 'tinynet')\n"
                   "executable('outside', 'outside.c', dependencies: tinynet)\n")
    # One instruction set: the others would take most of the time.
    run("meson", "setup", os.path.join(project, "build"), project, "-Dtinynet:isa=generic", CC=" ".join(compiler))
    run("meson", "compile", "-C", os.path.join(project, "build"))
    expect(run(os.path.join(project, "build", "outside")), "outside: 4 outputs")


with tempfile.TemporaryDirectory(prefix="tinynet installed ") as scratch:
    prefix = os.path.join(scratch, "its prefix")
    run("meson", "install", "-C", build, "--no-rebuild", "--quiet", DESTDIR=os.path.join(scratch, "image"))
    configured = [path for path in glob.glob(os.path.join(scratch, "image", "**", "tinynet.pc"), recursive=True)]
    if not configured:
        sys.exit("tinynet.pc was not installed")
    with open(configured[0], encoding="ascii") as file:
        text = file.read()
    first = text.split("prefix=", 1)[1].splitlines()[0]
    shutil.move(os.path.join(scratch, "image") + first, prefix)
    pc = glob.glob(os.path.join(prefix, "**", "tinynet.pc"), recursive=True)[0]
    with open(pc, "w", encoding="ascii") as file:
        file.write(text.replace(f"prefix={first}", "prefix=" + prefix.replace(" ", "\\ "), 1))
    shutil.copy(os.path.join(top, "tests", "install", "outside.c"), scratch)
    check_files(prefix)
    through_pkg_config(prefix, scratch)
    as_subproject(scratch)
