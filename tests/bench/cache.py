#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The cache: disk, memory and CPU time for mirrors of any size.

    cache.py [PART ...]     small pool long sweep debian; all without one

The real cache process stores and finds entries; tests/bench/cache plays its
front, so no file has to be made or hashed.  In the environment FILES (200000)
and HUGE (12000000) are the files of these mirrors, WATCH (300) the seconds for
which an idle cache is watched, LOOKUPS (20000) those of the part debian,
ROUNDS (5) the repetitions of starts, and BOUND (900) the seconds that one step
may take.
"""
import os
import shutil
import statistics
import sys

import bench
from bench import row, verdict

FILES = int(os.environ.get("FILES", "200000"))
HUGE = int(os.environ.get("HUGE", "12000000"))
WATCH = int(os.environ.get("WATCH", "300"))
LOOKUPS = int(os.environ.get("LOOKUPS", "20000"))
SMALL = {"dirs": FILES // 100, "files": 100, "smallest": 200, "largest": 4000}
POOL = dict(SMALL, dirs=FILES // 6, files=6)
LONG = dict(SMALL, smallest=1 << 20, largest=8 << 20)
DEBIAN = {"dirs": HUGE // 200, "files": 200, "large": HUGE // 120,
          "smallest": 1 << 10, "largest": 4 << 20}


def play(case, mirror, **more):
    return bench.play("cache", case, **dict(mirror, **more))


def count(mirror):
    return mirror["dirs"] * mirror["files"] + mirror.get("large", 0)


def disk():
    """Bytes of blocks, number of inodes and bytes of files below pieces/."""
    used = inodes = content = 0
    todo = ["cache/pieces"]
    while todo:
        with os.scandir(todo.pop()) as entries:
            for entry in entries:
                found = entry.stat(follow_symlinks=False)
                used += found.st_blocks * 512
                inodes += 1
                if entry.is_dir(follow_symlinks=False):
                    todo.append(entry.path)
                else:
                    content += found.st_size
    return used, inodes, content


def store(what, mirror, bytes_goal, inodes_goal):
    shutil.rmtree("cache", ignore_errors=True)
    took = play("store", mirror)
    used, inodes, content = disk()
    files = count(mirror)
    row("%s, disk per file" % what, "%.0f bytes" % (used / files),
        verdict(used / files, bytes_goal), "%.3f inodes" % (inodes / files),
        verdict(inodes / files, inodes_goal),
        "(%.0f bytes besides the rounding to blocks)" % (content / files))
    row("  CPU of the cache per file stored",
        "%.1f us" % took["store_cpu_us"])


def small():
    store("%(dirs)d x %(files)d files of 200-4,000 bytes" % SMALL, SMALL,
          "<= 160", "<= 0.02")


def pool():
    store("%(dirs)d x %(files)d files of 200-4,000 bytes" % POOL, POOL,
          "<= 900", "<= 0.2")


def long():
    store("%(dirs)d x %(files)d files of 1-8 MiB" % LONG, LONG, "<= 280", "")


def sweep():
    """Of small files."""
    shutil.rmtree("cache", ignore_errors=True)
    play("store", SMALL)
    r = [play("sweep", SMALL, watch=0) for _ in range(bench.ROUNDS)]

    def median(key):
        return statistics.median(one[key] for one in r) / 1e3

    row("start and first sweep, %d entries" % r[0]["entries"],
        "%.3f CPU s" % median("first_cpu_ms"),
        verdict(median("first_cpu_ms"), "<= 0.3"),
        "(until ready %.3f)" % median("ready_cpu_ms"))
    row("a sweep after SIGHUP", "%.3f CPU s" % median("another_cpu_ms"))
    idle = play("sweep", SMALL, watch=WATCH)
    row("an idle cache, %d s" % WATCH,
        "%.4f %% of a core" % idle["idle_core_percent"],
        verdict(idle["idle_core_percent"], "<= 0.1"),
        "%d sweeps ended" % idle["idle_sweeps"])


def debian():
    """Packs that were written by the cache's own functions, in no process of
    the service, and are in the page cache."""
    shutil.rmtree("cache", ignore_errors=True)
    play("generate", DEBIAN)
    used, inodes, _ = disk()
    files = count(DEBIAN)
    row("%d files in %d directories, one of %d" % (
        files, DEBIAN["dirs"] + 1, DEBIAN["large"]),
        "%.2f GB" % (used / 1e9), verdict(used / 1e9, "<= 3"),
        "%.0f bytes, %.4f inodes per file" % (used / files, inodes / files))
    r = play("look_up", DEBIAN, lookups=LOOKUPS)
    row("  time until ready", "%.2f s" % (r["ready_ms"] / 1e3),
        verdict(r["ready_ms"] / 1e3, "<= 1"))
    row("  first sweep, %d entries" % r["entries"],
        "%.1f s, %.1f CPU s" % (r["first_sweep_s"], r["first_cpu_s"]))
    row("  GET_PIECES of one file, %d at random" % LOOKUPS,
        "p50 %.3f, p99 %.3f, worst %.3f ms" % tuple(
            r["lookup_%s_us" % key] / 1e3 for key in ("p50", "p99", "worst")),
        verdict(r["lookup_p99_us"] / 1e3, "<= 1"),
        "%.0f us of CPU" % r["lookup_cpu_us"])
    row("  the same in the directory of %d" % DEBIAN["large"],
        "p50 %.3f, p99 %.3f, worst %.3f ms" % tuple(
            r["large_%s_us" % key] / 1e3 for key in ("p50", "p99", "worst")))
    row("  memory of the cache at most", "%.1f MiB" % (
        r["memory_kib"] / 1024), verdict(r["memory_kib"] / 1024, "<= 64"),
        "(%.1f of its own)" % (r["anon_kib"] / 1024))


def main():
    parts = (small, pool, long, sweep, debian)
    names = sys.argv[1:] or [p.__name__ for p in parts]
    bench.work_directory()
    print("# The real cache process; its front is played, and asks for one "
          "file at a time.\n# Disk and one idle watch: one round; starts: the "
          "median of %d." % bench.ROUNDS)
    for part in parts:
        if part.__name__ in names:
            print("## " + part.__name__, flush=True)
            part()


main()
