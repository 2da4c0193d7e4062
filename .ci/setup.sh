# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=sh disable=SC2154 # $root and $me are set by who sources this
# What examples/run and tests/run share: packages and build directories. Sourced; POSIX sh. Needs $root, the top of the
# tree, and $me, the name for messages. Everything is said on standard error.

say() {
    printf '%s: %s\n' "$me" "$*" >&2
}

die() {
    say "$*"
    exit 1
}

is_installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Run as root: as we are, or through sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        die "not root and no sudo; as root, run: $*"
    fi
}

# Install those of the packages that are missing. Nothing is asked of the network when there are none.
need_packages() {
    if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
        need_other_system "$@"
        return
    fi
    missing=
    for package in "$@"; do
        is_installed "$package" || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    say "installing the missing packages:$missing"
    as_root apt-get update -q >&2 || say "apt-get update failed; trying with the lists that are there"
    # shellcheck disable=SC2086 # a list of words
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >&2 ||
        die "cannot install:$missing"
}

# Without Debian's tools we cannot install; with the build tools there, the rest may be too.
need_other_system() {
    command -v meson >/dev/null 2>&1 && command -v ninja >/dev/null 2>&1 && return 0
    die "this is no Debian system; install the equivalents of these yourself: $*"
}

# True if $1 is a build directory of this tree, where it is now, that this meson can still use.
is_usable() {
    python3 - "$1" "$root" <<'EOF' 2>/dev/null && ninja -C "$1" build.ninja >/dev/null 2>&1
import json, os, sys
build, root = map(os.path.realpath, sys.argv[1:])
with open(os.path.join(build, "meson-info", "meson-info.json")) as file:
    places = json.load(file)["directories"]
sys.exit(os.path.realpath(places["source"]) != root or os.path.realpath(places["build"]) != build)
EOF
}

# Make $1 a build directory with the options that follow, if it is none yet. One that was moved or does not configure
# any more is made anew; one that works keeps what its owner chose.
configure() {
    directory=$1
    shift
    if [ -e "$directory/build.ninja" ] || [ -d "$directory/meson-private" ]; then
        is_usable "$directory" && return 0
        say "$(basename "$directory")/ is of another place or time: configuring anew"
        rm -rf "$directory"
    fi
    say "configuring $(basename "$directory")/"
    (cd "$root" && meson setup "$@" "$directory") >&2 || die "cannot configure $directory"
}

# Set options of a build directory, if they are not so already: name=value...
set_options() {
    directory=$1
    shift
    python3 - "$directory" "$@" <<'EOF' && return 0
import json, os, sys
with open(os.path.join(sys.argv[1], "meson-info", "intro-buildoptions.json")) as file:
    values = {option["name"]: str(option["value"]).lower() for option in json.load(file)}
sys.exit(any(values.get(name) != value for name, value in (word.split("=") for word in sys.argv[2:])))
EOF
    for option in "$@"; do
        meson configure "-D$option" "$directory" >&2 || die "cannot set $option in $directory"
    done
}

# Build targets ("all" for everything) in $1; nothing is said if they are up to date.
build() {
    directory=$1
    shift
    work=$(ninja -C "$directory" -n "$@" 2>&1) || work=unknown
    case $work in *'no work to do'*) return 0 ;; esac
    say "building in $(basename "$directory")/"
    ninja -C "$directory" "$@" >&2 || die "the build in $directory failed"
}
