# SPDX-License-Identifier: BSD-3-Clause
"""Check that links between the pages lead somewhere, and that names of the library's functions and options exist.

Usage: check_links.py INCLUDE_DIRECTORY MARKDOWN...

A word tn_... or TN_... in a page must occur in a public header, in lib/, or as a file's name."""

import glob
import os
import re
import sys


def slug(title):
    """GitHub's anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


def anchors(path):
    with open(path, encoding="utf-8") as file:
        return {slug(title) for title in re.findall(r"^#+ (.*)$", file.read(), re.MULTILINE)}


def bad_links(path, text):
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
        if not os.path.exists(file):
            yield f"{target}: no such file"
        elif anchor and file.endswith(".md") and anchor not in anchors(file):
            yield f"{target}: no such heading"


def known_words(include):
    root = os.path.dirname(os.path.abspath(include))
    words = set()
    for folder in ("include", "lib"):
        for path in glob.glob(os.path.join(root, folder, "**", "*.[ch]*"), recursive=True):
            with open(path, encoding="utf-8") as file:
                words.update(re.findall(r"\b(?:tn|TN)_\w+", file.read()))
    return words


def main():
    include, pages = sys.argv[1], sys.argv[2:]
    words, failures = known_words(include), 0
    for page in pages:
        with open(page, encoding="utf-8") as file:
            text = file.read()
        unknown = (f"{word}: no such name" for word in sorted(set(re.findall(r"\b(?:tn|TN)_\w+\b(?!\*)", text)) - words)
                   if not word.endswith("_"))  # fmt: skip
        for problem in [*bad_links(page, text), *unknown]:
            print(f"{page}: {problem}")
            failures += 1
    print(f"{len(pages)} pages, {failures} problems")
    return 1 if failures or not pages else 0


if __name__ == "__main__":
    sys.exit(main())
