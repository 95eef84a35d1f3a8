#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The cache: disk, memory and CPU time for mirrors of any size.

    cache.py [PART ...]     small pool long sweep debian cold; all without one

The real cache process stores and finds entries; tests/bench/cache plays its
front, so no file has to be made or hashed.  In the part cold, which root alone
can run, the whole service makes the lists of files, and finds them again, with
nothing of the mirror's and the cache's disk in memory.  In the environment
FILES (200000) and HUGE (12000000) are the files of these mirrors, WATCH (300)
the seconds for which an idle cache is watched, LOOKUPS (20000) those of the
part debian, READ_MS (8) the milliseconds of a slow disk's read, ROUNDS (5) the
repetitions of starts, and BOUND (900) the seconds that one step may take.
"""
import os
import random
import shutil
import statistics
import sys
import time

import bench
import disk
from bench import SERVICE, Service, row, verdict

FILES = int(os.environ.get("FILES", "200000"))
HUGE = int(os.environ.get("HUGE", "12000000"))
WATCH = int(os.environ.get("WATCH", "300"))
LOOKUPS = int(os.environ.get("LOOKUPS", "20000"))
READ_MS = int(os.environ.get("READ_MS", "8"))
SMALL = {"dirs": FILES // 100, "files": 100, "smallest": 200, "largest": 4000}
POOL = dict(SMALL, dirs=FILES // 6, files=6)
LONG = dict(SMALL, smallest=1 << 20, largest=8 << 20)
DEBIAN = {"dirs": HUGE // 200, "files": 200, "large": HUGE // 120,
          "smallest": 1 << 10, "largest": 4 << 20}


def play(case, mirror, **more):
    return bench.play("cache", case, **dict(mirror, **more))


def count(mirror):
    return mirror["dirs"] * mirror["files"] + mirror.get("large", 0)


def measure_disk():
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
    used, inodes, content = measure_disk()
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
    used, inodes, _ = measure_disk()
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


def make_tree(where, files, in_directory, smallest, largest):
    """The paths of its files."""
    chance = random.Random(1)
    data = os.urandom(largest)
    for n in range(files):
        path = "/w/%05d/package-%05d_1.2.3-4_amd64.deb" % (n // in_directory,
                                                           n)
        os.makedirs(os.path.dirname(where + path), exist_ok=True)
        with open(where + path, "wb", 0) as f:
            f.write(data[:chance.randint(smallest, largest)])
        yield path


def cold_ask(disks, mirror, paths, pieces):
    """Seconds, CPU seconds, reads of the mirror's and of the cache's disk for
    one torrent of all files, with the packs of the directory pieces if there
    is one; it has those of now afterwards."""
    for one in disks.values():
        one.forget()
    shutil.rmtree("stored/cache", ignore_errors=True)
    os.mkdir("stored/cache", 0o700)
    shutil.chown("stored/cache", "nobody")
    service = Service("root %s/mirror/%s" % (os.getcwd(), mirror),
                      "cache %s/stored/cache" % os.getcwd(), "hashers 2",
                      pin=False)
    # The first sweep would bring the things that it counts into memory.
    pattern = r"errors of reading or storing; (\d+) sweeps"
    bench.wait_for(120, lambda: service.status(pattern) != ["0"],
                   "the first sweep")
    if os.path.exists(pieces):
        os.rename("stored/cache/pieces", "stored/none")
        os.rename(pieces, "stored/cache/pieces")
        shutil.rmtree("stored/none")
        time.sleep(2)			# until it is noticed
    before = [one.reads() for one in disks.values()]
    cpu, start = service.cpu(), time.monotonic()
    for one in disks.values():
        one.set(READ_MS)
    service.post(paths)
    took, cpu = time.monotonic() - start, service.cpu() - cpu
    for one in disks.values():
        one.set(0)
    reads = [one.reads() - n for one, n in zip(disks.values(), before)]
    found, missed = map(int, service.status(
        r"; (\d+) lookups found an entry, (\d+) found none")[0])
    service.stop()
    os.rename("stored/cache/pieces", pieces)
    return {"s": took, "cpu": cpu, "mirror": reads[0], "cache": reads[1],
            "found": found, "missed": missed}


def cold_case(disks, what, files, in_directory, smallest, largest):
    mirror = "%d-%d" % (largest, in_directory)
    paths = list(make_tree("mirror/" + mirror, files, in_directory, smallest,
                           largest))
    time.sleep(2.1)			# until they count as settled
    made, found = (cold_ask(disks, mirror, paths, "stored/" + mirror)
                   for _ in range(2))
    if made["missed"] < files or found["found"] < files:
        bench.die("%d missed, %d found of %d" % (
            made["missed"], found["found"], files))
    row("%s, %d in a directory" % (what, in_directory), *(
        "%s %.3f ms%s, %.0f us of CPU;" % (
            name, r["s"] / files * 1e3, ", reads %.2f + %.2f" % (
                r["mirror"] / files, r["cache"] / files)
            if disks["mirror"].slow else "", r["cpu"] / files * 1e6)
        for name, r in (("made", made), ("found", found))),
        "%.2f" % (made["s"] / found["s"]))


def cold():
    """Both on disks of their own, first as they are, then with 8 ms a read."""
    if not bench.need("losetup", "mkfs.ext4") or not bench.own_name_spaces():
        return
    for slow in (False, True):
        print("# %s; for a file: the time of one torrent of all, reads of the "
              "mirror's\n# and of the cache's disk, CPU; made / found" % (
                  "%d ms a read" % READ_MS if slow else "This disk"),
              flush=True)
        disks = {name: disk.Disk(name, 1 << 30, slow)
                 for name in ("mirror", "stored")}
        for what, files, smallest, largest in (
                ("200-4,000 bytes", 600, 200, 4000),
                ("64 KiB", 600, 1 << 16, 1 << 16),
                ("1 MiB", 120, 1 << 20, 1 << 20)):
            for in_directory in 100, 6, 1:
                cold_case(disks, what, files, in_directory, smallest, largest)
        for one in disks.values():
            one.remove()


def main():
    parts = (small, pool, long, sweep, debian, cold)
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
