#! /usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Checks that the files of the product include only files below them.

usage: includes.py

Each folder includes its own files and those of the folders below, as BELOW has
them; no file includes a .c file; and files include each other in a circle only
within one folder.  Prints each violation, and exits with 1 then.
"""
import pathlib
import re
import sys

FRONT = "pkgtorrentd/front"
COMMON = ("common", "common/conf", "common/sandbox")
BELOW = {
    "common": COMMON,
    "common/conf": COMMON,
    "common/sandbox": COMMON,
    "ctl": COMMON,
    "hasher": ("hasher/walker", "hasher/hash") + COMMON,
    "hasher/walker": COMMON,
    "hasher/hash": COMMON,
    "pkgtorrentd": ("pkgtorrentd/parent", "pkgtorrentd/cache",
                    "pkgtorrentd/tracker", FRONT) + COMMON,
    "pkgtorrentd/parent": COMMON,
    "pkgtorrentd/cache": COMMON,
    "pkgtorrentd/tracker": COMMON,
    FRONT: tuple(FRONT + "/" + layer for layer in
                 ("serve", "job", "conn", "worker", "http")) + COMMON,
    FRONT + "/serve": tuple(FRONT + "/" + layer for layer in
                            ("job", "conn", "worker", "http")) + COMMON,
    FRONT + "/job": (FRONT + "/worker",) + COMMON,
    FRONT + "/conn": (FRONT + "/http",) + COMMON,
    FRONT + "/worker": COMMON,
    FRONT + "/http": COMMON,
}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]*)"', re.M)


def reachable(graph, start):
    seen, left = set(), [start]
    while left:
        for node in graph.get(left.pop(), ()):
            if node not in seen:
                seen.add(node)
                left.append(node)
    return seen


def main():
    wrong = 0
    graph = {}
    for top in "common", "ctl", "hasher", "pkgtorrentd":
        for path in sorted(pathlib.Path(top).rglob("*.[ch]")):
            folder = str(path.parent)
            if folder not in BELOW:
                print("%s: no place for %s in tests/tool/includes.py" %
                      (path, folder))
                wrong += 1
                continue
            for name in INCLUDE.findall(path.read_text()):
                other = pathlib.Path(name)
                # A module is its .c and its .h.
                graph.setdefault(str(path.with_suffix("")), set()).add(
                    str(other.with_suffix("")))
                if other.suffix == ".c":
                    print("%s: includes %s" % (path, name))
                    wrong += 1
                if str(other.parent) not in (folder,) + BELOW[folder]:
                    print("%s: includes %s, which is not below it" %
                          (path, name))
                    wrong += 1
    for module in sorted(graph):
        for other in sorted(graph[module] - {module}):
            if pathlib.Path(module).parent != pathlib.Path(other).parent and \
                    module in reachable(graph, other):
                print("%s: in a circle with %s" % (module, other))
                wrong += 1
    sys.exit(wrong > 0)


main()
