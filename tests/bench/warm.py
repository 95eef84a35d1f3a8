#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Warming: all files of a mirror of small files are hashed and stored; and
looked for again after a restart, when each must be found.

    warm.py [PART ...]     tree requests; both without one

Printed is the CPU time per file of all processes, by role.  The part tree has
the front told to warm the whole tree, by tests/bench/warm in the parent's
place; requests asks for it by patterns.  In the environment FILES (200000) is
the number of files, in directories of 100, and ROUNDS (5) the number of rounds,
of which the medians are printed; BOUND (900) are the seconds after which no
further round begins.
"""
import os
import random
import shutil
import statistics
import sys
import time

import bench
from bench import SERVICE, Service, row, verdict

FILES = int(os.environ.get("FILES", "200000"))
IN_DIRECTORY = 100
IN_GLOB = 10000			# max-files
ROLES = "front", "walker", "cache", "hasher"


def make_mirror():
    """Files of 200 to 4,000 bytes; the patterns that match all of them."""
    data = os.urandom(8000)
    chance = random.Random(1)
    globs = []
    for n in range(FILES // IN_DIRECTORY):
        glob = "/w/%03d" % (n * IN_DIRECTORY // IN_GLOB)
        directory = "www%s/%05d" % (glob, n)
        os.makedirs(directory)
        for i in range(IN_DIRECTORY):
            with open("%s/package-%05d-%02d_1.2.3-4_amd64.deb" % (
                    directory, n, i), "wb", 0) as f:
                at = chance.randrange(4000)
                f.write(data[at:at + chance.randint(200, 4000)])
        if glob + "/*/*" not in globs:
            globs.append(glob + "/*/*")
    time.sleep(2.1)			# until they count as settled
    return globs


def check(hashed, found):
    """So many by the first pass, and by the second one."""
    if hashed < FILES or found < FILES:
        bench.die("%d hashed, %d found again of %d" % (hashed, found, FILES))


def run_rounds(measure):
    """CPU time per file in us by role, of both passes of each round."""
    end = time.monotonic() + bench.BOUND
    rounds = []
    while len(rounds) < bench.ROUNDS and (not rounds or
                                          time.monotonic() < end):
        rounds.append(measure())
    for what, i, goals in (
            ("hashed and stored", 0, {"all": "<= 170", "cache": "<= 8",
                                      "all but hashers": "<= 45"}),
            ("found again after a restart", 1, {"all": "<= 15"})):
        print_cpu(what, [r[i] for r in rounds], goals)


def print_cpu(what, rounds, goals):
    """goals: by role; all: of all roles."""
    def cell(name, *roles):
        value = statistics.median(sum(r[role] for role in roles)
                                  for r in rounds)
        return " ".join(filter(None, (
            "%s %.1f us" % (name, value),
            verdict(value, goals.get(name, "")))))

    row("%s, median of %d" % (what, len(rounds)), cell("all", *ROLES),
        cell("all but hashers", *(r for r in ROLES if r != "hasher")))
    row("", *(cell(role, role) for role in ROLES))


def tree(_):
    """By a walk, which makes no info entries."""
    def measure():
        shutil.rmtree("cache", ignore_errors=True)
        os.mkdir("cache")
        passes = [bench.play("warm", "tree") for _ in range(2)]
        check(passes[0]["hashed"], passes[1]["found"])
        return [{role: took[role] / FILES for role in ROLES}
                for took in passes]

    run_rounds(measure)


def requests(globs):
    """By a GET for every 10,000 files, which makes an info entry too."""
    service = Service("cache-size 16G", "hashers 2", pin=False)

    def counted():
        """Lookups that found an entry, and that found none."""
        pattern = r"; (\d+) lookups found an entry, (\d+) found none"
        return [int(n) for n in service.status(pattern)[0]]

    def ask():
        # The first sweep is another figure: see cache.py.
        pattern = r"errors of reading or storing; (\d+) sweeps"
        bench.wait_for(120, lambda: service.status(pattern) != ["0"],
                       "the first sweep")
        before = service.cpu_by_role()
        for glob in globs:
            service.want(SERVICE + "/single" + glob)
        after = service.cpu_by_role()
        while True:			# the cache writes behind the answers
            time.sleep(1)
            cache, after = after["cache"], service.cpu_by_role()
            if after["cache"] - cache < 0.001:
                break
        return {role: (after[role] - before[role]) / FILES * 1e6
                for role in ROLES}

    def measure():
        service.anew()
        passes = [ask()]
        missed = counted()[1]
        service.stop()
        service.run()
        passes.append(ask())
        check(missed, counted()[0])
        return passes

    run_rounds(measure)
    service.stop()


def main():
    parts = (tree, requests)
    names = sys.argv[1:] or [p.__name__ for p in parts]
    bench.work_directory()
    globs = make_mirror()
    print("# %d files of 200-4,000 bytes, %d in a directory; CPU time per "
          "file." % (FILES, IN_DIRECTORY))
    for part in parts:
        if part.__name__ in names:
            print("## " + part.__name__, flush=True)
            part(globs)


main()
